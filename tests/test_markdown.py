"""Promise: the Markdown reads the same on GitHub and on the site; markdownlint has nothing to say."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT

# MD036 is off: a paragraph that is one bold is a takeaway or a list title here (CONTRIBUTING.md), never a heading.
PAGES = ["docs/**/*.md", "README.md", "CONTRIBUTING.md"]
# name: (text, the rule that must be named)
ODD = {
    "list without its blank line": ("Text\n- a\n- b\n", "MD032"),
    "fence without a language": ("```\nx\n```\n", "MD040"),
    "raw HTML": ("<script>alert(1)</script>\n", "MD033"),
    "bare address": ("See https://example.org.\n", "MD034"),
    "image without words": ("![](../assets/overview.svg)\n", "MD045"),
    "hard tab": ("\tx\n\n- a\tb\n", "MD010"),
    "broken table": ("| a | b |\n| --- | --- |\n| 1 |\n", "MD056"),
}


def lint(markdownlint: str, root: Path, *globs: str) -> subprocess.CompletedProcess[str]:
    command = [markdownlint, "--config", "package.json", "--configPointer", "/markdownlint-cli2", *globs]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


def test_pages_are_clean(binary: Callable[[str], str]) -> None:
    done = lint(binary("markdownlint-cli2"), ROOT, *PAGES)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ODD)
def test_odd_markdown_is_refused(name: str, copy: Path, binary: Callable[[str], str]) -> None:
    text, rule = ODD[name]
    page = copy / "docs/devops/index.md"
    page.write_text(page.read_text(encoding="utf-8") + f"\n{text}", encoding="utf-8")
    done = lint(binary("markdownlint-cli2"), copy, "docs/devops/index.md")
    assert done.returncode == 1
    assert f"{rule}/" in done.stderr and "docs/devops/index.md:" in done.stderr
