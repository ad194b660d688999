"""Promise: a chart is drawn from recorded numbers alone, the same bytes each time, in both palettes; what would draw
nothing, mislead, or speak by color alone is refused with file, line and repair. The gallery's numbers are made up."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from conftest import ROOT

from handbook import charts
from handbook.book import Book
from handbook.chart_data import Data
from handbook.fault import Fault

GALLERY = ROOT / "tests/gallery/charts"
FONT = ROOT / "docs" / charts.FONT
FINDINGS = sorted(path.name.removesuffix(".vl.json") for path in GALLERY.glob("*.vl.json"))
FOLDER = "docs/devops/caching"
SPEC, SVG, PAGE, RESULTS = (f"{FOLDER}/{name}" for name in ("hit-ratio.vl.json", "hit-ratio.svg", "index.md", "results.json"))


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A handbook of one topic that shows the whole gallery."""
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    for path in GALLERY.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (tmp_path / "mkdocs.yml").write_text("nav: []\n")
    (tmp_path / "docs" / charts.FONT).parent.mkdir(parents=True)
    (tmp_path / "docs" / charts.FONT).write_bytes(FONT.read_bytes())
    images = "\n\n".join(f"![The curve of {name} falls as it should]({name}.svg)" for name in FINDINGS)
    (folder / "index.md").write_text(f"# Caching\n\n{images}\n")
    return tmp_path


def faults(root: Path) -> list[Fault]:
    book = Book(root)
    return [fault for page in book.pages.values() for fault in charts.check(book, page)]


def edit(path: str, old: str, new: str) -> Callable[[Path], None]:
    """A change of the first place that matches; one must."""

    def change(root: Path) -> None:
        text = (root / path).read_text(encoding="utf-8")
        assert re.search(old, text), f"{old!r} is not in {path}"
        (root / path).write_text(re.sub(old, new, text, count=1), encoding="utf-8")

    return change


def put(*where: str | int, value: Any) -> Callable[[Path], None]:
    """A value put at a place of the specification."""

    def change(root: Path) -> None:
        spec = json.loads((root / SPEC).read_text(encoding="utf-8"))
        node = spec
        for step in where[:-1]:
            node = node[step]
        node[where[-1]] = value
        (root / SPEC).write_text(json.dumps(spec, indent=1), encoding="utf-8")

    return change


def record(table: str, value: Any) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        results = json.loads((root / RESULTS).read_text(encoding="utf-8"))
        results["results"][table] = value
        (root / RESULTS).write_text(json.dumps(results), encoding="utf-8")

    return change


