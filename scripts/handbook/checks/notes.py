"""What the check says without refusing: changes to files that guard others, and reviews that are due again."""

import datetime
import re
from pathlib import Path

from handbook.book import Book, git

# A change here changes what the next change may do: whoever merges reads it first.
GUARDS = re.compile(
    r"mkdocs\.yml|pyproject\.toml|package(?:-lock)?\.json|requirements\.lock|\.gitignore|\.gitattributes|\.github/.*|\.ci/.*"
    r"|scripts/.*|overrides/.*|tests/.*\.py|LICENSE.*|docs/assets/.*\.(?:js|css)"
)
REVIEW_DAYS = 365  # overrides/partials/content.html says it to readers
_BASES = ("origin/main", "main", "origin/HEAD")


def notes(book: Book) -> list[str]:
    return [*_guards(book.root), *_reviews(book)]


def _guards(root: Path) -> list[str]:
    """Guarding files that differ from the state which this branch began with; nothing where git cannot say."""
    if not (root / ".git").exists():
        return []
    base = next(filter(None, (git(root, "merge-base", "HEAD", one).strip() for one in _BASES)), "")
    # A pull request's checkout holds nothing but the merge and its parents, the first of which is the state before.
    base = base or git(root, "rev-parse", "--verify", "--quiet", "HEAD^1").strip()
    if not base:
        return []
    changed = git(root, "diff", "--name-only", base).splitlines()
    changed += git(root, "ls-files", "--others", "--exclude-standard").splitlines()
    return [
        f"{name}: guards others and was changed: read this first"
        for name in sorted(set(changed))
        if GUARDS.fullmatch(name)
    ]


def _reviews(book: Book) -> list[str]:
    today = datetime.date.today()
    due = []
    for page in book.pages.values():
        found = re.search(r"^reviewed: (\d{4}-\d\d-\d\d)$", page.front_matter[1], re.MULTILINE)
        try:
            reviewed = datetime.date.fromisoformat(found[1]) if found else today
        except ValueError:
            continue  # a fault of the front matter
        if (days := (today - reviewed).days) > REVIEW_DAYS:
            line = page.text[: page.text.index(found[0])].count("\n") + 1
            due.append(f"docs/{page.name}:{line}: reviewed {days} days ago: re-check it, then write today's date")
    return due
