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
import math
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
from statistics import median
from typing import Any

import labkit
from labkit.wire import Node, mesh

CUTS = (*(("follower", seconds) for seconds in (1, 2, 2.8, 3.5, 4.5, 7.5)), ("leader", 4.5))  # s
# When the node next hears of the others, s after the cut began: Linux repeats a TCP segment after 0.2 s and doubles the
# wait; etcd drops a connection that was silent for 5 s and dials: a SYN, one more after 1 s, a new dial after 2 s.
WAKES_S = [0.2 * (2**times - 1) for times in range(1, 5)] + [5.0, 6.0, 7.0, 8.0]
TAIL_S = 13  # a TCP connection that is still alive tries again 6.2 and 12.6 s after the cut began
FLAGS = {"default": [], "pre-vote": ["--pre-vote"]}
PATIENT = "client without timeout"
PATIENCE_S = {"client with a timeout of 0.5 s": 0.5, "client with a timeout of 2 s": 2.0, PATIENT: 30.0}
TIMED_OUT = "etcdserver: request timed out"
ERRORS = [TIMED_OUT, *(f"{TIMED_OUT}, possibly due to {why}" for why in ("previous leader failure", "connection lost"))]
ERRORS += ["etcdserver: leader changed", "another error"]
PAUSES_S = {"0.5 s": 0.5, "1.5 s": 1.5, "2 s": 2.0, "2.5 s": 2.5, "2.5 s, after the check": 2.5}  # the rest before it
GUARDS = ("lock", "lock asked again before the write", "lock with a token that the store checks", "compare and set")
RATE_PER_S, TTL_S = 25, 2  # of writes; of a lease: etcd's least with an election timeout of a second
CLAIMS = {
    "refused": {"claim": "Cut off, a node answers no linearizable read and no write", "expected": "holds",
        "formula": "results.minority['linearizable read'].answered + results.minority.write.answered", "unit": "",
        "holds_if": "value == 0", "fails_if": "value > 0", "always": True},
    "stale": {"claim": "Cut off, a follower answers every serializable read, with old data", "expected": "holds",
        "formula": "results.minority['serializable read'].answered - results.minority['serializable read'].asked",
        "unit": "", "holds_if": "value == 0", "fails_if": "value < 0", "always": True},
    "given-up": {"claim": "A write sent at the begin of a cut of 2 s, and given up on, is not written later",
        "formula": "results.written['pre-vote, follower 2 s'].early", "unit": "of 5", "expected": "fails",
        "holds_if": "high == 0", "fails_if": "low > 0"},
    "given-up-dropped": {"claim": "A write sent at the begin of a cut of 3.5 s, and given up on, is not written later",
        "formula": "results.written['pre-vote, follower 3.5 s'].early", "unit": "of 5",
        "expected": "holds", "holds_if": "high == 0", "fails_if": "low > 0"},
    "given-up-late": {"claim": "A write sent 2.1 s into a cut of 2.8 s, to a node without leader, is not written later",
        "formula": "results.written['pre-vote, follower 2.8 s'].late", "unit": "of 5",
        "expected": "holds", "holds_if": "high == 0", "fails_if": "low > 0"},
    "healed": {"claim": "A second after a cut of 4.5 s a follower no longer answers old data", "unit": "s",
        "formula": "results.heal['default, follower 4.5 s'].stale", "expected": "holds",
        "holds_if": "high < 1", "fails_if": "low > 1"},
    "return": {"claim": "A follower's return after 4.5 s does not stop the majority's writes for half a second",
        "unit": "s", "formula": "results.heal['default, follower 4.5 s']['majority silent']", "expected": "holds",
        "holds_if": "high < 0.5", "fails_if": "low > 0.5"},
    "return-pre-vote": {"claim": "With pre-vote, a follower's return after 4.5 s does not stop them for half a second",
        "unit": "s", "formula": "results.heal['pre-vote, follower 4.5 s']['majority silent']", "expected": "holds",
        "holds_if": "high < 0.5", "fails_if": "low > 0.5"},
    "sum": {"claim": "Without pre-vote old data last as long as with it and then for the majority's silence, to 0.2 s",
        "unit": "s", "formula": "results.heal['default, follower 2 s'].stale - "
        "results.heal['default, follower 2 s']['majority silent'] - results.heal['pre-vote, follower 2 s'].stale",
        "expected": "holds", "holds_if": "-0.2 < low and high < 0.2", "fails_if": "low > 0.2 or high < -0.2"},
    "length": {"claim": "With pre-vote, a follower's old data last longer after a cut of 4.5 s than of 2 s",
        "unit": "×", "expected": "holds",
        "formula": "results.heal['pre-vote, follower 4.5 s'].stale / results.heal['pre-vote, follower 2 s'].stale",
        "holds_if": "low > 1", "fails_if": "high < 1"},
    "timers-etcd": {"claim": "Where etcd's timers decide (cuts of 3.5, 4.5, 7.5 s), they predict old data to 0.1 s",
        "formula": "max(results.timers['3.5 s'].off.high, 0 - results.timers['3.5 s'].off.low, "
        "results.timers['4.5 s'].off.high, 0 - results.timers['4.5 s'].off.low, "
        "results.timers['7.5 s'].off.high, 0 - results.timers['7.5 s'].off.low)", "unit": "s",
        "expected": "holds", "holds_if": "value < 0.1", "fails_if": "value > 0.1"},
    "timers-tcp": {"claim": "Where TCP's repeats decide (cuts of 1, 2, 2.8 s), they predict old data to 0.1 s",
        "formula": "max(results.timers['1 s'].off.high, 0 - results.timers['1 s'].off.low, "
        "results.timers['2 s'].off.high, 0 - results.timers['2 s'].off.low, "
        "results.timers['2.8 s'].off.high, 0 - results.timers['2.8 s'].off.low)", "unit": "s",
        "expected": "holds", "holds_if": "value < 0.1", "fails_if": "value > 0.1"},
    "patient": {"claim": "When the leader dies, a client without timeout is silent twice as long as writes are",
        "formula": "results.kill['client without timeout'].silent / results.kill['any write'].silent", "unit": "×",
        "expected": "holds", "holds_if": "low > 2", "fails_if": "high < 2"},
    "impatient": {"claim": "A client that asks again after 0.5 s is silent at most 0.5 s longer than writes are",
        "formula": "results.kill['client with a timeout of 0.5 s'].silent - results.kill['any write'].silent",
        "unit": "s", "expected": "holds", "holds_if": "high < 0.5", "fails_if": "low > 0.5"},
    "lock-within": {"claim": "A lock alone protects a registry's pointer from a holder that stops for 1.5 s of its 2",
        "formula": "results.lock.lock['lost at 1.5 s']", "unit": "lost", "expected": "holds",
        "holds_if": "value == 0", "fails_if": "value > 0"},
    "lock": {"claim": "A lock alone protects the pointer from a holder that stops for 2.5 s of its 2", "unit": "lost",
        "formula": "results.lock.lock['lost at 2.5 s']", "expected": "fails",
        "holds_if": "value == 0", "fails_if": "value > 0", "always": True},
    "asked": {"claim": "Asking right before the write whether the lock is still held protects the pointer",
        "formula": "results.lock['lock asked again before the write']['lost at 2.5 s, after the check']",
        "unit": "lost", "expected": "fails", "holds_if": "value == 0", "fails_if": "value > 0", "always": True},
    "token": {"claim": "A token that the store checks protects the pointer at every pause", "unit": "lost",
        "formula": "results.lock['lock with a token that the store checks'].lost", "expected": "holds",
        "holds_if": "value == 0", "fails_if": "value > 0", "always": True},
}  # fmt: skip


