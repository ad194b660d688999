"""Files that every machine can check out, and that somebody can review: names, kinds, sizes, no link, no dropping."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from handbook.book import Book
from handbook.fault import Fault

BINARY = (".ico", ".png", ".webp", ".woff2")
LARGEST_BYTES = 1_000_000
_NAME = re.compile(r"[A-Za-z0-9._-]*[A-Za-z0-9_-]")
_DROPPING = re.compile(
    r"\.DS_Store|Thumbs\.db|desktop\.ini|\._.*|\.idea|\.vscode|.*\.sw[op]|.*~|#.*#|\.#.*|.*\.(?:orig|rej|bak|tmp|pyc)",
    re.IGNORECASE,
)
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def check(book: Book) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name in book.tree:
        same = first.setdefault(name.lower(), name)
        if same != name:
            yield Fault(name, 0, "file", f"differs from {same} by case alone", "rename or delete one of them")
        wrong, repair = _refused(book, name)
        if wrong:
            yield Fault(name, 0, "file", wrong, repair)


def _refused(book: Book, name: str) -> tuple[str, str]:
    path, parts = book.root / name, PurePosixPath(name).parts
    if path.is_symlink():
        return "a symbolic link", "put the file itself here: a link can lead out of the handbook"
    if any(_DROPPING.fullmatch(part) for part in parts):
        return "left by an editor or a system", f"git rm --cached {name}, and delete it"
    if not all(_NAME.fullmatch(part) for part in parts):
        return "a name with a space or an odd character", "rename it: letters, digits, dot, hyphen, underscore"
    if any(_RESERVED.fullmatch(part) for part in parts):
        return "a name that Windows keeps for itself", "rename it"
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        return f"{size / 1e6:.1f} MB", f"at most {LARGEST_BYTES / 1e6:g} MB: make it smaller, or let a lab fetch it"
    if path.suffix in BINARY:
        if not name.startswith("docs/assets/"):
            return f"a {path.suffix} file outside docs/assets", "move it there, or delete it"
    elif b"\0" in path.read_bytes():
        return "not a text file", "delete it: nobody can review it; NUL characters have no place in text"
    return "", ""
