"""Draws Mermaid as inline SVG while the site is built: one picture for both palettes, no script, labels measured.

merman draws a diagram twice, in day and in night colours; where the two differ in a colour alone the result says
`light-dark(day, night)`, so a reader downloads neither Mermaid nor a second picture. What merman cannot draw is left to
mkdocs-mermaid2-plugin, which draws it in the browser.
"""

import functools
import hashlib
import html
import json
import os
import re
import shutil
import sys
import unicodedata
from pathlib import Path

from fontTools.ttLib import TTFont
from markdown import Markdown

from handbook import pages
from handbook.diagram_svg import Undrawable, unite

try:
    import merman
except ImportError:  # no wheel for this machine
    merman = None

LABEL_FACE = Path(__file__).parents[2] / "docs/assets/fonts/label.woff2"
CACHE = Path(__file__).parents[2] / ".cache/diagrams"
KINDS = {  # first word of a diagram: what it shows
    "flowchart": "steps and parts",
    "sequenceDiagram": "who says what to whom",
    "stateDiagram-v2": "states",
    "classDiagram": "types",
    "erDiagram": "records",
    "timeline": "dates",
    "quadrantChart": "two scales",
    "gantt": "plans",
    "gitGraph": "branches",
}
PARTS = ("nodes", "actors", "classes", "entities", "tasks", "points", "commits")  # in what merman reads
_LOOK = json.loads(Path(__file__).with_name("diagram_look.json").read_text(encoding="utf-8"))
_ROLES = _LOOK["roles"]


class Broken(Exception):
    """A diagram that its parser refuses; line and column count from 1 in the diagram."""

    def __init__(self, line: int, column: int, words: str) -> None:
        super().__init__(f"{line}:{column}: {words}")
        self.line, self.column, self.words = line, column, words


def diagnose(source: str, first_line: int = 1) -> list[tuple[int, int, str]]:
    """Line, column and words of each error that the parser finds; `first_line` is that of the diagram's first line."""
    found = json.loads(_engine().analyze_json(source, None))["diagnostics"]
    return [
        (first_line + one["span"]["line"] - 1, one["span"]["column"], one["message"])
        for one in found
        if one["severity"] == "error"
    ]


def model(source: str) -> dict:
    """What merman read: a diagram's `type`, `accTitle`, `accDescr` and parts. Raises Broken, also where it is empty."""
    for line, column, words in diagnose(source):
        raise Broken(line, column, words)
    read = json.loads(_engine().parse_json(source, None))
    if not count(read):
        raise Broken(1, 1, "the diagram is empty")
    return read


def count(read: dict) -> int:
    """How many nodes, or what its kind has instead, a diagram's model holds."""
    return sum(len(read.get(part) or ()) for part in PARTS)


def natural_width(source: str) -> int:
    """Width in CSS pixels at which the labels have their own size."""
    return int(re.search(r' width="(\d+)"', draw(source, "d"))[1])


def draw(source: str, uid: str) -> str:
    """One SVG for both palettes whose ids all begin with `uid`. Raises Broken or Undrawable."""
    return _drawn(source).replace(_UID, uid)


def fence(source: str, language: str, css_class: str, options: dict, md: Markdown, **_: object) -> str:
    """Formats a fenced diagram for pymdownx.superfences, under MkDocs and Zensical."""
    md.diagrams = getattr(md, "diagrams", 0) + 1
    uid = f"diagram-{md.diagrams}"
    try:
        return frame(draw(source, uid), uid)
    except Broken as error:
        line = pages.line_of(source, md) + error.line - 1
        return pages.refuse(md, line, f"column {error.column}: diagram: {error.words}", source)
    except Undrawable as error:
        return _leave_to_browser(source, error, md)


def frame(svg: str, uid: str) -> str:
    """The SVG in a box that scrolls, with a button that enlarges it: a popover, so no script."""
    width, height = re.search(r' width="(\d+)" height="(\d+)"', svg).groups()
    return (
        f'<div class="drawing" id="{uid}-view" popover style="--width:{width}px;--height:{height}px">'
        f'<div class="diagram" tabindex="0" role="region" aria-labelledby="{uid}-title">{svg}</div>'
        f'<button type="button" popovertarget="{uid}-view" aria-describedby="{uid}-title">'
        "<span>Enlarge</span><span>Close</span></button></div>"
    )


def _leave_to_browser(source: str, error: Undrawable, md: Markdown) -> str:
    """Lets mkdocs-mermaid2-plugin draw it; the 5 MB of Mermaid come from the npm packages, into this site alone."""
    note = f"note: {pages.page_of(md)[0]}:{pages.line_of(source, md)}: the browser draws this diagram: {error}"
    text = html.escape(source, quote=False)  # Mermaid reads it back; nothing in it can act before
    drawn = False
    if pages.under_mkdocs(md):
        config = md.treeprocessors["relpath"].config
        script = Path(config.config_file_path).parent / "node_modules/mermaid/dist/mermaid.min.js"
        drawn = script.is_file()
        # The plugin looks for it among the pages, readers get it from the site.
        for folder in (config.docs_dir, config.site_dir) if drawn else ():
            target = Path(folder) / config.plugins["mermaid2"].config["javascript"]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(script, target)
    print(note if drawn else f"{note}, once ./scripts/test has fetched Mermaid; until then it is text", file=sys.stderr)
    if not drawn:
        return f"<pre>{text}</pre>"
    from mermaid2 import fence_mermaid

    return fence_mermaid(text, "mermaid", "mermaid", {}, md)


