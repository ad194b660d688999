# /// script
# requires-python = ">=3.11.5"
# dependencies = [
#     "handbook-labkit", "fastapi>=0.115,<1", "grpcio>=1.70,<2", "httptools>=0.6,<1", "numpy>=2,<3", "orjson>=3.10,<4",
#     "protobuf>=7.34,<8", "uvicorn>=0.34,<1", "uvloop>=0.21,<1",
# ]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""Is gRPC ten times as fast as REST, which part of it is the parser, and whom does a slow model keep waiting?

Parsers are timed up to the NumPy array that the model takes. FastAPI on uvicorn and grpcio serve the same small model
from core 0; h2load, a client in C that speaks HTTP/1.1 as well as gRPC's HTTP/2, asks from core 1 on four connections
with one request at a time on each. A model that computes, or waits, for long, and a long body then show who else waits,
and deadlines what is still computed when nobody waits any more.
"""

import asyncio
import base64
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Annotated

import grpc
import labkit
import numpy as np
import orjson
import uvicorn
from fastapi import FastAPI, Header, Request, Response
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from pydantic import BaseModel

SIZES = (16, 512, 4096, 65_536)
SLOW_S, SLOW = 0.005, ("FastAPI, JSON", "FastAPI, raw bytes", "gRPC, packed")  # a model that computes, and who asks it
STEPS, STEP_S, PATIENCE_S, CALLERS = 10, 0.01, 0.25, 10  # a model of 0.1 s with one slot; how long its callers wait
THREADS, WAIT_S = 60, 0.5  # callers of a `def` handler that sleeps, and for how long
CLAIMS = {
    "ten-times": {"claim": "gRPC takes a tenth of the server CPU of FastAPI with JSON: 512 floats", "unit": "×",
        "expected": "fails", "formula": "results.server_CPU['FastAPI, JSON']['512 floats'] / "
        "results.server_CPU['gRPC, packed']['512 floats']", "holds_if": "low > 10", "fails_if": "high < 10"},
    "ten-times-large": {"claim": "gRPC takes a tenth of the server CPU of FastAPI with JSON: 65,536, read at once",
        "unit": "×", "expected": "holds", "formula": "results.server_CPU['FastAPI, JSON']['65536 floats'] / "
        "results.server_CPU['gRPC, packed']['65536 floats']", "holds_if": "low > 10", "fails_if": "high < 10"},
    "ten-times-by-value": {"claim": "gRPC takes a tenth of the server CPU of FastAPI with JSON: 65,536, value by value",
        "unit": "×", "expected": "fails", "formula": "results.server_CPU['FastAPI, JSON']['65536 floats'] / "
        "results.server_CPU['gRPC, value by value']['65536 floats']", "holds_if": "low > 10", "fails_if": "high < 10"},
    "orjson-large": {"claim": "gRPC takes a tenth of the server CPU of FastAPI with orjson: 65,536, read at once",
        "unit": "×", "expected": "holds", "formula": "results.server_CPU['FastAPI, orjson']['65536 floats'] / "
        "results.server_CPU['gRPC, packed']['65536 floats']", "holds_if": "low > 10", "fails_if": "high < 10"},
    "orjson": {"claim": "gRPC takes less server CPU than FastAPI with orjson: 512 floats", "unit": "×",
        "expected": "fails", "formula": "results.server_CPU['gRPC, packed']['512 floats'] / "
        "results.server_CPU['FastAPI, orjson']['512 floats']", "holds_if": "high < 1", "fails_if": "low > 1"},
    "same-bytes": {"claim": "With the same raw bytes gRPC takes less server CPU than FastAPI: 512 floats", "unit": "×",
        "expected": "fails", "formula": "results.server_CPU['gRPC, bytes field']['512 floats'] / "
        "results.server_CPU['FastAPI, raw bytes']['512 floats']", "holds_if": "high < 1", "fails_if": "low > 1"},
    "slow-model": {"claim": "Before a model of 5 ms JSON takes at most a tenth more CPU than gRPC: 65,536 floats",
        "unit": "×", "expected": "fails", "formula": "results.slow_model['FastAPI, JSON']['65536 floats'] / "
        "results.slow_model['gRPC, packed']['65536 floats']", "holds_if": "high < 1.1", "fails_if": "low > 1.1"},
    "parser": {"claim": "Packed Protobuf becomes an array in a tenth of orjson's time: 512 floats, value by value",
        "expected": "fails", "formula": "results.decode['orjson']['512 floats'] / results.decode"
        "['packed Protobuf, value by value']['512 floats']", "unit": "×",
        "holds_if": "low > 10", "fails_if": "high < 10"},
    "async-def": {"claim": "`async def` keeps a health check under 10 ms beside two callers of a model of 50 ms",
        "expected": "fails", "formula": "results.health_check['on the loop, Python'].p50", "unit": "ms",
        "holds_if": "high < 10", "fails_if": "low > 10"},
    "def": {"claim": "`def` keeps a health check under 10 ms beside two callers of a model of 50 ms in Python",
        "expected": "holds", "formula": "results.health_check['in threads, Python'].p50", "unit": "ms",
        "holds_if": "high < 10", "fails_if": "low > 10"},
    "def-parses": {"claim": "`def` keeps a health check under 10 ms beside two callers that send 65,536 floats of JSON",
        "expected": "fails", "formula": "results.health_check['in threads, long JSON'].p50", "unit": "ms",
        "holds_if": "high < 10", "fails_if": "low > 10"},
    "threads": {"claim": "A server with `def` handlers runs 60 requests that wait at once", "expected": "fails",
        "holds_if": "results.threads['60 callers'].at_once.value == 60",
        "fails_if": "results.threads['60 callers'].at_once.value < 60", "always": True},
    "timeout-stops": {"claim": "When its callers have timed out, the server stops: HTTP, under 40 of 100 parts",
        "expected": "fails", "formula": "results.deadline['HTTP, caller times out'].computed", "unit": "parts",
        "holds_if": "high < 40", "fails_if": "low > 40"},
    "deadline-skips": {"claim": "When its callers have timed out, the server stops: gRPC, calls that wait for a thread",
        "expected": "holds", "formula": "results.deadline['gRPC, one thread'].computed", "unit": "parts",
        "holds_if": "high < 40", "fails_if": "low > 40"},
    "deadline-lock": {"claim": "When its callers have timed out, the server stops: gRPC, threads that wait for a slot",
        "expected": "fails", "formula": "results.deadline['gRPC, ten threads'].computed", "unit": "parts",
        "holds_if": "high < 40", "fails_if": "low > 40"},
}


def tensor_message() -> type:
    """message Tensor { repeated float values = 1; bytes raw = 2; } in proto3, where repeated numbers are packed."""
    file = descriptor_pb2.FileDescriptorProto(name="tensor.proto", package="lab", syntax="proto3")
    message, kinds = file.message_type.add(name="Tensor"), descriptor_pb2.FieldDescriptorProto
    message.field.add(name="values", number=1, type=kinds.TYPE_FLOAT, label=kinds.LABEL_REPEATED)
    message.field.add(name="raw", number=2, type=kinds.TYPE_BYTES, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("lab.Tensor"))


Tensor = tensor_message()
ENCODE: dict[str, Callable[[np.ndarray], bytes]] = {
    "JSON": lambda inputs: json.dumps(inputs.tolist(), separators=(",", ":")).encode(),
    "orjson": lambda inputs: orjson.dumps(inputs.tolist()),
    "Base64 in JSON": lambda inputs: orjson.dumps(base64.b64encode(inputs.astype("<f4")).decode()),
    "packed Protobuf": lambda inputs: Tensor(values=inputs.tolist()).SerializeToString(),
    "bytes field": lambda inputs: Tensor(raw=inputs.astype("<f4").tobytes()).SerializeToString(),
    "raw bytes": lambda inputs: inputs.astype("<f4").tobytes(),
}
DECODE: dict[str, Callable[[bytes], np.ndarray]] = {
    "JSON": lambda data: np.array(json.loads(data), np.float32),
    "JSON, 6 decimals": lambda data: np.array(json.loads(data), np.float32),
    "orjson": lambda data: np.array(orjson.loads(data), np.float32),
    "Base64 in JSON": lambda data: np.frombuffer(base64.b64decode(orjson.loads(data)), "<f4"),
    "packed Protobuf, value by value": lambda data: np.fromiter(Tensor.FromString(data).values, np.float32),
    "packed Protobuf": lambda data: np.array(Tensor.FromString(data).values, np.float32),
    "bytes field": lambda data: np.frombuffer(Tensor.FromString(data).raw, "<f4"),
    "raw bytes": lambda data: np.frombuffer(data, "<f4"),
}
WEIGHTS = np.random.default_rng(1).standard_normal(max(SIZES)).astype(np.float32)
BUSY_S = float(os.environ.get("BUSY_S", "0"))  # of computing in the model, beside the product


class Body(BaseModel):
    values: list[float]


def score(inputs: np.ndarray) -> float:
    """The model."""
    compute(BUSY_S)
    return float(inputs @ WEIGHTS[: len(inputs)])


def compute(seconds: float, numpy: bool = False) -> None:
    """Uses the CPU in Python, which holds the interpreter's lock, or in matrix products, which release it."""
    end, matrix = time.thread_time() + seconds, WEIGHTS.reshape(256, 256)
    while time.thread_time() < end:
        _ = matrix @ matrix if numpy else sum(range(500))


