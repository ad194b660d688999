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
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

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
        "claim": "Redis allkeys-lru, filled and emptied within a second, stays within a point of exact LRU",
        "expected": "holds", "formula": "results.clock.burst.against_exact", "unit": "points", "holds_if": "low > -1",
        "fails_if": "high < -1",
    },
    "redis-clock": {
        "claim": "Redis allkeys-lru that keeps an unused key for seconds stays within a point of exact LRU",
        "expected": "fails", "formula": 'results.clock["400_requests_a_second"].against_exact', "unit": "points",
        "holds_if": "low > -1 and high < 1", "fails_if": "high < -1 or low > 1",
    },
    "lfu": {
        "claim": "LFU is for special cases: under steady Zipf traffic allkeys-lfu hits no more than exact LRU",
        "expected": "fails", "formula": 'results.hits["0.7_small"].redis_lfu', "unit": "points",
        "holds_if": "all(row.redis_lfu.high < 0 for row in results.hits)",
        "fails_if": "all(row.redis_lfu.low > 0 for row in results.hits)",
    },
    "lfu-shift": {
        "claim": "When every popular key is replaced at once, allkeys-lfu hits less than exact LRU at first",
        "expected": "holds", "formula": "results.shift.redis_lfu.next_20000 - results.shift.exact_lru.next_20000",
        "unit": "points", "holds_if": "high < 0", "fails_if": "low > 0",
    },
    "median-cheap": {
        "claim": "A cache lowers the median: Redis with 80 % hits, in front of a model of 0.02 ms",
        "expected": "fails",
        "formula": 'results.median["0.02_ms_and_80_in_100_hit"].redis / '
        'results.median["0.02_ms_and_80_in_100_hit"].no_cache', "unit": "×", "holds_if": "high < 1",
        "fails_if": "low > 1",
    },
    "median-few-hits": {
        "claim": "A cache lowers the median: Redis with 30 % hits, in front of a model of 2 ms", "expected": "fails",
        "formula": 'results.median["2_ms_and_30_in_100_hit"].redis / '
        'results.median["2_ms_and_30_in_100_hit"].no_cache', "unit": "×", "holds_if": "high < 1",
        "fails_if": "low > 1",
    },
    "stampede": {
        "claim": "N callers that all miss before any stores make N model calls; with a lock and "
        "a second look-up, one", "expected": "holds",
        "holds_if": "all(row.calls.low == row.callers.value and row.calls.high == row.callers.value and "
        "row.calls_looking_again.high == 1 for row in results.stampede)",
        "fails_if": "any(row.calls_looking_again.high > 1 for row in results.stampede)", "always": True,
    },
    "lock-once": {
        "claim": "A lock alone makes it one call as well, if a caller is held up between look-up and lock",
        "expected": "holds", "holds_if": "all(row.calls_with_lock.high == 1 for row in results.stampede)",
        "fails_if": "any(row.calls_with_lock.high > 1 for row in results.stampede)", "always": True,
    },
    "early-once": {
        "claim": "Probabilistic early expiry recomputes a hot key once an expiry", "expected": "holds",
        "formula": 'results.expiry["10_a_call_early"].calls', "unit": "calls", "holds_if": "high < 1.5",
        "fails_if": "low > 1.5",
    },
    "stale-linear": {
        "claim": "Stale answers after a roll-out grow in proportion to the TTL: eight times for 4 s against 0.5 s",
        "expected": "holds", "formula": 'results.rollout["TTL_4_s"].stale / results.rollout["TTL_0.5_s"].stale',
        "unit": "×", "holds_if": "low > 6.4 and high < 9.6", "fails_if": "low > 9.6 or high < 6.4",
    },
    "sliding": {
        "claim": "A TTL of 1 s ends stale answers after 1 s, also where a hit renews it", "expected": "holds",
        "formula": 'results.rollout["TTL_1_s_renewed_by_hits"].in_last_second', "unit": "answers",
        "holds_if": "high == 0", "fails_if": "low > 0",
    },
    "canary": {
        "claim": "A canary of 5 % that shares keys with the old model gives mostly its own answers",
        "expected": "holds", "formula": "results.canary.key_without_version.old_answers", "unit": "%",
        "holds_if": "high < 50", "fails_if": "low > 50",
    },
}

