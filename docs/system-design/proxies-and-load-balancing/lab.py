# /// script
# requires-python = ">=3.11.5"
# dependencies = ["grpcio>=1.60,<2", "handbook-labkit", "httptools>=0.6,<1", "numpy>=2,<3", "uvicorn>=0.30,<1"]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""What does a proxy lose when a worker dies, and which way of balancing keeps the p99 low when workers are unequal?

nginx and HAProxy as Debian packages them, before uvicorn workers that sleep, as a thread waits for an accelerator. The
client opens a connection a request, so that a lost answer is the proxy's doing. Queues of 100 and more are simulated.
"""

import asyncio
import math
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from heapq import heappop, heappush, heapreplace
from pathlib import Path

import labkit
import numpy as np
import uvicorn

CLAIMS = {
    "default-post": {"claim": "A proxy retries: by default nginx loses no POST when one of two workers is killed",
        "formula": "results.lost['nginx, default'].killed", "unit": "requests", "expected": "holds",
        "holds_if": "high == 0", "fails_if": "low > 0"},
    "little": {"claim": "HAProxy's default loses rate × time + what is in flight, 105 requests, give or take a tenth",
        "formula": "results.lost['HAProxy, default'].killed", "unit": "requests", "expected": "holds",
        "holds_if": "low > 94 and high < 116", "fails_if": "high < 94 or low > 116"},
    "retried": {"claim": "With non_idempotent, max_fails=0 and short timeouts, none is lost when a worker freezes",
        "formula": "results.lost['nginx, POSTs retried, no ejection'].frozen", "unit": "requests",
        "expected": "holds", "holds_if": "high == 0", "fails_if": "low > 0"},
    "retry-on": {"claim": "With HAProxy's retry-on, short timeouts and an HTTP check, none either", "unit": "requests",
        "formula": "results.lost['HAProxy, retry-on'].frozen", "expected": "holds", "holds_if": "high == 0",
        "fails_if": "low > 0"},
    "terminated": {"claim": "Terminating a worker instead of killing it loses no POST in HAProxy by default",
        "formula": "results.lost['HAProxy, default'].terminated", "unit": "requests", "expected": "holds",
        "holds_if": "high == 0", "fails_if": "low > 0"},
    "frozen": {"claim": "By default nginx takes a frozen worker out: fewer than 70 POSTs are lost in two seconds",
        "formula": "results.lost['nginx, default'].frozen", "unit": "requests", "expected": "holds",
        "holds_if": "high < 70", "fails_if": "low > 70"},
    "http-check": {"claim": "HAProxy with an HTTP check every 200 ms does: fewer than 70", "unit": "requests",
        "formula": "results.lost['HAProxy, HTTP check'].frozen", "expected": "holds", "holds_if": "high < 70",
        "fails_if": "low > 70"},
    "stalled": {"claim": "When both stall for 0.4 s, nginx with short timeouts loses only requests of the stall: 60",
        "formula": "results.lost['nginx, POSTs retried'].stalled", "unit": "requests", "expected": "fails",
        "holds_if": "high < 60", "fails_if": "low > 60"},
    "limit": {"claim": "A limit without burst refuses 28 to 38 % of random requests at half its rate", "unit": "%",
        "formula": "results.limit.limit.refused", "expected": "holds", "holds_if": "low > 28 and high < 38",
        "fails_if": "high < 28 or low > 38"},
    "shed": {"claim": "At 1.5 times capacity, shedding has 60 % or more answered in time; 67 % are possible",
        "formula": "results.overload['overload, shed'].good", "unit": "%", "expected": "holds", "holds_if": "low > 60",
        "fails_if": "high < 60"},
    "grpc-l4": {"claim": "Through an L4 proxy one gRPC client reaches all four workers", "expected": "fails",
        "always": True, "holds_if": "results.grpc['L4 proxy'].workers.value == 4",
        "fails_if": "results.grpc['L4 proxy'].workers.value == 1"},
    "hash": {"claim": "When one of ten workers leaves, HAProxy's consistent hash moves no other worker's keys",
        "formula": "results.moved['HAProxy, consistent'].moved", "unit": "%", "expected": "holds",
        "holds_if": "high < 1", "fails_if": "low > 1"},
    "two-choices": {"claim": "Two choices are nearly as good as a full scan: p99 within a half, on 100 equal servers",
        "formula": "results.p99['equal servers'].two_choices / results.p99['equal servers'].least_connections",
        "unit": "×", "expected": "holds", "holds_if": "high < 1.5", "fails_if": "low > 1.5"},
    "many": {"claim": "Least connections stay better than two choices when 100 balancers share the servers",
        "formula": "results.p99['100 balancers'].two_choices / results.p99['100 balancers'].least_connections",
        "unit": "×", "expected": "holds", "holds_if": "low > 1", "fails_if": "high < 1"},
    "no-weights": {"claim": "Two choices need no weights: a quarter of servers five times as fast at most triples p99",
        "formula": "results.p99['a quarter five times as fast'].two_choices / results.p99['equal servers'].two_choices",
        "unit": "×", "expected": "holds", "holds_if": "high < 3", "fails_if": "low > 3"},
    "affinity": {"claim": "Hashing prompts by prefix lowers p99 against two choices, since more prompts hit",
        "formula": "results.affinity.hash.p99 / results.affinity.two_choices.p99", "unit": "×", "expected": "holds",
        "holds_if": "high < 1", "fails_if": "low > 1"},
    "bounded": {"claim": "Hashing with a bound of 1.25 times the mean in flight lowers it", "unit": "×",
        "formula": "results.affinity.hash_bounded.p99 / results.affinity.two_choices.p99",
        "expected": "holds", "holds_if": "high < 1", "fails_if": "low > 1"},
}

Tables = dict[str, dict[str, dict[str, object]]]
Answers = list[tuple[int, float]]  # status (0: none), seconds since the request was due
fork = multiprocessing.get_context("fork")  # uvicorn is imported once
used: set[int] = set()  # ports; a free one may be drawn again before its server listens
NGINX = """
daemon off; master_process off; pid nginx.pid; error_log stderr crit; events { worker_connections 4096; }
http {
  access_log off; limit_req_zone $server_port zone=all:1m rate=100r/s;
  client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
  upstream models { zone models 256k; BALANCE SERVERS keepalive 64; }
  server {
    listen 127.0.0.1:PORT backlog=2048;
    location / { proxy_pass http://models; proxy_http_version 1.1; proxy_set_header Connection ""; EXTRA }
} }"""
HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
  balance roundrobin
listen models
  bind 127.0.0.1:PORT
  EXTRA
"""
NGINX_RETRY = """
      proxy_connect_timeout 300ms;
      proxy_read_timeout 300ms;
      proxy_next_upstream error timeout non_idempotent;
      proxy_next_upstream_tries 2;  # and max_fails=0 on each server
"""
HAPROXY_RETRY = """
  timeout connect 300ms
  timeout server 300ms
  option redispatch 1
  retries 1
  retry-on conn-failure empty-response response-timeout
  option httpchk GET /ready/0
  default-server check inter 200ms fall 2 rise 2
"""
HTTP_CHECK = "option redispatch\n  option httpchk GET /ready/0"


def fresh_port() -> int:
    port = next(one for one in iter(labkit.free_port, None) if one not in used)
    return used.add(port) or port


@contextmanager
def proxy(text: str, servers: Iterable[str], balance: str = "", extra: str = "") -> Iterator[int]:
    """nginx or HAProxy with a configuration that its own check accepted; its port."""
    port, kind = fresh_port(), "nginx" if "http {" in text else "haproxy"
    line = "server {1};" if kind == "nginx" else "\n  server w{0} {1}"
    lines = "".join(line.format(number, server) for number, server in enumerate(servers))
    text = text.replace("PORT", str(port)).replace("BALANCE", balance and f"{balance};").replace("SERVERS", lines)
    text = text.replace("EXTRA", extra if kind == "nginx" else f"{balance}\n  {extra}{lines}")
    with tempfile.NamedTemporaryFile("w") as file, tempfile.TemporaryDirectory() as folder:
        file.write(text)
        file.flush()
        words = ["-e", "stderr", "-p", folder, "-c", file.name] if kind == "nginx" else ["-db", "-f", file.name]
        check = [labkit.binary(kind, kind), "-tq" if kind == "nginx" else "-c", *words]
        subprocess.run(check, check=True, stdout=subprocess.DEVNULL)
        with labkit.server([kind, *words], ready=port, package=kind, core=0):
            yield port


def work(port: int, factor: float, slots: int, log: str) -> None:
    """A worker: `/NUMBER/MS` notes the number, waits for a slot, sleeps MS times factor, answers with its port."""

    async def answer(scope, receive, send) -> None:
        _, number, ms = scope["path"].split("/")
        os.write(note, f"{number}\n".encode())
        async with gate:
            await asyncio.sleep(float(ms) / 1e3 * factor)
        body = str(port).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    labkit.pin(0)
    note, gate = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT), asyncio.Semaphore(slots)
    uvicorn.run(answer, host="127.0.0.1", port=port, log_level="critical", access_log=False, lifespan="off")