class Refused(Exception):
    """etcd's answer was an error, with its text."""


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
            raise Refused(json.loads(text)["error"] if text else "connection closed")
        return json.loads(text)

    def put(self, key: str, value: str = "x", timeout_s: float = 30.0) -> int:
        """The write's revision."""
        return int(self.ask("kv/put", timeout_s, key=coded(key), value=coded(value))["header"]["revision"])

    def revision(self, serializable: bool, timeout_s: float = 30.0) -> int:
        """The revision of the store that a read of this kind sees."""
        return int(self.ask("kv/range", timeout_s, key=coded("k"), serializable=serializable)["header"]["revision"])


def outcome(call: Callable[..., int], *arguments: object) -> tuple[str, float]:
    """What a client got, "answered", "given up" or an error, and after how many seconds."""
    begin, got = time.monotonic(), "answered"
    try:
        call(*arguments)
    except (OSError, Refused) as error:
        got = "given up" if isinstance(error, TimeoutError) else str(error) if str(error) in ERRORS else ERRORS[-1]
    return got, time.monotonic() - begin


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
    """Writes at a steady rate, each on its own: when each was sent and acknowledged, and its revision."""

    def __init__(self, member: Member) -> None:
        self.done: list[tuple[float, float, int]] = []
        self._member, self._end = member, threading.Event()
        self._pool = ThreadPoolExecutor(400)
        self._thread = threading.Thread(target=self._run)

    def _one(self) -> None:
        sent = time.monotonic()
        with suppress(OSError, Refused):
            revision = self._member.put("k")
            self.done.append((sent, time.monotonic(), revision))

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

    def silent_s(self, since: float, until: float = math.inf) -> float:
        """The longest time without an acknowledgment between two moments; until now where none is given."""
        until = min(until, time.monotonic())
        return longest([since, *(at for _, at, _ in self.done if since < at < until), until])