def rest() -> Callable:
    """An ASGI application: FastAPI, and beside it one address without a framework."""
    api, pool, slot = FastAPI(), futures.ProcessPoolExecutor(1), threading.Lock()
    count = {"now": 0, "at_once": 0, "steps": 0}

    @api.post("/json")
    async def from_json(body: Body) -> dict[str, float]:
        return {"score": score(np.array(body.values, np.float32))}

    @api.post("/pydantic")
    async def from_json_by_pydantic(request: Request) -> dict[str, float]:
        return {"score": score(np.array(Body.model_validate_json(await request.body()).values, np.float32))}

    @api.post("/orjson")
    async def from_orjson(request: Request) -> Response:
        values = orjson.loads(await request.body())["values"]
        return Response(orjson.dumps({"score": score(np.array(values, np.float32))}), media_type="application/json")

    @api.post("/bytes")
    async def from_bytes(request: Request) -> Response:
        return Response(struct.pack("<f", score(np.frombuffer(await request.body(), "<f4"))))

    @api.post("/async")
    async def on_the_loop(numpy: bool) -> None:
        compute(0.05, numpy)

    @api.post("/def")
    def in_a_thread(numpy: bool) -> None:
        compute(0.05, numpy)

    @api.post("/process")
    async def in_a_process() -> None:
        await asyncio.get_running_loop().run_in_executor(pool, compute, 0.05)

    @api.post("/long")
    def in_a_thread_with_a_body(body: Body) -> None:
        """Only what FastAPI does before."""

    @api.post("/wait")
    def wait() -> None:
        count["now"] += 1
        count["at_once"] = max(count["at_once"], count["now"])
        time.sleep(WAIT_S)
        count["now"] -= 1

    @api.get("/health")
    async def health() -> dict[str, int]:
        return count

    api.get("/health-def")(lambda: count)  # which FastAPI calls in a thread

    @api.post("/steps")
    def steps(request: Request, x_timeout_ms: Annotated[int, Header(ge=1, le=60_000)]) -> Response:
        end = request.scope["arrived"] + x_timeout_ms / 1000  # from arrival, not from a free thread
        with slot:
            count["steps"] += (done := take_steps(lambda: time.monotonic() < end))
        return Response(status_code=200 if done == STEPS else 504)

    async def app(scope: dict, receive: Callable, send: Callable) -> None:
        if scope.get("path") != "/bare":
            await api(scope | {"arrived": time.monotonic()}, receive, send)
            return
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event["body"], event["more_body"]
        answer = struct.pack("<f", score(np.frombuffer(body, "<f4")))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": answer})

    return app


