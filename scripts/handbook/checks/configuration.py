"""Settings that guard readers and builders stay: what weakens one stands beside its reason, in a comment."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import yaml

from handbook.book import Book
from handbook.fault import Fault

KEYS = {
    *("site_name", "site_description", "copyright", "site_url", "repo_url", "edit_uri", "strict", "theme", "plugins"),
    *("markdown_extensions", "extra_css", "validation", "exclude_docs", "nav"),
}
PLUGINS = {"mermaid2"}
EXTENSIONS = {
    *("footnotes", "github-callouts", "handbook.glossary", "handbook.markdown", "md_in_html", "tables", "toc"),
    *("pymdownx.highlight", "pymdownx.superfences", "pymdownx.tasklist"),
}
# What a build may call: YAML tags run code on the machine that builds.
CALLS = {"pymdownx.slugs.slugify", "handbook.diagrams.fence", "handbook.markdown.fence"}
WARN = {
    "nav": ("omitted_files", "not_found", "absolute_links"),
    "links": ("not_found", "anchors", "absolute_links", "unrecognized_links"),
}
HIDDEN = {"__pycache__/", "assets/vendor/"}
# markdownlint's rules that are off, each with its reason: JSON holds no comment.
RULES_OFF = {
    "MD011": "takes f(x)[0] for a link the wrong way round; checks/prose.py knows one",
    "MD013": "one line a paragraph",
    "MD028": "two callouts follow each other",
    "MD036": "one bold is a takeaway or a list's title (CONTRIBUTING.md)",
}
_LINT_KEYS = {"config", "noBanner", "noProgress"}
REASON = "set it back, or say why in a comment on the line: # reason"
_PYTHON_TAG = re.compile(r"(?:tag:yaml\.org,2002:)?python/[\w/]+:(.*)")


class _Entry(NamedTuple):
    path: tuple[str, ...]
    value: str
    line: int
    tag: str


def check(book: Book) -> Iterator[Fault]:
    for rule in (_mkdocs, _package, _project):
        yield from rule(book)


def reasoned(rows: list[str], line: int) -> bool:
    """Whether a comment of some length stands on the line, or is the line above."""
    own = re.search(r"(?:^|\s)#\s*\S.{9,}", rows[line - 1])
    return bool(own or (line > 1 and re.fullmatch(r"\s*#\s*\S.{9,}", rows[line - 2])))


def _mkdocs(book: Book) -> Iterator[Fault]:
    def fault(line: int, wrong: str, repair: str = REASON) -> Fault:
        return Fault("mkdocs.yml", line, "configuration", wrong, repair)

    text = (book.root / "mkdocs.yml").read_text(encoding="utf-8", errors="replace")
    rows = text.split("\n")
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return  # a fault of the navigation's reader
    entries = list(_walk(tree, ())) if tree else []
    for entry in entries:
        called = _PYTHON_TAG.fullmatch(entry.tag)
        if called and called[1] not in CALLS:
            yield fault(entry.line, f"runs {called[1]} when the site is built", "delete it")
        elif (wrong := _weaker(entry)) and not reasoned(rows, entry.line):
            yield fault(entry.line, wrong)
    values = {entry.path: entry for entry in entries}
    due = {("strict",): "true", **{("validation", group, key): "warn" for group, keys in WARN.items() for key in keys}}
    for path, value in {**due, ("theme", "font"): "false"}.items():
        has = values.get(path)
        if has is None:
            yield fault(0, f"{': '.join(path)} is not set", f"write {': '.join(path)}: {value}")
        elif has.value.lower() != value and not reasoned(rows, has.line):
            yield fault(has.line, f"{': '.join(path)} is {has.value!r}, which guards less than {value}")


def _walk(node: yaml.Node, path: tuple[str, ...]) -> Iterator[_Entry]:
    line = node.start_mark.line + 1
    yield _Entry(path, node.value if isinstance(node, yaml.ScalarNode) else "", line, node.tag)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            yield _Entry((*inner, ""), "", key.start_mark.line + 1, key.tag)
            yield from _walk(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            name = value.value if isinstance(value, yaml.ScalarNode) else ""
            if name:
                yield _Entry((*path, name, ""), "", value.start_mark.line + 1, value.tag)
            yield from _walk(value, path)


def _weaker(entry: _Entry) -> str:
    """What an entry of mkdocs.yml takes away, or lets in; "" for a harmless one."""
    match entry.path:
        case (key, "") if key not in KEYS:
            return f"{key}: is new"
        case ("plugins", name, "") if name not in PLUGINS:
            return f"the plugin {name!r} runs when the site is built"
        case ("markdown_extensions", name, "") if name not in EXTENSIONS:
            return f"the extension {name!r} changes what a page can do"
        case ("theme", "custom_dir") if entry.value != "overrides":
            return f"templates from {entry.value!r}"
        case ("extra_css" | "extra_javascript", *_) if re.match(r"(?:[a-z]+:)?//", entry.value):
            return f"{entry.value} comes from another host"
        case ("exclude_docs",) if added := set(entry.value.split("\n")) - HIDDEN - {""}:
            return f"{', '.join(sorted(added))} is kept from the build"
    return ""


def _package(book: Book) -> Iterator[Fault]:
    path = book.root / "package.json"
    text = path.read_text(encoding="utf-8") if path.is_file() else "{}"
    try:
        package = json.loads(text)
    except json.JSONDecodeError as error:
        yield Fault("package.json", error.lineno, "configuration", f"invalid JSON: {error.msg}", "correct the line")
        return
    lint = package.get("markdownlint-cli2", {})
    off = [name for name, value in lint.get("config", {}).items() if value is False and name not in RULES_OFF]
    for name in [*off, *(lint.keys() - _LINT_KEYS), *(package.keys() & {"scripts"})]:
        # The last of a name that stands twice is the one that counts.
        line = max((number for number, row in enumerate(text.split("\n"), 1) if f'"{name}"' in row), default=0)
        repair = "set it back; a rule's reason belongs into RULES_OFF in scripts/handbook/checks/configuration.py"
        yield Fault("package.json", line, "configuration", f"{name!r} lets more through", repair)


_LISTS = re.compile(r'\s*(?:"[^"]+"|[\w-]*(?:ignore|exclude|skip|disable)[\w-]*|addopts) *= *(.*)')


def _project(book: Book) -> Iterator[Fault]:
    rows = (book.root / "pyproject.toml").read_text(encoding="utf-8", errors="replace").split("\n")
    table, inside = "", False
    for number, row in enumerate(rows, 1):
        if head := re.match(r"\[+(tool\.[^\]]+|[^\]]+)\]+", row):
            table, inside = head[1], False
        start = _LISTS.match(row) if table.startswith("tool.") else None
        weak = (bool(start) and not re.fullmatch(r"\[\s*|\"--strict-markers[\w -]*\"", start[1])) or inside
        if start and start[1].startswith("[") and "]" not in start[1]:
            inside = True
        elif row.strip().startswith("]"):
            inside = weak = False
        if weak and row.strip() and not reasoned(rows, number):
            wrong = f"{row.strip()[:50]} in {table} lets more through"
            yield Fault("pyproject.toml", number, "configuration", wrong, REASON)
