"""Pages hold Markdown: folded answers are the only HTML, and nothing in a page acts."""

import re
from collections.abc import Iterator

from markdown_it.token import Token

from handbook.book import Book, Page
from handbook.fault import Fault

ALLOWED = ("details", "summary")
_COMMENT = re.compile(r"<!-- (?:sync: [^<>]+|/sync) -->")
_PIECE = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<close>/?)(?P<name>[a-zA-Z][\w:.-]*)(?P<rest>(?:\"[^\"]*\"|'[^']*'|[^<>\"'])*)>?|<[!?][^>]*>?",
    re.DOTALL,
)
_ACTIVE = (
    *("script", "style", "iframe", "frame", "object", "embed", "applet", "meta", "link", "base", "form", "input"),
    *("button", "svg", "math", "audio", "video", "template", "portal", "dialog", "marquee", "noscript", "textarea"),
)
_PLAIN = {
    "br": "end the paragraph",
    "img": "![what it shows](file.svg)",
    "a": "[text](target)",
    "b": "**text**",
    "strong": "**text**",
    "em": "*text*",
    "i": "*text*",
    "code": "`text`",
    "pre": "a fence",
    "table": "a table",
    "p": "a paragraph",
    "div": "a paragraph",
    "span": "the text alone",
    "hr": "a heading",
    "ul": "a list",
    "ol": "a list",
    "li": "a list",
    "sub": "a formula, $x_i$",
    "sup": "a formula, $x^2$",
    "kbd": "`key`",
    "h1": "# Title",
    "h2": "## Section",
    "h3": "### Section",
    "center": "the text alone",
    "font": "the text alone",
}


def pieces(token: Token) -> Iterator[tuple[int, str]]:
    """Raw HTML of a block with its line."""
    line = token.map[0] + 1 if token.map else 1
    if token.type == "html_block":
        yield line, token.content
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            line += 1
        elif child.type == "html_inline":
            yield line, child.content
            line += child.content.count("\n")


def check(book: Book, page: Page) -> Iterator[Fault]:
    def fault(line: int, wrong: str, repair: str) -> Fault:
        return Fault(f"docs/{page.name}", line, "html", wrong, repair)

    open_tags: list[tuple[str, int]] = []
    for token in page.tokens:
        if token.type == "code_block" and token.map:
            yield fault(token.map[0] + 1, "code by indentation", "put it between ``` lines, or indent the list by four")
        for start, text in pieces(token):
            for found in _PIECE.finditer(text):
                line, name = start + text.count("\n", 0, found.start()), (found["name"] or "").lower()
                if name in ALLOWED:
                    if found["rest"].strip() not in ("", "open" if name == "details" else ""):
                        yield fault(line, f"{found[0]!r} has an attribute", f"write <{name}>")
                    if not found["close"]:
                        open_tags.append((name, line))
                    elif open_tags and open_tags[-1][0] == name:
                        open_tags.pop()
                    else:
                        yield fault(line, f"{found[0]} closes nothing", "delete it, or open it above")
                elif not _COMMENT.fullmatch(found[0]):
                    yield fault(line, *_refused(found, name))
    for name, line in open_tags:
        yield fault(line, f"<{name}> is never closed", f"write </{name}> where it ends")


def _refused(found: re.Match[str], name: str) -> tuple[str, str]:
    if found[0].startswith("<!--"):
        return "a comment", "delete it: readers of the source see it, readers of the page do not"
    if name in _ACTIVE or re.search(r"[\s/]on\w+\s*=", found["rest"] or ""):
        return f"active HTML: {found[0][:60]}", "delete it: a page shows and links, it does not act"
    if name in _PLAIN:
        return f"raw HTML: {found[0][:60]}", f"write Markdown: {_PLAIN[name]}"
    return f"{found[0][:60]} would vanish from the page", "put it between backticks"
