"""Blocks that GitHub and the site read alike: fences, lists, tables, and no syntax that one of the two lacks."""

import re
from collections.abc import Iterator
from functools import cache

from markdown_it.token import Token
from pygments.lexers import get_all_lexers

from handbook.book import Book, Page
from handbook.fault import Fault

INFO = re.compile(r"[\w+#.-]+(?: (?:title|hl_lines)=\"[^\"]*\")*")
OURS = ("mermaid", "math", "text")
# At the start of a line, outside code: what only some generator understands.
_BLOCK_SYNTAX = (
    (re.compile(r"\s*(?:!!!|\?\?\?\+?)(?:\s|$)"), "> [!NOTE], or <details>"),
    (re.compile(r"\s*===[!+]? +[\"'].*"), "a heading or a table instead of tabs"),
    (re.compile(r"\s*-{1,2}8<-{1,2}"), "the text itself: pages are complete as committed"),
    (re.compile(r"\s*\[TOC\]\s*$"), "nothing: the site lists the headings"),
    (re.compile(r"\s*:::"), "> [!NOTE], or a heading"),
    (re.compile(r"\s*\*\[[^\]]+\]: "), "the term in the glossary"),
)
_HOLDERS = ("list_item_open", "blockquote_open", "footnote_open")
_QUOTE = re.compile(r"^(?: {0,3}> ?)+")
_DEFINITION = re.compile(r" {0,3}\[(?!\^)([^\]]+)\]:\s*\S")


def check(book: Book, page: Page) -> Iterator[Fault]:
    def fault(line: int, wrong: str, repair: str) -> Fault:
        return Fault(f"docs/{page.name}", line, "markdown", wrong, repair)

    rows = page.text.split("\n")
    code: set[int] = set()
    holders: list[Token] = []
    previous: list[Token | None] = [None]
    for token in page.tokens:
        if token.map and token.type in ("fence", "code_block", "math_block", "html_block", "front_matter"):
            code.update(range(token.map[0] + 1, token.map[1] + 1))
        if token.map and token.nesting >= 0:
            for line, wrong, repair in _block(token, rows, holders, previous[-1]):
                yield fault(line, wrong, repair)
        if token.nesting >= 0:
            previous[-1] = token
        if token.nesting == 1:
            previous.append(None)
        elif token.nesting == -1:
            previous.pop()
        if token.type in _HOLDERS:
            holders.append(token)
        elif token.type.replace("_close", "_open") in _HOLDERS:
            holders.pop()
    for number, row in enumerate(rows, 1):
        for pattern, instead in _BLOCK_SYNTAX if number not in code else ():
            if pattern.match(row):
                yield fault(number, f"{row.strip()[:30]!r} is not Markdown as GitHub reads it", f"write {instead}")
    for number, wrong, repair in _references(rows, code):
        yield fault(number, wrong, repair)


def _block(token: Token, rows: list[str], holders: list[Token], before: Token | None) -> Iterator[tuple[int, str, str]]:
    start, end = token.map
    row = _QUOTE.sub("", rows[start])
    if token.type == "fence":
        yield from _fence(token, row, _QUOTE.sub("", rows[min(end, len(rows)) - 1]))
    if token.type == "table_open":
        yield from _table(start, rows[start:end])
    if token.type == "paragraph_open" and row.lstrip().startswith("|"):
        yield start + 1, "a table that is none", "give it a line | --- | with as many cells as its header"
    if token.type in ("fence", "table_open", "bullet_list_open", "ordered_list_open", "blockquote_open"):
        nested = bool(holders) and holders[-1].type == "list_item_open" and token.type.endswith("list_open")
        above = _QUOTE.sub("", rows[start - 1]).strip(" >") if before and start else ""
        if above and not nested and not above.startswith("<!-- "):
            what = token.type.removesuffix("_open").replace("_", " ")
            yield start + 1, f"a {what} without an empty line above it", "put an empty line there"
    kinds = {holder.type for holder in holders}
    if kinds <= {"list_item_open"} and token.type not in ("inline", "tr_open", "th_open", "td_open", "tbody_open"):
        yield from _indent(token, row, holders)


def _fence(token: Token, first: str, last: str) -> Iterator[tuple[int, str, str]]:
    line, info = token.map[0] + 1, token.info.strip()
    if token.map[1] - token.map[0] < 2 or not re.fullmatch(
        rf"\s*{re.escape(token.markup[0])}{{{len(token.markup)},}}\s*", last
    ):
        yield line, "a fence that is never closed", f"write {token.markup} where the code ends"
    elif first.index(token.markup) != last.index(token.markup):  # GitHub ends the code here, the site reads on
        yield token.map[1], "a fence indented otherwise than where it opens", f"write {token.markup} as far in as above"
    language = info.split(" ")[0].lower()
    if not info:
        yield line, "a fence without its language", "name it: ```python, ```sh, ```yaml; ```text for the rest"
    elif language not in (*OURS, *_languages()):
        yield line, f"{language!r} is no language that the site can color", "correct it, or write ```text"
    elif not INFO.fullmatch(info):
        yield line, f"{info!r} after the fence", 'write the language, and title="…" where it is needed'


def _table(start: int, rows: list[str]) -> Iterator[tuple[int, str, str]]:
    cells = [_cells(_QUOTE.sub("", row)) for row in rows]
    for offset, (row, count) in enumerate(zip(rows, cells, strict=True)):
        if not count:
            yield start + offset + 1, f"{row.strip()[:30]!r} becomes a row of the table", "put an empty line before it"
        elif count != cells[0]:
            wrong = f"a row of {count} cells under a header of {cells[0]}"
            yield start + offset + 1, wrong, r"complete it; write \| for a bar within a cell"


def _cells(row: str) -> int:
    """How many cells a row has; none where no bar stands in it."""
    row = re.sub(r"\\.", "", row).strip()
    return len(row.removeprefix("|").removesuffix("|").split("|")) if "|" in row else 0


def _indent(token: Token, row: str, holders: list[Token]) -> Iterator[tuple[int, str, str]]:
    due, has = 4 * len(holders), len(row) - len(row.lstrip(" "))
    first = holders and token.map[0] == holders[-1].map[0]  # stands on the line of its list item's mark
    if first or not row.strip() or token.type in ("bullet_list_open", "ordered_list_open"):
        return
    if has != due:
        wrong = f"indented by {has}, where the site and GitHub agree on {due}"
        yield token.map[0] + 1, wrong, "indent what belongs to a list item by four spaces a level, everything else not"


def _references(rows: list[str], code: set[int]) -> Iterator[tuple[int, str, str]]:
    prose = {number: row for number, row in enumerate(rows, 1) if number not in code}
    defined = {found[1].lower(): number for number, row in prose.items() if (found := _DEFINITION.match(row))}
    text = {n: re.sub(r"(`+).+?\1|\$[^$]+\$", "", row) for n, row in prose.items() if n not in defined.values()}
    for number, row in text.items():
        for found in re.finditer(r"(?<![\w\]\\])\[([^\[\]^]+)\]\[([^\[\]^]*)\]", row):
            if (found[2] or found[1]).lower() not in defined:
                yield number, f"{found[0]} refers to nothing", "write [text](target)"
    whole = "\n".join(text.values()).lower()
    for label, number in defined.items():
        if f"[{label}]" not in whole:
            yield number, f"nothing refers to [{label}]", "delete the line"


@cache
def _languages() -> frozenset[str]:
    return frozenset(alias for _, aliases, _, _ in get_all_lexers(plugins=False) for alias in aliases)
