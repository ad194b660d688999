"""What several promises need: the project, copies of it to break, the built site, binaries."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from handbook.build import served as serve_folder
from handbook.checks import remarks

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--labs", action="store_true", help="run each lab as well, as CI does")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """A test marked `alone` measures this machine's speed: it waits for the other worker's test, and no next one begins beside it."""
    run = getattr(item.config, "workerinput", {}).get("testrunuid", os.getpid())
    alone = item.get_closest_marker("alone") is not None
    places = [Path(tempfile.gettempdir(), f"handbook-tests-{run}-{name}") for name in ("turn", "running")]
    with places[0].open("w") as turn, places[1].open("w") as running:
        fcntl.flock(turn, fcntl.LOCK_EX)  # who waits for the machine keeps the next ones from beginning
        fcntl.flock(running, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(turn, fcntl.LOCK_UN)
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Whoever merges reads which guards a change touches; GitHub shows it beside the change."""
    for note in remarks(ROOT):
        place, _, words = note.partition(": ")
        on_github = f"::warning file={place.replace(':', ',line=')}::{words}"
        terminalreporter.write_line(on_github if os.environ.get("GITHUB_ACTIONS") == "true" else note)
    # What tests have measured, also when they pass: `record_property("figure", …)`.
    for outcome in ("passed", "failed"):
        for one in terminalreporter.stats.get(outcome, []):
            for name, text in one.user_properties if one.when == "call" else ():
                if name == "figure":
                    terminalreporter.write_line(text)


def find_binary(name: str) -> str:
    """The path of a binary from the environment, the npm packages or the machine."""
    places = [str(Path(sys.executable).parent), str(ROOT / "node_modules/.bin"), os.environ["PATH"]]
    found = shutil.which(name, path=os.pathsep.join(places))
    if not found:
        missing = f"{name} is not on this machine: scripts/debian-packages names its package, ./scripts/test the command"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    return found


@pytest.fixture(scope="session")
def binary() -> Callable[[str], str]:
    return find_binary


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project as it is now, without what git ignores, in a folder that a test may break."""
    return copy_project(tmp_path / "handbook")


def copy_project(target: Path) -> Path:
    listed = subprocess.run(
        [find_binary("git"), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def edit(path: str, old: str, new: str) -> Callable[[Path], None]:
    """A change of one place in a file; `old` must stand there, so that no case can go stale unnoticed."""

    def change(root: Path) -> None:
        text = (root / path).read_text(encoding="utf-8")
        assert re.search(old, text, re.MULTILINE), f"{old!r} is not in {path}"
        (root / path).write_text(re.sub(old, new, text, count=1, flags=re.MULTILINE), encoding="utf-8")

    return change


def build(root: Path, site: Path, **addresses: str) -> subprocess.CompletedProcess[str]:
    """`mkdocs build --strict` as everybody runs it, with these addresses alone (SITE_URL, REPO_URL, EDIT_URI)."""
    environment = {key: value for key, value in os.environ.items() if key not in ("SITE_URL", "REPO_URL", "EDIT_URI")}
    return subprocess.run(
        [find_binary("mkdocs"), "build", "--strict", "--site-dir", str(site)],
        cwd=root, env=environment | addresses | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
    )


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The handbook built strictly."""
    folder = tmp_path_factory.mktemp("built") / "site"
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The handbook as `handbook build` makes it for readers."""
    folder = tmp_path_factory.mktemp("published") / "site"
    done = subprocess.run([find_binary("handbook"), "build", "--output", str(folder)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def npm(name: str) -> Path:
    """A file of an npm package that tests use."""
    path = ROOT / "node_modules" / name
    if not path.is_file():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{name} is not installed: ./scripts/test fetches it")
    return path


def serve(folder: Path) -> Iterator[str]:
    """Serves a folder on loopback until the generator is closed; yields its address."""
    with serve_folder(folder) as address:
        yield address


@pytest.fixture(scope="session")
def served(site: Path) -> Iterator[str]:
    yield from serve(site)
