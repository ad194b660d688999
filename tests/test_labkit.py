"""Promise: what labs share does what it says."""

import asyncio
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import labkit
import labkit.servers
import pytest
from conftest import ROOT
from labkit.wire import Node, mesh, wire

# A server of the tests: listens on the port it is given, says "hello", and has a child as many servers have.
SERVER = """
import signal, socket, subprocess, sys
port, mode = int(sys.argv[1]), sys.argv[2]
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print("child", child.pid, flush=True)
if mode == "dies":
    child.kill()
    sys.exit("cannot bind: taken by another")
if mode == "deaf":
    signal.pause()
listener = socket.create_server(("127.0.0.1", port))
open("child", "w").write(str(child.pid))
while True:
    listener.accept()[0].sendall(b"hello")
"""


def command(port: int, mode: str = "plain") -> list[str]:
    return [sys.executable, "-c", SERVER, str(port), mode]


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie that nobody has collected yet has."""
    status = Path(f"/proc/{pid}/stat")
    if sys.platform == "linux":
        try:
            return status.read_text().rpartition(")")[2].split()[0] in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def eventually(condition: Callable[[], bool], timeout_s: float = 20) -> bool:
    deadline, pause = time.monotonic() + timeout_s, threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.02)
    return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Recorded versions and signal handlers are put back."""
    versions = dict(labkit.VERSIONS)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    labkit.VERSIONS.clear()
    labkit.VERSIONS.update(versions)
    for number, handler in handlers.items():
        signal.signal(number, handler)


# Servers


def test_a_free_port_can_be_listened_on() -> None:
    """The port that a lab gives its server is nobody's."""
    with socket.create_server(("127.0.0.1", labkit.free_port())):
        pass


