"""Promise: TeX in dollars becomes MathML at build time, prices do not, and TeX that would be drawn wrongly is refused."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import build
from markdown import Markdown
from test_diagrams import GALLERY, gallery

from handbook.book import Page
from handbook.checks.math import check
from handbook.formulas import BrokenTeX, convert


def html(text: str) -> str:
    return Markdown(extensions=["handbook.markdown", "tables"]).convert(text)


GOOD = [
    r"L = \lambda W", r"\frac{\rho}{1-\rho}", r"\sum_{i=1}^{n} x_i", r"x < 0", r"a \& b", r"\sqrt[3]{x}", r"50\%", r"\$5", r"f'(x)",
    r"\mathbb{R}^{n \times d}", r"\mathrm{softmax}(z)", r"\operatorname*{arg\,max}_w p", r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}",
    r"\begin{cases} 0 & x < 0 \\ x & \text{otherwise} \end{cases}", r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
    r"\text{größer als } \lambda", r"10^{-3}", r"\left\lfloor x \right\rfloor", r"\hat{m}_t", r"\|x\|_2", r"1{,}000", r"\text{a \& b}",
]  # fmt: skip


@pytest.mark.parametrize("tex", GOOD)
def test_a_formula_becomes_mathml(tex: str) -> None:
    root = ElementTree.fromstring(convert(tex, True))
    assert root.tag == "math" and root.get("display") == "block"
    assert "\\" not in "".join(root.itertext())


def test_words_stay_words() -> None:
    """One identifier, not seven variables: spacing and screen readers depend on it."""
    assert ">softmax</mi>" in convert(r"\mathrm{softmax}(z)", False)


def test_limits_stand_below_and_above_their_sum() -> None:
    assert re.search("<munderover><mo[^>]*>∑</mo>", convert(r"\sum_{i=1}^{n} x", True))
    assert '<munder><mo movablelimits="true">max</mo>' in convert(r"\max_{w} x", True)


# TeX, words of the refusal, line in the formula
BAD = [
    (r"\foo{x}", r"unknown command \foo", 0),
    (r"\text{\unknown}", r"unknown command", 0),
    (r"\frac{a}", "lacks an argument", 0),
    (r"\sqrt", "lacks an argument", 0),
    ("{a", "{ without its }", 0),
    ("x\n+ a}", "} without its {", 1),
    (r"\begin{aligned} a", r"\begin without its \end", 0),
    ("x +\n\\begin{foo} a \\end{foo}", "unknown environment 'foo'", 1),
    (r"\left( a", r"\left and \right", 0),
    ("x^", "nothing after", 0),
    ("x__2", "nothing before or after", 0),
    ("x^2^3", "two superscripts", 0),
    ("a & b", "outside of a table", 0),
    ("x\n% note", r"write \%", 1),
    ("", "empty", 0),
    (r"\boldsymbol{x}", "like plain text", 0),
    ("\n\\color{red}{x}", "palette", 1),
    (r"\href{javascript:alert(1)}{x}", "no markup", 0),
    (r"\text{<script>alert(1)</script>}", "markup", 0),
    (r"\text{<img src=x onerror=alert(1)>}", r"< in \text", 0),
]


@pytest.mark.parametrize(("tex", "words", "line"), BAD)
def test_tex_that_would_be_drawn_wrongly_is_refused(tex: str, words: str, line: int) -> None:
    with pytest.raises(BrokenTeX) as refused:
        convert(tex, False)
    assert words in refused.value.words and refused.value.line == line


@pytest.mark.parametrize(
    "text",
    [
        "It costs $4 or $5.", "From $4/GB to $5/GB.", "`$x$`", r"\$x\$ is no formula", "US$5 and CA$6", "a $ b $ c",
        "    $x$", "$5-$6", "set $HOME and $PATH",
    ],
)  # fmt: skip
def test_prices_and_code_are_no_formulas(text: str, tmp_path: Path) -> None:
    assert "<math" not in html(text)
    (tmp_path / "index.md").write_text(text, encoding="utf-8")
    assert Page(tmp_path / "index.md", "index.md").formulas == []


@pytest.mark.parametrize(
    "text",
    [
        "So $L = W$.", "($x$), $y$; “$z$”", "| a |\n| --- |\n| $x$ |", "# A heading with $x$", "> $x$", "- $x_1$ and *$y$*", r"$\alpha_{1}$",
        "$$\nx\n$$", "$$ x $$", "> $$\n> x\n> $$", "- a\n\n    $$\n    x\n    $$", "Text\n\n$$\na\n\\\\\nb\n$$\n\nText", "$a\n= b$",
    ],
)  # fmt: skip
def test_formulas_are_found_by_the_site_and_by_check_alike(text: str, tmp_path: Path) -> None:
    (tmp_path / "index.md").write_text(text, encoding="utf-8")
    assert html(text).count("<math") == len(Page(tmp_path / "index.md", "index.md").formulas) > 0


def test_a_display_formula_scrolls_by_itself() -> None:
    assert re.search(r'^<div class="math-display"[^>]* tabindex="0"><math display="block">', html("$$\nx\n$$"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# T\n\nText\nand $x$ and $\\foo$.\n", 4),
        ("# T\n\n$$\nx\n+ \\href{a}{b}\n$$\n", 5),
        ("# T\n\n> [!NOTE]\n> $\\foo$\n", 4),
        ("# T\n\n- a\n\n    $$\n    x\n    \\color{red} y\n    $$\n", 7),
        ("# T\n\n```math\nx\n\\tag{1}\n```\n", 5),
        ("# T\n\n| a |\n| --- |\n| $\\foo$ |\n", 5),
    ],
)
def test_broken_tex_is_refused_with_its_line(text: str, line: int, tmp_path: Path) -> None:
    (tmp_path / "index.md").write_text(text, encoding="utf-8")
    faults = list(check(None, Page(tmp_path / "index.md", "devops/x/index.md")))
    assert [(fault.path, fault.line, fault.rule) for fault in faults] == [("docs/devops/x/index.md", line, "math")]


def test_broken_tex_fails_the_build(tmp_path: Path) -> None:
    root = gallery(tmp_path / "handbook")
    (root / "docs/index.md").write_text("# T\n\nText\n\n$$\n\\foo\n$$\n", encoding="utf-8")
    done = build(root, root / "site")
    assert done.returncode == 1 and "docs/index.md:6: math: unknown command \\foo" in done.stderr


def test_the_gallery_is_right() -> None:
    page = Page(GALLERY / "math.md", "math.md")
    assert len(page.formulas) >= 12 and list(check(None, page)) == []
