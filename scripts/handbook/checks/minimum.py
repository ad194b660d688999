"""A topic that has nothing left to write keeps the contract: length, a diagram, a takeaway, questions."""

import re
from collections.abc import Iterator

from handbook.book import Book, Page
from handbook.fault import Fault

TO_WRITE = "To write:"
FEWEST_WORDS = 1500  # prose, without tables and code (style: 1,500 to 3,000)
FEWEST_QUESTIONS = 4


def check(book: Book, page: Page) -> Iterator[Fault]:
    def fault(line: int, wrong: str, repair: str) -> Fault:
        return Fault(f"docs/{page.name}", line, "minimum", wrong, f"{repair}; what is missing begins with {TO_WRITE}")

    if page.kind != "topic" or TO_WRITE in page.text:
        return
    sections = {heading.text: heading.line for heading in page.headings if heading.level == 2}
    words = sum(
        len(token.content.split()) for token in page.tokens if token.type == "inline" and "|" not in token.content
    )
    if words < FEWEST_WORDS:
        yield fault(0, f"{words} words", f"a topic has {FEWEST_WORDS} or more, or is a section of another page")
    if not any(fence.info == "mermaid" for fence in page.fences):
        yield fault(0, "no diagram", "draw the mechanism in a ```mermaid block")
    if not re.search(r"^\*\*[^*]+\*\*$", page.text, re.MULTILINE):
        yield fault(0, "no takeaway", "close each section with one bold sentence")
    if "You will be able to answer" not in page.text:
        yield fault(0, "no questions that the page answers", "list three to six under **You will be able to answer**")
    questions = page.text.partition("\n## Check yourself")[2].partition("\n## ")[0].count("<summary>")
    if "Check yourself" in sections and questions < FEWEST_QUESTIONS:
        line = sections["Check yourself"]
        yield fault(line, f"{questions} folded questions", f"ask {FEWEST_QUESTIONS} to eight, in <details>")
    decide = page.text.partition("\n## Decide")[2].partition("\n## ")[0]
    if "Decide" in sections and "| ---" not in decide:
        yield fault(sections["Decide"], "no table to decide by", "option, force, when, the number that flips it")
