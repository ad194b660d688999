"""Promise: a contribution that would harm readers, builders, guards or text is refused with its place and repair; a good one is not."""

import datetime
import difflib
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from copy import copy as copy_of
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import conftest
import pytest
from conftest import ROOT, build, copy_project, edit, find_binary
from test_build import Tags
from test_evidence import synchronize
from test_structure import add

from handbook import addresses
from handbook.book import Book, Page
from handbook.checks import (
    check,
    check_with_tools,
    configuration,
    files,
    images,
    links,
    notes,
    of_page,
    remarks,
    secrets,
    structure,
    suppressions,
    text,
    tools,
)
from handbook.fault import Fault

START = 10  # the line at which the text of a case begins, on a page of its own
HEAD = '---\ndescription: "A page that was made for one example alone, and for nothing but that"\nreviewed: 2026-11-24\n---\n\n# Case {}\n\nOne sentence.\n\n'
FENCE = "```"
LONG = "x = " + "1 + " * 30 + "1"

# name: (text, its line within the text or None, rule, words that the message must hold)
PAGES = {
    # What attacks a reader.
    "script": ("<script>alert(1)</script>\n", 1, "html", "active"),
    "script in a list": ("- a\n\n      <script>alert(1)</script>\n", 3, "html", "indentation"),
    "script behind a fence that is none": (f'{FENCE}html x="y"\n<script>alert(1)</script>\n{FENCE}\n', 1, "markdown", "after the fence"),
    "style": ("<style>p { display: none }</style>\n", 1, "html", "active"),
    "iframe": ('Text <iframe src="x.html"></iframe>.\n', 1, "html", "active"),
    "meta": ('<meta http-equiv="refresh" content="0">\n', 1, "html", "active"),
    "event handler": ('Text <b onclick="alert(1)">bold</b>.\n', 1, "html", "active"),
    "event handler on what is allowed": ('<details ontoggle="alert(1)">\n<summary>a</summary>\n\nb\n\n</details>\n', 1, "html", "attribute"),
    "event handler through attributes": ("[a](../index.md){ onclick='alert(1)' }\n", 1, "markdown", "attributes"),
    "javascript: link": ("[a](javascript:alert(1))\n", 1, "link", "javascript"),
    "javascript: autolink": ("<javascript:alert(1)>\n", 1, "link", "javascript"),
    "javascript: reference": ("[a][b]\n\n[b]: javascript:alert(1)\n", 1, "link", "javascript"),
    "data: link": ("[a](data:text/html,x)\n", 1, "link", "data"),
    "file: link": ("[a](file:///etc/passwd)\n", 1, "link", "file"),
    "link without scheme": ("[a](//example.org/x)\n", 1, "link", "host"),
    "link to built HTML": ("[the chapter](../index.html)\n", 1, "link", "does not exist"),
    "link to a built folder": ("[the chapter](../)\n", 1, "link", "index.md"),
    "link to our own domain": ("[the chapter](https://handbook.example.org/devops/)\n", 1, "link", "own address"),
    "link as raw HTML": ('Read <a href="../index.md">the chapter</a>.\n', 1, "html", "[text](target)"),
    "link to localhost": ("[a](https://localhost:8000/)\n", 1, "link", "localhost"),
    "link to loopback": ("[a](https://127.0.0.1/)\n", 1, "link", "127.0.0.1"),
    "comment": ("<!-- hidden -->\n", 1, "html", "comment"),
    "comment unclosed": ("<!-- hidden\n\nText.\n", 1, "html", "comment"),
    # Text nobody sees.
    "zero-width character": ("Pass\u200bword.\n", 1, "text", "U+200B"),
    "bidirectional override": ("Text \u202egnp.exe.\n", 1, "text", "U+202E"),
    "soft hyphen": ("Hand\u00adbook.\n", 1, "text", "U+00AD"),
    "control character": ("Text \x07 here.\n", 1, "text", "U+0007"),
    "NUL": ("Text \x00 here.\n", 1, "text", "U+0000"),
    "CRLF": ("Text.\r\nMore.\r\n", 1, "text", "CR"),
    "conflict marker": ("<<<<<<< HEAD\nText.\n", 1, "text", "conflict"),
    "space at the end": ("Text. \n", 1, "text", "space"),
    "tab": ("Text\there.\n", 1, "text", "tab"),
    "no final newline": ("Text.", 1, "text", "newline"),
    "empty lines at the end": ("Text.\n\n\n", 3, "text", "empty lines"),
    # Markdown.
    "fence unclosed": (f"{FENCE}python\nx = 1\n", 1, "markdown", "never closed"),
    "fence closed further in": (f"{FENCE}python\nx = 1\n {FENCE}\n", 3, "markdown", "indented otherwise"),
    "fence without language": (f"{FENCE}\nx\n{FENCE}\n", 1, "markdown", "without its language"),
    "fence in no language": (f"{FENCE}pyhton\nx\n{FENCE}\n", 1, "markdown", "'pyhton'"),
    "admonition": ("!!! note\n    Text.\n", 1, "markdown", "[!NOTE]"),
    "folded block": ('??? "More"\n    Text.\n', 1, "markdown", "<details>"),
    "content tabs": ('=== "Python"\n\nText.\n', 1, "markdown", "tabs"),
    "snippet": ("--8<-- \"part.md\"\n", 1, "markdown", "complete as committed"),
    "id by attribute": ("## Section { #id }\n\nText.\n", 1, "markdown", "attributes"),
    "class by attribute": ("Text.{: .wide }\n", 1, "markdown", "attributes"),
    "icon": ("Text :material-check: here.\n", 1, "markdown", "icon"),
    "wiki link": ("See [[Caching]].\n", 1, "markdown", "wiki"),
    "template": ("It is {{ config.site_name }}.\n", 1, "markdown", "template"),
    "table with a short row": ("| a | b |\n| --- | --- |\n| 1 |\n", 3, "markdown", "1 cells"),
    "table with a long row": ("| a | b |\n| --- | --- |\n| 1 | 2 | 3 |\n", 3, "markdown", "3 cells"),
    "table without its second line": ("| a | b |\n| 1 | 2 |\n", 1, "markdown", "none"),
    "text in a table": ("| a | b |\n| --- | --- |\n| 1 | 2 |\nText.\n", 4, "markdown", "row of the table"),
    "list without its empty line": ("Text:\n- a\n- b\n", 2, "markdown", "empty line"),
    "table without its empty line": ("Text:\n| a | b |\n| --- | --- |\n| 1 | 2 |\n", 2, "markdown", "empty line"),
    "fence without its empty line": (f"Text:\n{FENCE}text\nx\n{FENCE}\n", 2, "markdown", "empty line"),
    "nested list by two": ("- a\n  - b\n", 2, "markdown", "agree on 4"),
    "paragraph of a list item by three": ("1. a\n\n   Text.\n", 3, "markdown", "agree on 4"),
    "code by indentation": ("Text.\n\n    x = 1\n", 3, "html", "indentation"),
    "raw HTML": ("Text<br>more.\n", 1, "html", "raw HTML"),
    "details unclosed": ("<details>\n<summary>a</summary>\n\nText.\n", 1, "html", "never closed"),
    "details closed twice": ("Text.\n\n</details>\n", 3, "html", "closes nothing"),
    "unescaped word": ("Run it with <name> there.\n", 1, "html", "vanish"),
    "reference undefined": ("See [text][nowhere].\n", 1, "markdown", "refers to nothing"),
    "reference unused": ("Text.\n\n[spare]: ../index.md\n", 3, "markdown", "nothing refers"),
    "link reversed": ("See (text)[../index.md].\n", 1, "markdown", "wrong way"),
    "bare address": ("See https://example.org for it.\n", 1, "markdown", "bare"),
    "here as a link": ("Read it [here](../index.md).\n", 1, "link", "'here'"),
    "link without words": ("Read [](../index.md).\n", 1, "link", "without words"),
    "id twice": ("## Same\n\nText.\n\n## Same\n\nText.\n", 5, "headings", "already"),
    "footnote undefined": ("Text.[^gone]\n", 1, "citation", "not defined"),
    "footnote twice": ("Text.[^ddp]\n\n## Sources\n\n[^ddp]: Page 3.\n\n[^ddp]: Page 4.\n", 7, "citation", "already"),
    "footnote unused": ("Text.\n\n[^gone]: Words.\n", 3, "citation", "no text"),
    "heading without a space": ("##Section\n\nText.\n", 1, "headings", "space"),
    "bold as a heading": ("**Section:**\n\nText.\n\n**Another section**\n\nText.\n\n**A third:**\n\nText.\n", 1, "headings", "heading"),
    # Listings.
    "code too wide": (f"{FENCE}python\n{LONG}\n{FENCE}\n", 2, "code", "columns"),
    "Python that does not parse": (f"{FENCE}python\nx = 1\ndef f(:\n    pass\n{FENCE}\n", 3, "code", "not python"),
    "JSON that does not parse": (f"{FENCE}json\n{{\n  \"a\": 1,\n}}\n{FENCE}\n", 4, "code", "not json"),
    "YAML that does not parse": (f"{FENCE}yaml\na: b\nc: [1\n{FENCE}\n", None, "code", "not yaml"),
    "TOML that does not parse": (f"{FENCE}toml\na = \n{FENCE}\n", 2, "code", "not toml"),
    "shell that does not parse": (f"{FENCE}sh\nif true; then\n  echo a\n{FENCE}\n", None, "code", "not sh"),
    "shell with a prompt": (f"{FENCE}sh\n$ ls\n{FENCE}\n", 2, "code", "prompt"),
    "Python with a prompt": (f"{FENCE}python\n>>> 1\n{FENCE}\n", 2, "code", "prompt"),
    "diagram that does not parse": (f"{FENCE}mermaid\nflowchart TB\n  accTitle: a\n  accDescr: b\n  a --\n{FENCE}\n", None, "diagram", ""),
    "diagram without words": (f"{FENCE}mermaid\nflowchart TB\n  a --> b\n{FENCE}\n", 1, "diagram", "accTitle"),
    "diagram with a handler": (f'{FENCE}mermaid\nflowchart TB\n  accTitle: a\n  accDescr: b\n  a --> b\n  click a "x"\n{FENCE}\n', 6, "diagram", "handler"),
    "formula that does not parse": ("Text $\\frac{1}$ here.\n", 1, "math", ""),
    "number from nowhere": ("It answers in 12 ms.\n", 1, "quantity", "12 ms"),
    # Images.
    "image without words": ("![](../../assets/overview.svg)\n", 1, "image", "no words"),
    "image named by its file": ("![overview.svg](../../assets/overview.svg)\n", 1, "image", "names the file"),
    "image hot-linked": ("![A curve that falls with load](https://example.org/a.svg)\n", 1, "image", "another host"),
    "image as raw HTML": ('<img src="../../assets/overview.svg" alt="The seven chapters as one system">\n', 1, "html", "![what it shows](file.svg)"),
    "image missing": ("![A curve that falls with load](gone.svg)\n", 1, "link", "does not exist"),
    # Words, and what belongs to somebody.
    "note to yourself": ("TODO: explain.\n", 1, "words", "note to yourself"),
    "note in code": (f"{FENCE}python\nx = 1  # TODO\n{FENCE}\n", 2, "words", "note to yourself"),
    "placeholder": ("Lorem ipsum dolor.\n", 1, "words", "placeholder"),
    "word twice": ("It is in the the cache.\n", 1, "words", "twice"),
    "term that wounds": ("Add it to the whitelist.\n", 1, "words", "allowlist"),
    "private key": ("-----BEGIN RSA " + "PRIVATE KEY-----\n", 1, "secret", "private key"),
    "personal address": ("Write to jane.doe" + "@corp-mail.com.\n", 1, "secret", "personal address"),
    "home folder": ("It is in `/home/" + "jdoe/data`.\n", 1, "secret", "home folder"),
    "another license": ("All rights " + "reserved.\n", 1, "license", "another license"),
}  # fmt: skip

