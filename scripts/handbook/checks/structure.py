"""Every file under docs/ belongs to a bundle, every page stands in the navigation once."""

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from handbook.book import BUNDLE, SLUG, Book
from handbook.fault import Fault
from handbook.sync import texts


def check(book: Book) -> Iterator[Fault]:
    yield from _files(book)
    yield from _nav(book)
    yield from _titles(book)
    for path, before, due in texts(book):  # charts.check tells a drawing that is out of date
        if before != due and path.suffix == ".md":
            rows = itertools.zip_longest(before.splitlines(), due.splitlines())
            yield Fault(
                f"docs/{path.relative_to(book.docs).as_posix()}",
                next((line for line, (is_, should) in enumerate(rows, 1) if is_ != should), 0),
                "derived",
                "a derived block is not what the handbook says",
                "uv run handbook sync",
            )


def _files(book: Book) -> Iterator[Fault]:
    for name in book.files:
        wrong, repair = _misplaced(book, name)
        if wrong:
            yield Fault(f"docs/{name}", 0, "bundle", wrong, repair)


def _misplaced(book: Book, name: str) -> tuple[str, str]:
    """Why a file has no place under docs/ and what to do; ("", "") where it has one."""
    if (book.docs / name).is_symlink():
        return "a symbolic link", "put the file itself here"
    *folders, file = PurePosixPath(name).parts
    if folders and folders[0] == "assets":
        return "", ""
    for folder in folders:
        if not SLUG.fullmatch(folder):
            return f"the folder name {folder!r}", "use lower-case words joined by hyphens"
    if len(folders) > 2:
        return "three folders deep", "a page stands in docs/<chapter>/<topic>/"
    if file == "index.md":
        return "", ""
    if len(folders) == 2:
        if not any(pattern.fullmatch(file) for pattern in BUNDLE):
            return f"{file!r} does not belong in a topic's folder", (
                "allowed: index.md, lab.py, results.json, <finding>.vl.json, <finding>.svg; move or delete it"
            )
        if f"{'/'.join(folders)}/index.md" not in book.files:
            return "no page beside it", "add index.md, or delete it"
        return "", ""
    place = (
        f"docs/{'/'.join([*folders, PurePosixPath(file).stem])}/index.md" if file.endswith(".md") else "docs/assets/"
    )
    return f"{file!r} does not belong here", f"move it to {place}, or delete it"


def _nav(book: Book) -> Iterator[Fault]:
    count = Counter(entry.name for entry in book.nav)
    for entry in book.nav:
        if entry.name not in book.files:
            yield Fault(
                "mkdocs.yml",
                entry.line,
                "nav",
                f"{entry.name} does not exist",
                "delete the line, or make the page: uv run handbook new",
            )
        elif count[entry.name] > 1:
            yield Fault(
                "mkdocs.yml", entry.line, "nav", f"{entry.name} stands here {count[entry.name]} times", "keep one"
            )
    first: dict[str, str] = {}
    for entry in book.nav:
        chapter = entry.name.split("/")[0]
        if entry.tab and first.setdefault(entry.tab, chapter) != chapter:
            yield Fault(
                "mkdocs.yml",
                entry.line,
                "nav",
                f"{entry.name} stands under {entry.tab!r}",
                "move it to its own chapter",
            )
    for name in book.pages.keys() - count.keys():
        yield Fault(f"docs/{name}", 0, "nav", "no entry leads to this page", f"add it to nav in mkdocs.yml: - {name}")


def _titles(book: Book) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name, page in book.pages.items():
        title = page.title.lower()
        if title and first.setdefault(title, name) != name:
            line = next(heading.line for heading in page.headings if heading.level == 1)
            yield Fault(
                f"docs/{name}",
                line,
                "title",
                f"{page.title!r} is the title of docs/{first[title]} too",
                "give each its own",
            )
