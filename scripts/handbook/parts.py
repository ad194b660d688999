"""Python-Markdown extension: gives the parts of a page the classes that the stylesheet knows them by.

The Markdown stays plain. Links into results.json are measured numbers and verdicts; a paragraph that is one bold is a
takeaway, before a list or table its title; one italic after a table or chart is its provenance; one image is a chart.
Tables, charts and code scroll by keyboard too, alignment is a class and no style, and a task's box has a name.
"""

import re
from xml.etree.ElementTree import Element

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

from handbook.evidence import VERDICTS

_RESULT = re.compile(r"(?:.*/)?results(?:\.[a-z0-9-]+)?\.json#/.+")
_RAW = re.compile(r"\x02wzxhzdk:\d+\x03")  # where Python-Markdown has put raw HTML aside, such as a comment
_BOX = re.compile(r'^<input type="checkbox"( disabled)?( checked)?/> ')
_SHORT = 16  # characters of code that stay on one line: an option, in a table a short command too
_LONG = 24  # characters of a word of code that breaks anywhere, since the table would leave the page
_CODE = re.compile(r"(?<=<pre)(?=[^>]*>(?:<span></span>)?<code>)")


class Parts(Treeprocessor):
    def run(self, root: Element) -> None:
        for link in root.iter("a"):
            if _RESULT.fullmatch(href := link.get("href", "")):
                verdict = href.endswith("/verdict") and link.text in VERDICTS
                link.set("class", f"verdict {link.text}" if verdict else "measured")
        for code in root.iter("code"):
            if "-" in (text := code.text or "") and " " not in text and len(text) <= _SHORT:
                code.set("class", "short")
        blocks = [one for one in root if not (one.tag == "p" and _RAW.fullmatch((one.text or "").strip()))]
        for before, block, after in zip([None, *blocks], blocks, [*blocks[1:], None], strict=False):
            only = _only(block)
            if only == "strong":
                block.set("class", "takeaway" if after is None or after.tag not in ("ul", "ol", "table") else "kicker")
            elif only == "em" and (_shows(before) or (block[0].text or "").startswith("Recorded ")):
                block.set("class", "provenance")
            elif only == "img":
                block.attrib |= {"class": "chart", "tabindex": "0"}
        for parent in list(root.iter()):
            for place, child in enumerate(parent):
                if child.tag == "table" and not child.get("class"):
                    parent[place] = _scrolling(child)
        stash = self.md.htmlStash.rawHtmlBlocks
        stash[:] = [_reachable(block) if isinstance(block, str) else block for block in stash]


def _shows(block: Element | None) -> bool:
    return block is not None and (block.tag == "table" or block.get("class") == "chart")


def _only(block: Element) -> str:
    """The tag of what a paragraph wholly consists of, or nothing."""
    whole = block.tag == "p" and not block.get("class") and len(block) == 1
    return block[0].tag if whole and not (block.text or "").strip() and not (block[0].tail or "").strip() else ""


def _scrolling(table: Element) -> Element:
    heads = ["".join(head.itertext()) for head in table.iter("th")]
    for cell in table.iter():
        align = re.fullmatch(r"text-align: (\w+);", cell.attrib.pop("style", ""))
        if align and align[1] != "left":
            cell.set("class", align[1])
        if cell.tag == "code" and cell.text:
            cell.text = AtomicString(cell.text.replace("\\|", "|"))  # as GitHub: within a table code escapes it too
            if len(cell.text) <= _SHORT:
                cell.set("class", "short")
            elif max(map(len, cell.text.split())) > _LONG:
                cell.set("class", "long")
    table.set("class", "data wide" if len(heads) > 3 else "data")
    name = f"Table: {', '.join(filter(None, heads))}"
    frame = Element("div", {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": name})
    frame.tail, table.tail = table.tail, None
    frame.append(table)
    return frame


def _reachable(block: str) -> str:
    """Raw HTML of a task's box with a name, of a block of code that the keyboard can scroll."""
    box = _BOX.fullmatch(block)
    if box:
        return f'{block[:-3]} aria-label="{"done" if box[2] else "to check"}"/> '
    return _CODE.sub(' tabindex="0"', block) if block.startswith('<div class="highlight">') else block


class PartsExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        # After inline Markdown (20) and the glossary (15), before MkDocs resolves links (0).
        md.treeprocessors.register(Parts(md), "handbook-parts", 10)


def makeExtension(**options: object) -> Extension:
    return PartsExtension(**options)
