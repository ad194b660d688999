"""What well-kept tools know better, in the form of every other fault; a tool that is missing is named, and left out."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

from handbook.book import Book
from handbook.fault import Fault

PROSE = ("README.md", "CONTRIBUTING.md")
_NODE_TOOLS = ("markdownlint-cli2",)
# It looks for known forms of tokens alone: entropy takes hashes for secrets, keywords take `password =`.
_NOISY = ("HexHighEntropyString", "Base64HighEntropyString", "KeywordDetector", "IPPublicDetector")
_DEFAULT = re.compile(r"://(\w+):(?:\1|pass(?:word)?|secret|\$\{?\w+\}?|<\w+>)@")  # what every installation begins with
# Written by machines; a hash is no secret, nor is a measured number.
_HASHES = r"requirements\.lock|package-lock\.json|.*\.woff2|.*\.svg|docs/.*/results[^/]*\.json"


def check(book: Book) -> tuple[list[Fault], list[str]]:
    """Faults, and the tools that are missing here."""
    faults: list[Fault] = []
    missing: list[str] = []
    with ThreadPoolExecutor() as pool:
        running: list[Future[list[Fault]]] = []
        for name, run in _TOOLS.items():
            if path := _which(book.root, name):
                running.append(pool.submit(lambda run=run, path=path: list(run(book, path))))
            else:
                missing.append(name)
        for one in running:
            faults.extend(one.result())
    return faults, missing


def _which(root: Path, name: str) -> str | None:
    own = [str(Path(sys.executable).parent), str(root / "node_modules/.bin")]
    found = next(filter(None, (shutil.which(name, path=place) for place in (*own, None))), None)
    return found if found and (name not in _NODE_TOOLS or _node()) else None


def _node() -> str | None:
    return shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")


def _run(book: Book, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=book.root, capture_output=True, text=True, timeout=120)


def _prose(book: Book) -> list[str]:
    return [f"docs/{name}" for name in book.pages] + [name for name in PROSE if name in book.tree]


def _failed(
    tool: str, done: subprocess.CompletedProcess[str], found: bool, clean: tuple[int, ...] = (0,)
) -> Iterator[Fault]:
    """A tool that ends badly without naming a fault has checked nothing: that is a fault as well."""
    if done.returncode not in clean and not found:
        words = " ".join((done.stderr or done.stdout).split())[-300:]
        yield Fault(".", 0, tool, f"it ended with {done.returncode}: {words}", "correct its settings")


def _codespell(book: Book, path: str) -> Iterator[Fault]:
    done = _run(book, path, "--disable-colors", *_prose(book))
    found = re.findall(r"^(.+?):(\d+): (\S+) ==> (.*)$", done.stdout, re.MULTILINE)
    for file, line, word, better in found:
        repair = f"write {better}; a word that is right belongs to [tool.codespell] in pyproject.toml"
        yield Fault(file.removeprefix("./"), int(line), "spelling", repr(word), repair)
    yield from _failed("codespell", done, bool(found))


def _detect_secrets(book: Book, path: str) -> Iterator[Fault]:
    files = [name for name in book.tree if not re.fullmatch(_HASHES, name) and not (book.root / name).is_symlink()]
    files = [name for name in files if _suspicious((book.root / name).read_bytes().decode("utf-8", errors="replace"))]
    options = [part for plugin in _NOISY for part in ("--disable-plugin", plugin)]
    if not files:
        return
    done = _run(book, path, "scan", "--no-verify", *options, *files)
    yield from _failed("detect-secrets", done, False)
    for file, secrets in (json.loads(done.stdout)["results"] if done.returncode == 0 else {}).items():
        rows = (book.root / file).read_text(encoding="utf-8").split("\n")
        for one in secrets:
            if _DEFAULT.search(rows[one["line_number"] - 1]):
                continue
            repair = "revoke it, it is public now; then write a name such as $TOKEN"
            yield Fault(Path(file).as_posix(), one["line_number"], "secret", one["type"], repair)


def _suspicious(text: str) -> bool:
    """Whether one of detect-secrets' own patterns occurs: read by lines, 100 pages take it ten seconds."""
    return any(pattern.search(text) for pattern in _patterns())


@cache
def _patterns() -> list[re.Pattern[str]]:
    try:
        from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    except ImportError:  # a program on PATH, of another environment: it gets every file
        return [re.compile("")]
    known = get_mapping_from_secret_type_to_class().values()
    return [pattern for one in known if one.__name__ not in _NOISY for pattern in getattr(one, "denylist", ())]


def _zizmor(book: Book, path: str) -> Iterator[Fault]:
    workflows = _workflows(book)
    if workflows:
        options = ["--offline", "--no-progress", "--persona", "pedantic", "--format", "json"]
        done = _run(book, path, *options, *workflows)
        found = json.loads(done.stdout) if done.stdout.lstrip().startswith("[") else []
        for one in found:
            first = one["locations"][0]
            line = first["concrete"]["location"]["start_point"]["row"] + 1
            file = first["symbolic"]["key"].get("Local", {}).get("given_path") or workflows[0]
            yield Fault(Path(file).as_posix(), line, "workflow", f"{one['ident']}: {one['desc']}", f"see {one['url']}")
        yield from _failed("zizmor", done, bool(found))


def _actionlint(book: Book, path: str) -> Iterator[Fault]:
    workflows = _workflows(book)
    if workflows:
        done = _run(book, path, "-no-color", "-shellcheck=", "-pyflakes=", "-oneline", *workflows)
        found = re.findall(r"^(.+?):(\d+):\d+: (.*?)(?: \[([\w-]+)\])?$", done.stdout, re.MULTILINE)
        for file, line, words, _ in found:
            yield Fault(file, int(line), "workflow", words, "correct the line")
        yield from _failed("actionlint", done, bool(found))


def _workflows(book: Book) -> list[str]:
    return [name for name in book.tree if re.fullmatch(r"\.github/workflows/.*\.ya?ml", name)]


def _markdownlint(book: Book, path: str) -> Iterator[Fault]:
    command = [
        str(_node()),
        str(Path(path).resolve()),
        "--config",
        "package.json",
        "--configPointer",
        "/markdownlint-cli2",
    ]
    done = _run(book, *command, *(f":{name}" for name in _prose(book)))
    found = re.findall(r"^(.+?):(\d+)(?::\d+)? (?:error |warning )?(MD\d+)/(\S+) (.*)$", done.stderr, re.MULTILINE)
    for file, line, rule, names, words in found:
        yield Fault(file, int(line), "markdown", f"{rule}: {words}", f"see {names} of markdownlint")
    yield from _failed("markdownlint-cli2", done, bool(found))


_TOOLS: dict[str, Callable[[Book, str], Iterator[Fault]]] = {
    "detect-secrets": _detect_secrets,
    "codespell": _codespell,
    "zizmor": _zizmor,
    "actionlint": _actionlint,
    "markdownlint-cli2": _markdownlint,
}
