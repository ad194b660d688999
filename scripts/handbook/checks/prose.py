"""What stands between blocks: links with words of their own, words once each, no placeholder, no template, no icon."""

import re
from collections.abc import Iterator

from markdown_it.token import Token

from handbook.book import Book, Page
from handbook.fault import Fault

# Words that say nothing of where a link leads, for whoever hears the links alone.
VAGUE = (
    "here",
    "this",
    "link",
    "this link",
    "click here",
    "this page",
    "read more",
    "more",
    "learn more",
    "page",
    "see",
)
# term: (its repair, why): words that name people or wound where a plain one is more exact. Code keeps its names.
TERMS = {
    r"black-?list(?:s|ed|ing)?": ("blocklist, or deny", "it makes a color a verdict"),
    r"white-?list(?:s|ed|ing)?": ("allowlist, or allow", "it makes a color a verdict"),
    r"slaves?|slave (?:node|replica)s?": ("replica, follower, worker", "people were slaves; the role is a replica's"),
    r"master[/-]slave": ("primary and replica", "people were slaves; the role is a replica's"),
    r"man-?(?:hours?|days?|months?)|manpower": ("person-hours, people", "those who work are not all men"),
    r"grandfathered": ("exempt, legacy", "it began as a rule against Black voters"),
    r"(?:hey|you) guys": ("everyone, you", "readers are not all men"),
    r"cripple[sd]?|crippling": ("slow down, limit", "it names people"),
}
_TERMS = re.compile("|".join(rf"(?P<t{n}>\b(?:{term})\b)" for n, term in enumerate(TERMS)), re.IGNORECASE)
_REPAIRS = list(TERMS.values())
_TWICE = re.compile(r"\b(?P<word>[A-Za-z]{2,})\s+(?P=word)\b(?![-'’])")
_MEANT_TWICE = ("that", "had", "log", "bye", "blah")
PLAIN = (
    (re.compile(r"\b(?:TODO|FIXME|XXX|TBD|TBA)\b"), "a note to yourself", "write it, or begin the line with To write:"),
    (
        re.compile(r"lorem ipsum|\bcoming soon\b|\byour text here\b", re.IGNORECASE),
        "a placeholder",
        "write it, or begin the line with To write:",
    ),
    (
        re.compile(r"\{\{.*?\}\}|\{%.*?%\}|<%.*?%>|\$\{\w+\}"),
        "a template that nobody renders",
        "write what it stands for; code goes between backticks",
    ),
    (
        re.compile(r"\{:?\s*[#.][\w-][^}]*\}|\{:?\s*[\w-]+=[\"'][^}]*\}|\{:\s*[^}]*\}"),
        "attributes, which GitHub prints",
        "delete them",
    ),
    (
        re.compile(r"(?<![\w:])(?::[a-z][a-z0-9_+]*(?:-[a-z0-9_+-]+)?:)(?![\w:])"),
        "an icon, which GitHub or the site prints as text",
        "write a word",
    ),
    (re.compile(r"\[\[[^\[\]]+\]\]"), "a wiki link", "write [text](../topic/index.md)"),
    (
        re.compile(r"\([^()\[\]]+\)\[(?:https?:|\.|#|[\w/-]+\.md)[^\]]*\]"),
        "a link the wrong way round",
        "write [text](target)",
    ),
    (re.compile(r"(?:https?://|www\.)[^\s<>]*\w"), "a bare address", "write [what is there](address)"),
)


def texts(token: Token) -> Iterator[tuple[int, str, bool]]:
    """Line and words of each stretch of prose, outside code and formulas, and whether it is a link's text."""
    line, depth = (token.map[0] + 1 if token.map else 1), 0
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            line += 1
        depth += child.nesting if child.type.startswith("link_") else 0
        if child.type == "text" and child.content:
            yield line, child.content, depth > 0


def check(book: Book, page: Page) -> Iterator[Fault]:
    def fault(line: int, rule: str, wrong: str, repair: str) -> Fault:
        return Fault(f"docs/{page.name}", line, rule, wrong, repair)

    for link in page.links:
        if not link.image and link.text.strip(" .!").lower() in VAGUE:
            yield fault(link.line, "link", f"the text {link.text!r} does not say where it leads", "name what is there")
        elif not link.image and not link.text.strip():
            yield fault(link.line, "link", f"a link to {link.target} without words", "name what is there")
    for token in page.tokens:
        if token.type == "inline":
            for line, text, linked in texts(token):
                for rule, wrong, repair in _faults(text, linked):
                    yield fault(line, rule, wrong, repair)
        elif token.type == "fence" and token.map:
            for offset, row in enumerate(token.content.split("\n"), 2):
                if found := re.search(r"(?:#|//|--)\s*(TODO|FIXME|XXX)\b", row):
                    yield fault(
                        token.map[0] + offset, "words", f"a note to yourself: {found[1]}", "write it, or delete it"
                    )


def _faults(text: str, linked: bool) -> Iterator[tuple[str, str, str]]:
    for pattern, wrong, repair in PLAIN:
        found = pattern.search(text)
        if found and not (linked and wrong == "a bare address"):
            rule = "words" if repair.endswith("To write:") else "markdown"
            yield rule, f"{wrong}: {found[0][:60]}", repair
    for found in _TWICE.finditer(text):
        if found["word"].lower() not in _MEANT_TWICE:
            yield "words", f"{found[0]!r}: a word twice", f"write {found['word']}"
    for found in _TERMS.finditer(text):
        repair, why = _REPAIRS[int(found.lastgroup[1:])]
        yield "words", f"{found[0]!r}: {why}", f"write {repair}; code keeps its names"
