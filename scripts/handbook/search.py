"""Makes the search index of a built site, in which titles, questions, symptoms and code weigh more than running text.

It reads the pages as they were built, so it does not care what built them, and lets Pagefind index what their sections
say. What other pages collect (symptoms, questions, lists of pages) and the sources count once, where they come from.
"""

import json
import re
import subprocess
import tempfile
from collections import Counter
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from string import ascii_lowercase
from typing import NamedTuple

from pagefind_bin import get_executable

from handbook.glossary import GLOSSARY, terms

FOLDER = "pagefind"  # in the site; `mkdocs build` alone leaves it out, and the field then says so
_VOID = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_SKIPPED = {"script", "style", "math", "svg", "noscript", "button"}
_SKIPPED_CLASSES = {"headerlink", "footnote", "footnote-ref", "facts", "provenance", "mermaid"}
_COLLECTED = {"symptoms", "questions", "interviews", "findings", "pages"}
# How much a word counts, up to 10 (Pagefind's most): running text 1.
_WEIGHTS = {"h1": 10, "h2": 10, "h3": 8, "summary": 5, "code": 4, "th": 2}
_QUESTIONS, _SYMPTOM, _TAKEAWAY = 5, 4, 3
_LITTLE = {"reference/bibliography/": 0.2}
_BLOCKS = {"p", "li", "tr", "td", "th", "pre", "div", "summary", "h1", "h2", "h3", "dt", "dd", "blockquote"}
_WORD = re.compile(r"[a-z][a-z0-9]{3,23}")
_MANY = 50  # pages; in a smaller handbook each word may help
_TOKEN = re.compile(r"[a-z0-9]+")
_ALSO = re.compile(r"\bAlso called ([^.]+)\.")


class Missing(Exception):
    """There is nothing to index, or Pagefind failed; the message says which."""


class Section(NamedTuple):
    anchor: str  # of its heading; none before the first one
    title: str
    html: str
    text: str


class _Reader(HTMLParser):
    """The sections of one page: what stands in its article, parted at its headings."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[tuple[str, list[str], list[str], list[str]]] = []  # anchor, title, html, text
        self.open: list[tuple[str, float | None]] = []  # tags within the article, each with its weight
        self.within = self.first_cell = self.questions = False
        self.skipped = self.collected = 0
        self.heading = ""

    def handle_comment(self, data: str) -> None:
        kind = data.split()
        if kind[:1] == ["sync:"] and kind[1] in _COLLECTED:
            self.collected = 1
        elif kind == ["/sync"]:
            self.collected = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = set((given.get("class") or "").split())
        if tag == "article":
            self.within = True
            return
        if not self.within or tag in _VOID:
            return
        if (tag == "h1" and not self.parts) or (tag in ("h2", "h3") and self.parts):
            self.parts.append(((given.get("id") or "") if tag != "h1" else "", [], [], []))
            self.heading = tag
            self.questions = False
        if self.skipped or tag in _SKIPPED or classes & _SKIPPED_CLASSES:
            self.skipped += 1
        if tag == "tr":
            self.first_cell = True
        weight: float | None = _WEIGHTS.get(tag)
        if tag == "td" and self.first_cell:
            weight, self.first_cell = _SYMPTOM, False
        elif tag == "code" and any(one == "pre" for one, _ in self.open):
            weight = None
        elif tag in ("ul", "ol") and self.questions:
            weight, self.questions = _QUESTIONS, False
        elif "takeaway" in classes:
            weight = _TAKEAWAY
        self.open.append((tag, weight))
        if self.parts and not self._silent():
            mark = f' data-pagefind-weight="{weight}"' if weight else ""
            mark += f' id="{escape(self.parts[-1][0])}"' if self.heading == tag and self.parts[-1][0] else ""
            self.parts[-1][2].append(f"<{_plain(tag)}{mark}>")

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self.within = False
        if not self.within or tag in _VOID or not self.open:
            return
        self.open.pop()
        if self.parts and not self._silent():
            self.parts[-1][2].append(f"</{_plain(tag)}>")
            if tag in _BLOCKS:
                self.parts[-1][3].append("\n")
        if self.skipped:
            self.skipped -= 1
        if tag == self.heading:
            self.heading = ""

    def handle_data(self, data: str) -> None:
        if not self.within or not self.parts or self._silent():
            return
        if self.open and self.open[-1][0] == "a" and data.startswith("https://"):
            return  # nobody searches for an address, and the bibliography consists of them
        _, title, html, text = self.parts[-1]
        if self.heading:
            title.append(data)
        if data.strip() == "You will be able to answer":
            self.questions = True
        html.append(escape(data))
        text.append(data)

    def _silent(self) -> bool:
        return bool(self.skipped or self.collected)


def _plain(tag: str) -> str:
    return tag if tag in ("h2", "h3") else "div" if tag in _BLOCKS else "span"


def pages(site: Path) -> dict[str, list[Section]]:
    """What a search can find, by the page's address from the site's root; the first section holds the page's title."""
    found = {}
    for path in sorted(site.rglob("index.html")):
        place = path.parent.relative_to(site).as_posix()
        reader = _Reader()
        reader.feed(path.read_text(encoding="utf-8"))
        read = [Section(part[0], *("".join(one) for one in part[1:])) for part in reader.parts]
        if read:
            found["" if place == "." else f"{place}/"] = [one for one in read if one.title != "Sources"]
    return found


