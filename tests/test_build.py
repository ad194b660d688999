"""Promise: the strict build passes, refuses what it can see, and its pages need no other host."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import ROOT, build

from handbook.book import Book

RESOURCE = {"script": "src", "img": "src", "source": "src", "iframe": "src", "link": "href", "object": "data"}


class Tags(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def foreign(page: Path) -> list[str]:
    """Addresses on other hosts from which a browser would load something to show the page."""
    return [
        attrs[RESOURCE[tag]] or ""
        for tag, attrs in Tags(page).found
        if tag in RESOURCE and re.match(r"(?:[a-z]+:)?//", attrs.get(RESOURCE[tag]) or "")
        and attrs.get("rel") not in ("canonical", "alternate", "license")
    ]


def test_every_page_is_built(site: Path) -> None:
    for name in Book(ROOT).pages:
        assert (site / name).with_suffix(".html").is_file(), name


def test_no_page_loads_from_another_host(site: Path, tmp_path: Path) -> None:
    assert {page.name: found for page in site.rglob("*.html") if (found := foreign(page))} == {}
    planted = tmp_path / "page.html"
    planted.write_text('<link rel=stylesheet href="//fonts.example/css"><script src="https://cdn.example/m.js"></script>')
    assert len(foreign(planted)) == 2


def test_heading_ids_are_those_that_check_expects(site: Path) -> None:
    """`handbook check` judges anchors without building; its ids must be the site's."""
    for name, page in Book(ROOT).pages.items():
        built = [attrs.get("id") for tag, attrs in Tags((site / name).with_suffix(".html")).found if re.fullmatch("h[123]", tag)]
        assert [heading.id for heading in page.headings] == [one for one in built if one and one != "__comments"]


def test_awkward_headings_have_the_ids_that_check_expects(copy: Path, tmp_path: Path) -> None:
    page = copy / "docs/devops/index.md"
    awkward = ["Batch / stream", "p99 & the *tail*", "`max_batch` in C++", "Über 1,000 × 2", "What's [new](../index.md)?", "A_b -- c"]
    page.write_text(page.read_text(encoding="utf-8") + "".join(f"\n## {text}\n\nText.\n" for text in awkward), encoding="utf-8")
    assert build(copy, tmp_path / "site").returncode == 0
    expected = [heading.id for heading in Book(copy).pages["devops/index.md"].headings]
    built = [attrs.get("id") for tag, attrs in Tags(tmp_path / "site/devops/index.html").found if re.fullmatch("h[123]", tag)]
    assert expected == built


def test_folded_answers_hold_markdown(copy: Path, tmp_path: Path) -> None:
    page = copy / "docs/devops/index.md"
    folded = "\n<details>\n<summary>Why?</summary>\n\nBecause **so**.\n\n</details>\n\n```html\n<details>\n```\n"
    page.write_text(page.read_text(encoding="utf-8") + folded, encoding="utf-8")
    assert build(copy, tmp_path / "site").returncode == 0
    html = (tmp_path / "site/devops/index.html").read_text(encoding="utf-8")
    assert re.search(r"<details>\s*<summary>Why\?</summary>\s*<p>Because <strong>so</strong>", html)
    assert 'markdown="1"' not in html and "markdown=" not in html


@pytest.mark.parametrize("broken", ["[x](gone.md)", "[x](../devops/index.md#nowhere)", "[x](/devops/)"])
def test_a_broken_link_fails_the_build(broken: str, copy: Path, tmp_path: Path) -> None:
    page = copy / "docs/deployment/index.md"
    page.write_text(page.read_text(encoding="utf-8") + f"\n{broken}\n", encoding="utf-8")
    done = build(copy, tmp_path / "site")
    assert done.returncode == 1 and "deployment/index.md" in done.stderr


def test_a_page_outside_the_navigation_fails_the_build(copy: Path, tmp_path: Path) -> None:
    (copy / "docs/devops/extra").mkdir()
    (copy / "docs/devops/extra/index.md").write_text("# Extra\n\nText.\n", encoding="utf-8")
    done = build(copy, tmp_path / "site")
    assert done.returncode == 1 and "devops/extra/index.md" in done.stderr


def test_addresses_come_from_the_environment(site: Path, tmp_path: Path) -> None:
    addresses = {"SITE_URL": "https://example.org/book/", "REPO_URL": "https://example.org/repo", "EDIT_URI": "edit/main/docs/"}
    assert build(ROOT, tmp_path / "site", **addresses).returncode == 0
    for text in ('href="https://example.org/book/devops/"', "https://example.org/repo/edit/main/docs/devops/index.md"):
        assert text in (tmp_path / "site/devops/index.html").read_text(encoding="utf-8")
        assert text not in (site / "devops/index.html").read_text(encoding="utf-8")