def both(*changes: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        for step in changes:
            step(root)

    return change


def cell(value: float, spread: float = 0, unit: str = "") -> dict[str, object]:
    return {"value": value, "low": value - spread, "high": value + spread, "unit": unit, "n": 7, "text": f"{value}"}


def one(**more: Any) -> dict[str, Any]:
    return {"alpha=1, size=20": {"LRU": cell(0.5) | more, "ideal": cell(0.5)}}


def many(count: int) -> dict[str, Any]:
    return {f"alpha={i}, size={size}": {"LRU": cell(0.1 * i, 0.01), "ideal": cell(0.5)} for i in range(count) for size in (1, 20)}


TEXT = r'"text": \{"field": "name"\}'

# name: (change, file, words that the message must hold)
BROKEN: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "invalid JSON": (edit(SPEC, r'"layer": \[', '"layer": [,'), SPEC, "invalid JSON"),
    "key twice": (edit(SPEC, r'"data":', '"data": {}, "data":'), SPEC, "'data' stands twice"),
    "not an object": (edit(SPEC, r"(?s)\A.*", "[]"), SPEC, "no JSON object"),
    "unknown key": (edit(SPEC, '"field": "size"', '"feild": "size"'), SPEC, "encoding.x.feild: unknown key 'feild' — did you mean 'field'?"),
    "unknown channel": (edit(SPEC, '"x": {', '"xx": {'), SPEC, "unknown key 'xx'"),
    "unknown mark": (edit(SPEC, '"mark": "errorbar"', '"mark": "errorbra"'), SPEC, "did you mean 'errorbar'?"),
    "unknown type": (edit(SPEC, '"quantitative"', '"quantitativ"'), SPEC, "did you mean 'quantitative'?"),
    "no results": (lambda root: (root / RESULTS).unlink(), SPEC, "no results.json beside it"),
    "results invalid": (edit(RESULTS, r"\{", "{{"), RESULTS, "invalid JSON"),
    "no description": (edit(SPEC, r'"description": "[^"]*",\s*', ""), SPEC, "no description"),
    "unknown table": (edit(SPEC, '"name": "hits"', '"name": "hit"'), SPEC, "no table 'hit'"),
    "unknown field": (edit(SPEC, '"field": "size"', '"field": "sise"'), SPEC, "has the field 'sise' — did you mean 'size'?"),
    "unknown field in a filter": (edit(SPEC, r"datum\.size", "datum.sise"), SPEC, "has the field 'sise'"),
    "field read as a path": (both(record("hits", {"alpha=1, size=1": {"p99.9": cell(1), "LRU": cell(1)}}), edit(SPEC, '"field": "ideal"', '"field": "p99.9"')), SPEC, r'write "p99\\.9"'),
    "empty table": (record("hits", {}), SPEC, "is empty"),
    "table of another form": (record("hits", {"a": {"b": 3}}), SPEC, "not as record writes it"),
    "results of another form": (edit(RESULTS, r"(?s)\A.*", "[]"), SPEC, "no table 'hits'"),
    "not UTF-8": (lambda root: (root / SPEC).write_bytes(b"\xff"), SPEC, "utf-8"),
    "no number": (record("hits", one(value=None)), SPEC, "has the value None"),
    "not a number": (record("hits", one(value=float("nan"))), SPEC, "has the value nan"),
    "infinite": (record("hits", one(high=float("inf"))), SPEC, "has the high inf"),
    "parameter and column": (record("hits", {"alpha=1, size=1, LRU=2": {"LRU": cell(1), "ideal": cell(1)}}), SPEC, "'LRU' is a parameter of the rows and a column"),
    "zero on a logarithmic axis": (edit(RESULTS, r"size=1\"", 'size=0"'), SPEC, "0 on a logarithmic axis"),
    "logarithmic domain from zero": (edit(SPEC, r"\[1, 100\]", "[0, 100]"), SPEC, "0 on a logarithmic axis"),
    "logarithmic axis without ticks": (edit(SPEC, r'"axis": \{"values": \[1, 2[^}]*\},', ""), SPEC, "without values"),
    "no title": (edit(SPEC, r',\s*"title": "Cache size[^"]*"', ""), SPEC, "x axis has no title"),
    "title without the unit": (record("hits", {"alpha=1, size=1": {"LRU": cell(1, unit="ms"), "ideal": cell(1, unit="ms")}}), SPEC, "lacks the unit 'ms'"),
    "two titles": (put("layer", 0, "encoding", "y", "title", value="Ideal"), SPEC, "2 titles"),
    "no interval": (put("layer", 1, value={"mark": "rule", "encoding": {"y": {"field": "ideal"}}}), SPEC, "no interval is drawn"),
    "color alone": (both(edit(SPEC, TEXT, '"text": {"value": "x"}'), edit(SPEC, TEXT, '"text": {"value": "x"}')), SPEC, "told apart by color alone"),
    "label in a color": (edit(SPEC, r', "color": \{"value": "ink"\}', ""), SPEC, "hard to read"),
    "one shape": (put("layer", 2, "encoding", value={}), SPEC, "has one shape"),
    "legend": (put("encoding", "color", "legend", value={}), SPEC, "labeled at the marks"),
    "six series": (record("hits", many(6)), SPEC, "6 series"),
    "color of a number": (edit(SPEC, '"type": "nominal"', '"type": "quantitative"'), SPEC, "a color for each number"),
    "color of one palette": (put("layer", 1, "mark", value={"type": "errorbar", "color": "#ff0000"}), SPEC, "fits one palette"),
    "own palette": (put("encoding", "color", "scale", value={"scheme": "viridis"}), SPEC, "a palette of its own"),
    "inline data": (put("data", value={"values": [{"size": 1}]}), SPEC, "inline data"),
    "inline data sets": (put("datasets", value={"hits": [{"size": 1}]}), SPEC, "inline data"),
    "generated data": (put("data", value={"sequence": {"start": 1, "stop": 9}}), SPEC, "inline data"),
    "external data": (put("data", value={"url": "https://example.org/a.csv"}), SPEC, "inline data"),
    "link": (put("layer", 2, "encoding", "href", value={"value": "javascript:alert(1)"}), SPEC, "no links"),
    "picture": (put("layer", 2, "mark", value={"type": "image", "url": "a.png"}), SPEC, "external data or a picture"),
    "configuration": (put("config", value={}), SPEC, "the look is the handbook's"),
    "several plots": (edit(SPEC, r"(?s)\A.*", '{"data": {"name": "hits"}, "hconcat": [{"mark": "point"}]}'), SPEC, "more than one plot"),
    "too wide": (both(put("width", value=900), lambda root: redraw(root)), SPEC, "px wide, 788 at most"),
    "not drawn": (lambda root: (root / SVG).unlink(), SVG, "uv run handbook sync"),
    "older than its specification": (put("width", value=600), SVG, "uv run handbook sync"),
    "older than the results": (edit(RESULTS, r'("alpha=0.8, size=1": \{\s*"LRU": \{"value": 0)\.\d+', r"\g<1>.5"), SVG, "uv run handbook sync"),
    "edited by hand": (edit(SVG, "exponent", "Exponent"), SVG, "uv run handbook sync"),
    "without specification": (lambda root: (root / FOLDER / "other.svg").write_text("<svg/>"), f"{FOLDER}/other.svg", "write other.vl.json"),
    "not shown": (edit(PAGE, r"!\[[^\]]*\]\(hit-ratio.svg\)", ""), SPEC, "no page shows it"),
    "alternative text too short": (edit(PAGE, r"!\[[^\]]*\]\(hit-ratio.svg\)", "![A chart](hit-ratio.svg)"), PAGE, "7 characters"),
    "alternative text empty": (edit(PAGE, r"!\[[^\]]*\]\(hit-ratio.svg\)", "![](hit-ratio.svg)"), PAGE, "0 characters"),
    "alternative text is the name": (edit(PAGE, r"!\[[^\]]*\]\(hit-ratio.svg\)", "![Hit ratio](hit-ratio.svg)"), PAGE, "is its name"),
}


