"""The one bibliography: reads docs/assets/sources.bib and gives each source the wording that every page uses."""

import datetime
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bibtexparser
from bibtexparser import model
from bibtexparser.middlewares import names
from pylatexenc.latex2text import LatexNodes2Text

from handbook.fault import Fault

BIBLIOGRAPHY = "docs/assets/sources.bib"
CONTAINERS = ("journal", "booktitle", "howpublished", "publisher")

logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # what it warns of comes back as a fault
_latex = LatexNodes2Text()


@dataclass(frozen=True)
class Source:
    """One entry of the bibliography, as readers see it; "" for what it lacks."""

    key: str
    line: int
    author: str
    title: str
    container: str
    date: str
    url: str
    annote: str  # where it says what it is cited for, and in which words

    @property
    def complete(self) -> bool:
        return bool(self.author and self.title and self.date and self.url)


def read(path: Path) -> tuple[dict[str, Source], list[Fault]]:
    """The sources by key, and the faults of the file; read anew, parsed once for each text."""
    try:
        sources, faults = _parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, [entry_fault(0, "missing", "restore it from git")]
    except UnicodeDecodeError as error:
        return {}, [entry_fault(error.object[: error.start].count(b"\n") + 1, "not UTF-8", "save the file as UTF-8")]
    return dict(sources), list(faults)


def formatted(source: Source) -> str:
    """`Author, "Title", container, date. <address>`, the same on every page."""
    title = re.sub('["“”]', "'", source.title)
    parts = [part for part in (source.author, title and f'"{title}"', source.container, source.date) if part]
    text = re.sub(r"[\\`*\[\]]|_(?![^\W_])|(?<![^\W_])_", r"\\\g<0>", ", ".join(parts)).replace("<", "&lt;")
    return f"{text}. <{source.url}>"


@lru_cache(maxsize=8)
def _parsed(text: str) -> tuple[dict[str, Source], list[Fault]]:
    sources: dict[str, Source] = {}
    faults: list[Fault] = []
    seen: dict[tuple[str, ...], Source] = {}
    for block in bibtexparser.parse_string(text).blocks:
        line = block.start_line + 1
        match block:
            case model.DuplicateBlockKeyBlock():
                first = sources[block.key].line if block.key in sources else 0
                faults.append(
                    entry_fault(line, f"{block.key!r} stands in line {first} already", "give each source one key")
                )
                continue
            case model.DuplicateFieldKeyBlock():
                twice = ", ".join(sorted(block.duplicate_keys))
                faults.append(entry_fault(line, f"invalid BibTeX: {twice} stands twice", "delete one of them"))
                entry = block.ignore_error_block
            case model.ParsingFailedBlock():
                reason = getattr(block.error, "abort_reason", block.error)
                faults.append(entry_fault(line, f"invalid BibTeX: {reason}", "close braces, part fields by commas"))
                continue
            case model.ImplicitComment():
                if any(row and not row.lstrip().startswith("%") for row in block.comment.split("\n")):
                    faults.append(
                        entry_fault(line, "invalid BibTeX: text outside an entry", "begin the line with @ or %")
                    )
                continue
            case model.Entry():
                entry = block
            case _:
                continue
        source = _source(entry)
        faults += _field_faults(entry, source)
        if sources and source.key < (last := next(reversed(sources))):
            faults.append(entry_fault(line, f"{source.key!r} stands after {last!r}", "sort the entries by key"))
        for fact, alike in _identities(source).items():
            first = seen.setdefault(alike, source)
            if first is not source:
                wrong = f"{source.key!r} has the {fact} of {first.key!r} (line {first.line})"
                faults.append(entry_fault(line, wrong, "keep one key, and cite it on each page"))
        sources[source.key] = source
    return sources, faults


def _source(entry: model.Entry) -> Source:
    fields = {field.key.lower(): field.value for field in entry.fields}
    container = next((fields[name] for name in CONTAINERS if fields.get(name)), "")
    if not container and fields.get("eprint"):
        container = f"{fields.get('archiveprefix', 'arXiv')}:{fields['eprint']}"
    author = _named(fields["author"]) if fields.get("author") else _plain(fields.get("organization", ""))
    read_on = re.match(r"(\d{4})-(0[1-9]|1[0-2])(?!\d)", fields.get("urldate", ""))
    date = [fields["year"]] if re.fullmatch(r"\d{4}", fields.get("year", "")) else []
    if read_on:
        date.append(f"read {datetime.date(int(read_on[1]), int(read_on[2]), 1):%B %Y}")
    url = re.sub(r"\\([%_&#~])", r"\1", fields.get("url", "")).strip()
    title = _plain(fields.get("title", ""))
    annote = _plain(fields.get("annote", ""))
    return Source(entry.key, entry.start_line + 1, author, title, _plain(container), ", ".join(date), url, annote)


def _field_faults(entry: model.Entry, source: Source) -> Iterator[Fault]:
    lines = {field.key.lower(): field.start_line + 1 for field in entry.fields}
    needed = {"author or organization": source.author, "title": source.title, "url": source.url}
    for name, value in (needed | {"year or urldate": source.date}).items():
        if not value:
            what = "year = {2026}, or urldate = {2026-11} for what changes" if "year" in name else f"{name} = {{…}}"
            yield entry_fault(source.line, f"{source.key!r} has no {name}", f"add {what}")
    if source.url and not re.fullmatch(r"https://[^\s<>]+", source.url):
        yield entry_fault(
            lines["url"], f"{source.url!r} is not an https address", "write one that begins with https://"
        )
    if source.annote:
        quoted = re.search("“([^”]+)”", source.annote)
        if not quoted or not 5 <= len(quoted[1].split()) <= 15:
            repair = "write annote = {Section 3.1: ``five to fifteen words as they stand there''}"
            yield entry_fault(lines["annote"], f"{source.key!r} has an annote without such a quotation", repair)
    for field in entry.fields:
        if field.enclosing == "no-enclosing" and not field.value.isalnum():
            wrong = f"invalid BibTeX: the value of {field.key} does not end"
            yield entry_fault(field.start_line + 1, wrong, "put it in braces, with a comma after them")


def _identities(source: Source) -> dict[str, tuple[str, ...]]:
    """What no other source has. A title of one to three words ("Release notes") is another's too, by another author."""
    words = re.findall(r"\w+", source.title.lower())
    found = {"title": (*words, "" if len(words) > 3 else source.author)} if words else {}
    return found | ({"address": (source.url.rstrip("/"),)} if source.url else {})


def _named(authors: str) -> str:
    """First names first; five names or more become the first "and others"; a name in braces stays as it is."""
    people = []
    for name in names.split_multiple_persons_names(authors):
        part = names.parse_single_name_into_parts(name, strict=False)
        people.append(_plain(" ".join([*part.first, *part.von, *part.last, *part.jr])))
    if len(people) > 4 or people[-1:] == ["others"]:
        return f"{people[0]} and others"
    return " and ".join(filter(None, [", ".join(people[:-1]), *people[-1:]]))


def _plain(value: str) -> str:
    """BibTeX and LaTeX as Unicode. LaTeX proper is rare and slow to read: only what holds a command goes there."""
    if "\\" in value or "$" in value:
        value = _latex.latex_to_text(re.sub(r"(?<!\\)%", r"\%", value))
    for mark, character in (("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"), ("~", " "), ("{", ""), ("}", "")):
        value = value.replace(mark, character)
    return " ".join(value.split())


def entry_fault(line: int, wrong: str, repair: str) -> Fault:
    return Fault(BIBLIOGRAPHY, line, "bibliography", wrong, repair)
