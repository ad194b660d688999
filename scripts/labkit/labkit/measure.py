"""Repeats in turn, quantiles with intervals, requests at a given rate, a process on one core."""

import asyncio
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import TypeVar

T = TypeVar("T")


def interleave(arms: dict[str, Callable[[], T]], repeats: int, warmup: int = 1) -> dict[str, list[T]]:
    """Calls the arms A B C, B C A, … for `repeats` rounds after `warmup` dropped ones; {arm: a result a round}."""
    results: dict[str, list[T]] = {name: [] for name in arms}
    for turn in range(warmup + repeats):
        first = turn % len(arms)
        for name in [*list(arms)[first:], *list(arms)[:first]]:
            if sys.stderr.isatty():
                print(f"\r\033[Kround {turn + 1} of {warmup + repeats}: {name}", end="\r", file=sys.stderr, flush=True)
            result = arms[name]()
            if turn >= warmup:
                results[name].append(result)
    return results


def quantile(samples: Iterable[float], q: float) -> float:
    """The q-quantile, 0 <= q <= 1, between order statistics by linear interpolation (R's type 7, NumPy's default)."""
    ordered = sorted(samples)
    if not ordered or not 0 <= q <= 1:
        raise ValueError(f"no {q}-quantile of {len(ordered)} samples")
    low, part = divmod(q * (len(ordered) - 1), 1)
    return ordered[int(low)] + (part * (ordered[int(low) + 1] - ordered[int(low)]) if part else 0.0)


def bootstrap(
    samples: Sequence[float], statistic: Callable[[Sequence[float]], float] = median, confidence: float = 0.95,
    resamples: int = 2000, seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval (low, high) of a statistic; time grows with samples times resamples."""
    draw = random.Random(seed)
    drawn = sorted(statistic(draw.choices(samples, k=len(samples))) for _ in range(resamples))
    return quantile(drawn, (1 - confidence) / 2), quantile(drawn, (1 + confidence) / 2)


async def open_loop(
    send: Callable[[int], Awaitable[None]], rate_per_s: float, duration_s: float, *, seed: int = 0, poisson: bool = True
) -> list[float]:
    """Sends request 0, 1, … when each is due, whatever became of those before; latencies from the intended time.

    A late start counts into the latency. asyncio's timers are about 1 ms coarse, so the last 2 ms before each send are
    spun: the client fills its core. The first error cancels what is under way, waits for it, and is raised.
    """
    dues = [number / rate_per_s for number in range(round(rate_per_s * duration_s))]
    if poisson:
        draw, due, dues = random.Random(seed), 0.0, []
        while (due := due + draw.expovariate(rate_per_s)) < duration_s:
            dues.append(due)
    latencies, start = [0.0] * len(dues), time.perf_counter()

    async def one(number: int) -> None:
        await send(number)
        latencies[number] = time.perf_counter() - start - dues[number]

    try:
        async with asyncio.TaskGroup() as group:
            for number, due in enumerate(dues):
                while (left := start + due - time.perf_counter()) > 0:
                    await asyncio.sleep(max(0.0, left - 0.002))
                group.create_task(one(number))
                await asyncio.sleep(0)  # let it start, also when all are late
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return latencies


def pin(core: int, pid: int = 0) -> None:
    """Keeps a process (0: this one), with all threads that it has by now, on one core; a note where that cannot be."""
    if not hasattr(os, "sched_setaffinity"):
        print("no pinning to cores on this system", file=sys.stderr)
        return
    for thread in Path(f"/proc/{pid or os.getpid()}/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), {core})