def redraw(root: Path) -> list[Path]:
    drawn = list(charts.redrawn(Book(root)))
    for path, svg in drawn:
        path.write_text(svg, encoding="utf-8")
    return [path for path, _ in drawn]


def test_the_gallery_is_sound(book: Path) -> None:
    assert [str(fault) for fault in faults(book)] == []
    assert redraw(book) == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_chart_is_refused(name: str, book: Path) -> None:
    change, file, words = BROKEN[name]
    change(book)
    found = faults(book)
    hits = [fault for fault in found if fault.path == file and words in f"{fault.wrong} — {fault.repair}"]
    assert hits, [str(fault) for fault in found]
    assert all(fault.repair and fault.rule == "chart" for fault in found)


def test_a_fault_names_its_line(book: Path) -> None:
    edit(SPEC, '"mark": "errorbar"', '"mark": "errorbra"')(book)
    lines = (book / SPEC).read_text().splitlines()
    assert "errorbra" in lines[faults(book)[0].line - 1]
    edit(SPEC, r'"layer": \[', '"layer": [,')(book)
    assert '"layer": [,' in lines[faults(book)[0].line - 1].replace("[", "[,")


def test_sync_draws_what_is_out_of_date_and_nothing_else(book: Path) -> None:
    put("width", value=600)(book)
    (book / FOLDER / "latency-by-rate.svg").unlink()
    assert [path.name for path in redraw(book)] == ["hit-ratio.svg", "latency-by-rate.svg"]
    assert faults(book) == []


def test_other_results_leave_a_drawing_as_it_is(book: Path) -> None:
    record("more", {"a": {"b": cell(1)}})(book)
    assert faults(book) == []


