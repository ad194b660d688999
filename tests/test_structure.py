"""Promise: `handbook check` passes the handbook, and refuses what breaks its structure with file, line, rule and repair."""

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, edit

from handbook.checks import check

PAGE = "docs/deployment/index.md"


def add(path: str, text: str = "", source: str | None = None) -> Callable[[Path], None]:
    """A new file, or lines at the end of one that exists."""

    def change(root: Path) -> None:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        before = target.read_bytes() if target.exists() else b""
        target.write_bytes(before + (text or (root / source).read_text(encoding="utf-8")).encode())

    return change


def end_of(path: str) -> int:
    return len((ROOT / path).read_text(encoding="utf-8").splitlines())


TOMORROW = datetime.date.today() + datetime.timedelta(days=1)
END = end_of(PAGE)
DESCRIPTION = '^description: .*$'

# name: (change, file, line or None where the whole file is meant, rule, words that the message must hold)
BROKEN = {
    "front matter missing": (edit(PAGE, r"\A---\n(.*\n){2}---\n", ""), PAGE, 1, "front-matter", "missing"),
    "front matter unclosed": (edit(PAGE, r"^(reviewed: .*\n)---$", r"\1"), PAGE, 1, "front-matter", "not closed"),
    "front matter invalid YAML": (edit(PAGE, DESCRIPTION, 'description: "a'), PAGE, None, "front-matter", "invalid YAML"),
    "front matter unknown key": (edit(PAGE, r"^reviewed", "author: me\nreviewed"), PAGE, 3, "front-matter", "'author'"),
    "front matter misspelt key": (edit(PAGE, r"^reviewed", "reviwed"), PAGE, 3, "front-matter", "'reviwed'"),
    "front matter key missing": (edit(PAGE, r"^reviewed: .*\n", ""), PAGE, 2, "front-matter", "reviewed is missing"),
    "front matter key twice": (edit(PAGE, r"^(reviewed: .*\n)", r"\1\1"), PAGE, 4, "front-matter", "twice"),
    "front matter not a date": (edit(PAGE, r"^reviewed: .*$", "reviewed: soon"), PAGE, 3, "front-matter", "'soon'"),
    "front matter impossible date": (edit(PAGE, r"^reviewed: .*$", "reviewed: 2026-02-31"), PAGE, None, "front-matter", "invalid"),
    "front matter future date": (edit(PAGE, r"^reviewed: .*$", f"reviewed: {TOMORROW}"), PAGE, 3, "front-matter", "future"),
    "front matter is a list": (edit(PAGE, r"\A---\n(.*\n){2}", "---\n- a\n"), PAGE, 2, "front-matter", "keys"),
    "description too short": (edit(PAGE, DESCRIPTION, "description: Short"), PAGE, 2, "front-matter", "5 characters"),
    "no title": (edit(PAGE, r"^# (.*)$", r"\1"), PAGE, None, "headings", "no title"),
    "two titles": (add(PAGE, "\n# Again\n\nText.\n"), PAGE, END + 2, "headings", "second title"),
    "heading skips a level": (edit(PAGE, r"^## Why", "### Why"), PAGE, ..., "headings", "skips"),
    "heading too deep": (add(PAGE, "\n### A\n\nText.\n\n#### B\n\nText.\n"), PAGE, END + 6, "headings", "levels deep"),
    "heading twice": (add(PAGE, "\n## Twice\n\nText.\n\n## Twice\n\nText.\n"), PAGE, END + 6, "headings", f"line {END + 2}"),
    "heading empty": (add(PAGE, "\n##\n\nText.\n"), PAGE, END + 2, "headings", "empty"),
    "heading without text": (add(PAGE, "\n## Nothing\n"), PAGE, END + 2, "headings", "no text"),
    "text before the title": (edit(PAGE, r"^# ", "Hello.\n\n# "), PAGE, ..., "headings", "before the title"),
    "section missing": (edit(PAGE, r"^## Why this chapter exists", "## Why"), PAGE, None, "headings", "'Why this chapter exists'"),
    "page outside nav": (add("docs/devops/caching/index.md", source=PAGE), "docs/devops/caching/index.md", None, "nav", "no entry"),
    "nav entry without page": (edit("mkdocs.yml", r"devops/index.md", "devops/index.md\n      - devops/gone/index.md"), "mkdocs.yml", ..., "nav", "does not exist"),
    "nav entry twice": (edit("mkdocs.yml", r"devops/index.md", "devops/index.md\n      - devops/index.md"), "mkdocs.yml", ..., "nav", "2 times"),
    "nav entry in another chapter": (edit("mkdocs.yml", r"devops/index.md", "deployment/index.md"), "mkdocs.yml", ..., "nav", "times"),
    "nav entry with a title": (edit("mkdocs.yml", r"- devops/index.md", "- Title: devops/index.md"), "mkdocs.yml", ..., "nav", "H1"),
    "mkdocs.yml invalid": (edit("mkdocs.yml", r"^nav:", "nav: ]"), "mkdocs.yml", ..., "configuration", "invalid YAML"),
    "link to a missing page": (add(PAGE, "\nSee [x](../caching/index.md).\n"), PAGE, END + 2, "link", "does not exist"),
    "link on a continued line": (add(PAGE, "\nA line,\nand [x](gone.md).\n"), PAGE, END + 3, "link", "gone.md"),
    "link in a table": (add(PAGE, "\n| a | b |\n| --- | --- |\n| c | [x](gone.md) |\n"), PAGE, END + 4, "link", "gone.md"),
    "link to a missing anchor": (add(PAGE, "\nSee [x](../devops/index.md#nowhere).\n"), PAGE, END + 2, "link", "#nowhere"),
    "link to a missing anchor here": (add(PAGE, "\nSee [x](#why-this-chapter-exist).\n"), PAGE, END + 2, "link", "did you mean #why-this-chapter-exists"),
    "link in the wrong case": (add(PAGE, "\nSee [x](../DevOps/index.md).\n"), PAGE, END + 2, "link", "did you mean ../devops/index.md"),
    "link to a folder": (add(PAGE, "\nSee [x](../devops/).\n"), PAGE, END + 2, "link", "write ../devops/index.md"),
    "link absolute": (add(PAGE, "\nSee [x](/devops/index.md).\n"), PAGE, END + 2, "link", "absolute"),
    "link with a script": (add(PAGE, "\nSee [x](<javascript:alert(1)>).\n"), PAGE, END + 2, "link", ""),
    "link plain http": (add(PAGE, "\nSee [x](http://example.org/).\n"), PAGE, END + 2, "link", "http"),
    "link to nowhere": (add(PAGE, "\nSee [x]().\n"), PAGE, END + 2, "link", "nowhere"),
    "image missing": (add(PAGE, "\n![A curve that falls](gone.svg)\n"), PAGE, END + 2, "link", "gone.svg"),
    "file that does not belong": (add("docs/devops/caching/notes.txt", "x"), "docs/devops/caching/notes.txt", None, "bundle", "does not belong"),
    "file without its page": (add("docs/devops/caching/lab.py", "x"), "docs/devops/caching/lab.py", None, "bundle", "no page"),
    "page beside the chapters": (add("docs/devops/caching.md", source=PAGE), "docs/devops/caching.md", None, "bundle", "docs/devops/caching/index.md"),
    "folder with capitals": (add("docs/devops/Caching/index.md", source=PAGE), "docs/devops/Caching/index.md", None, "bundle", "lower-case"),
    "folders too deep": (add("docs/devops/a/b/index.md", source=PAGE), "docs/devops/a/b/index.md", None, "bundle", "deep"),
    "symbolic link": (lambda root: (root / "docs/assets/host.svg").symlink_to("/etc/hostname"), "docs/assets/host.svg", None, "bundle", "symbolic"),
    "two pages with one title": (edit(PAGE, r"^# .*$", "# System design"), "docs/system-design/index.md", ..., "title", "too"),
    "not UTF-8": (lambda root: (root / PAGE).write_bytes((root / PAGE).read_bytes() + b"\n\xff\n"), PAGE, END + 2, "encoding", "UTF-8"),
    "lock behind pyproject": (edit("pyproject.toml", r'"rich>=15"', '"rich>=99"'), "pyproject.toml", ..., "lock", "pins"),
    "lock lacks a package": (edit("pyproject.toml", r'"rich>=15"', '"rich>=15", "flask"'), "pyproject.toml", ..., "lock", "does not name it"),
    "lock with an address": (edit("requirements.lock", r"\A", "# --index-url https://example.org\n"), "requirements.lock", 1, "lock", "address"),
    "pyproject invalid": (edit("pyproject.toml", r"^\[project\]", "[project"), "pyproject.toml", 1, "configuration", "TOML"),
}


def test_the_handbook_has_no_fault() -> None:
    assert [str(fault) for fault in check(ROOT)] == []


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_structure_is_refused(name: str, copy: Path) -> None:
    """Each message names the file, the line where there is one, the rule and a repair."""
    change, file, line, rule, words = BROKEN[name]
    change(copy)
    faults = check(copy)
    hits = [fault for fault in faults if (fault.path, fault.rule) == (file, rule) and words in f"{fault.wrong} — {fault.repair}"]
    assert hits, [str(fault) for fault in faults]
    assert hits[0].repair
    if line is ...:
        assert hits[0].line
    elif line is not None:
        assert hits[0].line == line


def test_all_faults_are_shown_at_once(copy: Path) -> None:
    for name in ("heading twice", "link absolute", "lock behind pyproject", "file without its page"):
        BROKEN[name][0](copy)
    assert {fault.rule for fault in check(copy)} >= {"headings", "link", "lock", "bundle"}
