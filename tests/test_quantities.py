"""Promise: a quantity on a page is measured, computed, cited or assumed; what is no statement is left in peace."""

import time

import pytest

from handbook.book import _markdown
from handbook.quantities import unsupported, unsupported_in

CODE = "```python\nrate_per_s, busy_s = 3_000, 0.040\nprint(rate_per_s * busy_s)  #> 120.0\nprint(2 * 1_073_741_824, 1 / 7)  #> 2147483648 0.14285714285714285\n```"

# name: (Markdown, what must be found)
REFUSED = {
    "time": ("A lookup takes 4 ms.\n", [(1, "4 ms")]),
    "time without its space": ("A lookup takes 4ms.\n", [(1, "4ms")]),
    "time in words": ("A cold start takes 12 seconds.\n", [(1, "12 seconds")]),
    "range": ("Retries cost 10–20 ms.\n", [(1, "10–20 ms")]),
    "enumeration": ("Links carry 400, 50 and 1.25 GB/s.\n", [(1, "400, 50 and 1.25 GB/s")]),
    "binary unit": ("The index fills 6 GiB.\n", [(1, "6 GiB")]),
    "rate": ("One core serves 1,200 tokens/s.\n", [(1, "1,200 tokens/s")]),
    "rate in words": ("It peaks at 3 million requests per second.\n", [(1, "3 million requests per second")]),
    "scaled rate": ("It peaks at 12k QPS.\n", [(1, "12k QPS")]),
    "power": ("The board draws 700 W.\n", [(1, "700 W")]),
    "percentage": ("Misses fell to 3.5 %, then 2%.\n", [(1, "3.5 %"), (1, "2%")]),
    "percentage points": ("Recall rose by 2 percentage points.\n", [(1, "2 percentage points")]),
    "factor with a sign": ("Pooling is 2.8× faster.\n", [(1, "2.8×")]),
    "factor with a letter": ("Pooling is 10x faster.\n", [(1, "10x")]),
    "factor in words": ("Pooling is 3 times faster, by a factor of 3, a 3-fold gain.\n", [(1, "3 times faster"), (1, "factor of 3"), (1, "3-fold")]),
    "price": ("An hour costs $4.20, egress €0.09/GB.\n", [(1, "$4.20"), (1, "€0.09")]),
    "price by currency code": ("An hour costs USD 30.\n", [(1, "USD 30")]),
    "on a continued line": ("A lookup\ntakes long,\nabout 4 ms.\n", [(3, "4 ms")]),
    "in a heading": ("# A\n\n## Pools save 4 ms\n", [(3, "4 ms")]),
    "in a list item": ("- One is cited.[^a]\n- Two takes 4 ms.\n\n[^a]: A.\n", [(2, "4 ms")]),
    "in a table row": ("| Store | p99 |\n| --- | --- |\n| one | 4 ms |\n| two | 9 ms[^a] |\n\n[^a]: A.\n", [(3, "4 ms")]),
    "unit in the column's title": ("| Store | p99 (ms) | GB/s |\n| --- | --- | --- |\n| one | 4 | 1.5 |\n", [(3, "4 ms"), (3, "1.5 GB/s")]),
    "beside a question": ("Why does it wait? It takes 4 ms.\n", [(1, "4 ms")]),
    "link elsewhere": ("It takes [4 ms](../caching/index.md) with [results](results.json).\n", [(1, "4 ms")]),
    "footnote in another paragraph": ("It takes 4 ms.\n\nSo it is said.[^a]\n\n[^a]: A.\n", [(1, "4 ms")]),
    "after the list that an assumption introduces": ("Assume:\n\n- 4 ms\n\nIt takes 5 ms.\n", [(5, "5 ms")]),
    "after the folded answers": ("<details>\n<summary>Q</summary>\n\nIt takes 4 ms.\n\n</details>\n\nIt takes 5 ms.\n", [(8, "5 ms")]),
    "after the derived text": ("<!-- sync: results -->\n\nIt takes 4 ms.\n\n<!-- /sync -->\n\nIt takes 5 ms.\n", [(7, "5 ms")]),
    "computed in another section": (f"## A\n\n{CODE}\n\n## B\n\nIt needs 120 W.\n", [(11, "120 W")]),
    "rounded wrongly": (f"## A\n\n{CODE}\n\nIt needs 121 W.\n", [(9, "121 W")]),
    "one of two computed": (f"## A\n\n{CODE}\n\nIt needs 120 W for 77 s.\n", [(9, "77 s")]),
    "block without outputs": ("## A\n\n```python\nx = 120\n```\n\nIt needs 120 W.\n", [(7, "120 W")]),
}

