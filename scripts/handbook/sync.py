"""Rewrites what is derived from the rest of the handbook, between `<!-- sync: KIND … -->` and `<!-- /sync -->`.

Kinds: `pages` (a chapter's topics), what handbook.collected gathers, and `results TABLE`, `claims`, `provenance`; a
file's name after the last three means another machine's run. Results files follow their samples and the lab's claims,
footnotes the bibliography, charts their specification and the results.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from handbook import bibliography, charts, citations, collected, labs
from handbook.book import Book, Page
from handbook.evidence import Quantity, tables

BLOCK = re.compile(
    r"^<!-- sync: (?P<kind>\S+)(?: (?P<rest>[^\n>]+?))? -->\n(?P<body>(?:(?!<!-- sync:).)*?)^<!-- /sync -->$",
    re.DOTALL | re.MULTILINE,
)
_LIST = re.compile(r"## Pages in reading order\n\n<!-- sync: pages -->\n.*?<!-- /sync -->\n\n?", re.DOTALL)


class Unknown(Exception):
    """A block that cannot be written; the message says why."""


def derived(book: Book) -> Iterator[tuple[Path, str, str]]:
    """Path, present text and due text of each file that holds something derived."""
    yield from texts(book)
    for path, due in charts.redrawn(book):
        yield path, path.read_text(encoding="utf-8") if path.exists() else "", due


def texts(book: Book) -> Iterator[tuple[Path, str, str]]:
    """The same without drawing: results files and pages."""
    sources, _ = bibliography.read(book.root / bibliography.BIBLIOGRAPHY)
    for page in book.pages.values():
        bundle = labs.load(page.path.parent)
        for path, text in bundle.stale.items():
            yield path, path.read_text(encoding="utf-8"), text
        due = _blocks(book, page, bundle, _with_list(book, page))
        yield page.path, page.text, citations.rewritten(due, sources)


def unknown(book: Book, page: Page) -> Iterator[tuple[int, str]]:
    """Line and reason of each block that cannot be written, and of each mark that has no partner."""
    bundle = labs.load(page.path.parent)
    spans = []
    for found in BLOCK.finditer(page.text):
        spans.append(range(found.start(), found.end()))
        try:
            _block(book, page, bundle, found)
        except Unknown as reason:
            yield page.text.count("\n", 0, found.start()) + 1, str(reason)
    for mark in re.finditer(r"^<!-- /?sync\b.*$", page.text, re.MULTILINE):
        if not any(mark.start() in span for span in spans):
            yield page.text.count("\n", 0, mark.start()) + 1, f"{mark[0]} has no partner"


def _blocks(book: Book, page: Page, bundle: labs.Bundle, text: str) -> str:
    def replace(found: re.Match[str]) -> str:
        try:
            body = _block(book, page, bundle, found)
        except Unknown:
            return found[0]
        start, end = found.start("body") - found.start(), found.end("body") - found.start()
        return found[0][:start] + body + found[0][end:]

    return BLOCK.sub(replace, text)


def _block(book: Book, page: Page, bundle: labs.Bundle, found: re.Match[str]) -> str:
    kind, rest = found["kind"], (found["rest"] or "").strip()
    if kind == "pages":
        return _pages(book, page)
    if kind in collected.KINDS:
        text = collected.KINDS[kind](book, page)
        return f"\n{text}\n" if text else ""
    if kind not in _KINDS:
        raise Unknown(f"{kind!r} is no kind of block: pages, {', '.join([*collected.KINDS, *_KINDS])}")
    name, _, file = rest.rpartition(" ") if rest.endswith(".json") else (rest, "", "results.json")
    content = bundle.results.get(file)
    if content is None:
        raise Unknown(f"there is no {file} to take it from")
    return f"\n{_KINDS[kind](content, name, file, bundle)}\n"


def _pages(book: Book, page: Page) -> str:
    chapter = page.name.split("/")[0]
    topics = [book.pages[f"{chapter}/{topic}/index.md"] for topic in book.topics(chapter)]
    return "".join(f"- [{one.title}]({one.name.split('/')[1]}/index.md): {_description(one)}\n" for one in topics)


def _results(content: Mapping[str, Any], name: str, file: str, bundle: labs.Bundle) -> str:
    found = tables(content["samples"])
    if name not in found:
        raise Unknown(f"{file} has no table {name!r}, it has: {', '.join(found)}")
    rows = found[name]
    columns = list(dict.fromkeys(column for cells in rows.values() for column in cells))
    heads, decimals, units = [_words(name)], {}, {}
    for column in columns:
        cells = [row[column] for row in rows.values() if column in row]
        found_units = {cell.unit for cell in cells}
        units[column] = len(found_units) > 1
        heads.append(_words(column) + ("" if units[column] or found_units == {""} else f" ({found_units.pop()})"))
        decimals[column] = _decimals(cells)
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(columns)]
    for row, cells in rows.items():
        shown = [_cell(cells[one], decimals[one], units[one]) if one in cells else "–" for one in columns]
        lines.append(f"| {_words(row)} | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"


def _words(name: str) -> str:
    words = name.replace("_", " ")
    return words[0].upper() + words[1:] if words.split()[0].isalpha() else words


def _decimals(cells: list[Quantity]) -> int | None:
    """One precision for a column, at least one digit of its smallest value; None, each its own, where sizes differ.

    A column from 3 to 2,000 has no common precision, nor has one in which a row would keep a single digit of its two:
    what suits the one hides the other.
    """
    values = [abs(cell.value) for cell in cells if cell.value]
    if len({cell.unit for cell in cells}) > 1 or (values and max(values) > 30 * min(values)):
        return None
    least = -min(_exponent(value) for value in values) if values else 0
    common = max(min(cell.decimals for cell in cells), least)
    hidden = any(cell.value and cell.decimals > common and common + _exponent(cell.value) < 1 for cell in cells)
    return None if hidden else common


def _exponent(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])


def _cell(quantity: Quantity, decimals: int | None, with_unit: bool) -> str:
    unit = f" {quantity.unit}".rstrip() if with_unit else ""
    return quantity.number(decimals) + unit + spread(quantity, decimals)


def spread(quantity: Quantity, decimals: int | None = None) -> str:
    """` (0.4–0.6)`; where an end is below zero, ` (−0.4 to −0.2)`, lest the dash be read as a sign."""
    if quantity.low == quantity.high:
        return ""
    digits = quantity.decimals if decimals is None else decimals
    ends = [Quantity((end,)).number(digits).replace("-", "−") for end in (quantity.low, quantity.high)]
    return f" ({(' to ' if quantity.low < 0 else '–').join(ends)})"


def _claims(content: Mapping[str, Any], name: str, file: str, bundle: labs.Bundle) -> str:
    lines = ["| Claim | Verdict | Measured | Expected |", "| --- | --- | ---: | --- |"]
    for key, claim in content["claims"].items():
        measured = "–"
        if "text" in claim:
            one = Quantity((claim["low"], claim["value"], claim["high"]))
            measured = f"[{claim['text']}]({file}#/claims/{key}){spread(one)}"
        verdict = f"[{claim['verdict']}]({file}#/claims/{key}/verdict)"
        lines.append(f"| {claim['claim']} | {verdict} | {measured} | {claim['expected']} |")
    return "\n".join(lines) + "\n"


def _provenance(content: Mapping[str, Any], name: str, file: str, bundle: labs.Bundle) -> str:
    machine, versions = content["machine"], [f"Python {content['python']}"]
    direct = _direct(bundle.lab.header) if bundle.lab else []
    installed = {canonicalize_name(one): version for one, version in content["packages"].items()}
    versions += [f"{one} {installed[found]}" for one in direct if (found := canonicalize_name(one)) in installed]
    versions += [f"{one} {version}" for one, version in content["servers"].items()]
    days = list(dict.fromkeys(when[:10] for when in content["recorded"]))
    sessions = f", {len(content['recorded'])} sessions" if len(content["recorded"]) > 1 else ""
    where = [machine["cpu"], f"{machine['cores']} cores", f"{machine['memory_gib']} GiB", machine["os"]]
    where += [f"Linux {machine['kernel']}" if "linux" not in machine["kernel"].lower() else machine["kernel"]]
    where += [f"cgroup {machine['cgroup']}"] if machine["cgroup"] else []
    quantities = [one for rows in content["results"].values() for row in rows.values() for one in row.values()]
    repeats = sorted({one["n"] // len(content["recorded"]) for one in quantities} - {1}) or [1]
    several = f"{repeats[0]} to {repeats[-1]}" if len(repeats) > 1 else repeats[0]
    return (
        f"*Recorded {' and '.join(days)}{sessions} on {', '.join(filter(None, where))}; {', '.join(versions)}. "
        f"Median of {several} repeats and its 95 % interval (the range below 6), exact counts without one. "
        f"[Data]({file}), [code](lab.py).*\n"
    )


def _direct(header: str) -> list[str]:
    """Names of the packages that a lab asks for, without the shared module."""
    wanted = labs.metadata(header).get("dependencies", [])
    return [name for name in (Requirement(one).name for one in wanted) if name != "handbook-labkit"]


_KINDS: dict[str, Callable[[Mapping[str, Any], str, str, labs.Bundle], str]] = {
    "results": _results,
    "claims": _claims,
    "provenance": _provenance,
}


def _with_list(book: Book, page: Page) -> str:
    """A chapter's text with the section of its pages where it has some, without it where it has none."""
    text = page.text
    if page.kind != "chapter":
        return text
    rows = _pages(book, page)
    block = f"## Pages in reading order\n\n<!-- sync: pages -->\n{rows}<!-- /sync -->\n" if rows else ""
    if _LIST.search(text):
        return _LIST.sub(lambda found: block + "\n" if block and found[0].endswith("\n\n") else block, text)
    if not block:
        return text
    head, sources, tail = text.partition("## Sources\n")
    return f"{head}{block}\n{sources}{tail}" if sources else f"{text}\n{block}"


def _description(page: Page) -> str:
    try:
        return str((yaml.safe_load(page.front_matter[1]) or {}).get("description", ""))
    except (yaml.YAMLError, AttributeError, ValueError):
        return ""  # the front matter has a fault of its own
