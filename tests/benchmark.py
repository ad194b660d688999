"""Prints what checking, previewing, setting up and growing cost, each beside its limit: `.venv/bin/python tests/benchmark.py`.

With `growth` it measures growing alone. With a number it damages pages so many times instead, 10,000 for instance; a
second number is the seed.

Times on a shared machine say little; the ratio to the limit, and to the same line a month ago, says something.
"""

import gzip
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from browser import browser
from conftest import ROOT, copy_project, find_binary, serve
from test_commands import free_port
from test_contributions import fuzz
from test_search import ask, cost

from handbook import labs
from handbook.book import Book

PAGES = 100
GROWN = 400
REPEATS = 5

PARAGRAPH = (
    "A cache in front of a model answers what was asked before, so its hit rate follows the distribution of the keys and "
    "not the skill of whoever sized it; see [the chapter](../index.md#why-this-chapter-exists) and `maxmemory-policy`. "
    "The misses keep the latency of the model, therefore the tail of the distribution does not move. "
)
EVIDENCE = """```python
rate_per_s, busy_s = 500, 0.040
print(rate_per_s * busy_s)  #> 20.0
```

<!-- sync: results connection -->
<!-- /sync -->

<!-- sync: claims -->
<!-- /sync -->

<!-- sync: provenance -->
<!-- /sync -->"""
LABS = ("numpy", "redis", "fastapi", "duckdb", "polars", "grpcio", "scikit-learn", "simpy", "pika", "pyarrow")


def page(number: int) -> str:
    """A page of real length: about 2,500 words, ten sections, a table, code, a folded answer."""
    sections = "".join(
        f"\n## Section {one} of page {number}\n\n{(PARAGRAPH * 4).strip()}\n\n| a | b |\n| --- | ---: |\n"
        + "".join(f"| row {row} | {row * 7} |\n" for row in range(8))
        + f"\n```python\nrate = {one} * 100\nprint(rate)\n```\n"
        for one in range(10)
    )
    names = ("Decide", "Lab", "When it goes wrong", "Check yourself", "Sources")
    required = "".join(f"\n## {name}\n\n{EVIDENCE if name == 'Lab' else 'Text.'}\n" for name in names)
    return (
        f'---\ndescription: "Page {number} of a handbook that is made for measuring the commands"\nreviewed: 2026-01-01\n---\n\n'
        f"# Page {number}\n\n{PARAGRAPH.strip()}\n\nTo write: the rest, for this page only measures.\n{sections}{required}"
    )


def enlarge(root: Path) -> None:
    """Adds PAGES pages to the first chapter."""
    config = root / "mkdocs.yml"
    text = config.read_text(encoding="utf-8")
    entry = "      - system-design/index.md\n"
    names = [f"system-design/page-{number}/index.md" for number in range(PAGES)]
    config.write_text(text.replace(entry, entry + "".join(f"      - {name}\n" for name in names)), encoding="utf-8")
    for number, name in enumerate(names):
        target = root / "docs" / name
        target.parent.mkdir()
        target.write_text(page(number), encoding="utf-8")
        for file in ("lab.py", "results.json"):
            shutil.copy(ROOT / "tests/demo/pooling" / file, target.with_name(file))
    subprocess.run([find_binary("handbook"), "sync"], cwd=root, check=True, capture_output=True)


def text_of(chance: random.Random, sentences: list[str]) -> tuple[str, str]:
    """A page of about 2,500 words in the handbook's own sentences, with words that are its own; and one of these."""
    own = ["".join(chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(chance.randint(3, 5))) for _ in range(60)]
    sections, words = [], 0
    while words < 2500:
        paragraphs = []
        for _ in range(4):
            said = [f"{chance.choice(sentences)} The {chance.choice(own)} of {chance.choice(own)} differs." for _ in range(3)]
            paragraphs.append(" ".join(said))
        words += sum(len(one.split()) for one in paragraphs)
        sections.append(f"## The {own[len(sections)]} and its {own[-len(sections) - 1]}\n\n" + "\n\n".join(paragraphs))
    head = f'---\ndescription: "A page of a handbook that is made to measure how it grows"\nreviewed: 2026-01-01\n---\n\n# On {own[0]} {own[1]}'
    return f"{head}\n\n{chance.choice(sentences)}\n\n" + "\n\n".join(sections) + "\n", own[2]


def grow(root: Path, count: int) -> str:
    """Spreads so many pages over the chapters; returns a word that stands on one of them."""
    chance = random.Random(1)
    plain = re.compile(r"[A-Z][\w ,;:’'%.–-]{40,300}\.(?= |$)")
    sentences = [one for page in Book(root).pages.values() for line in page.lines if not line.startswith("#") for one in plain.findall(line)]
    chapters = [one for one in Book(root).chapters() if one != "reference"]
    config = (root / "mkdocs.yml").read_text(encoding="utf-8")
    for number in range(count):
        chapter = chapters[number % len(chapters)]
        name = f"{chapter}/page-{number}/index.md"
        config = config.replace(f"      - {chapter}/index.md\n", f"      - {chapter}/index.md\n      - {name}\n")
        target = root / "docs" / name
        target.parent.mkdir()
        text, word = text_of(chance, sentences)
        target.write_text(text, encoding="utf-8")
    (root / "mkdocs.yml").write_text(config, encoding="utf-8")
    return word


def spent(command: list[str], root: Path) -> tuple[float, float]:
    """CPU seconds and peak megabytes of a command and its children."""
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, command
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


