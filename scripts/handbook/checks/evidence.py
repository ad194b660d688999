"""What a page says of its evidence is what the evidence says: pointers, verdicts, arithmetic, excerpts, quantities."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from handbook import arithmetic, labs, quantities, sync
from handbook.book import Book, Fence, Link, Page
from handbook.evidence import resolve
from handbook.fault import Fault

POINTER = re.compile(r"(?:[\w./-]+/)?results[^/]*\.json#")
EXCERPT = re.compile(r'title="lab\.py"')
LONGEST_EXCERPT = 20


def check(book: Book) -> Iterator[Fault]:
    blocks = [
        [
            (fence.line + 1, fence.code)
            for fence in page.fences
            if fence.info.startswith("python") and "#>" in fence.code
        ]
        for page in book.pages.values()
    ]
    for page, found in zip(book.pages.values(), arithmetic.differences(blocks), strict=True):
        for line, wrong, repair in found:
            yield Fault(f"docs/{page.name}", line, "arithmetic", wrong, repair)
        yield from _page(book, page)


def _page(book: Book, page: Page) -> Iterator[Fault]:
    bundle = labs.load(page.path.parent)
    yield from bundle.faults
    if bundle.lab and "results.json" not in bundle.results and not bundle.faults:
        place, repair = f"docs/{page.name}".replace("index.md", "lab.py"), f"uv run handbook record {bundle.lab.topic}"
        yield Fault(place, 0, "results", "never recorded", repair)
    for path in bundle.stale:
        wrong = "claims or results do not follow from the samples"
        yield Fault(f"docs/{path.relative_to(book.docs)}", 0, "results", wrong, "uv run handbook sync")
    for link in page.links:
        if POINTER.match(link.target):  # of this page, or of another: ../caching/results.json#/claims/stampede
            for wrong, repair in _pointer(page.path.parent, link):
                yield Fault(f"docs/{page.name}", link.line, "evidence", wrong, repair)
    for fence in page.fences:
        if EXCERPT.search(fence.info):
            for wrong, repair in _excerpt(page, fence):
                yield Fault(f"docs/{page.name}", fence.line, "excerpt", wrong, repair)
    for line, what in quantities.unsupported_in(page.tokens):
        repair = "link to a claim, compute it in a block with #>, cite it, say assume, or delete it"
        yield Fault(f"docs/{page.name}", line, "quantity", f"{what!r} comes from nowhere", repair)
    for line, wrong in sync.unknown(book, page):
        yield Fault(f"docs/{page.name}", line, "derived", wrong, "correct the mark, or delete the block")


def _pointer(folder: Path, link: Link) -> Iterator[tuple[str, str]]:
    file, _, pointer = link.target.partition("#")
    path = (folder / file).resolve()
    content = labs.load(path.parent).results.get(path.name)
    if content is None:
        return  # a fault of the file, or of the link
    try:
        found = resolve(content, unquote(pointer))  # a name may hold spaces or %
    except KeyError as error:
        yield f"{link.target} leads nowhere: no {error}", f"claims: {', '.join(content['claims'])}"
        return
    due = found.get("text") if isinstance(found, dict) else found
    if not isinstance(due, str):
        yield f"{link.target} leads to no printable value", "point to a claim, a quantity or a verdict"
    elif link.text != due:
        yield f"says {link.text!r}, {link.target} is {due!r}", f"write [{due}]({link.target}) and reread the sentence"


def _excerpt(page: Page, fence: Fence) -> Iterator[tuple[str, str]]:
    lab = page.path.with_name("lab.py")
    if not lab.exists():
        yield "an excerpt, and no lab.py beside the page", "add lab.py, or take the title away"
        return
    length = len(fence.code.splitlines())
    if length > LONGEST_EXCERPT:
        yield f"an excerpt of {length} lines", f"show the {LONGEST_EXCERPT} that matter"
    lines, wanted = lab.read_text(encoding="utf-8").splitlines(), fence.code.rstrip().splitlines()
    for start in range(len(lines) - len(wanted) + 1):
        part = lines[start : start + len(wanted)]
        if textwrap.dedent("\n".join(part)) == textwrap.dedent("\n".join(wanted)):
            return
    yield "the excerpt does not stand in lab.py", "copy it from there again, without a change"
