"""Finds the quantities of a page that are neither measured, computed, cited nor assumed.

A quantity is a number with a unit, a percentage, a factor or a price; counts, versions and names such as "30-day
window" or "16-bit" are none. It is judged by block, which is a paragraph, a list item, a table row or a heading: one
source covers the block, and the list or table that it introduces with a colon. What nobody takes for a statement
(questions, exercises, quotations, suppositions, code, text that a machine wrote) needs no source.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from handbook.book import _markdown

_LONG = r"(?:second|minute|hour|day|week|month|year)"
_TIME = rf"(?:{_LONG}s?|secs?|mins?|hrs?|s|h)"
_WORD = r"(?:thousand|million|billion|trillion)"
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?"
_NUMBERS = rf"{_NUMBER}(?:(?:\s?[-–—/,]\s?|,?\s(?:to|and|or)\s)[~≈$€£]?{_NUMBER})*"
_UNIT = (
    rf"[nµμum]s|(?:milli|micro|nano)-?seconds?|{_TIME}"
    r"|(?:[kKMGTPE]i?|(?<=\s))B(?:/s|ps)?"  # "8 B" are bytes, "8B" are eight billion of something
    r"|[kKMGT]i?b(?:its?)?(?:/s|ps)?|(?:kilo|mega|giga|tera|peta)?(?:byte|bit)s?"
    r"|[kMGT]?Hz|[mkMG]?Wh?|k?J|(?:kilo|mega)?watts?|joules?|°[CF]|[kcm]m"
    r"|[KMGTPE]?FLOP(?:/s|S|s)?|[kKM]?(?:QPS|RPS|TPS|IOPS|qps|rps|tps|fps|FPS)"
    rf"|(?:[a-z]+\s){{0,2}}[a-zA-Z]+\s?(?:/|per\s)\s?{_TIME}"
    r"|percent(?:age points?)?|per cent|per mille|pp|USD|EUR|GBP|dollars?|euros?|cents?"
    r"|times\s(?:the|as|that|its|more|less|[a-z]+er)"
)
_QUANTITY = re.compile(
    rf"(?<![\w.,/:#^=@\\-])(?:[$€£¥]\s?{_NUMBERS}(?:\s?(?:[kKMB]|{_WORD})\b)?"
    rf"|(?:USD|EUR|GBP|[Ff]actors?\sof)\s[~≈]?{_NUMBERS}|{_NUMBERS}(?:\s?(?:[kKM]|{_WORD}))?"
    rf"(?:\s?[%‰]|-fold|\s?×(?!\s?[\dA-Z(])|x(?![\w(*-]|\s[A-Z\d])|\s?(?:{_UNIT})(?![\w-])))"
)
_BARE = re.compile(rf"[~≈<>≤≥±]?\s?{_NUMBER}")
_COLUMN = re.compile(rf"(?:^|[(\[,]\s?|\bin\s)({_UNIT}|[%×])[)\]]?$")
# All 0s, four 9s, the 2010s, 100s of keys; zero, 100 %; a 30 minute block; a year ago; a 95 % interval; 24 hours a day.
_NAME = re.compile(
    rf"[019]s\b|(?:1[89]|20)\d0s|10+s\sof|0+(?:\.0+)?(?![\d.,])|100\s?%|(?!1\s)[\d.,]+\s(?:{_LONG}|byte|bit)\b"
    rf"|\d+\s\w+\sago|[\d.]+\s?%\s(?:confidence|credible|prediction)|(?:24\sh|7\sd|36[56]\sd|60\s)\w*\s(?:in\s)?an?\s{_LONG}"
)
_WIDTH = re.compile(r"\b[A-Za-z]+-?(\d{1,3})\b|\b(\d+)-bit")  # fp32, AES-256, 16-bit
_PERCENTILE = re.compile(r"\bp(\d\d(?:\.\d+)?)\b|\b(\d\d(?:\.\d+)?)(?:th|st|nd|rd)? percentile")
_LITERAL = re.compile(r"(?<![\w.])(?:\d{1,3}(?:[,_]\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_PREFIXED = re.compile(rf"[\d\s](?:{_WORD}|[kKMGTPE](?!\w)|[kKMGTPE]i?[bBHWFJQRTI]|[mµμun]s\b|(?:mi|na|ki|me|gi)\w+s)")
_SCALES = (*(1000.0**power for power in range(-4, 4)), *(1024.0**power for power in range(-4, 0)))

_MATH = re.compile(r"\$\$.*?\$\$|\$(?=[^\s$])[^$]*?(?<=\S)\$(?!\d)", re.DOTALL)
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|«[^»]*»")
_MEASURED = re.compile(r"results(\.[a-z0-9-]+)?\.json#/")
_ASSUMED = re.compile(r"\b(?:assum|suppos(?:e|ing)\b|imagine\b|thought experiment)", re.IGNORECASE)
_EXERCISES = re.compile(r"(sources|check yourself|exercises?|questions?)\b", re.IGNORECASE)
_START, _STOP = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!vs)[.!?][\"”')*_\]]*\s"), re.compile(r"[.!?][\"”')*_\]]*(?=\s|$)|\Z")
_SUPPOSED = re.compile(  # in the sentence
    r"\bhypothetic|\bsay,|\b(?:let['’]?s|let us|so|and|instance,)\ssay\b|^say\b"
    r"|\b(?:for (?:example|instance)\b|e\.g\.).*\b(?:if|could|may|might|would|your?)\b",
    re.IGNORECASE | re.DOTALL,
)
_GIVEN = re.compile(  # right before the number: "set the timeout to", "such as", "in the last"
    r"(?:(?:^|[,;:]\s|\b(?:you|can|could|may|to|and|or|then|not)\s)set\b.*\bto"
    r"|\b(?:e\.g\.|for example|for instance|such as|say),?|\b(?:last|past|previous|next))\s\W*\Z",
    re.IGNORECASE | re.DOTALL,
)


@dataclass
class _Block:
    line: int
    section: int  # line of its level-two heading
    text: str
    code: str  # its code spans
    sourced: bool


def unsupported(text: str) -> list[tuple[int, str]]:
    """Line and wording of each quantity without a source in a page's Markdown, in the order of the page."""
    return unsupported_in(_markdown.parse(text))


