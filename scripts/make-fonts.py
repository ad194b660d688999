# /// script
# requires-python = ">=3.11.5"
# dependencies = ["fonttools[woff]==4.68.0"]
# ///
"""Makes docs/assets/fonts from two npm packages: `uv run scripts/make-fonts.py FOLDER`, FOLDER holding node_modules.

    npm install --prefix FOLDER @fontsource-variable/source-serif-4@5.3.1 @fontsource/barlow-semi-condensed@5.3.0

The files are subsets, hence modified versions under the SIL Open Font License: Adobe reserves the name "Source", so
both carry names of the handbook's own and keep their copyright and licence records; the licences lie beside them. Both
packages lack → ← ≤ ≥ ≈, so these are put together from signs that they have.
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
    family = f"Handbook {name.title()}"
    for record in font["name"].names:
        own = {1: family, 2: "Regular", 4: family, 6: family.replace(" ", "")}.get(record.nameID)
        if own:
            record.string = own
    font.flavor = "woff2"
    target = FONTS / f"{name}.woff2"
    font.save(target)
    licence = (package / "LICENSE").read_text(encoding="utf-8").partition("\n\n")[2]
    (FONTS / f"{name}-OFL.txt").write_text(f"{font['name'].getDebugName(0)}\n\n{licence}", encoding="utf-8")
    print(f"{target.name}: {target.stat().st_size} bytes, {len(font.getBestCmap())} characters")


def main() -> int:
    if len(sys.argv) != 2:
        print((__doc__ or "").split("\n")[0], file=sys.stderr)
        return 1
    packages = Path(sys.argv[1]) / "node_modules"
    FONTS.mkdir(parents=True, exist_ok=True)
    make(packages / "@fontsource-variable/source-serif-4", "source-serif-4-latin-wght-normal.woff2", "text", TEXT)
    make(packages / "@fontsource/barlow-semi-condensed", "barlow-semi-condensed-latin-500-normal.woff2", "label", LABEL)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
