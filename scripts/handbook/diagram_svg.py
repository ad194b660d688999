"""Turns two drawings of one diagram, by day and by night, into one SVG that is part of a page."""

import math
import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = re.compile(
    "svg|g|defs|style|path|rect|circle|ellipse|line|polyline|polygon|text|tspan|marker|symbol|use"
    "|linearGradient|stop|clipPath"
)
ATTRIBUTES = re.compile(
    r"id|class|style|transform|transform-origin|d|points|[xyr]|[xy][12]|d[xy]|c[xy]|r[xy]|width|height|viewBox|offset"
    r"|fill|stroke|stroke-(?:width|dasharray|opacity)|(?:fill|clip)-rule|fill-opacity|opacity|clip-path|ref[XY]|orient"
    r"|marker(?:Units|Width|Height|-start|-mid|-end)|stop-color|preserveAspectRatio|text-anchor|direction|href"
    r"|(?:dominant|alignment)-baseline|font-(?:style|weight|size|family)"
)
NAMES = "white|black|gr[ae]y|lightgr[ae]y|navy|red"
COLOUR = re.compile(
    rf"(#[0-9a-fA-F]{{3,8}}\b(?![^{{}};]*\{{)|(?:rgb|hsl)a?\([^()]*\)|(?<=[:\s])(?:{NAMES})(?=[;\s}}!]|$)|^(?:{NAMES})$)"
)
LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")


class Undrawable(Exception):
    """A diagram that merman cannot draw though it may be right: absent, or a limit of merman's."""


def unite(
    day_svg: str, night_svg: str, uid: str, names: Mapping[str, str], fixed: Mapping[str, tuple[str, str]]
) -> str:
    """The day's SVG with `light-dark(day, night)` where colours differ; `fixed` are colours that should have differed.

    `names` holds its `title` and its `desc`. The night's SVG may have other sizes, but not other parts.
    """
    try:
        day, night = ElementTree.fromstring(day_svg), ElementTree.fromstring(night_svg)
    except ElementTree.ParseError as error:
        raise Undrawable(f"the drawing is not XML: {error}") from None
    _merge(day, night, fixed)
    _mend(day)
    left, top, width, height = (float(number) for number in day.get("viewBox", "").split())
    _clean(day)
    day.attrib = {
        "id": uid,
        "class": day.get("class", ""),
        "width": str(math.ceil(width)),
        "height": str(math.ceil(height)),
        "viewBox": f"{left:g} {top:g} {math.ceil(width)} {math.ceil(height)}",
        "role": "img",
        "aria-labelledby": f"{uid}-title",
        "aria-describedby": f"{uid}-desc",
    }
    _own_ids(day, uid)
    _prune(day)
    for index, (name, text) in enumerate(names.items()):
        element = ElementTree.Element(name, id=f"{uid}-{name}")
        element.text = text
        day.insert(index, element)
    return LONG_NUMBER.sub(lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), _text(day))


def _merge(day: ElementTree.Element, night: ElementTree.Element, fixed: Mapping[str, tuple[str, str]]) -> None:
    """Writes the night's colours into `day`."""
    lines = day.tag == f"{SVG}text"  # perhaps wrapped elsewhere; they have no colours of their own
    if (day.tag, day.keys()) != (night.tag, night.keys()) or (len(day) != len(night) and not lines):
        raise Undrawable("day and night differ in their parts")
    for name, value in day.items():
        day.set(name, _both(value, night.get(name, ""), fixed))
    if day.tag == f"{SVG}style":
        day.text = _both(day.text or "", night.text or "", fixed)
    for one, other in () if lines else zip(day, night, strict=True):
        _merge(one, other, fixed)


def _both(day: str, night: str, fixed: Mapping[str, tuple[str, str]]) -> str:
    one, other = COLOUR.split(day), COLOUR.split(night)
    if len(one) != len(other):
        raise Undrawable("day and night differ in their parts")
    for index in range(1, len(one), 2):
        a, b = one[index], other[index]
        if a == b:
            a, b = fixed.get(a, (a, b))
        one[index] = a if a == b else f"light-dark({a},{b})"
    return "".join(one)


