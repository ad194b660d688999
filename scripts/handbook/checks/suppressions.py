"""Nothing is silenced without a reason, and nothing that a page loads comes from another host."""

import re
from collections.abc import Iterator

from handbook.book import Book
from handbook.checks.configuration import reasoned
from handbook.fault import Fault

# file, pattern, what is wrong. The line, or the one above, must say why.
SILENCED = (
    (r".*\.py", r"#\s*(?:ruff: )?noqa\b(?!: [A-Z]+\d+)|#\s*type: ignore(?!\[)", "silences every rule"),
    (
        r"(?!tests/).*\.(?:py|yml|sh|toml)",
        r"#\s*pragma: allowlist\b|codespell:" + "ignore",
        "hides a line from a checker",
    ),
    (
        r"\.github/.*\.ya?ml",
        r"continue-on-error: *true|\bzizmor: ignore\[[^\]]*\]\s*$|\|\| *true\b",
        "lets a failure pass",
    ),
    (
        r"\.ci/.*|scripts/test",
        r"\|\| *true\b|\bset \+e\b|--deselect|--ignore[ =]|\bexit 0\b|-k ",
        "lets a failure pass",
    ),
    (r"tests/.*\.py", r"pytest\.mark\.(?:skip|xfail)\b(?!.*reason=)|pytest\.skip\(\)", "a test that is left out"),
)
# Templates, style sheets and scripts of the site: pattern, what is wrong.
FOREIGN = (
    (
        re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)\s*=\s*[\"']?(?:https?:)?//", re.IGNORECASE),
        "loads from another host",
    ),
    (
        re.compile(r"@import\s+(?:url\()?[\"']?(?:https?:)?//|url\(\s*[\"']?(?:https?:)?//", re.IGNORECASE),
        "loads from another host",
    ),
    (re.compile(r"\b(?:import|from|fetch|importScripts)\b\s*\(?\s*[\"'`](?:https?:)?//"), "loads from another host"),
    (re.compile(r"<[a-z][^>]*\son[a-z]+\s*=|\bhref\s*=\s*[\"']?javascript:", re.IGNORECASE), "a handler in the markup"),
    (re.compile(r"\beval\(|\bnew Function\(|document\.write\("), "runs text as code"),
)
_SITE = re.compile(r"overrides/.*|docs/assets/.*\.(?:css|js|mjs)")


def check(book: Book) -> Iterator[Fault]:
    for name in book.tree:
        silenced = [(pattern, wrong) for place, pattern, wrong in SILENCED if re.fullmatch(place, name)]
        foreign = FOREIGN if _SITE.fullmatch(name) else ()
        path = book.root / name
        if not (silenced or foreign) or path.is_symlink():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        rows = text.split("\n")
        for number, row in enumerate(rows, 1):
            for pattern, wrong in silenced:
                if (found := re.search(pattern, row)) and not reasoned(
                    [*rows[: number - 1], row[found.end() :]], number
                ):
                    yield Fault(name, number, "configuration", f"{row.strip()[:60]}: {wrong}", "delete it, or say why")
        for pattern, wrong in foreign:
            for found in pattern.finditer(text):
                line = text.count("\n", 0, found.start()) + 1
                repair = "serve it from docs/assets, listen in a script of its own, or delete it"
                yield Fault(name, line, "foreign", f"{' '.join(found[0].split())[:60]}: {wrong}", repair)
