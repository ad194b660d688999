"""What is collected from all pages: questions, interview questions, symptoms, surprises, sources with back-links."""

import posixpath
import re
from collections.abc import Callable, Iterator

from handbook import labs
from handbook.bibliography import BIBLIOGRAPHY, formatted, read
from handbook.book import Book, Page

_LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?(?=\))")
_FOOTNOTE = re.compile(r"\[\^[^\]]+\]")
_ANSWERS = re.compile(r"^\*\*You will be able to answer\*\*\n\n((?:- .*\n?)+)", re.MULTILINE)
_SUMMARY = re.compile(r"^<summary>Interview: (.*?)</summary>$", re.MULTILINE)


def questions(book: Book, page: Page) -> str:
    """Every "You will be able to answer", by page."""
    found = ((other, _ANSWERS.search(other.text)) for other in _others(book, page))
    return _by_page(page, ((other, one[1].strip()) for other, one in found if one))


def interviews(book: Book, page: Page) -> str:
    """Every folded question that begins with "Interview:", by page; the answers stay there."""
    found = ((other, _SUMMARY.findall(other.text)) for other in _others(book, page))
    return _by_page(page, ((other, "\n".join(f"- {one}" for one in asked)) for other, asked in found if asked))


def symptoms(book: Book, page: Page) -> str:
    """The table of every "When it goes wrong", by page."""
    return _by_page(page, ((other, table) for other in _others(book, page) if (table := _table(other))))


def bibliography(book: Book, page: Page) -> str:
    """Every source with the pages that cite it."""
    sources, _ = read(book.root / BIBLIOGRAPHY)
    rows = []
    for key, source in sources.items():
        mark = f"\n[^{key}]:"
        citing = [f"[{other.title}]({_path(page, other)})" for other in _others(book, page) if mark in other.text]
        words = [source.annote.rstrip(".") + "."] if source.annote else []
        rows.append(" ".join([f"- {formatted(source)}", *words, ", ".join(citing)]))
    return "\n".join(rows) + "\n"


def findings(book: Book, page: Page) -> str:
    """Claims whose verdict is not the expected one, five at most: the first of each lab, then the second of each."""
    found = []
    for other in _others(book, page):
        claims = labs.load(other.path.parent).results.get("results.json", {"claims": {}})["claims"]
        surprises = ((key, one) for key, one in claims.items() if one["verdict"] != one["expected"])
        found += [(place, other, key, one) for place, (key, one) in enumerate(surprises)]
    rows = []
    for _, other, key, one in sorted(found, key=lambda row: row[0])[:5]:
        link = f"{posixpath.dirname(_path(page, other))}/results.json#/claims/{key}"
        measured = f"[{one['text']}]({link}), " if "text" in one else ""
        evidence = f"{measured}[{other.title}]({_path(page, other)})"
        rows.append(f"| {one['claim']} | [{one['verdict']}]({link}/verdict) | {evidence} |\n")
    return "| Claim | Verdict | Evidence |\n| --- | --- | --- |\n" + "".join(rows) if rows else ""


KINDS: dict[str, Callable[[Book, Page], str]] = {
    "questions": questions,
    "interviews": interviews,
    "symptoms": symptoms,
    "bibliography": bibliography,
    "findings": findings,
}


def _others(book: Book, page: Page) -> Iterator[Page]:
    """All pages in the order of the navigation, without the home page and the collecting one."""
    for entry in book.nav:
        if entry.name in book.pages and entry.name not in ("index.md", page.name):
            yield book.pages[entry.name]


def _by_page(page: Page, parts: Iterator[tuple[Page, str]]) -> str:
    return "\n".join(
        f"**[{other.title}]({_path(page, other)})**\n\n{_moved(other, page, text)}\n" for other, text in parts
    )


def _table(page: Page) -> str:
    heads = [one.line for one in page.headings if one.level == 2]
    start = next((one.line for one in page.headings if one.level == 2 and one.text == "When it goes wrong"), None)
    if start is None:
        return ""
    end = min((line for line in heads if line > start), default=len(page.lines) + 1)
    return "\n".join(line for line in page.lines[start : end - 1] if line.startswith("|"))


def _path(page: Page, other: Page) -> str:
    return posixpath.relpath(other.name, posixpath.dirname(page.name))


def _moved(origin: Page, page: Page, text: str) -> str:
    """Text of one page as another may hold it: links lead to the same place, footnotes stay behind."""

    def link(found: re.Match[str]) -> str:
        name = posixpath.normpath(posixpath.join(posixpath.dirname(origin.name), found[1])) if found[1] else origin.name
        return posixpath.relpath(name, posixpath.dirname(page.name)) + (found[2] or "")

    return _LINK.sub(link, _FOOTNOTE.sub("", text))