@pytest.mark.parametrize("mode", ["plain", "stubborn"])
@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_a_server_is_ready_inside_the_block_and_gone_after_it(
    mode: str, error: type[BaseException] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers in the block; after it the server and its children are gone, even after an error or SIGTERM ignored."""
    if mode == "stubborn":
        monkeypatch.setattr(labkit.servers, "GRACE_S", 0.2)
    port = labkit.free_port()
    try:
        with labkit.server(command(port, mode), ready=port, package="python3", cwd=tmp_path) as process:
            with socket.create_connection(("127.0.0.1", port)) as client:
                assert client.recv(5) == b"hello"
            if error:
                raise error
    except (ValueError, KeyboardInterrupt) as raised:
        assert type(raised) is error
    assert process.returncode == (-signal.SIGKILL if mode == "stubborn" else -signal.SIGTERM)
    assert eventually(lambda: gone(int((tmp_path / "child").read_text())))


def test_a_server_that_the_lab_killed_leaves_no_children(tmp_path: Path) -> None:
    """A lab may kill its server; the server's children still go with the block."""
    port = labkit.free_port()
    with labkit.server(command(port), ready=port, package="python3", cwd=tmp_path) as process:
        process.kill()
        process.wait()
    assert eventually(lambda: gone(int((tmp_path / "child").read_text())))


def test_a_server_runs_in_a_folder_of_its_own() -> None:
    """What a server writes beside itself goes with it, unless the lab names a folder."""
    port = labkit.free_port()
    with labkit.server(command(port), ready=port, package="python3"):
        assert not Path("child").exists()


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_lab_that_is_told_to_end_stops_its_server(name: signal.Signals, tmp_path: Path) -> None:
    """SIGTERM, Ctrl-C or a closed terminal ends the lab, and its server with it."""
    lab = tmp_path / "lab.py"
    port = labkit.free_port()
    lab.write_text(
        f"import signal, labkit\n"
        f"signal.signal(signal.SIGINT, signal.default_int_handler); signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        f"def run(quick):\n"
        f"    with labkit.server({command(port)!r}, ready={port}, package='python3', cwd={str(tmp_path)!r}) as server:\n"
        f"        print(server.pid, flush=True)\n"
        f"        signal.pause()\n"
        f"raise SystemExit(labkit.main(run))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(labkit.__file__).parents[1])}
    with subprocess.Popen([sys.executable, str(lab)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        server = int(process.stdout.readline())
        process.send_signal(name)
        try:
            assert process.wait(20) != 0
        finally:
            process.kill()
    assert gone(server) and eventually(lambda: gone(int((tmp_path / "child").read_text())))


def test_a_missing_server_is_one_plain_line() -> None:
    """The reader learns which package brings the binary."""
    with pytest.raises(SystemExit) as raised, labkit.server(["no-such-server"], ready=1, package="redis-server"):
        pass
    assert str(raised.value) == "no-such-server is not on this machine: Debian package redis-server"


@pytest.mark.parametrize(
    ("mode", "timeout_s", "why"),
    [("dies", 30, "ended with exit status 1"), ("deaf", 1, "not ready after 1 s")],
    ids=["dies", "deaf"],
)
def test_a_server_that_does_not_get_ready_is_reported_with_its_last_lines(mode: str, timeout_s: float, why: str) -> None:
    """Why it did not start stands in the error."""
    port = labkit.free_port()
    with pytest.raises(RuntimeError) as raised, labkit.server(command(port, mode), ready=port, package="python3", timeout_s=timeout_s):
        pass
    assert why in str(raised.value)
    assert ("cannot bind: taken by another" in str(raised.value)) is (mode == "dies")


def test_readiness_may_be_a_function_and_the_environment_is_added() -> None:
    """A lab with its own test of readiness, and variables for its server beside those it has."""
    seen: list[int] = []
    code = "import os, signal; print(os.environ['PATH'] and os.environ['MORE'], flush=True); signal.pause()"
    with labkit.server(
        [sys.executable, "-c", code], ready=lambda: len(seen) == 3 or bool(seen.append(1)), package="python3", env={"MORE": "1"}
    ) as process:
        assert len(seen) == 3 and process.poll() is None


def test_versions_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a binary prints, on either stream, with either option; one that tells nothing is an error."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for name, script in {
        "tells": "echo 'Tells server v=7.0.15 sha=0:0'", "tells-with-v": '[ "$1" = -v ] && echo "tells/1.22" >&2; exit 1', "silent": "exit 0",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    assert (labkit.version("tells"), labkit.version("tells-with-v", "-v"), labkit.version("tells-with-v")) == ("7.0.15", "1.22", "1.22")
    assert labkit.VERSIONS.items() >= {"tells": "7.0.15", "tells-with-v": "1.22"}.items()
    with pytest.raises(SystemExit, match="silent tells no version"):
        labkit.version("silent")
    with pytest.raises(SystemExit, match="no-such-server is not on this machine"):
        labkit.version("no-such-server")


# Measuring


def test_arms_are_run_in_turn() -> None:
    """Each round runs every arm once, starts with another arm than the one before, and the warm-up is dropped."""
    calls: list[str] = []

    def arm(name: str) -> Callable[[], int]:
        return lambda: calls.append(name) or len(calls)

    results = labkit.interleave({name: arm(name) for name in "CAB"}, repeats=3, warmup=1)
    assert "".join(calls) == "CAB" "ABC" "BCA" "CAB"
    assert results == {"C": [6, 8, 10], "A": [4, 9, 11], "B": [5, 7, 12]}


def test_quantiles_are_those_of_the_standard_library() -> None:
    """Linear interpolation between order statistics."""
    samples = [9.0, 1.0, 4.0, 16.0, 25.0]
    for parts in (2, 4, 7, 100):
        mine = [labkit.quantile(samples, number / parts) for number in range(1, parts)]
        assert mine == pytest.approx(statistics.quantiles(samples, n=parts, method="inclusive"))
    assert (labkit.quantile(samples, 0), labkit.quantile(samples, 1), labkit.quantile([3], 0.99)) == (1, 25, 3)


@pytest.mark.parametrize(("samples", "q"), [([], 0.5), ([1.0], 1.1), ([1.0], -0.1)])
def test_a_quantile_that_does_not_exist_is_an_error(samples: list[float], q: float) -> None:
    """No number where there is none."""
    with pytest.raises(ValueError):
        labkit.quantile(samples, q)


def test_bootstrap_intervals_repeat_and_cover_as_often_as_they_say() -> None:
    """The same seed gives the same interval; a 90 % interval of a mean covers the true one in about 90 % of cases."""
    draw = random.Random(1)
    assert labkit.bootstrap([1, 2, 3, 4, 5, 9], seed=3) == labkit.bootstrap([1, 2, 3, 4, 5, 9], seed=3)
    assert labkit.bootstrap([2.0] * 7) == (2.0, 2.0)
    covered = 0
    for seed in range(200):
        low, high = labkit.bootstrap([draw.gauss(0, 1) for _ in range(30)], statistics.fmean, 0.9, resamples=200, seed=seed)
        covered += low <= 0 <= high
    assert 160 <= covered <= 196


def test_latency_counts_from_the_intended_time() -> None:
    """A client that stalls is late for the next requests, and their latency says so: no coordinated omission."""
    sent: list[int] = []

    async def send(number: int) -> None:
        sent.append(number)
        if number == 0:
            threading.Event().wait(0.3)  # stalls the whole client while the others are due

    latencies = asyncio.run(labkit.open_loop(send, rate_per_s=100, duration_s=0.2, poisson=False))
    assert sent == list(range(20))
    assert all(latency >= 0.3 - number / 100 for number, latency in enumerate(latencies))


def test_poisson_arrivals_have_their_rate_and_seed() -> None:
    """As many requests as the seed says, about rate times duration."""

    async def send(number: int) -> None:
        pass

    counts = [len(asyncio.run(labkit.open_loop(send, 20_000, 0.05, seed=seed))) for seed in (1, 1, 2)]
    assert counts[0] == counts[1] != counts[2]
    assert all(abs(count - 1000) < 5 * 1000**0.5 for count in counts)


def test_a_failed_request_ends_the_load() -> None:
    """The error itself is raised, and nothing is left running."""
    started: list[int] = []
    ended: list[int] = []

    async def send(number: int) -> None:
        if number == 3:
            raise ConnectionError("refused")
        started.append(number)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    async def load() -> set:
        with pytest.raises(ConnectionError, match="refused"):
            await labkit.open_loop(send, rate_per_s=1000, duration_s=3600, poisson=True)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(load()) == set()
    assert started[:3] == [0, 1, 2] and sorted(ended) == started


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins no process to a core")
def test_a_process_stays_on_its_core() -> None:
    """A server on one core, with all its threads."""
    core = max(os.sched_getaffinity(0))
    port = labkit.free_port()
    with labkit.server(command(port), ready=port, package="python3", core=core) as process:
        assert os.sched_getaffinity(process.pid) == {core}
    code = (
        "import labkit, os, threading as t; go, seen = t.Event(), []\n"
        "thread = t.Thread(target=lambda: (go.wait(), seen.append(os.sched_getaffinity(0)))); thread.start()\n"
        f"labkit.pin({core}); go.set(); thread.join(); print(seen[0], os.sched_getaffinity(0))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(labkit.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.split() == [f"{{{core}}}"] * 2, done.stderr


def test_without_pinning_a_lab_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """macOS pins nothing: a note, no error."""
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    labkit.pin(0)
    assert "no pinning" in capsys.readouterr().err


# Results


def test_the_machine_is_described() -> None:
    """Every fact has its key; what the system does not tell is empty."""
    facts = labkit.machine()
    assert list(facts) == ["cpu", "flags", "cores", "memory_gib", "os", "kernel", "cgroup", "governor"]
    assert facts["cores"] >= 1 and facts["memory_gib"] >= 0 and facts["os"] and facts["kernel"]
    assert set(facts["flags"]) <= set(labkit.FLAGS) and facts["cgroup"] in ("v1", "v2", "")
    assert json.loads(json.dumps(facts)) == facts


def run(quick: bool) -> dict:
    samples = [3.0, 1.0, 2.0] if quick else [30.0, 1000.0, 20.0]
    return {
        "latency": {"pooled": {"p50": labkit.measured("ms", samples)}, "fresh": {"p50": labkit.measured("ms", [4.25]), "lost": labkit.exact("requests", 3)}},
        "size": {"json": {"bytes": labkit.exact("bytes", 12345)}},
    }


def test_a_lab_prints_a_table_for_each_of_its_results(capsys: pytest.CaptureFixture[str]) -> None:
    """A measurement as median and range, a count as it is, an empty cell where a row lacks the column."""
    assert labkit.main(run, []) == 0
    assert capsys.readouterr().out == (
        "latency                  p50        lost\n"
        "pooled      30 (20–1,000) ms\n"
        "fresh    4.25 (4.25–4.25) ms  3 requests\n"
        "\n"
        "size         bytes\n"
        "json  12,345 bytes\n"
    )


def test_a_lab_writes_its_results_with_what_they_were_measured_on(tmp_path: Path) -> None:
    """Results, machine and every version, servers included; the packages that no result depends on are left out."""
    labkit.VERSIONS["redis-server"] = "7.0.15"
    assert labkit.main(run, ["--quick", "--json", str(tmp_path / "results.json")]) == 0
    record = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert list(record) == ["results", "machine", "python", "packages", "servers"]
    assert record["results"] == run(True) and record["machine"] == labkit.machine()
    assert record["results"]["latency"]["pooled"]["p50"] == {"unit": "ms", "samples": [3.0, 1.0, 2.0]}
    assert record["python"] == ".".join(map(str, sys.version_info[:3]))
    assert record["packages"].items() >= {"pytest": pytest.__version__}.items() and record["servers"]["redis-server"] == "7.0.15"
    assert not {"pip", "setuptools", "handbook-labkit"} & record["packages"].keys()
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_a_failed_lab_leaves_the_old_results(tmp_path: Path) -> None:
    """No half-written file and no number that is none."""
    (tmp_path / "results.json").write_text("old")
    for broken in (lambda quick: 1 / 0, lambda quick: {"t": {"r": {"c": labkit.measured("ms", [float("nan")])}}}):
        with pytest.raises((ZeroDivisionError, ValueError)):
            labkit.main(broken, ["--json", str(tmp_path / "results.json")])
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_what_labs_share_is_soon_read() -> None:
    """No file is longer than 150 lines, and nothing but the standard library is imported."""
    for path in (ROOT / "scripts/labkit/labkit").glob("*.py"):
        code = path.read_text(encoding="utf-8")
        assert code.count("\n") <= 150, path.name
        imported = set(re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE))
        assert imported <= sys.stdlib_module_names | {"labkit"}, path.name


# A real wire

LISTEN = "import socket; s = socket.create_server(('', 5000), backlog=99)\nwhile True: c = s.accept()[0]; c.sendall(c.recv(1))"
CONNECT = """
import socket, sys, time
try:
    socket.create_connection((sys.argv[1], 5000), timeout=float(sys.argv[2])).close()
    print("up")
except TimeoutError:
    print("cut")
"""


@pytest.fixture(scope="session")
def real_wire() -> None:
    """Skips where the system forbids namespaces or TAP devices; CI may not."""
    try:
        with wire(delay_s=0.001):
            pass
    except SystemExit as forbidden:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(forbidden))


def python(node: Node, code: str, *arguments: str) -> str:
    return node.run([sys.executable, "-c", code, *arguments]).stdout.strip()


def listening(node: Node) -> None:
    node.start([sys.executable, "-c", LISTEN])
    assert eventually(lambda: node.listens(5000))


def children() -> set[int]:
    """Processes that this one has started and not collected yet."""
    return {int(pid) for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}


@pytest.mark.parametrize("rate", ["", "400mbit"])
def test_a_wire_delays_every_frame(real_wire: None, rate: str) -> None:
    """A connection and an echo each take a round trip at least, whatever the rate; a proxy would hide the first."""
    code = """
import socket, time
start = time.monotonic(); client = socket.create_connection(("10.77.0.2", 5000)); connected = time.monotonic()
client.sendall(b"x"); client.recv(1); print(connected - start, time.monotonic() - connected)
"""
    with wire(delay_s=0.01, rate=rate) as (near, far):
        listening(far)
        assert (near.address, far.address) == ("10.77.0.1", "10.77.0.2")
        assert all(float(took_s) >= 0.02 for took_s in python(near, code).split())


def test_a_wire_carries_no_more_than_its_rate(real_wire: None) -> None:
    """One megabyte at 8 Mb/s takes its second, less the bucket of 64 KiB."""
    code = """
import socket, time
start = time.monotonic(); sink = socket.create_connection(("10.77.0.2", 5000))
left = 10**6
while left:
    left -= len(sink.recv(left))
print(time.monotonic() - start)
"""
    source = "import socket; s = socket.create_server(('', 5000)); c = s.accept()[0]; c.sendall(bytes(10**6)); s.accept()"
    with wire(rate="8mbit") as (near, far):
        far.start([sys.executable, "-c", source])
        assert eventually(lambda: far.listens(5000))
        assert float(python(near, code)) >= 0.85


def test_a_wire_loses_every_nth_packet(real_wire: None) -> None:
    """Of 100 datagrams each way every tenth is lost, always the same ones."""
    sender = """
import socket, sys
s = socket.socket(type=socket.SOCK_DGRAM)
s.sendto(b"0", ("10.77.0.2", 5000)); s.recv(9)  # what waits for ARP would be overtaken by what comes after
for number in range(1, 100): s.sendto(str(number).encode(), ("10.77.0.2", 5000))
"""
    receiver = """
import socket
s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("", 5000)); s.settimeout(30); print("bound", flush=True)
first, sender = s.recvfrom(99); s.sendto(b"go on", sender)
numbers = [first.decode()]
while "98" not in numbers: numbers.append(s.recv(99).decode())
print(*numbers, flush=True)
"""
    with wire(drop_every=10) as (near, far):
        received = far.start([sys.executable, "-c", receiver])
        assert received.stdout.readline() == b"bound\n"
        python(near, sender)
        assert received.stdout.readline().split() == [str(n).encode() for n in range(100) if n % 10 != 9]


def test_a_node_of_a_mesh_is_isolated_and_healed(real_wire: None) -> None:
    """An isolated node reaches nobody and nobody reaches it, while the others still talk."""
    with mesh(3) as nodes:
        for node in nodes:
            listening(node)

        def see(here: int, there: int, patience_s: str) -> str:
            return python(nodes[here], CONNECT, nodes[there].address, patience_s)

        assert see(0, 1, "30") == see(1, 2, "30") == see(2, 0, "30") == "up"
        nodes[0].isolate()
        assert see(0, 1, "0.2") == see(1, 0, "0.2") == "cut"
        assert see(1, 2, "30") == "up"
        nodes[0].heal()
        assert see(0, 1, "30") == see(1, 0, "30") == "up"


def test_a_server_runs_on_a_node(real_wire: None, tmp_path: Path) -> None:
    """A lab's server stands at the far end, seen there and not here."""
    with wire(rate="100mbit") as (near, far):
        with labkit.server(command(5000), ready=lambda: far.listens(5000), package="python3", inside=far.inside, cwd=tmp_path):
            assert far.listens(5000) and not near.listens(5000) and not far.listens(5001)
        assert eventually(lambda: not far.listens(5000))


@pytest.mark.parametrize("error", [None, ValueError])
def test_nothing_of_a_wire_is_left(real_wire: None, error: type[Exception] | None) -> None:
    """Namespaces, delay line and what was started on a node are gone after the block, even after an error."""
    before = children()
    try:
        with wire(delay_s=0.001) as (near, _):
            started = near.start([sys.executable, "-c", LISTEN])
            assert len(children() - before) == 4
            if error:
                raise error
    except ValueError:
        assert error
    assert started.returncode is not None and children() == before


def test_a_killed_lab_leaves_no_namespace(real_wire: None) -> None:
    """Even SIGKILL, which nothing can handle, leaves nothing."""
    code = "import os, signal\nfrom labkit.wire import wire\nwith wire(delay_s=0.001) as nodes: print(*(n._holder.pid for n in nodes), flush=True); signal.pause()"
    environment = os.environ | {"PYTHONPATH": str(Path(labkit.__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as process:
        kept = [int(word) for word in process.stdout.readline().split()]
        process.kill()
    assert len(kept) == 2 and eventually(lambda: all(map(gone, kept)))


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
@pytest.mark.parametrize("what", ["forbidden", "missing"])
def test_a_system_without_namespaces_is_one_plain_line(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader learns what is forbidden or missing and what the lab needs."""
    if what == "forbidden":
        for name in ("ip", "tc", "nsenter", "unshare"):
            (tmp_path / name).write_text("#!/bin/sh\necho 'unshare: Operation not permitted' >&2; exit 1\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        monkeypatch.setattr("labkit.wire.SBIN", {"PATH": os.environ["PATH"]})
    else:
        monkeypatch.setattr("shutil.which", lambda name, path: None)
    with pytest.raises(SystemExit) as raised, wire():
        pass
    assert str(raised.value) == (
        "this machine forbids network namespaces (unshare: Operation not permitted): run as root or allow user namespaces"
        if what == "forbidden" else "ip is not on this machine: Debian package iproute2"
    )
