"""Everything that can be said about the handbook without building it."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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
MANY = 40  # pages from which a second process pays

_book: Book  # of a process that checks pages for another


_Found = Iterable[list[Fault]]


def check(root: Path, progress: Callable[[_Found, int], _Found] = lambda found, _: found) -> list[Fault]:
    """Every fault of the handbook below `root`, in the order of files and lines."""
    book = Book(root)
    faults = list(book.faults)
    with _of_pages(book) as found:
        for rule in _BOOK:
            faults.extend(rule(book))
        for some in progress(found, len(book.pages)):
            faults.extend(some)
    return sorted(set(faults))


@contextmanager
def _of_pages(book: Book) -> Iterator[_Found]:
    """The faults of each page; where there are many, other processes find them while the caller goes on."""
    processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
    if len(book.pages) < MANY or processors == 1:
        yield (of_page(book, page) for page in book.pages.values())
        return
    for page in book.pages.values():
        page.headings  # noqa: B018 - read once, before the processes part
    with multiprocessing.get_context("fork").Pool(processors, _begin, (book,)) as pool:
        yield pool.imap_unordered(_of_named, book.pages)


def of_page(book: Book, page: Page) -> list[Fault]:
    """What the rules for single pages say of one."""
    return [fault for rule in _PAGE for fault in rule(book, page)]


def _begin(book: Book) -> None:
    global _book
    _book = book


def _of_named(name: str) -> list[Fault]:
    return of_page(_book, _book.pages[name])


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