def longest(times: list[float]) -> float:
    return max(later - earlier for earlier, later in pairwise(sorted(times)))


def cut(members: list[Member], who: str, seconds: float, number: int) -> dict[str, Any]:
    """Cuts a node off and heals it; what its clients got, and what the majority's."""
    first = leader(members)
    victim = first if who == "leader" else next(member for member in members if member is not first)
    other = next(member for member in members if member not in (first, victim))
    with Writes(other) as writes, ThreadPoolExecutor(20) as pool:
        time.sleep(0.5)
        victim.node.isolate()
        begin = time.monotonic()
        asked: dict[str, list[Future[tuple[str, float]]]] = {"write": [], "read": []}
        for when, at_s in (("early", 0.1), ("late", 0.75 * seconds)):  # both give up before the node is back
            time.sleep(max(0.0, begin + at_s - time.monotonic()))
            patience_s = max(0.05, seconds - 0.1 - at_s)
            for one in range(5):
                key = f"late/{number}/{when}/{one}"
                asked["write"].append(pool.submit(outcome, victim.put, key, "x", patience_s))
                asked["read"].append(pool.submit(outcome, victim.revision, False, patience_s))
        time.sleep(max(0.0, begin + seconds - 0.05 - time.monotonic()))
        read, current = victim.revision(True), writes.done[-1][2]
        time.sleep(max(0.0, begin + seconds - 0.015 - time.monotonic()))  # the command takes about that long
        victim.node.heal()
        healed = time.monotonic()
        while victim.revision(True) < current:
            time.sleep(0.01)
        stale_s = time.monotonic() - healed
        victim.revision(False)  # answers at last
        leader(members)
        time.sleep(0.6)
        return {
            "number": number, "lasted": healed - begin, "stale": stale_s, "behind": current - read,
            "before": median(at - sent for sent, at, _ in writes.done if at < begin),
            "during": writes.silent_s(begin, healed), "silent": writes.silent_s(healed),
            **{kind: [future.result() for future in futures] for kind, futures in asked.items()},
        }  # fmt: skip


def cuts(flags: str, rounds: int, plan: list[tuple[str, float]], quick: bool) -> dict[str, list[dict[str, Any]]]:
    """For each cut of the plan, what each of the rounds found."""
    found: dict[str, list[dict[str, Any]]] = {}
    with cluster(FLAGS[flags]) as members:
        for number in range(rounds * len(plan)):
            who, seconds = plan[number % len(plan)]
            one = cut(members, who, max(0.4, 0.2 * seconds) if quick else seconds, number)
            found.setdefault(f"{flags}, {who} {seconds} s", []).append(one)
        time.sleep(1 if quick else TAIL_S)
        for one in (one for row in found.values() for one in row):
            for when in ("early", "late"):
                key = f"late/{one['number']}/{when}"
                keys = {"key": coded(f"{key}/"), "range_end": coded(f"{key}0"), "count_only": True}
                one[when] = int(members[0].ask("kv/range", **keys).get("count", 0))
    return found


def silence(member: Member, patience_s: float, end: threading.Event) -> tuple[list[float], list[tuple[str, float]]]:
    """A client that writes one thing after another and repeats what fails; when it was answered, what failed."""
    done, failed = [], []
    while not end.is_set():
        got, took_s = outcome(member.put, "k", "x", patience_s)
        if got == "answered":
            done.append(time.monotonic())
        else:
            failed.append((got, took_s))
        time.sleep(0.02)
    return [*done, time.monotonic()], failed


