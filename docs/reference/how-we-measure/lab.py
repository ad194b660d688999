# /// script
# requires-python = ">=3.11.5"
# dependencies = ["handbook-labkit"]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""How much does this machine differ from itself?

The same loop and the same memory copy run many times in a row. Groups of 14 are split into two arms of seven, in turn
or first half against second half: both orders see the same runs of identical arms, so what the arms differ by is noise.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from operator import truediv
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from socket import create_connection
from statistics import median
from typing import Any

import labkit

CLAIMS = {
    "one-percent": {
        "claim": "95 of 100 comparisons of identical arms, one arm after the other, differ by less than 1 %",
        "formula": "results.identical_arms.ten_loops_in_blocks.p95", "unit": "%",
        "expected": "fails", "holds_if": "high < 1", "fails_if": "low > 1",
    },
    "in-turn": {
        "claim": "Running the arms in turn at least halves the difference that 95 of 100 comparisons stay below",
        "formula": "results.identical_arms.ten_loops_in_blocks.p95 / results.identical_arms.ten_loops_in_turn.p95",
        "unit": "×", "expected": "holds", "holds_if": "low > 2", "fails_if": "high < 2",
    },
    "interval": {
        "claim": "In fewer than 5 of 100 comparisons of identical arms in turn, the interval of the ratio leaves out 1",
        "formula": "results.identical_arms.ten_loops_in_turn.interval_alarms", "unit": "%",
        "expected": "holds", "holds_if": "high < 5", "fails_if": "low > 5",
    },
    "hour": {
        "claim": "The median loop takes the same time within 2 % in every session",
        "formula": "results.session.loop.median.high / results.session.loop.median.low", "unit": "×",
        "expected": "fails", "holds_if": "value <= 1.02", "fails_if": "value > 1.02", "across": True,
    },
    "asyncio-timer": {
        "claim": "`asyncio.sleep(0.0005)` returns within 0.6 ms in the median",
        "formula": "results.sleep.asyncio_half_ms.p50", "unit": "ms",
        "expected": "fails", "holds_if": "high < 0.6", "fails_if": "low > 0.6",
    },
    "tail": {
        "claim": "The p99 of 10,000 round trips repeats within 10 %: the ends of its interval are no further apart",
        "formula": "results.round_trip.two_cores.p99.high / results.round_trip.two_cores.p99.low", "unit": "×",
        "expected": "fails", "holds_if": "value < 1.1", "fails_if": "value > 1.1",
    },
}
FEW_REPEATS = "the table `session` has one number a session, so that sessions can be compared; all else repeats 9 times"

FIRST = {"in_blocks": range(7), "in_turn": (0, 3, 4, 7, 8, 11, 12)}  # which of 14 are arm A: A A … B B, A B B A …
MEMORY, TARGET = b"x" * 2**25, memoryview(bytearray(2**25))  # 32 MiB: beyond the second-level cache
SERVER = """import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while connection := listener.accept()[0]:
    while data := connection.recv(64):
        connection.sendall(data)"""


def loop() -> None:
    total = 0
    for number in range(400_000):
        total += number


def timed(work: Callable[[], object], runs: int) -> list[float]:
    """Milliseconds of each run."""
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        times.append((time.perf_counter() - begin) * 1e3)
    return times


def account() -> list[float]:
    """Seconds of wall clock and own CPU, forced switches; /proc/stat's ticks: user, nice, system, idle, iowait …"""
    ticks = Path("/proc/stat").read_text().split()[1:9] if sys.platform == "linux" else "01"
    return [time.perf_counter(), time.process_time(), getrusage(RUSAGE_SELF).ru_nivcsw, *map(float, ticks)]


def watched(work: Callable[[], object], runs: int) -> tuple[list[float], float, float, float]:
    """The same; then % of all cores for other processes and for the hypervisor; forced switches a second."""
    before, times = account(), timed(work, runs)
    wall_s, own_s, switches, *ticks = (late - early for late, early in zip(account(), before, strict=True))
    idle, stolen = (sum(ticks[3:5]), ticks[7]) if len(ticks) == 8 else (0.0, 0.0)
    others = 1 - (idle + stolen) / (sum(ticks) or 1) - own_s / wall_s / (os.cpu_count() or 1)
    return times, max(0.0, 100 * others), 100 * stolen / (sum(ticks) or 1), switches / wall_s


