"""Python-Markdown extension for what GitHub renders and Python-Markdown does not.

`<details>` holds Markdown on GitHub; md_in_html reads it only with a `markdown` attribute, which this adds.
"""

import re

from markdown import Extension, Markdown
from markdown.preprocessors import Preprocessor

_DETAILS = re.compile(r"^<details( open)?>", re.MULTILINE)


class FoldedMarkdown(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        return _DETAILS.sub(r'<details\1 markdown="1">', "\n".join(lines)).split("\n")


class HandbookExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        # After fenced code was taken out (25), before HTML blocks are read (20).
        md.preprocessors.register(FoldedMarkdown(md), "handbook-details", 22)


def makeExtension(**options: object) -> Extension:
    return HandbookExtension(**options)
