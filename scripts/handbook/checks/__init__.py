"""Everything that can be said about the handbook without building it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from handbook import addresses, charts, citations
from handbook.book import Book, Page
from handbook.checks import (
    code,
    configuration,
    diagrams,
    environment,
    evidence,
    files,
    front_matter,
    headings,
    html,
    images,
    links,
    markdown,
    math,
    minimum,
    notes,
    prose,
    reference,
    rendered,
    secrets,
    structure,
    suppressions,
    text,
    tools,
)
from handbook.fault import Fault

_BOOK: tuple[Callable[[Book], Iterator[Fault]], ...] = (
    structure.check,
    environment.check,
    evidence.check,
    citations.check_bibliography,
    reference.check,
    files.check,
    text.check,
    secrets.check,
    configuration.check,
    suppressions.check,
    images.check_files,
    addresses.check,
)
_PAGE: tuple[Callable[[Book, Page], Iterator[Fault]], ...] = (
    front_matter.check,
    headings.check,
    links.check,
    citations.check,
    diagrams.check,
    math.check,
    charts.check,
    html.check,
    markdown.check,
    prose.check,
    code.check,
    images.check,
    minimum.check,
    rendered.check,
)

TO_WRITE = minimum.TO_WRITE


def check(root: Path, progress: Callable[[list[Page]], Iterator[Page]] = iter) -> list[Fault]:
    """Every fault of the handbook below `root`, in the order of files and lines."""
    book = Book(root)
    faults = list(book.faults)
    for rule in _BOOK:
        faults.extend(rule(book))
    for page in progress(list(book.pages.values())):
        for rule in _PAGE:
            faults.extend(rule(book, page))
    return sorted(set(faults))


def check_with_tools(root: Path) -> tuple[list[Fault], list[str]]:
    """What foreign tools find, and the tools that are missing here."""
    faults, missing = tools.check(Book(root))
    return sorted(set(faults)), missing


def remarks(root: Path) -> list[str]:
    """What is said and not refused: guards that were changed, reviews that are due."""
    return notes.notes(Book(root))


def unwritten(root: Path) -> list[str]:
    """Where pages still say what is to be written: `file:line: To write: …`, one a line."""
    return [
        f"docs/{page.name}:{number}: {line[line.index(TO_WRITE) :].strip(chr(34) + ' |')}"
        for page in Book(root).pages.values()
        for number, line in enumerate(page.lines, 1)
        if TO_WRITE in line
    ]
