"""What a lab measured: quantities with their spread, claims with their verdicts, and the file that keeps both.

A quantity is kept as its samples, one a repeat; value, interval and printed text follow from them: nobody types one.
"""

import ast
import hashlib
import json
import math
import re
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

VERDICTS = ("holds", "fails", "depends")
SECTIONS = ("claims", "results", "lab", "recorded", "machine", "python", "packages", "servers", "repeats", "samples")

Samples = Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]  # table, row, column, quantity


class Wrong(Exception):
    """What is wrong with a results file, a raw result or a claim; `repair` says what to do, `mark` where it stands."""

    def __init__(self, wrong: str, repair: str, mark: str = "") -> None:
        super().__init__(f"{wrong} — {repair}")
        self.wrong, self.repair, self.mark = wrong, repair, mark


def interval(samples: tuple[float, ...]) -> tuple[float, float]:
    """Order statistics that hold the median with at least 95 % confidence, from 6 samples on; below, the range.

    Exact for any distribution: the number of samples below the median is binomial with p = 1/2.
    """
    ordered, n = sorted(samples), len(samples)
    k = 0
    while k + 1 <= n // 2 and 2 * sum(math.comb(n, i) for i in range(k + 1)) <= 0.05 * 2**n:
        k += 1
    k = max(k, 1)
    return ordered[k - 1], ordered[n - k]


@dataclass(frozen=True)
class Quantity:
    """`samples` in `unit`, one a repeat, or one exact value. Arithmetic pairs repeats with repeats."""

    samples: tuple[float, ...]
    unit: str = ""
    exact: bool = False

    @cached_property
    def value(self) -> float:
        return statistics.median(self.samples)

    @cached_property
    def low(self) -> float:
        return interval(self.samples)[0]

    @cached_property
    def high(self) -> float:
        return interval(self.samples)[1]

    @property
    def n(self) -> int:
        return len(self.samples)

    @property
    def decimals(self) -> int:
        """Digits after the point (negative: before it) that the spread supports, three significant ones at most.

        Whole samples are counts, which have none after it.
        """
        size = math.floor(math.log10(abs(self.value))) if self.value else 0
        if self.low == self.high:
            return 0 if float(self.value).is_integer() else 2 - size
        spread = -math.floor(math.log10((self.high - self.low) / 2))
        decimals = min(max(spread, -size), 2 - size)
        whole = all(float(one).is_integer() for one in (*self.samples, self.value))
        return min(decimals, 0) if whole else decimals

    def number(self, decimals: int | None = None) -> str:
        return _number(self.value, self.decimals if decimals is None else decimals)

    @property
    def text(self) -> str:
        """As prose prints it: `2.8×`, `63 %`, `1,240 requests/s`."""
        return self.number() + (self.unit if self.unit in ("", "×") else f" {self.unit}")

    def record(self) -> dict[str, object]:
        keys = ("value", "low", "high", "unit", "n", "text")
        return {key: getattr(self, key) for key in keys}

    def _pairs(self, other: "Quantity | float", do: Callable[[float, float], float]) -> "Quantity":
        other = other if isinstance(other, Quantity) else Quantity((float(other),), exact=True)
        mine, theirs = self.samples, other.samples
        if len(mine) != len(theirs):
            if 1 not in (len(mine), len(theirs)):
                raise TypeError(f"{len(mine)} and {len(theirs)} repeats do not pair")
            n = max(len(mine), len(theirs))
            mine, theirs = (one * n if len(one) == 1 else one for one in (mine, theirs))
        return Quantity(tuple(map(do, mine, theirs)), exact=self.exact and other.exact)

    def __add__(self, other: "Quantity | float") -> "Quantity":
        return self._pairs(other, lambda a, b: a + b)

    def __sub__(self, other: "Quantity | float") -> "Quantity":
        return self._pairs(other, lambda a, b: a - b)

    def __mul__(self, other: "Quantity | float") -> "Quantity":
        return self._pairs(other, lambda a, b: a * b)

    def __truediv__(self, other: "Quantity | float") -> "Quantity":
        return self._pairs(other, lambda a, b: a / b)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: float) -> "Quantity":
        return self._pairs(other, lambda a, b: b - a)

    def __rtruediv__(self, other: float) -> "Quantity":
        return self._pairs(other, lambda a, b: b / a)

    def __lt__(self, other: object) -> bool:
        raise TypeError("a quantity has a spread: compare its .low, .high or .value")

    __le__ = __gt__ = __ge__ = __lt__