def kills(rounds: int, watch_s: float) -> tuple[dict[str, list[float]], list[tuple[str, float]]]:
    """SIGKILL to the leader; the longest silence that each client of a follower sees, the patient one's errors."""
    found: dict[str, list[float]] = {name: [] for name in ("any write", *PATIENCE_S)}
    errors: list[tuple[str, float]] = []
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
                done, failed = future.result()
                found[name].append(longest([at for at in done if at > killed - 1]))
                errors += failed if name == PATIENT else []
            first.start()
    return found, errors


def publish(member: Member, name: str, model: str, guard: str, pause: str = "") -> float:
    """Points `name` to a model, under a guard, stopping itself where `pause` says; seconds until it is done."""
    begin, stop = time.monotonic(), lambda: os.kill(os.getpid(), signal.SIGSTOP)
    if guard == "compare and set":
        seen = member.ask("kv/range", key=coded(name))["kvs"][0]["mod_revision"]
        if pause:
            stop()
        put = {"requestPut": {"key": coded(name), "value": coded(model)}}
        unchanged = {"key": coded(name), "target": "MOD", "result": "EQUAL", "modRevision": seen}
        member.ask("kv/txn", compare=[unchanged], success=[put])
        return time.monotonic() - begin
    lease, over = member.ask("lease/grant", TTL=TTL_S)["ID"], threading.Event()

    def keep() -> None:
        while not over.wait(TTL_S / 4):
            member.ask("lease/keepalive", ID=lease)

    threading.Thread(target=keep, daemon=True).start()
    lock = member.ask("lock/lock", name=coded(f"lock/{name}"), lease=lease)
    token = int(lock["header"]["revision"])
    if pause and "after" not in pause:
        stop()
    held = "asked" not in guard or "kvs" in member.ask("kv/range", key=lock["key"])
    if "after" in pause:
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
    done_s = time.monotonic() - begin
    over.set()
    with suppress(Refused):  # it ended while this publisher was stopped
        member.ask("lease/revoke", ID=lease)
    return done_s


def duel(member: Member, first: BaseProcess, name: str, guard: str, pause: str) -> tuple[bool, float]:
    """A first publisher stops itself, a second publishes, the first goes on: whether the second's model was lost, s."""
    os.waitpid(first.pid, os.WUNTRACED)  # it has stopped itself
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(publish, member, name, "43", guard)
        time.sleep(PAUSES_S[pause])
        os.kill(first.pid, signal.SIGCONT)
        first.join()
        done_s = second.result()
    return lost(member, guard, name), done_s


def locks(waves: int, trials: int) -> dict[str, dict[str, object]]:
    """By guard: in how many trials the older decision stayed, and after how long the second publisher was done."""
    arms = [(guard, pause) for guard in GUARDS for pause in PAUSES_S]
    count, done_s = dict.fromkeys(arms, 0), {guard: [] for guard in GUARDS}
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
                count[guard, pause] += found.result()[0]
            for guard in GUARDS:  # one sample a wave, of the pauses beyond the lease
                long = [one for (_, other, pause), one in duels.items() if other == guard and PAUSES_S[pause] > TTL_S]
                done_s[guard].append(median(one.result()[1] for one in long))
    return {guard: {
        "trials": labkit.exact("", waves * trials),
        **{f"lost at {pause}": labkit.exact("", count[guard, pause]) for pause in PAUSES_S},
        "lost": labkit.exact("", sum(count[guard, pause] for pause in PAUSES_S)),
        "second done": labkit.measured("s", done_s[guard]),
    } for guard in GUARDS}  # fmt: skip


def lost(member: Member, guard: str, name: str) -> bool:
    """Whether the pointer shows the older decision, although the newer one was published."""
    if guard == "compare and set":
        return base64.b64decode(member.ask("kv/range", key=coded(name))["kvs"][0]["value"]) == b"42"
    with closing(sqlite3.connect(f"{member.folder}/registry-{name}")) as store:
        return store.execute("SELECT model FROM pointer").fetchone()[0] == "42"


