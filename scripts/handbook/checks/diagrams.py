"""Every diagram can be drawn, fits the column, says in words what it shows, and does nothing but show it."""

import re
from collections.abc import Iterator

from handbook import diagrams
from handbook.book import Book, Page
from handbook.fault import Fault

WIDEST_PX = 788  # the column; wider would be scaled down until its 15 px labels are too small
MOST_NODES = 500
ACC = "accTitle: what it is ⏎ accDescr: what it shows, in a sentence"
# What is allowed nowhere in a diagram: pattern, what is wrong, how to mend it.
REFUSED = (
    (
        re.compile(r'^\s*(?:click\s+\S+\s+["\w]|(?:link|callback)\s+\S+\s+"|links?\s+\S+\s*:)', re.MULTILINE),
        "a handler",
        "a diagram does nothing when clicked: link from the text beside it",
    ),
    (
        re.compile(r"(?<!<)</?(?!br\s*/?>)[a-zA-Z][^<>\n]*>(?!>)|javascript:", re.IGNORECASE),
        "markup in a label",
        "write plain text, and <br> for a new line",
    ),
    (
        re.compile(r"^\s*(?:style\s+\S+\s+\w|classDef\s|linkStyle\s|rect\s+(?:rgb|#)|box\s+(?:rgb|#))", re.MULTILINE),
        "a colour of its own",
        "colours follow the palette: delete it; mark one node with :::key",
    ),
    (
        re.compile(r"^\s*%%\{|\A---$", re.MULTILINE),
        "a configuration of its own",
        "the handbook sets the look: delete it",
    ),
)


def check(book: Book, page: Page) -> Iterator[Fault]:
    for line, info, text in page.fences:
        if info.split(" ")[0] == "mermaid":
            for offset, column, wrong, repair in _faults(text, info):
                place = line + offset
                if column:
                    column += _indent(page, place, text.split("\n")[offset - 1])
                where = f"column {column}: " if column else ""
                yield Fault(f"docs/{page.name}", place, "diagram", f"{where}{wrong}", repair)


def _faults(text: str, info: str) -> Iterator[tuple[int, int, str, str]]:
    """Line from the opening fence, column (0 where the diagram is meant), what is wrong and how to mend it."""
    if info != "mermaid":
        yield 0, 0, f"{info!r} after the fence", "write ```mermaid alone"
    if not text.strip():
        yield 0, 0, "the diagram is empty", "draw something or delete the block"
        return
    allowed = True
    for pattern, wrong, repair in REFUSED:
        for found in pattern.finditer(text):
            start = found.start() + len(found[0]) - len(found[0].lstrip())
            allowed = False
            yield (
                text.count("\n", 0, start) + 1,
                start - text.rfind("\n", 0, start),
                f"{wrong}: {found[0].strip()}",
                repair,
            )
    first = next(row for row in text.splitlines() if row.strip() and not row.lstrip().startswith("%%")).split()[0]
    if allowed and first not in diagrams.KINDS:
        kinds = ", ".join(f"{kind} ({use})" for kind, use in diagrams.KINDS.items())
        yield 1, 0, f"the handbook does not draw {first!r}", f"use {kinds}"
        return
    try:
        read = diagrams.model(text)
    except diagrams.Broken as error:
        yield error.line, error.column, error.words, "mend the line"
        return
    except diagrams.Undrawable:  # no merman here: whoever has it will see
        return
    for name in ("accTitle", "accDescr"):
        if not read.get(name):
            yield 0, 0, f"{name} is missing", f"readers who do not see it need words: {ACC}"
    nodes = diagrams.count(read)
    if nodes > MOST_NODES:
        yield 0, 0, f"{nodes} nodes", f"draw at most {MOST_NODES}, better 20: split it"
    elif allowed:
        yield from _size(text)


def _size(text: str) -> Iterator[tuple[int, int, str, str]]:
    try:
        width = diagrams.natural_width(text)
    except diagrams.Undrawable as error:
        yield 0, 0, f"merman cannot draw it: {error}", "make it smaller or of another kind"
        return
    if width > WIDEST_PX:
        remedy = "draw from top to bottom (flowchart TB, timeline TD), shorten labels, or split it"
        yield 0, 0, f"{width} px wide, the column has {WIDEST_PX}", remedy


def _indent(page: Page, line: int, row: str) -> int:
    """How many characters a list or quote puts before a row of the diagram."""
    return max(page.lines[line - 1].find(row), 0) if line <= len(page.lines) else 0
