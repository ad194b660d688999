"""What a chart's specification may say, before anything is drawn.

Vega-Lite draws an empty chart for a missing field without a word, and a misleading one as gladly as a good one. A
specification is Vega-Lite without numbers, colors and configuration: those come from results.json and from the look.
"""

import difflib
import functools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from handbook.chart_data import LONG, Data, Table, View, fields, parameters, plain, views

Spot = tuple[str | int, ...]  # where in the specification, for example ("layer", 0, "encoding", "x")
Finding = tuple[Spot, str, str]  # where, what is wrong, what repairs it

ROLES = ("ink", "muted", "grid", "series-1", "series-2", "series-3", "series-4", "series-5")
SERIES = 5
_MANUAL = "see https://vega.github.io/vega-lite/docs/"
_NAMED = 'numbers come from results.json: "data": {"name": "TABLE"}'
_REFUSED = {
    "config": ("the look is the handbook's", "delete it; the styles predicted and label are there to use"),
    "datasets": ("inline data", _NAMED),
    "href": ("a picture has no links", "put the link on the page"),
    "legend": ("series are labeled at the marks", 'delete it; add a text layer with the style "label"'),
    "params": ("a picture has no controls", "delete it"),
    "url": ("external data or a picture", _NAMED),
    "usermeta": ("nobody reads it", "delete it"),
}
_REFUSED |= dict.fromkeys(
    ("concat", "facet", "hconcat", "repeat", "vconcat"), ("more than one plot", "draw each finding to its own file")
)
_PAINT = ("color", "fill", "stroke")
_SHAPED = ("line", "point", "circle", "square", "trail")
_PATH = re.compile(r"(?<!\\)[.\[\]]")  # Vega takes a.b for the member b of a


def findings(spec: object, tables: Mapping[str, Table]) -> Iterator[Finding]:
    """Every fault of a specification over the recorded tables. A broken form hides what depends on it."""
    if not isinstance(spec, dict):
        yield (), "no JSON object", _MANUAL
        return
    found = list(_form(spec)) or list(_refused(spec))
    yield from found
    if found:
        return
    if len(str(spec.get("description", "")).strip()) < 20:
        yield (), "no description", 'state the finding: "description": "Pooled requests take a third of the time"'
    drawn = list(views(spec))
    found = list(dict.fromkeys(fault for view in drawn for fault in _unread(view, tables)))
    yield from found
    if not found:
        data = {view.data: Data.of(view.data, tables) for view in drawn}
        for judge in (_axes, _logs, _intervals, _series):
            yield from dict.fromkeys(judge(drawn, data))


def _form(spec: object) -> Iterator[Finding]:
    """What Vega-Lite's own schema says; of its many opinions the deepest is the one that helps."""
    for error in _schema().iter_errors(spec):
        leaves = list(_leaves(error))
        depth = max(len(leaf.absolute_path) for leaf in leaves)
        leaves = [leaf for leaf in leaves if len(leaf.absolute_path) == depth]
        leaf = next((leaf for leaf in leaves if leaf.validator == "additionalProperties"), leaves[0])
        spot = tuple(leaf.absolute_path)
        if leaf.validator == "additionalProperties":
            known = leaf.schema.get("properties", {})
            for key in sorted(leaf.instance.keys() - known.keys()):
                yield (*spot, key), f"unknown key {key!r}", _near(key, known, _MANUAL)
        elif leaf.validator in ("enum", "const", "type"):
            known = [
                str(option) for leaf in leaves for option in leaf.schema.get("enum", [leaf.schema.get("const", "")])
            ]
            yield spot, f"{json.dumps(leaf.instance)} is not allowed here", _near(str(leaf.instance), known, _MANUAL)
        else:
            yield spot, leaf.message.splitlines()[0][:160], _MANUAL


@functools.cache
def _schema() -> Any:
    import altair  # 0.3 s: only where there is a chart
    from jsonschema.validators import validator_for

    schema = altair.load_schema()
    return validator_for(schema)(schema)


def _leaves(error: Any) -> Iterator[Any]:
    """The opinions of a jsonschema error that have no cause of their own."""
    if not error.context:
        yield error
    for cause in error.context or ():
        yield from _leaves(cause)