def unsupported_in(tokens: Sequence[Token]) -> list[tuple[int, str]]:
    """The same for a page that `handbook.book` has parsed."""
    computed = _computed(tokens)
    found = []
    for block in _blocks(tokens):
        text = _QUOTED.sub(lambda quoted: re.sub(r"\S", " ", quoted[0]), block.text)
        for match in _QUANTITY.finditer(text):
            before = _START.split(text[: match.start()])[-1]
            stop = _STOP.search(text, match.end())
            sentence = before + text[match.start() : stop.end() if stop else None]
            printed = computed.get(block.section, set()) | _literals(block.code) | _named(match[0], block)
            if not (
                _NAME.match(text, match.start())
                or sentence.rstrip("\"”')*_]").endswith("?")
                or _SUPPOSED.search(sentence)
                or _GIVEN.search(before)
                or _is_printed(match[0], printed)
            ):
                found.append((block.line + text.count("\n", 0, match.start()), " ".join(match[0].split())))
    return found


def _blocks(tokens: Sequence[Token]) -> Iterator[_Block]:
    """The blocks that must name a source and do not."""
    line = section = folded = level = 0  # level: of the heading whose text comes next
    skipped = synced = answers = introduced = assumed = False
    within = [False]  # by nesting of lists and tables: is the whole of it covered?
    row: list[_Block] | None = None
    head: list[_Block] = []
    for index, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else line
        found: _Block | None = None
        match token.type:
            case "footnote_block_open":
                return
            case "html_block":
                folded += token.content.count("<details") - token.content.count("</details")
                for mark in re.finditer(r"<!-- (/?)sync\b", token.content):
                    synced = not mark[1]
            case "fence" | "code_block" | "hr":
                introduced = False
            case "heading_open":
                level, introduced, answers = int(token.tag[1]), False, False
            case "bullet_list_open" | "ordered_list_open" | "table_open":
                within.append(introduced or within[-1])
                introduced = False
            case "bullet_list_close" | "ordered_list_close" | "table_close":
                within.pop()
                introduced = answers = False
            case "tr_open":
                row = []
            case "tr_close" if row is not None:
                if tokens[index + 1].type == "thead_close":
                    head = row
                    within[-1] = within[-1] or any(cell.sourced for cell in row)
                cells = [_with_unit(cell.text, title.text) for cell, title in zip(row, head, strict=False)]
                code, sourced = " ".join(cell.code for cell in row), any(cell.sourced for cell in row)
                found, row = _Block(line, section, " | ".join(cells), code, sourced), None
            case "inline" if row is not None:
                row.append(_block(token, line, section))
            case "inline":
                found = _block(token, line, section)
                if level == 2:
                    section, skipped = line, bool(_EXERCISES.match(found.text))
                assumed = bool(_ASSUMED.search(found.text)) if level else assumed
                level = 0
                answers = answers or found.text.startswith("You will be able to answer")
                introduced = found.sourced and found.text.rstrip("\0 *_").endswith(":")
        if found and not (skipped or folded or synced or answers or within[-1] or assumed or found.sourced):
            yield found