GOOD = {
    "sentences": "That that is so is one thing: a *cold* cache, a **full** one and an `empty` one differ. It had had no traffic; log log n grows slowly. At 10:30:45 the job `a:b:c` ended.\n",
    "lists": "Three ways:\n\n- one\n    - within it\n        - and within that\n- two\n\n    A paragraph of the second.\n\n1. first\n\n    ```sh\n    ls -l \"$HOME\" | wc -l\n    ```\n\n2. second\n",
    "tasks": "- [ ] `grep -c error log.txt` prints 0\n- [x] the key holds the model version\n",
    "table": "| Option | When |\n| :--- | ---: |\n| `a \\| b` | a bar in code |\n| [a page](../index.md) | **bold**, *soft* |\n",
    "folded": "<details>\n<summary>Why is it slow?</summary>\n\nBecause of:\n\n- one thing\n- another\n\n```python\nx = {\"a\": 1}\n```\n\n</details>\n\n<details open>\n<summary>And now?</summary>\n\nBetter.\n\n</details>\n",
    "callout": "> [!WARNING]\n> It deletes the data.\n>\n> - all of it\n> - at once\n",
    "quote": "> A cache is a promise\n> about the past.\n\nSomebody said so.\n",
    "python": f"{FENCE}python\nasync def ask(key: str) -> bytes | None:\n    if (value := await cache.get(key)) is not None:\n        return value\n    return await store.get(f\"{{key!r:>10}}\")\n{FENCE}\n\nA piece of it:\n\n{FENCE}python\n    return value\n{FENCE}\n",
    "bytes": "A page of 4 KiB that is to be written in full waits; assume 4 KiB.\n\n```python\ndef f() -> None:\n    ... # later\n```\n",
    "shell": f"{FENCE}sh\nfor name in a b; do\n  curl --silent \"https://example.org/$name\" >\"$name\" || exit 1\ndone\nkubectl get pods -o jsonpath='{{.items[0].metadata.name}}'\n{FENCE}\n",
    "bash": f"{FENCE}bash\nset -euo pipefail\ndiff <(sort a) <(sort b)\n[[ $x =~ ^a ]] && echo yes\n{FENCE}\n",
    "data": f"{FENCE}json\n{{\"a\": [1, null, true]}}\n{FENCE}\n\n{FENCE}yaml\na: &one {{b: 1}}\nc: *one\n---\nd: !Ref e\n{FENCE}\n\n{FENCE}toml\n[a]\nb = 1\n{FENCE}\n",
    "template in code": f"{FENCE}yaml\nimage: \"{{{{ .Values.image }}}}\"\n{FENCE}\n\nHelm fills in `{{{{ .Values.image }}}}`, and GitHub `${{{{ github.sha }}}}`.\n",
    "languages": "".join(f"{FENCE}{one}\nx\n{FENCE}\n\n" for one in ("sql", "proto", "dockerfile", "hcl", "nginx", "ini", "diff", "go", "rust", "promql", "text", "http", "c++")).removesuffix("\n"),
    "output": f"{FENCE}text\n$ redis-cli PING\nPONG\n{'a line of a log is as long as it is ' * 5}!\n{FENCE}\n",
    "links": "See [the chapter](../index.md), [what it is for](../../index.md#what-it-is-for), <https://example.org/a?b=c>, [a standard](https://www.rfc-editor.org/rfc/rfc9110#name-safe-methods \"RFC 9110\") and [the list][list].\n\n[list]: ../../reference/index.md\n",
    "license in a sentence": "The data set is CC BY-NC 4.0, its code Apache 2.0; both ask for a copyright notice, and the rights of others are theirs.\n",
    "addresses in code": "The broker is `amqp://guest:guest" + "@mq.svc.cluster.io:5672`, the product `a@b.T`, the matrix `x@w.sum`. Clone with `git@github.com:name/project.git`; mail `name@example.org`; the volume is at `/home/app/data`, the log at `~/log`.\n",
    "angle brackets": "A generic is `Vec<T>`; 3 < 4 and b > a; write `<name>` or &lt;name&gt;. An arrow: a -> b <- c.\n",
    "brackets": "The interval [0, 1) and the index `a[i][j]`; a set {a, b}; see [1] of it, and f(x)[0]. The sum is $x_{i}^{2}$, and\n\n$$\\frac{a}{b} = c$$\n",
    "diagram": f"{FENCE}mermaid\nflowchart TB\n  accTitle: A request\n  accDescr: A request goes from client to cache and from there to the model.\n  client --> cache --> model\n{FENCE}\n",
    "typography": "“Quotes” and ‘quotes’, a dash – so; naïve, café, Erdős, 東京, β and ≥; a non-breaking\u00a0space, an arrow →, a check ✓.\n",
    "master in its other senses": "The master branch, a master key, a postmaster and a Scrum master stay; `SLAVEOF` is Redis's old command, `black_list` a name in code.\n",
}  # fmt: skip


