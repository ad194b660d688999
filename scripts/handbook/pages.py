"""What a Markdown extension knows of the page that is being built, under MkDocs and under Zensical."""

import html
import logging
from pathlib import Path

from markdown import Markdown
from pymdownx.superfences import SuperFencesException


def under_mkdocs(md: Markdown) -> bool:
    return "relpath" in md.treeprocessors


def page_of(md: Markdown) -> tuple[str, Path | None]:
    """The page as docs/…, and its file where it is known."""
    if under_mkdocs(md):
        file = md.treeprocessors["relpath"].file
        return f"docs/{file.src_uri}", Path(file.abs_src_path)
    for one in md.preprocessors:
        if hasattr(one, "page"):  # Zensical's context
            return f"docs/{one.page.path}", Path(one.config["docs_dir"]) / one.page.path
    return "a page", None


def line_of(text: str, md: Markdown) -> int:
    """The line where a piece of the page begins, 0 where it cannot be found. Quotes and lists indent each line."""
    path = page_of(md)[1]
    wanted = [line.strip() for line in text.strip().splitlines()]
    if not wanted or path is None or not path.is_file():
        return 0
    lines = [line.strip(" >") for line in path.read_text(encoding="utf-8").splitlines()]
    for number in range(len(lines) - len(wanted) + 1):
        first, *rest = lines[number : number + len(wanted)]
        if wanted[0] in first and all(one in two for one, two in zip(wanted[1:], rest, strict=True)):
            return number + 1
    return 0


def refuse(md: Markdown, line: int, words: str, source: str) -> str:
    """Fails a strict build; a preview goes on and shows the fault where the drawing would stand."""
    message = f"{page_of(md)[0]}:{line}: {words}"
    if not under_mkdocs(md):  # superfences swallows every other exception
        raise SuperFencesException(message)
    logging.getLogger("mkdocs.handbook").error(message)
    return f'<div class="drawing-broken"><p>{html.escape(message)}</p><pre>{html.escape(source)}</pre></div>'