def index(root: Path, site: Path, note: str = "") -> int:
    """Writes the index of the site into its own folder; returns how many pages it holds. Readers are shown the note."""
    found = pages(site)
    if not found:
        raise Missing("no page that a search could find")
    chapters = {place: read[0].title for place, read in found.items() if place.count("/") == 1}
    with tempfile.TemporaryDirectory() as folder:
        for place, read in found.items():
            target = Path(folder, place, "index.html")
            target.parent.mkdir(parents=True, exist_ok=True)
            chapter = chapters.get(f"{place.split('/')[0]}/", "") if place not in chapters else ""
            target.write_text(_record(read, chapter, _LITTLE.get(place)), encoding="utf-8")
        command = [str(get_executable()), "--site", folder, "--output-path", str(site / FOLDER), "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"Pagefind failed: {done.stderr.strip() or done.stdout.strip()}")
    for path in (site / FOLDER).iterdir():
        if re.search(r"(ui|highlight|worker)\.(js|css)$|^wasm\.unknown", path.name):
            path.unlink()  # the field is ours, the language English
    anchors = {one.title: f"reference/glossary/#{one.anchor}" for one in found.get("reference/glossary/", [])}
    known = [{"at": anchors[heading], "names": also} for heading, also in names(root).items() if heading in anchors]
    size = sum(len(one.text.split()) for read in found.values() for one in read)
    written = {"pages": len(found), "words": size, "note": note, "chapters": chapters, "terms": known}
    written["common"] = _common(found)
    (site / FOLDER / "handbook.json").write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")
    _words(found, site / FOLDER / "words")
    return len(found)


def names(root: Path) -> dict[str, list[str]]:
    """What means the same, by the glossary's headings: a term, its abbreviation, and what it is also called."""
    path = root / GLOSSARY
    found = {}
    for term in terms(path.read_text(encoding="utf-8")) if path.is_file() else ():
        also = _ALSO.search(term.text)
        heading = term.names[0] + "".join(f" ({short})" for short in term.names[1:])
        found[heading] = [*term.names, *(re.split(r", (?:or )?| or ", also[1]) if also else ())]
    return found


def _common(found: dict[str, list[Section]]) -> list[str]:
    """The words that many pages hold, more than an eighth: of several words, they tell least and cost most."""
    texts = ("\n".join(part.text for part in read).lower() for read in found.values())
    pages = Counter(word for text in texts for word in set(_TOKEN.findall(text)))
    return [word for word, count in pages.most_common() if count > max(len(found) / 8, _MANY) and len(word) > 2]


def _record(read: list[Section], chapter: str, weight: float | None) -> str:
    """A page as Pagefind reads it: nothing but what counts, with how much it counts."""
    body = "".join(one.html for one in read)
    body = f'<div data-pagefind-weight="{weight}">{body}</div>' if weight else body
    known = "".join(
        f'<meta data-pagefind-meta="{key}[content]" content="{escape(text)}">'
        for key, text in (("title", read[0].title), ("chapter", chapter))
    )
    return f'<!doctype html><html lang="en"><body data-pagefind-body>{known}{body}</body></html>'


def _words(found: dict[str, list[Section]], folder: Path) -> None:
    """The handbook's words by first letter, frequent first: what a word that stands nowhere may have meant."""
    counts = Counter(word for read in found.values() for one in read for word in _WORD.findall(one.text.lower()))
    folder.mkdir(exist_ok=True)
    for letter in ascii_lowercase:
        words = sorted((word for word in counts if word[0] == letter), key=lambda word: (-counts[word], word))
        (folder / f"{letter}.txt").write_text("\n".join(words), encoding="utf-8")
