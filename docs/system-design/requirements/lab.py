# /// script
# requires-python = ">=3.11.5"
# dependencies = ["handbook-labkit"]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""When does a hedged request pay, what does the formula for fan-out miss, and which formula predicts a real queue?

Ten backends, each a process, serve TCP calls one at a time, first come first served. A service sleeps, as a thread
waits for an accelerator or a disk; one in a hundred takes twenty times as long. The client hedges: where no answer came
within a delay, it sends a copy to another backend and takes the first answer. A simulation with the same rules covers
loads and seeds that sockets have no time for. Stalls and slow hosts are processes stopped and continued by signals.
"""

import asyncio
import os
import random
import signal
import struct
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from heapq import heapify, heappop, heappush
from math import inf
from statistics import fmean, median

import labkit

BACKENDS, SLOW_SHARE, SLOW_FACTOR = 10, 0.01, 20  # slow: a compaction, a cold page, a garbage collection
MEAN = 1 + SLOW_SHARE * (SLOW_FACTOR - 1)  # service, in services that are not slow: the simulation's unit of time
SERVICE_S = 0.004  # a service that is not slow: asyncio's timers are 1 ms coarse, so not much less
STALL = 100  # a pause of all backends from which the service has to recover, in services
TIPPED = 2  # a run collapses where it is this much slower than the same run without hedging
FREEZE_S, LATE_S, FAST_S = 0.03, 0.01, 0.001  # fan-out: a host's pause, what counts as slow, a service
LOADS = ("10 %", "30 %", "40 %", "50 %", "60 %", "70 %")
HOSTS = {"10 hosts": 10, "2 hosts": 2, "1 host": 1}
CLAIMS = {
    "idle": {"claim": "At 10 % utilization a hedge at p95 divides p99 by five",
        "formula": "results.p99['no hedge']['10 %'] / results.p99['fresh delay']['10 %']", "unit": "×",
        "expected": "holds", "holds_if": "low > 5", "fails_if": "high < 5"},
    "busy": {"claim": "At 50 % utilization a hedge at p95 halves p99",
        "formula": "results.p99['no hedge']['50 %'] / results.p99['fresh delay']['50 %']", "unit": "×",
        "expected": "holds", "holds_if": "low > 2", "fails_if": "high < 2"},
    "extra": {"claim": "At 70 % utilization a hedge at p95 costs 5 to 6 % extra load",
        "formula": "results.extra['fresh delay']['70 %']", "unit": "%",
        "expected": "holds", "holds_if": "high < 6", "fails_if": "low > 6"},
    "budget": {"claim": "At 30 % utilization a stale delay with a budget of 5 % halves p99",
        "formula": "results.p99['no hedge']['30 %'] / results.p99['stale delay, budget 5 %']['30 %']", "unit": "×",
        "expected": "holds", "holds_if": "low > 2", "fails_if": "high < 2"},
    "wide-budget": {"claim": "At 40 % utilization a stale delay with a budget of 20 % halves p99",
        "formula": "results.p99['no hedge']['40 %'] / results.p99['stale delay, budget 20 %']['40 %']", "unit": "×",
        "expected": "holds", "holds_if": "low > 2", "fails_if": "high < 2"},
    "fresh-budget": {"claim": "At 30 % utilization a budget of 5 % raises the p99 of a fresh delay by less than 10 %",
        "formula": "results.p99['fresh delay, budget 5 %']['30 %'] / results.p99['fresh delay']['30 %']", "unit": "×",
        "expected": "holds", "holds_if": "high < 1.1", "fails_if": "low > 1.1"},
    "cancel": {"claim": "At 70 % utilization a hedge halves p99 if queued copies are cancelled",
        "formula": "results.p99['no hedge']['70 %'] / results.p99['stale delay, cancel']['70 %']", "unit": "×",
        "expected": "holds", "holds_if": "low > 2", "fails_if": "high < 2"},
    "recovers": {"claim": "At 40 % utilization a hedge without cancellation recovers from a stall",
        "formula": "results.after['stale delay']['40 %'] / results.after['no hedge']['40 %']", "unit": "×",
        "expected": "holds", "holds_if": "high < 2", "fails_if": "low > 2"},
    "collapses": {"claim": "At 60 % utilization the same hedge has not recovered when the run ends",
        "formula": "results.after['stale delay']['60 %'] / results.after['no hedge']['60 %']", "unit": "×",
        "expected": "holds", "holds_if": "low > 10", "fails_if": "high < 10"},
    "real": {"claim": "The real service at 60 % stays slow after a stall if no copy is cancelled",
        "formula": "results.real['after a stall, hedge'].p50 / results.real['after a stall, no hedge'].p50",
        "unit": "×",
        "expected": "holds", "holds_if": "low > 5", "fails_if": "high < 5"},
    "real-cancel": {"claim": "With cancellation the real p95 after a stall is lower than without hedging",
        "formula": "results.real['after a stall, hedge, cancel'].p95 / results.real['after a stall, no hedge'].p95",
        "unit": "×",
        "expected": "holds", "holds_if": "high < 1", "fails_if": "low > 1"},
    "apart": {"claim": "Ten backends on ten hosts: 1 − (1 − p)¹⁰ gives the slow requests within 25 %",
        "formula": "results.fanout['10 hosts'].formula / results.fanout['10 hosts']['slow requests']", "unit": "×",
        "expected": "holds", "holds_if": "0.75 < low and high < 1.25", "fails_if": "high < 0.75 or low > 1.25"},
    "together": {"claim": "Ten backends on one host: the same formula gives at least four times too many",
        "formula": "results.fanout['1 host'].formula / results.fanout['1 host']['slow requests']", "unit": "×",
        "expected": "holds", "holds_if": "low > 4", "fails_if": "high < 4"},
    "mm1": {"claim": "The formula for exponential service gives the real mean wait at 60 % within 25 %",
        "formula": "results.wait.measured.mean / results.wait['exponential service'].mean", "unit": "×",
        "expected": "fails", "holds_if": "0.75 < low and high < 1.25", "fails_if": "high < 0.75 or low > 1.25"},
    "variance": {"claim": "The formula with the measured variance of service gives it within 25 %",
        "formula": "results.wait.measured.mean / results.wait['measured variance'].mean", "unit": "×",
        "expected": "holds", "holds_if": "0.75 < low and high < 1.25", "fails_if": "high < 0.75 or low > 1.25"},
}
BACKEND = """
import contextlib, select, socket, struct, sys, time
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        queue, data, more = {}, b"", b"-"
        with connection, contextlib.suppress(ConnectionError):  # a client leaves when it has what it wanted
            while more:
                while more and (not queue or select.select([connection], [], [], 0)[0]):
                    data += (more := connection.recv(65536))
                    for number, service_s in struct.iter_unpack("<Id", data[:len(data) // 12 * 12]):
                        if service_s < 0:
                            queue.pop(number, None)  # cancelled, unless it is in service or done
                        else:
                            queue[number] = service_s
                    data = data[len(data) // 12 * 12:]
                if queue:
                    number, begin = next(iter(queue)), time.perf_counter()
                    time.sleep(queue.pop(number))
                    connection.sendall(struct.pack("<Id", number, time.perf_counter() - begin))
"""
Plan = Sequence[tuple[float, int, float, int, float]]


def draw_plan(seed: int, count: int) -> Plan:
    """For each request the gap before it, in mean gaps, a backend and a service, and those of its copy."""
    draw = random.Random(seed)

    def service() -> float:
        return SLOW_FACTOR if draw.random() < SLOW_SHARE else 1.0

    pairs = [draw.sample(range(BACKENDS), 2) for _ in range(count)]
    return [(draw.expovariate(1), first, service(), second, service()) for first, second in pairs]


def simulate(
    plan: Plan, load: str, delay: float = inf, *, cancel: bool = False, budget: float = 1.0, stall: float = 0.0
) -> tuple[list[float], float]:
    """Latencies, and services beyond one a request, in %; `budget` bounds the copies a request so far."""
    gap = MEAN / BACKENDS / _share(load)
    arrive, hedge = BACKENDS, BACKENDS + 1  # events; a smaller number is a backend that ends a service
    events = [(stall, backend, -1) for backend in range(BACKENDS)] + [(gap * plan[0][0], arrive, 0)]
    queues: list[deque[tuple[int, float]]] = [deque() for _ in range(BACKENDS)]
    busy, due, latency, copies, served = [True] * BACKENDS, [0.0] * len(plan), [-1.0] * len(plan), 0, 0
    heapify(events)
    while events:
        now, event, number = heappop(events)
        backend = event
        if event == arrive:
            due[number], (_, backend, service, _, _) = now, plan[number]
            queues[backend].append((number, service))
            if delay < inf:
                heappush(events, (now + delay, hedge, number))
            if number + 1 < len(plan):
                heappush(events, (now + gap * plan[number + 1][0], arrive, number + 1))
        elif event == hedge:
            if latency[number] >= 0 or copies >= budget * (number + 1):
                continue
            copies += 1
            _, _, _, backend, service = plan[number]
            queues[backend].append((number, service))
        else:
            busy[backend] = False
            if number >= 0 > latency[number]:
                latency[number] = now - due[number]
        queue = queues[backend]
        while not busy[backend] and queue:
            number, service = queue.popleft()
            if not (cancel and latency[number] >= 0):  # else its answer came from elsewhere
                busy[backend], served = True, served + 1
                heappush(events, (now + service, backend, number))
    return latency, 100 * (served / len(plan) - 1)


def simulated(seeds: int, count: int) -> dict[str, object]:
    """By arm and load: p99, extra work, the median that is left of a stall, and how many runs collapse."""
    tables: dict[str, dict[str, dict[str, list[float]]]] = {"p99": {}, "extra": {}, "after": {}}
    for seed in range(seeds):
        plan = draw_plan(seed, count)  # the same for every arm
        stale = labkit.quantile(simulate(plan, "10 %")[0], 0.95)
        for load in LOADS:
            fresh = labkit.quantile(simulate(plan, load)[0], 0.95)
            for arm, how in {
                "no hedge": {},
                "fresh delay": {"delay": fresh},
                "stale delay": {"delay": stale},
                "fresh delay, budget 5 %": {"delay": fresh, "budget": 0.05},
                "stale delay, budget 5 %": {"delay": stale, "budget": 0.05},
                "stale delay, budget 20 %": {"delay": stale, "budget": 0.20},
                "fresh delay, cancel": {"delay": fresh, "cancel": True},
                "stale delay, cancel": {"delay": stale, "cancel": True},
            }.items():
                latencies, extra = simulate(plan, load, **how)
                found = {"p99": labkit.quantile(latencies, 0.99)}
                if how and "budget" not in how:
                    found["extra"] = extra
                latencies, _ = simulate(plan[: count // 2], load, stall=STALL, **how)
                found["after"] = median(latencies[-count // 6 :])
                for table, value in found.items():
                    tables[table].setdefault(arm, {}).setdefault(load, []).append(value)
    tipped: dict[str, dict[str, object]] = {}
    for arm in ("fresh delay", "stale delay"):
        for row, table in ((arm, tables["p99"]), (f"{arm}, after a stall", tables["after"])):
            tipped[row] = {}
            for load in LOADS[-4:]:
                pairs = zip(table[arm][load], table["no hedge"][load], strict=True)
                tipped[row][load] = labkit.exact("runs", sum(hedged > TIPPED * plain for hedged, plain in pairs))
    pairs = zip(tables["p99"]["fresh delay"]["70 %"], tables["p99"]["no hedge"]["70 %"], strict=True)
    if calm := [hedged for hedged, plain in pairs if hedged <= TIPPED * plain]:
        tipped["fresh delay"]["p99 of the rest at 70 %"] = labkit.exact("", median(calm))
    return {"tipped": tipped} | {
        table: {
            arm: {
                load: labkit.measured("%" if table == "extra" else "", values[load])  # else in fast services
                for load in (LOADS if table == "p99" else LOADS[1:])
            }
            for arm, values in arms.items()
        }
        for table, arms in tables.items()
    }


def _share(load: str) -> float:
    return int(load.split()[0]) / 100


class Link(asyncio.Protocol):
    """A connection to a backend that carries many calls at a time; an answer is the time in service."""

    def __init__(self) -> None:
        self.answers: dict[int, asyncio.Future[float]] = {}
        self.data = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        whole = len(self.data) // 12 * 12
        for number, busy_s in struct.iter_unpack("<Id", self.data[:whole]):
            if number in self.answers:
                self.answers.pop(number).set_result(busy_s)
        self.data = self.data[whole:]

    def send(self, number: int, service_s: float) -> "asyncio.Future[float]":
        self.transport.write(struct.pack("<Id", number, service_s))
        self.answers[number] = asyncio.get_running_loop().create_future()
        return self.answers[number]

    def cancel(self, number: int) -> None:
        if self.answers.pop(number, None):
            self.transport.write(struct.pack("<Id", number, -1.0))


class Fleet:
    """The real backends, and the client's experiments on them."""

    def __init__(self, stack: ExitStack) -> None:
        self.pids: list[int] = []
        self.ports = [labkit.free_port() for _ in range(BACKENDS)]
        for port in self.ports:
            command, core = [sys.executable, "-c", BACKEND, str(port)], (os.cpu_count() or 1) - 1
            self.pids.append(stack.enter_context(labkit.server(command, ready=port, package="python3", core=core)).pid)

    @asynccontextmanager
    async def links(self) -> AsyncIterator[list[Link]]:
        create = asyncio.get_running_loop().create_connection
        links = [(await create(Link, "127.0.0.1", port))[1] for port in self.ports]
        yield links
        for link in links:
            link.transport.close()  # the backend forgets what still queues

    async def stop(self, host: Iterable[int], pause_s: float) -> None:
        try:
            for backend in host:
                os.kill(self.pids[backend], signal.SIGSTOP)
            await asyncio.sleep(pause_s)
        finally:
            for backend in host:
                os.kill(self.pids[backend], signal.SIGCONT)

    async def hedge(
        self, seed: int, duration_s: float, load: str = "60 %", delay_s: float | None = None, cancel: bool = False,
        stall_s: float = 0.0,
    ) -> tuple[list[float], list[float]]:
        """Latencies and services in s, by intended time."""
        rate_per_s, services = _share(load) * BACKENDS / (MEAN * SERVICE_S), {}
        plan = draw_plan(seed, round(2 * rate_per_s * duration_s) + 100)

        async def send(number: int) -> None:
            _, first, service, second, copy = plan[number]
            calls = {first: links[first].send(number, service * SERVICE_S)}
            answered, _ = await asyncio.wait(calls.values(), timeout=delay_s)
            if not answered:
                calls[second] = links[second].send(number, copy * SERVICE_S)
                answered, _ = await asyncio.wait(
                    calls.values(), return_when=asyncio.FIRST_COMPLETED
                )
            services[number] = answered.pop().result()
            for backend in calls if cancel else ():
                links[backend].cancel(number)

        async with self.links() as links, asyncio.TaskGroup() as group:
            if stall_s:
                group.create_task(self.stop(range(BACKENDS), stall_s))
            latencies = await labkit.open_loop(send, rate_per_s, duration_s, seed=seed)
        return latencies, [services[number] for number in range(len(latencies))]

    async def fan_out(self, seed: int, duration_s: float, hosts: int) -> tuple[float, float]:
        """The shares of calls and of requests, each of a call to every backend, that are slow."""
        late, draw = [], random.Random(seed)

        async def send(number: int) -> None:
            begin = time.perf_counter()

            async def call(link: Link) -> bool:
                await link.send(number, FAST_S)
                return time.perf_counter() - begin > LATE_S

            late.append(await asyncio.gather(*map(call, links)))

        async def falter(host: range) -> None:
            while True:
                await asyncio.sleep(draw.uniform(0.2, 0.4))
                await self.stop(host, FREEZE_S)

        async with self.links() as links:
            stops = asyncio.gather(*(falter(range(first, BACKENDS, hosts)) for first in range(hosts)))
            await labkit.open_loop(send, 60, duration_s, seed=seed)
            stops.cancel()
            with suppress(asyncio.CancelledError):
                await stops
        return fmean(sum(calls) / BACKENDS for calls in late), fmean(any(calls) for calls in late)


def real(repeats: int, duration_s: float) -> dict[str, object]:
    """The median and p95 that a stall leaves, the mean wait beside two formulas, and slow requests by hosts."""
    with ExitStack() as stack:
        fleet = Fleet(stack)
        delay_s = labkit.quantile(asyncio.run(fleet.hedge(99, duration_s, "10 %"))[0], 0.95)  # stale
        stall = {"duration_s": duration_s, "stall_s": STALL * SERVICE_S}
        arms = {
            "without a stall, no hedge": partial(fleet.hedge, duration_s=2 * duration_s),  # a mean needs more
            "after a stall, no hedge": partial(fleet.hedge, **stall),
            "after a stall, hedge": partial(fleet.hedge, **stall, delay_s=delay_s),
            "after a stall, hedge, cancel": partial(fleet.hedge, **stall, delay_s=delay_s, cancel=True),
        }
        rows = list(arms)
        arms |= {name: partial(fleet.fan_out, duration_s=duration_s, hosts=count) for name, count in HOSTS.items()}
        seeds = {name: iter(range(repeats)) for name in arms}  # every arm of a round gets the same
        turns = {name: partial(lambda name: asyncio.run(arms[name](next(seeds[name]))), name) for name in arms}
        found = labkit.interleave(turns, repeats, warmup=0)  # the run that set the delay was the warm-up
    tables: dict[str, dict[str, object]] = {"real": {}, "wait": {}, "fanout": {}}
    for arm in rows:
        ends = [latencies[len(latencies) * 6 // 10 :] for latencies, _ in found[arm]]
        tables["real"][arm] = {
            "p50": labkit.measured("ms", [1_000 * median(end) for end in ends]),
            # an end has 2,000 requests, too few for a p99
            "p95": labkit.measured("ms", [1_000 * labkit.quantile(end, 0.95) for end in ends]),
        }
    waits: dict[str, list[float]] = {"measured": [], "exponential service": [], "measured variance": []}
    for latencies, services in found["without a stall, no hedge"]:
        mean_s, square = fmean(services), fmean(service_s**2 for service_s in services)
        rate = len(services) / BACKENDS / (2 * duration_s)
        waits["measured"].append(1_000 * (fmean(latencies) - mean_s))
        waits["exponential service"].append(1_000 * rate * mean_s**2 / (1 - rate * mean_s))
        waits["measured variance"].append(1_000 * rate * square / 2 / (1 - rate * mean_s))
    tables["wait"] = {row: {"mean": labkit.measured("ms", values)} for row, values in waits.items()}
    for hosts in HOSTS:
        tables["fanout"][hosts] = {
            "slow calls": labkit.measured("%", [100 * calls for calls, _ in found[hosts]]),
            "slow requests": labkit.measured("%", [100 * requests for _, requests in found[hosts]]),
            "formula": labkit.measured("%", [100 * (1 - (1 - calls) ** BACKENDS) for calls, _ in found[hosts]]),
        }
    return tables


def run(quick: bool) -> dict[str, object]:
    labkit.pin(0)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)  # other work on the machine would stall all backends at once
    return simulated(3 if quick else 20, 3_000 if quick else 30_000) | real(1 if quick else 7, 0.6 if quick else 4.0)


if __name__ == "__main__":
    raise SystemExit(labkit.main(run))
