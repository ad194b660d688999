"""Promise: plain Markdown gets the handbook's look, in one stylesheet, readable and reachable for everybody."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, build, npm
from test_build import Tags, foreign
from test_diagrams import look
from test_evidence import PAGE, demo, synchronize  # noqa: F401  (demo is a fixture)

from handbook.book import Book

STYLESHEET = (ROOT / "docs/assets/handbook.css").read_text(encoding="utf-8")
CHAPTERS = 7  # on the map; case studies and the reference are no parts of a system
# What the demonstration page lacks: a chart, a checklist, a callout, the third verdict.
MORE = """
![The finding](finding.svg)

*Drawn from results.json, see [data](results.json).*

It [depends](results.json#/claims/pooling/verdict), [holds](../pooling/results.json#/claims/connections/verdict), see [data](results.json).

**Keep the connection.**

- [ ] `ss -s` shows few
- [x] done

| Name | Number |
| --- | ---: |
| a | 1 |
| `sysctl \\| grep net.ipv4.tcp_slow_start_after_idle` | 2 |

*This is said in italics.* And more with `--pre-vote`.

*Recorded 2026-11-27, below text.*

"""


# What the site must make of it; attributes in the order of their names.
PARTS = [
    r'<a class="measured" href="results\.json#/claims/pooling">0\.\d+×</a>',
    r'<a class="verdict fails" href="results\.json#/claims/pooling/verdict">fails</a>',
    r'<a class="verdict depends" href="[^"]*/verdict">depends</a>',
    r'<a class="verdict holds" href="[^"]*results\.json#/claims/connections/verdict">holds</a>',
    r'<a href="results\.json">data</a>',
    r'<p class="kicker"><strong>You will be able to answer</strong></p>',
    r'<p class="kicker"><strong>Keep the connection\.</strong></p>\s*<ul class="task-list">',
    r'<p class="provenance"><em>Recorded 20',
    r'<p class="provenance"><em>Drawn from',
    r'<p class="provenance"><em>Recorded 2026-11-27, below text',
    r'<p><em>This is said in italics\.</em> And more with <code class="short">--pre-vote</code>\.</p>',
    r'<p class="chart" tabindex="0"><img alt="The finding" src="finding\.svg"></p>',
    r'<input aria-label="to check" disabled type="checkbox">',
    r'<input aria-label="done" checked disabled type="checkbox">',
    r'<div aria-label="Table: Name, Number" class="scroll" role="group" tabindex="0">\s*<table class="data">',
    r'<table class="data wide">',
    r'<td class="right">1</td>',
    r'<td><code class="long">sysctl \| grep net',
    r'<div class="highlight"><pre tabindex="0">',
]


def test_plain_markdown_gets_its_classes(demo: Path, tmp_path: Path) -> None:  # noqa: F811
    path = demo / PAGE
    (path.parent / "finding.svg").write_text((ROOT / "docs/assets/overview.svg").read_text(encoding="utf-8"), encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8").replace("## When it goes", f"{MORE}## When it goes"), encoding="utf-8")
    done = build(demo, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "site" / PAGE.removeprefix("docs/")).with_suffix(".html").read_text(encoding="utf-8")
    html = re.sub(r"<(\w+)((?: [\w-]+(?:=\"[^\"]*\")?)+)( ?/?)>", ordered, html)
    assert [part for part in PARTS if not re.search(part, html)] == []


def ordered(tag: re.Match[str]) -> str:
    attributes = sorted(re.findall(r'[\w-]+(?:="[^"]*")?', tag[2]))
    return f"<{tag[1]} {' '.join(attributes)}>"


def test_a_takeaway_is_one_bold_that_titles_nothing(demo: Path, tmp_path: Path) -> None:  # noqa: F811
    path = demo / PAGE
    path.write_text(path.read_text(encoding="utf-8").replace("## Decide", "**Keep it.**\n\n**Run-in.** Text.\n\n## Decide"), encoding="utf-8")
    assert build(demo, tmp_path / "site").returncode == 0
    html = (tmp_path / "site" / PAGE.removeprefix("docs/")).with_suffix(".html").read_text(encoding="utf-8")
    assert html.count('class="takeaway"') == 1 and '<p class="takeaway"><strong>Keep it.</strong></p>' in html


def test_alignment_is_no_style_attribute(site: Path) -> None:
    """A strict policy allows none."""
    assert [page for page in site.rglob("*.html") if 'style="text-align' in page.read_text(encoding="utf-8")] == []


def rules(text: str) -> str:
    """The stylesheet without comments and without its :root blocks."""
    return re.sub(r":root \{.*?\}", "", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL), flags=re.DOTALL)


def test_one_stylesheet_names_colours_in_one_place() -> None:
    assert len(STYLESHEET.splitlines()) <= 400
    assert sorted(path.name for path in (ROOT / "docs/assets").rglob("*.css")) == ["handbook.css", "search.css"]
    colour = r"#[0-9a-f]{3,8}\b|\b(?:rgba?|hsla?|oklch|oklab|lab|lch|hwb)\(|[:\s](?:black|white|red|green|blue|gray|grey)\b(?=[\s;,)])"
    print_white = "--paper: #fff;"
    assert rules(STYLESHEET).count(print_white) == 1
    assert re.findall(colour, rules(STYLESHEET).replace(print_white, ""), re.IGNORECASE) == []
    assert re.findall(colour, (ROOT / "docs/assets/search.css").read_text(encoding="utf-8"), re.IGNORECASE) == []


def roles() -> dict[str, tuple[str, str]]:
    return {name: (day, night) for name, day, night in re.findall(r"--(\w+): light-dark\((#\w{6}), (#\w{6})\);", STYLESHEET)}


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, two: str) -> float:
    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [0, 1], ids=["day", "night"])
@pytest.mark.parametrize("ground", ["paper", "panel", "node", "note"])
@pytest.mark.parametrize("text", ["ink", "muted", "link", "hold", "fail", "depend", "edge"])
def test_every_role_can_be_read_on_every_ground(text: str, ground: str, palette: int) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast(roles()[text][palette], roles()[ground][palette]) >= 4.5


def test_diagrams_have_the_colours_of_the_stylesheet() -> None:
    drawn = json.loads((ROOT / "scripts/handbook/diagram_look.json").read_text(encoding="utf-8"))["roles"]
    own = roles()
    assert {name: tuple(pair) for name, pair in drawn.items() if name in own} == {name: own[name] for name in drawn if name in own}


def test_fonts_come_before_they_are_asked_for(site: Path) -> None:
    for page in site.rglob("*.html"):
        links = [attrs for tag, attrs in Tags(page).found if tag == "link" and attrs.get("rel") == "preload"]
        wanted = ["text.woff2", "label.woff2", *["math.woff2"] * ("<math" in page.read_text(encoding="utf-8"))]
        assert [str(link["href"]).rpartition("/")[2] for link in links] == wanted, page
        for link in links:
            target = (page.parent / str(link["href"])) if page.name != "404.html" else site / str(link["href"]).lstrip("/")
            assert target.resolve().is_file() and "crossorigin" in link
        assert foreign(page) == []


def map_links(site: Path) -> list[str]:
    text = (site / "index.html").read_text(encoding="utf-8")
    return re.findall(r'<a href="([^"]+)"', text[text.index('<nav class="map"') :].partition("</nav>")[0])


def test_every_part_of_the_map_leads_somewhere(site: Path) -> None:
    links = map_links(site)
    for link in links:
        folder, _, anchor = link.partition("#")
        target = site / folder / "index.html"
        assert target.is_file(), link
        assert not anchor or f'id="{anchor}"' in target.read_text(encoding="utf-8"), link
    assert len({link.partition("#")[0].split("/")[0] for link in links}) == CHAPTERS
    assert len(set(links)) > 40


def test_a_part_leads_to_its_page_once_that_is_written(copy: Path, tmp_path: Path) -> None:
    (copy / "docs/deployment/llm-serving").mkdir()
    (copy / "docs/deployment/llm-serving/index.md").write_text("# Serving\n\nText.\n", encoding="utf-8")
    config = copy / "mkdocs.yml"
    entry = "      - deployment/index.md\n"
    config.write_text(config.read_text(encoding="utf-8").replace(entry, f"{entry}      - deployment/llm-serving/index.md\n"), encoding="utf-8")
    assert build(copy, tmp_path / "site").returncode == 0
    assert map_links(tmp_path / "site").count("deployment/llm-serving/") == 3  # once in each drawing


def test_a_chapter_draws_the_pages_that_it_has(copy: Path, tmp_path: Path) -> None:
    """Once in each drawing, dashed as long as they are sections; a page that nobody drew gets a box as well."""
    for topic in ("llm-serving", "edge-devices"):
        (copy / f"docs/deployment/{topic}").mkdir()
        (copy / f"docs/deployment/{topic}/index.md").write_text("# Title\n\nText.\n", encoding="utf-8")
    config = copy / "mkdocs.yml"
    entry = "      - deployment/index.md\n"
    more = "".join(f"      - deployment/{topic}/index.md\n" for topic in ("llm-serving", "edge-devices"))
    config.write_text(config.read_text(encoding="utf-8").replace(entry, entry + more), encoding="utf-8")
    assert build(copy, tmp_path / "site").returncode == 0
    for chapter in Book(copy).chapters():
        html = (tmp_path / "site" / chapter / "index.html").read_text(encoding="utf-8")
        drawn = html.partition('<nav class="map chapter"')[2].partition("</nav>")[0]
        for topic in Book(copy).topics(chapter):
            assert drawn.count(f'<a href="{topic}/">') == 2, f"{chapter}/{topic}: name it in overrides/partials/chapter-map.html"
        for anchor in re.findall(r'<a href="\./#([^"]+)" class="soon">', drawn):
            assert f'id="{anchor}"' in html, f"{chapter}: the map leads to #{anchor}, which is no section"
        assert re.search(r'<h1.*<nav class="map chapter".*<h2', html, re.DOTALL) or not Book(copy).topics(chapter)
    assert ">Edge devices</text>" in (tmp_path / "site/deployment/index.html").read_text(encoding="utf-8")


def test_pages_without_the_map_list_the_chapters() -> None:
    home = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    book = Book(ROOT)
    assert [one for one in book.chapters() if f"({one}/index.md)" not in home.partition("## Chapters")[2]] == []


def test_a_page_says_what_a_reader_asks_first(tmp_path: Path) -> None:
    addresses = {"SITE_URL": "https://example.org/book/", "REPO_URL": "https://example.org/repo", "EDIT_URI": "edit/main/docs/"}
    assert build(ROOT, tmp_path / "site", **addresses).returncode == 0
    html = (tmp_path / "site/devops/index.html").read_text(encoding="utf-8")
    assert re.search(r'</h1>\s*<p class="facts">\d+ min read · last reviewed <time>20\d\d-\d\d-\d\d</time> · <a href="[^"]+/devops/index\.md" rel="edit">', html)
    assert re.search(r'<meta name="description" content="[^"]{50,}"', html) and 'rel="prev"' in html and 'rel="next"' in html
    assert '<meta property="og:image" content="https://example.org/book/assets/social.png">' in html
    assert (tmp_path / "site/assets/social.png").read_bytes()[16:24] == (1200).to_bytes(4, "big") + (630).to_bytes(4, "big")


def test_claims_that_came_out_otherwise_are_found(demo: Path) -> None:  # noqa: F811
    """The home page shows them from the record; a claim that holds as expected is no finding."""
    home = demo / "docs/index.md"
    block = home.read_text(encoding="utf-8").partition("<!-- sync: findings -->")[2].partition("<!-- /sync -->")[0]
    rows = block.strip().splitlines()[2:]
    link = "system-design/pooling/results.json#/claims/pooling"
    assert 3 <= len(rows) <= 5 and f"[fails]({link}/verdict)" in rows[0]
    assert f"×]({link}), [Pooled connections](system-design/pooling/index.md)" in rows[0]
    assert not any("A kept connection is one connection" in row for row in rows)
    assert synchronize(demo) == []


def test_templates_call_no_method_of_python() -> None:
    """Zensical, which reads the same mkdocs.yml after Material's end, draws templates without Python."""
    for path in (ROOT / "overrides").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"\.(?:\w*split\w*|\w*strip|\w*partition|replace|get|join|format|lower|upper|title)\(|wordcount|sum\(", text) == [], path


