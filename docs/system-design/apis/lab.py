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
with one request at a time on each. A model that computes, or waits, for long then shows who else waits, and what is
still computed when nobody waits any more.
"""

import asyncio
import json
import os
import random
import re
import resource
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import ExitStack, contextmanager, suppress
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
STEPS, STEP_S, PATIENCE_S, CALLERS = 10, 0.01, 0.25, 10  # a model of 0.1 s with one slot; how long its callers wait
THREADS, WAIT_S = 60, 0.5  # callers of a `def` handler that sleeps, and for how long
CLAIMS = {
    "ten-times": {"claim": "gRPC is ten times as fast as REST: requests per CPU second at 512 floats",
        "expected": "fails", "formula": "results.cpu['FastAPI, JSON']['512 floats'] / "
        "results.cpu['gRPC, packed']['512 floats']", "unit": "×", "holds_if": "low > 10", "fails_if": "high < 10"},
    "ten-times-large": {"claim": "gRPC is ten times as fast as REST: requests per CPU second at 65,536 floats",
        "expected": "holds", "formula": "results.cpu['FastAPI, JSON']['65536 floats'] / "
        "results.cpu['gRPC, packed']['65536 floats']", "unit": "×", "holds_if": "low > 10", "fails_if": "high < 10"},
    "same-bytes": {"claim": "With the same raw bytes in the body gRPC still needs less CPU than FastAPI, 512 floats",
        "expected": "fails", "formula": "results.cpu['gRPC, bytes field']['512 floats'] / "
        "results.cpu['FastAPI, raw bytes']['512 floats']", "unit": "×", "holds_if": "high < 1", "fails_if": "low > 1"},
    "bare": {"claim": "With the same raw bytes gRPC needs less CPU than bare uvicorn, 512 floats", "expected": "fails",
        "formula": "results.cpu['gRPC, bytes field']['512 floats'] / results.cpu['bare ASGI, raw bytes']['512 floats']",
        "unit": "×", "holds_if": "high < 1", "fails_if": "low > 1"},
    "slow-model": {"claim": "In front of a model of 5 ms, JSON over FastAPI costs at most a tenth more CPU than gRPC",
        "expected": "holds", "formula": "results.slow['FastAPI, JSON'].cpu / results.slow['gRPC, packed'].cpu",
        "unit": "×", "holds_if": "high < 1.1", "fails_if": "low > 1.1"},
    "parser": {"claim": "Packed Protobuf becomes an array in a tenth of orjson's time, also value by value",
        "expected": "fails", "formula": "results.decode['orjson']['512 floats'] / "
        "results.decode['packed Protobuf, value by value']['512 floats']", "unit": "×", "holds_if": "low > 10",
        "fails_if": "high < 10"},
    "array": {"claim": "Packed Protobuf becomes an array in a fifth of orjson's time, by `__array__`",
        "expected": "holds", "formula": "results.decode['orjson']['512 floats'] / "
        "results.decode['packed Protobuf']['512 floats']", "unit": "×", "holds_if": "low > 5", "fails_if": "high < 5"},
    "sizes": {"claim": "Six decimals halve JSON and leave the binary encodings as they are", "expected": "holds",
        "holds_if": "results.size['JSON, 6 decimals']['512 floats'].value < "
        "0.55 * results.size['JSON']['512 floats'].value and results.size['packed Protobuf']['512 floats'].value "
        "== results.size['packed Protobuf, 6 decimals']['512 floats'].value",
        "fails_if": "results.size['JSON, 6 decimals']['512 floats'].value > "
        "0.55 * results.size['JSON']['512 floats'].value", "always": True},
    "async-def": {"claim": "`async def` keeps other requests fast: a health check beside a model of 50 ms",
        "expected": "fails", "formula": "results.health['async def, Python'].p50 / results.health['idle'].p50",
        "unit": "×", "holds_if": "high < 2", "fails_if": "low > 2"},
    "def": {"claim": "With `def` instead the same health check takes a fifth or less, for a model in Python",
        "expected": "holds", "formula": "results.health['async def, Python'].p50 / results.health['def, Python'].p50",
        "unit": "×", "holds_if": "low > 5", "fails_if": "high < 5"},
    "threads": {"claim": "A server with `def` handlers runs 60 requests that wait at once", "expected": "fails",
        "holds_if": "results.threads['60 callers'].at_once.value == 60",
        "fails_if": "results.threads['60 callers'].at_once.value < 60", "always": True},
    "timeout-stops": {"claim": "When its callers have timed out, the server stops: HTTP, under 40 of 100 parts",
        "expected": "fails", "formula": "results.deadline['HTTP, caller times out'].computed", "unit": "parts",
        "holds_if": "high < 40", "fails_if": "low > 40"},
    "deadline-skips": {"claim": "When its callers have timed out, the server stops: gRPC, under 40 of 100 parts",
        "expected": "holds", "formula": "results.deadline['gRPC, deadline'].computed", "unit": "parts",
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
    "JSON": lambda inputs: json.dumps(inputs.tolist()).encode(),
    "orjson": lambda inputs: orjson.dumps(inputs.tolist()),
    "packed Protobuf": lambda inputs: Tensor(values=inputs.tolist()).SerializeToString(),
    "raw bytes": lambda inputs: inputs.astype("<f4").tobytes(),
}
DECODE: dict[str, Callable[[bytes], np.ndarray]] = {
    "JSON": lambda data: np.array(json.loads(data), np.float32),
    "JSON, 6 decimals": lambda data: np.array(json.loads(data), np.float32),
    "orjson": lambda data: np.array(orjson.loads(data), np.float32),
    "orjson, 6 decimals": lambda data: np.array(orjson.loads(data), np.float32),
    "packed Protobuf, value by value": lambda data: np.fromiter(Tensor.FromString(data).values, np.float32),
    "packed Protobuf": lambda data: np.array(Tensor.FromString(data).values, np.float32),
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
    async def in_a_process(numpy: bool) -> None:
        await asyncio.get_running_loop().run_in_executor(pool, compute, 0.05, numpy)

    @api.post("/wait")
    def wait() -> None:
        count["now"] += 1
        count["at_once"] = max(count["at_once"], count["now"])
        time.sleep(WAIT_S)
        count["now"] -= 1

    @api.get("/health")
    async def health() -> dict[str, int]:
        return count

    @api.get("/health-def")
    def health_in_a_thread() -> dict[str, int]:
        return count

    @api.post("/steps")
    def steps(request: Request, x_timeout_s: Annotated[float, Header()]) -> None:
        end = request.scope["arrived"] + x_timeout_s  # as it arrived, not as it got a thread
        with slot:
            count["steps"] += take_steps(lambda: time.monotonic() < end)

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
    count = {"steps": 0}

    def work(_: object, context: grpc.ServicerContext, checks: bool) -> object:
        count["steps"] += take_steps(context.is_active if checks else lambda: True)
        return Tensor()

    return {
        "packed": lambda request, _: Tensor(values=[score(np.array(request.values, np.float32))]),
        "bytes": lambda request, _: Tensor(raw=struct.pack("<f", score(np.frombuffer(request.raw, "<f4")))),
        "work": partial(work, checks=False),
        "work_checked": partial(work, checks=True),
        "steps": lambda _, __: Tensor(values=[count["steps"]]),
    }


def serve(kind: str, port: int) -> None:
    if kind == "rest":
        uvicorn.run(rest(), port=port, log_level="warning", access_log=False, loop="uvloop", http="httptools")
    elif kind == "aio":
        asyncio.run(serve_async(port))
    else:
        server = grpc.server(futures.ThreadPoolExecutor(int(os.environ["WORKERS"])))
        add(server, rpc(), port)
        server.start()
        server.wait_for_termination()


async def serve_async(port: int) -> None:
    async def in_bytes(request: object, context: object) -> object:
        return rpc()["bytes"](request, context)

    server = grpc.aio.server()
    add(server, {"bytes": in_bytes}, port)
    await server.start()
    await server.wait_for_termination()


def add(server: grpc.Server, methods: dict[str, Callable], port: int) -> None:
    codec = {"request_deserializer": Tensor.FromString, "response_serializer": Tensor.SerializeToString}
    handlers = {name: grpc.unary_unary_rpc_method_handler(method, **codec) for name, method in methods.items()}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("lab.Model", handlers)])
    server.add_insecure_port(f"127.0.0.1:{port}")


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
            tables["size"].setdefault(name, {})[column] = labkit.exact("B", len(encode(full)))
            tables["size"].setdefault(f"{name}, 6 decimals", {})[column] = labkit.exact("B", len(encode(short)))
            arms["encode", name, column] = timed(partial(encode, full))
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
    """Server CPU a request, requests a second and the client's share of its core, by size; and with a slow model."""
    tables: dict[str, dict[str, dict[str, object]]] = {"cpu": {}, "rate": {}, "client": {}, "slow": {}}
    with ExitStack() as stack:
        kinds = {"FastAPI": "rest", "bare ASGI": "rest", "gRPC": "grpc", "grpc.aio": "aio"}
        servers = {(kind, busy_s): stack.enter_context(server(kind, busy_s))
            for kind in ("rest", "grpc", "aio") for busy_s in (0, 0.005)}
        folder, arms = Path(stack.enter_context(tempfile.TemporaryDirectory())), {}
        for size in SIZES:
            inputs = np.random.default_rng(0).standard_normal(size).astype(np.float32)
            fields, values = orjson.dumps({"values": inputs.tolist()}), Tensor(values=inputs.tolist())
            for name, (path, body) in {
                "FastAPI, JSON": ("/json", fields),
                "FastAPI, orjson": ("/orjson", fields),
                "FastAPI, raw bytes": ("/bytes", inputs.tobytes()),
                "bare ASGI, raw bytes": ("/bare", inputs.tobytes()),
                "gRPC, packed": ("/lab.Model/packed", values.SerializeToString()),
                "gRPC, bytes field": ("/lab.Model/bytes", Tensor(raw=inputs.tobytes()).SerializeToString()),
                "grpc.aio, bytes field": ("/lab.Model/bytes", Tensor(raw=inputs.tobytes()).SerializeToString()),
            }.items():
                for busy_s in (0, 0.005) if size == 512 else (0,):
                    port, process = servers[kinds[name.partition(",")[0]], busy_s]
                    assert abs(answer(port, path, body) - float(inputs @ WEIGHTS[:size])) < 0.01, name
                    file = folder / f"{name} {size}"
                    file.write_bytes((struct.pack(">BI", 0, len(body)) if "lab" in path else b"") + body)
                    ask = partial(load, port, process, path, file)
                    rate, _, _ = ask(20)
                    arms[name, size, busy_s] = partial(ask, max(20, round(rate * (0.02 if quick else 0.25))))
        for (name, size, busy_s), found in labkit.interleave(arms, 1 if quick else 7).items():
            rate, cpu, client = zip(*found, strict=True)
            if busy_s:
                tables["slow"][name] = {"cpu": labkit.measured("µs", cpu), "rate": labkit.measured("/s", rate)}
            else:
                for table, unit, values in (("cpu", "µs", cpu), ("rate", "/s", rate), ("client", "%", client)):
                    tables[table].setdefault(name, {})[f"{size} floats"] = labkit.measured(unit, values)
    return tables


