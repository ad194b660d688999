"""Listings parse: Python, JSON, YAML, TOML, shell; none is too wide, none makes a reader copy a prompt."""

import ast
import json
import re
import shutil
import subprocess
import textwrap
import tomllib
import warnings
from collections.abc import Callable, Iterator
from functools import cache

import yaml

from handbook.book import Book, Fence, Page
from handbook.fault import Fault

WIDEST = 100  # columns; what a reader sees without scrolling
_ANY_WIDTH = ("mermaid", "math", "text")  # drawn, or printed by a program
_PROMPT = re.compile(r"\s*(?:\$|>>>|\.\.\.(?! #)|In \[\d+\]:|PS>|[\w.-]+@[\w.-]+[:~]\S*[$#]) \S")
_PROMPTS_BELONG = ("text", "diff")
_SHELLS = ("sh", "bash", "shell", "zsh")


def check(book: Book, page: Page) -> Iterator[Fault]:
    for fence in page.fences:
        language = fence.info.split(" ")[0].lower()
        rows = fence.code.split("\n")
        for number, row in enumerate(rows, fence.line + 1):
            if len(row) > WIDEST and language not in _ANY_WIDTH:
                wrong = f"{len(row)} columns of code"
                yield Fault(f"docs/{page.name}", number, "code", wrong, f"break the line before column {WIDEST}")
        prompt = next((n for n, row in enumerate(rows, fence.line + 1) if _PROMPT.match(row)), 0)
        if prompt and language not in _PROMPTS_BELONG and not (language in _SHELLS and "<<" in fence.code):
            repair = "write the command alone, and what it prints in a ```text block of its own"
            yield Fault(f"docs/{page.name}", prompt, "code", "a prompt, which readers would copy", repair)
            continue
        for line, wrong in _unparsed(language, fence):
            repair = "correct it; what is meant to be incomplete goes into ```text"
            yield Fault(f"docs/{page.name}", fence.line + max(line, 1), "code", f"not {language}: {wrong}", repair)


def _unparsed(language: str, fence: Fence) -> Iterator[tuple[int, str]]:
    parse = _PARSERS.get(language)
    if parse and 'title="lab.py"' not in fence.info:  # an excerpt is verbatim, and may begin anywhere
        try:
            parse(fence.code)
        except SyntaxError as error:
            yield error.lineno or 1, error.msg
        except json.JSONDecodeError as error:
            yield error.lineno, error.msg
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"line (\d+)", str(error))
            yield int(found[1]) if found else 1, str(error)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            yield mark.line + 1 if mark else 1, getattr(error, "problem", None) or str(error)
        except (ValueError, RecursionError, MemoryError) as error:  # NUL in Python, brackets a thousand deep
            yield 1, str(error) or type(error).__name__


def _python(code: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        ast.parse(textwrap.dedent(code))


def _yaml(code: str) -> None:
    for _ in yaml.parse(code, Loader=yaml.SafeLoader):
        pass


def _shell(code: str) -> None:
    """`sh -n` reads, and runs nothing. Where there is no shell, nobody is hindered."""
    shell = _which("bash") or _which("sh")
    if shell:
        done = subprocess.run([shell, "-n"], input=code, capture_output=True, text=True, timeout=20)
        if done.returncode:
            words = done.stderr.strip().splitlines()
            found = re.search(r"line (\d+): (.*)|: (\d+): (.*)", words[0]) if words else None
            line = int(found[1] or found[3]) if found else 1
            raise SyntaxError((found[2] or found[4]) if found else "the shell refuses it", ("", line, 0, ""))


@cache
def _which(name: str) -> str | None:
    return shutil.which(name)


_PARSERS: dict[str, Callable[[str], object]] = {
    "python": _python,
    "py": _python,
    "json": json.loads,
    "yaml": _yaml,
    "yml": _yaml,
    "toml": tomllib.loads,
    **dict.fromkeys(_SHELLS, _shell),
}