def _mend(root: ElementTree.Element) -> None:
    """Moves labels that merman puts beside their place: on edges of classes, entities and states, on groups."""
    kind = root.get("class", "")
    for label in root.iterfind(f".//{SVG}g[@class='edgeLabel']/{SVG}g[@class='label']"):
        back = label.find(f".//{SVG}rect")
        if back is not None and kind in ("classDiagram", "erDiagram"):
            label.set("transform", re.sub(r"\([^,]+", "(0", label.get("transform", "")))
            back.set("x", f"{-float(back.get('width', 0)) / 2:.2f}")
        for inner in label.iterfind(f"{SVG}g/{SVG}g[@transform]"):  # states
            inner.set("transform", re.sub(r",[^)]+", ", 2", inner.get("transform", "")))
    for group in root.iterfind(f".//{SVG}g[@class='cluster']"):  # to the left: an edge comes in at the middle
        back, label = group.find(f"{SVG}rect"), group.find(f"{SVG}g[@class='cluster-label']")
        if back is not None and label is not None and kind == "flowchart":
            label.set("transform", f"translate({float(back.get('x', 0)) + 8:g}, {float(back.get('y', 0)) + 3:g})")


def _clean(parent: ElementTree.Element) -> None:
    parent.tag = parent.tag.removeprefix(SVG)
    for name, value in list(parent.items()):
        bare = name.rpartition("}")[2]
        del parent.attrib[name]
        inside = bare != "href" or value.startswith("#")
        if ATTRIBUTES.fullmatch(bare) and value.strip(" ;") and _harmless(value) and inside:
            parent.set(bare, value)
    for child in list(parent):
        name = child.tag.removeprefix(SVG) if isinstance(child.tag, str) else ""
        if name == "a":
            child.tag = f"{SVG}g"
        elif not ELEMENTS.fullmatch(name) or not _harmless(child.text if name == "style" else ""):
            parent.remove(child)
            continue
        _clean(child)


def _harmless(css: str | None) -> bool:
    return not re.search(r"url\((?!['\"]?#)|@import|expression\(|\\", css or "", re.IGNORECASE)


def _own_ids(root: ElementTree.Element, uid: str) -> None:
    """Lets every id and every reference begin with the diagram's own: pages hold several diagrams."""
    ids = {element.get("id", "") for element in root.iter()} - {""}
    own = {one: one if one.startswith(uid) else f"{uid}-{one}" for one in ids}
    own |= {one.removeprefix("undefined-"): new for one, new in own.items() if one.startswith("undefined-")}

    def renamed(value: str) -> str:
        return re.sub(r"(?<=url\(#)[^)]+|(?<=^#).+", lambda found: own.get(found[0], found[0]), value)

    for element in root.iter():
        element.attrib.update({name: renamed(value) for name, value in element.items() if "#" in value})
        if "id" in element.attrib:
            element.set("id", own[element.attrib["id"]])


def _prune(root: ElementTree.Element) -> None:
    """Drops markers and symbols that nothing refers to, and rules for classes that do not occur."""
    classes = {name for element in root.iter() for name in (element.get("class") or "").split()}
    for style in root.iter("style"):
        style.text = "".join(_rules(style.text or "", classes))
    text = _text(root)
    used = set(re.findall(r"#([\w.-]+)[\"')]", text))
    for parent in list(root.iter()):
        for child in list(parent):
            unused = child.tag in ("marker", "symbol", "clipPath", "linearGradient") and child.get("id") not in used
            if unused or (child.tag == "rect" and child.get("width") is None):
                parent.remove(child)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("defs", "g") and not len(child):
                parent.remove(child)


FOREIGN_RULE = re.compile(r"\[data-|:root| (?:p|span|div|svg)\b")


def _rules(css: str, classes: set[str]) -> Iterator[str]:
    css = re.sub(r"@keyframes[^{]+\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", css)
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        kept = [
            one.strip()
            for one in selectors.split(",")
            if classes.issuperset(re.findall(r"\.([\w-]+)", one)) and not FOREIGN_RULE.search(one)
        ]
        if kept and body:
            # Lines do not cross labels, and events keep the palette's colours.
            body = body.replace("opacity:0.5;", "").replace("filter:brightness(120%);", "")
            yield f"{','.join(kept)}{{{body}}}"


def _text(root: ElementTree.Element) -> str:
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)