ITEMS, SEEDS = 100_000, 7
REDIS = ("redis_lru", "redis_lfu")
Tables = dict[str, dict[str, dict[str, object]]]
FETCH = "if redis.call('GET', KEYS[1]) then return 1 end redis.call('SET', KEYS[1], string.rep('x', 256)) return 0"
ANSWER = """local found = redis.call('GET', KEYS[1])
if found and ARGV[3] == '1' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if found then return tonumber(found) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 0"""  # 0: a miss, answered by the model that asks


@contextmanager
def redis_server(*options: str) -> Iterator[tuple[redis.Redis, socket.socket]]:
    port = labkit.free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", *options]
    with (
        labkit.server(command, ready=port, package="redis-server", core=0),
        redis.Redis(port=port) as client,
        socket.create_connection(("127.0.0.1", port)) as connection,
    ):
        yield client, connection


@contextmanager
def memcached(megabytes: int) -> Iterator[int]:
    port = labkit.free_port()
    command = ["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(port), "-m", str(megabytes)]
    with labkit.server(command, ready=port, package="memcached", core=0):
        yield port


def ask(connection: socket.socket, commands: list[bytes]) -> list[bytes]:
    """Sends commands, 500 at a time, each of which is answered by a line; returns the lines."""
    connection.settimeout(20)
    answers, lines = [], 0
    for first in range(0, len(commands), 500):
        connection.sendall(b"".join(commands[first : first + 500]))
        while lines < min(first + 500, len(commands)):
            answers.append(connection.recv(1 << 20))
            lines += answers[-1].count(b"\n")
    return b"".join(answers).split(b"\r\n")[:-1]


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


def in_redis(keys: list[int], policy: str, megabytes: float) -> tuple[np.ndarray, int]:
    """Whether each request hits, and how many keys are held at the end."""
    limit = ["--maxmemory", str(int(megabytes * 2**20)), "--maxmemory-policy", policy]
    with redis_server(*limit) as (client, connection):
        script = client.script_load(FETCH).encode()
        answers = ask(connection, [b"EVALSHA %s 1 k%d\r\n" % (script, key) for key in keys])
        return np.array(answers) == b":1", client.dbsize()


def in_memcached(keys: list[int], megabytes: int) -> tuple[np.ndarray, int]:
    """The same; `mg … N0` creates an item on a miss (W), so keys of 200 characters stand for key and value."""
    with memcached(megabytes) as port, socket.create_connection(("127.0.0.1", port)) as connection:
        answers = ask(connection, [b"mg %0200d N0\r\n" % key for key in keys])
        return np.array(answers) == b"HD Z", Memcache(("127.0.0.1", port)).stats()[b"curr_items"]


def trace(exponent: float, requests: int, seed: int) -> list[int]:
    return np.random.default_rng(seed).choice(ITEMS, requests, p=popularity(exponent)).tolist()


def hits(quick: bool) -> Tables:
    """Hit ratios in % after a warm-up as long, by exponent and size, and what becomes of them when the items change."""
    sizes = {"small": (1.4, 0), "middle": (3.65, 2), "large": (6.3, 4)}  # MiB of Redis, MB of Memcached
    warm, seeds = (8_000, range(2)) if quick else (100_000, range(SEEDS))
    tables: Tables = {"hits": {}, "shift": {}}
    for exponent in (0.7, 1.1):
        for name in list(sizes)[: 1 if quick else 3]:
            found: dict[str, list[float]] = {}
            for keys in (trace(exponent, 2 * warm, seed) for seed in seeds):
                stores = {kind: in_redis(keys, f"allkeys-{kind[6:]}", sizes[name][0]) for kind in REDIS}
                stores |= {"memcached": in_memcached(keys, sizes[name][1])} if sizes[name][1] else {}
                for store, (hit, held) in stores.items():
                    exact = exact_lru(keys, held)[warm:].mean() * 100
                    found.setdefault(store, []).append(hit[warm:].mean() * 100 - exact)
                    if store == "redis_lru":
                        found.setdefault("exact_lru", []).append(exact)
            size, shares = int(stores["redis_lru"][1]), popularity(exponent)
            row = {"keys": labkit.exact("", size), "exact_lru": labkit.measured("%", found.pop("exact_lru"))}
            row |= {"che": labkit.exact("%", che(shares, size)), "best": labkit.exact("%", shares[:size].sum() * 100)}
            row |= {store: labkit.measured("points", gaps) for store, gaps in found.items()}
            tables["hits"][f"{exponent}_{name}"] = row
    parts: dict[str, list[list[float]]] = {store: [] for store in ("exact_lru", *REDIS)}
    for keys in (trace(1.1, 2 * warm, seed) for seed in seeds):
        keys += [key + ITEMS for key in reversed(keys)]  # items of other names, as popular as those before
        stores = {kind: in_redis(keys, f"allkeys-{kind[6:]}", sizes["small"][0]) for kind in REDIS}
        stores["exact_lru"] = exact_lru(keys, stores["redis_lru"][1]), 0
        for store, (hit, _) in stores.items():
            windows = hit[warm : 2 * warm], hit[2 * warm : 2 * warm + 20_000], hit[-20_000:]
            parts[store].append([window.mean() * 100 for window in windows])
    for store, rows in parts.items():
        names = zip(("before", "next_20000", "last_20000"), zip(*rows, strict=True), strict=True)
        tables["shift"][store] = {name: labkit.measured("%", values) for name, values in names}
    return tables


def clock(quick: bool) -> Tables:
    """Redis allkeys-lru against exact LRU, one trace at three rates: a server a seed, side by side."""
    table, total = {}, 1_200 if quick else 24_000
    for name, rate_per_s in {"burst": 0, "4000_requests_a_second": 4_000, "400_requests_a_second": 400}.items():
        rate_per_s *= 5 if quick else 1
        stays_s, gaps = [], []
        with ExitStack() as stack:
            servers = []
            for seed in range(2 if quick else SEEDS):
                limit = ("--maxmemory", str(int(1.4 * 2**20)), "--maxmemory-policy", "allkeys-lru")
                client, connection = stack.enter_context(redis_server(*limit))
                keys, script = trace(1.1, total, seed), client.script_load(FETCH)
                commands = [f"EVALSHA {script} 1 k{key}\r\n".encode() for key in keys]
                servers.append((client, connection, keys, commands, []))
            begin, step = time.monotonic(), rate_per_s // 20 or 2_000
            for first in range(0, total, step):
                if rate_per_s:
                    time.sleep(max(0.0, begin + first / rate_per_s - time.monotonic()))
                for _, connection, _, commands, answers in servers:
                    answers += ask(connection, commands[first : first + step])
            for client, _, keys, _, answers in servers:
                held, half = client.dbsize(), total // 2
                hit = np.array(answers[half:]) == b":1"
                gaps.append((hit.mean() - exact_lru(keys, held)[half:].mean()) * 100)
                stays = characteristic_time(popularity(1.1), held) / total
                stays_s.append(stays * (time.monotonic() - begin))
        row = {"unused_key_stays": labkit.measured("s", stays_s), "against_exact": labkit.measured("points", gaps)}
        table[name] = row
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
    """p50 of a request without and with a cache-aside in three stores; and of their operations alone."""
    repeats, fresh = 1 if quick else 9, iter(range(10**9))
    with redis_server() as (client, connection), memcached(64) as port:
        memcache, local = Memcache(("127.0.0.1", port), no_delay=True), {}
        stores = {"dict": (local.get, local.__setitem__), "redis": (client.get, client.set)}
        stores["memcached"] = memcache.get, memcache.set
        for _, put in stores.values():
            put("hot", spin(0))

        def cached(store: str, key: str, model_s: float) -> object:
            get, put = stores[store]
            if (found := get(key)) is None:
                put(key, found := spin(model_s))
            return found

        arms: dict[str, Callable[[], float]] = {}
        for model_ms, share in ((0.02, 80), (0.2, 80), (2, 80), (20, 80), (2, 30)):
            count, row = 10 if quick else 30 if model_ms == 20 else 200, f"{model_ms:g}_ms_and_{share}_in_100_hit"
            arms[f"{row}/no_cache"] = lambda s=model_ms / 1e3, n=count: p50_us(lambda _: spin(s), n)
            picks = ["hot" if place * 37 % 100 < share else "" for place in range(count)]
            for store in stores:
                arms[f"{row}/{store}"] = lambda st=store, s=model_ms / 1e3, keys=picks: p50_us(
                    lambda number: cached(st, keys[number] or f"cold{next(fresh)}", s), len(keys)
                )
        for store, (get, _) in stores.items():
            arms[f"{store}/hit"] = lambda g=get: p50_us(lambda _: g("hot"), 200)
            arms[f"{store}/miss_and_store"] = lambda st=store: p50_us(lambda _: cached(st, f"new{next(fresh)}", 0), 200)
        many = [f"many{i}" for i in range(100)]
        client.mset(dict.fromkeys(many, spin(0)))
        arms["redis_MGET_of_100_a_key/hit"] = lambda: p50_us(lambda _: client.mget(many), 50) / 100
        bare = lambda _: (connection.sendall(b"GET hot\r\n"), connection.recv(4096))  # noqa: E731
        arms["redis_by_bare_socket/hit"] = lambda: p50_us(bare, 200)
        found = labkit.interleave(arms, repeats)
    tables: Tables = {"median": {}, "look_up": {}}
    for arm, samples in found.items():
        row, column = arm.split("/")
        tables["median" if "_ms_" in row else "look_up"].setdefault(row, {})[column] = labkit.measured("µs", samples)
    return tables


class Backend:
    """A model with two slots; counts the calls that it was asked for."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.calls, self._slots = seconds, 0, asyncio.Semaphore(2)

    async def __call__(self) -> None:
        self.calls += 1
        async with self._slots:
            await asyncio.sleep(self.seconds)


async def fetch(
    store: redis.asyncio.Redis, key: str, model: Backend, how: str,
    together: asyncio.Barrier | None = None, held_up: bool = False,
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
        model, begin = Backend(0.01), time.perf_counter()
        together = asyncio.Barrier(callers)
        await asyncio.gather(*(fetch(store, "hot", model, how, together, number == 0) for number in range(callers)))
        return model.calls, time.perf_counter() - begin


async def expiry(port: int, call_s: float, a_call: int, how: str, rounds: int) -> tuple[float, float]:
    """Model calls and waiting callers at one expiry, mean of `rounds`; `a_call` requests come in a call's time."""
    async with redis.asyncio.Redis(port=port, max_connections=1_000) as store:

        async def once() -> tuple[int, int]:
            key, model, tasks = f"hot{random.random()}", Backend(call_s), []
            await store.set(key, 1, px=int(7.5e3 * call_s))
            due_s = (begin := time.monotonic())
            while (due_s := due_s + random.expovariate(a_call / call_s)) < begin + 10 * call_s:
                await asyncio.sleep(due_s - time.monotonic())
                tasks.append(asyncio.create_task(fetch(store, key, model, how)))
            done, queued = await asyncio.wait(tasks, timeout=1.5 * call_s)
            for task in queued:  # behind the two slots, for seconds
                task.cancel()
            await asyncio.gather(*queued, return_exceptions=True)
            return model.calls, sum(task.result() for task in done) + len(queued)

        counts = await asyncio.gather(*(once() for _ in range(rounds)))
        return tuple(sum(column) / rounds for column in zip(*counts, strict=True))


def stampedes(quick: bool) -> Tables:
    random.seed(1)
    tables: Tables = {"stampede": {}, "expiry": {}}
    columns = {"": ("calls", "last_answer"), "lock": ("calls_with_lock", "last_with_lock")}
    columns["lock, look again"] = ("calls_looking_again", "last_looking_again")
    with redis_server() as (client, _):
        port = client.connection_pool.connection_kwargs["port"]
        for callers in (10, 100) if quick else (10, 100, 1_000):
            arms = {how: lambda n=callers, how=how: asyncio.run(stampede(port, n, how)) for how in columns}
            row = tables["stampede"][f"{callers}_callers"] = {"callers": labkit.exact("", callers)}
            for how, found in labkit.interleave(arms, 2 if quick else SEEDS, warmup=0).items():
                row[columns[how][0]] = labkit.measured("", [calls for calls, _ in found])
                row[columns[how][1]] = labkit.measured("s", [seconds for _, seconds in found])
        early = ((10, "early"), (100, "early"), (100, "early and lock"))
        plans = {f"{n}_a_call_{how.replace(' ', '_')}": (n, how) for n, how in early}
        plans |= {"100_a_call_lock": (100, "lock, look again"), "100_a_call_unprotected": (100, "")}
        call_s, rounds = (0.05, 10) if quick else (0.2, 400)
        arms = {
            row: lambda n=n, how=how: asyncio.run(expiry(port, call_s, n, how, rounds // n or 1))
            for row, (n, how) in plans.items()
        }
        for row, found in labkit.interleave(arms, 1 if quick else SEEDS, warmup=0).items():
            names = zip(("calls", "callers_that_wait"), zip(*found, strict=True), strict=True)
            tables["expiry"][row] = {name: labkit.measured("", values) for name, values in names}
    return tables


def rollout(quick: bool) -> Tables:
    """800 requests a second, 2,000 items; after 5 s the new model takes all of them, or, as a canary, 5 %."""
    seeds, before_s, after_s, rate_per_s = 1 if quick else SEEDS, *((1, 1) if quick else (5, 8)), 800
    plans = {f"TTL_{ttl:g}_s": (ttl, False, False, 1.0) for ttl in (0.5, 1, 2, 4)}
    plans |= {"TTL_1_s_renewed_by_hits": (1, True, False, 1.0), "TTL_4_s_version_in_the_key": (4, False, True, 1.0)}
    plans |= {"key_without_version": (4, False, False, 0.05), "key_with_version": (4, False, True, 0.05)}
    total, new_from = (before_s + after_s) * rate_per_s, before_s * rate_per_s
    answers: dict[tuple[str, int], list[bytes]] = {}
    with redis_server() as (client, connection):
        script, commands, by_new = client.script_load(ANSWER), {}, {}
        for seed in range(seeds):
            for name, (ttl, renewed, versioned, share) in plans.items():
                draw = np.random.default_rng(seed)
                items, new = draw.choice(2_000, total, p=popularity(0.9, 2_000)), draw.random(total) < share
                new[:new_from] = False
                by_new[name, seed], answers[name, seed] = new, []
                commands[name, seed] = []
                for item, version in zip(items, np.where(new, 2, 1), strict=True):
                    key = f'"{name}:{seed}:{item}:{version if versioned else 0}"'
                    line = f"EVALSHA {script} 1 {key} {version} {ttl * 1e3:.0f} {renewed:d}\r\n"
                    commands[name, seed].append(line.encode())
        begin, step = time.monotonic(), rate_per_s // 40
        for first in range(0, total, step):
            time.sleep(max(0.0, begin + first / rate_per_s - time.monotonic()))
            for run_, lines in commands.items():
                answers[run_] += ask(connection, lines[first : first + step])
    tables: Tables = {"rollout": {}, "canary": {}}
    for name, (*_, share) in plans.items():
        hit = [np.array(answers[name, seed]) for seed in range(seeds)]
        new = [by_new[name, seed] for seed in range(seeds)]
        old = [(one == b":1") & mine for one, mine in zip(hit, new, strict=True)]
        if share == 1:
            lasts = [one[-rate_per_s:].sum() for one in old]
            columns = {"stale": ("answers", [one.sum() for one in old]), "in_last_second": ("answers", lasts)}
        else:
            settled = new_from + total >> 1  # the second half, when the canary's own keys have had time
            pairs = [(one != b":0", mine) for one, mine in zip(hit, new, strict=True)]
            rates = [[one[settled:][mine[settled:] == who].mean() * 100 for one, mine in pairs] for who in (1, 0)]
            shares = [one.sum() / mine.sum() * 100 for one, mine in zip(old, new, strict=True)]
            columns = {"old_answers": ("%", shares), "canary_hits": ("%", rates[0]), "control_hits": ("%", rates[1])}
        table = tables["rollout" if share == 1 else "canary"]
        table[name] = {key: labkit.measured(unit, values) for key, (unit, values) in columns.items()}
    return tables


def run(quick: bool) -> dict[str, object]:
    labkit.pin(1)
    return {**hits(quick), **clock(quick), **median(quick), **stampedes(quick), **rollout(quick)}


if __name__ == "__main__":
    raise SystemExit(labkit.main(run))