@pytest.mark.parametrize("name", FINDINGS)
def test_a_drawing_is_the_same_bytes_each_time(name: str) -> None:
    """Committed, drawn here, drawn after another chart, drawn by another process with other hashes."""
    source = (GALLERY / f"{name}.vl.json", GALLERY / "results.json", FONT)
    drawn = [charts.draw(*source), charts.draw(GALLERY / "hit-ratio.vl.json", *source[1:]), charts.draw(*source)]
    command = "import sys; from pathlib import Path; from handbook.charts import draw; print(draw(*map(Path, sys.argv[1:])), end='')"
    other = subprocess.run([sys.executable, "-c", command, *source], capture_output=True, env=os.environ | {"PYTHONHASHSEED": "7"}, check=True)
    assert drawn[0] == drawn[2] == other.stdout.decode() == (GALLERY / f"{name}.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FINDINGS)
def test_a_drawing_needs_nothing_around_it(name: str) -> None:
    text = (GALLERY / f"{name}.svg").read_text(encoding="utf-8")
    svg = ElementTree.fromstring(text)
    description = json.loads((GALLERY / f"{name}.vl.json").read_text(encoding="utf-8"))["description"]
    assert svg.get("role") == "img" and svg[0].text == description
    assert "light-dark(" in text and "@font-face" in text and ":root{color-scheme:light dark}" in text
    assert not re.search(r"<script|<a\b|href|http(?!://www\.w3\.org/2000/svg)|url\((?!data:font|#p)", text)
    assert len(re.search(r"base64,([^)]*)", text)[1]) < 8_000
    colors = set(re.findall(r'\b(?:fill|stroke)="([^"]+)"', text)) - {"none", "transparent"}
    assert colors <= {day for day, _ in charts._PALETTE.values()}


def test_ids_do_not_count_through_all_drawings(tmp_path: Path) -> None:
    spec = json.loads((GALLERY / "latency-by-rate.vl.json").read_text(encoding="utf-8"))
    spec["layer"][1]["mark"]["clip"] = True
    (tmp_path / "a.vl.json").write_text(json.dumps(spec))
    first, second = (charts.draw(tmp_path / "a.vl.json", GALLERY / "results.json", FONT) for _ in range(2))
    assert 'id="p0"' in first and first == second


@pytest.mark.parametrize("step", [{"filter": "datum.size > 1000"}, {"calculate": "datum.size * 'a'", "as": "size"}])
def test_a_mark_that_comes_out_empty_is_refused(step: dict[str, str], book: Path) -> None:
    put("transform", value=[step])(book)
    with pytest.raises(charts.Refused):
        charts.draw(book / SPEC, book / RESULTS, FONT)


def test_a_faulty_specification_is_not_drawn(book: Path) -> None:
    edit(SPEC, '"field": "size"', '"field": "sise"')(book)
    with pytest.raises(charts.Refused, match="sise"):
        charts.draw(book / SPEC, book / RESULTS, FONT)


@pytest.mark.parametrize("name", ["<b onload=alert(1)>&amp;", "naïve — 流 ≤ α", "ذاكرة تخزين", 'a" opacity="1'])
def test_a_name_is_drawn_as_text(name: str, tmp_path: Path) -> None:
    results = {"results": {"parsing": {name: {"CPU": cell(2, 1, "µs")}, "plain": {"CPU": cell(1, 0.5, "µs")}}}}
    (tmp_path / "results.json").write_text(json.dumps(results))
    svg = ElementTree.fromstring(charts.draw(GALLERY / "parsing-cost.vl.json", tmp_path / "results.json", FONT))
    assert name in {text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")}


def test_rows_hold_parameters_and_quantities() -> None:
    table = {"size=1000, policy=lru": {"p50": cell(2, 1, "ms")}, "size=2.5, policy=7b": {"p50": cell(3, 0, "ms")}}
    wide, long = (Data.of(name, {"hits": table}) for name in ("hits", "hits/long"))
    assert wide.rows[0] == {"row": "size=1000, policy=lru", "size": 1000, "policy": "lru", "p50": 2, "p50_low": 1, "p50_high": 3, "p50_text": "2"}
    assert long.rows[1] == {"row": "size=2.5, policy=7b", "size": 2.5, "policy": "7b", "column": "p50", "value": 3, "low": 3, "high": 3, "text": "3"}
    assert wide.ends == {"p50": {"p50_low", "p50_high"}} and long.ends == {"value": {"low", "high"}}
    assert [record["row"] for record in Data.of("a", {"a": {"1": {"b": cell(1)}, "10": {"b": cell(1)}}}).rows] == [1, 10]
    assert Data.of("a", {"a": {"1000 keys, LRU": {"b": cell(1)}}}).rows[0]["row"] == "1000 keys, LRU"
