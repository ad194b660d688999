"""Gives labs what each would repeat: a server, repeats in turn, intervals, load, machine facts, a table, a JSON file.

A lab defines `run(quick)`, which returns {table: {row: {column: quantity}}}, and ends in `raise SystemExit(main(run))`.
Times are in seconds unless a name says otherwise. Only the standard library; Linux and macOS. A real wire: labkit.wire.
"""

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from statistics import median

from labkit.measure import bootstrap, interleave, open_loop, pin, quantile
from labkit.servers import VERSIONS, binary, free_port, server, stop, version

__all__ = [
    "VERSIONS", "binary", "bootstrap", "exact", "free_port", "interleave", "machine", "main", "measured", "open_loop",
    "pin", "quantile", "server", "stop", "version",
]

FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16", "neon", "asimd")  # what speed hangs on
OURS = {"pip", "setuptools", "handbook-labkit"}  # no lab's result depends on them

Quantity = dict[str, str | float | list[float]]
Results = dict[str, dict[str, dict[str, Quantity]]]


def measured(unit: str, samples: Iterable[float]) -> Quantity:
    """What varies between repeats; one sample a repeat."""
    return {"unit": unit, "samples": [float(sample) for sample in samples]}


def exact(unit: str, value: float) -> Quantity:
    """What every repeat would give again: a count, a size."""
    return {"unit": unit, "value": value}


def machine() -> dict[str, str | int | list[str]]:
    """cpu, flags, cores, memory_gib, os, kernel, cgroup (v1 or v2), governor; "" for what the system does not tell."""
    facts = _read("/proc/cpuinfo") or _sysctl("machdep.cpu.brand_string", "machdep.cpu.leaf7_features")
    cpu = re.search(r"^(?:model name\s*|machdep.cpu.brand_string): (.+)", facts, re.MULTILINE)
    words = set(facts.lower().split())
    if (sys.platform, platform.machine()) == ("darwin", "arm64"):
        words.add("neon")  # every Apple core has it, none says so
    system, memory_gib = platform.platform(), ""
    with suppress(OSError, KeyError):
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    with suppress(OSError, ValueError):
        memory_gib = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)
    hierarchy = Path("/sys/fs/cgroup")
    return {
        "cpu": cpu[1].strip() if cpu else platform.processor(),
        "flags": [flag for flag in FLAGS if flag in words],
        "cores": os.cpu_count() or "",
        "memory_gib": memory_gib,
        "os": system,
        "kernel": platform.release(),
        "cgroup": "v2" if (hierarchy / "cgroup.controllers").exists() else "v1" if (hierarchy / "cpu").exists() else "",
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip(),
    }


def _read(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text(encoding="utf-8")
    return ""


def _sysctl(*names: str) -> str:
    command = ["/usr/sbin/sysctl", *names]  # of macOS
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, text=True).stdout
    return ""


def table(name: str, rows: dict[str, dict[str, Quantity]]) -> str:
    """A results table as plain text; a measurement as median (min–max)."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = [[name, *columns]]
    for row, cells in rows.items():
        lines.append([row, *(_text(cells[column]) if column in cells else "" for column in columns)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines
    )


def _text(quantity: Quantity) -> str:
    if "value" in quantity:
        return f"{_digits(quantity['value'])} {quantity['unit']}".rstrip()
    low, middle, high = (_digits(of(quantity["samples"])) for of in (min, median, max))
    return f"{middle} ({low}–{high}) {quantity['unit']}".rstrip()


def _digits(value: float) -> str:
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 999.5 else f"{value:.3g}"


def main(run: Callable[[bool], Results], argv: list[str] | None = None) -> int:
    """Runs a lab from the command line; prints a table for each result. SIGTERM and SIGHUP end it as errors do."""
    parser = argparse.ArgumentParser(description=(sys.modules["__main__"].__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run, within ten seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write results, machine and versions to FILE as well")
    arguments = parser.parse_args(argv)
    for name in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(name) != signal.SIG_IGN:  # nohup
            signal.signal(name, lambda number, _: sys.exit(128 + number))
    results = run(arguments.quick)
    if arguments.json:
        installed = {item.metadata["Name"]: item.version for item in metadata.distributions()}
        packages = {name: version for name, version in installed.items() if name.lower() not in OURS}
        record = {
            "results": results,
            "machine": machine(),
            "python": platform.python_version(),
            "packages": dict(sorted(packages.items(), key=lambda item: item[0].lower())),
            "servers": VERSIONS,
        }
        beside = arguments.json.with_name(f".{arguments.json.name}.{os.getpid()}")
        beside.write_text(json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(arguments.json)
    print("\n\n".join(table(name, rows) for name, rows in results.items()))
    return 0
