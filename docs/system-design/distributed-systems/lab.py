# /// script
# requires-python = ">=3.11.5"
# dependencies = ["handbook-labkit"]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""What do clients of a replicated store see when a node is cut off and returns, its leader dies, a lock holder stops?

Three real etcd nodes, each in a network namespace at one switch. A node's clients reach it by a Unix socket, which no
namespace stops: so they stand on that node's side of a cut. Data lies in memory where it can, since no power is cut.
"""

import base64
import json
import os
import signal
import socket
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import labkit
from labkit.wire import Node, mesh

CUTS = (("follower", 1), ("follower", 2), ("follower", 3.5), ("follower", 4.5), ("leader", 4.5), ("follower", 9))  # s
WAKES_S = [0.2 * (2**times - 1) for times in range(1, 5)] + [5.0]  # Linux repeats a TCP segment; etcd drops the stream
FLAGS = {"default": [], "pre-vote": ["--pre-vote"]}
PATIENCE_S = {"client, timeout 0.5 s": 0.5, "client, timeout 2 s": 2.0, "client, no timeout": 30.0}
PAUSES = ("for 0.5 s", "before the check", "after the check")  # the last two until somebody else has published
GUARDS = ("lock", "lock, asked again before the write", "lock, token checked by the store", "compare and set, no lock")
RATE_PER_S, TTL_S = 25, 2  # of writes; of a lease: etcd's least with an election timeout of a second
CLAIMS = {
    "refused": {"claim": "Cut off, a node answers no linearizable read and no write", "expected": "holds",
        "formula": "results.minority['linearizable read'].answered + results.minority.write.answered", "unit": "",
        "holds_if": "value == 0", "fails_if": "value > 0", "always": True},
    "stale": {"claim": "Cut off, a node answers every serializable read, with old data", "expected": "holds",
        "formula": "results.minority['serializable read'].answered - results.minority['serializable read'].asked",
        "unit": "", "holds_if": "value == 0", "fails_if": "value < 0", "always": True},
    "given-up": {"claim": "A write that the client gave up on in the minority is not written later",
        "formula": "results.minority.write['written later']", "unit": "writes", "expected": "fails",
        "holds_if": "value == 0", "fails_if": "value > 0"},
    "healed": {"claim": "A second after a cut of 4.5 s a follower no longer answers old data", "unit": "s",
        "formula": "results.heal['default, follower 4.5 s'].stale", "expected": "holds",
        "holds_if": "high < 1", "fails_if": "low > 1"},
    "return": {"claim": "A follower's return after 4.5 s does not stop the majority's writes for half a second",
        "unit": "s",
        "formula": "results.heal['default, follower 4.5 s']['majority silent']", "expected": "holds",
        "holds_if": "high < 0.5", "fails_if": "low > 0.5"},
    "return-pre-vote": {"claim": "With pre-vote, a follower's return after 4.5 s does not stop them for half a second",
        "unit": "s", "expected": "holds",
        "formula": "results.heal['pre-vote, follower 4.5 s']['majority silent']",
        "holds_if": "high < 0.5", "fails_if": "low > 0.5"},
    "pre-vote": {"claim": "With pre-vote, a follower's old data after a cut of 4.5 s end in half the time", "unit": "×",
        "expected": "holds",
        "formula": "results.heal['default, follower 4.5 s'].stale / results.heal['pre-vote, follower 4.5 s'].stale",
        "holds_if": "low > 2", "fails_if": "high < 2"},
    "length": {"claim": "With pre-vote, a follower's old data last longer after a cut of 4.5 s than of 2 s",
        "unit": "×",
        "formula": "results.heal['pre-vote, follower 4.5 s'].stale / results.heal['pre-vote, follower 2 s'].stale",
        "expected": "holds", "holds_if": "low > 1", "fails_if": "high < 1"},
    "timers": {"claim": "TCP's repeats and etcd's timeout predict to 0.2 s how long data are old after a cut of 2 s",
        "formula": "results.heal['pre-vote, follower 2 s'].stale - results.heal['pre-vote, follower 2 s'].predicted",
        "unit": "s", "expected": "holds", "holds_if": "-0.2 < low and high < 0.2",
        "fails_if": "low > 0.2 or high < -0.2"},
    "timers-timeout": {"claim": "They predict it to 0.2 s after a cut of 3.5 s, where the timeout comes first",
        "unit": "s",
        "formula": "results.heal['pre-vote, follower 3.5 s'].stale - "
        "results.heal['pre-vote, follower 3.5 s'].predicted",
        "expected": "holds", "holds_if": "-0.2 < low and high < 0.2", "fails_if": "low > 0.2 or high < -0.2"},
    "patient": {"claim": "When the leader dies, a client without timeout is silent twice as long as writes are",
        "formula": "results.kill['client, no timeout'].silent / results.kill['any write'].silent", "unit": "×",
        "expected": "holds", "holds_if": "low > 2", "fails_if": "high < 2"},
    "impatient": {"claim": "A client that asks again after 0.5 s is silent at most 0.5 s longer than writes are",
        "formula": "results.kill['client, timeout 0.5 s'].silent - results.kill['any write'].silent", "unit": "s",
        "expected": "holds", "holds_if": "high < 0.55", "fails_if": "low > 0.55"},
    "lock": {"claim": "A lock alone protects a registry's pointer from a holder that stops beyond its lease",
        "formula": "results.lock.lock['lost, before the check']", "unit": "lost", "expected": "fails",
        "holds_if": "value == 0", "fails_if": "value > 0", "always": True},
    "asked": {"claim": "Asking right before the write whether the lock is still held protects the pointer",
        "formula": "results.lock['lock, asked again before the write']['lost, after the check']",
        "unit": "lost", "expected": "fails", "holds_if": "value == 0", "fails_if": "value > 0",
        "always": True},
    "token": {"claim": "A token that the store checks protects the pointer at every pause", "unit": "lost",
        "formula": "results.lock['lock, token checked by the store']['lost, for 0.5 s'] + "
        "results.lock['lock, token checked by the store']['lost, before the check'] + "
        "results.lock['lock, token checked by the store']['lost, after the check']", "expected": "holds",
        "holds_if": "value == 0", "fails_if": "value > 0", "always": True},
}  # fmt: skip


class Refused(Exception):
    """etcd's answer was an error."""


