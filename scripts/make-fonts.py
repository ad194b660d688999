# /// script
# requires-python = ">=3.11.5"
# dependencies = ["fonttools[woff]==4.68.0"]
# ///
"""Makes docs/assets/fonts from two npm packages and a Python one: `uv run scripts/make-fonts.py FOLDER`.

    npm install --prefix FOLDER @fontsource-variable/source-serif-4@5.3.1 @fontsource/barlow-semi-condensed@5.3.0
    pip install --no-deps --target FOLDER/python ziamath==0.13

The files are subsets, hence modified versions under the SIL Open Font License: Adobe reserves the name "Source" and
MicroPress "TM Math", so all carry names of the handbook's own and keep their copyright and licence records; licences
lie beside them. Both npm packages lack → ← ≤ ≥ ≈, so these are put together from signs that they have.

Formulas are set in STIX Two Math, which ziamath brings: without a font that has a MATH table, browsers neither lower a
subscript nor fit a root. Kept are that table, larger brackets, roots and sums, i and j without dots (dtls), and the
shapes that signs have in sub- and superscripts (ssty): of primes, digits and small italics only, as all would double
the file.
"""

import sys
from pathlib import Path

from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

FONTS = Path(__file__).parents[1] / "docs/assets/fonts"
ASCII = "".join(map(chr, range(0x20, 0x7F)))
PUNCTUATION = "\u00a0¡£§©«®°±²³µ·¹»¼½¾¿×÷–—‘’“”•…′″‹›€™−"
TEXT = ASCII + PUNCTUATION + "ÀÁÂÄÅÆÇÈÉÑÓÖØÜßàáâãäåæçèéêëíîïñòóôõöøùúûüýÿŒœ↑↓"
LABEL = ASCII + PUNCTUATION + "äçéóöü"


def span(*ranges: tuple[int, int]) -> str:
    return "".join(chr(code) for first, last in ranges for code in range(first, last + 1))


GREEK = span((0x391, 0x3A1), (0x3A3, 0x3A9), (0x3B1, 0x3C9)) + "ϑϕϖϰϱϵ"
# Browsers turn a lone letter into its mathematical italic; Planck's h and some capitals stand elsewhere in Unicode.
SMALL_ITALIC = span((0x1D44E, 0x1D454), (0x1D456, 0x1D467), (0x1D6FC, 0x1D71B)) + "ℎ"
ITALIC = span((0x1D434, 0x1D44D), (0x1D6E2, 0x1D6FA)) + SMALL_ITALIC + "𝚤𝚥"
BOLD = span((0x1D400, 0x1D433), (0x1D7CE, 0x1D7D7))
SCRIPT = "𝒜ℬ𝒞𝒟ℰℱ𝒢ℋℐ𝒥𝒦ℒℳ𝒩𝒪𝒫𝒬ℛ𝒮𝒯𝒰𝒱𝒲𝒳𝒴𝒵"
DOUBLE = "𝔸𝔹ℂ𝔻𝔼𝔽𝔾ℍ𝕀𝕁𝕂𝕃𝕄ℕ𝕆ℙℚℝ𝕊𝕋𝕌𝕍𝕎𝕏𝕐ℤ𝟙"
OPERATORS = (
    "←→≤≥≈∀∂∃∄∅∆∇∈∉∋∏∐∑∓∕∖∗∘∙√∝∞∠∣∤∥∦∧∨∩∪∫∬∮∴∵∼≃≅≔≜≝≠≡≢≪≫≲≳≺≻⊂⊃⊄⊆⊇⊈⊊⊎⊓⊔⊕⊖⊗⊘⊙⊢⊤⊥⊨⊻⋀⋁⋂⋃⋄⋅⋆⋮⋯⋱⟂⨀⨁⨂⨄⧵⩽⩾⪅⪆⪯⪰"
    "⟨⟩⟦⟧⌈⌉⌊⌋‖‴ℓℏℜℑℵ↔⇐⇑⇒⇓⇔↗↘↦↩↪⇌⟵⟶⟷⟸⟹⟺⟼□△▷▽◁∎ˆ˜ˉ¯˙¨´˘ˇ‾ıȷ⏞⏟⎴⎵"
)
STRETCHED = {"ˆ": "\u0302", "˜": "\u0303"}  # each takes the wider shapes of its combining accent
PRIMES = "′″‴"
MATH = TEXT + GREEK + ITALIC + BOLD + SCRIPT + DOUBLE + OPERATORS
STIX = """\
{copyright}

{trademark}

Portions copyright © 1998–2003 by MicroPress, Inc. (www.micropress-inc.com), with Reserved Font Name TM Math.

Portions copyright © 1990 by Elsevier, Inc.

Portions copyright © 2010, 2012, 2014 Adobe Systems Incorporated.
"""
Matrix = tuple[float, float, float, float, float, float]
# face: sign: its width and its parts, each a glyph with its affine matrix; shifts in thousandths of an em
RELATIONS: dict[str, tuple[int, list[tuple[str, Matrix]]]] = {
    "≤": (0, [("<", (1, 0, 0, 0.86, 0, 118)), ("−", (1, 0, 0, 1, 0, -264))]),
    "≥": (0, [(">", (1, 0, 0, 0.86, 0, 118)), ("−", (1, 0, 0, 1, 0, -264))]),
    "≈": (0, [("~", (1, 0, 0, 1, 0, 95)), ("~", (1, 0, 0, 1, 0, -95))]),
}
SIGNS = {
    "text": RELATIONS | {"→": (790, [("↑", (0, -1, 1, 0, 60, 668))]), "←": (790, [("↑", (0, 1, -1, 0, 730, -12))])},
    "label": RELATIONS
    | {
        "→": (640, [("−", (1.32, 0, 0, 1, 0, 0)), (">", (0.66, 0, 0, 0.86, 317, 73))]),
        "←": (640, [("−", (1.32, 0, 0, 1, 22, 0)), ("<", (0.66, 0, 0, 0.86, 15, 73))]),
    },
}


