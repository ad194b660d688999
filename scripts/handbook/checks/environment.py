"""requirements.lock pins what pyproject.toml asks for."""

import re
import tomllib
from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from handbook.book import Book
from handbook.fault import Fault


def check(book: Book) -> Iterator[Fault]:
    project, lock = book.root / "pyproject.toml", book.root / "requirements.lock"
    text = project.read_text(encoding="utf-8")
    try:
        metadata = tomllib.loads(text)["project"]
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        yield Fault(
            "pyproject.toml", int(line[1]) if line else 0, "configuration", f"invalid TOML: {error}", "correct it"
        )
        return
    locked = lock.read_text(encoding="utf-8") if lock.exists() else ""
    command = re.search(r"^# {4}(uv pip compile .*)$", locked, re.MULTILINE)
    repair = command[1] if command else "restore requirements.lock from git"
    pins = {canonicalize_name(name): version for name, version in re.findall(r"^(\S+?)==(\S+)", locked, re.MULTILINE)}
    wanted = metadata["dependencies"] + [one for extra in metadata["optional-dependencies"].values() for one in extra]
    for entry in wanted:
        line = next((number for number, row in enumerate(text.splitlines(), 1) if f'"{entry}"' in row), 0)
        try:
            requirement = Requirement(entry)
        except InvalidRequirement as error:
            yield Fault("pyproject.toml", line, "lock", f"{entry!r} is not a requirement: {error}", "correct it")
            continue
        pinned = pins.get(canonicalize_name(requirement.name))
        if pinned is None or not requirement.specifier.contains(pinned, prereleases=True):
            what = f"pins {pinned}" if pinned else "does not name it"
            yield Fault("pyproject.toml", line, "lock", f"{entry!r} is asked for, requirements.lock {what}", repair)
    for number, row in enumerate(locked.splitlines(), 1):
        if re.search(r"(?:https?|file)://", row):
            yield Fault("requirements.lock", number, "lock", "a download address", repair)
