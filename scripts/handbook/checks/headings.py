"""A page has one title, then sections in the order of its kind, each with text and a name of its own."""

import re
from collections.abc import Iterator

from handbook.book import SECTIONS, Book, Page
from handbook.fault import Fault


def check(book: Book, page: Page) -> Iterator[Fault]:
    def fault(line: int, wrong: str, repair: str) -> Fault:
        return Fault(f"docs/{page.name}", line, "headings", wrong, repair)

    titles = [heading for heading in page.headings if heading.level == 1]
    if not titles:
        yield fault(0, "no title", "begin the page with one line: # Title")
    for extra in titles[1:]:
        yield fault(extra.line, f"a second title, {extra.text!r}", "make it a section: ##")
    if page.blocks and page.blocks[0][1] != "heading" and titles:
        yield fault(page.blocks[0][0], "text before the title", "move it below the title")

    previous = None
    ids: dict[str, int] = {}
    for heading in page.headings:
        if not heading.text:
            yield fault(heading.line, "an empty heading", "name the section or delete the line")
        if heading.level > 3:
            yield fault(
                heading.line,
                f"{heading.text!r} is {heading.level} levels deep",
                "a page has ## and ### alone: raise it",
            )
        if previous and heading.level > previous + 1:
            yield fault(heading.line, f"{heading.text!r} skips a level", f"write {'#' * (previous + 1)} {heading.text}")
        if heading.id in ids:
            yield fault(
                heading.line, f"{heading.text!r} stands in line {ids[heading.id]} already", "give it a name of its own"
            )
        ids.setdefault(heading.id, heading.line)
        previous = heading.level
    ends = [*(heading.line - 1 for heading in page.headings[1:]), len(page.lines)]
    for heading, end in zip(page.headings, ends, strict=False):  # without a heading there is one end more
        if not any(line.strip() for line in page.lines[heading.line : end]):
            yield fault(heading.line, f"no text under {heading.text!r}", "write a sentence, or delete the heading")

    for number, (line, kind) in enumerate(page.blocks):
        row = page.text.split("\n")[line - 1] if kind == "paragraph" else ""
        after = page.blocks[number + 1][1] if number + 1 < len(page.blocks) else ""
        if re.match(r"#{1,6}[^\s#]", row):
            yield fault(
                line, f"{row[:30]!r} lacks a space", f"write {'#' * (len(row) - len(row.lstrip('#')))} before the words"
            )
        elif re.fullmatch(r"\*\*[^*]+[^*.!?…]\*\*:?", row) and after in ("paragraph", "", "heading"):
            yield fault(
                line, f"{row[:40]} looks like a heading", "write ## or ###; a takeaway is a sentence and ends as one"
            )

    sections = {heading.text: heading.line for heading in page.headings if heading.level == 2}
    order = SECTIONS.get(page.kind, {})
    for name, required in order.items():
        if required and name not in sections:
            yield fault(0, f"the section {name!r} is missing", f"add ## {name} (sections in order: {', '.join(order)})")
    present = [name for name in sections if name in order]
    for name, due in zip(present, [name for name in order if name in sections], strict=True):
        if name != due:
            yield fault(
                sections[name], f"the section {name!r} stands where {due!r} belongs", f"order: {', '.join(order)}"
            )
            break