COVERED = {
    "pointer": "Pooling is [2.8×](results.json#/claims/pooling) faster and saves 3 ms.\n",
    "pointer into another machine's results": "It reaches [40 tokens/s](results.gpu.json#/claims/rate).\n",
    "footnote": "It takes 4 ms\nor 3 %.[^a]\n\n[^a]: A, table 2.\n",
    "assumption": "Assuming 4 ms a call, ten take 40 ms.\n",
    "supposition": "Suppose a call takes 4 ms. Ten take 40 ms.\n",
    "assumption before a list": "Assume:\n\n- 4 ms a call\n- a budget of 50 ms\n",
    "assumption as a heading": "### Assumptions\n\n- 4 ms a call\n",
    "assumption in a table's header": "| Input | Assumption |\n| --- | --- |\n| call | 4 ms |\n",
    "footnote in a table's header": "| Disk | Latency[^a] |\n| --- | --- |\n| one | 4 ms |\n\n[^a]: A.\n",
    "pointer in a row": "| a | b |\n| --- | --- |\n| 4 ms | [5 ms](results.json#/claims/a) |\n",
    "computed": f"## A\n\n{CODE}\n\nSo 120 W are 14 % of it, or 14.3%.\n",
    "computed before the block": f"## A\n\nIt needs 120 W:\n\n{CODE}\n",
    "input of the computation": f"## A\n\n{CODE}\n\nAt 3,000 requests/s, 3 thousand requests per second, of 40 ms.\n",
    "computed in another scale": f"## A\n\n{CODE}\n\nIt holds 2 GiB, or 2.1 GB.\n",
}

NO_QUANTITY = {
    "counts": "It has 7 chapters, 20 keys and 3 retries, 8 GPUs or 8x A100, and 7B parameters.\n",
    "versions, dates, standards": "Since 3.11.5 (24 November 2026), RFC 9110 answers `503`, HTTP 503.\n",
    "identifiers": "The p99 of an INT8 model with 16-bit sums, the 99th percentile, a 30-day window.\n",
    "attributive": "Use a 30 minute block.\n",
    "product of counts": "A grid of 3 × 4 cells.\n",
    "nothing and all": "Of 100 % of the requests 0 % failed.\n",
    "digits as nouns": "A vector of 0s, four 9s, the 2010s, 100s of keys.\n",
    "definitions": "A p95 leaves 5 % beyond it; fp32 takes 4 bytes; there are 24 hours a day, 60 seconds in a minute.\n",
    "confidence": "The whiskers are the 95 % confidence interval.\n",
    "age": "It shipped 5 years ago.\n",
    "window": "It counts the requests of the last 10 minutes.\n",
    "instruction": "Set the timeout to 30 s. You can set it to 10 s.\n",
    "restated from code": "With `keep_alive=75` an idle connection lives 75 s; `alpha=0.3` weighs the text with 30 %.\n",
    "specimen": "Give it a budget, such as 200 ms (e.g. 100 ms).\n",
    "conditional example": "For example, if a call takes 10 ms, the pool would need 40 ms.\n",
    "question": "How many replicas serve 300 requests/s within 40 ms?\n",
    "question as a heading": "# A\n\n## Why wait 40 ms?\n",
    "questions that the page answers": "**You will be able to answer**\n\n- What takes 4 ms.\n\nText.\n",
    "folded answer": "<details>\n<summary>Q</summary>\n\nIt takes 4 ms.\n\n- 5 ms\n\n</details>\n",
    "exercise": "## Check yourself\n\nA service takes 40 ms. What follows?\n",
    "folklore": "It is said that “a cache makes it 10× faster” and \"saves 90 %\".\n",
    "derived": "<!-- sync: results -->\n| p99 |\n| --- |\n| 4 ms |\n<!-- /sync -->\n",
    "sources": "## Sources\n\nA talk of 40 minutes.\n",
    "footnote's text": "A.[^a]\n\n[^a]: The talk says 4 ms.\n",
    "code span": "It prints `took 4 ms`.\n",
    "fence": "```text\ntook 4 ms\n```\n",
    "front matter": "---\ndescription: It takes 4 ms\n---\n\n# A\n",
    "address": "See [the talk](https://example.org/4 ms) <https://example.org/10%25>.\n",
    "comment": "<!-- took 4 ms -->\n\nText <!-- 5 ms -->.\n",
    "formula": "The cost is $n \\cdot 3 s$.\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_quantity_without_a_source_is_found(name: str) -> None:
    text, found = REFUSED[name]
    assert unsupported(text) == found


@pytest.mark.parametrize("name", COVERED)
def test_a_quantity_with_a_source_passes(name: str) -> None:
    assert unsupported(COVERED[name]) == []


@pytest.mark.parametrize("name", NO_QUANTITY)
def test_what_states_no_quantity_passes(name: str) -> None:
    assert unsupported(NO_QUANTITY[name]) == []


def test_covered_cases_hold_quantities() -> None:
    """Without its source each of them would be refused, so the table above proves something."""
    bare = COVERED["pointer"].replace("results.json#/", "other.md#"), COVERED["footnote"].replace("[^a]", "", 1)
    assert [len(unsupported(text)) for text in bare] == [2, 2]


def test_a_long_page_is_judged_at_once() -> None:
    """2,500 words cost milliseconds after parsing; the bound leaves room for a slow machine."""
    tokens = _markdown.parse("It takes 4 ms, or 3 % of the 20 requests/s that one core of it serves here.\n\n" * 140)
    start = time.perf_counter()
    assert len(unsupported_in(tokens)) == 420
    assert time.perf_counter() - start < 0.5