GOOD |= {page.splitlines()[0][2:]: page for page in (Path(__file__).parent / "good_pages.md").read_text(encoding="utf-8").split("\n<!-- page -->\n\n")}


def case_page(number: int, snippet: str) -> str:
    """A snippet on a page of its own; what has a title is a page already."""
    head = HEAD.format(number)
    return head[: head.index("# Case")] + snippet if snippet.startswith("# ") else head + snippet


def place(root: Path, snippets: dict[str, str]) -> dict[str, str]:
    """Gives each snippet a page in the navigation; returns their paths."""
    names = {}
    for number, (name, snippet) in enumerate(snippets.items()):
        names[name] = f"docs/case-studies/case-{number}/index.md"
        add(names[name], case_page(number, snippet))(root)
    nav = "".join(f"      - {path.removeprefix('docs/')}\n" for path in names.values())
    edit("mkdocs.yml", r"^      - case-studies/index.md\n", f"      - case-studies/index.md\n{nav}")(root)
    return names


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Fault]]:
    """One handbook with a page for each case, checked once: the faults of each page."""
    root = copy_project(tmp_path_factory.mktemp("examples") / "handbook")
    names = place(root, {name: case[0] for name, case in PAGES.items()} | GOOD)
    synchronize(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SITE_URL", "https://handbook.example.org/")
        faults = check(root)
    return {name: [fault for fault in faults if fault.path == path] for name, path in names.items()}


@pytest.mark.parametrize("name", PAGES)
def test_a_bad_page_is_refused(name: str, examples: dict[str, list[Fault]]) -> None:
    """Each message names the line where there is one, the rule, what is wrong, and a repair."""
    _, line, rule, words = PAGES[name]
    hits = [one for one in examples[name] if one.rule == rule and words in f"{one.wrong} — {one.repair}"]
    assert hits, [str(one) for one in examples[name]]
    assert hits[0].repair
    assert hits[0].line >= START if line is None else START + line - 1 in [one.line for one in hits], [str(one) for one in hits]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_page_passes(name: str, examples: dict[str, list[Fault]]) -> None:
    assert [str(one) for one in examples[name]] == []


SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">{}</svg>\n'
ICON = "docs/assets/icon.svg"


def raw(path: str, content: bytes) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)

    return change


