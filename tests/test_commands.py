"""Promise: the two commands set everything up, and say in one line what is missing and how to get it."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import copy_project, find_binary

from handbook import addresses

TOOLS = ("cat", "cksum", "cmp", "dirname", "env", "rm", "sed", "sh")  # what the scripts themselves call


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone that has been set up by its own script; a bad port ends it after the set-up."""
    root = copy_project(tmp_path_factory.mktemp("clone") / "handbook")
    done = preview(root, "0x")
    assert "is not a port" in done.stderr
    done = preview(root, "99999")
    assert "setting up" in done.stderr and (root / ".venv/bin/mkdocs").exists(), done.stderr
    return root


def preview(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A preview that is expected to end by itself."""
    return subprocess.run(
        [str(root / "scripts/preview"), *arguments], cwd=root.parent, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=120,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(text: str, address: str, process: subprocess.Popen[bytes], timeout_s: float = 60) -> None:
    """Returns when the page at `address` holds `text`; fails when it does not in time or the server has ended."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                if text in answer.read().decode():
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        pause.wait(0.1)
    pytest.fail(f"no {text!r} at {address}")


@pytest.fixture
def running(installed: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    process = subprocess.Popen(
        [str(installed / "scripts/preview"), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    yield f"http://127.0.0.1:{port}/", process
    os.killpg(process.pid, signal.SIGINT)
    process.wait(10)


def test_preview_serves_the_site_and_reloads_on_save(installed: Path, running: tuple[str, subprocess.Popen[bytes]]) -> None:
    address, process = running
    wait_for("Engineering Machine Learning Systems", address, process)
    wait_for("As of the start of this preview", f"{address}pagefind/handbook.json", process)
    page = installed / "docs/devops/index.md"
    text = page.read_text(encoding="utf-8")
    # A page in the middle of a change is shown all the same, broken link and all.
    page.write_text(text + "\nSaved a moment ago, see [x](gone.md).\n", encoding="utf-8")
    wait_for("Saved a moment ago", f"{address}devops/", process)
    wait_for("As of the start of this preview", f"{address}pagefind/handbook.json", process)
    page.write_text(text, encoding="utf-8")


def test_a_second_set_up_does_nothing(installed: Path) -> None:
    assert "setting up" not in preview(installed, "99999").stderr


def test_a_port_in_use_is_named_with_another(installed: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = preview(installed, str(port))
    assert done.returncode == 1
    assert f"error: port {port} is in use" in done.stderr and f"scripts/preview {port + 1}" in done.stderr
    assert "Traceback" not in done.stderr


def test_plain_mkdocs_works_in_the_environment(installed: Path) -> None:
    """`uv run mkdocs build --strict` is the same command as everywhere."""
    uv = installed / ".venv/bin/uv"
    command = [str(uv) if uv.exists() else shutil.which("uv") or "", "run", "mkdocs", "build", "--strict", "--quiet", "--site-dir", "built"]
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    done = subprocess.run(command, cwd=installed, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (installed / "built/index.html").is_file()
    assert not (installed / "uv.lock").exists()


def test_an_old_python_is_named(copy: Path, tmp_path: Path, binary: Callable[[str], str]) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for tool in TOOLS:
        (bin_folder / tool).symlink_to(shutil.which(tool) or "")
    old = bin_folder / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit\nexit 1\n')
    old.chmod(0o755)
    done = preview(copy, PATH=str(bin_folder), PYTHON="")
    assert done.returncode == 1
    assert "error: Python 3.11.5 or newer is needed (Python 3.9.2 found)" in done.stderr and "PYTHON=" in done.stderr


@pytest.mark.parametrize("script", ["preview", "test"])
def test_no_network_on_the_first_set_up(script: str, copy: Path, tmp_path: Path) -> None:
    offline = {
        "UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "cache"),
        "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull,
    }
    done = subprocess.run([str(copy / f"scripts/{script}")], env={**os.environ, **offline}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "network" in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


def test_a_lock_that_does_not_match_is_named_with_its_command(installed: Path, tmp_path: Path) -> None:
    root = shutil.copytree(installed, tmp_path / "handbook", symlinks=True)
    project = root / "pyproject.toml"
    project.write_text(project.read_text(encoding="utf-8").replace('"rich>=15"', '"rich>=99"'), encoding="utf-8")
    done = preview(root)
    assert done.returncode == 1
    assert "does not match pyproject.toml" in done.stderr and "uv pip compile pyproject.toml" in done.stderr


def handbook(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([find_binary("handbook"), *arguments], cwd=root, capture_output=True, text=True)


def test_an_address_that_moved_answers_on_the_built_site(copy: Path) -> None:
    """`handbook redirect` adds what leads on, `handbook build` writes it, and neither takes what leads nowhere."""
    for old, new, words in [
        ("devops/gates/index.md", "devops/gone/index.md", "devops/gone/index.md is not there"),
        ("devops/index.md", "index.md", "devops/index.md is there"),
        ("../x/index.md", "index.md", "was never an address"),
        ("assets/handbook.css", "index.md", "was never an address"),
    ]:
        done = handbook(copy, "redirect", old, new)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1) and words in done.stderr
    assert handbook(copy, "redirect", "devops/gates/index.md", "deployment/index.md#why-this-chapter-exists").returncode == 0
    assert handbook(copy, "redirect", "devops/index.md#rollback", "deployment/index.md").returncode == 0
    assert handbook(copy, "check").returncode == 0
    built = handbook(copy, "build")
    assert built.returncode == 0, built.stderr
    moved, page = copy / "site/devops/gates/index.html", copy / "site/devops/index.html"
    assert 'content="0; url=../../deployment/#why-this-chapter-exists"' in moved.read_text(encoding="utf-8")
    assert '<p id="rollback">This section has moved: <a href="../deployment/">' in page.read_text(encoding="utf-8")
    text = (copy / addresses.FILE).read_text(encoding="utf-8")
    circle = text.replace('"deployment/index.md#why-this-chapter-exists"', '"devops/old/index.md",\n    "devops/old/index.md": "devops/gates/index.md"')
    (copy / addresses.FILE).write_text(circle, encoding="utf-8")
    done = handbook(copy, "build")
    assert done.returncode == 1 and "a loop: devops/gates/index.md → devops/old/index.md → devops/gates/index.md" in done.stderr
    assert moved.is_file()


def test_check_says_which_guards_were_changed(copy: Path) -> None:
    git = [find_binary("git"), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for step in (["init", "--initial-branch", "main"], ["add", "--all"], ["commit", "--message", "Begin"], ["checkout", "-b", "change"]):
        subprocess.run([*git, *step], cwd=copy, check=True, capture_output=True)
    assert handbook(copy, "check").stderr == ""
    (copy / ".ci/run").write_text((copy / ".ci/run").read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    done = handbook(copy, "check")
    assert (done.returncode, done.stderr) == (0, ".ci/run: guards others and was changed: read this first\n")