def take_steps(goes_on: Callable[[], bool]) -> int:
    """A model that waits for an accelerator, and asks before each part of its work whether to go on."""
    for step in range(STEPS):
        if not goes_on():
            return step
        time.sleep(STEP_S)
    return STEPS


def rpc() -> dict[str, Callable]:
    """The methods of a gRPC service."""
    count, slot = {"steps": 0}, threading.Lock()

    def work(_: object, context: grpc.ServicerContext, checks: bool) -> object:
        with slot:
            count["steps"] += take_steps(context.is_active if checks else lambda: True)
        return Tensor()

    return {
        "packed": lambda request, _: Tensor(values=[score(np.array(request.values, np.float32))]),
        "values": lambda request, _: Tensor(values=[score(np.fromiter(request.values, np.float32))]),
        "bytes": lambda request, _: Tensor(raw=struct.pack("<f", score(np.frombuffer(request.raw, "<f4")))),
        "work": partial(work, checks=False),
        "work_checked": partial(work, checks=True),
        "steps": lambda _, __: Tensor(values=[count["steps"]]),
    }


def serve(kind: str, port: int) -> None:
    if kind == "rest":
        uvicorn.run(rest(), port=port, log_level="warning", access_log=False, loop="uvloop", http="httptools")
        return
    codec = {"request_deserializer": Tensor.FromString, "response_serializer": Tensor.SerializeToString}
    methods = {name: grpc.unary_unary_rpc_method_handler(method, **codec) for name, method in rpc().items()}
    server = grpc.server(futures.ThreadPoolExecutor(int(os.environ["WORKERS"])))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("lab.Model", methods)])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