def link(path: str, target: str) -> Callable[[Path], None]:
    return lambda root: (root / path).symlink_to(target)


# name: (change, file, rule, words); a file's line is asserted where the words do not name the whole file
FILES = {
    "symbolic link to a host file": (link("docs/assets/host.svg", "/etc/hostname"), "docs/assets/host.svg", "file", "symbolic link"),
    "symbolic link to a folder": (link("docs/secrets", "/etc"), "docs/secrets", "file", "symbolic link"),
    "symbolic link outside docs": (link("notes.md", "README.md"), "notes.md", "file", "symbolic link"),
    "SVG with a script": (add(ICON, SVG.format("<script>alert(1)</script>")), ICON, "image", "script"),
    "SVG with a handler": (add(ICON, SVG.format('<g onload="alert(1)"/>')), ICON, "image", "handler"),
    "SVG with a foreign image": (add(ICON, SVG.format('<image href="https://example.org/a.png"/>')), ICON, "image", "somewhere else"),
    "SVG with an encoded script": (add(ICON, SVG.format('<a href="#" xlink:href="java&#115;cript:alert(1)"/>')), ICON, "image", "script address"),
    "SVG with a document type": (add(ICON, '<!DOCTYPE svg SYSTEM "file:///etc/passwd">' + SVG.format("")), ICON, "image", "not what .svg says"),
    "SVG with an entity": (add(ICON, SVG.format('<!ENTITY a SYSTEM "x">')), ICON, "image", "document type"),
    "SVG with foreign content": (add(ICON, SVG.format("<foreignObject/>")), ICON, "image", "foreign content"),
    "SVG with a foreign style": (add(ICON, SVG.format("<style>@import 'x.css'</style>")), ICON, "image", "style sheet"),
    "image of another kind": (raw("docs/assets/a.png", b"GIF89a"), "docs/assets/a.png", "image", "not what .png says"),
    "image too heavy": (add(ICON, SVG.format("<!-- -->" * 40_000)), ICON, "image", "at most 200 KB"),
    "image unused": (add(ICON, SVG.format("")), ICON, "image", "no page shows it"),
    "binary": (raw("docs/assets/a.bin", b"\x7fELF\x00\x00"), "docs/assets/a.bin", "file", "not a text file"),
    "binary image outside the assets": (raw("scripts/a.png", b"\x89PNG"), "scripts/a.png", "file", "outside docs/assets"),
    "file too large": (raw("docs/assets/a.txt", b"a\n" * 600_000), "docs/assets/a.txt", "file", "1.2 MB"),
    "editor's dropping": (add("docs/index.md~", "x\n"), "docs/index.md~", "file", "editor"),
    "system's dropping": (add("docs/Thumbs.db", "x\n"), "docs/Thumbs.db", "file", "system"),
    "backup": (add("scripts/test.orig", "x\n"), "scripts/test.orig", "file", "editor"),
    "name with a space": (add("docs/assets/a b.txt", "x\n"), "docs/assets/a b.txt", "file", "space"),
    "name that ends in a space": (add("docs/assets/a.txt ", "x\n"), "docs/assets/a.txt ", "file", "space"),
    "name of Windows": (add("docs/assets/aux.txt", "x\n"), "docs/assets/aux.txt", "file", "Windows"),
    "page that clashes with index.md": (add("docs/devops/README.md", "# Clash\n\nText.\n"), "docs/devops/README.md", "bundle", "does not belong here"),
    "case clash": (add("readme.md", "x\n"), "readme.md", "file", "case alone"),
    "byte order mark": (raw("scripts/a.py", b"\xef\xbb\xbfx = 1\n"), "scripts/a.py", "text", "byte order mark"),
    "bidirectional character in code": (raw("scripts/a.py", "x = 1  # \u2067\n".encode()), "scripts/a.py", "text", "U+2067"),
    "code not UTF-8": (raw("scripts/a.py", b"x = '\xff'\n"), "scripts/a.py", "encoding", "UTF-8"),
    "strict off": (edit("mkdocs.yml", "^strict: true", "strict: false"), "mkdocs.yml", "configuration", "strict"),
    "strict deleted": (edit("mkdocs.yml", "^strict: true\n", ""), "mkdocs.yml", "configuration", "strict is not set"),
    "validation lowered": (edit("mkdocs.yml", "anchors: warn", "anchors: info"), "mkdocs.yml", "configuration", "anchors"),
    "validation deleted": (edit("mkdocs.yml", "anchors: warn, ", ""), "mkdocs.yml", "configuration", "anchors is not set"),
    "hook": (add("mkdocs.yml", "hooks:\n  - scripts/hook.py\n"), "mkdocs.yml", "configuration", "hooks"),
    "plugin": (edit("mkdocs.yml", "^    javascript: .*", r"\g<0>\n  exec: {}"), "mkdocs.yml", "configuration", "'exec'"),
    "foreign script": (add("mkdocs.yml", "extra_javascript:\n  - https://example.org/a.js\n"), "mkdocs.yml", "configuration", "another host"),
    "extension": (edit("mkdocs.yml", "^  - tables", "  - tables\n  - attr_list"), "mkdocs.yml", "configuration", "'attr_list'"),
    "code in a tag": (add("mkdocs.yml", "extra: !!python/object/apply:os.system ['id']\n"), "mkdocs.yml", "configuration", "runs os.system"),
    "configuration of elsewhere": (add("mkdocs.yml", "INHERIT: ../mkdocs.yml\n"), "mkdocs.yml", "configuration", "INHERIT"),
    "web fonts": (edit("mkdocs.yml", "font: false.*", "font: { text: Roboto }"), "mkdocs.yml", "configuration", "font"),
    "page kept from the build": (edit("mkdocs.yml", "^  __pycache__/", "  __pycache__/\n  devops/"), "mkdocs.yml", "configuration", "devops/"),
    "Markdown rule off": (edit("package.json", '"MD036": false', '"MD036": false,\n      "MD033": false'), "package.json", "configuration", "'MD033'"),
    "Markdown page ignored": (edit("package.json", '"noBanner"', '"ignores": ["docs/**"],\n    "noBanner"'), "package.json", "configuration", "'ignores'"),
    "linter's rule off": (edit("pyproject.toml", r"^ignore = \[", 'ignore = [\n  "S",'), "pyproject.toml", "configuration", '"S"'),
    "test left out by options": (edit("pyproject.toml", '^addopts = "', 'addopts = "-k not_this '), "pyproject.toml", "configuration", "addopts"),
    "word ignored": (add("pyproject.toml", 'ignore-words-list = "teh"\n'), "pyproject.toml", "configuration", "ignore-words"),
    "line silenced": (add("scripts/a.py", "import os  # " + "noqa\n"), "scripts/a.py", "configuration", "silences every rule"),
    "failure passes in a workflow": (edit(".github/workflows/check.yml", r"- run: \.ci/run", "- run: .ci/run || true"), ".github/workflows/check.yml", "configuration", "failure pass"),
    "failure passes in the command": (edit(".ci/run", " --labs", " --labs || true"), ".ci/run", "configuration", "failure pass"),
    "template loads a foreign script": (add("overrides/main.html", '<script src="https://example.org/a.js"></script>\n'), "overrides/main.html", "foreign", "another host"),
    "template with a handler": (add("overrides/main.html", '<a onclick="x()">a</a>\n'), "overrides/main.html", "foreign", "handler"),
    "style sheet loads a foreign font": (add("docs/assets/a.css", "@import url(https://example.org/a.css);\n"), "docs/assets/a.css", "foreign", "another host"),
    "script imports from another host": (add("docs/assets/a.js", 'import "https://example.org/a.js";\n'), "docs/assets/a.js", "foreign", "another host"),
    "address in code": (add("scripts/a.py", "# jane.doe" + "@corp-mail.com\n"), "scripts/a.py", "secret", "personal"),
    "page vanished": (lambda root: shutil.rmtree(root / "docs/devops"), "docs/devops/index.md", "address", "uv run handbook redirect devops/index.md"),
    "heading vanished": (edit("docs/devops/index.md", "^## Why this chapter exists", "## Why this chapter is here"), "docs/devops/index.md", "address", "redirect devops/index.md#why-this-chapter-exists devops/index.md#why-this-chapter-is-here"),
    "redirect out of the site": (edit(addresses.FILE, r'"redirects": \{\}', '"redirects": {\n    "../x/index.md": "index.md"\n  }'), addresses.FILE, "address", "no page below docs/"),
    "redirect over a file": (edit(addresses.FILE, r'"redirects": \{\}', '"redirects": {\n    "assets/handbook.js": "index.md"\n  }'), addresses.FILE, "address", "no page below docs/"),
    "addresses of another shape": (edit(addresses.FILE, r'"redirects": \{\}', '"redirects": ["index.md"]'), addresses.FILE, "address", "unreadable"),
    "redirect loop": (edit(addresses.FILE, r'"redirects": \{\}', '"redirects": {\n    "a/index.md": "b/index.md",\n    "b/index.md": "a/index.md"\n  }'), addresses.FILE, "address", "a loop: a/index.md → b/index.md → a/index.md"),
    "redirect to nowhere": (edit(addresses.FILE, r'"redirects": \{\}', '"redirects": {\n    "a/index.md": "b/index.md"\n  }'), addresses.FILE, "address", "dead end"),
}  # fmt: skip
# What is wrong with a file as a whole, or is no longer there, has no line.
WHOLE = {name for name, (_, _, rule, _) in FILES.items() if rule in ("file", "bundle")}
WHOLE |= {"SVG with a document type", "image of another kind", "image too heavy", "image unused", "strict deleted", "validation deleted", "page vanished", "addresses of another shape"}
BELOW = {"page kept from the build": 2}  # the message names the setting, of which this is the second line
RULES = (files.check, structure.check, text.check, secrets.check, configuration.check, suppressions.check, images.check_files, addresses.check)


