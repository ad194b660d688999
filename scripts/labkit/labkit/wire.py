"""Joins network namespaces by real links: a delayed, lossy or narrow wire between two, a switch between several.

Loopback has neither a round trip nor a bandwidth, and a delaying proxy hides the handshake. Linux only, as root or in
a user namespace. A namespace lives as long as its holder, a `cat` at the end of a pipe from the lab: when the lab ends,
even by SIGKILL, namespaces and links are gone.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from labkit.servers import binary, stop

SBIN = {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}  # where ip and tc are; not on everybody's PATH
DELAY_LINE = Path(__file__).with_name("delay_line.py")
NEEDED = {"ip": "iproute2", "tc": "iproute2", "unshare": "util-linux", "nsenter": "util-linux"}  # binary: its package


class Node:
    """A network namespace with one end of a link, eth0, at `address`, and a loopback of its own."""

    def __init__(self, stack: ExitStack, number: int, first: "Node | None") -> None:
        """Where the lab is not root, the user namespace of the `first` node owns the others."""
        self.address, self._number, self._stack, self._switch = f"10.77.0.{number}", number, stack, self
        command = ["unshare", "-n" if first or os.geteuid() == 0 else "-Urn", "sh", "-c", "echo; exec cat"]
        self._holder = self._start(first.inside(command) if first else command)
        if not self._holder.stdout.readline():
            why = self._holder.stderr.read().decode().strip()
            raise SystemExit(f"this machine forbids network namespaces ({why}): run as root or allow user namespaces")
        self.run(["ip", "link", "set", "lo", "up"])

    def inside(self, command: list[str]) -> list[str]:
        """The command line that runs a command in this namespace, for labkit.server(inside=...)."""
        user = ["--user", "--preserve-credentials"] if os.geteuid() else []
        return ["nsenter", *user, "--net", "--target", str(self._holder.pid), "--", *command]

    def run(self, command: list[str], check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a command in this namespace to its end; with `check`, SystemExit with its words where it fails."""
        done = subprocess.run(self.inside(command), capture_output=True, text=True, env=os.environ | SBIN)
        if check and done.returncode:
            raise SystemExit(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()}")
        return done

    def start(self, command: list[str], **options: Any) -> subprocess.Popen:
        """Starts a command in this namespace, its three streams pipes unless `options` say otherwise.

        It is stopped when the block of its wire or mesh ends.
        """
        return self._start(self.inside(command), **options)

    def _start(self, command: list[str], **options: Any) -> subprocess.Popen:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = subprocess.Popen(command, **{**pipes, "env": os.environ | SBIN, **options, "process_group": 0})
        self._stack.enter_context(process)  # closes the pipes, after the next line
        self._stack.callback(stop, process)
        return process

    def listens(self, port: int) -> bool:
        """Whether a TCP socket listens on this port of the namespace, for labkit.server(ready=...)."""
        tables = Path(f"/proc/{self._holder.pid}/net").glob("tcp*")  # tcp and, where the system has IPv6, tcp6
        rows = [row.split() for table in tables for row in table.read_text().splitlines()]
        return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)

    def isolate(self) -> None:
        """Cuts a node of a mesh off: frames vanish both ways, its link stays up, as behind a broken switch."""
        self._switch.run(["ip", "link", "set", f"port{self._number}", "nomaster"])

    def heal(self) -> None:
        self._switch.run(["ip", "link", "set", f"port{self._number}", "up", "master", "switch"])

    def _cable(self, device: str, other: "Node") -> None:
        """Lays a virtual cable whose ends are called `device` here and `cable` in the other namespace."""
        end = ["peer", "name", "cable", "netns", str(other._holder.pid)]
        self.run(["ip", "link", "add", device, "type", "veth", *end])

    def _plug(self, device: str) -> None:
        """Makes a device that is in this namespace its eth0."""
        self.run(["ip", "link", "set", device, "name", "eth0", "addrgenmode", "none", "up"])
        self.run(["ip", "address", "add", f"{self.address}/24", "dev", "eth0"])


@contextmanager
def wire(*, delay_s: float = 0.0, rate: str = "", drop_every: int = 0) -> Iterator[tuple[Node, Node]]:
    """Two nodes, 10.77.0.1 and 10.77.0.2, and a link between them.

    `delay_s` is one way; `rate` is as tc writes it ("400mbit"); of the IPv4 packets of each direction every
    `drop_every`-th is lost. The first exchange also asks for the hardware address: one round trip more. The delay line
    is a Python process that takes part of a core; without rate it carries some 400 Mb/s, so measure what yours does.
    """
    with ExitStack() as stack:
        near, far = _nodes(stack, 2)
        if delay_s or drop_every:
            line = near.start([sys.executable, "-I", str(DELAY_LINE), str(delay_s), str(drop_every)])
            if not line.stdout.readline():
                why = line.stderr.read().decode().strip().rpartition("\n")[2]
                raise SystemExit(f"this machine forbids TAP devices ({why}): run as root, after `modprobe tun`")
            near.run(["ip", "link", "set", "cable", "netns", str(far._holder.pid)])
        else:
            near._cable("near", far)
        for node, device in ((near, "near"), (far, "cable")):
            node._plug(device)
            if rate:
                bucket = ["tbf", "rate", rate, "burst", "64kb", "latency", "50ms"]
                node.run(["tc", "qdisc", "add", "dev", "eth0", "root", *bucket])
        yield near, far


@contextmanager
def mesh(size: int) -> Iterator[list[Node]]:
    """`size` nodes, 10.77.0.1 and on, at one switch, each of which can be isolated and healed."""
    with ExitStack() as stack:
        *nodes, switch = _nodes(stack, size + 1)
        switch.run(["ip", "link", "add", "switch", "up", "type", "bridge"])
        for node in nodes:
            node._switch = switch
            switch._cable(f"port{node._number}", node)
            node.heal()
            node._plug("cable")
        yield nodes


def _nodes(stack: ExitStack, count: int) -> list[Node]:
    for name, package in NEEDED.items():
        binary(name, package)
    nodes: list[Node] = []
    for number in range(1, count + 1):
        nodes.append(Node(stack, number, nodes[0] if nodes else None))
    return nodes
