"""Promise: a diagram is drawn for both palettes without a script, whatever its labels hold, or refused with its place."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import ROOT, build, copy_project, serve
from test_build import Tags, foreign

from handbook import diagrams
from handbook.book import Page
from handbook.checks.diagrams import check

GALLERY = ROOT / "tests/gallery/docs"
SOURCES = [text for _, info, text in Page(GALLERY / "diagrams.md", "diagrams.md").fences if info == "mermaid"]
HEAD = "flowchart LR\n  accTitle: A\n  accDescr: B\n"
GOOD = HEAD + "  a --> b\n"


def gallery(root: Path) -> Path:
    """A copy of the project whose pages are those of the gallery."""
    copy_project(root)
    for path in root.glob("docs/**/*.md"):
        path.unlink()
    for path in GALLERY.glob("*.md"):
        shutil.copy2(path, root / "docs" / path.name)
    config = root / "mkdocs.yml"
    nav = "nav:\n" + "".join(f"  - {path.name}\n" for path in sorted(GALLERY.glob("*.md")))
    config.write_text(re.sub(r"^nav:\n.*", nav, config.read_text(encoding="utf-8"), flags=re.M | re.S), encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gallery built strictly."""
    root = gallery(tmp_path_factory.mktemp("gallery") / "handbook")
    done = build(root, root / "site")
    assert done.returncode == 0, done.stderr
    return root / "site"


def look(chromium: str, site: Path, page: str, script: str) -> str:
    """What `script` returns in a page of the site, as Chromium shows it; `doc` and `view` are the page's own."""
    (site / "look.html").write_text(
        f'<iframe src="{page}" style="border:0;width:1200px;height:900px"></iframe><pre></pre><script>'
        "onload = async () => { const view = frames[0], doc = view.document; await doc.fonts.ready;"
        f"document.querySelector('pre').textContent = JSON.stringify(await (async () => {{ {script} }})()) }}</script>",
        encoding="utf-8",
    )
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags += " --disable-component-update --disable-sync --virtual-time-budget=30000 --dump-dom"
    try:
        for address in serve(site):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
                command = [chromium, *flags.split(), f"--user-data-dir={profile}", f"{address}look.html"]
                done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        found = re.search(r"<pre>(.+?)</pre>", done.stdout, re.DOTALL)
        assert found, done.stderr[-2000:]
        return found[1]
    finally:
        (site / "look.html").unlink()


def acts(html: str) -> list[str]:
    """Whatever in a drawing could run, load or lead anywhere."""
    return re.findall(r"<(?:script|foreignObject|a|image|iframe|img|b)\b|\son\w+=|javascript:|href=\"[^#]|url\((?!#)|@import", html, re.I)


@pytest.mark.parametrize("kind", diagrams.KINDS)
def test_every_kind_is_drawn_for_both_palettes(kind: str) -> None:
    found = [source for source in SOURCES if source.split()[0] == kind]
    assert found, f"the gallery lacks {kind}"
    for source in found:
        svg = diagrams.draw(source, "d1")
        root = ElementTree.fromstring(svg)
        ids = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(ids) == len(set(ids)) and all(one == "d1" or one.startswith(("d1-", "d1_")) for one in ids)
        referred = set(re.findall(r"url\(#([^)]+)\)", svg))
        assert referred <= set(ids)
        assert root.get("role") == "img" and root.findtext("title") and root.findtext("desc")
        assert {root.get("aria-labelledby"), root.get("aria-describedby")} <= set(ids)
        assert "light-dark(#1b2420,#dce5de)" in svg
        assert acts(svg) == []
        assert diagrams.natural_width(source) <= 788


