"""Makes a topic from the template, with its line in the navigation."""

import datetime
from importlib.resources import files
from pathlib import Path

from handbook.book import OVERVIEWS, SLUG, Book
from handbook.sync import derived


class Refused(Exception):
    """The name cannot be used; the message says why and what to write."""


def new(root: Path, name: str, title: str | None) -> Path:
    """Writes docs/CHAPTER/TOPIC/index.md, its nav line and its chapter's list; raises Refused for a bad name."""
    book = Book(root)
    chapter, _, topic = name.strip("/").partition("/")
    if not SLUG.fullmatch(chapter) or not SLUG.fullmatch(topic):
        raise Refused(
            f"{name!r} is not CHAPTER/TOPIC in lower-case words and hyphens, such as {book.chapters()[0]}/caching"
        )
    if chapter not in book.chapters():
        raise Refused(f"there is no chapter {chapter!r}: choose one of {', '.join(book.chapters())}")
    folder = book.docs / chapter / topic
    entries = [entry for entry in book.nav if entry.name.startswith(f"{chapter}/")]
    if folder.exists() or f"{chapter}/{topic}/index.md" in [entry.name for entry in entries]:
        raise Refused(f"docs/{chapter}/{topic} exists already: choose another name, or edit it")
    if not entries:
        raise Refused(f"mkdocs.yml lists no page of {chapter!r}: add its index.md to nav first")
    title = title or topic.replace("-", " ").capitalize()
    if title.lower() in [page.title.lower() for page in book.pages.values()]:
        raise Refused(f"another page has the title {title!r}: give one with --title")

    template = files("handbook").joinpath("template.md").read_text(encoding="utf-8")
    page = folder / "index.md"
    folder.mkdir()
    page.write_text(template.format(title=title, today=datetime.date.today()), encoding="utf-8")

    config = root / "mkdocs.yml"
    lines = config.read_text(encoding="utf-8").splitlines(keepends=True)
    after = [entry for entry in entries if entry.name.split("/")[1] not in OVERVIEWS][-1].line
    indent = lines[after - 1][: len(lines[after - 1]) - len(lines[after - 1].lstrip())]
    lines.insert(after, f"{indent}- {chapter}/{topic}/index.md\n")
    config.write_text("".join(lines), encoding="utf-8")

    for path, before, due in derived(Book(root)):
        if before != due:
            path.write_text(due, encoding="utf-8")
    return page
