"""Runs a page's Python blocks that hold `#>` lines and compares what they print with what the page says.

Run as a program it reads one JSON list of pages' blocks, runs each page in turn and prints its faults; the caller ends
it when a page takes too long. Blocks may use the numeric part of the standard library and nothing else.
"""

import ast
import builtins
import contextlib
import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

MODULES = {"collections", "datetime", "decimal", "fractions", "functools", "heapq", "itertools", "math", "random"}
MODULES |= {"statistics"}
LIMIT_S = 5
_FORBIDDEN = {"breakpoint", "compile", "delattr", "eval", "exec", "exit", "getattr", "globals", "help", "input"}
_FORBIDDEN |= {"locals", "memoryview", "open", "quit", "setattr", "vars"}
_PRINTED = re.compile(r"(?<!['\"])#> ?(.*)$")

Block = tuple[int, str]  # the page's line of its first line of code, and the code
_known: dict[str, list[tuple[int, str, str]]] = {"[]": []}  # the faults of blocks that ran in this process already


def differences(pages: list[list[Block]]) -> list[list[tuple[int, str, str]]]:
    """For each page's blocks: line, what is wrong and what to do. Blocks of one page share their names."""
    keys = [json.dumps(blocks) for blocks in pages]
    new = [key for key in dict.fromkeys(keys) if key not in _known]
    if new:
        command = [sys.executable, "-I", __file__]
        done = subprocess.run(command, input=f"[{','.join(new)}]", capture_output=True, text=True, check=True)
        _known.update(zip(new, json.loads(done.stdout), strict=True))
    return [[(line, wrong, repair) for line, wrong, repair in _known[key]] for key in keys]


def _run(blocks: list[Block]) -> Iterator[tuple[int, str, str]]:
    names: dict[str, object] = {"__builtins__": {**vars(builtins), "__import__": _import}}
    for first, code in blocks:
        try:
            tree = ast.parse(code)
            _refuse(tree)
        except SyntaxError as error:
            yield first + (error.lineno or 1) - 1, f"does not parse: {error.msg}", "correct the block"
            return
        lines = code.splitlines()
        for index, statement in enumerate(tree.body):
            end = statement.end_lineno or 0
            until = tree.body[index + 1].lineno - 1 if index + 1 < len(tree.body) else len(lines)
            said = [found[1].rstrip() for line in lines[end - 1 : until] if (found := _PRINTED.search(line))]
            printed = io.StringIO()
            try:
                with contextlib.redirect_stdout(printed):
                    exec(compile(ast.Module([statement], []), "block", "exec"), names)
            except _Late:
                yield first + end - 1, f"takes longer than {LIMIT_S} s of the processor", "make it a lab"
                return
            except Exception as error:
                yield first + end - 1, f"raises {type(error).__name__}: {error}", "correct the block"
                return
            got = printed.getvalue().splitlines()
            if said and isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                got = [repr(names[statement.targets[0].id])]
            if said != got and (said or got):
                one = got[0] if len(got) == 1 else "\n".join(got)
                wrong = f"says {' / '.join(said) or 'nothing'!r}, the block gives {one!r}"
                yield first + end - 1, wrong, f"write #> {one}" if got else "print the value, or delete the #>"


def _refuse(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name in _FORBIDDEN or name.startswith("__"):
            raise SyntaxError(f"{name} is not for a page's arithmetic", ("", getattr(node, "lineno", 1), 0, ""))


def _import(name: str, *rest: object) -> object:
    if name not in MODULES:
        raise ImportError(f"{name} is not for a page's arithmetic, only {', '.join(sorted(MODULES))}")
    return __import__(name, *rest)  # type: ignore[arg-type]


class _Late(BaseException):
    """Out of time; no `except Exception` of a block may catch it."""


def _late(*_: object) -> None:
    raise _Late


def _main() -> int:
    signal.signal(signal.SIGVTALRM, _late)  # the processor's time: a busy machine makes no page wrong
    answers = []
    for blocks in json.load(sys.stdin):
        signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
        answers.append(list(_run(blocks)))
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    print(json.dumps(answers))
    return 0


if __name__ == "__main__":
    raise SystemExit(_main())
