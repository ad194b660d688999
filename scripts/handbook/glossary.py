"""The glossary's terms: read from their page, and shown as a tooltip where a page uses one for the first time.

As a Python-Markdown extension it wraps that first use in `<abbr title="definition">`; the page's Markdown stays plain.
"""

import re
import xml.etree.ElementTree as etree
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor

GLOSSARY = "docs/reference/glossary/index.md"
_ENTRY = re.compile(r"^## (?P<head>.+)\n\n(?P<text>.+)$", re.MULTILINE)
_HEAD = re.compile(r"(?P<long>.+?)(?: \((?P<short>[^)]+)\))?")
_PLAIN = re.compile(r"\[\^[^\]]+\]|[*`]|\[([^\]]*)\]\([^)]*\)")
_UNTOUCHED = {"a", "abbr", "code", "pre", "svg", "math", "script", "style", "h1", "h2", "h3", "summary", "th"}


@dataclass(frozen=True)
class Term:
    names: tuple[str, ...]  # the long form, then its abbreviation where it has one
    definition: str  # the first sentence, without markup
    line: int
    text: str = ""  # the whole entry, without markup


@lru_cache(maxsize=4)
def terms(text: str) -> tuple[Term, ...]:
    """The terms of a glossary's Markdown, in its order."""
    found = []
    for entry in _ENTRY.finditer(text):
        head = _HEAD.fullmatch(entry["head"].strip())
        if head and head["long"] != "Sources":
            names = (head["long"], *((head["short"],) if head["short"] else ()))
            plain = _PLAIN.sub(lambda link: link[1] or "", entry["text"])
            found.append(
                Term(names, re.split(r"(?<=\.)\s", plain)[0].strip(), text.count("\n", 0, entry.start()) + 1, plain)
            )
    return tuple(found)


def pattern(name: str) -> re.Pattern[str]:
    """Where prose uses a term: at word borders, the first letter in either case, a plural s allowed."""
    first = f"[{name[0].lower()}{name[0].upper()}]" if name[1:2].islower() else re.escape(name[0])
    return re.compile(rf"(?<![\w-]){first}{re.escape(name[1:])}s?(?![\w-])")


class FirstUse(Treeprocessor):
    def __init__(self, md: Markdown, glossary: Path) -> None:
        super().__init__(md)
        self.glossary = glossary

    def run(self, root: etree.Element) -> None:
        title = next((one.text for one in root.iter("h1")), None)
        if title == "Glossary" or not self.glossary.is_file():
            return
        waiting = {term: [pattern(name) for name in term.names] for term in terms(self.glossary.read_text("utf-8"))}
        for parent, child in list(_texts(root)):
            _wrap(parent, child, waiting)


def _texts(element: etree.Element) -> Iterator[tuple[etree.Element, etree.Element | None]]:
    """Pieces of text in the order of the document: the element's own (child None), or what follows a child."""
    if element.text:
        yield element, None
    for child in element:
        if child.tag not in _UNTOUCHED:
            yield from _texts(child)
        if child.tail:
            yield element, child


def _wrap(parent: etree.Element, child: etree.Element | None, waiting: dict[Term, list[re.Pattern[str]]]) -> None:
    """Marks the terms that are first used in one piece of text, the earliest first; used terms leave `waiting`."""
    while True:
        text = (parent.text if child is None else child.tail) or ""
        hits = [(found, term) for term, names in waiting.items() for name in names if (found := name.search(text))]
        if not hits:
            return
        found, term = min(hits, key=lambda hit: (hit[0].start(), -hit[0].end()))
        del waiting[term]
        mark = etree.Element("abbr", {"title": term.definition})
        mark.text, mark.tail = found[0], text[found.end() :]
        if child is None:
            parent.text = text[: found.start()]
            parent.insert(0, mark)
        else:
            child.tail = text[: found.start()]
            parent.insert(list(parent).index(child) + 1, mark)
        child = mark


class GlossaryExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        # After inline Markdown (20), before MkDocs resolves links (0).
        md.treeprocessors.register(FirstUse(md, Path(GLOSSARY)), "handbook-glossary", 15)


def makeExtension(**options: object) -> Extension:
    return GlossaryExtension(**options)
