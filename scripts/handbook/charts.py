"""Draws a chart, `<finding>.vl.json` over results.json, to `<finding>.svg`, and checks that page and files agree.

One file serves both palettes and brings its letters: an <img> sees neither the page's style sheet nor its fonts.
"""

import base64
import functools
import hashlib
import html
import io
import json
import posixpath
import re
import tempfile
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from handbook.book import Book, Page
from handbook.chart_data import Data, Table, views
from handbook.chart_spec import Spot, findings
from handbook.fault import Fault

FONT = "assets/fonts/label.woff2"  # below docs/
WIDTH = 788  # px, the column: a wider chart would be shrunk, and its letters with it
ALT = 20  # characters: fewer do not state a finding

_SPEC = ".vl.json"
_SYNC = "uv run handbook sync"
_LOOK = json.loads(resources.files("handbook").joinpath("chart_look.json").read_text(encoding="utf-8"))
_PALETTE: dict[str, tuple[str, str]] = _LOOK["palette"]  # day, night
_FACE = _LOOK["config"]["font"]
_FALLBACK = f"{_FACE}, Roboto Condensed, Arial Narrow, Helvetica, Arial, sans-serif"
_PAINT = re.compile(rf'\b(fill|stroke|stop-color)="({"|".join(_PALETTE)})"')
_NOISE = re.compile(r' (?:aria-[a-z]+|role|pointer-events|xmlns:xlink|version|font-family)="[^"]*"| opacity="1"')
_FRAME = re.compile(r'<path class="(?:background|foreground)" d="[^"]*"(?: display="none")?/>')
_EMPTY = re.compile(r'<g class="mark-[a-z]+ role-(?:mark|scope)[^>]*></g>')
_DIGEST = re.compile(r' data-digest="([0-9a-f]*)"')


class Refused(Exception):
    """Why a chart that has no finding cannot be drawn all the same."""


def draw(spec_path: Path, results_path: Path, font: Path) -> str:
    """The SVG of a chart, the same bytes for the same input; raises Refused where it would show nothing."""
    spec = json.loads(spec_path.read_text(encoding="utf-8"))
    tables = json.loads(results_path.read_text(encoding="utf-8"))["results"]
    for spot, wrong, repair in findings(spec, tables):
        raise Refused(f"{'.'.join(map(str, spot))}: {wrong} — {repair}")
    return _signed(_styled(_drawn(spec, tables, font), spec["description"], font), spec, tables, font)


def redrawn(book: Book) -> Iterator[tuple[Path, str]]:
    """Each chart's file that is missing or out of date, with what it should hold; none where the chart has a fault."""
    for name in book.files:
        spec, results = book.docs / name, (book.docs / name).with_name("results.json")
        if name.endswith(_SPEC) and not list(_spec_faults(book, name)) and _stale(book, name):
            yield spec.with_name(spec.name.replace(_SPEC, ".svg")), draw(spec, results, book.docs / FONT)


def check(book: Book, page: Page) -> Iterator[Fault]:
    """Whether the charts of a topic are sound, drawn from what lies beside them, and shown with their finding."""
    folder = posixpath.dirname(page.name)
    if folder.count("/") != 1:
        return
    files = {posixpath.basename(name) for name in book.files if posixpath.dirname(name) == folder}
    images = {posixpath.normpath(link.target): link.line for link in page.links if link.image}
    for file in sorted(files):
        name, svg = f"{folder}/{file}", file.replace(_SPEC, ".svg")
        if file.endswith(".svg") and file.replace(".svg", _SPEC) not in files:
            repair = f"write {file.replace('.svg', _SPEC)}, or delete it"
            yield Fault(f"docs/{name}", 0, "chart", "a drawing without its specification", repair)
        if not file.endswith(_SPEC):
            continue
        faults = list(_spec_faults(book, name))
        yield from faults
        if not faults and (wrong := _stale(book, name)):
            yield Fault(f"docs/{folder}/{svg}", 0, "chart", wrong, _SYNC)
        elif not faults and (width := _width(book.docs / folder / svg)) > WIDTH:
            repair = 'set "width" (610 if not given), or shorten the labels beside the plot'
            yield Fault(f"docs/{name}", 0, "chart", f"{width:g} px wide, {WIDTH} at most", repair)
        if svg not in images:
            repair = f"show it in {page.name}: ![what it shows]({svg}), or delete it"
            yield Fault(f"docs/{name}", 0, "chart", "no page shows it", repair)
        elif wrong := _mute(page, images[svg], svg):
            repair = "state the finding: ![Pooled requests take a third of the time](…)"
            yield Fault(f"docs/{page.name}", images[svg], "chart", wrong, repair)