def _block(inline: Token, line: int, section: int) -> _Block:
    text, code, sourced = "", "", False
    for child in inline.children or []:
        if child.type == "code_inline":
            code += f" {child.content}"
        sourced |= child.type == "footnote_ref" or bool(_MEASURED.search(str(child.attrGet("href"))))
        text += {"text": child.content, "softbreak": "\n", "hardbreak": "\n"}.get(
            child.type, "" if child.nesting else "\0"
        )
    sourced = sourced or "[^" in text or bool(_ASSUMED.search(text))
    text = _MATH.sub(lambda formula: "\0" + "\n" * formula[0].count("\n"), text)
    return _Block(line, section, text, code, sourced)


def _with_unit(cell: str, title: str) -> str:
    """A table's bare number with the unit that its column's title gives."""
    unit = _COLUMN.search(title.strip())
    return f"{cell} {unit[1]}" if unit and _BARE.fullmatch(cell.strip()) else cell


def _named(quantity: str, block: _Block) -> set[float]:
    """What names in the block define: the bytes of fp32, the share of requests beyond p99."""
    if quantity.endswith("%"):
        return {100 - float(one or other) for one, other in _PERCENTILE.findall(block.text)}
    bits = {float(one or other) for one, other in _WIDTH.findall(block.text + block.code)}
    return (
        bits
        if re.search(r"\sbits?$", quantity)
        else {n / 8 for n in bits}
        if re.search(r"\sbytes?$", quantity)
        else set()
    )


def _computed(tokens: Sequence[Token]) -> dict[int, set[float]]:
    """By section, the numbers of the Python blocks whose output the tests re-run: literals and results."""
    numbers: dict[int, set[float]] = {}
    section = 0
    for token in tokens:
        if token.type == "heading_open" and token.tag == "h2" and token.map:
            section = token.map[0] + 1
        elif token.type == "fence" and token.info.split()[:1] == ["python"] and "#>" in token.content:
            numbers.setdefault(section, set()).update(_literals(re.sub(r"#(?!>).*", "", token.content)))
    return numbers


def _literals(code: str) -> set[float]:
    return {float(number.replace("_", "").replace(",", "")) for number in _LITERAL.findall(code)}


def _is_printed(quantity: str, numbers: set[float]) -> bool:
    """Whether each number of the quantity is one of `numbers`, rounded to the digits it prints, in its unit's scale."""
    scales = _SCALES if _PREFIXED.search(quantity) else (1.0, 100.0) if re.search("%|percent", quantity) else (1.0,)
    for printed in re.findall(_NUMBER, quantity):
        digits = printed.replace(",", "")
        decimals, zeros = re.search(r"\.(\d+)", digits), re.search(r"(?<=[1-9]\d)0{2,}$", digits)
        slack = 0.5001 * 10.0 ** (-len(decimals[1]) if decimals else len(zeros[0]) if zeros else 0)
        if not any(abs(number * scale - float(digits)) <= slack for number in numbers for scale in scales):
            return False
    return True