def run(quick: bool) -> dict[str, object]:
    plan, rounds = list(CUTS), 1 if quick else 4
    tables: dict[str, dict[str, dict[str, object]]] = {"lock": locks(1, 1) if quick else locks(10, 3)}
    with ThreadPoolExecutor(8) as pool:
        runs = [pool.submit(cuts, flags, rounds, plan, quick) for flags in list(FLAGS) * (1 if quick else 2)]
        killed = pool.submit(kills, *((1, 2.5) if quick else (12, 9)))
    found: dict[str, list[dict[str, Any]]] = {}
    for part in runs:
        for row, ones in part.result().items():
            found.setdefault(row, []).extend(ones)
    column = lambda row, name, unit="s": labkit.measured(unit, [one[name] for one in found[row]])  # noqa: E731
    tables["heal"] = {row: {
        "old": column(row, "behind", "writes"),
        "stale": column(row, "stale"),
        "longest": labkit.exact("s", round(max(one["stale"] for one in found[row]), 1)),
        "majority silent": column(row, "silent"),
        "stopped": labkit.exact(f"of {len(found[row])}", sum(one["silent"] > 0.5 for one in found[row])),
    } for row in found if "follower" in row}  # fmt: skip
    tables["written"] = {row: {when: column(row, when, "of 5") for when in ("early", "late")} for row in tables["heal"]}
    tables["timers"] = {}
    for row, seconds in [(f"pre-vote, {who} {seconds} s", seconds) for who, seconds in plan if who == "follower"]:
        wake_s = min(wake for wake in WAKES_S if wake > seconds)
        tables["timers"][f"{seconds} s"] = {
            "predicted": labkit.exact("s", round(wake_s - seconds, 1)),
            "measured": column(row, "stale"),
            "off": labkit.measured("s", [one["lasted"] + one["stale"] - wake_s for one in found[row]]),
        }
    tables["leader"] = {row.partition(",")[0]: {
        "silent in the cut": column(row, "during"),
        "old": column(row, "behind", "writes"),
        "stale": column(row, "stale"),
        "silent after": column(row, "silent"),
        "stopped": labkit.exact(f"of {len(found[row])}", sum(one["silent"] > 0.5 for one in found[row])),
    } for row in found if "leader" in row}  # fmt: skip
    every = [one for ones in found.values() for one in ones]
    followers = [one for row, ones in found.items() for one in ones if "follower" in row]
    tables["before"] = {flags: {"write": labkit.measured("ms", [
        median(1000 * found[row][turn]["before"] for row in found if row.startswith(flags))
        for turn in range(len(next(iter(found.values()))))
    ])} for flags in FLAGS}  # fmt: skip
    got = {kind: [answer for one in every for answer in one[kind]] for kind in ("read", "write")}
    got["killed"] = killed.result()[1]
    count = lambda kind, what: labkit.exact("", sum(text == what for text, _ in got[kind]))  # noqa: E731
    tables["minority"] = {"serializable read": {
        "asked": labkit.exact("", len(followers)),
        "answered": labkit.exact("", sum(one["behind"] > 0 for one in followers)),
    }} | {name: {
        "asked": labkit.exact("", len(got[kind])),
        "answered": count(kind, "answered"),
        "given up": count(kind, "given up"),
        "error": labkit.exact("", sum(text not in ("answered", "given up") for text, _ in got[kind])),
    } for name, kind in (("linearizable read", "read"), ("write", "write"))}  # fmt: skip
    tables["minority"]["write"]["written later"] = labkit.exact("", sum(one["early"] + one["late"] for one in every))
    tables["errors"] = {text: {
        "cut off, read": count("read", text),
        "cut off, write": count("write", text),
        "leader killed, write": count("killed", text),
    } for text in ERRORS}  # fmt: skip
    for text in ERRORS:  # one sample a cut, one a kill
        waits_s = [[took_s for kind in ("read", "write") for got, took_s in one[kind] if got == text] for one in every]
        after_s = [median(waits) for waits in waits_s if waits] + [s for got, s in killed.result()[1] if got == text]
        if len(after_s) > 6:
            tables["errors"][text]["after"] = labkit.measured("s", after_s)
    tables["kill"] = {name: {"silent": labkit.measured("s", values)} for name, values in killed.result()[0].items()}
    return tables


if __name__ == "__main__":
    raise SystemExit(labkit.main(run))
