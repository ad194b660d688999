"""Reads labs without running them, runs them in environments of their own, and records what they measured."""

import ast
import contextlib
import datetime
import functools
import hashlib
import ipaddress
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from packaging.requirements import InvalidRequirement, Requirement

from handbook import evidence
from handbook.evidence import VERDICTS, Wrong
from handbook.fault import Fault

QUICK_LIMIT_S = 120  # quick runs end within 10 s after servers are ready and imports done: this is a hang
FULL_LIMIT_S = 1_800  # full runs take about ten minutes
MARK = "HANDBOOK_LAB"  # in the environment of a lab and of all that it starts, so that leftovers are found
KEYS = {"claim", "expected", "holds_if", "fails_if"}
OPTIONAL = {"formula", "unit", "always", "across"}
HEADER = re.compile(r"^# /// script$\n(?P<toml>(?:^#(?: .*)?$\n)+?)^# ///$", re.MULTILINE)


class Failed(Exception):
    """A lab that cannot be read or did not run as agreed."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass(frozen=True)
class Lab:
    path: Path
    claims: Mapping[str, Mapping[str, Any]]
    sessions: int
    few_repeats: str  # why there are fewer than seven, or ""
    header: str
    hash: str  # of the syntax tree and the dependencies; comments, docstrings and claims do not count
    lines: Mapping[str, int]  # where each claim begins

    @property
    def topic(self) -> str:
        return "/".join(self.path.parent.parts[-2:])

    def failed(self, wrong: str, repair: str, line: int = 0) -> Failed:
        return Failed(Fault(_shown(self.path), line, "lab", wrong, repair))


def _shown(path: Path) -> str:
    """From docs/ on, as faults name files."""
    parts = path.parts
    return "/".join(parts[len(parts) - 1 - parts[::-1].index("docs") :] if "docs" in parts else parts[-3:])


def read(path: Path) -> Lab:
    """A lab's claims and fingerprint; raises Failed where the contract is not kept."""

    def fail(line: int, wrong: str, repair: str) -> Failed:
        return Failed(Fault(_shown(path), line, "lab", wrong, repair))

    source = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise fail(error.lineno or 0, f"does not parse: {error.msg}", "correct it") from None
    header = HEADER.search(source)
    if not header:
        raise fail(1, "no PEP 723 header", "begin with # /// script, requires-python, dependencies, # ///")
    try:
        for dependency in metadata(header["toml"]).get("dependencies", []):
            Requirement(dependency)
    except (tomllib.TOMLDecodeError, InvalidRequirement) as error:
        raise fail(1, f"its PEP 723 header is invalid: {error}", "correct it") from None
    if not ast.get_docstring(tree):
        raise fail(1, "no docstring", "open with the question that the lab answers")
    if not any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body):
        raise fail(0, "no run(quick)", "measure in def run(quick: bool) -> dict")
    constants: dict[str, tuple[ast.Assign, Any]] = {}
    for node in tree.body:
        names = [one.id for one in node.targets if isinstance(one, ast.Name)] if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.Assign) and set(names) & {"CLAIMS", "SESSIONS", "FEW_REPEATS"}:
            try:
                constants[names[0]] = node, ast.literal_eval(node.value)
            except ValueError:
                raise fail(node.lineno, f"{names[0]} is computed", "write it as plain text and numbers") from None
    if "CLAIMS" not in constants:
        raise fail(0, "no CLAIMS", 'name what it tests: CLAIMS = {"pooling": {"claim": …, "expected": …, …}}')
    node, claims = constants["CLAIMS"]
    lines = {key.value: key.lineno for key in getattr(node.value, "keys", []) if isinstance(key, ast.Constant)}
    for name, claim in claims.items():
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise fail(lines[name], f"the claim's name {name!r}", "use lower-case words joined by hyphens")
        if missing := KEYS - set(claim):
            raise fail(lines[name], f"claim {name!r} lacks {', '.join(sorted(missing))}", "add it")
        if unknown := set(claim) - KEYS - OPTIONAL:
            raise fail(lines[name], f"claim {name!r} has {', '.join(sorted(unknown))}", "delete it")
        if claim["expected"] not in VERDICTS:
            raise fail(lines[name], f"claim {name!r} expects {claim['expected']!r}", f"one of {', '.join(VERDICTS)}")
    return Lab(
        path,
        claims,
        constants.get("SESSIONS", (None, 1))[1],
        constants.get("FEW_REPEATS", (None, ""))[1],
        header["toml"],
        hashlib.sha256("".join([*_tokens(tree, node), header["toml"]]).encode()).hexdigest(),
        lines,
    )


