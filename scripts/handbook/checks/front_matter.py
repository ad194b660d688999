"""A page opens with a `description` that makes one click and the date of its last review, and nothing else."""

import datetime
from collections.abc import Iterator

import yaml

from handbook.book import Book, Page
from handbook.fault import Fault

EXAMPLE = 'write\n---\ndescription: "One sentence of 50 to 160 characters"\nreviewed: 2026-11-24\n---'.replace(
    "\n", " ⏎ "
)
KEYS = {"description": str, "reviewed": datetime.date}


def check(book: Book, page: Page) -> Iterator[Fault]:
    def fault(line: int, wrong: str, repair: str) -> Fault:
        return Fault(f"docs/{page.name}", line, "front-matter", wrong, repair)

    start, text = page.front_matter
    if not start:
        unclosed = page.text.startswith("---\n")
        yield fault(1, "not closed by a line ---" if unclosed else "missing", EXAMPLE)
        return
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or error
        yield fault(start + mark.line if mark else start, f"invalid YAML: {what}", EXAMPLE)
        return
    if not isinstance(tree, yaml.MappingNode):
        yield fault(start, "not a list of keys and values", EXAMPLE)
        return
    seen: set[str] = set()
    for key, value in tree.value:
        line = start + key.start_mark.line
        name = str(key.value)
        if name not in KEYS:
            yield fault(line, f"unknown key {name!r}", "a page has description and reviewed alone: delete the line")
        elif name in seen:
            yield fault(line, f"{name} stands twice", "delete one of them")
        elif type(values[name]) is not KEYS[name]:
            shape = "a sentence in quotes" if KEYS[name] is str else "a date, for example 2026-11-24"
            yield fault(line, f"{name} is {str(values[name])!r}", f"make it {shape}")
        elif name == "description" and not 50 <= len(value.value) <= 160:
            yield fault(
                line, f"description has {len(value.value)} characters", "write one sentence of 50 to 160 characters"
            )
        elif name == "reviewed" and values[name] > datetime.date.today():
            yield fault(
                line,
                f"reviewed {values[name]} lies in the future",
                "write the day on which somebody re-checked the page",
            )
        seen.add(name)
    for name in KEYS.keys() - seen:
        yield fault(start, f"{name} is missing", EXAMPLE)
