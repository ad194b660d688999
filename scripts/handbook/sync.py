"""Rewrites what is derived from the rest of the handbook, between marks: so far the list of a chapter's pages."""

import re
from collections.abc import Iterator

import yaml

from handbook.book import Book, Page

_BLOCK = re.compile(r"## Pages in reading order\n\n<!-- sync: pages -->\n.*?<!-- /sync -->\n\n?", re.DOTALL)


def derived(book: Book) -> Iterator[tuple[Page, str]]:
    """Each page that holds derived text, with the text it should have."""
    for chapter in book.chapters():
        page = book.pages.get(f"{chapter}/index.md")
        if page:
            yield (
                page,
                _with_list(page.text, [book.pages[f"{chapter}/{topic}/index.md"] for topic in book.topics(chapter)]),
            )


def _with_list(text: str, topics: list[Page]) -> str:
    rows = "".join(f"- [{page.title}]({page.name.split('/')[1]}/index.md): {_description(page)}\n" for page in topics)
    block = f"## Pages in reading order\n\n<!-- sync: pages -->\n{rows}<!-- /sync -->\n" if rows else ""
    if _BLOCK.search(text):
        return _BLOCK.sub(lambda found: block + "\n" if block and found[0].endswith("\n\n") else block, text)
    if not block:
        return text
    head, sources, tail = text.partition("## Sources\n")
    return f"{head}{block}\n{sources}{tail}" if sources else f"{text}\n{block}"


def _description(page: Page) -> str:
    try:
        return str((yaml.safe_load(page.front_matter[1]) or {}).get("description", ""))
    except (yaml.YAMLError, AttributeError, ValueError):
        return ""  # the front matter has a fault of its own