def _number(value: float, decimals: int) -> str:
    text = f"{round(value, decimals):,.{max(decimals, 0)}f}"
    return text[1:] if text.startswith("-") and not text.strip("-0.,") else text


class View:
    """Results as an expression sees them: `results.TABLE.ROW.COLUMN`, or `["ROW"]` where a name is no identifier."""

    def __init__(self, tree: Mapping[str, Any], place: str = "results") -> None:
        self._tree, self._place = tree, place

    def __getitem__(self, key: object) -> "View | Quantity":
        try:
            found = self._tree[str(key)]
        except KeyError:
            raise TypeError(f"{self._place} has no {key!r}, it has: {', '.join(self._tree)}") from None
        return found if isinstance(found, Quantity) else View(found, f"{self._place}.{key}")

    def __getattr__(self, key: str) -> "View | Quantity":
        return self[key]

    def __iter__(self) -> Iterator["View | Quantity"]:
        return (self[key] for key in self._tree)


_NODES = (ast.Expression, ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Compare, ast.BoolOp, ast.BinOp)
_NODES += (ast.UnaryOp, ast.Call, ast.GeneratorExp, ast.comprehension, ast.expr_context, ast.boolop, ast.cmpop)
_NODES += (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.USub, ast.Not)
_FUNCTIONS = {"all": all, "any": any, "abs": abs, "len": len, "log": math.log, "max": max, "min": min, "sum": sum}


