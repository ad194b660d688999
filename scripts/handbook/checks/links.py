"""A quick walk over every link: inside the handbook it ends at a page, a heading or a file that exists."""

import difflib
import os
import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from handbook.book import Book, Page
from handbook.fault import Fault

EXTERNAL = ("https", "mailto")
_HERE = re.compile(r"(?:.*\.)?(?:localhost|local|internal)|127\..*|0\.0\.0\.0|::1|10\..*|192\.168\..*")


def check(book: Book, page: Page) -> Iterator[Fault]:
    for link in page.links:
        wrong, repair = broken(book, page, link.target)
        if wrong:
            yield Fault(f"docs/{page.name}", link.line, "link", wrong, repair)


def broken(book: Book, page: Page, target: str) -> tuple[str, str]:
    """What is wrong with a link and how to mend it; ("", "") for a good one."""
    try:
        parts = urlsplit(target)
    except ValueError as error:
        return f"{target!r} is not an address: {error}", "correct it"
    if parts.scheme or parts.netloc:
        if parts.scheme in EXTERNAL and _HERE.fullmatch(parts.hostname or ""):
            return f"{target!r} leads to the reader's own machine", "put the address between backticks"
        if (
            parts.scheme in EXTERNAL
            and parts.hostname
            and parts.hostname == urlsplit(os.environ.get("SITE_URL", "")).hostname
        ):
            return f"{target!r} is the handbook's own address", "link to the page, as ../caching/index.md"
        if parts.scheme in EXTERNAL:
            return "", ""
        return f"{target!r} leads to {parts.scheme or 'a host'}:", f"link to a page, or to {' or '.join(EXTERNAL)}:"
    if not target:
        return "a link to nowhere", "write its target, or delete it"
    path, anchor = unquote(parts.path), unquote(parts.fragment)
    if path.startswith("/"):
        return f"{target!r} is absolute", "write it from this page, as ../caching/index.md"
    name = posixpath.normpath(posixpath.join(posixpath.dirname(page.name), path)) if path else page.name
    if name not in book.files:
        return _missing(book, page, target, name)
    if anchor and name in book.pages:
        ids = [heading.id for heading in book.pages[name].headings]
        if anchor not in ids:
            near = difflib.get_close_matches(anchor, ids, 1)
            return (
                f"{name} has no heading #{anchor}",
                f"did you mean #{near[0]}?" if near else f"it has: #{', #'.join(ids)}",
            )
    return "", ""


def _missing(book: Book, page: Page, target: str, name: str) -> tuple[str, str]:
    if f"{name}/index.md".removeprefix("./") in book.files:
        return f"{target!r} is a folder", f"write {target.rstrip('/')}/index.md"
    same = [file for file in book.files if file.lower() == name.lower()]
    near = same or difflib.get_close_matches(name, book.files, 1)
    hint = (
        f"did you mean {posixpath.relpath(near[0], posixpath.dirname(page.name) or '.')}?"
        if near
        else "correct or delete it"
    )
    return f"{target!r} does not exist", hint