@contextmanager
def children(
    target: Callable[..., None], arguments: list[tuple], host: str = "127.0.0.1"
) -> Iterator[list[tuple[int, int]]]:
    """Forks one process for each tuple of arguments, listening on a free port of its own: [(port, pid)]."""
    made = ((fresh_port(), rest) for rest in arguments)
    processes = {port: fork.Process(target=target, args=(port, *rest), daemon=True) for port, rest in made}
    try:
        for process in processes.values():
            process.start()
        for port, process in processes.items():
            while process.is_alive():
                with suppress(OSError), socket.create_connection((host, port), timeout=1):
                    break
                time.sleep(0.01)
        yield [(port, process.pid) for port, process in processes.items()]
    finally:
        for process in processes.values():
            if process.pid:
                process.kill()  # also one that is stopped
                process.join()


async def ask(port: int, number: int, ms: float = 0, method: str = "POST", key: str = "") -> tuple[int, str]:
    """Status and body of one request; status 0 where the connection broke or the caller's deadline passed."""
    head = f"{method} /{number}/{ms:.3f} HTTP/1.1\r\nHost: m\r\nConnection: close\r\nPrefix: {key}\r\n"
    body = "Content-Length: 2\r\n\r\n{}" if method == "POST" else "\r\n"
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):  # the caller's deadline
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with closing(writer):
                writer.write(f"{head}{body}".encode())
                answer = await reader.read()
            return int(answer[9:12] or 0), answer.rpartition(b"\n")[2].decode()
    return 0, ""


