# /// script
# requires-python = ">=3.11.5"
# dependencies = ["handbook-labkit", "aiohttp>=3.12,<4", "httptools>=0.6,<1", "numpy>=2,<3", "uvicorn>=0.35,<1"]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""After a stall, how long until a service answers again, by the rules of its callers? And what does one more hop cost?

Four callers send requests, in an open loop, to a service with four slots, which stops for five timeouts and goes on.
A simulation runs it for seeds, loads and stalls; the same caller code then runs against a real HTTP service that is
stopped by a signal, five times faster. A scoring path is served by one process and by two and three over HTTP.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from bisect import bisect
from collections import deque
from contextlib import ExitStack, suppress
from functools import partial
from heapq import heappop, heappush
from itertools import count
from math import inf
from statistics import fmean, median

import aiohttp
import labkit
import numpy
import uvicorn

SLOTS, SERVICE_S, TIMEOUT_S, STALL_S = 4, 0.1, 1.0, 5.0  # 40 calls/s at most, and 40 calls wait within a timeout
CALLERS, BEFORE_S, AFTER_S = 4, 5.0, 120.0  # callers keep budgets and breakers of their own
WINDOW, PROBES, OPEN_S = 10, 3, 5.0  # breaker: opens where half of the last calls failed, then tries a few
DEADLINE_S = 10.0  # an answer after that, by whatever attempt, is none
FASTER = 5  # the real run: every time divided by it
ARMS = {
    "no retry": {"retries": 0},
    "3 retries": {},
    "3 retries, jitter": {"jitter_s": 0.5},
    "3 retries, 10 % budget": {"budget": 0.1},
    "3 retries, breaker": {"open_s": OPEN_S},
}
PATIENT, BOUNDED = {"3 retries, jitter to 40 s": {"jitter_s": 10.0}}, {"3 retries, queue of 20": ({}, 20)}
CONTROLS = {  # the rules of the callers, what differs at the server, from when on recovery counts
    "breaker open 1 s": ({"open_s": 1.0}, {}, 0.0),
    "breaker open 20 s": ({"open_s": 20.0}, {}, 0.0),
    "queue holds 20 calls": ({}, {"room": 20}, 0.0),
    "queue holds 40 calls": ({}, {"room": 40}, 0.0),
    "queue skips calls given up": ({}, {"skip": True}, 0.0),
    "retries off after 60 s": ({}, {"off": True}, 60.0),
    "retries off, restart": ({}, {"closed_s": 0.0, "off": True}, 60.0),
}
RESTARTS = {  # after 60 s, for so many seconds; a closed port refuses at once, a balancer may let calls hang
    "calls refused": ({}, {}),
    "calls refused, jitter": ({"jitter_s": 0.5}, {}),
    "calls hang": ({}, {"hang": True}),
}
LOADS, STALLS, CLOSED_S = (20, 30, 50, 70, 85), (1, 2, 5, 8, 15), (0, 0.2, 0.5, 1, 5)
CUTS = {
    "cpu": "empty call", "text": "rows written and read", "one": "one process", "two": "two, cut at the ids",
    "rows": "two, cut at the rows", "three": "three, cut at the rows",
}
CANDIDATES, FEATURES = {20: 300, 500: 40}, 32  # candidates a request: requests a repeat
# eight decimals, about what float32 holds: a float32 widened to float64 would be printed with twice the digits
TABLE = numpy.random.default_rng(1).standard_normal((10_000, FEATURES)).round(8)
HIDDEN, OUT = (numpy.random.default_rng(2).standard_normal(shape, dtype="float32") for shape in ((FEATURES, 64), (64,)))
CLAIMS = {
    "stuck": {"claim": "With 3 retries, after a stall of 5 s at 70 % load, no run is back within 120 s",
        "formula": "results.recovery['3 retries'].back", "unit": "%",
        "expected": "holds", "holds_if": "value == 0", "fails_if": "value > 0", "always": True},
    "jitter": {"claim": "Exponential backoff with full jitter lets every such run come back",
        "formula": "results.recovery['3 retries, jitter'].back", "unit": "%",
        "expected": "fails", "holds_if": "value == 100", "fails_if": "value < 100", "always": True},
    "budget": {"claim": "A retry budget of 10 % lets every such run come back",
        "formula": "results.recovery['3 retries, 10 % budget'].back", "unit": "%",
        "expected": "holds", "holds_if": "value == 100", "fails_if": "value < 100", "always": True},
    "breaker": {"claim": "A circuit breaker around 3 retries lets every such run come back",
        "formula": "results.recovery['3 retries, breaker'].back", "unit": "%",
        "expected": "holds", "holds_if": "value == 100", "fails_if": "value < 100", "always": True},
    "breaker-faster": {"claim": "The breaker is back before callers that never retry",
        "formula": "results.recovery['3 retries, breaker'].seconds - results.recovery['no retry'].seconds", "unit": "s",
        "expected": "holds", "holds_if": "high < 0", "fails_if": "low > 0"},
    "quarter": {"claim": "At 20 % load every run with 3 retries comes back, at 30 % none",
        "expected": "holds",
        "holds_if": "results.load['3 retries']['20 %'].value == 100 and results.load['3 retries']['30 %'].value == 0",
        "fails_if": "results.load['3 retries']['20 %'].value < 100 or results.load['3 retries']['30 %'].value > 0"},
    "restart": {"claim": "A restart in 0 s, which only loses the calls, ends it while callers go on retrying",
        "formula": "results.restart['calls refused']['0 s']", "unit": "%",
        "expected": "fails", "holds_if": "value == 100", "fails_if": "value < 100"},
    "restart-refused": {"claim": "A restart that refuses calls for 1 s ends it while callers go on retrying",
        "formula": "results.restart['calls refused']['1 s']", "unit": "%",
        "expected": "holds", "holds_if": "value == 100", "fails_if": "value < 100"},
    "restart-hang": {"claim": "A restart that lets calls hang for 5 s ends it while callers go on retrying",
        "formula": "results.restart['calls hang']['5 s']", "unit": "%",
        "expected": "fails", "holds_if": "value == 100", "fails_if": "value < 100"},
    "skip": {"claim": "A server that skips calls whose caller has left ends it without any change at the callers",
        "formula": "results.control['queue skips calls given up'].back", "unit": "%",
        "expected": "holds", "holds_if": "value == 100", "fails_if": "value < 100"},
    "real-stuck": {"claim": "Real service: with 3 retries most requests still fail at the end of the run",
        "formula": "results.real['3 retries'].answered", "unit": "%",
        "expected": "holds", "holds_if": "high < 50", "fails_if": "low > 50"},
    "real-jitter": {"claim": "Real service: so they do with jitter",
        "formula": "results.real['3 retries, jitter'].answered", "unit": "%",
        "expected": "holds", "holds_if": "high < 50", "fails_if": "low > 50"},
    "real-budget": {"claim": "Real service: with the budget at least 95 % are answered at the end of the run",
        "formula": "results.real['3 retries, 10 % budget'].answered", "unit": "%",
        "expected": "holds", "holds_if": "low >= 95", "fails_if": "high < 95"},
    "real-breaker": {"claim": "Real service: with the breaker too",
        "formula": "results.real['3 retries, breaker'].answered", "unit": "%",
        "expected": "holds", "holds_if": "low >= 95", "fails_if": "high < 95"},
    "split-cpu": {"claim": "20 candidates: three services take at least three times the CPU of one process",
        "formula": "results.hop['three, cut at the rows']['CPU, 20'] / results.hop['one process']['CPU, 20']",
        "unit": "×", "expected": "holds", "holds_if": "low > 3", "fails_if": "high < 3"},
    "cut": {"claim": "Two processes, 500 candidates: cut at the rows, p50 is at least five times that cut at the ids",
        "formula": "results.hop['two, cut at the rows']['p50, 500'] / results.hop['two, cut at the ids']['p50, 500']",
        "unit": "×", "expected": "holds", "holds_if": "low > 5", "fails_if": "high < 5"},
}


