"""Promise: the list of Debian packages is what tests and labs start, and the code keeps the project's own style."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Container, Iterator
from pathlib import Path

import pytest
from conftest import ROOT

STARTED = {"run", "Popen", "check_output", "check_call", "which", "binary", "find_binary", "server"}
CODE = sorted([*ROOT.glob("tests/**/*.py"), *ROOT.glob("docs/*/*/lab.py"), *ROOT.glob("scripts/**/*.py")])


def lists(tree: ast.AST, name: str) -> Iterator[ast.List]:
    """The lists that are assigned to a name and begin with text: commands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List) and node.value.elts:
            named = any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
            if named and isinstance(node.value.elts[0], ast.Constant):
                yield node.value


def started(code: str, known: Container[str] = ()) -> Iterator[str]:
    """Names of the binaries that a module starts or looks up, as far as they are written in it.

    Where a variable holds the name, they are those of its strings that are `known` as binaries.
    """
    tree = ast.parse(code)
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if name == "server" and isinstance(node.func, ast.Name):
                continue  # the module's own
            if name == "server" and isinstance(first, ast.Name):
                yield from (one.elts[0].value for one in lists(tree, first.id))
            if isinstance(first, ast.List) and first.elts:
                first = first.elts[0]
            if name in STARTED and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value
            elif name in STARTED:
                yield from (one for one in strings if one in known)


def brought_by_the_environment(name: str) -> bool:
    return any((folder / name).exists() for folder in (Path(sys.executable).parent, ROOT / "node_modules/.bin"))


def listed() -> list[str]:
    rows = (ROOT / "scripts/debian-packages").read_text(encoding="utf-8").splitlines()
    return sorted(binary for row in rows for binary in row.split()[1:])


def test_the_list_of_packages_is_what_is_started() -> None:
    names = {name for path in CODE for name in started(path.read_text(encoding="utf-8"), listed())}
    assert listed() == sorted(name for name in names if not brought_by_the_environment(name) and "no-such" not in name)


def test_a_started_binary_is_seen() -> None:
    code = 'subprocess.Popen(["redis-server", "--port"])\nbinary("etcd")\nshutil.which("nginx")\nprint("x")\n'
    code += 'command = ["memcached", "-l"]\nlabkit.server(command, ready=1)\n'
    assert sorted(started(code)) == ["etcd", "memcached", "nginx", "redis-server"]
    assert list(started('labkit.binary(kind)\nkinds = ["haproxy", "other"]\n', ["haproxy"])) == ["haproxy"]
    assert list(started('server("rest")\n', ["haproxy"])) == []


def test_code_keeps_its_style(binary: Callable[[str], str]) -> None:
    done = subprocess.run([binary("ruff"), "check", "--no-cache", str(ROOT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", ["scripts/preview", "scripts/test", "scripts/setup.sh", ".ci/run"])
def test_scripts_are_plain_shell(script: str, binary: Callable[[str], str]) -> None:
    """dash reads no bashism; macOS has sh too."""
    done = subprocess.run([binary("sh"), "-n", str(ROOT / script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


REGISTRY = re.compile("|".join(["pypi" + r"\.org", "python" + r"hosted\.org", "npm" + r"js\.(?:org|com)", "deb" + r"\.debian\.org"]))


def test_no_file_names_a_package_registry() -> None:
    """Whoever installs chooses the registry; a citation goes to a project's own site or repository."""
    named = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("*", "docs/**/*.md", "scripts/**/*", "tests/**/*", ".github/**/*", ".ci/*")
        for path in ROOT.glob(pattern)
        if path.is_file() and "__pycache__" not in path.parts and REGISTRY.search(path.read_text(encoding="utf-8"))
    }
    assert named == set()
    assert REGISTRY.search("https://registry.npm" + "js.org/")
