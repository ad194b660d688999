"""Promise: TeX in dollars becomes MathML at build time, prices do not, and TeX that would be drawn wrongly is refused.

Scripts, roots and accents stand where they belong on every machine, as the font for it comes with the page.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import ROOT, build
from fontTools.ttLib import TTFont
from markdown import Markdown
from test_diagrams import GALLERY, drawn, gallery, look  # noqa: F401 (drawn is a fixture)

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
    assert re.search(
        '<munder><mo [^>]*movablelimits="true">arg.max</mo>', convert(r"\operatorname*{arg\,max}_w p", True)
    )


def test_an_accent_keeps_clear_of_its_letter() -> None:
    """^ and accent="true" would cross it in Chromium; wide ones stretch."""
    for tex, sign in ((r"\hat{x}", "ˆ"), (r"\tilde{x}", "˜"), (r"\bar{x}", "¯"), (r"\dot{x}", "˙")):
        html = convert(tex, False)
        assert f'<mo stretchy="false" scriptlevel="+0">{sign}</mo></mover>' in html and "accent" not in html
    for tex, sign in (
        (r"\widehat{xy}", "ˆ"),
        (r"\widetilde{xy}", "˜"),
        (r"\overline{xy}", "‾"),
        (r"\underline{xy}", "_"),
    ):
        assert f"<mo>{sign}</mo></m" in convert(tex, False)


def test_names_of_functions_keep_their_distance() -> None:
    assert '<mo lspace="0.17em" rspace="0em">log</mo>' in convert(r"p(x) \log (x)", False)


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


FONT = ROOT / "docs/assets/fonts/math.woff2"


def italic(letter: str) -> str:
    """What a browser makes of a lone letter."""
    latin, greek = ord(letter) - ord("a"), ord(letter) - ord("α")
    if letter == "h":
        return "ℎ"
    if 0 <= latin < 26:
        return chr(0x1D44E + latin)
    if "A" <= letter <= "Z":
        return chr(0x1D434 + ord(letter) - ord("A"))
    return chr(0x1D6FC + greek) if 0 <= greek < 25 else letter


def test_the_font_has_what_formulas_show() -> None:
    characters = TTFont(FONT).getBestCmap()
    pages = [Page(path, path.name) for folder in (GALLERY, ROOT / "docs") for path in folder.rglob("*.md")]
    shown = [tex for page in pages for _, tex in page.formulas]
    shown += [
        *GOOD,
        r"\hat{\jmath} \widetilde{xy} f''(x) \mathcal{N} \mathbb{E} \mathbf{W} \to \approx \ge \ll \int \vartheta \varepsilon \Omega",
    ]
    lacking = set()
    for tex in shown:
        for element in ElementTree.fromstring(convert(tex, False)).iter():
            text = element.text or ""
            alone = element.tag == "mi" and len(text) == 1 and not element.get("mathvariant")
            lacking |= {one for one in text + (italic(text) if alone else "") if ord(one) not in characters}
    assert lacking <= {"\u2009", "\u2061"}  # spaces, which no font need have


def test_the_font_can_set_formulas_and_carries_its_licence() -> None:
    """A subset of STIX Two Math, hence a modified version: a name of its own, the records of the original."""
    font = TTFont(FONT)
    assert [font["name"].getDebugName(one) for one in (1, 4, 6)] == ["Handbook Math", "Handbook Math", "HandbookMath"]
    assert "The STIX Fonts Project Authors" in font["name"].getDebugName(0)
    assert "SIL Open Font License" in font["name"].getDebugName(13)
    licence = (FONT.parent / "math-OFL.txt").read_text(encoding="utf-8")
    assert (
        "SIL OPEN FONT LICENSE" in licence
        and "Reserved Font Name TM Math" in licence
        and font["name"].getDebugName(0) in licence
    )
    names, variants = font.getBestCmap(), font["MATH"].table.MathVariants
    assert {names[ord(one)] for one in "()[]{}|‖⌊⌋√∑∏∫"} <= set(variants.VertGlyphCoverage.glyphs)
    assert {names[ord(one)] for one in "ˆ˜‾_⏞⏟→"} <= set(variants.HorizGlyphCoverage.glyphs)
    assert {one.FeatureTag for one in font["GSUB"].table.FeatureList.FeatureRecord} == {"ssty", "dtls"}
    assert 40_000 < FONT.stat().st_size < 70_000


def test_scripts_roots_and_accents_stand_right(drawn: Path, binary: Callable[[str], str]) -> None:  # noqa: F811
    """θ_{t+1} must not read as θt+1. Measured against the size of the base's letters."""
    script = """const box = one => one.getBoundingClientRect(), of = name => [...doc.querySelectorAll('article ' + name)];
      return { subscripts: of('msub, msubsup').map(one => [box(one.children[0]), box(one.children[1])]).map(([base, low]) => (low.bottom - base.bottom) / base.height),
        superscripts: of('msup').map(one => [box(one.children[0]), box(one.children[1])]).map(([base, high]) => (base.top - high.top) / base.height),
        roots: of('msqrt').map(one => [box(one), box(one.children[0])]).map(([root, inner]) => root.height - inner.height),
        accents: of('mover').map(one => [box(one.children[1]), box(one.children[0])]).map(([sign, base]) => base.top - sign.bottom) }"""
    found = json.loads(look(binary("chromium"), drawn, "math/index.html", script))
    assert len(found["subscripts"]) >= 15 and min(found["subscripts"]) > 0.05, found
    assert len(found["superscripts"]) >= 4 and min(found["superscripts"]) > 0.05, found
    assert len(found["roots"]) == 2 and min(found["roots"]) > 1, found
    assert len(found["accents"]) >= 4 and min(found["accents"]) >= 0, found


@pytest.mark.parametrize(
    ("page", "fetched"), [("math/index.html", True), ("index.html", False), ("diagrams/index.html", False)]
)
def test_only_pages_with_formulas_load_the_font(
    page: str,
    fetched: bool,
    drawn: Path,  # noqa: F811
    binary: Callable[[str], str],
) -> None:
    script = """await new Promise(done => setTimeout(done, 500));
      return view.performance.getEntriesByType('resource').map(one => one.name).filter(one => one.endsWith('math.woff2')).length"""
    assert look(binary("chromium"), drawn, page, script) == str(int(fetched))