def evaluate(expression: str, names: Mapping[str, object]) -> Any:
    """The value of a claim's expression; raises Wrong for anything but arithmetic and comparison over `names`."""
    repair = "write arithmetic or a comparison over results.TABLE.ROW.COLUMN.low, .high or .value"
    try:
        tree = ast.parse(expression, mode="eval")
        keys = {id(node.slice) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in keys:
                raise TypeError(f"{node.value!r} is text")
            if not isinstance(node, _NODES) or (isinstance(node, ast.Attribute) and node.attr.startswith("_")):
                raise TypeError(f"{ast.unparse(node) or type(node).__name__} is not allowed")
        return eval(compile(tree, "claim", "eval"), {"__builtins__": {}, **_FUNCTIONS, **names})
    except (SyntaxError, TypeError, NameError, ValueError, ZeroDivisionError, AttributeError) as error:
        raise Wrong(f"the expression {expression!r}: {error}", repair) from None


Tables = dict[str, dict[str, dict[str, Quantity]]]


def tables(samples: Samples, session: int | None = None, sessions: int = 1) -> Tables:
    """Quantities by table, row and column; of one session where its number (from 0) is given."""

    def quantity(cell: Mapping[str, Any]) -> Quantity:
        exact = "value" in cell
        values = cell["value"] if exact else cell["samples"]
        if session is not None:
            size = len(values) // sessions
            values = values[session * size : (session + 1) * size]
        return Quantity(tuple(values), cell["unit"], exact)

    return {
        table: {row: {column: quantity(cell) for column, cell in cells.items()} for row, cells in rows.items()}
        for table, rows in samples.items()
    }


def validated(raw: object, few: bool) -> Samples:
    """What `run` returned, in the shape that is kept; raises Wrong. `few` allows fewer than seven repeats."""
    for table, rows in _entries(raw, "run() must return {table: {row: {column: quantity}}}"):
        for row, cells in _entries(rows, f"the table {table!r} must be {{row: {{column: quantity}}}}"):
            for column, cell in _entries(cells, f"the row {row!r} must be {{column: quantity}}"):
                _validate(cell, f"{table}.{row}.{column}", few)
                if "value" in cell:
                    cell["value"] = [cell["value"]]
    return cast(Samples, raw)


def _entries(node: object, shape: str) -> list[tuple[str, Any]]:
    if not isinstance(node, dict) or not node:
        raise Wrong(f"{shape}, it is {node if isinstance(node, dict) else type(node).__name__!r}", "return that shape")
    for key in node:
        if any(mark in key for mark in "|/~\n") or not key.strip():
            raise Wrong(f"the name {key!r} holds | / ~ or a line break, or is empty", "name it in plain words")
    return list(node.items())


def _validate(cell: object, place: str, few: bool) -> None:
    if not isinstance(cell, dict) or set(cell) not in ({"unit", "samples"}, {"unit", "value"}):
        keys = f"the keys {', '.join(cell)}" if isinstance(cell, dict) else repr(cell)
        raise Wrong(f"{place} has {keys}", 'a quantity is {"unit", "samples"} or, where it is exact, {"unit", "value"}')
    values = cell["samples"] if "samples" in cell else [cell["value"]]
    if not isinstance(cell["unit"], str):
        raise Wrong(f"{place} has the unit {cell['unit']!r}", "a unit is text, '' for none")
    if not isinstance(values, list) or not values:
        raise Wrong(f"{place} has no samples", "give a list with one number a repeat")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise Wrong(f"{place} holds {value!r}", "a result is a finite number: mend the measurement")
    if "samples" in cell and not few and len(values) < 7:
        raise Wrong(
            f"{place} has {len(values)} repeats", 'repeat it 7 times, or say why not in the lab: FEW_REPEATS = "reason"'
        )
    if "samples" in cell and len(values) > 2 and len(set(values)) == 1 and not float(values[0]).is_integer():
        repair = 'a measurement has spread; an exact result is {"unit", "value"}'
        raise Wrong(f"{place} is {values[0]!r} in every repeat", repair)


def judged(claims: Mapping[str, Mapping[str, str]], samples: Samples, sessions: int) -> dict[str, dict[str, object]]:
    """Each claim with its verdict and number, from the samples alone; raises Wrong with the claim's name as mark."""
    return {name: _judged(name, claim, samples, sessions) for name, claim in claims.items()}


def _judged(name: str, claim: Mapping[str, str], samples: Samples, sessions: int) -> dict[str, object]:
    def verdict(session: int | None) -> tuple[str, Quantity | None]:
        names: dict[str, object] = {"results": View(tables(samples, session, sessions))}
        number = None
        if "formula" in claim:
            number = evaluate(claim["formula"], names)
            if not isinstance(number, Quantity):
                number = Quantity((float(number),), exact=True)
            number = Quantity(number.samples, claim.get("unit", ""), number.exact)
            names |= {"value": number.value, "low": number.low, "high": number.high}
        holds, fails = (evaluate(claim[key], names) for key in ("holds_if", "fails_if"))
        if not isinstance(holds, bool) or not isinstance(fails, bool):
            raise Wrong("holds_if or fails_if is no comparison", "compare, for example low > 2")
        if holds and fails:
            raise Wrong("holds_if and fails_if are both true", "make them exclude each other")
        return ("holds" if holds else "fails" if fails else "depends"), number

    try:
        found, number = verdict(None)
        # A claim across sessions compares them: one session alone has nothing to say on it.
        if not claim.get("across") and any(verdict(session)[0] != found for session in range(sessions)):
            found = "depends"
    except Wrong as wrong:
        raise Wrong(f"claim {name!r}: {wrong.wrong}", wrong.repair, name) from None
    return {**claim, "verdict": found, **(number.record() if number else {})}


def assembled(measured: Mapping[str, Any], claims: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The content of a results file: claims first, samples last. `measured` holds the other sections."""
    samples, sessions = measured["samples"], len(measured["recorded"])
    found = tables(samples)
    content = {
        "claims": judged(claims, samples, sessions),
        "results": {
            table: {row: {column: one.record() for column, one in cells.items()} for row, cells in rows.items()}
            for table, rows in found.items()
        },
        **{key: measured[key] for key in SECTIONS[2:-2]},
        "repeats": max(one.n for rows in found.values() for row in rows.values() for one in row.values()) // sessions,
        "samples": samples,
    }
    return content | {"digest": digest(content)}


def digest(content: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in content.items() if key != "digest"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def written(content: Mapping[str, Any]) -> str:
    """The text of a results file: indented, but each list on one line."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    return re.sub(r"\[\n([^\[\]{}]*)\n *\]", lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def read(path: Path) -> dict[str, Any]:
    """The content of a results file; raises Wrong where it is unreadable, edited by hand or of another shape."""
    record = "uv run handbook record " + "/".join(path.parent.parts[-2:])
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Wrong(f"not readable: {error}", f"restore it from git, or {record}") from None
    if not isinstance(content, dict) or set(content) != {*SECTIONS, "digest"}:
        raise Wrong(f"it must hold {', '.join(SECTIONS)}", f"restore it from git, or {record}")
    if content["digest"] != digest(content):
        raise Wrong("edited by hand: its digest does not match", f"restore it from git, or {record}", "digest")
    return content


def resolve(content: object, pointer: str) -> object:
    """What a JSON Pointer (RFC 6901) leads to; raises KeyError where it leads nowhere."""
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(content, dict):
            raise KeyError(part)
        content = content[part]
    return content
