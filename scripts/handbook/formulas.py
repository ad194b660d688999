"""Turns TeX into MathML while the site is built; TeX that would be drawn wrongly is refused, not guessed.

latex2mathml draws what it does not know as letters, swallows missing arguments and lets markup through, so its answer
is read again here.
"""

import functools
import re
from xml.etree import ElementTree

from latex2mathml.converter import convert as latex2mathml
from latex2mathml.exceptions import (
    DoubleSubscriptsError,
    DoubleSuperscriptsError,
    ExtraLeftOrMissingRightError,
    MissingEndError,
    MissingSuperScriptOrSubscriptError,
    NoAvailableTokensError,
)

MATHML = "{http://www.w3.org/1998/Math/MathML}"
WORDS = {
    DoubleSubscriptsError: "two subscripts in a row: use braces",
    DoubleSuperscriptsError: "two superscripts in a row: use braces",
    ExtraLeftOrMissingRightError: r"\left and \right do not pair",
    MissingEndError: r"\begin without its \end",
    MissingSuperScriptOrSubscriptError: "nothing after ^ or _",
    NoAvailableTokensError: "a command lacks an argument",
}
ENVIRONMENTS = frozenset(("aligned", "cases", "matrix", "pmatrix", "bmatrix", "vmatrix", "array", "split", "align*"))
REFUSED = {  # what GitHub or browsers draw differently, or what could act
    command: why
    for commands, why in (
        (r"\href \url \style \class \htmlClass \htmlId \includegraphics", "no markup in formulas"),
        (r"\color \textcolor \colorbox", "a colour does not follow the palette"),
        (r"\boldsymbol \bm \textbf \textit", r"browsers draw it like plain text: write \mathbf or \text"),
        (r"\tag \label \ref \eqref", "name the formula in the text around it"),
        (r"\def \newcommand \require", "no definitions: write it out"),
    )
    for command in commands.split()
}
CHILDREN = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "mroot": 2, "msubsup": 3, "munderover": 3}
LIMITS = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
CLOSING = (")", "]", "}", "⟩", "⌋", "⌉")
LARGE = re.compile("[∑∏∐⋃⋂]|lim|max|min|sup|inf|arg.?(?:max|min)")
ACCENTS = {"^": "ˆ", "~": "˜", **{sign: sign for sign in "¯˙¨ˇ˘´`"}}
ELEMENTS = re.compile(
    "math|mrow|mi|mn|mo|mtext|mspace|msqrt|mstyle|mtable|mtr|mtd|mpadded|mphantom|menclose|" + "|".join(CHILDREN)
)
ATTRIBUTES = re.compile(
    "accent|columnalign|columnspacing|rowspacing|display|displaystyle|scriptlevel|fence|form|stretchy|movablelimits|largeop"
    "|width|height|depth|lspace|rspace|voffset|linethickness|mathvariant|minsize|maxsize|separator|symmetric|notation"
    "|linebreak|accentunder|rowlines|columnlines|frame"
)


class BrokenTeX(Exception):
    """TeX that is refused; `line` counts from 0 in the formula."""

    def __init__(self, words: str, line: int = 0) -> None:
        super().__init__(words)
        self.words, self.line = words, line


@functools.lru_cache(maxsize=4096)
def convert(tex: str, display: bool) -> str:
    """MathML of a formula. Raises BrokenTeX."""
    _read(tex)
    plain = re.sub(r"\\operatorname\*?\s*\{", r"\\mathrm{", tex)
    plain = re.sub(r"\\(begin|end)\{aligned\}", r"\\\1{split}", plain)
    plain = plain.replace(r"\&", "＆")  # latex2mathml would write it bare
    try:
        root = ElementTree.fromstring(latex2mathml(plain, display="block" if display else "inline"))
    except ElementTree.ParseError:
        raise BrokenTeX(r"& outside of a table, or < in \text: write \& or \lt") from None
    except Exception as error:  # latex2mathml's own, and IndexError and others where it is surprised
        raise BrokenTeX(WORDS.get(type(error), f"the converter stopped: {type(error).__name__}")) from None
    _verify(root)
    _join(root)
    _accent(root)
    _limit(root)
    _space(root)
    for element in root.iter():
        element.tag = element.tag.removeprefix(MATHML)
        element.text = (element.text or "").replace("＆", "&") or None
    root.attrib = {"display": "block"} if display else {}
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def frame(tex: str, display: bool) -> str:
    """The MathML; a display formula in a box that scrolls by itself."""
    math = convert(tex, display)
    return f'<div class="math-display" role="group" aria-label="Formula" tabindex="0">{math}</div>' if display else math