class Caller:
    """The rules of one caller process: attempts, pauses, a budget for retries, a circuit breaker."""

    def __init__(
        self, retries: int = 3, jitter_s: float = 0.0, budget: float = inf, open_s: float = 0.0, faster: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.retries, self.jitter_s, self.budget, self.open_s = retries, jitter_s, budget, open_s
        self.faster, self.draw = faster, random.Random(seed)
        self.tokens, self.full = (inf, inf) if budget == inf else (3.0, 10.0)
        self.last: deque[bool] = deque(maxlen=WINDOW)
        self.open_until, self.probes = -inf, 0  # half open: calls that may still be tried

    def may_send(self, now: float, attempt: int) -> bool:
        if attempt == 0:
            self.tokens = min(self.full, self.tokens + self.budget)
        elif attempt > self.retries or self.tokens < 1:
            return False
        if self.open_until > -inf:  # open, or half open
            if now < self.open_until or self.probes == 0:
                return False
            self.probes -= 1
        self.tokens -= attempt > 0
        return True

    def learn(self, now: float, answered: bool) -> None:
        self.last.append(answered)
        if not self.open_s:
            return
        half_open = -inf < self.open_until <= now
        if half_open and answered:
            self.open_until = -inf
            self.last.clear()
        elif half_open or (len(self.last) == WINDOW and sum(self.last) <= WINDOW / 2):
            self.open_until, self.probes = now + self.open_s / self.faster, PROBES

    def pause_s(self, attempt: int) -> float:
        if self.jitter_s:
            return self.draw.uniform(0, self.jitter_s * 2**attempt) / self.faster
        return 0.1 / self.faster


def simulate(
    seed: int, load: float, rules: dict[str, object], stall_s: float = STALL_S, *, after_s: float = AFTER_S,
    room: float = inf, skip: bool = False, closed_s: float | None = None, hang: bool = False, off: bool = False,
) -> tuple[list[float], list[bool], int]:
    """When each request came, counted from the end of the stall, whether it was answered, and all attempts.

    After 60 s `off` ends retries, `closed_s` resets all calls and takes none for so long: refused, or left to `hang`.
    """
    draw, tie, begin = random.Random(seed), count(), -stall_s
    callers = [Caller(**rules, seed=CALLERS * seed + number) for number in range(CALLERS)]
    came: list[float] = []
    good: list[bool] = []
    attempts: list[tuple[int, int]] = []  # request, number of the attempt
    waiting: deque[int] = deque()
    there: set[int] = set()  # attempts whose caller still waits
    running: set[int] = set()  # attempts in the slots
    events: list[tuple[float, int, str, int]] = []
    closed = False

    def at(when: float, event: str, number: int = 0) -> None:
        heappush(events, (when, next(tie), event, number))

    def send(now: float, request: int, attempt: int) -> None:
        if callers[request % CALLERS].may_send(now, attempt):
            number = len(attempts)
            attempts.append((request, attempt))
            there.add(number)
            refused = len(waiting) >= room or (closed and not hang)
            at(now if refused else now + TIMEOUT_S, "failed", number)
            if not refused and not closed:
                waiting.append(number)

    at(begin - BEFORE_S, "arrive")
    at(0.0, "resume")
    if off or closed_s is not None:
        at(60.0, "repair")
    while events and events[0][0] < after_s + DEADLINE_S:
        now, _, event, number = heappop(events)
        request, attempt = attempts[number] if event in ("failed", "again", "done") else (0, 0)
        if event == "arrive":
            at(now + draw.expovariate(load * SLOTS / SERVICE_S), "arrive")
            came.append(now)
            good.append(False)
            send(now, len(came) - 1, 0)
        elif event == "again":
            send(now, request, attempt + 1)
        elif event == "repair":
            for caller in callers if off else ():
                caller.retries = 0
            if closed_s is not None:
                for lost in (*waiting, *running):
                    at(now, "failed", lost)  # the connection is reset
                waiting.clear()
                running.clear()
                closed = True
                at(now + closed_s, "open")
        elif event == "open":
            closed = False
        elif event in ("failed", "done"):
            running -= {number} if event == "done" else set()
            if number in there:
                there.remove(number)
                good[request] = event == "done" and now < came[request] + DEADLINE_S
                callers[request % CALLERS].learn(now, event == "done")
                if event == "failed":
                    at(now + callers[request % CALLERS].pause_s(attempt), "again", number)
        while waiting and len(running) < SLOTS and not begin <= now < 0:
            number = waiting.popleft()
            if number in there or not skip:
                running.add(number)
                finish = now + draw.expovariate(1 / SERVICE_S)
                at(finish + (stall_s if now < begin < finish else 0), "done", number)
    asked = bisect(came, after_s)  # those after it keep up the load until the last of these has its answer
    return came[:asked], good[:asked], sum(request < asked for request, _ in attempts)


def back_s(came: list[float], good: list[bool], until_s: float, from_s: float = 0.0) -> float:
    """Seconds after `from_s` from which on any five have 95 % of requests answered; inf: not before `until_s`."""
    seconds = int(until_s - from_s)
    asked, answered = [0] * seconds, [0] * seconds
    for when, ok in zip(came, good, strict=True):
        if 0 <= (second := int((when - from_s) // 1)) < seconds:
            asked[second] += 1
            answered[second] += ok
    bad = [at for at in range(seconds - 4) if sum(answered[at : at + 5]) < 0.95 * sum(asked[at : at + 5])]
    return inf if bad[-1:] == [seconds - 5] else bad[-1] + 1.0 if bad else 0.0


def simulated(seeds: int, after_s: float) -> dict[str, object]:
    """Tables: recovery, its controls and restarts; by load and by stall; requests answered over time."""
    arms = ARMS | PATIENT
    Found = dict[str, list[float]]

    def recover(rules: dict[str, object], load: float = 0.7, from_s: float = 0.0, **how: float) -> Found:
        found: Found = {"back": [], "lost": [], "answered": [], "attempts": []}
        for seed in range(seeds):
            until_s = from_s + after_s
            came, good, attempts = simulate(seed, load, rules, after_s=until_s, **how)
            found["back"].append(back_s(came, good, until_s, from_s))
            found["lost"].append((len(good) - sum(good)) / (load * SLOTS / SERVICE_S))
            found["answered"].append(100 * fmean(good[bisect(came, until_s - 20) :]))
            found["attempts"].append(attempts / len(came))
        return found

    def row(found: Found) -> dict[str, object]:
        cells = {"back": _share(found["back"])}
        if cells["back"]["value"] == 100:
            cells["seconds"] = labkit.measured("s", found["back"])
            cells["lost"] = labkit.measured("s of traffic", found["lost"])
        cells["answered"] = labkit.measured("%", found["answered"])
        return cells | {"attempts": labkit.measured("a request", found["attempts"])}

    tables: dict[str, dict[str, dict[str, object]]] = {
        "recovery": {arm: row(recover(rules)) for arm, rules in arms.items()},
        "control": {
            arm: row(recover(rules, from_s=from_s, **how)) for arm, (rules, how, from_s) in CONTROLS.items()
        },
        "restart": {
            arm: {f"{shut} s": _share(recover(rules, from_s=60.0, closed_s=shut, **how)["back"]) for shut in CLOSED_S}
            for arm, (rules, how) in RESTARTS.items()
        },
        "load": {}, "stall": {}, "seconds": {}, "goodput": {},
    }
    for arm, (rules, room) in ({arm: (rules, inf) for arm, rules in arms.items()} | BOUNDED).items():
        by_load = {f"{load} %": recover(rules, load / 100, room=room)["back"] for load in LOADS}
        by_stall = {f"{stall} s": recover(rules, stall_s=stall, room=room)["back"] for stall in STALLS}
        tables["load"][arm] = {load: _share(backs) for load, backs in by_load.items()}
        tables["stall"][arm] = {stall: _share(backs) for stall, backs in by_stall.items()}
        if max(max(backs) for backs in by_stall.values()) < inf:
            tables["seconds"][arm] = {stall: labkit.measured("s", backs) for stall, backs in by_stall.items()}
    for arm, rules in ARMS.items():
        for seed in range(seeds):
            came, good, _ = simulate(seed, 0.7, rules, after_s=40.0)
            for second in range(-8, 38, 2):
                window = [ok for when, ok in zip(came, good, strict=True) if second <= when < second + 2]
                cells = tables["goodput"].setdefault(f"second={second}", {})
                cells.setdefault(arm, []).append(100 * fmean(window))
    for cells in tables["goodput"].values():
        cells.update({arm: labkit.measured("%", values) for arm, values in cells.items()})
    return tables


def _share(backs: list[float]) -> dict[str, object]:
    return labkit.exact("%", round(100 * fmean(back < inf for back in backs)))


def features(items: list[int]) -> numpy.ndarray:
    return TABLE[items]


def score(rows: numpy.ndarray) -> list[float]:
    return (numpy.maximum(rows.astype("float32") @ HIDDEN, 0) @ OUT).tolist()


def best(items: list[int], scores: list[float]) -> dict[str, object]:
    return {"best": [item for _, item in sorted(zip(scores, items, strict=True), reverse=True)[:5]]}


class Service:
    """An HTTP service (ASGI): what it does is the first word of the path; addresses of others come as arguments."""

    def __init__(self, others: list[str]) -> None:
        self.others, self.session = others, None
        self.slots, self.draw, self.run = asyncio.Semaphore(SLOTS), random.Random(0), 0

    async def ask(self, number: int, path: str, body: object) -> object:
        self.session = self.session or aiohttp.ClientSession()
        async with self.session.post(f"{self.others[number]}/{path}", data=json.dumps(body)) as answer:
            return json.loads(await answer.read())

    async def answer(self, path: str, asked: object) -> object:
        if path == "work":  # holds one of the slots, as a thread that waits for an accelerator
            run = self.run
            async with self.slots:
                return await asyncio.sleep(self.draw.expovariate(FASTER / SERVICE_S)) if run == self.run else None
        if path == "forget":  # what a run before has left in the queue
            self.run += 1
        if path == "features":
            return features(asked).tolist()
        if path == "model":
            return score(numpy.array(asked))
        if path == "ranker":
            return score(features(asked))
        if path == "text":  # what it takes to write and read the rows once
            return len(json.loads(json.dumps(features(asked).tolist())))
        if path == "one":
            return best(asked, score(features(asked)))
        if path == "two":
            return best(asked, await self.ask(0, "ranker", asked))
        if path == "rows":
            return best(asked, await self.ask(2, "model", features(asked).tolist()))
        if path == "three":
            return best(asked, await self.ask(2, "model", await self.ask(1, "features", asked)))
        return time.process_time()

    async def __call__(self, scope: dict, receive: object, send: object) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        answer = json.dumps(await self.answer(scope["path"][1:], json.loads(body or b"null"))).encode()
        headers = [(b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


def start(stack: ExitStack, *others: str) -> tuple[str, int]:
    """A service process on the last core: its address and its process id."""
    port, core = labkit.free_port(), (os.cpu_count() or 1) - 1
    command = [sys.executable, __file__, "serve", str(port), *others]
    process = stack.enter_context(labkit.server(command, ready=port, package="python3", core=core))
    return f"http://127.0.0.1:{port}", process.pid


async def storm(
    address: str, pid: int, seed: int, rules: dict[str, object], after_s: float
) -> tuple[float, float]:
    """The stall on a real service: % answered of the last fifth of the time after it, and attempts a request."""
    callers = [Caller(**rules, faster=FASTER, seed=CALLERS * seed + number) for number in range(CALLERS)]
    loop, sent, good = asyncio.get_running_loop(), 0, {}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S / FASTER)
    stall_s, before_s, begin = STALL_S / FASTER, BEFORE_S / FASTER / 2, 0.0
    rate_per_s, run_s = 0.5 * SLOTS / SERVICE_S * FASTER, before_s + stall_s + after_s

    async def send(number: int) -> None:
        nonlocal sent
        caller, came, attempt = callers[number % CALLERS], loop.time(), 0
        good[number] = (came - begin - before_s - stall_s, False)
        while caller.may_send(loop.time(), attempt):
            sent += 1
            try:
                async with session.post(f"{address}/work", timeout=timeout) as answer:
                    await answer.read()
                answered = True
            except (TimeoutError, aiohttp.ClientError):
                answered = False
            caller.learn(loop.time(), answered)
            if answered:
                good[number] = (good[number][0], loop.time() < came + DEADLINE_S / FASTER)
                return
            await asyncio.sleep(caller.pause_s(attempt))
            attempt += 1

    async def stall() -> None:
        try:
            await asyncio.sleep(begin + before_s - loop.time())
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(stall_s)
        finally:
            os.kill(pid, signal.SIGCONT)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await session.post(f"{address}/forget")
        begin = loop.time() + 0.05
        stop = asyncio.create_task(stall())
        await asyncio.sleep(0.05)
        await labkit.open_loop(send, rate_per_s, run_s, seed=seed)
        await stop
    last = [answered for when, answered in good.values() if when > after_s * 0.8]
    return 100 * fmean(last), sent / len(good)


async def burst(address: str, calls: int) -> float:
    """Calls a second, each on a new connection, that do no work: what client and server can bear."""
    limit = aiohttp.TCPConnector(limit=50, force_close=True)
    async with aiohttp.ClientSession(connector=limit) as session:
        begin = time.perf_counter()
        await asyncio.gather(*(session.post(f"{address}/forget") for _ in range(calls)))
        return calls / (time.perf_counter() - begin)


async def path(
    session: aiohttp.ClientSession, address: str, cut: str, candidates: int, requests: int, services: list[str]
) -> tuple[float, float]:
    """p50 in ms of requests, one after the other, and CPU of all services in ms a request."""
    draw, taken = random.Random(1), []

    async def ask(address: str, cut: str, body: object) -> float:
        async with session.post(f"{address}/{cut}", data=json.dumps(body)) as answer:
            return json.loads(await answer.read())

    before = [await ask(other, "cpu", None) for other in services]
    for _ in range(requests):
        items, begin = draw.sample(range(len(TABLE)), candidates), time.perf_counter()
        await ask(address, cut, items)
        taken.append(time.perf_counter() - begin)
    after = [await ask(other, "cpu", None) for other in services]
    return 1_000 * median(taken), 1_000 * (sum(after) - sum(before)) / len(taken)


def real(repeats: int, after_s: float, candidates: dict[int, int]) -> dict[str, object]:
    with ExitStack() as stack:
        work, pid = start(stack)
        features, model, ranker = (start(stack)[0] for _ in range(3))
        gateway, _ = start(stack, ranker, features, model)
        services = [gateway, ranker, features, model]

        async def hop(cut: str, size: int) -> tuple[float, float]:
            async with aiohttp.ClientSession() as session:
                return await path(session, gateway, cut, size, candidates[size], services)

        hops = {(size, cut): partial(hop, cut, size) for size in candidates for cut in CUTS}
        arms = {arm: partial(storm, work, pid, rules=rules, after_s=after_s) for arm, rules in ARMS.items()}
        seeds = {arm: iter(range(repeats)) for arm in arms}
        turns = {arm: partial(lambda arm: asyncio.run(arms[arm](seed=next(seeds[arm]))), arm) for arm in arms}
        turns["empty call"] = lambda: asyncio.run(burst(work, 50 if repeats == 1 else 500))
        found = labkit.interleave(turns, repeats, warmup=0)
        paths = labkit.interleave({key: partial(lambda key: asyncio.run(hops[key]()), key) for key in hops}, repeats)
    tables: dict[str, dict[str, dict[str, object]]] = {"real": {}, "hop": {}}
    tables["client"] = {"empty calls": {"rate": labkit.measured("calls/s", found.pop("empty call"))}}
    for arm, runs in found.items():
        last, attempts = zip(*runs, strict=True)
        row = tables["real"][arm] = {"answered": labkit.measured("%", last)}
        row["attempts"] = labkit.measured("a request", attempts)
    for (size, cut), runs in paths.items():
        p50_ms, cpu_ms = zip(*runs, strict=True)
        row = tables["hop"].setdefault(CUTS[cut], {})
        row[f"p50, {size}"], row[f"CPU, {size}"] = labkit.measured("ms", p50_ms), labkit.measured("ms", cpu_ms)
    return tables


def run(quick: bool) -> dict[str, object]:
    labkit.pin(0)
    if quick:
        return simulated(1, 30.0) | real(1, 1.0, dict.fromkeys(CANDIDATES, 5))
    return simulated(10, AFTER_S) | real(7, 2.6, CANDIDATES)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        with suppress(KeyboardInterrupt):
            uvicorn.run(Service(sys.argv[3:]), port=int(sys.argv[2]), log_level="error", lifespan="off")
        raise SystemExit
    raise SystemExit(labkit.main(run))
