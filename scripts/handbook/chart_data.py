"""What a chart's specification gets under a table's name: rows whose fields are parameters and quantities."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Table = Mapping[str, Mapping[str, Mapping[str, Any]]]  # row, column, quantity

LONG = "/long"
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Data:
    """`TABLE` gives one record a row: `row`, its parameters, and each column as COLUMN, COLUMN_low, _high and _text.

    `TABLE/long` gives one record a cell, with `column`, `value`, `low`, `high` and `text`. A row that is named
    `size=1000, policy=lru` has the parameters `size` and `policy`; one is a number where it is so in every row.
    """

    rows: list[dict[str, Any]]
    units: dict[str, set[str]]  # of each field that holds a quantity
    ends: dict[str, set[str]]  # the two fields of the interval, for each field that has spread

    @classmethod
    def of(cls, name: str, tables: Mapping[str, Table]) -> "Data":
        data = cls([], {}, {})
        table = tables.get(name.removesuffix(LONG), {})
        for record, cells in zip(_named(table), table.values(), strict=True):
            if not name.endswith(LONG):
                data.rows.append(record)
            for column, cell in cells.items():
                field, start = ("value", "") if name.endswith(LONG) else (column, f"{column}_")
                fields = {field: cell["value"], **{start + key: cell[key] for key in ("low", "high", "text")}}
                if name.endswith(LONG):
                    data.rows.append(record | {"column": column} | fields)
                else:
                    record.update(fields)
                data.units.setdefault(field, set()).add(cell["unit"])
                if cell["low"] < cell["high"]:
                    data.ends[field] = {f"{start}low", f"{start}high"}
        return data


def parameters(row: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in row.split(", ")]
    return {name.strip(): value.strip() for name, _, value in pairs} if all(value for *_, value in pairs) else {}


def _named(table: Table) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = [{"row": row, **parameters(row)} for row in table]
    for name in {name for record in records for name in record}:
        values = [record[name] for record in records if name in record]
        if all(_NUMBER.fullmatch(value) for value in values):
            for record in records:
                if name in record:
                    number = float(record[name])
                    record[name] = int(number) if number.is_integer() else number
    return records


@dataclass(frozen=True)
class View:
    """One mark of a chart, with what it inherits from the layers around it."""

    spot: tuple[str | int, ...]  # its place in the specification
    mark: str
    data: str
    encoding: dict[str, dict[str, Any]]
    spots: dict[str, tuple[str | int, ...]]  # of each channel
    transforms: list[tuple[tuple[str | int, ...], dict[str, Any]]]

    @property
    def made(self) -> set[str]:
        """Names of the fields that transforms make."""
        names: set[str] = set()
        for _, step in self.transforms:
            for part in [step, *(item for value in step.values() if isinstance(value, list) for item in value)]:
                given = part.get("as", ["key", "value"] if "fold" in part else []) if isinstance(part, dict) else []
                names |= {given} if isinstance(given, str) else set(given)
        return names

    def field(self, channel: str) -> str:
        """The name of a channel's field; "" where it reads none."""
        return plain(str(self.encoding.get(channel, {}).get("field", "")))

    def sources(self, channel: str) -> set[str]:
        """A channel's field, and the fields from which a transform makes it."""
        name = self.field(channel)
        steps = [step for _, step in self.transforms if name and step.get("as") == name]
        return {name} | {plain(field) for step in steps for field in fields(step)}

    def filtered(self, field: str) -> bool:
        return any("filter" in step and field in str(step["filter"]) for _, step in self.transforms)

    def reads(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Each field that the view reads, as written, with the place that reads it."""
        for channel, definition in self.encoding.items():
            yield from ((self.spots[channel], field) for field in fields(definition))
        for spot, step in self.transforms:
            yield from ((spot, field) for field in fields(step))


def views(node: Mapping[str, Any], spot: tuple[str | int, ...] = (), outer: View | None = None) -> Iterator[View]:
    outer = outer or View((), "", "", {}, {}, [])
    mark = node.get("mark", "")
    own = node.get("encoding", {})
    encoding = {channel: part for channel, part in outer.encoding.items() if own.get(channel, part) is not None}
    for channel, part in own.items():
        if isinstance(part, dict):
            encoding[channel] = part if "value" in part else {**encoding.get(channel, {}), **part}
    view = View(
        spot,
        mark if isinstance(mark, str) else mark["type"],
        (node["data"] or {}).get("name", "") if "data" in node else outer.data,
        encoding,
        outer.spots | {channel: (*spot, "encoding", channel) for channel in own},
        outer.transforms + [((*spot, "transform", i), step) for i, step in enumerate(node.get("transform", []))],
    )
    if "layer" not in node:
        yield view
    for i, layer in enumerate(node.get("layer", [])):
        yield from views(layer, (*spot, "layer", i), view)


_DATUM = re.compile(r"""\bdatum(?:\.([A-Za-z_]\w*)|\[(['"])(.*?)\2\])""")


def fields(node: object, key: str = "") -> Iterator[str]:
    """The fields that part of a specification reads, in Vega's notation, where `a\\.b` is the field a.b."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from fields(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from fields(value, key)
    elif isinstance(node, str) and key in ("field", "groupby", "fold"):
        yield node
    elif isinstance(node, str) and key in ("filter", "calculate", "expr", "test", "and", "or", "not"):
        yield from (re.sub(r"[.\[\]]", r"\\\g<0>", found[1] or found[3]) for found in _DATUM.finditer(node))


def plain(field: str) -> str:
    return re.sub(r"\\(.)", r"\1", field)