def local(workers: list[tuple[int, int]], words: str = "") -> list[str]:
    return [f"127.0.0.1:{port}{words}" for port, _ in workers]


def drive(loads: dict[str, tuple], seconds: float, seed: int, strikes: dict[float, Callable]) -> dict[str, Answers]:
    """Loads (port, requests/s, method, ms of a request) at once, open loop; a strike comes so many seconds later."""

    async def one(row: str, turn: int) -> Answers:
        (port, rate, method, ms), draw, statuses = loads[row], random.Random(f"size {turn}"), {}  # not open_loop's seed

        async def send(number: int) -> None:
            statuses[number], _ = await ask(port, number, ms(draw), method)

        times = await labkit.open_loop(send, rate, seconds, seed=turn)
        return [(statuses[number], took) for number, took in enumerate(times)]

    async def everything() -> list[Answers]:
        for after_s, strike in strikes.items():
            asyncio.get_running_loop().call_later(after_s, strike)
        return await asyncio.gather(*(one(row, seed * 100 + turn) for turn, row in enumerate(loads)))

    return dict(zip(loads, asyncio.run(everything()), strict=True))


RETRIES = {  # row: (proxy, method, ms of a request, lines of configuration, words of each server)
    "nginx, default, GET": (NGINX, "GET", 100, "", ""),
    "nginx, default": (NGINX, "POST", 100, "", ""),
    "nginx, default, 400 ms": (NGINX, "POST", 400, "", ""),
    "nginx, POSTs retried": (NGINX, "POST", 100, NGINX_RETRY, ""),
    "nginx, POSTs retried, no ejection": (NGINX, "POST", 100, NGINX_RETRY, " max_fails=0"),
    "HAProxy, default": (HAPROXY, "POST", 100, "", ""),
    "HAProxy, check": (HAPROXY, "POST", 100, "option redispatch", " check"),
    "HAProxy, HTTP check": (HAPROXY, "POST", 100, HTTP_CHECK, " check inter 200ms fall 2"),
    "HAProxy, retry-on": (HAPROXY, "POST", 100, HAPROXY_RETRY, ""),
}
EVENTS = {"killed": signal.SIGKILL, "terminated": signal.SIGTERM, "frozen": signal.SIGSTOP, "stalled": signal.SIGSTOP}
RATE_PER_S, SEEDS = 100, 7