def test_no_colour_is_the_same_by_day_and_night() -> None:
    """Text and lines that kept one colour would vanish in one palette. The actor of a sequence has rules beside them."""
    for source in SOURCES:
        svg = re.sub(r"light-dark\([^()]*(?:\([^()]*\)[^()]*)*\)", "", diagrams.draw(source, "d"))
        style = "".join(re.findall(r"<style>(.*?)</style>", svg))
        left = re.findall(r"(?:fill|stroke):\s*(?!none|transparent|currentColor|inherit)[#a-z][^;}]*", style)
        assert left == [], source


@pytest.mark.parametrize(
    "label",
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "javascript:alert(1)",
        "<a href='https://example.org'>x</a>", "&lt;script&gt;alert(1)&lt;/script&gt;", "</text></svg><script>alert(1)</script>",
        "#60;script#62;alert(1)#60;/script#62;", "<style>@import 'https://example.org'</style>", "`<b>x</b>`",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["flowchart", "sequenceDiagram", "stateDiagram-v2", "erDiagram"])
def test_no_label_becomes_active(kind: str, label: str) -> None:
    """`check` refuses markup; the drawing is harmless all the same."""
    source = {
        "flowchart": f'flowchart LR\n  a["{label}"] -->|"{label}"| b\n',
        "sequenceDiagram": f"sequenceDiagram\n  a->>b: {label}\n  Note over a: {label}\n",
        "stateDiagram-v2": f'stateDiagram-v2\n  state "{label}" as a\n  a --> b: {label}\n',
        "erDiagram": f'erDiagram\n  A ||--o{{ B : "{label}"\n',
    }[kind]
    try:
        svg = diagrams.draw(source, "d")
    except (diagrams.Broken, diagrams.Undrawable):
        return
    root = ElementTree.fromstring(svg)
    assert {element.tag for element in root.iter()}.isdisjoint({"script", "foreignObject", "a", "image", "img", "b", "iframe"})
    assert not [name for element in root.iter() for name, _ in element.items() if name.startswith("on") or "href" in name]


def test_handlers_and_foreign_addresses_are_not_drawn() -> None:
    source = GOOD + (
        '  click a href "https://example.org"\n  click b call alert()\n'
        '  style a fill:url(https://example.org/x)\n  classDef c background:url("https://example.org/y")\n  class b c\n'
    )
    assert acts(diagrams.draw(source, "d")) == []


def test_labels_in_any_script_are_kept() -> None:
    svg = diagrams.draw(next(source for source in SOURCES if "مخزن" in source), "d")
    text = "".join(ElementTree.fromstring(svg).itertext())
    for label in ("Größe ≤ 4 → weiter", "λ·W ≈ ρ", "特徴量ストア", "مخزن الميزات", "מודל v2 (ישן)", "a < b && c > d"):
        assert label in text


def page(tmp_path: Path, text: str) -> Page:
    path = tmp_path / "index.md"
    path.write_text(text, encoding="utf-8")
    return Page(path, "devops/x/index.md")


def nodes(count: int) -> str:
    return HEAD.replace("LR", "TB") + "".join(f"  n{one}[Node {one}] --> n{one + 1}\n" for one in range(count - 1))


def fenced(source: str, before: str = "") -> str:
    return "# T\n\n" + "".join(f"{before}{row}".rstrip() + "\n" for row in f"```mermaid\n{source}```".split("\n"))