@contextmanager
def server(kind: str, busy_s: float = 0, workers: int = 4) -> Iterator[tuple[int, int]]:
    """Its port and process, on core 0."""
    port, env = labkit.free_port(), {"BUSY_S": str(busy_s), "WORKERS": str(workers), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).resolve()), "serve", kind, str(port)]
    with labkit.server(command, ready=port, package="python3", env=env, core=0) as process:
        yield port, process.pid


def parsers(quick: bool) -> dict[str, object]:
    """Sizes in bytes; time from an array to bytes and from bytes to an array."""
    tables: dict[str, dict[str, dict[str, object]]] = {"size": {}, "decode": {}, "encode": {}}
    arms: dict[tuple[str, str, str], Callable[[], float]] = {}
    for size in SIZES:
        full, column = np.random.default_rng(0).standard_normal(size).astype(np.float32), f"{size} floats"
        short = full.astype(float).round(6)
        for name, encode in ENCODE.items():
            if name != "orjson":  # the same text as json's
                tables["size"].setdefault(name, {})[column] = labkit.exact("B", len(encode(full)))
            arms["encode", name, column] = timed(partial(encode, full))
        tables["size"].setdefault("JSON, 6 decimals", {})[column] = labkit.exact("B", len(ENCODE["JSON"](short)))
        for name, decode in DECODE.items():
            data = ENCODE[name.partition(",")[0]](short if "6" in name else full)
            assert np.allclose(decode(data), full, atol=1e-6)
            arms["decode", name, column] = timed(partial(decode, data))
        message_only = partial(Tensor.FromString, ENCODE["packed Protobuf"](full))
        arms["decode", "packed Protobuf, no array made", column] = timed(message_only)
    for (table, name, column), found in labkit.interleave(arms, 1 if quick else 9).items():
        tables[table].setdefault(name, {})[column] = labkit.measured("µs", found)
    return tables


def timed(function: Callable[[], object]) -> Callable[[], float]:
    """Microseconds a call, over 15 ms of calls."""

    def measure(calls: int) -> float:
        begin = time.perf_counter()
        for _ in range(calls):
            function()
        return (time.perf_counter() - begin) / calls * 1e6

    return partial(measure, max(1, round(15e3 / min(measure(1) for _ in range(5)))))