def _tokens(node: ast.AST, claims: ast.Assign) -> Iterator[str]:
    """A syntax tree as text that is the same under every Python: empty fields are left out."""
    if node is claims:
        return
    yield type(node).__name__
    for name, value in ast.iter_fields(node):
        values = value if isinstance(value, list) else [value]
        if name == "body" and values and isinstance(values[0], ast.Expr) and isinstance(values[0].value, ast.Constant):
            values = values[1:]  # the docstring
        for one in values:
            if isinstance(one, ast.AST):
                yield from _tokens(one, claims)
            elif one is not None and name not in ("kind", "type_comment"):
                yield f"({name}={one!r})"


def environment(root: Path, lab: Lab, pins: Mapping[str, str]) -> Path:
    """The Python of the lab's own environment, made where it is missing; `pins` are exact versions by package."""
    constraints = "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()) if " " not in name)
    key = hashlib.sha256(f"{lab.header}{constraints}{sys.version_info[:2]}".encode()).hexdigest()[:16]
    folder = root / ".cache/labs" / key
    python = folder / "bin/python"
    if (folder / "complete").exists():
        return python
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])) or "uv"
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    pinned = folder.with_suffix(".txt")
    pinned.write_text(constraints, encoding="utf-8")
    install = ["pip", "install", "--quiet", "--python", str(python), "--constraints", str(pinned), *_wanted(lab)]
    for command in (["venv", "--quiet", "--python", sys.executable, str(folder)], install):
        done = subprocess.run([uv, *command], capture_output=True, text=True)
        if done.returncode:
            wrong = f"its environment cannot be made: {_last(done.stderr)}"
            raise lab.failed(wrong, "correct the header's dependencies, or run again when the network is back")
    (folder / "complete").touch()
    return python


def _wanted(lab: Lab) -> Iterator[str]:
    """What to install, with the sources that the header names, as arguments of `uv pip install`.

    An index that a header names for one package (torch without CUDA) gives way to a folder with wheels that pip was
    told of: such a machine reaches no index but its own.
    """
    header = metadata(lab.header)
    tool = header.get("tool", {}).get("uv", {})
    sources, links = tool.get("sources", {}), os.environ.get("PIP_FIND_LINKS", "")
    if links:
        yield from ("--find-links", links)
    elif any("index" in (one[0] if isinstance(one, list) else one) for one in sources.values()):
        yield from ("--index-strategy", "unsafe-best-match")
        for index in tool.get("index", []):
            yield from ("--index", index["url"])
    for dependency in header.get("dependencies", []):
        source = sources.get(Requirement(dependency).name, {})
        yield from ("--editable", str(lab.path.parent / source["path"])) if "path" in source else (dependency,)


def metadata(header: str) -> dict[str, Any]:
    """A PEP 723 header as TOML."""
    return tomllib.loads(re.sub(r"^# ?", "", header, flags=re.MULTILINE))


