"""One stylesheet for the published site: the theme's and ours, without what no page and no script of the site can use.

A rule goes only where each of its selectors needs a class that stands in no page and in no script.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

OWN = "handbook.css"
# Parts of the theme that mkdocs.yml leaves off: its script names them all the same.
OFF = (
    *("md-annotation", "md-version", "md-tag", "md-status", "md-banner", "md-consent", "md-feedback", "md-tooltip"),
    *("md-code", "md-clipboard", "md-author", "md-post", "md-pagination", "md-progress", "md-select", "md-meta"),
    *("tabbed", "mermaid", "lightbox"),
)
_TOKEN = re.compile(r"""/\*.*?\*/|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|url\([^"')]*\)|[^"'/{};]+|.""", re.DOTALL)
_CLASS = re.compile(r"\.((?:[\w-]|\\.)+)")
_INSIDE = re.compile(r"\((?:[^()]|\([^()]*\))*\)")  # what stands in :not(), :is() and their like
_LINK = re.compile(
    r'\s*<link rel="stylesheet" href="(?P<base>[^"]*?)assets/(?P<name>stylesheets/main\.\w+\.min\.css|handbook\.css)">'
)


def merge(site: Path) -> None:
    """Replaces the two stylesheets in every page by one, whose name changes with its text."""
    pages = list(site.rglob("*.html"))
    theme = next((site / "assets/stylesheets").glob("main.*.css"))
    own = site / "assets" / OWN
    used, scripts = _names(site, pages)
    text = _slim(theme.read_text(encoding="utf-8") + own.read_text(encoding="utf-8"), used)
    known = set(re.findall(r"--[\w-]+", scripts + "".join(page.read_text(encoding="utf-8") for page in pages)))
    while (less := _without_unused_properties(text, known)) != text:
        text = less
    name = f"handbook.{hashlib.sha256(text.encode()).hexdigest()[:8]}.css"
    (site / "assets" / name).write_text(text, encoding="utf-8")
    for page in pages:
        html = page.read_text(encoding="utf-8")
        page.write_text(_LINK.sub(lambda found: _link(found, name), html), encoding="utf-8")
    own.unlink()
    for path in (site / "assets/stylesheets").iterdir():
        path.unlink()
    (site / "assets/stylesheets").rmdir()


def _link(found: re.Match[str], name: str) -> str:
    return f'\n<link rel="stylesheet" href="{found["base"]}assets/{name}">' if found["name"] == OWN else ""


def _names(site: Path, pages: list[Path]) -> tuple[set[str], str]:
    used = set()
    for page in pages:
        for found in re.finditer(r'\sclass="?([^">]*)', page.read_text(encoding="utf-8")):
            used.update(found[1].split())
    scripts = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.js") if "lunr" not in path.parts)
    used.update(name for name in re.findall(r"[A-Za-z_][\w-]*", scripts) if not name.startswith(OFF))
    return used, scripts


def _blocks(text: str) -> Iterator[tuple[str, str | None]]:
    """Each statement of a stylesheet: what stands before its braces, and what in them."""
    prelude, body, depth = [], [], 0
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token.startswith("/*"):
            continue
        depth -= token == "}"
        if depth == 0 and token in ("}", ";"):
            yield "".join(prelude).strip(), "".join(body).strip() if token == "}" else None
            prelude, body = [], []
        elif not (depth == 0 and token == "{"):
            (body if depth else prelude).append(token)
        depth += token == "{"


def _slim(text: str, used: set[str]) -> str:
    kept = []
    for prelude, body in _blocks(text):
        if body is None:
            kept.append(f"{prelude};")
        elif prelude.startswith(("@media", "@supports")):
            inner = _slim(body, used)
            kept.append(f"{prelude}{{{inner}}}" if inner else "")
        elif prelude.startswith("@"):
            kept.append(f"{prelude}{{{body}}}")
        else:
            selectors = [one for one in _selectors(prelude) if _possible(one, used)]
            body = ";".join(re.sub(r"\s+", " ", f"{name}{value or ''}") for name, value in _declarations(body))
            kept.append(f"{','.join(selectors)}{{{body}}}" if selectors and body else "")
    return "".join(kept)


def _declarations(body: str) -> list[tuple[str, str | None]]:
    return [(text, value) for text, value in _blocks(f"{body};") if text]


def _selectors(prelude: str) -> list[str]:
    """Splits at the commas that stand in no parentheses."""
    parts, depth = [""], 0
    for sign in prelude:
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [re.sub(r"\s+", " ", part).strip() for part in parts]


def _possible(selector: str, used: set[str]) -> bool:
    if "[dir=rtl]" in selector:
        return False
    return all(re.sub(r"\\(.)", r"\1", name) in used for name in _CLASS.findall(_INSIDE.sub("", selector)))


def _without_unused_properties(text: str, known: set[str]) -> str:
    asked = set(re.findall(r"var\(\s*(--[\w-]+)", text))

    def kept(body: str) -> str:
        rows = [row for row, _ in _declarations(body)]
        return ";".join(one for one in rows if not one.startswith("--") or one.split(":")[0] in asked | known)

    def walk(part: str) -> str:
        out = []
        for prelude, body in _blocks(part):
            if body is None or prelude.startswith(("@keyframes", "@font-face", "@page")):
                out.append(f"{prelude};" if body is None else f"{prelude}{{{body}}}")
            elif prelude.startswith("@"):
                out.append(f"{prelude}{{{walk(body)}}}")
            elif rest := kept(body):
                out.append(f"{prelude}{{{rest}}}")
        return "".join(out)

    return walk(text)