def _near(word: str, known: Iterable[str], otherwise: str) -> str:
    near = difflib.get_close_matches(word, list(known), 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else otherwise


def _refused(node: object, spot: Spot = ()) -> Iterator[Finding]:
    """What Vega-Lite can draw, and what is no part of a still picture of recorded numbers in two palettes."""
    items: Iterable[tuple[str | int, Any]] = ()
    if isinstance(node, dict | list):
        items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        here = (*spot, key)
        paint = value.get("value") if isinstance(value, dict) else value
        if key in _REFUSED:
            yield here, f"{key!r}: {_REFUSED[str(key)][0]}", _REFUSED[str(key)][1]
            continue
        if key == "data" and value and "name" not in value and value != {"values": [{}]}:
            yield here, "inline data", _NAMED
        elif str(key).lower().endswith((*_PAINT, "background")) and isinstance(paint, str):
            if paint not in (*ROLES, "none", "transparent"):
                yield here, f"the color {paint!r} fits one palette at most", f"name a role: {', '.join(ROLES)}"
        elif key == "scale" and spot[-1] in _PAINT and {"range", "scheme"} & set(value or ()):
            yield here, "a palette of its own", "delete range and scheme"
        elif key in ("mark", "type") and value in ("image", "geoshape"):
            yield here, f"the mark {value!r}", "draw points, lines, bars or areas"
        yield from _refused(value, here)


def _unread(view: View, tables: Mapping[str, Table]) -> Iterator[Finding]:
    """What the view asks for and would not get."""
    name, spot = view.data.removesuffix(LONG), (*view.spot, "data")
    if not name:
        return
    if name not in tables:
        yield spot, f"results.json has no table {name!r}", f"it has: {', '.join(tables)}"
        return
    if not _recorded(tables[name]):
        yield spot, f"the table {name!r} is not as record writes it", "record the lab again"
        return
    cells = [(row, column, cell) for row, columns in tables[name].items() for column, cell in columns.items()]
    if not cells:
        yield spot, f"the table {name!r} is empty", "record the lab again"
    for row, column, cell in cells:
        for key in ("value", "low", "high"):
            number = cell[key]
            if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
                yield spot, f"{name}/{row}/{column} has the {key} {number!r}", "mend the lab and record it again"
                return
    for both in {field for row in tables[name] for field in parameters(row)} & {column for _, column, _ in cells}:
        yield spot, f"{both!r} is a parameter of the rows and a column", "rename one in the lab"
    known = {field for record in Data.of(view.data, tables).rows for field in record} | view.made
    for at, field in view.reads():
        if plain(field) not in known:
            repair = _near(field, known, f"it has: {', '.join(sorted(known))}")
            yield at, f"no row of {view.data!r} has the field {field!r}", repair
        elif _PATH.search(field):
            escaped = _PATH.sub(r"\\\\\g<0>", field)
            yield at, f"Vega reads {field!r} as a path", f'write "{escaped}"'


def _recorded(table: object) -> bool:
    columns = list(table.values()) if isinstance(table, dict) else [None]
    cells = [cell for cells in columns for cell in (cells.values() if isinstance(cells, dict) else [None])]
    return all(isinstance(cell, dict) and {"value", "low", "high", "unit", "text"} <= cell.keys() for cell in cells)


def _axes(drawn: list[View], data: Mapping[str, Data]) -> Iterator[Finding]:
    for channel in ("x", "y"):
        users = [view for view in drawn if {"field", "datum"} & view.encoding.get(channel, {}).keys()]
        parts = [part for view in users for part in (view.encoding[channel], view.encoding[channel].get("axis", {}))]
        if not users or None in parts:
            continue
        spot, titles = (
            users[0].spots[channel],
            [_title(view.encoding[channel]) for view in users if view.field(channel)],
        )
        title = next((title for title in titles if title), "")
        if None in titles or (not title and "quantitative" in [part.get("type") for part in parts]):
            wrong = f"a layer leaves {channel} without the title" if title else f"the {channel} axis has no title"
            yield spot, wrong, 'say what it shows, and its unit, where all layers share it: "title": "Latency (ms)"'
        elif len(set(titles)) > 1:
            yield spot, f"the {channel} axis has {len(set(titles))} titles", "write one, where all layers share it"
        units = {unit for view in users for unit in data[view.data].units.get(view.field(channel), ())}
        if title and len(units) == 1 and (unit := units.pop()) not in title:
            yield spot, f"the title {title!r} lacks the unit {unit!r}", f'write "{title} ({unit})"'


def _title(part: dict[str, Any]) -> str | None:
    """An axis' title as given, "" where it is switched off, None where Vega-Lite would take the field's name."""
    given = {**(part.get("axis") or {}), **part}
    return str(given["title"] or "") if "title" in given else None


def _logs(drawn: list[View], data: Mapping[str, Data]) -> Iterator[Finding]:
    """A scale belongs to all layers: where one makes it logarithmic, none may bring it a zero."""
    for channel in ("x", "y"):
        scales = [view.encoding.get(channel, {}).get("scale") or {} for view in drawn]
        if "log" not in [scale.get("type") for scale in scales]:
            continue
        if not any((view.encoding.get(channel, {}).get("axis") or {}).get("values") for view in drawn):
            spot = next(view.spots[channel] for view in drawn if channel in view.spots)
            yield spot, "a logarithmic axis without values", 'choose its ticks: "axis": {"values": [1, 3, 10, 30]}'
        for view, scale in zip(drawn, scales, strict=True):
            for name in view.encoding.keys() & {channel, f"{channel}2"}:
                field = view.field(name)
                values = [] if view.filtered(field) else [record.get(field) for record in data[view.data].rows]
                values.append(view.encoding[name].get("datum"))
                if isinstance(scale.get("domain"), list):
                    values.extend(scale["domain"])
                if bad := [value for value in values if isinstance(value, int | float) and value <= 0]:
                    repair = "filter it out and say so on the page, or use a linear or symlog scale"
                    yield view.spots[name], f"{bad[0]} on a logarithmic axis", repair


def _intervals(drawn: list[View], data: Mapping[str, Data]) -> Iterator[Finding]:
    used = {(view.data, plain(field)) for view in drawn for part in view.encoding.values() for field in fields(part)}
    for view in drawn:
        for channel in ("x", "y"):
            ends = sorted(data[view.data].ends.get(view.field(channel), ()), reverse=True)
            if any((view.data, end) not in used for end in ends):
                wrong = f"{view.field(channel)!r} was measured with spread, and no interval is drawn"
                repair = (
                    f'add a layer: "mark": "errorbar", {channel} from the field {ends[0]!r}, {channel}2 {ends[1]!r}'
                )
                yield view.spots[channel], wrong, repair


def _series(drawn: list[View], data: Mapping[str, Data]) -> Iterator[Finding]:
    """Series told apart by color alone are one series to many readers and to every black printer."""

    def key(view: View, channel: str) -> str:
        return view.field(channel) or ("the datum" if "datum" in view.encoding.get(channel, {}) else "")

    def shown(name: str, *channels: str) -> bool:
        return any(name in (key(view, way), *view.sources(way)) for view in drawn for way in channels)

    for view in drawn:
        for channel in sorted(set(_PAINT) & view.encoding.keys()):
            name, spot = key(view, channel), view.spots[channel]
            if name and view.mark == "text":
                yield spot, "a label in the color of its series is hard to read", 'add "color": {"value": "ink"} to it'
            if not name or shown(name, "x", "y", "row", "column"):
                continue
            if view.encoding[channel].get("type") == "quantitative":
                yield spot, "a color for each number", "give the number an axis"
            elif not shown(name, "text"):
                yield spot, f"{name!r} is told apart by color alone", 'add a text layer with the style "label"'
            elif view.mark in _SHAPED and not shown(name, "shape", "strokeDash"):
                yield spot, f"{name!r} has one shape", 'add "shape" with it to the layer that draws the points'
            values = {record.get(name) for record in data[view.data].rows} - {None}
            if len(values) > SERIES and not view.filtered(name):
                yield spot, f"{len(values)} series", f"at most {SERIES}, better 3: filter, or split the finding"
