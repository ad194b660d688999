"""What the handbook consists of: its chapters, topics, bundles and pages. Everything else asks here."""

import itertools
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from pathspec import GitIgnoreSpec
from pymdownx.slugs import slugify

from handbook.fault import Fault

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

# What may lie in a topic's folder besides the page. Anything else has no reader.
BUNDLE = (
    re.compile(r"lab\.py"),
    re.compile(r"results(\.[a-z0-9-]+)?\.json"),
    re.compile(r"[a-z0-9-]+\.vl\.json"),
    re.compile(r"[a-z0-9-]+\.svg"),
)

# Level-two headings in their order on the page; True for those that a page of this kind must have.
SECTIONS: dict[str, dict[str, bool]] = {
    "topic": {
        "Decide": True,
        "In ML systems": False,
        "Lab": True,
        "When it goes wrong": True,
        "Beyond one machine": False,
        "Checklist": False,
        "Check yourself": True,
        "Sources": True,
    },
    "overview": {"Checklist": False, "Sources": True},  # best practices; challenges and trade-offs
    "chapter": {"Why this chapter exists": True, "Pages in reading order": False, "Sources": False},
    "home": {"Chapters": True},
}
OVERVIEWS = ("best-practices", "challenges-and-trade-offs")
OWN_ORDER = ("case-studies", "reference")  # their topics follow an order of their own

_markdown = MarkdownIt("commonmark").enable("table").use(front_matter_plugin).use(footnote_plugin)
_markdown.use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False)
_markdown.validateLink = lambda url: True  # a link to javascript: is one on the built site: let the walk see it
_slug = slugify(case="lower")


@dataclass(frozen=True)
class Heading:
    line: int
    level: int
    text: str
    id: str  # as the built site and GitHub write it, for a heading that is unique on its page


@dataclass(frozen=True)
class Link:
    line: int
    target: str
    image: bool
    text: str = ""  # of an image, the words that stand for it


class Fence(NamedTuple):
    line: int  # of the opening fence; the first line of code is the next
    info: str  # what follows the opening fence: `python title="lab.py"`
    code: str


class Page:
    """One Markdown file under docs/. Lines count from 1."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name  # relative to docs/, with forward slashes
        self.text = path.read_bytes().decode("utf-8")

    @property
    def kind(self) -> str:
        """`home`, `chapter`, `topic`, `overview`, or `own` where a page's order is its own."""
        match PurePosixPath(self.name).parts:
            case ("index.md",):
                return "home"
            case (_, "index.md"):
                return "chapter"
            case (chapter, _, "index.md") if chapter in OWN_ORDER:
                return "own"
            case (_, topic, "index.md") if topic in OVERVIEWS:
                return "overview"
            case _:
                return "topic"

    @property
    def title(self) -> str:
        return next((heading.text for heading in self.headings if heading.level == 1), "")

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def front_matter(self) -> tuple[int, str]:
        """The line after the opening `---` and the YAML text; (0, "") where there is none."""
        found = re.match(r"---\n(.*?)^---$", self.text, re.DOTALL | re.MULTILINE)
        return (2, found[1]) if found else (0, "")

    @cached_property
    def headings(self) -> list[Heading]:
        return self._parsed[0]

    @cached_property
    def links(self) -> list[Link]:
        return self._parsed[1]

    @cached_property
    def blocks(self) -> list[tuple[int, str]]:
        """Line and type of each top-level block, for example (12, "paragraph")."""
        return self._parsed[2]

    @cached_property
    def fences(self) -> list[Fence]:
        """Fenced blocks, also those within lists, quotes and folded answers."""
        return [
            Fence(token.map[0] + 1, token.info.strip(), token.content)
            for token in self.tokens
            if token.type == "fence" and token.map
        ]

    @cached_property
    def tokens(self) -> list[Token]:
        return _parse(self.text)

    @cached_property
    def formulas(self) -> list[tuple[int, str]]:
        """Line and TeX of each formula: $…$, $$…$$ and ```math."""
        return self._parsed[3]

    @cached_property
    def _parsed(self) -> tuple[list[Heading], list[Link], list[tuple[int, str]], list[tuple[int, str]]]:
        headings: list[Heading] = []
        formulas: list[tuple[int, str]] = []
        links: list[Link] = []
        blocks: list[tuple[int, str]] = []
        line, level, open_heading = 1, 0, ""
        for token in self.tokens:
            if token.map:
                line = token.map[0] + 1
            if level == 0 and token.nesting >= 0 and token.type != "front_matter":
                blocks.append((line, token.type.removesuffix("_open")))
            level += token.nesting
            if token.type == "heading_open":
                open_heading = token.tag
            elif token.type == "inline" and open_heading:
                text = "".join(child.content for child in token.children or []).strip()
                headings.append(Heading(line, int(open_heading[1]), text, _slug(text, "-")))
                open_heading = ""
            if token.type == "fence" and token.info.strip() == "math":
                formulas.append((line + 1, token.content))
            elif token.type == "math_block":
                formulas.append((line + token.content.startswith("\n"), token.content.strip("\n")))
            if token.type == "inline":
                links.extend(_links(token, line))
                formulas.extend(_formulas(token, line))
        return headings, links, blocks, formulas


