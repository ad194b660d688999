"""Python-Markdown extension for what GitHub renders and Python-Markdown does not.

`<details>` holds Markdown on GitHub; md_in_html reads it only with a `markdown` attribute, which this adds. `$…$` and
`$$…$$` are formulas on GitHub; here they become MathML. Prices ($4 and $5), code and \\$ stay what they are.
"""

import re
from xml.etree import ElementTree

from markdown import Extension, Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.inlinepatterns import InlineProcessor
from markdown.preprocessors import Preprocessor

from handbook import formulas, pages

_DETAILS = re.compile(r"^<details( open)?>", re.MULTILINE)
_BLOCK = re.compile(r"\$\$(.+)\$\$", re.DOTALL)
# As on GitHub: no digit or letter touches the outside of the dollars, no space their inside.
_INLINE = r"(?<![\\$\w])\$(?![\s$])((?:\\.|[^\\$])+?)(?<!\s)\$(?![\w$])"


class FoldedMarkdown(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        return _DETAILS.sub(r'<details\1 markdown="1">', "\n".join(lines)).split("\n")


class DisplayFormula(BlockProcessor):
    def test(self, parent: ElementTree.Element, block: str) -> bool:
        return bool(_BLOCK.fullmatch(block.strip()))

    def run(self, parent: ElementTree.Element, blocks: list[str]) -> None:
        tex = _BLOCK.fullmatch(blocks.pop(0).strip())[1].strip()
        ElementTree.SubElement(parent, "p").text = self.parser.md.htmlStash.store(_draw(tex, True, self.parser.md))


class InlineFormula(InlineProcessor):
    def handleMatch(self, found: re.Match[str], data: str) -> tuple[str, int, int]:
        return self.md.htmlStash.store(_draw(found[1], False, self.md)), found.start(), found.end()


class HandbookExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        # After fenced code was taken out (25), before HTML blocks are read (20).
        md.preprocessors.register(FoldedMarkdown(md), "handbook-details", 22)
        md.parser.blockprocessors.register(DisplayFormula(md.parser), "handbook-display-formula", 65)
        # After code (190), before escapes (180), which would take a formula's backslashes.
        md.inlinePatterns.register(InlineFormula(_INLINE, md), "handbook-formula", 185)
        md.ESCAPED_CHARS.append("$")


def fence(source: str, language: str, css_class: str, options: dict, md: Markdown, **_: object) -> str:
    """Formats ```math for pymdownx.superfences."""
    return _draw(source, True, md)


def _draw(tex: str, display: bool, md: Markdown) -> str:
    try:
        return formulas.frame(tex, display)
    except formulas.BrokenTeX as error:
        line = pages.line_of(tex, md)
        return pages.refuse(md, line + error.line if line else 0, f"math: {error.words}", tex)


def makeExtension(**options: object) -> Extension:
    return HandbookExtension(**options)