def serving(quick: bool) -> dict[str, object]:
    """Server CPU a request and the server's share of its core, by size; and the CPU with a slow model."""
    tables: dict[str, dict[str, dict[str, object]]] = {"server_CPU": {}, "server_busy": {}, "slow_model": {}}
    with ExitStack() as stack:
        servers = {(kind, busy_s): stack.enter_context(server(kind, busy_s))
            for kind in ("rest", "grpc") for busy_s in (0, SLOW_S)}
        folder, arms = Path(stack.enter_context(tempfile.TemporaryDirectory())), {}
        for size in SIZES:
            inputs = np.random.default_rng(0).standard_normal(size).astype(np.float32)
            fields, packed = orjson.dumps({"values": inputs.tolist()}), ENCODE["packed Protobuf"](inputs)
            for name, (path, body) in {
                "FastAPI, JSON": ("/json", fields),
                "FastAPI, JSON by Pydantic": ("/pydantic", fields),
                "FastAPI, orjson": ("/orjson", fields),
                "FastAPI, raw bytes": ("/bytes", inputs.tobytes()),
                "bare ASGI, raw bytes": ("/bare", inputs.tobytes()),
                "gRPC, value by value": ("/lab.Model/values", packed),
                "gRPC, packed": ("/lab.Model/packed", packed),
                "gRPC, bytes field": ("/lab.Model/bytes", ENCODE["bytes field"](inputs)),
            }.items():
                for busy_s in (0, SLOW_S) if name in SLOW and size in (512, 65_536) else (0,):
                    port, process = servers["grpc" if "lab" in path else "rest", busy_s]
                    assert abs(answer(port, path, body) - float(inputs @ WEIGHTS[:size])) < 0.01, name
                    file = folder / f"{name} {size}"
                    file.write_bytes((struct.pack(">BI", 0, len(body)) if "lab" in path else b"") + body)
                    ask = partial(load, port, process, path, file)
                    cpu_us, busy = ask(20)
                    count = busy / cpu_us * (200 if quick else 2500)  # of a quarter of a second
                    arms[name, size, busy_s] = partial(ask, max(20, round(count)))
        for (name, size, busy_s), found in labkit.interleave(arms, 1 if quick else 7).items():
            cpu, busy = (labkit.measured(*one) for one in zip(("µs", "%"), zip(*found, strict=True), strict=True))
            tables["slow_model" if busy_s else "server_CPU"].setdefault(name, {})[f"{size} floats"] = cpu
            if not busy_s:
                tables["server_busy"].setdefault(name, {})[f"{size} floats"] = busy
    return tables


def load(port: int, process: int, path: str, body: Path, count: int) -> tuple[float, float]:
    """Server CPU in µs a request, and % of its core that the server used meanwhile, of `count` requests."""
    headers = ["content-type: application/json", "--h1"]
    if path.startswith("/lab"):
        headers = ["content-type: application/grpc", "-H", "te: trailers"]
    command = [labkit.binary("h2load", "nghttp2-client"), f"-n{count}", "-c4", "-m1", "-d", str(body), "-H", *headers]
    before = cpu_s(process)
    done = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True)
    used_s = cpu_s(process) - before
    if f"status codes: {count} 2xx" not in done.stdout:
        raise RuntimeError(done.stdout)
    rate = float(re.search(r"([\d.]+) req/s", done.stdout)[1])
    return used_s / count * 1e6, 100 * used_s * rate / count


def cpu_s(process: int) -> float:
    """CPU time of a process so far, in nanoseconds' steps and with its ended threads: clock_getcpuclockid(3)."""
    return time.clock_gettime(~process << 3 | 2)


def answer(port: int, path: str, body: bytes) -> float:
    """The score, by an ordinary client."""
    if path.startswith("/lab"):
        return call(port, path, body)
    found = post(port, path, body)
    return struct.unpack("<f", found)[0] if len(found) == 4 else json.loads(found)["score"]


def call(port: int, path: str, body: bytes = b"", timeout_s: float = 30) -> float:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        found = channel.unary_unary(path, response_deserializer=Tensor.FromString)(body, timeout=timeout_s)
    return found.values[0] if found.values else struct.unpack("<f", found.raw or bytes(4))[0]