class Member:
    """A node of etcd and its clients' way to it."""

    def __init__(self, stack: ExitStack, node: Node, number: int, folder: str, peers: str, flags: list[str]) -> None:
        self.node, self.folder, self.door, self._stack = node, folder, f"client:{number}", stack
        urls = {"listen-client": f"unix://{self.door}", "advertise-client": f"unix://{self.door}"}
        urls |= dict.fromkeys(("listen-peer", "initial-advertise-peer"), f"http://{node.address}:2380")
        self.command = ["etcd", "--name", str(number), "--initial-cluster", peers, "--log-level", "error", *flags]
        self.command += [word for name, url in urls.items() for word in (f"--{name}-urls", url)]
        self.start()

    def start(self) -> None:
        Path(self.folder, self.door).unlink(missing_ok=True)  # SIGKILL leaves it
        server = labkit.server(self.command, ready=lambda: self.node.listens(2380), package="etcd-server",
            cwd=self.folder, inside=self.node.inside)  # fmt: skip
        self.process = self._stack.enter_context(server)

    def ask(self, call: str, timeout_s: float = 30.0, **body: object) -> dict[str, object]:
        """A call of etcd's JSON API; TimeoutError where the client gives up, Refused where etcd says no."""
        text = json.dumps(body).encode()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(f"{self.folder}/{self.door}")
            head = f"POST /v3/{call} HTTP/1.0\r\nHost: etcd\r\nContent-Length: {len(text)}\r\n\r\n"
            connection.sendall(head.encode() + text)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, text = answer.partition(b"\r\n\r\n")
        if b" 200 " not in head[:15]:
            raise Refused(text.decode() or "connection closed")
        return json.loads(text)

    def put(self, key: str, value: str = "x", timeout_s: float = 30.0) -> int:
        """The write's revision."""
        return int(self.ask("kv/put", timeout_s, key=coded(key), value=coded(value))["header"]["revision"])

    def revision(self, serializable: bool, timeout_s: float = 30.0) -> int:
        """The revision of the store that a read of this kind sees."""
        return int(self.ask("kv/range", timeout_s, key=coded("k"), serializable=serializable)["header"]["revision"])


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@contextmanager
def cluster(flags: list[str]) -> Iterator[list[Member]]:
    with ExitStack() as stack:
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=memory, ignore_cleanup_errors=True))
        nodes = stack.enter_context(mesh(3))
        peers = ",".join(f"{number}=http://{node.address}:2380" for number, node in enumerate(nodes))
        members = [Member(stack, node, number, folder, peers, flags) for number, node in enumerate(nodes)]
        leader(members)
        yield members


