"""Every text file is plain: UTF-8, LF, a newline at its end, and nothing that a reader of the diff cannot see."""

import re
from collections.abc import Iterator

from handbook.book import Book
from handbook.checks.files import BINARY
from handbook.fault import Fault

# Soft hyphen, direction marks and overrides, zero width, line and paragraph separators, tags. U+00A0 is typography.
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CONFLICT = re.compile(r"(?:<{7}|>{7}|\|{7})(?: .*)?")
_TABS_BELONG = (".mk", "Makefile", ".go", ".gitmodules", ".patch", ".diff", "LICENSE", "LICENSE-docs")


def check(book: Book) -> Iterator[Fault]:
    for name in book.tree:
        path = book.root / name
        if path.is_symlink() or path.suffix in BINARY:
            continue
        raw = path.read_bytes()
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            yield Fault(name, raw[: error.start].count(b"\n") + 1, "encoding", "not UTF-8", "save the file as UTF-8")
            continue
        for line, wrong, repair in faults(text, name.endswith(_TABS_BELONG)):
            yield Fault(name, line, "text", wrong, repair)


def faults(text: str, tabs_belong: bool = False) -> Iterator[tuple[int, str, str]]:
    if text.startswith("\ufeff"):
        yield 1, "a byte order mark", "save the file as UTF-8 without BOM"
        text = text[1:]
    if "\r" in text:
        line = text[: text.index("\r")].count("\n") + 1
        yield line, "a line that ends in CR", "save the file with LF line ends: git add --renormalize ."
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    rows = text.split("\n")
    if text and rows[-1]:
        yield len(rows), "no newline at the end", "end the last line"
    elif text.endswith("\n\n"):
        yield len(rows) - 1, "empty lines at the end", "delete them"
    for number, row in enumerate(rows, 1):
        if row != row.rstrip(" \t"):
            yield number, "space at the end of the line", r"delete it; in a page, \ at the end breaks a line"
        if "\t" in row and not tabs_belong:
            yield number, "a tab", "write spaces"
        if _CONFLICT.fullmatch(row):
            yield number, f"a conflict marker, {row[:7]}", "finish the merge"
        for found in [*_INVISIBLE.finditer(row), *_CONTROL.finditer(row)]:
            code = f"U+{ord(found[0]):04X}"
            yield (
                number,
                f"column {found.start() + 1}: {code}, which nobody sees",
                "delete it, or write it as an escape",
            )
