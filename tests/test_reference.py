"""Promise: pages that others append to keep their form, and a reader who searches a real question's words has a place to land."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, build, edit

from handbook.book import Book
from handbook.checks import check
from handbook.sync import derived

GLOSSARY, DEFAULTS = "docs/reference/glossary/index.md", "docs/reference/defaults/index.md"
QUERIES = tomllib.loads((ROOT / "tests/queries.toml").read_text(encoding="utf-8"))["queries"]
BOOK = Book(ROOT)

# name: (change, file, rule, words)
BROKEN = {
    "terms out of order": (edit(GLOSSARY, "^## All-reduce", "## Zero-reduce"), GLOSSARY, "glossary", "stands after"),
    "two terms with one name": (edit(GLOSSARY, "^## Backfill", "## Backfill (canary)"), GLOSSARY, "glossary", "is a name of 'Backfill' too"),
    "definition without an end": (edit(GLOSSARY, r"^A release that serves (.*?)\. .*$", r"A release that serves \1"), GLOSSARY, "glossary", "one sentence"),
    "definition too long": (edit(GLOSSARY, "^A release that serves", "A release " + "that is slow and " * 15 + "that serves"), GLOSSARY, "glossary", "one sentence"),
    "term that no page uses": (edit(GLOSSARY, "^## Canary", "## Canary bird"), GLOSSARY, "glossary", "no page uses 'Canary bird'"),
    "default without a version": (edit(DEFAULTS, r"^\| gRPC 1.76 ", "| gRPC "), DEFAULTS, "defaults", "no version"),
    "default without a source": (edit(DEFAULTS, r"`pick_first`\[\^grpc2026balancing\]", "`pick_first`"), DEFAULTS, "defaults", "no source"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_an_entry_that_breaks_the_form_is_refused(name: str, copy: Path) -> None:
    change, file, rule, words = BROKEN[name]
    change(copy)
    faults = check(copy)
    hits = [fault for fault in faults if (fault.path, fault.rule) == (file, rule) and words in fault.wrong]
    assert hits and hits[0].line and hits[0].repair, [str(fault) for fault in faults]


def test_a_term_is_explained_where_a_page_first_uses_it(copy: Path, tmp_path: Path) -> None:
    page = copy / "docs/devops/index.md"
    text = "\n## Terms in use\n\nThe `canary` comes first, [a canary](../deployment/index.md) then. Two canaries, one canary and a canary. SLOs too.\n"
    page.write_text(page.read_text(encoding="utf-8").replace("canary", "early release") + text, encoding="utf-8")
    assert build(copy, tmp_path / "site").returncode == 0
    html = (tmp_path / "site/devops/index.html").read_text(encoding="utf-8")
    assert re.search(r'one <abbr title="A release that serves[^"]*\.">canary</abbr> and a canary\.', html)
    assert re.search(r'<abbr title="A target for a measured indicator[^"]*">SLOs</abbr> too', html)
    glossary = (tmp_path / "site/reference/glossary/index.html").read_text(encoding="utf-8")
    assert "<abbr" not in glossary


def test_the_reference_collects_from_every_page(copy: Path) -> None:
    page = copy / "docs/devops/index.md"
    added = (
        "\n## When it goes wrong\n\nText.\n\n| Symptom | Cause | Confirm | Fix |\n| --- | --- | --- | --- |\n"
        "| `exec format error` | [an image](#why-this-chapter-exists) for another CPU[^cdktf] | `uname -m` | build for both |\n\n"
        "<details>\n<summary>Interview: What is an image?</summary>\n\nLayers.\n\n</details>\n"
    )
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("\n## Sources\n", f"{added}\n## Sources\n"), encoding="utf-8")
    for path, before, due in derived(Book(copy)):
        if before != due:
            path.write_text(due, encoding="utf-8")
    symptoms = (copy / "docs/reference/symptoms/index.md").read_text(encoding="utf-8")
    assert "**[DevOps practices in ML](../../devops/index.md)**\n\n| Symptom |" in symptoms
    assert "| [an image](../../devops/index.md#why-this-chapter-exists) for another CPU |" in symptoms
    assert "- What is an image?" in (copy / "docs/reference/questions/index.md").read_text(encoding="utf-8")
    assert [str(fault) for fault in check(copy)] == []


def test_every_source_leads_back_to_its_pages() -> None:
    text = (ROOT / "docs/reference/bibliography/index.md").read_text(encoding="utf-8")
    rows = re.findall(r"^- .*$", text, re.MULTILINE)
    assert rows and all(re.search(r"> .*\[[^]]+\]\(\.\./[^)]+\)$", row) for row in rows)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query["ask"][:40])
def test_a_query_names_its_origin_and_a_section_that_exists(query: dict[str, Any]) -> None:
    """Search is judged by these: words that somebody really used, and the sections that answer them."""
    assert set(query) == {"ask", "from", "finds"}
    assert query["from"].startswith("https://") and 10 <= len(query["ask"]) <= 400
    assert 1 <= len(query["finds"]) <= 4
    for name, _, anchor in (one.partition("#") for one in query["finds"]):
        page = BOOK.pages[f"{name}/index.md"]
        assert not anchor or anchor in [heading.id for heading in page.headings]


def test_queries_are_not_repeated() -> None:
    assert len({query["ask"] for query in QUERIES}) == len(QUERIES)