def changed(before: Path, after: Path) -> set[int]:
    """The lines of a file that a case added or rewrote."""
    old, new = (path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else [] for path in (before, after))
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return {line + 1 for step, _, _, first, last in steps if step in ("replace", "insert") for line in range(first, last)}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_refused(name: str, copy: Path) -> None:
    change, file, rule, words = FILES[name]
    change(copy)
    book = Book(copy)
    faults = [fault for one in RULES for fault in one(book)]
    hits = [one for one in faults if (one.path, one.rule) == (file, rule) and words in f"{one.wrong} — {one.repair}"]
    assert hits, [str(one) for one in faults]
    assert hits[0].repair
    due = {line - BELOW.get(name, 0) for line in changed(ROOT / file, copy / file)}
    assert name in WHOLE or hits[0].line in due, (hits[0].line, due)


def test_a_weaker_setting_with_its_reason_passes(copy: Path) -> None:
    edit("mkdocs.yml", "^strict: true", "strict: false # the theme warns of its own end until May 2027")(copy)
    edit("mkdocs.yml", "^  - tables", "  - tables\n  # tables hold short lists of definitions\n  - def_list")(copy)
    edit("pyproject.toml", r"^ignore = \[", 'ignore = [\n  "S101",  # tests assert')(copy)
    assert [str(one) for one in configuration.check(Book(copy))] == []


