"""An image says in words what it shows, is what its name says, light, our own, shown somewhere, and does nothing."""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from handbook.book import Book, Page
from handbook.fault import Fault

KINDS = {
    ".png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    ".webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    ".ico": re.compile(rb"\x00\x00\x01\x00"),
    ".svg": re.compile(rb"(?:\s|<\?xml[^>]*\?>|<!--(?:(?!-->).)*-->)*<svg[\s>]", re.DOTALL),
    ".woff2": re.compile(rb"wOF2"),
}
IMAGES = (".png", ".webp", ".svg")
HEAVIEST_BYTES = 200_000
_FILE_NAME = re.compile(
    r"[\w./-]+\.(?:png|svg|jpe?g|gif|webp)|(?:image|picture|figure|diagram|chart|screenshot|logo)\W*\d*", re.I
)
# What an SVG may not hold: pattern, what is wrong.
_ACTIVE = (
    (re.compile(r"<!(?:DOCTYPE|ENTITY)", re.I), "a document type, which can pull in files"),
    (
        re.compile(r"<\s*(?:[\w-]+:)?(?:script|foreignObject|iframe|object|embed|handler|listener)\b", re.I),
        "a script or foreign content",
    ),
    (re.compile(r"<[^<>]*\son\w+\s*=", re.I), "an event handler"),
    (re.compile(r"javascript\s*:|vbscript\s*:", re.I), "a script address"),
    (
        re.compile(r"\b(?:xlink:)?(?:href|src)\s*=\s*[\"'](?!#|data:image/(?:png|webp|jpeg);)", re.I),
        "a reference to somewhere else",
    ),
    (re.compile(r"url\(\s*[\"']?(?!#|data:font/|data:image/(?:png|webp);)[^)]", re.I), "a reference to somewhere else"),
    (re.compile(r"@import|<\?xml-stylesheet", re.I), "a foreign style sheet"),
)


def check(book: Book, page: Page) -> Iterator[Fault]:
    for link in page.links:
        if link.image:
            for wrong, repair in _shown(link.target, link.text.strip()):
                yield Fault(f"docs/{page.name}", link.line, "image", wrong, repair)


def _shown(target: str, words: str) -> Iterator[tuple[str, str]]:
    if not words:
        yield f"{target} has no words", "say what it shows: ![Latency doubles at half the load](file.svg)"
    elif _FILE_NAME.fullmatch(words) or words == posixpath.basename(target).partition(".")[0]:
        yield f"{words!r} names the file, not what it shows", "say what it shows, for whoever does not see it"
    try:
        parts = urlsplit(target)
    except ValueError:
        return  # a fault of the link
    if parts.scheme in ("http", "https") or parts.netloc:
        yield f"{target} is fetched from another host", "put it into the page's folder: readers load from here alone"


def check_files(book: Book) -> Iterator[Fault]:
    shown = {
        posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(link.target.partition("#")[0])))
        for name, page in book.pages.items()
        for link in page.links
    }
    for name in book.files:
        path = book.docs / name
        if path.is_symlink() or path.suffix not in KINDS:
            continue
        for line, wrong, repair in _file(path):
            yield Fault(f"docs/{name}", line, "image", wrong, repair)
        if name.startswith("assets/") and path.suffix in IMAGES and name not in shown and not _named(book, name):
            yield Fault(f"docs/{name}", 0, "image", "no page shows it", "show it, or delete it")


def _file(path: Path) -> Iterator[tuple[int, str, str]]:
    raw = path.read_bytes()
    if not KINDS[path.suffix].match(raw):
        yield 0, f"not what {path.suffix} says", "save it in that form, or give it its own suffix"
        return
    if len(raw) > HEAVIEST_BYTES:
        yield 0, f"{len(raw) / 1000:.0f} KB", f"at most {HEAVIEST_BYTES / 1000:g} KB: simplify it"
    if path.suffix == ".svg":
        text = raw.decode("utf-8", errors="replace")
        text = re.sub(r"&#(?:x([0-9a-fA-F]+)|(\d+));?", _character, text)
        for pattern, wrong in _ACTIVE:
            if found := pattern.search(text):
                yield (
                    text.count("\n", 0, found.start()) + 1,
                    wrong,
                    "delete it: a drawing draws, and brings all it needs",
                )


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16) if found[1] else int(found[2])
    return chr(code) if 32 <= code < 0x110000 else " "


def _named(book: Book, name: str) -> bool:
    """Whether the site's settings, style sheets or templates, or the README, name a file of docs/assets."""
    places = [
        book.root / "mkdocs.yml",
        book.root / "README.md",
        *book.docs.glob("assets/*.css"),
        *book.root.glob("overrides/**/*.html"),
    ]
    file = posixpath.basename(name)
    return any(file in place.read_text(encoding="utf-8", errors="replace") for place in places if place.is_file())
