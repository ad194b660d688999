# /// script
# requires-python = ">=3.11.5"
# dependencies = ["handbook-labkit", "aioquic>=1.2,<2", "hypercorn>=0.18,<0.19", "pycurl>=7.49,<8", "trustme>=1.2,<2"]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""What does the network add to a prediction: new connections, large bodies, idle ones, a slow or a lost answer?

One server, Hypercorn, speaks HTTP/1.1, 2 and 3 over a delayed wire between two network namespaces, so that handshakes,
windows and losses are the kernel's own. Clients are plain sockets where round trips are counted, libcurl for streams.
"""

import asyncio
import itertools
import json
import math
import random
import socket
import ssl
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from select import select
from threading import Lock
from typing import Any

import hypercorn.asyncio
import labkit
import pycurl
import trustme
from hypercorn import Config
from labkit.wire import wire

CLAIMS = {
    "new": {
        "claim": "At 80 ms, a prediction on a new TLS 1.3 connection takes three round trips", "expected": "holds",
        "formula": 'results.request["new_TLS_1.3"].rounds_at_80_ms', "unit": "RTT",
        "holds_if": "low > 2.8 and high < 3.4", "fails_if": "high < 2.8 or low > 3.4",
    },
    "near": {
        "claim": "At 1 ms it takes three round trips as well", "expected": "fails",
        "formula": 'results.request["new_TLS_1.3"].rounds_at_1_ms', "unit": "RTT",
        "holds_if": "low > 2.8 and high < 3.4", "fails_if": "high < 2.8 or low > 3.4",
    },
    "resumed": {
        "claim": "At 80 ms, resuming a TLS 1.3 session saves a round trip", "expected": "fails",
        "formula": 'results.request["new_TLS_1.3"].rounds_at_80_ms - '
        'results.request["TLS_1.3_resumed"].rounds_at_80_ms',
        "unit": "RTT", "holds_if": "low > 0.8", "fails_if": "high < 0.2",
    },
    "pooled": {
        "claim": "At 80 ms, a pooled connection takes a third of the time of a new one", "expected": "holds",
        "formula": 'results.request["new_TLS_1.3"].at_80_ms / results.request.pooled.at_80_ms', "unit": "×",
        "holds_if": "low > 2.7 and high < 3.3", "fails_if": "high < 2.7 or low > 3.3",
    },
    "http3": {
        "claim": "At 80 ms, a new HTTP/3 connection saves a round trip against TLS 1.3 over TCP", "expected": "holds",
        "formula": 'results.request["new_TLS_1.3_in_libcurl"].rounds_at_80_ms - '
        "results.request.new_HTTP_3_in_libcurl.rounds_at_80_ms",
        "unit": "RTT", "holds_if": "low > 0.7", "fails_if": "high < 0.5",
    },
    "connect": {
        "claim": "A lost SYN is sent again after 3 s, so a connect timeout is set slightly above 3 s",
        "expected": "fails", "formula": "results.connect.SYN_sent_again.first", "unit": "s",
        "holds_if": "low > 2.5", "fails_if": "high < 2.5",
    },
    "window": {
        "claim": "Ten segments, doubled each round trip, predict what an upload takes on a connection that was idle",
        "expected": "holds",
        "holds_if": "all(abs(row.after_idle.value - row.predicted.value) < 0.25 for row in results.upload)",
        "fails_if": "any(row.after_idle.low > row.predicted.value + 0.25 or "
        "row.after_idle.high < row.predicted.value - 0.25 for row in results.upload)",
    },
    "idle": {
        "claim": "A pooled connection spares a 300 kB image the slow start, also after 2 s without traffic",
        "expected": "fails", "formula": 'results.upload["300_kB"].after_idle', "unit": "RTT",
        "holds_if": "high < 2", "fails_if": "low > 2",
    },
    "forgets": {
        "claim": "A connection that was idle for longer than its retransmission timeout starts again at ten segments",
        "expected": "fails", "formula": 'results.pause["0.4_s"].after', "unit": "segments",
        "holds_if": "high < 11", "fails_if": "low > 11",
    },
    "halving": {
        "claim": "The window halves for each retransmission timeout of silence, until ten segments are left",
        "expected": "holds",
        "holds_if": "all(abs(row.after.value - row.halved.value) < 2 for row in results.pause)",
        "fails_if": "any(row.after.low > row.halved.high + 2 or row.after.high < row.halved.low - 2 "
        "for row in results.pause)",
    },
    "equal-timeouts": {
        "claim": "Client and server may close idle connections after the same time: a request a quarter round trip "
        "before it is answered", "expected": "fails",
        "formula": 'results.reuse["0.25_RTT_before"].failed_at_80_ms', "unit": "%",
        "holds_if": "high == 0", "fails_if": "low > 0",
    },
    "window-of-failure": {
        "claim": "Requests fail in the last round trip before the server's idle timeout, all of them, and nowhere else",
        "expected": "holds",
        "holds_if": "all(row.failed_at_80_ms.value == row.expected.value and "
        "row.failed_at_20_ms.value == row.expected.value for row in results.reuse)",
        "fails_if": "any(row.failed_at_80_ms.value != row.expected.value or "
        "row.failed_at_20_ms.value != row.expected.value for row in results.reuse)",
    },
    "slow-one": {
        "claim": "One slow answer of 30 at least doubles the time of the other 29 on six HTTP/1.1 connections",
        "expected": "depends", "formula": 'results.slow["1_of_30"].six_connections / results.slow.none.six_connections',
        "unit": "×", "holds_if": "low > 2", "fails_if": "high < 2",
    },
    "multiplexing": {
        "claim": "One HTTP/2 connection is faster than as many HTTP/1.1 connections as there are requests",
        "expected": "fails", "formula": "results.slow.none.HTTP_2 / results.slow.none.thirty_connections", "unit": "×",
        "holds_if": "high < 1", "fails_if": "low > 1",
    },
    "stall": {
        "claim": "With every 100th packet lost, one HTTP/2 connection for six token streams makes at least twice as "
        "many tokens late as six HTTP/1.1 connections", "expected": "holds",
        "formula": 'results.tokens.HTTP_2.late_with_loss / results.tokens["HTTP_1.1"].late_with_loss', "unit": "×",
        "holds_if": "low > 2", "fails_if": "high < 2",
    },
    "http3-stall": {
        "claim": "HTTP/3 over one connection makes fewer tokens late than HTTP/2", "expected": "holds",
        "formula": "results.tokens.HTTP_2.late_with_loss / results.tokens.HTTP_3.late_with_loss", "unit": "×",
        "holds_if": "low > 1", "fails_if": "high < 1",
    },
}

HOST, NOBODY = "10.77.0.2", "10.77.0.9"
PLAIN, BRIEF, TLS = 80, 81, 443  # BRIEF closes a connection that was idle for KEEP_ALIVE_S
KEEP_ALIVE_S, TOKEN_S, STREAMS, FIRST = 1.0, 0.05, 6, 10  # the FIRST tokens of a stream are not counted
END = b"0\r\n\r\n"  # of a chunked answer
SEGMENT = 1448  # bytes of a full TCP segment: 1500 less 40 of headers and 12 of timestamps
KB = 12, 16, 40, 48, 100, 300, 1_000
PAUSES_S = 0.1, 0.4, 0.7, 1.0, 1.5, 2.0
BEFORE_RTT = 2, 1.25, 0.75, 0.25, -0.5  # how long before the server's idle timeout the next request is sent
VERSIONS = {
    "HTTP_1.1": pycurl.CURL_HTTP_VERSION_1_1, "HTTP_2": pycurl.CURL_HTTP_VERSION_2TLS,
    "HTTP_3": pycurl.CURL_HTTP_VERSION_3ONLY,
}
IPV4 = Path("/proc/sys/net/ipv4")  # of the namespace of who reads or writes it
Tables = dict[str, dict[str, dict[str, object]]]


# The server: /SECONDS/BYTES answers after a while, as a model does; /tokens/COUNT streams.
async def app(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    _, first, second = scope["path"].split("/")
    if first == "tokens":
        begin = time.monotonic() + random.random() * TOKEN_S  # streams are not in step
        for number in range(int(second)):
            await asyncio.sleep(begin + number * TOKEN_S - time.monotonic())
            body = f"{time.monotonic():.6f}".ljust(99).encode() + b"\n"
            await send({"type": "http.response.body", "body": body, "more_body": True})
    else:
        await asyncio.sleep(float(first))
        await send({"type": "http.response.body", "body": b"x" * int(second), "more_body": True})
    await send({"type": "http.response.body"})


def serve(folder: Path) -> None:
    async def both() -> None:
        tls = {"certfile": folder / "cert.pem", "keyfile": folder / "key.pem", "bind": [f"{HOST}:{TLS}"]}
        tls |= {"quic_bind": [f"{HOST}:{TLS}"], "insecure_bind": [f"{HOST}:{PLAIN}"], "keep_alive_timeout": 90}
        brief = {"bind": [f"{HOST}:{BRIEF}"], "keep_alive_timeout": KEEP_ALIVE_S}
        configs = [Config.from_mapping(errorlog=None, **options) for options in (brief, tls)]
        await asyncio.gather(*(hypercorn.asyncio.serve(app, config) for config in configs))

    random.seed(1)
    asyncio.run(both())


# The client, in the other namespace: reads [function, arguments], writes what it returns.
def client(folder: Path) -> None:
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(globals()[name](folder, *arguments)), flush=True)


def context(folder: Path, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    """One with no session to resume."""
    fresh = ssl.create_default_context(cafile=folder / "ca.pem")
    fresh.maximum_version = newest
    return fresh


def connect(tls: ssl.SSLContext | None, session: ssl.SSLSession | None = None, port: int = PLAIN) -> socket.socket:
    connection = socket.create_connection((HOST, TLS if tls else port), timeout=20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls.wrap_socket(connection, server_hostname=HOST, session=session) if tls else connection


def predict(connection: socket.socket, body: bytes = b"", look: Callable[[], None] | None = None) -> None:
    """One request and its whole answer; looks when the first segment is on its way."""
    message = b"POST /0/200 HTTP/1.1\r\nHost: model\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    if look:
        connection.sendall(message[:1000])
        look()
        message = message[1000:]
    connection.sendall(message)
    answer = b""
    while not answer.endswith(END):
        if not (part := connection.recv(65536)):
            raise ConnectionResetError("closed without an answer")
        answer += part


def new(tls: ssl.SSLContext | None) -> None:
    predict(connect(tls))


def timed(work: Callable[..., object], *arguments: object) -> float:
    begin = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - begin


def request(folder: Path) -> dict[str, tuple[float, float]]:
    """Round trips, and seconds, of one prediction over each kind of connection."""
    seconds = {}
    with connect(context(folder)) as pooled:
        predict(pooled)
        seconds["pooled"] = timed(predict, pooled)
    seconds["new_without_TLS"] = timed(new, None)
    for name, newest in {"TLS_1.2": ssl.TLSVersion.TLSv1_2, "TLS_1.3": ssl.TLSVersion.TLSv1_3}.items():
        tls = context(folder, newest)
        with connect(tls) as first:
            predict(first)
            session = first.session  # only now: TLS 1.3 sends the ticket behind the handshake
        seconds[f"new_{name}"] = timed(new, tls)
        begin = time.perf_counter()
        with connect(tls, session) as second:
            predict(second)
            seconds[f"{name}_resumed"] = time.perf_counter() - begin
            assert second.session_reused
    for name, version in {"TLS_1.3_in_libcurl": "HTTP_1.1", "HTTP_3_in_libcurl": "HTTP_3"}.items():
        seconds[f"new_{name}"] = timed(curl(folder, "/0/200", version).perform)
    seconds["SYN_and_answer"] = labkit.quantile([timed(lambda: connect(None).close()) for _ in range(3)], 0.5)
    return {name: (one / seconds["SYN_and_answer"], one) for name, one in seconds.items()}


def upload(folder: Path, sizes_kb: list[int], idle_s: float) -> dict[str, dict[str, float]]:
    """Seconds from a request with a body to its answer: on a new connection, one in use, one that was idle."""
    seconds: dict[str, dict[str, float]] = {}
    kept: dict[int, socket.socket] = {}
    for size_kb in sizes_kb:
        kept[size_kb] = connection = connect(context(folder))
        body = bytes(size_kb * 1000)
        row = seconds[f"{size_kb}_kB"] = {"new": timed(predict, connection, body)}
        row["new_without_TLS"] = timed(predict, connect(None), body)
        for _ in range(2):
            predict(connection, bytes(1_000_000))
        row["in_use"] = timed(predict, connection, body)
    for column, restart in {"window_kept": "0", "after_idle": "1"}.items():
        (IPV4 / "tcp_slow_start_after_idle").write_text(restart)
        time.sleep(idle_s)
        for size_kb, connection in kept.items():
            seconds[f"{size_kb}_kB"][column] = timed(predict, connection, bytes(size_kb * 1000))
    return seconds


def tcp_info(connection: socket.socket) -> tuple[int, float, float]:
    """Congestion window in segments; retransmission timeout, and seconds since data were last sent."""
    numbers = struct.unpack("8x19I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 84))
    return numbers[18], numbers[0] / 1e6, numbers[9] / 1e3


def pause(folder: Path, pauses_s: list[float]) -> list[dict[str, float]]:
    """What each pause leaves of the window that 300 kB bodies made, one connection a pause, and the next upload."""
    one_by_one = Lock()  # lest their bodies queue

    def one(pause_s: float) -> dict[str, float]:
        image, after = bytes(300_000), []
        with one_by_one:
            connection = connect(context(folder))
            for _ in range(3):
                predict(connection, image)
        time.sleep(pause_s)
        before, timeout_s, idle_s = tcp_info(connection)
        seconds = timed(predict, connection, image, lambda: after.append(tcp_info(connection)[0]))
        halved = max(before >> max(0, math.ceil(idle_s / timeout_s) - 1), 10)
        windows = {"before": before, "halved": halved, "after": after[0]}
        return {"timeout": timeout_s * 1e3, **windows, "upload": seconds / 0.08}

    with ThreadPoolExecutor(len(pauses_s)) as threads:
        return list(threads.map(one, pauses_s))


def reuse(_: Path, idle_s: list[float]) -> list[str]:
    """What becomes of a request on a connection that was idle for so long, on one connection each."""

    def one(seconds: float) -> str:
        with connect(None, port=BRIEF) as connection:
            predict(connection)
            time.sleep(seconds)
            if select([connection], [], [], 0)[0]:
                return "seen closed"  # a pool that looks opens another connection
            try:
                predict(connection)
            except ConnectionError:
                return "failed"
            return "answered"

    with ThreadPoolExecutor(len(idle_s)) as threads:
        return list(threads.map(one, idle_s))


def resend(_: Path, sockets: int) -> list[list[float]]:
    """Seconds after which a SYN that nobody answers is sent again, the first three times, for each of some sockets."""
    unanswered = [socket.socket(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK) for _ in range(sockets)]
    begin, sent_at = time.perf_counter(), [[] for _ in unanswered]
    for connection in unanswered:
        connection.connect_ex((NOBODY, PLAIN))
    while min(map(len, sent_at)) < 3:
        time.sleep(0.01)
        for connection, seconds in zip(unanswered, sent_at, strict=True):
            if connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[2] > len(seconds):  # tcpi_retransmits
                seconds.append(time.perf_counter() - begin)
    return [seconds[:3] for seconds in sent_at]


def curl(folder: Path, path: str, version: str, write: Callable[[bytes], None] = lambda _: None) -> pycurl.Curl:
    handle = pycurl.Curl()
    handle.setopt(pycurl.URL, f"https://{HOST}{path}")
    handle.setopt(pycurl.CAINFO, str(folder / "ca.pem"))
    handle.setopt(pycurl.HTTP_VERSION, VERSIONS[version])
    handle.setopt(pycurl.PIPEWAIT, version != "HTTP_1.1")  # wait for a connection that can be shared
    handle.setopt(pycurl.WRITEFUNCTION, write)
    return handle


def pool(connections: int) -> pycurl.CurlMulti:
    multi = pycurl.CurlMulti()
    multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, connections)
    return multi


def perform(multi: pycurl.CurlMulti, handles: list[pycurl.Curl]) -> list[float]:
    """Seconds from now until each is answered."""
    for handle in handles:
        multi.add_handle(handle)
    begin, done = time.perf_counter(), {}
    while len(done) < len(handles):
        multi.perform()
        _, answered, failed = multi.info_read()
        if failed:
            raise ConnectionError(failed)
        for handle in answered:
            done[handle] = time.perf_counter() - begin
            multi.remove_handle(handle)
        multi.select(0.02)
    return [done[handle] for handle in handles]


def slow(folder: Path, version: str, connections: int, seed: int, slow_ones: int) -> float:
    """Seconds until all but the slow ones of 30 requests, all wanted at once, are answered; connections are open."""
    multi, wanted = pool(connections), [0.4] * slow_ones + [0.05] * (30 - slow_ones)
    random.Random(seed).shuffle(wanted)
    perform(multi, [curl(folder, "/0.05/2000", version) for _ in wanted])
    seconds = perform(multi, [curl(folder, f"/{model_s}/2000", version) for model_s in wanted])
    return max(one for one, model_s in zip(seconds, wanted, strict=True) if model_s == 0.05)


def tokens(folder: Path, version: str, count: int) -> list[float]:
    """Seconds from the server's write to the client's read of each token, of STREAMS streams at once."""
    parts: list[list[tuple[float, bytes]]] = [[] for _ in range(STREAMS)]

    def write(mine: list[tuple[float, bytes]], text: bytes) -> None:
        mine.append((time.monotonic(), text))  # the clock of the whole machine, so the server's as well

    multi = pool(STREAMS if version == "HTTP_1.1" else 1)
    perform(multi, [curl(folder, f"/tokens/{count}", version, partial(write, mine)) for mine in parts])
    delays = []
    for mine in parts:
        received_at = [at for at, text in mine for _ in range(text.count(b"\n"))]
        written_at = map(float, b"".join(text for _, text in mine).split())
        delays += [at - sent for at, sent in zip(received_at, written_at, strict=True)][FIRST:]
    return delays


# The lab: lines with a server and a client each.
@contextmanager
def line(folder: Path, rtt_ms: float, drop_every: int = 0) -> Iterator[Callable[..., Any]]:
    """A wire with a server at its far end; the function asks the client at its near end."""
    with wire(delay_s=rtt_ms / 2e3, drop_every=drop_every) as (near, far):
        for node in (near, far):
            node.run(["ip", "route", "change", "10.77.0.0/24", "dev", "eth0", "congctl", "cubic"])  # Linux's default
            node.run(["ip", "neighbor", "replace", NOBODY, "lladdr", "02:00:00:00:00:09", "dev", "eth0"])
            node.run(["sh", "-c", f"echo 1 > {IPV4 / 'tcp_no_metrics_save'}"])  # no memory of earlier connections
        serve_it = [sys.executable, __file__, "serve", str(folder)]
        listens = lambda: far.listens(TLS) and far.listens(BRIEF)  # noqa: E731
        with labkit.server(serve_it, ready=listens, package="python3", core=0, inside=far.inside):
            process = near.start([sys.executable, __file__, "client", str(folder)], text=True, stderr=None)

            def ask(*what: object) -> Any:
                print(json.dumps(what), file=process.stdin, flush=True)
                if not (answer := process.stdout.readline()):
                    raise RuntimeError(f"the client ended at {what}")
                return json.loads(answer)

            yield ask


def certificates(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued = authority.issue_cert(HOST)
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")


def rounds(kb: int) -> int:
    """Round trips of a body when ten segments go first and each answered window doubles."""
    segments, window, trips = -(-kb * 1000 // SEGMENT), 10, 1
    while segments > window * (2**trips - 1):
        trips += 1
    return trips


def streams(ask: Callable[..., Any], repeats: int, count: int) -> dict[str, list[list[float]]]:
    """Delays of all tokens, a list a repeat."""
    return labkit.interleave({one: partial(ask, "tokens", one, count) for one in VERSIONS}, repeats, warmup=0)


def run(quick: bool) -> Tables:
    repeats, idle_s, count = (1, 0.5, 20) if quick else (7, 2, 120)
    tables: Tables = {name: {} for name in ("request", "connect", "upload", "pause", "reuse", "slow", "tokens")}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        certificates(folder)
        lines = {rtt_ms: stack.enter_context(line(folder, rtt_ms)) for rtt_ms in (1, 20, 80)}
        clean, lossy = stack.enter_context(line(folder, 80)), stack.enter_context(line(folder, 80, drop_every=100))

        arms = {rtt_ms: partial(ask, "request") for rtt_ms, ask in lines.items()}
        for rtt_ms, found in labkit.interleave(arms, repeats, warmup=not quick).items():
            for name in found[0]:
                row = tables["request"].setdefault(name, {})
                if name != "SYN_and_answer":
                    row[f"rounds_at_{rtt_ms}_ms"] = labkit.measured("RTT", [one[name][0] for one in found])
                row[f"at_{rtt_ms}_ms"] = labkit.measured("ms", [one[name][1] * 1e3 for one in found])

        pools = {"six_connections": ("HTTP_1.1", 6), "thirty_connections": ("HTTP_1.1", 30), "HTTP_2": ("HTTP_2", 1)}
        rows = {"none": 0, "1_of_30": 1, "6_of_30": 6}
        seeds = {(row, how): itertools.count() for row in list(rows)[: 2 if quick else 3] for how in pools}
        waits = {
            (row, how): lambda row=row, how=how: lines[20]("slow", *pools[how], next(seeds[row, how]), rows[row])
            for row, how in seeds
        }
        for (row, how), found in labkit.interleave(waits, repeats, warmup=0).items():
            tables["slow"].setdefault(row, {})[how] = labkit.measured("ms", [1e3 * one for one in found])

        with ThreadPoolExecutor() as threads:  # lines that do not know of each other, and leave the cores mostly idle
            both = [threads.submit(streams, ask, repeats, count) for ask in (clean, lossy)]
            resent = threads.submit(lines[1], "resend", repeats)
            reused = {}
            for rtt_ms in (20, 80):
                idle = [KEEP_ALIVE_S - before * rtt_ms / 1e3 for before in BEFORE_RTT for _ in range(4)]
                reused[rtt_ms] = [lines[rtt_ms]("reuse", idle) for _ in range(repeats)]
        uploads = [lines[80]("upload", (300,) if quick else KB, idle_s) for _ in range(repeats)]
        pauses = [lines[80]("pause", PAUSES_S) for _ in range(repeats)]

        for name, seconds in zip(("first", "second", "third"), zip(*resent.result(), strict=True), strict=True):
            tables["connect"].setdefault("SYN_sent_again", {})[name] = labkit.measured("s", seconds)
        for number, before in enumerate(BEFORE_RTT):
            row = tables["reuse"][f"{abs(before)}_RTT_{'before' if before > 0 else 'after'}"] = {}
            row["expected"] = labkit.exact("%", 100 * (0 < before < 1))
            for rtt_ms, found in reused.items():
                failed = [25 * one[4 * number : 4 * number + 4].count("failed") for one in found]
                row[f"failed_at_{rtt_ms}_ms"] = labkit.measured("%", failed)
        for name in uploads[0]:
            row = tables["upload"][name] = {"predicted": labkit.exact("RTT", rounds(int(name.split("_")[0])))}
            for column in uploads[0][name]:
                row[column] = labkit.measured("RTT", [one[name][column] / 0.08 for one in uploads])
        units = {"timeout": "ms"} | dict.fromkeys(("before", "halved", "after"), "segments") | {"upload": "RTT"}
        for pause_s, found in zip(PAUSES_S, zip(*pauses, strict=True), strict=True):
            row = {column: labkit.measured(unit, [one[column] for one in found]) for column, unit in units.items()}
            tables["pause"][f"{pause_s}_s"] = row
        for suffix, future in zip(("without_loss", "with_loss"), both, strict=True):
            for version, found in future.result().items():
                row = tables["tokens"].setdefault(version, {})
                late = [100 * sum(delay > 0.08 for delay in one) / len(one) for one in found]
                row[f"late_{suffix}"] = labkit.measured("%", late)
                row[f"longest_{suffix}"] = labkit.measured("ms", [1e3 * max(one) for one in found])
    return tables


if __name__ == "__main__":
    if sys.argv[1:2] in (["serve"], ["client"]):
        raise SystemExit(globals()[sys.argv[1]](Path(sys.argv[2])))
    raise SystemExit(labkit.main(run))
