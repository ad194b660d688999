"""Footnotes as the bibliography words them: rewrites those of a page, checks that each is used, known and in place."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from handbook.bibliography import BIBLIOGRAPHY, Source, entry_fault, formatted, read
from handbook.book import Book, Page
from handbook.fault import Fault

_markdown = MarkdownIt("commonmark").enable("table").use(front_matter_plugin)
_markdown.use(footnote_plugin, inline=False, move_to_end=False, always_match_refs=True)


def rewritten(text: str, sources: Mapping[str, Source]) -> str:
    """The page's text with the bibliography's wording in each footnote that it knows.

    What follows the address, or all of a footnote without one, is the page's own locator and stays.
    """
    lines = text.split("\n")
    for note in reversed(_footnotes(text)[0]):
        if note.key in sources:
            lines[note.line - 1 : note.end] = [_reworded(lines, note, sources[note.key])]
    return "\n".join(lines)


def check(book: Book, page: Page) -> Iterator[Fault]:
    def fault(line: int, wrong: str, repair: str) -> Fault:
        return Fault(f"docs/{page.name}", line, "citation", wrong, repair)

    notes, references = _footnotes(page.text)
    sources, _ = read(book.root / BIBLIOGRAPHY) if notes or references else ({}, [])
    first = {note.key: note.line for note in reversed(notes)}
    for key, line in references:
        if key not in first:
            near = difflib.get_close_matches(key, [*first, *sources], 1)
            hint = f"did you mean [^{near[0]}]?" if near and near[0] != key else "define it under ## Sources"
            yield fault(line, f"[^{key}] is not defined", hint)
    lines = page.text.split("\n")
    used = {key for key, _ in references}
    for note in notes:
        if first[note.key] != note.line:
            yield fault(note.line, f"[^{note.key}] is defined in line {first[note.key]} already", "delete one of them")
        elif note.key not in used:
            yield fault(note.line, f"no text refers to [^{note.key}]", "delete the footnote, or cite it")
        above = [heading for heading in page.headings if heading.level <= 2 and heading.line < note.line]
        if not above or above[-1].text != "Sources":
            yield fault(note.line, f"[^{note.key}] does not stand under ## Sources", "move the line there")
        if note.key not in sources:
            near = difflib.get_close_matches(note.key, sources, 1)
            hint = f" (or did you mean [^{near[0]}]?)" if near else ""
            yield fault(note.line, f"[^{note.key}] is not in the bibliography", f"add it to {BIBLIOGRAPHY}{hint}")
        elif _reworded(lines, note, sources[note.key]) != "\n".join(lines[note.line - 1 : note.end]):
            yield fault(note.line, f"[^{note.key}] is not worded as in {BIBLIOGRAPHY}", "uv run handbook sync")


def check_bibliography(book: Book) -> Iterator[Fault]:
    sources, faults = read(book.root / BIBLIOGRAPHY)
    yield from faults
    cited = {note.key for page in book.pages.values() for note in _footnotes(page.text)[0]}
    for source in sources.values():
        if source.key not in cited:
            yield entry_fault(source.line, f"no page cites {source.key!r}", "delete the entry, or cite it")


@dataclass(frozen=True)
class _Note:
    """A footnote's definition; `end` is its last line."""

    key: str
    line: int
    end: int


@lru_cache(maxsize=4096)  # each page is asked for twice, by its own check and by the bibliography's
def _footnotes(text: str) -> tuple[list[_Note], list[tuple[str, int]]]:
    """The definitions, and the references with their lines, outside code."""
    notes: list[_Note] = []
    references: list[tuple[str, int]] = []
    lines = text.split("\n")
    start = end = 0
    for token in _markdown.parse(text) if "[^" in text else ():
        start, end = token.map or (start, end)
        if token.type == "footnote_reference_open":
            notes.append(_Note(token.meta["label"], start + 1, end))
        line = start
        for child in token.children or []:
            if child.type in ("softbreak", "hardbreak"):
                line += 1
            elif child.type == "footnote_ref":
                mark = f"[^{child.meta['label']}]"
                line = next((number for number in range(line, end) if mark in lines[number]), line)
                references.append((child.meta["label"], line + 1))
    return notes, references


def _reworded(lines: list[str], note: _Note, source: Source) -> str:
    """The footnote as it should stand; as it is, where the source has a fault of its own."""
    whole = "\n".join(lines[note.line - 1 : note.end])
    if not source.complete:
        return whole
    head, mark, text = whole.partition(f"[^{note.key}]:")
    locator = re.sub(r"\A.*?<https?://[^\s>]*>", "", text, count=1, flags=re.DOTALL).lstrip(" \t,;")
    space = "" if locator[:1] in ("", "\n", "\r") else " "
    return f"{head}{mark} {formatted(source)}{space}{locator}"
