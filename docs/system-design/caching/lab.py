# /// script
# requires-python = ">=3.11.5"
# dependencies = ["handbook-labkit", "numpy>=2,<3", "pymemcache>=4,<5", "redis>=7,<9"]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""What does a cache in front of a model give: how many hits, from which model cost on, in a stampede, after a roll-out?

Redis and Memcached as Debian packages them, on loopback. Hits are counted by the servers' own replies; a request is one
command (look up, store on a miss), so commands can be pipelined and still take effect strictly one after another.
"""

import asyncio
import math
import random
import socket
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import labkit
import numpy as np
import redis
import redis.asyncio
from pymemcache.client.base import Client as Memcache

CLAIMS = {
    "che": {
        "claim": "Che's formula gives the hit ratio of an exact LRU cache to half a point", "expected": "holds",
        "holds_if": "all(abs(row.che.value - row.exact_lru.value) < 0.5 for row in results.hits)",
        "fails_if": "any(abs(row.che.value - row.exact_lru.value) > 0.5 for row in results.hits)",
    },
    "redis-lru": {
        "claim": "Redis allkeys-lru that keeps unused keys for hundredths of a second is within a point of exact LRU",
        "expected": "holds", "formula": "results.clock.burst.against_exact", "unit": "points", "holds_if": "low > -1",
        "fails_if": "high < -1",
    },
    "redis-clock": {
        "claim": "Redis allkeys-lru that keeps an unused key for seconds stays within a point of exact LRU",
        "expected": "holds", "formula": 'results.clock["800_requests_a_second"].against_exact', "unit": "points",
        "holds_if": "low > -1 and high < 1", "fails_if": "high < -1 or low > 1",
    },
    "lfu": {
        "claim": "LFU is for special cases: under steady Zipf traffic allkeys-lfu hits no more than exact LRU",
        "expected": "fails", "formula": 'results.hits["exponent=0.7, MiB=1.4"].redis_lfu - '
        'results.hits["exponent=0.7, MiB=1.4"].exact_lru', "unit": "points",
        "holds_if": "all(row.redis_lfu.value < row.exact_lru.value for row in results.hits)",
        "fails_if": "low > 0 and all(row.redis_lfu.value > row.exact_lru.value for row in results.hits)",
    },
    "round-trip": {
        "claim": "What Redis and its Python client add to a bare echo over the same loopback is less than the echo",
        "expected": "holds", "formula": "results.median.hit.redis - results.median.hit.bare_echo", "unit": "µs",
        "holds_if": "high < results.median.hit.bare_echo.value",
        "fails_if": "low > results.median.hit.bare_echo.value",
    },
    "stampede": {
        "claim": "Callers that all miss before any stores make one model call with a lock and a second look-up",
        "expected": "holds", "holds_if": "all(row.looking_again.high == 1 for row in results.stampede)",
        "fails_if": "any(row.looking_again.high > 1 for row in results.stampede)", "always": True,
    },
    "early-once": {
        "claim": "Probabilistic early expiry recomputes a hot key once an expiry", "expected": "holds",
        "formula": "results.expiry.early_renewal_at_10_requests_a_call.calls", "unit": "calls",
        "holds_if": "high < 1.5", "fails_if": "low > 1.5",
    },
    "sliding": {
        "claim": "Where each hit renews a TTL of 1 s, no old answers are left in the eighth second",
        "expected": "holds", "formula": 'results.rollout.TTL_1_s_renewed_by_hits.in_last_second', "unit": "answers",
        "holds_if": "high == 0", "fails_if": "low > 0",
    },
}

ITEMS, SEEDS = 100_000, 7
SIZES = {1.4: 0, 2.2: 0, 3.65: 2, 6.3: 4}  # MiB of Redis; MB of Memcached, which make a few percent fewer keys
Tables = dict[str, dict[str, dict[str, object]]]
FETCH = "if redis.call('GET', KEYS[1]) then return 1 end redis.call('SET', KEYS[1], string.rep('x', 256)) return 0"
ANSWER = """local found = redis.call('GET', KEYS[1])
if found and ARGV[3] == '1' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if found then return tonumber(found) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 0"""  # 0: a miss, answered by the model that asks


ECHO = """import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    with server.accept()[0] as peer:
        while message := peer.recv(4096):
            peer.sendall(message)"""


@contextmanager
def echo_server() -> Iterator[socket.socket]:
    port = labkit.free_port()
    command = [sys.executable, "-c", ECHO, str(port)]
    with (
        labkit.server(command, ready=port, package="python3", core=0),
        socket.create_connection(("127.0.0.1", port)) as connection,
    ):
        yield connection


@contextmanager
def redis_server(*options: str) -> Iterator[int]:
    port = labkit.free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", *options]
    with labkit.server(command, ready=port, package="redis-server", core=0):
        yield port


@contextmanager
def memcached(megabytes: int) -> Iterator[int]:
    port = labkit.free_port()
    command = ["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(port), "-m", str(megabytes)]
    with labkit.server(command, ready=port, package="memcached", core=0):
        yield port


def ask(port: int, commands: list[bytes], rate_per_s: int = 0, step: int = 500) -> list[bytes]:
    """Sends commands, each answered by a line, `step` at once, as fast as that goes or at a rate; returns the lines."""
    answers, begin = [], time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for first in range(0, len(commands), step):
            if rate_per_s:
                time.sleep(max(0.0, begin + first / rate_per_s - time.monotonic()))
            batch, reply = commands[first : first + step], b""
            connection.sendall(b"".join(batch))
            while reply.count(b"\n") < len(batch):
                reply += connection.recv(1 << 20)
            answers += reply.split(b"\r\n")[:-1]
    return answers


def popularity(exponent: float, items: int = ITEMS) -> np.ndarray:
    weights = np.arange(1, items + 1) ** -exponent
    return weights / weights.sum()


def characteristic_time(shares: np.ndarray, size: float) -> float:
    """Requests for which LRU keeps an item that nobody asks for: in that time `size` items are asked for."""
    low, high = 1.0, 1e9
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if -np.expm1(-shares * middle).sum() < size else (low, middle)
    return low


def che(shares: np.ndarray, size: float) -> float:
    """Hit ratio of LRU in %: a request hits if its item was asked for within the characteristic time."""
    return float(-(shares * np.expm1(-shares * characteristic_time(shares, size))).sum() * 100)


def exact_lru(keys: list[int], size: int) -> np.ndarray:
    """Whether each request hits."""
    cache: OrderedDict[int, None] = OrderedDict()
    hits = np.zeros(len(keys), bool)
    for number, key in enumerate(keys):
        if key in cache:
            cache.move_to_end(key)
            hits[number] = True
        else:
            cache[key] = None
            if len(cache) > size:
                cache.popitem(last=False)
    return hits


def in_redis(keys: list[int], policy: str, mib: float, rate_per_s: int = 0) -> tuple[np.ndarray, int, float]:
    """Whether each request hits, how many keys are held at the end, and the seconds that it took."""
    limit = ["--maxmemory", str(int(mib * 2**20)), "--maxmemory-policy", policy]
    with redis_server(*limit) as port, redis.Redis(port=port) as client:
        script, begin = client.script_load(FETCH).encode(), time.monotonic()
        lines = [b"EVALSHA %s 1 k%d\r\n" % (script, key) for key in keys]
        answers = ask(port, lines, rate_per_s, rate_per_s // 20 or 500)
        return np.array(answers) == b":1", client.dbsize(), time.monotonic() - begin


def in_memcached(keys: list[int], megabytes: int) -> tuple[np.ndarray, int]:
    """Whether each hits, and the keys held at the end.

    `mg … N0` creates an item on a miss (W), so keys of 200 characters stand for key and value.
    """
    with memcached(megabytes) as port:
        answers = ask(port, [b"mg %0200d N0\r\n" % key for key in keys])
        return np.array(answers) == b"HD Z", Memcache(("127.0.0.1", port)).stats()[b"curr_items"]


def trace(exponent: float, requests: int, seed: int) -> list[int]:
    return np.random.default_rng(seed).choice(ITEMS, requests, p=popularity(exponent)).tolist()


def hits(quick: bool) -> Tables:
    """Hit ratios in % after a warm-up, by exponent and size; and Che's curve beside them, computed."""
    warm, requests, seeds = (8_000, 12_000, range(2)) if quick else (100_000, 150_000, range(SEEDS))
    tables: Tables = {"hits": {}, "curves": {}}
    for exponent in (0.7, 1.1):
        shares = popularity(exponent)
        for mib, mb in SIZES.items():
            if quick and mib > 1.4:
                break
            held, there, found = 0, 0, {"exact_lru": [], "redis_lru": [], "redis_lfu": [], "memcached": []}
            for keys in (trace(exponent, requests, seed) for seed in seeds):
                for policy in ("lru", "lfu"):
                    hit, held, _ = in_redis(keys, f"allkeys-{policy}", mib)
                    found[f"redis_{policy}"].append(hit[warm:].mean() * 100)
                found["exact_lru"].append(exact_lru(keys, held)[warm:].mean() * 100)
                if mb:
                    hit, there = in_memcached(keys, mb)
                    found["memcached"].append(hit[warm:].mean() * 100)
            row = {"keys": labkit.exact("", held), "che": labkit.exact("%", che(shares, held))}
            row |= {store: labkit.measured("%", values) for store, values in found.items() if values}
            if mb:
                row["memcached_keys"] = labkit.exact("", there)
            tables["hits"][f"exponent={exponent}, MiB={mib}"] = row
        for keys in (1_000, 2_000, 4_000, 8_000, 16_000):
            tables["curves"][f"exponent={exponent}, keys={keys}"] = {"che": labkit.exact("%", che(shares, keys))}
    return tables