def grown(folder: Path, count: int) -> dict[str, float]:
    """What a handbook of so many pages more costs who builds it, who reads a page and who searches."""
    root = copy_project(folder / f"grown-{count}")
    word = grow(root, count)
    built_s, built_mb = spent([find_binary("mkdocs"), "build", "--strict", "--site-dir", "site"], root)
    made = "from pathlib import Path; from handbook import search; search.index(Path('.'), Path('site'))"
    indexed_s, indexed_mb = spent([sys.executable, "-c", made], root)
    site = root / "site"
    pages = [len(gzip.compress(path.read_bytes())) for path in site.glob("*/page-*/index.html")]
    found = {"build, CPU s": built_s, "index, CPU s": indexed_s, "memory, MB": max(built_mb, indexed_mb), "page, kB": sum(pages) / len(pages) / 1000}
    with browser(find_binary("chromium")) as chromium:
        for host in serve(site):
            for name, text in (("a word of one page", word), ("a pasted error", "OOM command not allowed when used memory > 'maxmemory'.")):
                chromium.send("Network.clearBrowserCache")
                chromium.go(host)
                chromium.events.clear()
                assert ask(chromium, text), text
                found[f"first search, {name}, kB"] = cost(chromium.asked(), host, site) / 1000
    print(f"{count} pages more: " + "; ".join(f"{name} {value:.1f}" for name, value in found.items()))
    shutil.rmtree(root)
    return found


def growth(folder: Path) -> None:
    few, many = grown(folder, PAGES), grown(folder, GROWN)
    for name in few:
        if name.endswith("kB"):
            report(f"{name}, {GROWN} pages to {PAGES}", many[name] / few[name], 1.1, "×")
    for name in ("build, CPU s", "index, CPU s"):
        report(f"{name} a page, {GROWN} pages to {PAGES}", many[name] / GROWN / (few[name] / PAGES), 1.1, "×")


def timed(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def served(address: str, text: str) -> None:
    while True:
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                if text in answer.read().decode():
                    return
        except OSError:
            pass
        time.sleep(0.02)


def report(what: str, value: float, limit: float, unit: str) -> None:
    print(f"{what:<58} {value:8.2f} {unit:<2}  {value / limit:6.2f} of the limit, {limit:g} {unit}")


def damage(number: int, seed: int = 0) -> int:
    """Ends with an error where the check ends with one, or accepts what the build or the walk over links refuses."""
    with tempfile.TemporaryDirectory() as folder:
        root = copy_project(Path(folder) / "handbook")
        rounds = -(-number // len(Book(root).pages))
        number, accepted = fuzz(root, Path(folder) / "site", rounds, seed)
        print(f"{number} damages, {number - accepted} refused, {accepted} accepted, which build and whose links end")
    return 0


def main() -> int:
    if sys.argv[1:] and sys.argv[1:] != ["growth"]:
        return damage(*map(int, sys.argv[1:]))
    with tempfile.TemporaryDirectory() as folder:
        growth(Path(folder))
        if sys.argv[1:]:
            return 0
        fresh = copy_project(Path(folder) / "fresh")
        port = free_port()
        begin = time.perf_counter()
        process = subprocess.Popen([str(fresh / "scripts/preview"), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        served(f"http://127.0.0.1:{port}/", "<h1")
        report("preview, fresh clone with warm package cache, to first page", time.perf_counter() - begin, 60, "s")
        process.terminate()
        process.wait()
        shutil.rmtree(fresh)

        large = copy_project(Path(folder) / "large")
        enlarge(large)
        check = [find_binary("handbook"), "check"]
        times = [timed(lambda: subprocess.run(check, cwd=large, check=True, capture_output=True)) for _ in range(REPEATS)]
        report(f"check, {PAGES} pages with evidence more, slowest of {REPEATS}", max(times), 5, "s")
        os.environ["PATH"] = f"{ROOT / 'node_modules/.bin'}{os.pathsep}{os.environ['PATH']}"
        times = [timed(lambda: subprocess.run([*check, "--all"], cwd=large, check=True, capture_output=True)) for _ in range(REPEATS)]
        report(f"check --all, the same, slowest of {REPEATS}", max(times), 15, "s")
        report("check, peak memory", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000, 300, "MB")

        demo = (ROOT / "tests/demo/pooling/lab.py").read_text(encoding="utf-8").replace("../../..", str(ROOT))
        found = []
        for name in LABS:
            lab = large / "docs/devops" / name / "lab.py"
            lab.parent.mkdir()
            lab.write_text(demo.replace('"handbook-labkit"]', f'"handbook-labkit", "{name}"]'), encoding="utf-8")
            found.append(labs.read(lab))
        os.environ["UV_CACHE_DIR"] = str(Path(folder) / "uv")
        cold = timed(lambda: [labs.environment(large, one, {}) for one in found])
        report("environments of ten labs, nothing cached", cold, 120, "s")
        report("environment of a lab that has one", timed(lambda: labs.environment(large, found[0], {})), 1, "s")
        for one in found:
            shutil.rmtree(one.path.parent)

        port = free_port()
        address = f"http://127.0.0.1:{port}/"
        command = [sys.executable, "-m", "handbook.preview", str(port)]
        process = subprocess.Popen(command, cwd=large, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        served(address, "<h1")
        edited = large / "docs/system-design/page-50/index.md"
        text = edited.read_text(encoding="utf-8")
        times = []
        for number in range(REPEATS):
            edited.write_text(f"{text}\nEdit {number}.\n", encoding="utf-8")
            times.append(timed(lambda mark=f"Edit {number}.": served(f"{address}system-design/page-50/", mark)))
        report(f"save to page in the preview, slowest of {REPEATS}", max(times), 1.5, "s")
        process.terminate()
        process.wait()
    return 0


if __name__ == "__main__":
    assert ROOT.is_dir()
    raise SystemExit(main())
