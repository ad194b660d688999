"""Promise: `handbook new` makes a page that passes every check and says what is still to write; a bad name changes nothing."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, build

from handbook.book import Book
from handbook.checks import check

BAD = {
    "caching": "CHAPTER/TOPIC",
    "devops/Caching": "lower-case",
    "devops/ci_cd": "lower-case",
    "devops/a/b": "CHAPTER/TOPIC",
    "../devops/x": "CHAPTER/TOPIC",
    "": "CHAPTER/TOPIC",
    "cooking/soup": "no chapter 'cooking'",
    "devops/taken": "exists already",
}


def handbook(binary: Callable[[str], str], root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([binary("handbook"), *arguments], cwd=root, capture_output=True, text=True)


def test_a_new_page_passes_every_check_and_the_build(copy: Path, tmp_path: Path, binary: Callable[[str], str]) -> None:
    made = handbook(binary, copy, "new", "devops/model-gates", "--title", "Gates for models")
    assert made.returncode == 0, made.stderr
    assert made.stdout == "docs/devops/model-gates/index.md\n"
    checked = handbook(binary, copy, "check")
    assert checked.returncode == 0, checked.stdout
    assert "docs/devops/model-gates/index.md:8: To write: the answer" in checked.stderr
    done = build(copy, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    assert "Gates for models" in (tmp_path / "site/devops/index.html").read_text(encoding="utf-8")
    assert "- [Gates for models](model-gates/index.md): " in (copy / "docs/devops/index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("chapter", Book(ROOT).chapters())
def test_every_chapter_takes_a_page(chapter: str, copy: Path, binary: Callable[[str], str]) -> None:
    there = Book(copy).topics(chapter)  # a chapter that is whole has its best practices
    for topic in [one for one in ("best-practices", "a-topic") if one not in there]:
        assert handbook(binary, copy, "new", f"{chapter}/{topic}", "--title", f"{topic} of {chapter}").returncode == 0
    assert [str(fault) for fault in check(copy)] == []
    topics = [one for one in Book(copy).topics(chapter) if one != "challenges-and-trade-offs"]
    assert topics[-2:] == ["a-topic", "best-practices"]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_name_is_refused_and_changes_nothing(name: str, copy: Path, binary: Callable[[str], str]) -> None:
    assert handbook(binary, copy, "new", "devops/taken").returncode == 0
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    done = handbook(binary, copy, "new", name)
    assert done.returncode == 1 and BAD[name] in done.stderr and "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_a_taken_title_is_refused(copy: Path, binary: Callable[[str], str]) -> None:
    done = handbook(binary, copy, "new", "devops/x", "--title", "System design")
    assert done.returncode == 1 and "--title" in done.stderr


def test_sync_repairs_a_chapters_list(copy: Path, binary: Callable[[str], str]) -> None:
    handbook(binary, copy, "new", "devops/model-gates")
    index = copy / "docs/devops/index.md"
    good = index.read_text(encoding="utf-8")
    index.write_text(good.replace("[Model gates]", "[Something else]"), encoding="utf-8")
    assert any("derived: a derived block is not what the handbook says — uv run handbook sync" in str(one) for one in check(copy))
    assert handbook(binary, copy, "sync", "--check").returncode == 1
    assert handbook(binary, copy, "sync").stdout == "docs/devops/index.md\n"
    assert index.read_text(encoding="utf-8") == good
    assert handbook(binary, copy, "sync").stdout == ""


def test_outside_the_handbook_it_says_where_to_go(tmp_path: Path, binary: Callable[[str], str]) -> None:
    done = handbook(binary, tmp_path, "check")
    assert done.returncode == 1 and "inside the handbook's clone" in done.stderr


def test_check_of_a_path_that_does_not_exist(binary: Callable[[str], str]) -> None:
    done = handbook(binary, ROOT, "check", "docs/gone")
    assert done.returncode == 1 and "docs/gone does not exist" in done.stderr