def clock(quick: bool) -> Tables:
    """Redis allkeys-lru against exact LRU, the same traces at three rates; a server a seed."""
    table, total = {}, 1_200 if quick else 24_000
    traces = [trace(1.1, total, seed) for seed in range(2 if quick else SEEDS)]
    for name, rate_per_s in {"burst": 0, "4000_requests_a_second": 4_000, "800_requests_a_second": 800}.items():
        with ThreadPoolExecutor(len(traces) if rate_per_s else 1) as pool:
            runs = list(pool.map(lambda keys, rate=rate_per_s: in_redis(keys, "allkeys-lru", 1.4, rate), traces))
        stays_s, gaps = [], []
        for keys, (hit, held, seconds) in zip(traces, runs, strict=True):
            exact = exact_lru(keys, held)
            gaps.append((hit[total // 2 :].mean() - exact[total // 2 :].mean()) * 100)
            stays_s.append(characteristic_time(popularity(1.1), held) / total * seconds)
        table[name] = {"against_exact": labkit.measured("points", gaps)}
        table[name]["unused_key_stays"] = labkit.measured("s", stays_s)
    return {"clock": table}


def spin(seconds: float) -> bytes:
    """The model: it computes, and answers with an embedding of 256 float32."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    return bytes(1024)


def p50_us(request: Callable[[int], object], count: int) -> float:
    times = []
    for number in range(count):
        begin = time.perf_counter()
        request(number)
        times.append(time.perf_counter() - begin)
    return labkit.quantile(times, 0.5) * 1e6


def median(quick: bool) -> Tables:
    """p50 of a request without and with a cache-aside in three stores; the first rows are their operations alone."""
    count, fresh = 20 if quick else 200, iter(range(10**9))
    plans = {"hit": (0, 100), "miss_and_store": (0, 0)}
    plans |= {f"{ms:g}_ms_and_80_in_100_hit": (ms, 80) for ms in (0.02, 0.2, 2)}
    with (
        redis_server() as redis_port, memcached(64) as port, echo_server() as echo,
        redis.Redis(port=redis_port) as client,
    ):  # fmt: skip
        memcache, local = Memcache(("127.0.0.1", port), no_delay=True), {}
        stores = {"dict": (local.get, local.__setitem__), "redis": (client.get, client.set)}
        stores["memcached"] = memcache.get, memcache.set

        def cached(store: str, key: str, model_s: float) -> object:
            get, put = stores[store]
            if (found := get(key)) is None:
                put(key, found := spin(model_s))
            return found

        arms: dict[str, Callable[[], float]] = {}
        for row, (model_ms, share) in plans.items():
            if model_ms:
                arms[f"{row}/no_cache"] = lambda s=model_ms / 1e3: p50_us(lambda _: spin(s), count)
            picks = ["hot" if place * 37 % 100 < share else "" for place in range(count)]
            for store in stores:
                cached(store, "hot", 0)
                arms[f"{row}/{store}"] = lambda st=store, s=model_ms / 1e3, keys=picks: p50_us(
                    lambda number: cached(st, keys[number] or f"cold{next(fresh)}", s), count
                )
        client.mset({f"many{number}": spin(0) for number in range(100)})
        many = [f"many{number}" for number in range(100)]
        ping = b"*2\r\n$3\r\nGET\r\n$3\r\nhot\r\n"
        arms["hit/bare_echo"] = lambda: p50_us(lambda _: echo.sendall(ping) or echo.recv(4096), count)
        arms["hit/redis_in_MGET_of_100"] = lambda: p50_us(lambda _: client.mget(many), 50) / 100
        found = labkit.interleave(arms, 1 if quick else 9)
    table: dict[str, dict[str, object]] = {}
    for arm, samples in found.items():
        row, column = arm.split("/")
        table.setdefault(row, {})[column] = labkit.measured("µs", samples)
    return {"median": table}


class Model:
    """Takes `seconds` a call and counts the calls that it was asked for."""

    def __init__(self, seconds: float, slots: int) -> None:
        self.seconds, self.calls, self._slots = seconds, 0, asyncio.Semaphore(slots)

    async def __call__(self) -> None:
        self.calls += 1
        async with self._slots:
            await asyncio.sleep(self.seconds)


async def fetch(
    store: redis.asyncio.Redis, key: str, model: Model, how: str, together: asyncio.Barrier | None = None,
    held_up: bool = False,
) -> bool:  # fmt: skip
    """One request for a hot key; True where its caller had to wait for a model call, its own or another's.

    `together` lets all look up before any goes on; a caller that is `held_up`, as by a garbage collection, asks for the
    lock only when another has stored and released it.
    """
    waited = False
    while True:
        found, left_ms = await store.pipeline(transaction=False).get(key).pttl(key).execute()
        early_ms = (  # Vattani, beta 1
            -model.seconds * 1e3 * math.log(1 - random.random()) if "early" in how else 0
        )
        if found is not None and left_ms > early_ms:
            return waited
        if together and not waited:
            await together.wait()
        while held_up and (not await store.exists(key) or await store.exists(f"{key}:lock")):
            await asyncio.sleep(0.005)
        if "lock" not in how or await store.set(f"{key}:lock", 1, nx=True, px=30_000):
            if "look again" not in how or found is not None or await store.get(key) is None:
                await model()
                await store.set(key, 1, px=60_000)
            if "lock" in how:
                await store.delete(f"{key}:lock")
            return True
        if found is not None:
            return waited  # somebody else renews it
        waited = True
        await asyncio.sleep(0.01)


async def stampede(port: int, callers: int, how: str) -> tuple[int, float]:
    """Model calls for `callers` that ask at once for a key that is not there; seconds until the last is answered."""
    async with redis.asyncio.Redis(port=port, max_connections=callers) as store:
        await asyncio.gather(*(store.ping() for _ in range(callers)))  # connects
        await store.flushall()
        model, together, begin = Model(0.01, slots=2), asyncio.Barrier(callers), time.perf_counter()
        await asyncio.gather(*(fetch(store, "hot", model, how, together, number == 0) for number in range(callers)))
        return model.calls, time.perf_counter() - begin


async def expiry(port: int, call_s: float, a_call: int, how: str, at_once: int, turns: int) -> tuple[float, float]:
    """Model calls and waiting callers at one expiry, mean of `at_once` keys in each of `turns`.

    `a_call` requests come in a call's time. Callers that wait look up each 10 ms: with many keys at once, too often.
    """
    async with redis.asyncio.Redis(port=port, max_connections=1_000) as store:

        async def once() -> tuple[int, int]:
            key, model, tasks = f"hot{random.random()}", Model(call_s, slots=1_000), []
            await store.set(key, 1, px=int(7.5e3 * call_s))
            due_s = (begin := time.monotonic())
            while (due_s := due_s + random.expovariate(a_call / call_s)) < begin + 9 * call_s:
                await asyncio.sleep(due_s - time.monotonic())
                tasks.append(asyncio.create_task(fetch(store, key, model, how)))
            return model.calls, sum(await asyncio.gather(*tasks))

        counts = [pair for _ in range(turns) for pair in await asyncio.gather(*(once() for _ in range(at_once)))]
        return tuple(sum(column) / len(counts) for column in zip(*counts, strict=True))


def stampedes(quick: bool) -> Tables:
    random.seed(1)
    tables: Tables = {"stampede": {}, "expiry": {}}
    columns = {"": "calls", "lock": "with_lock", "lock, look again": "looking_again"}
    with redis_server() as port:
        for callers in (10, 100) if quick else (10, 100, 1_000):
            arms = {how: lambda n=callers, how=how: asyncio.run(stampede(port, n, how)) for how in columns}
            row = tables["stampede"][f"{callers}_callers"] = {}
            for how, found in labkit.interleave(arms, 2 if quick else SEEDS, warmup=0).items():
                row[columns[how]] = labkit.measured("", [calls for calls, _ in found])
                if not how:  # behind a lock the last of 1,000 waits for the client's own processor, not for the model
                    row["last_answer"] = labkit.measured("s", [seconds for _, seconds in found])
        plans = {  # requests in a call's time, how, keys at once, turns
            "early_renewal_at_10_requests_a_call": (10, "early", 20, 2),
            "early_renewal_at_40_requests_a_call": (40, "early", 5, 2),
            "unprotected_at_20_requests_a_call": (20, "", 5, 1),
            "lock_at_20_requests_a_call": (20, "lock, look again", 1, 2),
            "early_renewal_and_lock_at_20_requests_a_call": (20, "early, lock", 5, 1),
        }
        call_s = 0.05 if quick else 0.2
        arms = {row: lambda plan=plan: asyncio.run(expiry(port, call_s, *plan)) for row, plan in plans.items()}
        for row, found in labkit.interleave(arms, 1 if quick else SEEDS, warmup=0).items():
            names = zip(("calls", "callers_that_wait"), zip(*found, strict=True), strict=True)
            tables["expiry"][row] = {name: labkit.measured("", values) for name, values in names}
    return tables


def rollout(quick: bool) -> Tables:
    """Old answers, of 800 a second for 2,000 items, after a new model took over 12 s after the cache began empty.

    That is a multiple of each TTL: hot entries end with the switch, the moment at which the fewest old answers follow.
    """
    seeds, before_s, after_s, rate_per_s = 1 if quick else SEEDS, 2 if quick else 12, 1 if quick else 8, 800
    plans = {f"TTL_{ttl:g}_s": (ttl, False, False) for ttl in (0.5, 1, 2, 4)}
    plans |= {"TTL_1_s_renewed_by_hits": (1, True, False), "TTL_4_s_version_in_the_key": (4, False, True)}
    total, runs = (before_s + after_s) * rate_per_s, {}
    with redis_server() as port, redis.Redis(port=port) as client:
        script = client.script_load(ANSWER)
        for name, (ttl, renewed, versioned) in plans.items():
            for seed in range(seeds):
                items = np.random.default_rng(seed).choice(2_000, total, p=popularity(0.9, 2_000))
                models = 1 + (np.arange(total) >= before_s * rate_per_s)
                head, tail = f'EVALSHA {script} 1 "{name}:{seed}:', f"{ttl * 1e3:.0f} {renewed:d}\r\n"
                runs[name, seed] = [
                    f'{head}{item}:{model * versioned}" {model} {tail}'
                    for item, model in zip(items, models, strict=True)
                ]
        turns = [line.encode() for lines in zip(*runs.values(), strict=True) for line in lines]
        answers = np.array(ask(port, turns, rate_per_s * len(runs), len(runs)))  # each 1.25 ms, a request of each run
        hits_by_run = {one: answers[number :: len(runs)] for number, one in enumerate(runs)}
    tables: Tables = {"rollout": {}, "seconds": {}}
    for name in plans:
        old = [hits_by_run[name, seed][-after_s * rate_per_s :] == b":1" for seed in range(seeds)]
        seconds = [one.reshape(after_s, rate_per_s).sum(1) for one in old]
        counts = {"stale": [one.sum() for one in seconds], "in_last_second": [one[-1] for one in seconds]}
        tables["rollout"][name] = {column: labkit.measured("answers", values) for column, values in counts.items()}
        for second in range(after_s):
            row = tables["seconds"].setdefault(f"second={second + 1}", {})
            if name in ("TTL_1_s", "TTL_4_s", "TTL_1_s_renewed_by_hits"):
                row[name] = labkit.measured("answers", [one[second] for one in seconds])
    return tables


def run(quick: bool) -> dict[str, object]:
    labkit.pin(1)
    return {**hits(quick), **clock(quick), **median(quick), **stampedes(quick), **rollout(quick)}


if __name__ == "__main__":
    raise SystemExit(labkit.main(run))