def test_an_address_that_moved_leads_on(copy: Path, tmp_path: Path) -> None:
    """A redirect satisfies the check, and the built site answers at the old address."""
    edit("docs/devops/index.md", "^## Why this chapter exists", "## Why this chapter is here")(copy)
    addresses.redirect(Book(copy), "devops/index.md#why-this-chapter-exists", "devops/index.md#why-this-chapter-is-here")
    addresses.redirect(Book(copy), "devops/gates/index.md", "devops/index.md")
    assert [str(one) for one in addresses.check(Book(copy))] == []
    page = tmp_path / "devops/index.html"
    page.parent.mkdir()
    page.write_text("<article>Text.</article>", encoding="utf-8")
    addresses.redirected(Book(copy), tmp_path)
    assert 'id="why-this-chapter-exists"' in page.read_text(encoding="utf-8")
    assert 'url=../"' in (tmp_path / "devops/gates/index.html").read_text(encoding="utf-8")
    with pytest.raises(addresses.Refused, match="is there"):
        addresses.redirect(Book(copy), "devops/index.md", "index.md")
    with pytest.raises(addresses.Refused, match="not there"):
        addresses.redirect(Book(copy), "a/index.md", "b/index.md")


# What foreign tools find: name: (change, file, rule, words)
TOOLS = {
    "misspelling": (add("docs/devops/index.md", "\nIt is recieved.\n"), "docs/devops/index.md", "spelling", "received"),
    "British spelling": (add("docs/devops/index.md", "\nThe colour of it.\n"), "docs/devops/index.md", "spelling", "color"),
    "token": (add("docs/deployment/index.md", "\n`AKIA" + "QWERTYUIOPASDFGH`\n"), "docs/deployment/index.md", "secret", "AWS"),
    "password in an address": (add("scripts/a.sh", "curl https://name:" + "hunter2hunter2@example.org\n"), "scripts/a.sh", "secret", "Basic Auth"),
    "hard tab and list": (add("docs/observability/index.md", "\nText\n- a\n"), "docs/observability/index.md", "markdown", "MD032"),
    "action unpinned": (edit(".github/workflows/check.yml", r"actions/checkout@\S+ # v[\d.]+", "actions/checkout@v7"), ".github/workflows/check.yml", "workflow", "unpinned"),
    "untrusted text in run": (edit(".github/workflows/check.yml", r"- run: \.ci/run", '- run: echo "${{ github.event.pull_request.title }}"'), ".github/workflows/check.yml", "workflow", "template-injection"),
    "pull_request_target": (edit(".github/workflows/check.yml", "  pull_request:", "  pull_request_target:"), ".github/workflows/check.yml", "workflow", "dangerous-triggers"),
    "workflow key misspelt": (edit(".github/workflows/check.yml", "timeout-minutes", "timeout-minuts"), ".github/workflows/check.yml", "workflow", "timeout-minuts"),
}  # fmt: skip


