"""Makes the publishable site: a strict build, then what works on its pages, whichever generator made them.

Diagrams that only a browser could draw are drawn once and for all, Pagefind indexes the pages, each gets its Markdown
beside it and a policy that lets nothing run but our own scripts. A step that fails leaves the last good site in place.
"""

import base64
import functools
import hashlib
import http.server
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from handbook import addresses, search
from handbook.book import Book

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--virtual-time-budget=30000", "--dump-dom"]
_LEFT = re.compile(r'<(div|pre) class="mermaid">.*?</\1>', re.DOTALL)
_DRAWN = re.compile(r'<svg\b[^>]*aria-roledescription="(?P<kind>[^"]*)".*?</svg>', re.DOTALL)
_SCRIPT = re.compile(
    r'<script[^>]*src="[^"]*mermaid[^"]*"[^>]*>\s*</script>|<script>\s*mermaid\.initialize.*?</script>', re.DOTALL
)
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_CHART = re.compile(r'(<p class="chart"[^>]*><img [^>]*src="([^":?#]+\.svg)")([^>]*>)')
_SIZE = re.compile(r'<svg[^>]*? width="([\d.]+)"[^>]*? height="([\d.]+)"')
_STYLED = re.compile(r"<style\b|<[^>]*\sstyle=")
_FACTS = re.compile(r'(<p class="facts">.*?)(</p>)', re.DOTALL)
# Images: the theme's icons are data: masks. Scripts: 'wasm-unsafe-eval' is the search's WebAssembly.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{scripts}; "
    "style-src 'self'{styles}; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'"
)


class Failed(Exception):
    """A step that did not succeed; the message says which, why and what to do."""


def build(root: Path, site: Path, tell: Callable[[str], None]) -> None:
    """Builds `root` into `site`; raises Failed, and then leaves `site` as it was."""
    fresh = site.with_name(f"{site.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        tell("building the pages, strictly")
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(fresh)]
        settings = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
        done = subprocess.run(command, cwd=root, env=settings, capture_output=True, text=True)
        if done.returncode:
            faults = [line for line in done.stderr.splitlines() if line.startswith(("WARNING", "ERROR", "Error"))]
            raise Failed("\n".join(["the strict build refuses it:", *faults]))
        pages = [page for page in fresh.rglob("*.html") if _LEFT.search(page.read_text(encoding="utf-8"))]
        if pages:
            tell(f"drawing the diagrams of {len(pages)} pages in Chromium")
            _draw(fresh, pages)
            shutil.rmtree(fresh / "assets/vendor")
        _index(root, fresh, tell)
        book = Book(root)
        _copied(book, fresh)
        addresses.redirected(book, fresh)
        _sized(fresh)
        shutil.rmtree(fresh / "assets/javascripts")  # Material's, which no page asks for
        _guarded(fresh)
        shutil.rmtree(site, ignore_errors=True)
        fresh.rename(site)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _index(root: Path, site: Path, tell: Callable[[str], None]) -> None:
    tell("indexing what the search finds")
    try:
        search.index(root, site)
    except search.Missing as missing:
        raise Failed(f"the search index: {missing}") from None


def _draw(site: Path, pages: list[Path]) -> None:
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        raise Failed("diagrams are left to a browser, and there is none: install Debian's chromium, or merman")
    with served(site) as address:
        for page in pages:
            text = page.read_text(encoding="utf-8")
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
                command = [chromium, *FLAGS, f"--user-data-dir={profile}", address + page.relative_to(site).as_posix()]
                seen = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
            drawn = [found[0] for found in _DRAWN.finditer(seen) if found["kind"] != "error"]
            left = len(_LEFT.findall(text))
            if len(drawn) != left:
                name = page.relative_to(site).as_posix()
                raise Failed(f"{name}: Chromium drew {len(drawn)} of {left} diagrams: correct the others")
            pictures = iter(drawn)
            text = _LEFT.sub(lambda _, one=pictures: f'<div class="diagram" tabindex="0">{next(one)}</div>', text)
            page.write_text(_SCRIPT.sub("", text), encoding="utf-8")


def _copied(book: Book, site: Path) -> None:
    """Each page's Markdown stands beside it, and the page says so; relative links lead to the same places."""
    for name in book.pages:
        source = site / name
        page = source.with_suffix(".html") if source.stem == "index" else source.with_suffix("") / "index.html"
        shutil.copyfile(book.docs / name, site / name)
        text = page.read_text(encoding="utf-8")
        link = f'<a href="{Path(name).name}" type="text/markdown" class="copy-page">copy as Markdown</a>'
        page.write_text(_FACTS.sub(rf"\1 · {link}\2", text, count=1), encoding="utf-8")


def _sized(site: Path) -> None:
    """Charts say how large they are and come when they are near: no line moves, none waits out of sight."""
    for page in site.rglob("*.html"):

        def sized(found: re.Match[str], folder: Path = page.parent) -> str:
            drawn = _SIZE.search((folder / found[2]).read_text(encoding="utf-8"))
            size = ' width="{}" height="{}"'.format(*(round(float(one)) for one in drawn.groups())) if drawn else ""
            return f"{found[1]}{size} loading=\"lazy\"{found[3]}"

        text = page.read_text(encoding="utf-8")
        page.write_text(_CHART.sub(sized, text), encoding="utf-8")


def _guarded(site: Path) -> None:
    """A policy in each page: scripts of our own and its inline ones by hash, nothing from another host.

    Styles in the page are allowed only where it has some, as drawings do.
    """
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        hashes = [hashlib.sha256(found[1].encode()).digest() for found in _INLINE.finditer(text)]
        scripts = "".join(f" 'sha256-{base64.b64encode(one).decode()}'" for one in dict.fromkeys(hashes))
        policy = POLICY.format(scripts=scripts, styles=" 'unsafe-inline'" if _STYLED.search(text) else "")
        tag = rf'\g<0><meta http-equiv="Content-Security-Policy" content="{policy}">'
        guarded, count = re.subn(r"<meta charset=[^>]*>", tag, text, count=1)
        if not count:
            raise Failed(f"{page.relative_to(site).as_posix()}: no <meta charset> that the policy could follow")
        page.write_text(guarded, encoding="utf-8")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves a folder on loopback as any static server does; yields its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