def compose(font: TTFont, signs: dict[str, tuple[int, list[tuple[str, Matrix]]]]) -> None:
    """Adds signs; width 0 means: as wide as the first part."""
    glyphs, names, unit = font.getGlyphSet(), font.getBestCmap(), font["head"].unitsPerEm / 1000
    made = {}
    for sign, (_, parts) in signs.items():
        pen = TTGlyphPen(None)
        for part, (*matrix, x, y) in parts:
            outline = DecomposingRecordingPen(glyphs)
            glyphs[names[ord(part)]].draw(outline)
            outline.replay(TransformPen(pen, (*matrix, x * unit, y * unit)))
        made[sign] = pen.glyph()
    for sign, glyph in made.items():
        name = f"uni{ord(sign):04X}"
        font["glyf"][name] = glyph
        glyph.recalcBounds(font["glyf"])
        width, parts = signs[sign]
        font["hmtx"][name] = (round(width * unit) or font["hmtx"][names[ord(parts[0][0])]][0], glyph.xMin)
        for table in font["cmap"].tables:
            table.cmap[ord(sign)] = name


def make(package: Path, file: str, name: str, characters: str) -> None:
    font = TTFont(package / "files" / file)
    if "fvar" in font:
        font = instantiateVariableFont(font, {"wght": 400})
    options = Options(
        hinting=False, name_IDs=[0, 1, 2, 4, 6, 13, 14], layout_features=["kern", "tnum", "lnum", "sups"],
        drop_tables=["STAT", "DSIG"], notdef_outline=True,
    )  # fmt: skip
    subset = Subsetter(options)
    subset.populate(text=characters)
    subset.subset(font)
    compose(font, SIGNS[name])
    own_name(font, name)
    save(font, name, font["name"].getDebugName(0), package)


def make_math(file: Path, licence: Path) -> None:
    font = TTFont(file, recalcTimestamp=False)
    names, gsub = font.getBestCmap(), font["GSUB"].table
    small = {names[ord(sign)] for sign in PRIMES + "0123456789+−" + SMALL_ITALIC}
    for feature in gsub.FeatureList.FeatureRecord:
        for lookup in feature.Feature.LookupListIndex if feature.FeatureTag == "ssty" else ():
            for table in gsub.LookupList.Lookup[lookup].SubTable:
                # one shape for both depths of script
                table.alternates = {key: shapes[:1] * 2 for key, shapes in table.alternates.items() if key in small}
    variants = font["MATH"].table.MathVariants
    wide = dict(zip(variants.HorizGlyphCoverage.glyphs, variants.HorizGlyphConstruction, strict=True))
    wide |= {names[ord(accent)]: wide[names[ord(combining)]] for accent, combining in STRETCHED.items()}
    variants.HorizGlyphCoverage.glyphs = sorted(wide, key=font.getGlyphID)
    variants.HorizGlyphConstruction = [wide[name] for name in variants.HorizGlyphCoverage.glyphs]
    variants.HorizGlyphCount = len(wide)
    options = Options(
        hinting=False, name_IDs=[0, 1, 2, 4, 6, 7, 13, 14], layout_features=["ssty", "dtls"],
        drop_tables=["DSIG", "GDEF", "GPOS", "gasp"], notdef_outline=True,
    )  # fmt: skip
    subset = Subsetter(options)
    subset.populate(text=MATH)
    subset.subset(font)
    own_name(font, "math")
    copyright, trademark = (font["name"].getDebugName(record) for record in (0, 7))
    save(font, "math", STIX.format(copyright=copyright, trademark=trademark).rstrip(), licence)


def own_name(font: TTFont, name: str) -> None:
    family = f"Handbook {name.title()}"
    for record in font["name"].names:
        own = {1: family, 2: "Regular", 4: family, 6: family.replace(" ", "")}.get(record.nameID)
        if own:
            record.string = own


def save(font: TTFont, name: str, copyright: str, package: Path) -> None:
    """The licence is read from a package that brings the text of the SIL Open Font License."""
    font.flavor = "woff2"
    target = FONTS / f"{name}.woff2"
    font.save(target)
    licence = (package / "LICENSE").read_text(encoding="utf-8").partition("\n\n")[2]
    (FONTS / f"{name}-OFL.txt").write_text(f"{copyright}\n\n{licence}", encoding="utf-8")
    print(f"{target.name}: {target.stat().st_size} bytes, {len(font.getBestCmap())} characters")


def main() -> int:
    if len(sys.argv) != 2:
        print((__doc__ or "").split("\n")[0], file=sys.stderr)
        return 1
    packages = Path(sys.argv[1]) / "node_modules"
    FONTS.mkdir(parents=True, exist_ok=True)
    make(packages / "@fontsource-variable/source-serif-4", "source-serif-4-latin-wght-normal.woff2", "text", TEXT)
    make(packages / "@fontsource/barlow-semi-condensed", "barlow-semi-condensed-latin-500-normal.woff2", "label", LABEL)
    file = Path(sys.argv[1]) / "python/ziamath/fonts/STIXTwoMath-Regular.ttf"
    make_math(file, packages / "@fontsource-variable/source-serif-4")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