@pytest.fixture(scope="module")
def with_tools(tmp_path_factory: pytest.TempPathFactory) -> list[Fault]:
    for tool in ("codespell", "detect-secrets", "zizmor", "actionlint", "markdownlint-cli2", "node"):
        find_binary(tool)
    root = copy_project(tmp_path_factory.mktemp("tools") / "handbook")
    (root / "node_modules").symlink_to(ROOT / "node_modules")
    for change, *_ in TOOLS.values():
        change(root)
    faults, missing = check_with_tools(root)
    assert missing == []
    return faults


@pytest.mark.parametrize("name", TOOLS)
def test_what_tools_find_has_the_one_form(name: str, with_tools: list[Fault]) -> None:
    _, file, rule, words = TOOLS[name]
    hits = [one for one in with_tools if (one.path, one.rule) == (file, rule) and words in f"{one.wrong} — {one.repair}"]
    assert hits and hits[0].line and hits[0].repair, [str(one) for one in with_tools]


def test_tools_find_nothing_in_the_handbook() -> None:
    for tool in ("codespell", "detect-secrets", "zizmor", "actionlint", "markdownlint-cli2", "node"):
        find_binary(tool)
    assert [str(one) for one in check_with_tools(ROOT)[0]] == []


def test_tools_and_the_build_find_nothing_in_good_pages(copy: Path, tmp_path: Path) -> None:
    find_binary("node")
    place(copy, GOOD)
    synchronize(copy)
    (copy / "node_modules").symlink_to(ROOT / "node_modules")
    assert [str(one) for one in check_with_tools(copy)[0]] == []
    done = build(copy, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    assert strays(tmp_path / "site") == []


def test_a_missing_tool_is_named_and_left_out(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_node", lambda: None)
    assert check_with_tools(copy)[1] == ["markdownlint-cli2"]


def test_an_old_review_is_said_and_not_refused(copy: Path, tmp_path: Path) -> None:
    """To whoever checks, and on the page to readers; not before the day."""
    today = datetime.datetime.now(datetime.UTC).date()
    for page, days in (("devops", notes.REVIEW_DAYS + 1), ("deployment", notes.REVIEW_DAYS)):
        edit(f"docs/{page}/index.md", r"^reviewed: .*$", f"reviewed: {today - datetime.timedelta(days)}")(copy)
    assert [one.partition(" days")[0] for one in remarks(copy)] == [f"docs/devops/index.md:3: reviewed {notes.REVIEW_DAYS + 1}"]
    assert check(copy) == []
    assert build(copy, tmp_path / "site").returncode == 0
    told = [page.parent.name for page in sorted(tmp_path.glob("site/*/index.html")) if "Due for review" in page.read_text(encoding="utf-8")]
    assert told == ["devops"]


def test_a_changed_guard_is_announced(copy: Path) -> None:
    import subprocess

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        subprocess.run([find_binary("git"), *who, *arguments], cwd=copy, check=True, capture_output=True)

    git("init", "--initial-branch", "main")
    git("add", "--all")
    git("commit", "--message", "Begin")
    git("checkout", "-b", "change")
    assert remarks(copy) == []
    add("docs/devops/index.md", "\nText.\n")(copy)
    add(".ci/run", "# changed\n")(copy)
    add("scripts/handbook/checks/new.py", "x = 1\n")(copy)
    guards = [".ci/run", "scripts/handbook/checks/new.py"]
    assert [one.partition(":")[0] for one in remarks(copy)] == guards
    # CI holds the merge and its two parents, and no branch.
    git("add", "--all")
    git("commit", "--message", "Change")
    git("checkout", "main")
    git("merge", "--no-ff", "change")
    git("clone", "--depth", "2", f"file://{copy}", "merged")
    for step in (["checkout", "--detach"], ["branch", "--delete", "main"], ["remote", "remove", "origin"]):
        git("-C", "merged", *step)
    assert [one.partition(":")[0] for one in remarks(copy / "merged")] == guards


def test_a_test_run_says_which_guards_were_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(conftest, "remarks", lambda _: [".ci/run: guards others", "docs/a.md:3: reviewed"])
    for on_github in ("", "true"):
        monkeypatch.setenv("GITHUB_ACTIONS", on_github)
        conftest.pytest_terminal_summary(SimpleNamespace(write_line=said.append, stats={}))
    assert said[:2] == [".ci/run: guards others", "docs/a.md:3: reviewed"]
    assert said[2:] == ["::warning file=.ci/run::guards others", "::warning file=docs/a.md,line=3::reviewed"]


def test_a_thin_page_is_refused_once_it_is_written(copy: Path) -> None:
    page = "docs/devops/gates/index.md"
    body = "".join(f"\n## {name}\n\nText.\n" for name in ("Decide", "Lab", "When it goes wrong", "Check yourself", "Sources"))
    add(page, case_page(1, body.lstrip("\n")))(copy)
    said = {one.wrong.split(" ", 1)[-1] for one in check(copy) if (one.path, one.rule) == (page, "minimum")}
    assert said == {"words", "diagram", "takeaway", "questions that the page answers", "folded questions", "table to decide by"}
    add(page, "\nTo write: the rest.\n")(copy)
    assert not [one for one in check(copy) if one.rule == "minimum"]


def damaged(source: str, chance: random.Random) -> str:
    """A page after one random deletion, swap, insertion or repetition of characters or lines."""
    lines = source.split("\n")
    here, there = sorted(chance.sample(range(len(source)), 2))
    one, two = sorted(chance.sample(range(len(lines)), 2))
    match chance.randrange(7):
        case 0:
            return source[:here] + source[here + chance.randrange(1, 40) :]
        case 1:
            return "\n".join(lines[:one] + lines[one + chance.randrange(1, 6) :])
        case 2:
            lines[one], lines[two] = lines[two], lines[one]
            return "\n".join(lines)
        case 3:
            return source[:here] + chance.choice("`*_[]()<>|#$\\{}!\n\t-~:&\"'\0\u202e") * chance.randrange(1, 4) + source[here:]
        case 4:
            return source[:here] + source[there : there + chance.randrange(1, 80)] + source[here:]
        case 5:
            return "\n".join([*lines[:one], chance.choice(list(PAGES.values()))[0], *lines[one:]])
        case _:
            return "\n".join([*lines[:one], *(" " * chance.randrange(1, 5) + line for line in lines[one : one + 3]), *lines[one + 3 :]])


def fuzz(root: Path, site: Path, rounds: int, seed: int) -> tuple[int, int]:
    """Damages each page of a copy, `rounds` times, and counts damages and accepted ones.

    The check meets all damages of a round at once, and must end. What it accepts by itself must pass the strict build,
    and the built page have links that end and ids that are one.
    """
    chance = random.Random(seed)
    book = Book(root)
    whole = {name: page.text for name, page in book.pages.items()}
    accepted: dict[str, list[str]] = {}
    for _ in range(rounds):
        bad = {name: damaged(text, chance) for name, text in whole.items()}
        write(root, bad)
        refused = {fault.path for fault in check(root) if fault.rule not in ("link", "derived")}
        write(root, whole)
        for name, content in bad.items():
            if f"docs/{name}" not in refused and not alone(book, name, content):
                accepted.setdefault(name, []).append(content)
    for number in range(max(map(len, accepted.values()))):
        texts = {name: some[number] for name, some in accepted.items() if number < len(some)}
        write(root, whole | texts)
        done = build(root, site)
        assert done.returncode == 0, done.stderr
        assert strays(site) == []
    return rounds * len(whole), sum(map(len, accepted.values()))


def write(root: Path, pages: dict[str, str]) -> None:
    for name, content in pages.items():
        (root / "docs" / name).write_text(content, encoding="utf-8")


def alone(whole: Book, name: str, content: str) -> list[Fault]:
    """What the check says of one damaged page, and of links to it, while all other pages are whole."""
    write(whole.root, {name: content})
    book = copy_of(whole)
    book.pages = whole.pages | {name: Page(whole.docs / name, name)}
    write(whole.root, {name: whole.pages[name].text})
    return [*of_page(book, book.pages[name]), *(one for other in book.pages.values() for one in links.check(book, other))]


def strays(site: Path) -> list[str]:
    """Links of a built site that end nowhere, and ids that a page has twice."""
    pages = {page: [attrs for _, attrs in Tags(page).found] for page in site.rglob("*.html") if page.name != "404.html"}
    ids = {page: Counter(attrs["id"] for attrs in found if attrs.get("id")) for page, found in pages.items()}
    wrong = [f"{page.relative_to(site)}: #{one} {count} times" for page, found in ids.items() for one, count in found.items() if count > 1]
    for page, found in pages.items():
        for target in (attrs.get("href", attrs.get("src")) for attrs in found):
            parts = urlsplit(target or "")
            if target is None or parts.scheme in ("https", "mailto", "data"):
                continue
            path = Path(os.path.normpath(page.parent / unquote(parts.path))) if parts.path else page
            path = path / "index.html" if path.is_dir() else path
            anchor = unquote(parts.fragment)
            if parts.scheme or not path.is_file() or (anchor and path in ids and anchor not in ids[path]):
                wrong.append(f"{page.relative_to(site)}: {target}")
    return wrong


def test_the_walk_sees_what_is_broken(site: Path, tmp_path: Path) -> None:
    assert strays(site) == []
    page = tmp_path / "index.html"
    page.write_text('<p id="a"><p id="a"><a href="gone/">x</a><a href="#b">x</a><a href="javascript:x">x</a><a href="#a">x</a>', encoding="utf-8")
    assert strays(tmp_path) == ["index.html: #a 2 times", "index.html: gone/", "index.html: #b", "index.html: javascript:x"]


def test_random_damages_end_in_a_fault_or_in_a_page_that_builds(copy: Path, tmp_path: Path) -> None:
    """300 damages and a few more; tests/benchmark.py does 10,000."""
    rounds = -(-300 // len(Book(copy).pages))
    number, accepted = fuzz(copy, tmp_path / "site", rounds, seed=6)
    assert number >= 300 and number / 50 < accepted < number / 2
