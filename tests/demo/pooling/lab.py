# /// script
# requires-python = ">=3.11.5"
# dependencies = ["handbook-labkit"]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""Does a client that keeps its TCP connection wait less than one that opens a new one for each request?

An echo server in a process of its own answers 32 bytes. Two arms send the same requests one after another, interleaved
round by round; the server counts the connections that it accepted.
"""

import asyncio
import socket
import sys
import time

import labkit

CLAIMS = {
    "pooling": {
        "claim": "Keeping the connection makes the median request at least 1.5 times faster",
        "expected": "holds",
        "formula": "results.connection.fresh.p50 / results.connection.kept.p50",
        "unit": "×",
        "holds_if": "low > 1.5",
        "fails_if": "high < 1.5",
    },
    "connections": {
        "claim": "A kept connection is one connection, whatever the number of requests",
        "expected": "holds",
        "holds_if": "results.connection.kept.accepted.value == 1 and results.connection.fresh.accepted.low > 1",
        "fails_if": "results.connection.kept.accepted.value > 1",
        "always": True,
    },
}

SERVER = """
import socket, struct, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    accepted = 0
    while True:
        connection, _ = listener.accept()
        accepted += 1
        with connection:
            while data := connection.recv(64):
                connection.sendall(struct.pack("<I", accepted) + data[4:])
"""
PAYLOAD = b"x" * 32


def ask(connection: socket.socket) -> int:
    """Sends one request; returns how many connections the server has accepted."""
    connection.sendall(PAYLOAD)
    answer = b""
    while len(answer) < len(PAYLOAD):
        answer += connection.recv(64)
    return int.from_bytes(answer[:4], "little")


def fresh(port: int, requests: int) -> tuple[float, int]:
    """The median request in µs and the connections it took, with a new connection for each."""
    times, counts = [], []
    for _ in range(requests):
        begin = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port)) as connection:
            counts.append(ask(connection))
        times.append(time.perf_counter() - begin)
    return labkit.quantile(times, 0.5) * 1e6, counts[-1] - counts[0] + 1


def kept(port: int, requests: int) -> tuple[float, int]:
    """The same over one connection."""
    times, counts = [], []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(requests):
            begin = time.perf_counter()
            counts.append(ask(connection))
            times.append(time.perf_counter() - begin)
    return labkit.quantile(times, 0.5) * 1e6, counts[-1] - counts[0] + 1


async def paced(port: int, rate_per_s: float, duration_s: float) -> list[float]:
    """Latencies in s under an open loop, each on a connection of its own."""

    async def send(_: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(PAYLOAD)
        await reader.readexactly(len(PAYLOAD))
        writer.close()

    return await labkit.open_loop(send, rate_per_s, duration_s)


def run(quick: bool) -> dict[str, object]:
    requests, repeats, duration_s = (50, 3, 0.5) if quick else (1_000, 9, 5.0)
    port = labkit.free_port()
    with labkit.server([sys.executable, "-c", SERVER, str(port)], ready=port, package="python3"):
        arms = {"fresh": lambda: fresh(port, requests), "kept": lambda: kept(port, requests)}
        found = labkit.interleave(arms, repeats)
        paced_s = asyncio.run(paced(port, 200, duration_s))
    rows = {
        name: {
            "p50": labkit.measured("µs", [median for median, _ in answers]),
            "accepted": labkit.exact("connections", answers[0][1]),
        }
        for name, answers in found.items()
    }
    assert len(paced_s) > 0
    return {"connection": rows}


if __name__ == "__main__":
    raise SystemExit(labkit.main(run))
