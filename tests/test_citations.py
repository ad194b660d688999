"""Promise: each source has one wording on every page, and what breaks a footnote or the bibliography is refused."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT

from handbook.bibliography import BIBLIOGRAPHY, formatted, read
from handbook.book import Book
from handbook.citations import check, check_bibliography, rewritten

BIB = """\
% a comment
@misc{herd,
  author = {{Llama Team}},
  title  = {The Llama 3 Herd of Models},
  year   = {2024},
  eprint = {2407.21783},
  url    = {https://arxiv.org/abs/2407.21783},
}

@misc{pickle,
  organization = {Python Software Foundation},
  title        = {pickle --- Python object serialization},
  howpublished = {Python documentation},
  url          = {https://docs.python.org/3/library/pickle.html},
  urldate      = {2026-11},
}
"""
HERD = '[^herd]: Llama Team, "The Llama 3 Herd of Models", arXiv:2407.21783, 2024. <https://arxiv.org/abs/2407.21783>'
PAGE = f"""\
---
description: A page with two footnotes.
---

# Title

Over two lines `[^code]` and `a
b`, a job stops[^herd] and
a pickle runs code.[^pickle]

```
[^fence] and
[^fence]: no footnote
```

| a | b |
| --- | --- |
| c | again[^herd] |

## Sources

{HERD} Section 3.3.4.
[^pickle]: Python Software Foundation, "pickle — Python object serialization", Python documentation, read November 2026. <https://docs.python.org/3/library/pickle.html>
"""
SOURCES = PAGE[: PAGE.index(HERD)].count("\n") + 1  # the line of the first definition


@pytest.fixture
def faults(tmp_path: Path) -> Callable[[str, str], list[tuple[str, int, str]]]:
    """Place, line and message of each fault in a handbook of this bibliography and this page."""

    def find(bib: str, page: str) -> list[tuple[str, int, str]]:
        (tmp_path / "docs/assets").mkdir(parents=True)
        (tmp_path / "mkdocs.yml").write_text("nav:\n  - index.md\n", encoding="utf-8")
        (tmp_path / BIBLIOGRAPHY).write_text(bib, encoding="utf-8")
        (tmp_path / "docs/index.md").write_text(page, encoding="utf-8")
        book = Book(tmp_path)
        found = [*check_bibliography(book), *check(book, book.pages["index.md"])]
        assert all(fault.repair for fault in found)
        return [(fault.path, fault.line, f"{fault.wrong} — {fault.repair}") for fault in found]

    return find


def test_a_good_page_passes(faults: Callable) -> None:
    assert faults(BIB, PAGE) == []


def test_the_handbook_cites_what_its_bibliography_holds() -> None:
    book = Book(ROOT)
    found = [*check_bibliography(book), *(fault for page in book.pages.values() for fault in check(book, page))]
    assert [str(fault) for fault in found] == []


# name: (what stands on the page, what stands there instead, line, words that the message must hold)
BROKEN_PAGES = {
    "reference without a definition": ("code.[^pickle]", "code.[^pickle][^nowhere]", 9, "[^nowhere] is not defined"),
    "reference misspelt": ("stops[^herd]", "stops[^heard]", 8, "did you mean [^herd]?"),
    "reference in a table": ("again[^herd]", "again[^nowhere]", 18, "[^nowhere] is not defined"),
    "no reference": ("code.[^pickle]", "code.", SOURCES + 1, "no text refers to [^pickle]"),
    "reference in code alone": ("code.[^pickle]", "code `[^pickle]`.", SOURCES + 1, "no text refers to [^pickle]"),
    "definition twice": (HERD, f"{HERD}\n{HERD}", SOURCES + 1, f"in line {SOURCES} already"),
    "key not in the bibliography": ("[^pickle]", "[^pickles]", SOURCES + 1, f"add it to {BIBLIOGRAPHY} (or did you mean [^pickle]?)"),
    "another wording": ("Llama Team, ", "Meta, ", SOURCES, "uv run handbook sync"),
    "another address": ("abs/2407", "pdf/2407", SOURCES, "uv run handbook sync"),
    "locator before the address": (". <https://arxiv", ", section 3. <https://arxiv", SOURCES, "uv run handbook sync"),
    "definition elsewhere": ("## Sources", "## More", SOURCES, "not stand under ## Sources"),
}

# name: (what stands in the bibliography, what stands there instead, line, words that the message must hold)
BROKEN_BIBLIOGRAPHIES = {
    "brace open": ("Herd of Models}", "Herd of Models", 2, "invalid BibTeX"),
    "brace open at the end": ("{2026-11},\n}", "{2026-11},\n", 10, "invalid BibTeX"),
    "comma missing": ("{2024},", "{2024}", 5, "invalid BibTeX: the value of year"),
    "key missing": ("@misc{herd,", "@misc{", 2, "invalid BibTeX"),
    "text between entries": ("@misc{pickle", "misc{pickle", 10, "outside an entry"),
    "field twice": ("  year ", "  year = {2023},\n  year ", 2, "year stands twice"),
    "one key for two sources": ("{pickle,", "{herd,", 10, "'herd' stands in line 2 already"),
    "one address for two keys": ("docs.python.org/3/library/pickle.html", "arxiv.org/abs/2407.21783/", 10, "the address of 'herd' (line 2)"),
    "one title for two keys": ("{pickle --- Python object serialization}", "{{The {LLaMA} 3 Herd of Models}}", 10, "the title of 'herd' (line 2)"),
    "no author": ("  author = {{Llama Team}},\n", "", 2, "has no author or organization"),
    "no title": ("  title  = {The Llama 3 Herd of Models},\n", "", 2, "has no title"),
    "no date": ("  urldate      = {2026-11},\n", "", 10, "has no year or urldate"),
    "date in words": ("{2026-11}", "{November 2026}", 10, "has no year or urldate"),
    "no address": ("  url    = {https://arxiv.org/abs/2407.21783},\n", "", 2, "has no url"),
    "plain http": ("{https://arxiv", "{http://arxiv", 7, "begins with https://"),
    "annote without a quotation": ("  eprint = {2407.21783},\n", "  annote = {Section 3},\n", 6, "such a quotation"),
    "annote with four words": ("  eprint = {2407.21783},\n", "  annote = {Section 3: ``only four quoted words''},\n", 6, "such a quotation"),
    "not sorted": ("@misc{herd", "@misc{zherd", 10, "sort the entries"),
    "cited nowhere": ("@misc{pickle", "@misc{other,\n  author = {A},\n  title = {B},\n  year = 2024,\n  url = {https://a.org}\n}\n\n@misc{pickle", 10, "no page cites 'other'"),
}


@pytest.mark.parametrize("name", BROKEN_PAGES)
def test_what_breaks_a_footnote_is_refused(name: str, faults: Callable) -> None:
    old, new, line, words = BROKEN_PAGES[name]
    assert old in PAGE
    found = faults(BIB, PAGE.replace(old, new))
    assert [one for one in found if one[:2] == ("docs/index.md", line) and words in one[2]], found


def test_an_annote_says_where_and_in_which_words(faults: Callable) -> None:
    annote = "  annote = {Section 3.3.4: ``419 unexpected interruptions were encountered during the run''},\n"
    assert faults(BIB.replace("  eprint = {2407.21783},\n", "  eprint = {2407.21783},\n" + annote), PAGE) == []


@pytest.mark.parametrize("name", BROKEN_BIBLIOGRAPHIES)
def test_what_breaks_the_bibliography_is_refused(name: str, faults: Callable) -> None:
    old, new, line, words = BROKEN_BIBLIOGRAPHIES[name]
    assert old in BIB
    found = faults(BIB.replace(old, new, 1), PAGE)
    assert [one for one in found if one[:2] == (BIBLIOGRAPHY, line) and words in one[2]], found


def test_a_bibliography_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    assert read(tmp_path / "gone.bib")[1][0].wrong == "missing"
    (tmp_path / "latin.bib").write_bytes("% ok\n% Gödel\n".encode("latin-1"))
    assert [(fault.line, fault.wrong) for fault in read(tmp_path / "latin.bib")[1]] == [(2, "not UTF-8")]


# name: (fields of the entry, what stands before the address)
WORDINGS = {
    "one author": ("author = {Doe, Jane}, title = {T}, journal = {J}, year = 2020", 'Jane Doe, "T", J, 2020'),
    "two authors": ("author = {Doe, Jane and Roe, R. O.}, title = {T}, year = 2020", 'Jane Doe and R. O. Roe, "T", 2020'),
    "four authors": ("author = {Jane Doe and B C and D E and F G}, title = {T}, year = 2020", 'Jane Doe, B C, D E and F G, "T", 2020'),
    "five authors": ("author = {Doe, Jane and B C and D E and F G and H I}, title = {T}, year = 2020", 'Jane Doe and others, "T", 2020'),
    "and others": ("author = {Doe, Jane and Roe, R. and others}, title = {T}, year = 2020", 'Jane Doe and others, "T", 2020'),
    "von and Jr.": ("author = {de Jong, Michiel and King, Jr., Martin}, title = {T}, year = 2020", 'Michiel de Jong and Martin King Jr., "T", 2020'),
    "corporate author": ("author = {{Barnes and Noble, Inc.}}, title = {T}, year = 2020", 'Barnes and Noble, Inc., "T", 2020'),
    "accents": (r"""author = {G{\"o}del, Kurt and Erd\H{o}s, P. and Davidovi{\v{c}}, {\v{S}}t{\v{e}}p{\'a}n}, title = {M\"obius}, year = 2020""", 'Kurt Gödel, P. Erdős and Štěpán Davidovič, "Möbius", 2020'),
    "braces, dashes, escapes": (r"author = {A}, title = {{The {GPU} --- 5\% of R\&D, pages 1--2, use\_it~now}}, year = 2020", 'A, "The GPU — 5% of R&D, pages 1–2, use_it now", 2020'),
    "quotes": ("author = {A}, title = {On ``a'' and {\"}b{\"}}, year = 2020", "A, \"On 'a' and 'b'\", 2020"),
    "Markdown": ("author = {A}, title = {The * of [x] in __init__ <b>, a_b}, year = 2020", r'A, "The \* of \[x\] in \_\_init\_\_ &lt;b>, a_b", 2020'),
    "eprint": ("author = {A}, title = {T}, eprint = {2407.1}, year = 2024", 'A, "T", arXiv:2407.1, 2024'),
    "eprint of a published paper": ("author = {A}, title = {T}, booktitle = {MLSys}, eprint = {2407.1}, year = 2024", 'A, "T", MLSys, 2024'),
    "publisher": ("author = {A}, title = {T}, publisher = {O'Reilly}, year = 2024", "A, \"T\", O'Reilly, 2024"),
    "urldate": ("author = {A}, title = {T}, urldate = {2026-11}", 'A, "T", read November 2026'),
    "urldate with its day, and a year": ("author = {A}, title = {T}, year = 2025, urldate = {2026-02-03}", 'A, "T", 2025, read February 2026'),
}


@pytest.mark.parametrize("name", WORDINGS)
def test_a_source_has_one_wording(name: str, tmp_path: Path) -> None:
    fields, wording = WORDINGS[name]
    path = tmp_path / "sources.bib"
    path.write_text(f"@misc{{a,\n{fields}, url = {{https://a.org/x\\_y%20z}}\n}}\n", encoding="utf-8")
    sources, faults = read(path)
    assert faults == []
    assert formatted(sources["a"]) == f"{wording}. <https://a.org/x_y%20z>"


@pytest.mark.parametrize(
    ("footnote", "locator"),
    [
        ("[^herd]:", ""),
        ("[^herd]: Section 3.3.4.", " Section 3.3.4."),
        ("[^herd]: Meta, *Herd*. <https://example.org/> Table 5, <https://example.org/errata>.", " Table 5, <https://example.org/errata>."),
        ("[^herd]: Meta <https://example.org/>, section 3", " section 3"),
        (f"{HERD}\n    Table 5.", "\n    Table 5."),
        (f"{HERD}  ", ""),
    ],
)  # fmt: skip
def test_rewriting_keeps_the_locator_and_is_idempotent(footnote: str, locator: str, tmp_path: Path) -> None:
    """A key alone, or a key and a locator, is enough to write: the rest is filled in."""
    path = tmp_path / "sources.bib"
    path.write_text(BIB, encoding="utf-8")
    sources, _ = read(path)
    page = "# T\n\nA.[^herd][^mine]\n\n```\n[^herd]: code\n```\n\n{}\n[^mine]: My own, <https://example.org/>\n\nEnd.\n"
    new = rewritten(page.format(footnote), sources)
    assert new == page.format(HERD + locator)
    assert rewritten(new, sources) == new


def test_a_source_with_a_fault_of_its_own_leaves_the_page_alone(tmp_path: Path) -> None:
    path = tmp_path / "sources.bib"
    path.write_text(BIB.replace("  url    = {https://arxiv.org/abs/2407.21783},\n", ""), encoding="utf-8")
    assert rewritten(PAGE, read(path)[0]) == PAGE


def test_four_hundred_sources_are_read_quickly_and_parsed_once(tmp_path: Path) -> None:
    path = tmp_path / "sources.bib"
    entry = '@misc{{k{0:03},\n  author = {{G{{\\"o}}del, Kurt and Doe, Jane}},\n  title = {{The {{Title}} of work {0}}},\n  year = 2020,\n  url = {{https://a.org/{0}}},\n}}\n'
    path.write_text("\n".join(entry.format(number) for number in range(400)), encoding="utf-8")
    began = time.process_time()
    sources, faults = read(path)
    first_s = time.process_time() - began
    began = time.process_time()
    read(path)
    again_s = time.process_time() - began
    assert (len(sources), faults) == (400, [])
    assert first_s < 3  # 0.1 s on a laptop; ten times that is a defect on any machine
    assert again_s < first_s / 5
