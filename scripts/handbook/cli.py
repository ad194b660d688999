"""`uv run handbook VERB`: results go to stdout, notes and progress to stderr, the exit code is 0 or 1."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, track
from rich.table import Table

from handbook import addresses, evidence, labs
from handbook.book import SLUG, Book
from handbook.build import Failed
from handbook.build import build as make_site
from handbook.checks import check as find_faults
from handbook.checks import check_with_tools, remarks, unwritten
from handbook.fault import Fault
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
@click.option("--all", "with_tools", is_flag=True, help="Ask spelling, secrets, workflow and Markdown tools as well.")
def check(paths: tuple[Path, ...], with_tools: bool) -> None:
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

    faults = find_faults(root, _progress)
    if with_tools:
        found, missing = check_with_tools(root)
        faults = sorted({*faults, *found})
        if missing:
            notes.print(f"not here, so skipped: {', '.join(missing)} (./scripts/test installs them)", markup=False)
    faults = [fault for fault in faults if concerns(fault.path)]
    for note in [*remarks(root), *unwritten(root)]:
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
    root = find_root()
    stale = [(path, due) for path, before, due in derived(Book(root)) if before != due]
    for path, due in stale:
        if not only_check:
            path.write_text(due, encoding="utf-8")
        click.echo(path.relative_to(root).as_posix())
    sys.exit(1 if only_check and stale else 0)


@handbook.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
def redirect(old: str, new: str) -> None:
    """Make an address that was published lead on, for instance devops/gates/index.md#tests to devops/index.md."""
    try:
        addresses.redirect(Book(find_root()), old, new)
    except addresses.Refused as refusal:
        raise click.ClickException(str(refusal)) from None
    click.echo(addresses.FILE)


@handbook.command()
@click.option("--forget", is_flag=True, help="Drop what is gone: only before anybody could have read it.")
def published(forget: bool) -> None:
    """Take every page and heading of today into the list of addresses that must not vanish."""
    addresses.publish(Book(find_root()), forget)
    click.echo(addresses.FILE)


@handbook.command()
@click.option("--output", type=click.Path(path_type=Path), default="site", show_default=True, help="The site's folder.")
def build(output: Path) -> None:
    """Make the publishable site."""
    root = find_root()
    try:
        make_site(root, (root / output).resolve(), lambda step: notes.print(f"{step} …"))
    except (Failed, addresses.Refused) as failed:
        raise click.ClickException(str(failed)) from None
    click.echo(output)


@handbook.command()
@click.argument("topic", metavar="CHAPTER/TOPIC")
@click.option("--quick", is_flag=True, help="A short run: does it work? Its numbers say little.")
@click.option("--newest", is_flag=True, help="The newest packages that the lab allows, not those on record.")
def lab(topic: str, quick: bool, newest: bool) -> None:
    """Run a lab here and print its table beside the recorded one."""
    root = find_root()
    with _told():
        one = _lab(root, topic)
        with _waiting(f"running {one.topic}"):
            raw = labs.execute(root, one, quick, {} if newest else labs.pins(one))
        here, recorded = evidence.tables(raw["samples"]), labs.load(one.path.parent).results.get("results.json")
        there = evidence.tables(recorded["samples"]) if recorded else {}
        for name, rows in here.items():
            table = Table(name, "", "here", "recorded", "")
            for row, cells in rows.items():
                for column, cell in cells.items():
                    other = there.get(name, {}).get(row, {}).get(column)
                    table.add_row(row, column, cell.text, other.text if other else "–", f"n = {cell.n}")
            Console().print(table)
        for name, claim in evidence.judged(one.claims, raw["samples"], 1).items():
            click.echo(f"{name}: {claim['verdict']} {claim.get('text', '')}".rstrip())


@handbook.command()
@click.argument("topics", metavar="CHAPTER/TOPIC…", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every lab of the handbook, one after another.")
@click.option("--again", is_flag=True, help="Add a session to those on record, to see whether another hour agrees.")
@click.option("--kind", help="Write results.KIND.json: the run of another machine.")
def record(topics: tuple[str, ...], everything: bool, again: bool, kind: str | None) -> None:
    """Run labs in full, write their results and rewrite what is derived from them."""
    root = find_root()
    if everything == bool(topics):
        raise click.ClickException("name CHAPTER/TOPIC, or say --all")
    if kind is not None and not SLUG.fullmatch(kind):
        raise click.ClickException(f"the kind {kind!r} is not lower-case words and hyphens, such as gpu")
    with _told():
        found = [_lab(root, topic) for topic in topics] if topics else list(_all_labs(root))
        for number, one in enumerate(found, 1):
            with _waiting(f"recording {one.topic} ({number} of {len(found)})"):
                path = labs.record(root, one, kind, again)
            click.echo(path.relative_to(root).as_posix())
            for name, claim in evidence.read(path)["claims"].items():
                click.echo(
                    f"  {name}: {claim['verdict']} (expected: {claim['expected']}) {claim.get('text', '')}".rstrip()
                )
            for changed, before, due in derived(Book(root)):
                if before != due:
                    changed.write_text(due, encoding="utf-8")


def _lab(root: Path, topic: str) -> labs.Lab:
    path = root / "docs" / topic.strip("/") / "lab.py"
    if not path.is_file():
        have = ", ".join(one.topic for one in _all_labs(root)) or "none"
        raise click.ClickException(f"there is no docs/{topic.strip('/')}/lab.py; labs: {have}")
    return labs.read(path)


def _all_labs(root: Path) -> Iterator[labs.Lab]:
    for path in sorted(root.glob("docs/*/*/lab.py")):
        yield labs.read(path)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """A lab's failure is one line and exit code 1."""
    try:
        yield
    except labs.Failed as failed:
        click.echo(str(failed.fault))
        sys.exit(1)
    except evidence.Wrong as wrong:
        raise click.ClickException(str(wrong)) from None
    except KeyboardInterrupt:
        raise click.ClickException("stopped; nothing was written") from None


def _waiting(what: str) -> contextlib.AbstractContextManager[object]:
    """A spinner with the time that has passed, on a terminal; one line elsewhere."""
    if not notes.is_terminal:
        notes.print(f"{what} …")
        return contextlib.nullcontext()
    progress = Progress(SpinnerColumn(), TextColumn(what), TimeElapsedColumn(), console=notes, transient=True)
    progress.add_task(what, total=None)
    return progress


def _progress(found: Iterable[list[Fault]], pages: int) -> Iterator[list[Fault]]:
    yield from track(found, "checking pages", total=pages, console=notes, transient=True, disable=not notes.is_terminal)


def main() -> None:
    click.UsageError.exit_code = 1
    try:
        handbook()
    except OSError as error:
        raise SystemExit(f"Error: {error.filename or ''}: {error.strerror}") from None