def execute(root: Path, lab: Lab, quick: bool, pins: Mapping[str, str], limit_s: float | None = None) -> dict[str, Any]:
    """Runs a lab once; returns what it wrote, with valid results. Raises Failed; leaves no process and no file."""
    python = environment(root, lab, pins)
    limit_s = limit_s or (QUICK_LIMIT_S if quick else FULL_LIMIT_S)
    mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True) as folder:
        target, output, notes = (Path(folder) / name for name in ("raw.json", "stdout", "stderr"))
        command = [str(python), str(lab.path.resolve()), "--json", str(target), *(["--quick"] if quick else [])]
        variables = {**os.environ, MARK: mark, "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        with output.open("wb") as out, notes.open("wb") as err:
            process = subprocess.Popen(
                command, stdout=out, stderr=err, cwd=folder, env=variables, start_new_session=True
            )
            try:
                code, exposed = _watched(process, mark, limit_s, quick)
            finally:
                left = _stopped(process, mark)
        told = notes.read_text(encoding="utf-8", errors="replace")
        if code is None:
            raise lab.failed(f"still running after {limit_s:g} s", "make it end: bound its loops and its waits")
        raw = _valid(lab, target, quick)
        if code:
            line = re.findall(r'lab\.py", line (\d+)', told)
            repair = f"uv run handbook lab {lab.topic} --quick"
            raise lab.failed(f"ended with {code}: {_last(told)}", repair, int(line[-1]) if line else 0)
        if exposed:
            raise lab.failed(f"listens beyond loopback: {', '.join(exposed)}", "bind it to 127.0.0.1")
        if left:
            raise lab.failed(f"left running: {', '.join(left)}", "stop what it starts: with labkit.server(…)")
        if raw is None or not output.read_text(encoding="utf-8", errors="replace").strip():
            raise lab.failed("prints no table", "end it with raise SystemExit(labkit.main(run))")
    return raw


def _valid(lab: Lab, written: Path, quick: bool) -> dict[str, Any] | None:
    """What a lab wrote, None where it wrote nothing; a wrong shape is told before the error that it led to."""
    if not written.exists():
        return None
    raw = json.loads(written.read_text(encoding="utf-8"))
    try:
        raw["samples"] = evidence.validated(raw.pop("results"), few=quick or bool(lab.few_repeats))
    except Wrong as wrong:
        raise lab.failed(wrong.wrong, wrong.repair) from None
    return dict(raw)


def _watched(
    process: subprocess.Popen[bytes], mark: str, limit_s: float, look: bool
) -> tuple[int | None, tuple[str, ...]]:
    """The exit code, None where time ran out; and, where `look`, what the lab let strangers reach meanwhile.

    A full run is left alone: looking takes time from what it measures.
    """
    exposed: set[str] = set()
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        try:
            return process.wait(min(0.2 if look else 5, max(0, deadline - time.monotonic()))), tuple(sorted(exposed))
        except subprocess.TimeoutExpired:
            exposed.update(_exposed(mark) if look else ())
    return None, tuple(sorted(exposed))


def _is_loopback(address: str) -> bool:
    """Also 127.0.0.1 in IPv6's clothes, as gRPC binds it, which Python 3.11 does not take for loopback."""
    ip = ipaddress.ip_address(address)
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


def _exposed(mark: str) -> Iterator[str]:
    with contextlib.suppress(psutil.Error):
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and not _is_loopback(one.laddr.ip) and one.pid:
                process = psutil.Process(one.pid)
                if process.environ().get(MARK) == mark:
                    yield f"{process.name()} on {one.laddr.ip}"


def _stopped(process: subprocess.Popen[bytes], mark: str) -> list[str]:
    """Stops the lab if it runs, then whatever it left; names of the latter."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
    names = []
    for other in psutil.process_iter(["name", "environ"]):
        if (other.info["environ"] or {}).get(MARK) == mark and other.status() != psutil.STATUS_ZOMBIE:
            names.append(f"{other.info['name']} ({other.pid})")
            with contextlib.suppress(psutil.Error):
                other.kill()
    process.wait()
    return names


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


@dataclass(frozen=True)
class Bundle:
    """A topic's lab and its results by file name, as they follow from the samples on record and the claims of today."""

    lab: Lab | None
    results: Mapping[str, dict[str, Any]]
    faults: tuple[Fault, ...]
    stale: Mapping[Path, str]  # results files whose text is not what their samples give, with that text


def load(folder: Path) -> Bundle:
    """Reads what evidence lies in a topic's folder, without running anything."""
    files = [folder / "lab.py", *sorted(folder.glob("results*.json"))]
    return _load(folder, tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in files if path.exists()))


