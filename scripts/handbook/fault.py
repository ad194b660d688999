"""A fault: what is wrong, where, and the command or edit that repairs it."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """One line of a check's output. `path` is relative to the project's root; line 0 means the whole file."""

    path: str
    line: int
    rule: str
    wrong: str
    repair: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.rule}: {self.wrong} — {self.repair}"
