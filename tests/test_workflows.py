"""Promise: workflow files are valid, pinned and give a pull request no more than it needs."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT

WORKFLOW = ROOT / ".github/workflows/check.yml"
# name: (old, new, the tool that must refuse it)
WEAKENED = {
    "unpinned action": ("@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "zizmor"),
    "secrets for strangers": ("  pull_request:", "  pull_request_target:", "zizmor"),
    "credentials kept": ("          persist-credentials: false\n", "", "zizmor"),
    "title runs as code": (".ci/run", 'echo "${{ github.event.pull_request.title }}"', "zizmor"),
    "unknown key": ("timeout-minutes", "timeout-minuts", "actionlint"),
}


def complaints(tool: str, workflow: Path) -> str:
    """What a tool says of a workflow; empty where it has nothing to say."""
    command = [tool, "--offline", "--persona", "pedantic", "--no-progress"] if tool.endswith("zizmor") else [tool, "-no-color"]
    done = subprocess.run([*command, str(workflow)], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("workflow", sorted((ROOT / ".github/workflows").iterdir()), ids=lambda path: path.name)
@pytest.mark.parametrize("tool", ["actionlint", "zizmor"])
def test_a_workflow_is_clean(tool: str, workflow: Path, binary: Callable[[str], str]) -> None:
    assert complaints(binary(tool), workflow) == ""


@pytest.mark.parametrize("name", WEAKENED)
def test_a_weakened_workflow_is_refused(name: str, tmp_path: Path, binary: Callable[[str], str]) -> None:
    old, new, tool = WEAKENED[name]
    text = WORKFLOW.read_text(encoding="utf-8")
    assert old in text
    weakened = tmp_path / ".github/workflows/check.yml"
    weakened.parent.mkdir(parents=True)
    weakened.write_text(text.replace(old, new), encoding="utf-8")
    assert "check.yml" in complaints(binary(tool), weakened)