def _links(inline: Token, line: int) -> Iterator[Link]:
    children = inline.children or []
    for index, child in enumerate(children):
        if child.type in ("softbreak", "hardbreak"):
            line += 1
        elif child.type == "link_open":
            inner = itertools.takewhile(lambda one: one.type != "link_close", children[index + 1 :])
            yield Link(line, str(child.attrGet("href")), image=False, text="".join(one.content for one in inner))
        elif child.type == "image":
            yield Link(line, str(child.attrGet("src")), image=True, text=child.content)


def _formulas(inline: Token, line: int) -> Iterator[tuple[int, str]]:
    for child in inline.children or []:
        if child.type in ("softbreak", "hardbreak"):
            line += 1
        elif child.type in ("math_inline", "math_inline_double"):
            yield line, child.content
            line += child.content.count("\n")


def git(root: Path, *arguments: str) -> str:
    """What git prints; nothing where there is no git, or no repository."""
    command = ["git", "-c", "core.quotepath=off", *arguments]
    try:
        return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


@dataclass(frozen=True)
class NavEntry:
    """A page's place in the navigation: its path, its line in mkdocs.yml, the tab it stands under ("" for none)."""

    name: str
    line: int
    tab: str


@lru_cache(maxsize=256)  # a page that did not change is read once: a test run checks the handbook hundreds of times
def _parse(text: str) -> list[Token]:
    return _markdown.parse(text)


class Book:
    """The handbook below `root`. Faults met while reading it stand in `faults`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.docs = root / "docs"
        self.faults: list[Fault] = []
        self.files = sorted(
            path.relative_to(self.docs).as_posix()
            for path in self.docs.rglob("*")
            if (path.is_file() or path.is_symlink()) and "__pycache__" not in path.parts
        )
        self.nav = list(self._read_nav())
        self.pages = {page.name: page for page in self._read_pages()}

    @cached_property
    def tree(self) -> list[str]:
        """Every file of the project, relative to its root: what git ignores is left out, unless git holds it."""
        ignored = self.root / ".gitignore"
        lines = ignored.read_text(encoding="utf-8").splitlines() if ignored.is_file() else []
        spec = GitIgnoreSpec.from_lines([".git", *lines])
        found = set()
        for folder, folders, files in os.walk(self.root):
            base = "" if Path(folder) == self.root else f"{Path(folder).relative_to(self.root).as_posix()}/"
            linked = [name for name in folders if Path(folder, name).is_symlink()]
            folders[:] = [n for n in folders if n not in linked and not spec.match_file(f"{base}{n}/")]
            found.update(name for file in [*files, *linked] if not spec.match_file(name := base + file))
        if (self.root / ".git").exists():
            held = git(self.root, "ls-files", "-z").split("\0")
            found.update(name for name in held if name and os.path.lexists(self.root / name))
        return sorted(found)

    def chapters(self) -> list[str]:
        """Folder names of the chapters, in the order of the navigation, then those that it lacks."""
        named = [entry.name.split("/")[0] for entry in self.nav if entry.name.count("/") == 1]
        folders = [name.split("/")[0] for name in self.files if name.count("/") == 1 and name.endswith("/index.md")]
        return list(dict.fromkeys(named + folders))

    def topics(self, chapter: str) -> list[str]:
        """Folder names of a chapter's topics, in the order of the navigation, then those that it lacks."""
        names = [entry.name for entry in self.nav] + self.files
        return list(
            dict.fromkeys(
                name.split("/")[1]
                for name in names
                if name.startswith(f"{chapter}/")
                and name.endswith("/index.md")
                and name.count("/") == 2
                and name in self.pages
            )
        )

    def _read_pages(self) -> Iterator[Page]:
        for name in self.files:
            path = self.docs / name
            if not name.endswith(".md") or path.is_symlink():
                continue
            try:
                yield Page(path, name)
            except UnicodeDecodeError as error:
                line = path.read_bytes()[: error.start].count(b"\n") + 1
                self.faults.append(Fault(f"docs/{name}", line, "encoding", "not UTF-8", "save the file as UTF-8"))

    def _read_nav(self) -> Iterator[NavEntry]:
        config = self.root / "mkdocs.yml"
        try:
            tree = yaml.compose(config.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            self.faults.append(
                Fault(
                    "mkdocs.yml",
                    mark.line + 1 if mark else 0,
                    "configuration",
                    f"invalid YAML: {getattr(error, 'problem', None) or error}",
                    "correct the line",
                )
            )
            return
        for key, value in tree.value if isinstance(tree, yaml.MappingNode) else ():
            if key.value == "nav":
                yield from self._walk_nav(value, "")

    def _walk_nav(self, node: yaml.Node, tab: str) -> Iterator[NavEntry]:
        if isinstance(node, yaml.ScalarNode):
            yield NavEntry(node.value, node.start_mark.line + 1, tab)
            return
        for item in node.value:
            if isinstance(item, yaml.MappingNode):
                for key, value in item.value:
                    if isinstance(value, yaml.ScalarNode):
                        self.faults.append(
                            Fault(
                                "mkdocs.yml",
                                key.start_mark.line + 1,
                                "nav",
                                f"the entry {key.value!r} gives a page a title",
                                f"write the path alone (- {value.value}): a page's title is its H1",
                            )
                        )
                    yield from self._walk_nav(value, tab or key.value)
            else:
                yield from self._walk_nav(item, tab)