def load(port: int, process: int, path: str, body: Path, count: int) -> tuple[float, float, float]:
    """Requests a second, server CPU in µs a request, % of its core that the client used, of `count` requests."""
    headers = ["content-type: application/json", "--h1"]
    if path.startswith("/lab"):
        headers = ["content-type: application/grpc", "-H", "te: trailers"]
    command = [labkit.binary("h2load", "nghttp2-client"), f"-n{count}", "-c4", "-m1", "-d", str(body), "-H", *headers]
    before, own = cpu_s(process), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if f"status codes: {count} 2xx" not in done.stdout:
        raise RuntimeError(done.stdout)
    rate = float(re.search(r"([\d.]+) req/s", done.stdout)[1])
    client_s = after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime
    return rate, (cpu_s(process) - before) / count * 1e6, 100 * client_s * rate / count


def cpu_s(process: int) -> float:
    """CPU time of a process so far, exact where /proc/PID/stat counts in hundredths of a second."""
    threads = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


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
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("POST" if body is not None else "GET", path, body,
            {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {response.read()[:200]}")
        return response.read()
    finally:
        connection.close()


def others(quick: bool) -> dict[str, object]:
    """How long a health check takes beside two callers of a model of 50 ms, and beside 60 of a handler that sleeps."""
    arms, tables = {"idle": None}, {"health": {}, "threads": {}}
    for how, path in {"async def": "/async", "def": "/def", "process": "/process"}.items():
        arms |= {f"{how}, Python": f"{path}?numpy=0", f"{how}, NumPy": f"{path}?numpy=1"}
    with server("rest") as (port, _):

        def beside(path: str | None) -> list[float]:
            stopped = threading.Event()

            def ask() -> None:
                while path and not stopped.is_set():
                    post(port, path)

            with futures.ThreadPoolExecutor(2) as pool:
                callers = [pool.submit(ask) for _ in range(2)]
                time.sleep(0.1)
                found = [milliseconds(port, "/health") for _ in range(5 if quick else 15)]
                stopped.set()
            for caller in callers:
                caller.result()
            return found

        plans = {name: partial(beside, path) for name, path in arms.items()}
        for name, found in labkit.interleave(plans, 1 if quick else 7).items():
            tables["health"][name] = {
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
    with server("rest") as (port, _), server("grpc", workers=1) as (rpc_port, _):

        def steps(by_rpc: bool) -> float:
            return call(rpc_port, "/lab.Model/steps") if by_rpc else json.loads(post(port, "/health", None))["steps"]

        def trial(by_rpc: bool, ask: Callable[[], object]) -> tuple[int, float]:
            before = steps(by_rpc)
            with futures.ThreadPoolExecutor(CALLERS) as pool:
                answered = sum(pool.map(lambda _: succeeds(ask), range(CALLERS)))
            time.sleep(CALLERS * STEPS * STEP_S * 1.5)  # what goes on without callers
            return answered, steps(by_rpc) - before

        arms = {
            "HTTP, caller times out": (False, partial(post, port, "/steps", timeout_s=PATIENCE_S, x_timeout_s="60")),
            "HTTP, deadline in a header": (
                False, partial(post, port, "/steps", timeout_s=PATIENCE_S, x_timeout_s=str(PATIENCE_S))),
            "gRPC, deadline": (True, partial(call, rpc_port, "/lab.Model/work", timeout_s=PATIENCE_S)),
            "gRPC, deadline, handler asks": (
                True, partial(call, rpc_port, "/lab.Model/work_checked", timeout_s=PATIENCE_S)),
        }
        plans = {name: partial(trial, *arm) for name, arm in arms.items()}
        rows = {}
        for name, found in labkit.interleave(plans, 1 if quick else 7).items():
            rows[name] = {"answered": labkit.measured("calls", [one[0] for one in found])}
            rows[name]["computed"] = labkit.measured("parts", [one[1] for one in found])
    return {"deadline": rows}


def succeeds(ask: Callable[[], object]) -> bool:
    with suppress(TimeoutError, grpc.RpcError):
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