def leader(members: list[Member]) -> Member:
    """Waits until all agree on one."""
    while True:
        with suppress(OSError, Refused):
            views = [member.ask("maintenance/status", 1.0) for member in members]
            if len({view.get("leader") for view in views}) == 1 and views[0].get("leader"):
                return next(m for m, view in zip(members, views, strict=True)
                            if view["header"]["member_id"] == view["leader"])  # fmt: skip
        time.sleep(0.05)


class Writes:
    """Writes at a steady rate, each on its own: when each was acknowledged, and at which revision."""

    def __init__(self, member: Member) -> None:
        self.done: list[tuple[float, int]] = []
        self._member, self._end = member, threading.Event()
        self._pool = ThreadPoolExecutor(400)
        self._thread = threading.Thread(target=self._run)

    def _one(self) -> None:
        with suppress(OSError, Refused):
            revision = self._member.put("k")
            self.done.append((time.monotonic(), revision))

    def _run(self) -> None:
        while not self._end.wait(1 / RATE_PER_S):
            self._pool.submit(self._one)

    def __enter__(self) -> "Writes":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._pool.shutdown(wait=False)

    def silent_s(self, since: float) -> float:
        """The longest time without an acknowledgement since then."""
        return longest([since, *(at for at, _ in self.done if at > since), time.monotonic()])


def longest(times: list[float]) -> float:
    times = sorted(times)
    return max(later - earlier for earlier, later in pairwise(times))


def cut(members: list[Member], who: str, seconds: float, number: int) -> dict[str, float]:
    """Cuts a node off and heals it; what its clients got, and what the majority's."""
    first = leader(members)
    victim = first if who == "leader" else next(member for member in members if member is not first)
    other = next(member for member in members if member not in (first, victim))
    found = {"asked": 0, "read": 0, "written": 0, "serializable": 0}
    with Writes(other) as writes, ThreadPoolExecutor(20) as pool:
        time.sleep(0.4)
        victim.node.isolate()
        begin = time.monotonic()
        time.sleep(0.1)
        patience_s, asked = 0.6 * seconds, []
        for write in range(5):  # clients of the node that is cut off, who give up before it is back
            asked.append(pool.submit(victim.put, f"late/{number}/{write}", timeout_s=patience_s))
            asked.append(pool.submit(victim.revision, False, patience_s))
        time.sleep(max(0.0, begin + seconds - 0.1 - time.monotonic()))
        for place, future in enumerate(asked):
            found["read" if place % 2 else "written"] += future.exception() is None
        read, current = victim.revision(True), writes.done[-1][1]
        found |= {"asked": 5, "serializable": int(read < current), "behind": current - read}
        victim.node.heal()
        healed = time.monotonic()
        while victim.revision(True) < current:
            time.sleep(0.01)
        found["stale"] = time.monotonic() - healed
        victim.revision(False)  # answers at last
        leader(members)
        time.sleep(0.6)
        found["silent"] = writes.silent_s(healed)
    keys = {"key": coded(f"late/{number}/"), "range_end": coded(f"late/{number}0"), "count_only": True}
    return found | {"later": int(victim.ask("kv/range", **keys).get("count", 0))}


def cuts(flags: str, rounds: int, plan: list[tuple[str, float]], scale: float) -> dict[str, list[dict[str, float]]]:
    """For each cut of the plan, what each of the rounds found."""
    found: dict[str, list[dict[str, float]]] = {}
    with cluster(FLAGS[flags]) as members:
        for number in range(rounds * len(plan)):
            who, seconds = plan[number % len(plan)]
            found.setdefault(f"{flags}, {who} {seconds} s", []).append(cut(members, who, scale * seconds, number))
    return found