@functools.lru_cache(maxsize=1024)  # several checks ask for each bundle; a file that changed makes another key
def _load(folder: Path, _: tuple[object, ...]) -> Bundle:
    lab, faults, results, stale = None, [], {}, {}
    if (folder / "lab.py").exists():
        try:
            lab = read(folder / "lab.py")
        except Failed as failed:
            faults.append(failed.fault)
    for path in sorted(folder.glob("results*.json")):
        try:
            content = evidence.read(path)
            claims = lab.claims if lab else content["claims"]
            content = evidence.assembled(content, claims)
            results[path.name] = content
        except Wrong as wrong:
            place = path if not lab or wrong.mark not in lab.lines else lab.path
            line = lab.lines.get(wrong.mark, 0) if lab else 0
            faults.append(Fault(_shown(place), line or line_of(path, wrong.mark), "results", wrong.wrong, wrong.repair))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            repair = "restore it from git, or record it again"
            faults.append(Fault(_shown(path), 0, "results", f"not in the form of a results file: {error!r}", repair))
        else:
            text = evidence.written(content)
            if text != path.read_text(encoding="utf-8"):
                stale[path] = text
            if lab and path.name == "results.json" and content["lab"]["hash"] != lab.hash:
                wrong_line = line_of(path, "hash")
                repair = f"uv run handbook record {lab.topic}"
                faults.append(Fault(_shown(path), wrong_line, "results", "older than lab.py beside it", repair))
    return Bundle(lab, results, tuple(faults), stale)


def line_of(path: Path, key: str) -> int:
    """The line on which a key first stands in a JSON file, 0 where it does not."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if key else []
    return next((number for number, line in enumerate(lines, 1) if f'"{key}":' in line), 0)


def results_path(lab: Lab, kind: str | None = None) -> Path:
    return lab.path.with_name(f"results.{kind}.json" if kind else "results.json")


def pins(lab: Lab) -> dict[str, str]:
    """Exact versions on record, none where there is no record."""
    try:
        return dict(evidence.read(results_path(lab))["packages"])
    except (Wrong, OSError):
        return {}


def record(root: Path, lab: Lab, kind: str | None = None, again: bool = False) -> Path:
    """Runs a lab in full, as often as it asks for, and writes its results; `again` adds one session more."""
    path = results_path(lab, kind)
    before: dict[str, Any] | None = None
    if again:
        try:
            before = evidence.read(path)
        except (Wrong, OSError) as error:
            raise lab.failed(f"nothing to add to: {error}", f"uv run handbook record {lab.topic}") from None
        if before["lab"]["hash"] != lab.hash:
            raise lab.failed("changed since it was recorded", f"uv run handbook record {lab.topic}")
    for _ in range(1 if again else lab.sessions):
        raw = execute(root, lab, quick=False, pins=before["packages"] if before else {})
        today = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
        measured = {**raw, "lab": {"hash": lab.hash}, "recorded": [*(before or {}).get("recorded", []), today]}
        if before:
            measured["samples"] = _merged(lab, before["samples"], raw["samples"])
        before = measured
    try:
        text = evidence.written(evidence.assembled(before or {}, lab.claims))
    except Wrong as wrong:
        raise lab.failed(wrong.wrong, wrong.repair, lab.lines.get(wrong.mark, 0)) from None
    beside = path.with_suffix(".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
    return path


def _merged(lab: Lab, before: evidence.Samples, new: evidence.Samples) -> evidence.Samples:
    """One session's samples after another's; both must have measured the same."""

    def shape(samples: evidence.Samples) -> list[tuple[str, str, str, str]]:
        return [
            (t, r, c, q["unit"]) for t, rows in samples.items() for r, cells in rows.items() for c, q in cells.items()
        ]

    if shape(before) != shape(new):
        raise lab.failed("two sessions measured different things", "let run() return the same tables each time")
    for table, rows in new.items():
        for row, cells in rows.items():
            for column, cell in cells.items():
                key = "value" if "value" in cell else "samples"
                cell[key][:0] = before[table][row][column][key]
    return new
