"""Every formula is TeX that is drawn as it was meant."""

from collections.abc import Iterator

from handbook.book import Book, Page
from handbook.fault import Fault
from handbook.formulas import BrokenTeX, convert


def check(book: Book, page: Page) -> Iterator[Fault]:
    for line, tex in page.formulas:
        try:
            convert(tex, True)
        except BrokenTeX as error:
            yield Fault(f"docs/{page.name}", line + error.line, "math", error.words, r"mend it; a price is \$5")