def silence(member: Member, patience_s: float, end: threading.Event) -> Callable[[float], float]:
    """A client that writes one thing after another and repeats what fails; then its longest silence since a time."""
    done = []
    while not end.is_set():
        with suppress(OSError, Refused):
            member.put("k", timeout_s=patience_s)
            done.append(time.monotonic())
        time.sleep(0.02)
    done.append(time.monotonic())
    return lambda since: longest([at for at in done if at > since - 1])


def kills(rounds: int, watch_s: float) -> dict[str, list[float]]:
    """SIGKILL to the leader; the longest silence that each client of a follower sees."""
    found: dict[str, list[float]] = {name: [] for name in ("any write", *PATIENCE_S)}
    with cluster([]) as members:
        for _ in range(rounds):
            first, end = leader(members), threading.Event()
            follower = next(member for member in members if member is not first)
            with ThreadPoolExecutor(len(PATIENCE_S)) as pool, Writes(follower) as writes:
                clients = {name: pool.submit(silence, follower, s, end) for name, s in PATIENCE_S.items()}
                time.sleep(0.5)
                killed = time.monotonic()
                os.kill(first.process.pid, signal.SIGKILL)
                time.sleep(watch_s)
                end.set()
                found["any write"].append(writes.silent_s(killed))
            for name, future in clients.items():
                found[name].append(future.result()(killed))
            first.start()
    return found


def publish(member: Member, name: str, model: str, guard: str, pause: str = "") -> float:
    """Points `name` to a model, under a guard; a publisher with a pause stops itself there. Seconds to the turn."""
    begin, stop = time.monotonic(), lambda: os.kill(os.getpid(), signal.SIGSTOP)
    if guard == "compare and set, no lock":
        seen = member.ask("kv/range", key=coded(name))["kvs"][0]["mod_revision"]
        turn_s = time.monotonic() - begin
        if pause:
            stop()
        put = {"requestPut": {"key": coded(name), "value": coded(model)}}
        unchanged = {"key": coded(name), "target": "MOD", "result": "EQUAL", "modRevision": seen}
        member.ask("kv/txn", compare=[unchanged], success=[put])
        return turn_s
    lease, over = member.ask("lease/grant", TTL=TTL_S)["ID"], threading.Event()

    def keep() -> None:
        while not over.wait(TTL_S / 4):
            member.ask("lease/keepalive", ID=lease)

    threading.Thread(target=keep, daemon=True).start()
    lock = member.ask("lock/lock", name=coded(f"lock/{name}"), lease=lease)
    token, turn_s = int(lock["header"]["revision"]), time.monotonic() - begin
    if pause in ("for 0.5 s", "before the check"):
        stop()
    held = "asked" not in guard or "kvs" in member.ask("kv/range", key=lock["key"])
    if pause == "after the check":
        stop()
    if held:
        newer = " AND token < :token" if "token" in guard else ""
        with (
            closing(sqlite3.connect(f"{member.folder}/registry-{name}", timeout=60)) as store,
            store,
        ):
            store.execute(
                "UPDATE pointer SET model = :model, token = :token "
                f"WHERE name = 'production'{newer}",
                {"model": model, "token": token},
            )
    over.set()
    with suppress(Refused):  # it ended while this publisher was stopped
        member.ask("lease/revoke", ID=lease)
    return turn_s


def duel(member: Member, first: BaseProcess, name: str, guard: str, pause: str) -> tuple[bool, float]:
    """A first publisher stops itself, a second publishes, the first goes on: whether the second's model was lost, s."""
    os.waitpid(first.pid, os.WUNTRACED)  # it has stopped itself
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(publish, member, name, "43", guard)
        time.sleep(0.5)
        if pause != "for 0.5 s":
            second.result()
        os.kill(first.pid, signal.SIGCONT)
        first.join()
        turn_s = second.result()
    return lost(member, guard, name), turn_s


