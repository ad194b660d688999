"""Starts a server that a lab needs, waits until it is ready, stops it; finds binaries and tells their versions."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labkit.measure import pin

GRACE_S = 5.0  # between SIGTERM and SIGKILL
VERSIONS: dict[str, str] = {}  # of the binaries used: name to x.y.z


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def binary(name: str, package: str) -> str:
    """The path of a binary: PATH, beside this Python, /usr/sbin (not on everybody's PATH). SystemExit where missing."""
    places = [os.environ.get("PATH", ""), str(Path(sys.executable).parent), "/usr/local/sbin", "/usr/sbin", "/sbin"]
    if found := shutil.which(name, path=os.pathsep.join(places)):
        return str(Path(found).absolute())
    raise SystemExit(f"{name} is not on this machine: Debian package {package}")


def version(name: str, *arguments: str) -> str:
    """Records in VERSIONS and returns the first x.y[.z] that a binary prints for `arguments`, else --version or -v."""
    for choice in [arguments] if arguments else [("--version",), ("-v",)]:
        with suppress(subprocess.TimeoutExpired):
            command = [binary(name, f"that brings {name}"), *choice]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
            if found := re.search(rb"(?<![\d.])\d+\.\d+(\.\d+)?", done.stdout + done.stderr):
                VERSIONS[Path(name).name] = found[0].decode()
                return VERSIONS[Path(name).name]
    raise SystemExit(f"{name} tells no version: name the arguments that make it, version({name!r}, …)")


@contextmanager
def server(
    command: list[str], *, ready: Callable[[], bool] | int, package: str, timeout_s: float = 30,
    env: dict[str, str] | None = None, cwd: str | Path | None = None, core: int | None = None,
    inside: Callable[[list[str]], list[str]] = list,
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a server until the block ends. `ready`: a TCP port of 127.0.0.1 that accepts, or a function that says so.

    `env` is added to the lab's own; without `cwd` it runs in a temporary folder, so that what it writes (dump.rdb) goes
    with it; `core` pins it; `inside` puts words before the command, as a wire's node does.
    SystemExit where the binary is missing; RuntimeError with its last lines where it ends or is not ready in time.
    A server that starts on --version (rabbitmq-server) needs its VERSIONS entry before.
    """
    path, name = binary(command[0], package), Path(command[0]).name
    if name not in VERSIONS and path != sys.executable:
        version(path)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            inside([path, *command[1:]]), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env=os.environ | (env or {}), cwd=cwd or folder, process_group=0,
        )
        try:
            if core is not None:
                pin(core, process.pid)
            deadline = time.monotonic() + timeout_s
            while (ended := process.poll()) is not None or not (ready() if callable(ready) else _accepts(ready)):
                if ended is not None or time.monotonic() > deadline:
                    why = f"not ready after {timeout_s:g} s" if ended is None else f"ended with exit status {ended}"
                    output.seek(0)
                    lines = output.read().decode(errors="replace").splitlines()[-20:]
                    raise RuntimeError("\n  ".join([f"{name}: {why}; its last lines:", *lines]))
                time.sleep(0.02)
            yield process
        finally:
            stop(process)


def _accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def stop(process: subprocess.Popen) -> None:
    """SIGTERM to the process group that `process` leads, SIGKILL to what is left of it after GRACE_S."""
    try:
        with suppress(ProcessLookupError, PermissionError):  # macOS: a group of zombies may not be signalled
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