def post(port: int, path: str, body: bytes | None = b"", timeout_s: float = 30, **headers: str) -> bytes:
    """A POST, or with body None a GET; an exception unless the answer is 200 in time."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=timeout_s)) as connection:
        connection.request("POST" if body is not None else "GET", path, body,
            {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {response.read()[:200]}")
        return response.read()


def others(quick: bool) -> dict[str, object]:
    """How long a health check takes beside two callers of a slow handler, and beside 60 of a handler that sleeps."""
    tables: dict[str, dict[str, dict[str, object]]] = {"health_check": {}, "threads": {}}
    arms = {
        "idle": None,
        "on the loop, Python": ("/async?numpy=0",),
        "on the loop, NumPy": ("/async?numpy=1",),
        "in threads, Python": ("/def?numpy=0",),
        "in threads, NumPy": ("/def?numpy=1",),
        "in a process, Python": ("/process",),
        "in threads, long JSON": ("/long", orjson.dumps({"values": WEIGHTS.tolist()})),
    }
    with server("rest") as (port, _):

        def beside(request: tuple[str, ...] | None) -> list[float]:
            stopped = threading.Event()

            def ask() -> None:
                while request and not stopped.is_set():
                    post(port, *request)

            with futures.ThreadPoolExecutor(2) as pool:
                callers = [pool.submit(ask) for _ in range(2)]
                time.sleep(0.1)
                found = [milliseconds(port, "/health") for _ in range(5 if quick else 15)]
                stopped.set()
            for caller in callers:
                caller.result()
            return found

        plans = {name: partial(beside, request) for name, request in arms.items()}
        for name, found in labkit.interleave(plans, 1 if quick else 7).items():
            tables["health_check"][name] = {
                "p50": labkit.measured("ms", [median(one) for one in found]),
                "slowest_of_15": labkit.measured("ms", [max(one) for one in found]),
            }
        checks: dict[str, list[float]] = {"/health": [], "/health-def": []}
        for _ in range(1 if quick else 7):
            with futures.ThreadPoolExecutor(THREADS) as pool:
                callers = [pool.submit(post, port, "/wait") for _ in range(THREADS)]
                time.sleep(WAIT_S / 2)
                for path, found in checks.items():
                    found.append(milliseconds(port, path))
            for caller in callers:
                caller.result()
        at_once = json.loads(post(port, "/health", None))["at_once"]
    tables["threads"][f"{THREADS} callers"] = {
        "at_once": labkit.exact("", at_once),
        "async_health_check": labkit.measured("ms", checks["/health"]),
        "def_health_check": labkit.measured("ms", checks["/health-def"]),
    }
    return tables


def milliseconds(port: int, path: str) -> float:
    time.sleep(random.random() * 0.02)  # so that the checks do not fall into step with the model
    begin = time.perf_counter()
    post(port, path, None)
    return (time.perf_counter() - begin) * 1e3


def deadlines(quick: bool) -> dict[str, object]:
    """Ten callers at once of a model of ten parts, one slot, each for 0.25 s: calls answered, and parts computed."""
    with server("rest") as (port, _), server("grpc", workers=1) as (one, _), server("grpc", workers=10) as (ten, _):

        def steps(of: int) -> float:
            return json.loads(post(port, "/health", None))["steps"] if of == port else call(of, "/lab.Model/steps")

        def trial(of: int, ask: Callable[..., object], path: str, **headers: str) -> tuple[int, float]:
            before, asked = steps(of), partial(ask, of, path, timeout_s=PATIENCE_S, **headers)
            with futures.ThreadPoolExecutor(CALLERS) as pool:
                answered = sum(pool.map(lambda _: succeeds(asked), range(CALLERS)))
            time.sleep(CALLERS * STEPS * STEP_S * 1.2)  # what goes on without callers
            return answered, steps(of) - before

        arms = {
            "HTTP, caller times out": partial(trial, port, post, "/steps", x_timeout_ms="60000"),
            "HTTP, deadline in a header": partial(trial, port, post, "/steps", x_timeout_ms=f"{PATIENCE_S * 1e3:.0f}"),
            "gRPC, one thread": partial(trial, one, call, "/lab.Model/work"),
            "gRPC, ten threads": partial(trial, ten, call, "/lab.Model/work"),
            "gRPC, ten threads, handler asks": partial(trial, ten, call, "/lab.Model/work_checked"),
        }
        rows = {}
        for name, found in labkit.interleave(arms, 1 if quick else 7, int(not quick)).items():
            rows[name] = {"answered": labkit.measured("calls", [one[0] for one in found])}
            rows[name]["computed"] = labkit.measured("parts", [one[1] for one in found])
    return {"deadline": rows}


def succeeds(ask: Callable[[], object]) -> bool:
    with suppress(TimeoutError, RuntimeError, grpc.RpcError):
        ask()
        return True
    return False


def run(quick: bool) -> dict[str, object]:
    labkit.pin(1)
    labkit.version("h2load")
    return {**parsers(quick), **serving(quick), **others(quick), **deadlines(quick)}


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        raise SystemExit(labkit.main(run))