def locks(waves: int, trials: int) -> dict[str, dict[str, object]]:
    """By guard: in how many trials the older decision stayed, and how long the second publisher waited for its turn."""
    arms = [(guard, pause) for guard in GUARDS for pause in PAUSES]
    count, turns_s = dict.fromkeys(arms, 0), {guard: [] for guard in GUARDS}
    context = get_context("fork")
    with cluster([]) as members:
        member = leader(members)
        for wave in range(waves):
            gate, firsts = context.Event(), {}
            for place, (guard, pause) in enumerate(arms):
                for trial in range(trials):
                    name = f"{wave}-{place}-{trial}"
                    member.put(name, "41")
                    with closing(sqlite3.connect(f"{member.folder}/registry-{name}")) as store, store:
                        store.execute("CREATE TABLE pointer (name, model, token)")
                        store.execute("INSERT INTO pointer VALUES ('production', '41', 0)")
                    firsts[name, guard, pause] = context.Process(
                        target=lambda *arguments, gate=gate: gate.wait() and publish(*arguments),
                        args=(member, name, "42", guard, pause),
                    )
            for first in firsts.values():
                first.start()
            with ThreadPoolExecutor(len(firsts)) as pool:
                duels = {one: pool.submit(duel, member, first, *one) for one, first in firsts.items()}
                gate.set()  # from here on each trial has its own clock
            for (_, guard, pause), found in duels.items():
                was_lost, turn_s = found.result()
                count[guard, pause] += was_lost
                if pause != "for 0.5 s":
                    turns_s[guard].append(turn_s)
    return {guard: {
        "trials": labkit.exact("", waves * trials),
        **{f"lost, {pause}": labkit.exact("", count[guard, pause]) for pause in PAUSES},
        "second waits": labkit.measured("s", turns_s[guard]),
    } for guard in GUARDS}  # fmt: skip


def lost(member: Member, guard: str, name: str) -> bool:
    """Whether the pointer shows the older decision, although the newer one was published."""
    if guard == "compare and set, no lock":
        return base64.b64decode(member.ask("kv/range", key=coded(name))["kvs"][0]["value"]) == b"42"
    with closing(sqlite3.connect(f"{member.folder}/registry-{name}")) as store:
        return store.execute("SELECT model FROM pointer").fetchone()[0] == "42"


def run(quick: bool) -> dict[str, object]:
    plan, rounds, scale = (list(CUTS)[1:4], 1, 0.2) if quick else (list(CUTS), 4, 1.0)
    tables: dict[str, dict[str, dict[str, object]]] = {"lock": locks(1, 2) if quick else locks(6, 5)}
    with ThreadPoolExecutor(8) as pool:
        runs = [pool.submit(cuts, flags, rounds, plan, scale) for flags in list(FLAGS) * (1 if quick else 2)]
        killed: Future[dict[str, list[float]]] = pool.submit(kills, *((1, 2.5) if quick else (12, 9)))
    found: dict[str, list[dict[str, float]]] = {}
    for part in runs:
        for row, rounds in part.result().items():
            found.setdefault(row, []).extend(rounds)
    tables["heal"] = {row: {
        "old": labkit.measured("writes", [one["behind"] for one in rounds]),
        "stale": labkit.measured("s", [one["stale"] for one in rounds]),
        "written later": labkit.measured("of 5", [one["later"] for one in rounds]),
        "majority silent": labkit.measured("s", [one["silent"] for one in rounds]),
    } for row, rounds in found.items()}  # fmt: skip
    for who, seconds in plan:
        if who == "follower" and seconds < max(WAKES_S):
            wake_s = min(wake for wake in WAKES_S if wake > seconds)
            tables["heal"][f"pre-vote, follower {seconds} s"]["predicted"] = labkit.exact("s", wake_s - seconds)
    every = [one for rounds in found.values() for one in rounds]
    total = lambda name: labkit.exact("", sum(one[name] for one in every))  # noqa: E731
    tables["minority"] = {
        "serializable read": {"asked": labkit.exact("", len(every)), "answered": total("serializable")},
        "linearizable read": {"asked": total("asked"), "answered": total("read")},
        "write": {"asked": total("asked"), "answered": total("written"), "written later": total("later")},
    }
    tables["kill"] = {name: {"silent": labkit.measured("s", values)} for name, values in killed.result().items()}
    return tables


if __name__ == "__main__":
    raise SystemExit(labkit.main(run))
