"""Addresses that were published go on leading somewhere: a snapshot of pages and headings, redirects for what moved.

`scripts/addresses.json` holds both. An address is a page below docs/, `devops/index.md`, or a heading of one,
`devops/index.md#sources`.
"""

import difflib
import html
import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from handbook.book import SLUG, Book
from handbook.fault import Fault

FILE = "scripts/addresses.json"
_ADDRESS = re.compile(rf"(?:{SLUG.pattern}/)*index\.md(?:#[^\s#\"'<>]+)?")
_ROW = re.compile(r'^ +"(?P<key>[^"]+)":')


class Refused(Exception):
    """Why a redirect cannot be."""


@dataclass
class Addresses:
    published: dict[str, list[str]] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)


def read(root: Path) -> Addresses:
    path = root / FILE
    addresses = Addresses(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else Addresses()
    for group, kind in ((addresses.published, list), (addresses.redirects, str)):
        if not isinstance(group, dict) or not all(isinstance(value, kind) for value in group.values()):
            raise TypeError("published gives each page its headings, redirects each old address a new one")
    return addresses


def write(root: Path, addresses: Addresses) -> None:
    """One page a line, so that a diff shows which address came or went."""
    groups = []
    for name in ("published", "redirects"):
        entries = sorted(getattr(addresses, name).items())
        rows = ",\n".join(f"    {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in entries)
        groups.append(f'  "{name}": {{\n{rows}\n  }}' if rows else f'  "{name}": {{}}')
    (root / FILE).write_text("{\n" + ",\n".join(groups) + "\n}\n", encoding="utf-8")


def publish(book: Book, forget: bool) -> None:
    """Takes every page and heading of today into the snapshot; `forget` drops what is gone."""
    addresses = read(book.root)
    for name, page in book.pages.items():
        before = [] if forget else addresses.published.get(name, [])
        addresses.published[name] = list(dict.fromkeys([*before, *(one.id for one in page.headings)]))
    if forget:
        addresses.published = {name: addresses.published[name] for name in addresses.published if name in book.pages}
    write(book.root, addresses)


def redirect(book: Book, old: str, new: str) -> None:
    """Adds a redirect; raises Refused where the old address still leads somewhere, or the new one nowhere."""
    addresses = read(book.root)
    if not _ADDRESS.fullmatch(old):
        raise Refused(f"{old} was never an address: name a page below docs/, as devops/gates/index.md#tests")
    if exists(book, old):
        raise Refused(f"{old} is there: a redirect is for what is gone")
    if not exists(book, new):
        raise Refused(f"{new} is not there: name a page below docs/, as devops/index.md or devops/index.md#sources")
    addresses.redirects[old] = new
    write(book.root, addresses)


def exists(book: Book, address: str) -> bool:
    name, _, anchor = address.partition("#")
    page = book.pages.get(name)
    return page is not None and (not anchor or any(heading.id == anchor for heading in page.headings))


def check(book: Book) -> Iterator[Fault]:
    try:
        addresses = read(book.root)
    except (ValueError, TypeError) as error:
        yield Fault(FILE, getattr(error, "lineno", 0), "address", f"unreadable: {error}", "restore it from git")
        return
    gone = set()
    for name, anchors in addresses.published.items():
        for address in (name, *(f"{name}#{anchor}" for anchor in anchors)):
            if not exists(book, address) and not {address, name} & addresses.redirects.keys() and name not in gone:
                gone.update({name} & {address})
                yield _vanished(book, name, address)
    rows = (book.root / FILE).read_text(encoding="utf-8").split("\n") if addresses.redirects else []
    for old in addresses.redirects:
        line = max(
            (n for n, row in enumerate(rows, 1) if (found := _ROW.match(row)) and found["key"] == old), default=0
        )
        if wrong := _astray(book, addresses.redirects, old):
            yield Fault(FILE, line, "address", wrong, f"uv run handbook redirect {old} NEW, or delete the line")


def _vanished(book: Book, name: str, address: str) -> Fault:
    page = book.pages.get(name)
    have = [f"{name}#{heading.id}" for heading in page.headings] if page else list(book.pages)
    near = next(iter(difflib.get_close_matches(address, have, 1, 0.4)), "NEW")
    line = next((one.line for one in page.headings if f"{name}#{one.id}" == near), 0) if page else 0
    repair = f"give it back, or: uv run handbook redirect {address} {near}"
    return Fault(f"docs/{name}", line, "address", f"{address} was published and is gone", repair)


def _astray(book: Book, redirects: dict[str, str], old: str) -> str:
    if not _ADDRESS.fullmatch(old):  # a page is written there: nowhere else than below the site, and over no file of it
        return f"{old} is no page below docs/ and no heading of one"
    if exists(book, old):
        return f"{old} is there again: its redirect hides nothing"
    seen, here = [old], redirects[old]
    while here in redirects and here not in seen:
        seen.append(here)
        here = redirects[here]
    if here in seen:
        return f"a loop: {' → '.join([*seen, here])}"
    return "" if exists(book, here) else f"a dead end: {' → '.join([*seen, here])}"


def redirected(book: Book, site: Path) -> None:
    """Writes what answers at the old addresses: a page that leads on, or an anchor that says where the section is.

    Raises Refused where one leads nowhere.
    """
    redirects = read(book.root).redirects
    for old, new in redirects.items():
        if wrong := _astray(book, redirects, old):
            raise Refused(f"{FILE}: {wrong}")
        while new in redirects:
            new = redirects[new]
        name, _, anchor = old.partition("#")
        path = site / name.replace("index.md", "index.html")
        target = posixpath.relpath(posixpath.dirname(new.partition("#")[0]) or ".", posixpath.dirname(name) or ".")
        target = html.escape(f"{target}/{'#' * ('#' in new)}{new.partition('#')[2]}")
        if not anchor:
            path.parent.mkdir(parents=True, exist_ok=True)
            head = f'<meta charset="utf-8"><meta http-equiv="refresh" content="0; url={target}"><title>Moved</title>'
            link = f'<link rel="canonical" href="{target}"><p>This page has moved: <a href="{target}">go there</a>.</p>'
            path.write_text(f"<!doctype html>\n{head}{link}\n", encoding="utf-8")
        elif path.is_file():
            text = path.read_text(encoding="utf-8")
            note = f'<p id="{html.escape(anchor)}">This section has moved: <a href="{target}">read it there</a>.</p>'
            path.write_text(text.replace("</article>", f"{note}</article>", 1), encoding="utf-8")