AXE = """const still = doc.createElement('style'); still.textContent = '* { transition: none !important }'; doc.head.append(still);
  const tag = doc.createElement('script'); tag.src = '/axe.min.js';
  await new Promise(done => { tag.onload = done; doc.head.append(tag) });
  const found = [];
  for (const scheme of ['light', 'dark']) {
    doc.documentElement.dataset.scheme = scheme;
    await new Promise(done => setTimeout(done, 200));
    const { violations } = await view.axe.run(doc);
    found.push(...violations.map(one => scheme + ' ' + one.id + ' ' + one.nodes[0].html.slice(0, 150)));
  }
  return [view.innerWidth < doc.documentElement.scrollWidth, found]"""


def test_pages_have_no_barrier(demo: Path, binary: Callable[[str], str]) -> None:  # noqa: F811
    """axe-core finds nothing in either palette: home, a chapter, a topic with evidence, a page that is not there."""
    engine = npm("axe-core/axe.min.js")
    site = demo / "site"
    assert build(demo, site).returncode == 0
    (site / "axe.min.js").write_bytes(engine.read_bytes())
    for page in ("index.html", "system-design/index.html", "system-design/pooling/index.html", "404.html"):
        assert json.loads(look(binary("chromium"), site, page, AXE)) == [False, []], page