_UID = "diagram_uid"  # merman trims signs at its end


@functools.lru_cache(maxsize=1024)
def _drawn(source: str) -> str:
    """The drawing, from an earlier build where there is one."""
    kept = CACHE / f"{hashlib.sha256(_version() + source.encode()).hexdigest()}.svg"
    try:
        return kept.read_text(encoding="utf-8")
    except OSError:
        svg = _draw(source)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        own = kept.with_suffix(f".{os.getpid()}")
        own.write_text(svg, encoding="utf-8")
        own.replace(kept)  # whole or not at all: another build may read it now
    except OSError:
        pass
    return svg


@functools.cache
def _version() -> bytes:
    """Changes with whatever changes a drawing. Raises Undrawable."""
    _engine()
    own = Path(__file__)
    parts = own, own.with_name("diagram_svg.py"), own.with_name("diagram_look.json"), LABEL_FACE
    return merman.Merman().package_version().encode() + b"".join(part.read_bytes() for part in parts)


def _draw(source: str) -> str:
    read = model(source)
    names = {"title": read.get("accTitle") or "", "desc": read.get("accDescr") or ""}
    fixed = {colour: tuple(_ROLES[role]) for colour, role in _LOOK["fixed"].items()}
    try:
        day = _measuring().render_svg(source, _options(0))
        try:  # measuring takes most of the time, and of the night only the colours are wanted
            return unite(day, _engine().render_svg(source, _options(1)), _UID, names, fixed)
        except Undrawable:
            return unite(day, _measuring().render_svg(source, _options(1)), _UID, names, fixed)
    except merman.MermanError as error:
        raise Undrawable(getattr(error, "message", None) or str(error)) from None


@functools.cache
def _options(night: int) -> str:
    variables = {name: _ROLES[role][night] for role, names in _LOOK["variables"].items() for name in names.split()}
    configuration = _LOOK["configuration"]
    variables |= {"fontFamily": configuration["fontFamily"], "fontSize": f"{configuration['fontSize']}px"}
    variables |= {"commitLabelFontSize": "14px", "tagLabelFontSize": "13px", "darkMode": bool(night)}
    return json.dumps({"site_config": configuration | {"themeVariables": variables}, "svg": {"diagram_id": _UID}})


class _Face:
    """Widths of the label face; what it lacks is taken as wide, so that no fallback is clipped."""

    def __init__(self) -> None:
        font = TTFont(LABEL_FACE)
        unit, widths = font["head"].unitsPerEm, font["hmtx"]
        self.widths = {code: widths[name][0] / unit for code, name in font.getBestCmap().items()}

    def width(self, text: str, size_px: float) -> float:
        return size_px * sum(self.widths.get(ord(one)) or _foreign(one) for one in text)

    def wrap(self, text: str, size_px: float, limit_px: float | None) -> list[str]:
        lines: list[str] = []
        for paragraph in text.split("\n"):
            line = ""
            for word in paragraph.split(" "):
                longer = f"{line} {word}".strip()
                if limit_px and line and self.width(longer, size_px) > limit_px:
                    lines.append(line)
                    longer = word
                line = longer
            lines.append(line)
        return lines


def _foreign(character: str) -> float:
    if unicodedata.combining(character):
        return 0
    return 1 if unicodedata.east_asian_width(character) in "WF" else 0.62


@functools.cache
def _engine() -> "merman.MermanEngine":
    if merman is None:
        raise Undrawable("merman is not installed here")
    return merman.MermanEngine(None, None)


@functools.cache
def _measuring() -> "merman.MermanEngine":
    """Lays out with the widths of the label face."""
    operation, kind = merman.MermanTextMeasurementOperation, merman.MermanTextMeasurementResultKind
    empty = {"width": 0.0, "height": 0.0, "length": 0.0, "line_count": 0}
    empty |= dict.fromkeys(("bbox_left", "bbox_right", "raw_width"))
    metrics = {operation.WRAPPED, operation.MEASURE, operation.MERMAID_CALCULATE_TEXT_DIMENSIONS}
    lengths = {one for one in operation if one.name.endswith(("_WIDTH", "_LENGTH"))}
    lengths.remove(operation.WRAPPED_WITH_RAW_WIDTH)
    face = _Face()

    class Measurer(merman.MermanTextMeasurer):
        def measure(self, request: "merman.MermanTextMeasureRequest") -> "merman.MermanTextMeasureResult | None":
            if request.operation in lengths:
                width = max(face.width(line, request.font_size) for line in request.text.split("\n"))
                return merman.MermanTextMeasureResult(result_kind=kind.LENGTH, **empty | {"length": width})
            if request.operation in metrics:
                lines = face.wrap(request.text, request.font_size, request.max_width)
                size = {
                    "width": max(face.width(line, request.font_size) for line in lines),
                    "height": len(lines) * request.line_height,
                    "line_count": len(lines),
                }
                return merman.MermanTextMeasureResult(result_kind=kind.METRICS, **empty | size)
            return None  # heights and offsets: merman's own

    return merman.MermanEngine(None, merman.MermanEngineServices().with_text_measurer(Measurer()))
