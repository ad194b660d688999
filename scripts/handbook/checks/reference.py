"""Pages that others append to keep their form: the glossary's terms, the rows of the surprising defaults."""

import re
from collections.abc import Iterator

from handbook.book import Book
from handbook.fault import Fault
from handbook.glossary import GLOSSARY, pattern, terms

DEFAULTS = "reference/defaults/index.md"


def check(book: Book) -> Iterator[Fault]:
    glossary = book.pages.get(GLOSSARY.removeprefix("docs/"))
    if glossary:
        yield from _terms(book, glossary.text)
    if DEFAULTS in book.pages:
        yield from _defaults(book.pages[DEFAULTS].lines)


def _terms(book: Book, text: str) -> Iterator[Fault]:
    def fault(line: int, wrong: str, repair: str) -> Fault:
        return Fault(GLOSSARY, line, "glossary", wrong, repair)

    prose = [page.text for page in book.pages.values() if page.text is not text]
    first: dict[str, str] = {}
    last = ""
    for term in terms(text):
        head = term.names[0]
        if head.casefold() < last.casefold():
            yield fault(term.line, f"{head!r} stands after {last!r}", "sort the terms")
        last = head
        for name in term.names:
            if first.setdefault(name.casefold(), head) != head:
                yield fault(term.line, f"{name!r} is a name of {first[name.casefold()]!r} too", "one term a thing")
        if not term.definition.endswith(".") or len(term.definition) > 200:
            yield fault(term.line, f"{head!r} is not defined by one sentence of 200 characters", "shorten it")
        if not any(pattern(name).search(page) for name in term.names for page in prose):
            yield fault(term.line, f"no page uses {head!r}", "delete it, or write the term as the pages do")


def _defaults(lines: list[str]) -> Iterator[Fault]:
    for number, line in enumerate(lines, 1):
        if not line.startswith("| ") or line.startswith(("| Software", "| ---")):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not re.search(r"\d", cells[0]):
            wrong = f"{cells[0]!r} has no version"
            yield Fault(f"docs/{DEFAULTS}", number, "defaults", wrong, "name the version that was checked")
        if "[^" not in line and "results.json#/" not in line:
            wrong, repair = f"{cells[0]!r} has no source", "cite it in the row, or link to where it was measured"
            yield Fault(f"docs/{DEFAULTS}", number, "defaults", wrong, repair)