def _spec_faults(book: Book, name: str) -> Iterator[Fault]:
    path = book.docs / name
    contents: list[Any] = []
    for file in (path, path.with_name("results.json")):
        place = file.relative_to(book.root).as_posix()
        if not file.is_file():
            yield Fault(f"docs/{name}", 0, "chart", f"no {file.name} beside it", "uv run handbook record, or delete it")
            return
        try:
            contents.append(json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=_once))
        except json.JSONDecodeError as error:
            yield Fault(place, error.lineno, "chart", f"invalid JSON: {error.msg}", "correct the line")
            return
        except ValueError as error:
            yield Fault(place, 0, "chart", str(error), "correct the file")
            return
    spec, results = contents
    text = path.read_text(encoding="utf-8")
    tables = results.get("results") if isinstance(results, dict) else None
    for spot, wrong, repair in findings(spec, tables if isinstance(tables, dict) else {}):
        where = ".".join(map(str, spot))
        yield Fault(f"docs/{name}", _line(text, spot), "chart", f"{where}: {wrong}" if where else wrong, repair)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the key {name!r} stands twice in one object")
    return dict(pairs)


def _line(text: str, spot: Spot) -> int:
    """The line on which a place of the specification begins; JSON is YAML, whose parser keeps lines."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:  # a tab, for instance
        return 0
    line = 1
    for step in spot:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == step:
                    node, line = value, key.start_mark.line + 1
                    break
    return line


def _mute(page: Page, line: int, svg: str) -> str:
    """What is wrong with the alternative text of a chart that stands on or after a line."""
    found = re.search(rf"!\[([^\]]*)\]\(<?(?:\./)?{re.escape(svg)}", "\n".join(page.lines[line - 1 :]))
    alt = found[1].strip() if found else ""
    if alt.lower().replace(" ", "-").removesuffix(".svg") == svg.removesuffix(".svg"):
        return f"the alternative text of {svg} is its name"
    return f"the alternative text of {svg} has {len(alt)} characters, {ALT} at least" if len(alt) < ALT else ""


def _stale(book: Book, name: str) -> str:
    """Why the drawing of a sound specification is out of date; "" where it is not."""
    spec = book.docs / name
    drawing = spec.with_name(spec.name.replace(_SPEC, ".svg"))
    if not drawing.is_file():
        return "not drawn yet"
    svg = drawing.read_text(encoding="utf-8", errors="replace")
    tables = json.loads(spec.with_name("results.json").read_text(encoding="utf-8"))["results"]
    if svg == _signed(svg, json.loads(spec.read_text(encoding="utf-8")), tables, book.docs / FONT):
        return ""
    return "not drawn from its specification and results.json as they are"


def _width(drawing: Path) -> float:
    found = re.search(r' width="([\d.]+)"', drawing.read_text(encoding="utf-8"))
    return float(found[1]) if found else 0


def _drawn(spec: dict[str, Any], tables: Mapping[str, Table], font: Path) -> str:
    import altair  # its schema and the drawing are to be of one version
    import vl_convert

    _register(font)
    data = {view.data: Data.of(view.data, tables).rows for view in views(spec) if view.data}
    version = ".".join(altair.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    whole = {**spec, "datasets": data, "config": _LOOK["config"]}
    return str(vl_convert.vegalite_to_svg(whole, vl_version=version, allowed_base_urls=[]))


def _styled(svg: str, description: str, font: Path) -> str:
    """What Vega drew, without what a picture does not need, with a title, both palettes and its letters.

    Attributes keep the light color for whatever draws SVG with less CSS than a browser.
    """
    if found := re.search(r"NaN|undefined|Infinity", re.sub(r">[^<]*<", "><", svg)):
        raise Refused(f"a mark stands at {found[0]} — a transform makes no number: mend it")
    if _EMPTY.search(svg):
        raise Refused("a mark draws nothing — a filter leaves no row: mend it")
    svg = _FRAME.sub("", re.sub(r"<[^>]+>", lambda tag: _NOISE.sub("", tag[0]), svg))
    for i, name in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))):  # Vega counts through all drawings
        svg = re.sub(rf'(\bid="|#){re.escape(name)}\b', rf"\g<1>p{i}", svg)
    used = sorted(set(_PAINT.findall(svg)))
    paint = "".join(f'[{of}="{_PALETTE[by][0]}"]{{{of}:light-dark({",".join(_PALETTE[by])})}}' for of, by in used)
    svg = _PAINT.sub(lambda found: f'{found[1]}="{_PALETTE[found[2]][0]}"', svg)
    texts = re.findall(r"<text[^>]*>(.*?)</text>", svg, re.DOTALL)
    letters = "".join(sorted({letter for text in texts for letter in html.unescape(re.sub(r"<[^>]+>", "", text))}))
    face = f'@font-face{{font-family:"{_FACE}";src:url(data:font/woff2;base64,{_subset(font, letters)})}}'
    title = f"<title>{html.escape(description.strip(), quote=False)}</title>"
    opening = rf'<svg\1 role="img" font-family="{_FALLBACK}">'
    head = re.sub(r"<svg([^>]*)>.*", opening, svg, count=1, flags=re.DOTALL)
    body = svg.split(">", 1)[1]
    night = f"@supports (color:light-dark(red,red)){{{paint}}}"
    return f"{head}{title}<style>:root{{color-scheme:light dark}}{face}{night}</style>{body}\n"


@functools.cache
def _register(font: Path) -> tempfile.TemporaryDirectory[str]:
    """Lets labels be measured with the face that draws them; its folder lives as long as the process."""
    import vl_convert
    from fontTools.ttLib import TTFont

    folder = tempfile.TemporaryDirectory()
    face = TTFont(font, recalcTimestamp=False)
    face.flavor = None
    face.save(Path(folder.name) / "label.ttf")
    vl_convert.register_font_directory(folder.name)
    return folder


@functools.cache
def _subset(font: Path, letters: str) -> str:
    """The face with these letters alone, in base64."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    face = TTFont(font, recalcTimestamp=False)
    subsetter = subset.Subsetter(
        subset.Options(layout_features=["kern"], name_IDs=[], hinting=False, notdef_outline=False)
    )
    subsetter.populate(text=letters)
    subsetter.subset(face)
    face.flavor = "woff2"
    face.save(file := io.BytesIO())
    return base64.b64encode(file.getvalue()).decode()


def _signed(svg: str, spec: dict[str, Any], tables: Mapping[str, Table], font: Path) -> str:
    """The SVG with a digest of itself and of all it is drawn from, so that a check need not draw.

    Comparing drawings would tie the handbook to one machine: a letter that the face lacks is measured in another.
    """
    bare = _DIGEST.sub("", svg, count=1)
    data = {view.data: Data.of(view.data, tables).rows for view in views(spec)}
    source = json.dumps([spec, data, _LOOK], sort_keys=True).encode() + font.read_bytes()
    digest = hashlib.sha256(source + bare.encode()).hexdigest()[:32]
    return bare.replace("<svg", f'<svg data-digest="{digest}"', 1)