def loss(event: str, seed: int, quick: bool) -> dict[str, tuple[int, ...]]:
    """One of two workers is struck or both stall: requests lost, of those begun by none, begun twice, late."""
    before_s, after_s = (0.3, 0.5) if quick else (1.0, 2.0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        logs = [(1.0, 1_000, str(folder / row)) for row in RETRIES for _ in range(2)]
        workers, loads, counts = stack.enter_context(children(work, logs)), {}, {}
        for place, (row, (text, method, ms, extra, words)) in enumerate(RETRIES.items()):
            pair = local(workers[2 * place : 2 * place + 2], words)
            port = stack.enter_context(proxy(text, pair, "", extra))
            loads[row] = port, RATE_PER_S, method, lambda _, ms=ms: ms

        def strike(number: int) -> None:
            for _, pid in workers if event == "stalled" else workers[::2]:
                os.kill(pid, number)

        strikes = {before_s: partial(strike, EVENTS[event])}
        if event == "stalled":
            strikes[before_s + 0.4] = partial(strike, signal.SIGCONT)
        for row, answers in drive(loads, before_s + after_s, seed, strikes).items():
            begun = Counter((folder / row).read_text().replace("ready\n", "").split())  # "ready": a health check
            lost = [number for number, (status, _) in enumerate(answers) if status != 200]
            unseen, twice = sum(not begun[str(one)] for one in lost), sum(times > 1 for times in begun.values())
            late = sum(status == 200 and took > RETRIES[row][2] / 1e3 + 0.2 for status, took in answers)
            counts[row] = len(lost), unseen, twice, late
        return counts


def losses(quick: bool) -> Tables:
    found = {event: [loss(event, seed, quick) for seed in range(1 if quick else SEEDS)] for event in EVENTS}
    tables: Tables = {"lost": {}, "price": {}}
    for row in RETRIES:
        runs = {event: list(zip(*(one[row] for one in seeds), strict=True)) for event, seeds in found.items()}
        tables["lost"][row] = {event: labkit.measured("requests", counts[0]) for event, counts in runs.items()}
        columns = {"never_begun": ("killed", 1), "begun_twice": ("killed", 2), "frozen_late": ("frozen", 3)}
        places = {name: runs[event][place] for name, (event, place) in columns.items()}
        tables["price"][row] = {name: labkit.measured("requests", counts) for name, counts in places.items()}
    return tables


UNEQUAL = (1, 1, 1, 3)  # the last has a third of the others' speed
STEADY = {  # row: (proxy, factor of each worker, its slots, requests/s, ms of a request, balance, lines)
    "round robin": (NGINX, UNEQUAL, 1, 33, 60, "", ""),
    "round robin, weights": (NGINX, UNEQUAL, 1, 33, 60, "", ""),
    "least connections": (NGINX, UNEQUAL, 1, 33, 60, "least_conn", ""),
    "random two": (NGINX, UNEQUAL, 1, 33, 60, "random two least_conn", ""),
    "no work": (NGINX, (1, 1, 1, 1), 1, 33, 1e-6, "", ""),
    "limit": (NGINX, (1, 1), 100, 50, 1e-6, "", "limit_req zone=all;"),
    "limit, burst": (NGINX, (1, 1), 100, 50, 1e-6, "", "limit_req zone=all burst=20 nodelay;"),
    "overload": (HAPROXY, (1, 1), 1, 50, 60, "", ""),
    "overload, shed": (HAPROXY, (1, 1), 1, 50, 60, "", "timeout queue 300ms\n  default-server maxconn 1"),
}


def steadily(seed: int, seconds: float) -> dict[str, Answers]:
    """Balancing, limits and overload, all at once; under overload an answer is good within 500 ms."""
    with ExitStack() as stack:
        loads = {}
        for row, (text, factors, slots, rate, mean_ms, balance, extra) in STEADY.items():
            workers = stack.enter_context(children(work, [(factor, slots, os.devnull) for factor in factors]))
            fast = local(workers[:-1], " weight=3" if "weights" in row else "")
            port = stack.enter_context(proxy(text, [*fast, *local(workers[-1:])], balance, extra))
            loads[row] = port, rate, "POST", lambda draw, mean_ms=mean_ms: draw.expovariate(1 / mean_ms)
        return drive(loads, seconds, seed, {})


def steady(quick: bool) -> Tables:
    found = [steadily(seed, 1.0 if quick else 8.0) for seed in range(1 if quick else SEEDS)]
    tables: Tables = {"unequal": {}, "limit": {}, "overload": {}}
    for row in STEADY:
        runs, table = [one[row] for one in found], tables.get(row.split(",")[0], tables["unequal"])
        times = [[1e3 * took for _, took in run] for run in runs]
        columns = {f"p{q}": ("ms", [labkit.quantile(one, q / 100) for one in times]) for q in (50, 95)}
        if table is not tables["unequal"]:
            good = [100 * sum(status == 200 and took < 0.5 for status, took in run) / len(run) for run in runs]
            refused = [100 * sum(status == 503 for status, _ in run) / len(run) for run in runs]
            columns = {"good": ("%", good), "refused": ("%", refused)}
        table[row] = {name: labkit.measured(*column) for name, column in columns.items()}
    return tables


HASHES = {  # row: (proxy, balance, words of each server)
    "nginx, hash": (NGINX, "hash $http_prefix", ""),
    "nginx, hash consistent": (NGINX, "hash $http_prefix consistent", ""),
    "HAProxy, hash": (HAPROXY, "balance hdr(prefix)", ""),
    "HAProxy, consistent": (HAPROXY, "balance hdr(prefix)\n  hash-type consistent", ""),
    "HAProxy, consistent, an id each": (HAPROXY, "balance hdr(prefix)\n  hash-type consistent", " id {}"),
}


def moves(quick: bool) -> Tables:
    """Keys that change their worker although it stays, when the third of ten leaves the configuration."""
    samples: dict[str, list[float]] = {row: [] for row in HASHES}

    async def places(port: int, keys: list[str]) -> list[str]:
        return [(await ask(port, 0, key=key))[1] for key in keys]

    for seed in range(1 if quick else SEEDS):
        draw = random.Random(seed)
        keys = [f"{draw.getrandbits(64):x}" for _ in range(30 if quick else 120)]
        with children(work, [(1.0, 100, os.devnull)] * 10) as workers:
            for row, (text, balance, words) in HASHES.items():
                servers = [server + words.format(number + 1) for number, server in enumerate(local(workers))]
                with proxy(text, servers, balance) as port:
                    before = asyncio.run(places(port, keys))
                with proxy(text, servers[:2] + servers[3:], balance) as port:
                    after = asyncio.run(places(port, keys))
                moved = [a != b for a, b in zip(before, after, strict=True) if a != str(workers[2][0])]
                samples[row].append(100 * sum(moved) / len(moved))
    return {"moved": {row: {"moved": labkit.measured("%", shares)} for row, shares in samples.items()}}


def grpc_worker(port: int) -> None:
    from concurrent.futures import ThreadPoolExecutor

    import grpc  # in the child alone: gRPC's threads do not survive a fork

    class Model(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            return grpc.unary_unary_rpc_method_handler(lambda request, context: str(port).encode())

    server = grpc.server(ThreadPoolExecutor(4), [Model()])
    server.add_insecure_port(f"[::1]:{port}")  # 127.0.0.1 would be bound as ::ffff:127.0.0.1
    server.start()
    server.wait_for_termination()


def grpc_calls(target: str, policy: str, calls: int) -> list[int]:
    import grpc  # likewise

    config = f'{{"loadBalancingConfig": [{{"{policy}": {{}}}}]}}'
    with grpc.insecure_channel(target, options=[("grpc.service_config", config)]) as channel:
        call, seen = channel.unary_unary("/model/score"), Counter()
        for number in range(-20, calls):  # 20 to connect to all
            worker = call(b"", wait_for_ready=True, timeout=20)
            seen[worker] += number >= 0
    return sorted(seen.values(), reverse=True)


def grpcs(quick: bool) -> Tables:
    rows, calls, l4 = {}, 40 if quick else 1_000, HAPROXY.replace("mode http", "mode tcp")
    l7 = HAPROXY.replace("PORT", "PORT proto h2")
    with ExitStack() as stack:
        plain = [f"[::1]:{port}" for port, _ in stack.enter_context(children(grpc_worker, [()] * 4, "::1"))]
        tcp = stack.enter_context(proxy(l4, plain))
        http = stack.enter_context(proxy(l7, [f"{one} proto h2" for one in plain]))
        pool = stack.enter_context(fork.Pool(1))
        plans = {
            "no proxy, pick_first": (f"ipv6:{','.join(plain)}", "pick_first"),
            "no proxy, round_robin": (f"ipv6:{','.join(plain)}", "round_robin"),
            "L4 proxy": (f"127.0.0.1:{tcp}", "pick_first"),
            "L7 proxy": (f"127.0.0.1:{http}", "pick_first"),
        }
        for row, plan in plans.items():
            seen = [count for count in pool.apply(grpc_calls, (*plan, calls)) if count]
            rows[row] = {"busiest": labkit.exact("%", 100 * seen[0] // calls), "workers": labkit.exact("", len(seen))}
    return {"grpc": rows}


JOBS, SERVERS = 200_000, 100  # the first quarter of the jobs is not counted
POLICIES = ("random", "round_robin", "weighted_round_robin", "two_choices", "peak_EWMA_of_two", "least_connections")
SCENES = {  # row: fleet (share and speed of the fast, speed of the others), load, servers, balancers, policies
    "equal servers": ((0, 1, 1), 0.9, SERVERS, 1, POLICIES),
    "1,000 servers": ((0, 1, 1), 0.9, 1_000, 1, POLICIES[3:]),
    "10 balancers": ((0, 1, 1), 0.9, SERVERS, 10, POLICIES[3:]),
    "100 balancers": ((0, 1, 1), 0.9, SERVERS, 100, POLICIES[3:]),
    "1 job in 20 ten times as long": ((0, 1, 1), 0.9, SERVERS, 1, POLICIES),
    "half three times as fast": ((0.5, 1.5, 0.5), 0.9, SERVERS, 1, POLICIES),
    "a quarter five times as fast": ((0.25, 2.5, 0.5), 0.9, SERVERS, 1, POLICIES),
    "prompts": ((0, 1, 1), 0.75, SERVERS, 1, ("two_choices", "hash", "hash_bounded", "hash_to_two")),
}
PREFIXES, ZIPF, CACHED, HIT, SLOTS = 50_000, 0.9, 100, 0.3, 16  # prompts, their law; kept and run at once by a server


def simulate(scene: str, policy: str, seed: int, jobs: int) -> tuple[float, float]:
    """p99 of waiting and service in mean services, % of hits. A balancer knows what it sent and saw answered itself."""
    (share, fast, slow), load, servers, balancers, _ = SCENES[scene]
    rng, draw, jobs = np.random.default_rng(seed), random.Random(seed).random, jobs * (1 + (servers > SERVERS))
    slots = SLOTS if scene == "prompts" else 1
    speed = np.where(rng.permutation(servers) < share * servers, fast, slow).tolist()
    arrivals = rng.exponential(1 / (load * servers * slots), jobs).cumsum().tolist()
    size = np.where(rng.random(jobs) < 0.05, 10, 1) / 1.45 if "long" in scene else 1
    sizes, via = (rng.exponential(1, jobs) * size).tolist(), rng.integers(balancers, size=jobs).tolist()
    law = np.arange(1, PREFIXES + 1) ** -ZIPF
    prefixes = rng.choice(PREFIXES, jobs, p=law / law.sum()).tolist() if scene == "prompts" else [0] * jobs
    turns = [((turn + 0.5) / speed[s], s) for s in range(servers) for turn in range(round(2 * speed[s]))]
    cycle = [s for _, s in sorted(turns)] if policy == "weighted_round_robin" else range(servers)
    turn = rng.integers(len(cycle), size=balancers).tolist()
    ties = np.tile(rng.random(servers), 2)  # cut at random, so that no server wins all ties
    out = np.zeros((balancers, servers)) if policy == "least_connections" else [[0] * servers for _ in range(balancers)]
    seen, ones = [[(0.0, 0.0)] * servers for _ in range(balancers)], [(1.0, 0.0)] * servers  # smoothed latency, when
    caches, hits = [OrderedDict() for _ in range(servers)], []
    free, ends, took = [[0.0] * slots for _ in range(servers)], [], []
    for now, job, who, prefix in zip(arrivals, sizes, via, prefixes, strict=True):
        while ends and ends[0][0] <= now:
            end, begun, by, s = heappop(ends)
            out[by][s] -= 1
            if policy == "peak_EWMA_of_two":  # up at once, down within ten services, as Finagle's peak EWMA
                old, at = seen[by][s]
                seen[by][s] = max(end - begun, old + (end - begun - old) * (1 - math.exp((at - end) / 10))), end
        mine = out[who]
        if policy == "least_connections":
            cut = int(draw() * servers)
            s = int((mine + ties[cut : cut + servers]).argmin())
        elif "round" in policy:
            s = cycle[turn[who] % len(cycle)]
            turn[who] += 1
        elif "hash" in policy:
            s, other = (hash((prefix, number)) % servers for number in (0, 1))
            limit, number = math.ceil(1.25 * (len(ends) + 1) / servers), 0
            while policy == "hash_bounded" and mine[s] >= limit:
                number += 1
                s = hash((prefix, number)) % servers
        else:
            s, other = int(draw() * servers), int(draw() * servers)
        if "two" in policy:
            known = seen[who] if policy == "peak_EWMA_of_two" else ones
            s = min(s, other, key=lambda one: known[one][0] * (mine[one] + 1))
        if scene == "prompts":
            hits.append(caches[s].pop(prefix, False))
            job *= HIT if hits[-1] else 1
            caches[s][prefix] = True
            if len(caches[s]) > CACHED:
                caches[s].popitem(last=False)
        mine[s] += 1
        end = max(free[s][0], now) + job / speed[s]
        heapreplace(free[s], end)
        heappush(ends, (end, now, who, s))
        took.append(end - now)
    return labkit.quantile(took[jobs // 4 :], 0.99), 100 * sum(hits[jobs // 4 :]) / (jobs - jobs // 4)


def simulated(quick: bool) -> Tables:
    seeds, jobs = (1, 2_000) if quick else (SEEDS, JOBS)
    tables: Tables = {"p99": {}, "affinity": {}}
    with fork.Pool() as pool:
        cells = [(row, policy) for row, (*_, policies) in SCENES.items() for policy in policies]
        runs = pool.starmap(simulate, [(*cell, seed, jobs) for cell in cells for seed in range(seeds)], 1)
    for place, (row, policy) in enumerate(cells):
        p99, hits = zip(*runs[place * seeds : (place + 1) * seeds], strict=True)
        if row == "prompts":
            tables["affinity"][policy] = {"hits": labkit.measured("%", hits), "p99": labkit.measured("services", p99)}
        else:
            tables["p99"].setdefault(row, {})[policy] = labkit.measured("services", p99)
    return tables


def run(quick: bool) -> dict[str, object]:
    return {**losses(quick), **steady(quick), **moves(quick), **grpcs(quick), **simulated(quick)}


if __name__ == "__main__":
    raise SystemExit(labkit.main(run))