# name: (page, line, words of the message)
BAD = {
    "syntax": (fenced(HEAD + "  a --> b[x\n"), 7, ["column 10", "Unterminated"]),
    "syntax in a list": ("# T\n\n- a\n\n" + fenced("flowchart LR\n  a --> b[x\n", "  ").split("\n", 2)[2], 7, ["column 12", "Unterminated"]),
    "syntax in a callout": ("# T\n\n> [!NOTE]\n>\n" + fenced("flowchart LR\n  a --> b[x\n", "> ").split("\n", 2)[2], 7, ["column 12", "Unterminated"]),
    "syntax in a fold": ("# T\n\n<details>\n<summary>S</summary>\n\n" + fenced("flowchart LR\n  a --> b[x\n").split("\n", 2)[2] + "\n</details>\n", 8, ["Unterminated"]),
    "syntax of a sequence": (fenced("sequenceDiagram\n  accTitle: A\n  accDescr: B\n  a->>b hello\n"), 7, ["expected text"]),
    "nothing": (fenced("").replace("\n```\n", "\n\n```\n"), 3, ["empty"]),
    "nothing but a kind": (fenced("flowchart TB\n"), 4, ["empty"]),
    "nothing but a name": (fenced(HEAD), 4, ["empty"]),
    "no title": (fenced(GOOD.replace("  accTitle: A\n", "")), 3, ["accTitle is missing"]),
    "no description": (fenced(GOOD.replace("  accDescr: B\n", "")), 3, ["accDescr is missing"]),
    "unknown kind": (fenced("flowchat LR\n  a --> b\n"), 4, ["'flowchat'", "flowchart (steps"]),
    "a kind that is not ours": (fenced("C4Context\n  title x\n"), 4, ["'C4Context'"]),
    "click": (fenced(GOOD + '  click a href "https://example.org"\n'), 8, ["a handler", "column 3"]),
    "callback": (fenced(GOOD + "  click a callback\n"), 8, ["a handler"]),
    "link of an actor": (fenced("sequenceDiagram\n  accTitle: A\n  accDescr: B\n  a->>b: x\n  link a: Board @ https://example.org\n"), 8, ["a handler"]),
    "script": (fenced(GOOD + '  b --> c["<script>alert(1)</script>"]\n'), 8, ["markup in a label", "<script>"]),
    "markup": (fenced(GOOD + '  b --> c["<b>x</b>"]\n'), 8, ["markup in a label"]),
    "a colour": (fenced(GOOD + "  style a fill:#f00\n"), 8, ["a colour of its own", ":::key"]),
    "a class with colours": (fenced(GOOD + "  classDef x fill:#f00\n"), 8, ["a colour of its own"]),
    "a theme": (fenced("%%{init: {'theme': 'dark'}}%%\n" + GOOD), 4, ["configuration"]),
    "too wide": (fenced(HEAD + "".join(f"  n{one}[Node number {one}] --> n{one + 1}\n" for one in range(9))), 3, ["px wide", "flowchart TB"]),
    "501 nodes": (fenced(nodes(501)), 3, ["501 nodes"]),
    "words after the fence": (fenced(GOOD).replace("```mermaid", "```mermaid title"), 3, ["after the fence"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_diagram_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    text, line, words = BAD[name]
    faults = list(check(None, page(tmp_path, text)))
    assert faults, name
    said = f"{faults[0].wrong} — {faults[0].repair}"
    assert faults[0].line == line and faults[0].path == "docs/devops/x/index.md" and faults[0].repair, str(faults[0])
    assert all(one in said for one in words), said


@pytest.mark.parametrize("text", [fenced(source) for source in SOURCES] + [fenced(nodes(500)), fenced(GOOD.replace("b", "b[one<br>two]"))])
def test_a_good_diagram_passes(text: str, tmp_path: Path) -> None:
    assert [str(fault) for fault in check(None, page(tmp_path, text))] == []


def test_equal_diagrams_on_a_page_have_their_own_ids(tmp_path: Path) -> None:
    root = gallery(tmp_path / "handbook")
    (root / "docs/index.md").write_text(f"# T\n\n{fenced(GOOD)[5:]}\n{fenced(GOOD)[5:]}", encoding="utf-8")
    assert build(root, root / "site").returncode == 0
    ids = Counter(attrs["id"] for _, attrs in Tags(root / "site/index.html").found if attrs.get("id"))
    assert ids["diagram-1"] == ids["diagram-2"] == 1
    assert {one: count for one, count in ids.items() if one.startswith("diagram") and count > 1} == {}


@pytest.mark.parametrize("where", ["", "    ", "> "])
def test_a_broken_diagram_fails_the_build(where: str, tmp_path: Path) -> None:
    root = gallery(tmp_path / "handbook")
    lead = {"": "Text.\n", "    ": "1. Text.\n", "> ": "> Text.\n>\n"}[where]
    broken = fenced("flowchart LR\n  a --> b[x\n", where).split("\n", 2)[2]
    (root / "docs/index.md").write_text(f"---\ndescription: x\n---\n\n# T\n\n{lead}\n{broken}", encoding="utf-8")
    line = (root / "docs/index.md").read_text(encoding="utf-8").split("\n").index(f"{where}  a --> b[x") + 1
    done = build(root, root / "site")
    assert done.returncode == 1
    assert f"docs/index.md:{line}: column 10: diagram: Unterminated node label" in done.stderr


def test_pages_with_diagrams_bring_no_script(drawn: Path) -> None:
    scripts = {
        name: [attrs.get("src") for tag, attrs in Tags(drawn / name).found if tag == "script"]
        for name in ("diagrams/index.html", "charts/index.html", "math/index.html")
        if (drawn / name).exists()
    }
    assert len({json.dumps(one) for one in scripts.values()}) == 1
    html = (drawn / "diagrams/index.html").read_text(encoding="utf-8")
    assert html.count('class="drawing"') == len(SOURCES)
    article = html[html.index("<article") : html.index("</article")]
    assert "<script" not in article and "foreignObject" not in article and not re.search(r"\son\w+=", article)
    assert foreign(drawn / "diagrams/index.html") == []
    assert not list(drawn.rglob("mermaid*.js"))


# Boxes of nodes, each with what of its label lies outside, in pixels.
CLIPPED = """return [...doc.querySelectorAll('.diagram .node')].flatMap(node => {
  const box = node.querySelector('.label-container, rect, path, polygon, circle')?.getBoundingClientRect();
  return box ? [...node.querySelectorAll('text')].map(text => { const own = text.getBoundingClientRect();
    return [text.textContent, Math.max(box.left - own.left, own.right - box.right, box.top - own.top, own.bottom - box.bottom)] }) : []
}).filter(([text, out]) => text && out > 1)"""


def test_no_label_is_clipped(drawn: Path, binary: Callable[[str], str]) -> None:
    """The label face is the one that was measured; scripts that it lacks are given more room."""
    assert look(binary("chromium"), drawn, "diagrams/index.html", CLIPPED) == "[]"
    assert "Handbook Label" in look(
        binary("chromium"), drawn, "diagrams/index.html", "return [...doc.fonts].filter(one => one.status == 'loaded').map(one => one.family)"
    )


def test_nothing_moves_while_a_page_loads(drawn: Path, binary: Callable[[str], str]) -> None:
    script = """return await new Promise(done => { let sum = 0; new view.PerformanceObserver(list => {
      for (const one of list.getEntries()) sum += one.value }).observe({ type: 'layout-shift', buffered: true });
      setTimeout(() => done(sum), 500) })"""
    assert look(binary("chromium"), drawn, "diagrams/index.html", script) == "0"
    assert look(binary("chromium"), drawn, "math/index.html", script) == "0"


def test_a_diagram_is_enlarged_without_a_script(drawn: Path, binary: Callable[[str], str]) -> None:
    """It fills the window, what lies behind cannot be reached, and closing brings the page back as it was."""
    script = """const box = doc.querySelectorAll('.drawing')[2], button = box.querySelector('button');
      const size = () => { const at = box.getBoundingClientRect(); return [at.width, at.height, button.innerText] };
      const before = size(); button.click(); const during = size();
      const behind = view.getComputedStyle(doc.querySelector('h1')).visibility, here = view.getComputedStyle(box).visibility;
      button.click(); return [during, behind, here, JSON.stringify(before) == JSON.stringify(size()), before[2]]"""
    assert json.loads(look(binary("chromium"), drawn, "diagrams/index.html", script)) == [
        [1200, 900, "Close"], "hidden", "visible", True, "Enlarge",
    ]  # fmt: skip


@pytest.fixture
def without_merman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The gallery, where `import merman` fails as on a machine that has no wheel."""
    hidden = tmp_path / "hidden/merman.py"
    hidden.parent.mkdir()
    hidden.write_text("raise ImportError('no wheel')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(hidden.parent), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep))
    yield gallery(tmp_path / "handbook")


def test_the_browser_draws_where_merman_is_missing(without_merman: Path, binary: Callable[[str], str]) -> None:
    """mermaid2 takes over, with Mermaid from the site itself, on the pages that need it and on no other."""
    root = without_merman
    (root / "node_modules").symlink_to(ROOT / "node_modules")
    done = build(root, root / "site")
    assert done.returncode == 0, done.stderr
    assert "note: docs/diagrams.md:8: the browser draws this diagram: merman is not installed" in done.stderr
    using = [path.parent.name for path in root.glob("site/**/*.html") if "mermaid.min.js" in path.read_text(encoding="utf-8")]
    assert using == ["diagrams"]
    assert foreign(root / "site/diagrams/index.html") == []
    script = """await new Promise(done => setTimeout(done, 5000));
      return [...doc.querySelectorAll('.mermaid > svg')].map(one => one.getAttribute('aria-roledescription'))"""
    kinds = json.loads(look(binary("chromium"), root / "site", "diagrams/index.html", script))
    assert len(kinds) == len(SOURCES) and "error" not in kinds


def test_a_published_site_holds_such_a_diagram_drawn(without_merman: Path, binary: Callable[[str], str]) -> None:
    """`handbook build` draws it once, so that readers download no Mermaid; without a browser the last site stays."""
    root = without_merman
    (root / "node_modules").symlink_to(ROOT / "node_modules")
    (root / "site").mkdir()
    (root / "site/last.html").write_text("good")
    command = [binary("handbook"), "build"]
    refused = subprocess.run(command, cwd=root, env={**os.environ, "PATH": "/nowhere"}, capture_output=True, text=True)
    assert refused.returncode == 1 and "there is none: install" in refused.stderr and (root / "site/last.html").exists()
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (root / "site/last.html").exists() and not (root / "site.part").exists()
    html = (root / "site/diagrams/index.html").read_text(encoding="utf-8")
    assert html.count("<svg") >= len(SOURCES) and "mermaid.min.js" not in html and "mermaid.initialize" not in html


def test_a_diagram_stays_readable_text_without_merman_and_mermaid(without_merman: Path) -> None:
    root = without_merman
    done = build(root, root / "site")
    assert done.returncode == 0 and "until then it is text" in done.stderr
    html = (root / "site/diagrams/index.html").read_text(encoding="utf-8")
    assert "<pre>flowchart TB" in html and "mermaid.min.js" not in html


@pytest.mark.parametrize("name", ["text", "label"])
def test_fonts_carry_their_own_names_and_licences(name: str) -> None:
    """A subset is a modified version: Adobe reserves the name Source; copyright and licence stay in the file and beside it."""
    from fontTools.ttLib import TTFont

    file = ROOT / f"docs/assets/fonts/{name}.woff2"
    font = TTFont(file)
    own = [font["name"].getDebugName(one) for one in (1, 4, 6)]
    assert own == [f"Handbook {name.title()}"] * 2 + [f"Handbook{name.title()}"]
    assert "Copyright" in font["name"].getDebugName(0) or "©" in font["name"].getDebugName(0)
    assert "SIL OPEN FONT LICENSE" in (file.parent / f"{name}-OFL.txt").read_text(encoding="utf-8")
    assert set("→←≤≥≈−×°…é0") <= set(map(chr, font.getBestCmap()))
    assert file.stat().st_size < 14_000