def apart(times: list[float], runs: int, order: str) -> list[tuple[float, bool]]:
    """All along `times`, with repeats of `runs` runs: % between the medians of two arms; do all 7 pairs agree on it?"""
    found = []
    for start in range(0, len(times) - 14 * runs + 1, 14):
        repeats = [sum(times[start + index * runs : start + (index + 1) * runs]) for index in range(14)]
        a = [repeats[index] for index in FIRST[order]]
        b = [repeats[index] for index in range(14) if index not in FIRST[order]]
        found.append(
            (
                100 * abs(median(a) / median(b) - 1),
                len({x > y for x, y in zip(a, b, strict=True)}) == 1,
            )
        )
    return found


async def asleep(delay_s: float, count: int) -> list[float]:
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        await asyncio.sleep(delay_s)
        times.append((time.perf_counter() - begin) * 1e3)
    return times


def round_trips(port: int, core: int, count: int) -> list[float]:
    """Microseconds of each echo of 32 bytes; the client runs on `core`, the server on core 0."""
    with ProcessPoolExecutor(1, initializer=labkit.pin, initargs=(core,)) as client:
        return client.submit(echoed, port, count).result()


def echoed(port: int, count: int) -> list[float]:
    with create_connection(("127.0.0.1", port)) as connection:
        return [1e3 * ms for ms in timed(lambda: connection.sendall(b"x" * 32) or connection.recv(64), count)]


def busy(processes: int, loops: int) -> float:
    """Loops a millisecond that so many processes do at the same time, added up."""
    with ProcessPoolExecutor(processes) as pool:
        return sum(loops / sum(times) for times in pool.map(timed, [loop] * processes, [loops] * processes))


def quantiles(unit: str, repeats: list[list[float]], tail: float = 0.99) -> dict[str, Any]:
    of = {q: [labkit.quantile(times, q) for times in repeats] for q in (0.5, tail)}
    return {f"p{100 * q:.0f}": labkit.measured(unit, samples) for q, samples in of.items()}


def run(quick: bool) -> dict[str, object]:
    runs, sleeps, trips, rounds = (140, 50, 500, 2) if quick else (1_400, 1_000, 10_000, 9)
    port = labkit.free_port()
    arms: dict[str, Callable[[], Any]] = {
        "loop": lambda: watched(loop, runs),
        "copy": lambda: watched(lambda: TARGET.__setitem__(slice(None), MEMORY), runs),
        "time_half_ms": lambda: timed(lambda: time.sleep(0.0005), sleeps),
        "asyncio_half_ms": lambda: asyncio.run(asleep(0.0005, sleeps)),
        "asyncio_1.1_ms": lambda: asyncio.run(asleep(0.0011, sleeps)),
        "two_cores": lambda: round_trips(port, 1, trips),
        "one_core": lambda: round_trips(port, 0, trips),
        "one": lambda: busy(1, runs // 14),
        "two": lambda: busy(2, runs // 14),
    }
    with labkit.server([sys.executable, "-c", SERVER, str(port)], ready=port, package="python3", core=0):
        found = labkit.interleave(arms, rounds)
    work, identical = {}, {}
    for name, word in {"loop": "loops", "copy": "copies"}.items():
        times, *shares = zip(*found[name], strict=True)
        heads = {"other_processes": "%", "stolen": "%", "forced_switches": "/s"}
        watch = {head: labkit.measured(unit, one) for (head, unit), one in zip(heads.items(), shares, strict=True)}
        work[name] = quantiles("ms", times) | watch
        for size, order in product({"one": 1, "ten": 10}.items(), FIRST):
            gaps = [apart(one, size[1], order) for one in times]
            naive = [100 * sum(gap >= 5 for gap, _ in one) / len(one) for one in gaps]
            agreed = [100 * sum(agree for _, agree in one) / len(one) for one in gaps]
            row = f"{size[0]}_{name if size[1] == 1 else word}_{order}"
            alarms = {"naive_alarms": labkit.measured("%", naive), "interval_alarms": labkit.measured("%", agreed)}
            identical[row] = quantiles("%", [[gap for gap, _ in one] for one in gaps], 0.95) | alarms
    return {
        "work": work,
        "identical_arms": identical,
        "sleep": {name: quantiles("ms", found[name]) for name in ("time_half_ms", "asyncio_half_ms", "asyncio_1.1_ms")},
        "round_trip": {name: quantiles("µs", found[name]) for name in ("two_cores", "one_core")},
        "busy_processes": {"two": {"work_of_one": labkit.measured("×", map(truediv, found["two"], found["one"]))}},
        "session": {"loop": {"median": labkit.measured("ms", [median(median(one[0]) for one in found["loop"])])}},
    }


if __name__ == "__main__":
    raise SystemExit(labkit.main(run))
