"""`uv run handbook VERB`: results go to stdout, notes and progress to stderr, the exit code is 0 or 1."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from handbook.book import Book, Page
from handbook.checks import check as find_faults
from handbook.checks import unwritten
from handbook.new import Refused
from handbook.new import new as make_page
from handbook.sync import derived

notes = Console(stderr=True, soft_wrap=True, highlight=False)


def find_root() -> Path:
    """The nearest folder upwards that holds mkdocs.yml."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "mkdocs.yml").is_file():
            return folder
    raise click.ClickException("no mkdocs.yml in this folder or above: run the command inside the handbook's clone")


@click.group()
def handbook() -> None:
    """Makes, checks and rewrites pages of the handbook."""


@handbook.command()
@click.argument("name", metavar="CHAPTER/TOPIC")
@click.option("--title", help="The page's title, where the folder's name is not enough.")
def new(name: str, title: str | None) -> None:
    """Make a page from the template, with its line in the navigation."""
    root = find_root()
    try:
        page = make_page(root, name, title)
    except Refused as refusal:
        raise click.ClickException(str(refusal)) from None
    click.echo(page.relative_to(root))
    notes.print(
        f"next: write it, see it with ./scripts/preview, check it with: uv run handbook check {page.relative_to(root)}"
    )


@handbook.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
def check(paths: tuple[Path, ...]) -> None:
    """Say everything that can be said about pages without building, about PATHS alone where they are given."""
    root = find_root()
    wanted = []
    for path in paths:
        if not path.exists():
            raise click.ClickException(f"{path} does not exist: name a file or folder of the handbook")
        if not path.resolve().is_relative_to(root):
            raise click.ClickException(f"{path} lies outside the handbook ({root.name}/)")
        wanted.append(path.resolve().relative_to(root))

    def concerns(place: str) -> bool:
        return not wanted or any(Path(place).is_relative_to(path) for path in wanted)

    faults = [fault for fault in find_faults(root, _progress) if concerns(fault.path)]
    for note in unwritten(root):
        if concerns(note.partition(":")[0]):
            notes.print(note, markup=False)
    for fault in faults:
        click.echo(str(fault))
    if faults:
        notes.print(f"{len(faults)} fault{'s' * (len(faults) > 1)}")
        sys.exit(1)


@handbook.command()
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit 1 where something would change.")
def sync(only_check: bool) -> None:
    """Rewrite everything derived."""
    stale = [(page, text) for page, text in derived(Book(find_root())) if text != page.text]
    for page, text in stale:
        if not only_check:
            page.path.write_text(text, encoding="utf-8")
        click.echo(f"docs/{page.name}")
    sys.exit(1 if only_check and stale else 0)


def _progress(pages: list[Page]) -> Iterator[Page]:
    yield from track(pages, "checking pages", console=notes, transient=True, disable=not notes.is_terminal)


def main() -> None:
    click.UsageError.exit_code = 1
    try:
        handbook()
    except OSError as error:
        raise SystemExit(f"Error: {error.filename or ''}: {error.strerror}") from None