def _read(tex: str) -> None:
    """Refuses what can be seen in the TeX itself."""
    depth: list[int] = []
    for found in re.finditer(r"\\[a-zA-Z]+\*?|\\.|[{}]|%|\$|[<>]", tex, re.DOTALL):
        line, token = tex.count("\n", 0, found.start()), found[0]
        if token in REFUSED:
            raise BrokenTeX(f"{token}: {REFUSED[token]}", line)
        if token in ("%", "$"):
            raise BrokenTeX(f"{token} in a formula: write \\{token}", line)
        if token == "{":
            depth.append(line)
        elif token == "}":
            if not depth:
                raise BrokenTeX("} without its {", line)
            depth.pop()
        elif token in (r"\begin", r"\end"):
            name = re.match(r"\{([^}]*)\}", tex[found.end() :])
            if not name or name[1] not in ENVIRONMENTS:
                known = ", ".join(sorted(ENVIRONMENTS))
                raise BrokenTeX(f"unknown environment {name[1] if name else token!r}: use {known}", line)
    if depth:
        raise BrokenTeX("{ without its }", depth[-1])
    if not tex.strip():
        raise BrokenTeX("an empty formula")


def _verify(root: ElementTree.Element) -> None:
    """Refuses an answer that would not show what was written."""
    for element in root.iter():
        name, text = element.tag.removeprefix(MATHML), element.text or ""
        if not ELEMENTS.fullmatch(name) or not all(map(ATTRIBUTES.fullmatch, element.keys())):
            raise BrokenTeX(f"markup in a formula ({name})")
        if "\\" in text:
            raise BrokenTeX(f"unknown command {text.strip()}")
        if name in CHILDREN and len(element) != CHILDREN[name]:
            raise BrokenTeX("a command lacks an argument")
        if name in CHILDREN and any(child.tag == f"{MATHML}mi" and not child.text for child in element):
            raise BrokenTeX("nothing before or after ^ or _")
        if element.get("mathvariant") not in (None, "normal", "italic"):
            raise BrokenTeX(r"browsers draw this like plain text: write \mathbf or \text")


def _join(parent: ElementTree.Element) -> None:
    """Makes one word of upright letters that stand in a row: `softmax`, not seven variables."""
    for child in list(parent):
        _join(child)
    previous = None
    for child in list(parent):
        upright = child.tag == f"{MATHML}mi" and child.get("mathvariant") == "normal"
        if upright and previous is not None:
            previous.text = (previous.text or "") + (child.text or "")
            del previous.attrib["mathvariant"]
            previous.set("mathvariant", "normal")
            parent.remove(child)
        else:
            previous = child if upright else None


def _accent(root: ElementTree.Element) -> None:
    """Sets accents in full size above their letter: Chromium lets what says accent="true" cross it."""
    for element in root.iter():
        above = element.tag == f"{MATHML}mover"
        sign = element[1] if above or element.tag == f"{MATHML}munder" else None
        if sign is not None and sign.text == "―":
            sign.text, sign.attrib = "‾" if above else "_", {}
        elif sign is not None and above and sign.text in ACCENTS:
            wide = sign.text in "^~" and "accent" not in element.attrib and "stretchy" not in sign.attrib
            sign.text, sign.attrib = ACCENTS[sign.text], {} if wide else {"stretchy": "false", "scriptlevel": "+0"}
            element.attrib.pop("accent", None)


def _limit(root: ElementTree.Element) -> None:
    """Sets what belongs below and above a sum or maximum there, where there is room."""
    for element in list(root.iter()):
        name = element.tag.removeprefix(MATHML)
        base = element[0] if name in LIMITS else None
        if base is not None and "".join(base.itertext()) in ("argmax", "argmin"):
            words = "\u2009".join(text for text in base.itertext() if text)
            base.clear()
            base.tag, base.text, base.attrib = f"{MATHML}mo", words, {"lspace": "0em", "rspace": "0.17em"}
        if base is not None and base.tag == f"{MATHML}mo" and LARGE.fullmatch(base.text or ""):
            element.tag = MATHML + LIMITS[name]
            base.set("movablelimits", "true")


def _space(root: ElementTree.Element) -> None:
    """Gives names of functions the space around them that TeX gives: log p(x), but log(x)."""
    for parent in list(root.iter()):
        children = list(parent)
        for index, child in enumerate(children):
            name = child.text or ""
            if child.tag == f"{MATHML}mi" and not child.attrib and len(name) > 1 and name.isascii() and name.isalpha():
                neighbours = (children[index - 1] if index else None, (children[index + 1 :] or [None])[0])
                before, after = (
                    "0em" if one is None or (one.tag == f"{MATHML}mo" and one.text not in CLOSING) else "0.17em"
                    for one in neighbours
                )
                child.tag, child.attrib = f"{MATHML}mo", {"lspace": before, "rspace": after}
