"""The page as the site renders it, without theme and drawings: what GitHub's reading of it did not show.

Two readers of Markdown disagree in corners, and a corner is where something active would hide. Here the site's own
has the word: only known elements and attributes, each id once, the headings that GitHub has, links that end somewhere.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from html.parser import HTMLParser

import yaml
from markdown import Markdown

from handbook.book import Book, Page
from handbook.checks.links import broken
from handbook.fault import Fault

TAGS = re.compile(
    r"a|abbr|blockquote|br|code|dd|del|details|div|dl|dt|em|h[1-6]|hr|img|input|label|li|ol|p|pre|span|strong|su[bp]|summary"
    r"|table|tbody|t[dhr]|thead|ul"
)
MATHML = re.compile(
    r"math|semantics|annotation|none|mprescripts|mmultiscripts|mrow|m[ions]|mtext|mspace|mfrac|msqrt|mroot|msu[bp]|msubsup"
    r"|munder|mover|munderover|mtable|mt[dr]|mstyle|mpadded|mphantom|menclose"
)
ATTRIBUTES = re.compile(
    r"class|id|title|alt|open|start|rowspan|colspan|scope|type|checked|disabled|align|tabindex|role|translate|rel|aria-[a-z]+"
)
_STYLE = re.compile(r"text-align: (?:left|right|center);?")
_HEADING = re.compile(r"h[1-6]")


def check(book: Book, page: Page) -> Iterator[Fault]:
    def fault(line: int, wrong: str, repair: str) -> Fault:
        return Fault(f"docs/{page.name}", line, "rendered", wrong, repair)

    front = re.match(r"---\n.*?^---$", page.text, re.DOTALL | re.MULTILINE)
    source = page.text[front.end() :] if front else page.text
    try:
        walk = _walked((book.root / "mkdocs.yml").read_text(encoding="utf-8"), source)
    except yaml.YAMLError:
        return  # a fault of mkdocs.yml
    except Exception as error:  # whatever an extension raises, a page is not the place to end a check
        yield fault(
            0, f"the site cannot render it: {type(error).__name__}: {str(error)[:200]}", "take back the last edit"
        )
        return
    for piece, wrong in walk.refused:
        line = next((n for n, row in enumerate(page.text.split("\n"), 1) if piece in row.lower()), 0)
        yield fault(line, wrong, "delete it, or put it between backticks or ``` lines")
    for one in sorted({one for one in walk.ids if walk.ids.count(one) > 1}):
        yield fault(
            _line(page, one), f"the id {one!r} stands twice", "give each heading and footnote a name of its own"
        )
    ours, theirs = [one.id for one in page.headings if one.level < 7], walk.headings
    for heading, seen in zip(page.headings, theirs, strict=False):
        if heading.id and heading.id != seen:
            yield fault(
                heading.line, f"#{heading.id} on GitHub is #{seen} on the site", "write the heading in plain words"
            )
            break
    else:
        if len(ours) != len(theirs):
            wrong = f"{len(ours)} headings on GitHub, {len(theirs)} on the site"
            yield fault(0, wrong, "put an empty line before and after each heading, and close every fence")
    for target in dict.fromkeys(walk.links):
        internal = target.startswith("#") and target[1:] in walk.ids
        wrong, repair = ("", "") if internal else broken(book, page, target)
        if wrong and not any(link.target == target for link in page.links):
            yield fault(_line(page, target), f"on the site, {wrong}", repair)


def _line(page: Page, text: str) -> int:
    return next((number for number, row in enumerate(page.text.split("\n"), 1) if text and text in row), 0)


class _Walk(HTMLParser):
    """Collects ids, headings, links, and what has no place on a page."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.headings: list[str] = []
        self.links: list[str] = []
        self.refused: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not TAGS.fullmatch(tag) and not MATHML.fullmatch(tag):
            self.refused.append((f"<{tag}", f"<{tag}> reaches the page"))
        for name, value in attrs:
            if name in ("href", "src"):
                self.links.append(value or "")
            elif name.startswith("on") or name in ("srcdoc", "formaction", "action"):
                self.refused.append((f"{name}=", f"{name}= on <{tag}> reaches the page"))
            elif name == "style" and _STYLE.fullmatch(value or ""):
                continue
            elif TAGS.fullmatch(tag) and not ATTRIBUTES.fullmatch(name):
                self.refused.append((f"{name}=", f"{name}= on <{tag}> reaches the page"))
        given = dict(attrs).get("id")
        if given is not None:
            self.ids.append(given)
        if _HEADING.fullmatch(tag):
            self.headings.append(given or "")

    def handle_comment(self, data: str) -> None:
        if not re.fullmatch(r" (?:sync: [^<>]+|/sync) ", data):
            self.refused.append(("<!--", "a comment reaches the page"))


@lru_cache(maxsize=256)  # as in handbook.book
def _walked(config: str, source: str) -> _Walk:
    walk = _Walk()
    walk.feed(_markdown(config).reset().convert(source))
    walk.close()
    return walk


@lru_cache(maxsize=1)
def _markdown(config: str) -> Markdown:
    """The site's converter, without coloring, drawing and the glossary's tooltips, which no page can shape."""
    tree = yaml.load(config, Loader=_Loader) or {}
    names, options = [], {}
    for entry in tree.get("markdown_extensions", []):
        name, given = next(iter(entry.items())) if isinstance(entry, dict) else (entry, None)
        if name != "handbook.glossary":
            names.append(name)
        options[name] = given or {}
    options["pymdownx.superfences"] = {
        "custom_fences": [
            {"name": "mermaid", "class": "mermaid", "format": _stub},
            {"name": "math", "class": "math", "format": _stub},
            {"name": "*", "class": "code", "format": _stub, "validator": _code},
        ]
    }
    return Markdown(extensions=names, extension_configs=options)


def _stub(*_: object, **__: object) -> str:
    return "<div></div>"


def _code(_: str, inputs: dict[str, str], options: dict[str, str], attrs: dict[str, str], __: Markdown) -> bool:
    """Takes what the highlighter takes: with another option the fence is none, and its code is read as Markdown."""
    options.update(inputs)
    return inputs.keys() <= {"title", "hl_lines", "linenums"}


class _Loader(yaml.SafeLoader):
    """Reads mkdocs.yml and runs nothing but what the handbook itself calls."""


def _slugify(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    from pymdownx.slugs import slugify

    return slugify(case="lower")


_Loader.add_constructor("tag:yaml.org,2002:python/object/apply:pymdownx.slugs.slugify", _slugify)
_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
_Loader.add_constructor("!ENV", lambda *_: "")
