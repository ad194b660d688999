"""Promise: every link of the served site leads somewhere, in the opinion of LinkChecker, which knows nothing of our own walk."""

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from conftest import serve


def broken_links(linkchecker: str, address: str, folder: Path) -> list[str]:
    """What LinkChecker finds; its own files go to `folder`, as it would write into the user's home."""
    settings = folder / "linkcheckerrc"
    settings.write_text("[checking]\nmaxrequestspersecond=1000\n")
    options = ["--no-status", "--no-warnings", "--no-robots", "--output", "csv", "--config", str(settings)]
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    done = subprocess.run([linkchecker, *options, address], env={**os.environ, **home}, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    rows = csv.DictReader((line for line in io.StringIO(done.stdout) if not line.startswith("#")), delimiter=";")
    return [f"{row['parentname']} -> {row['urlname']}: {row['result']}" for row in rows if row["valid"] == "False"]


def test_every_link_of_the_served_site_works(served: str, tmp_path: Path, binary: Callable[[str], str]) -> None:
    assert broken_links(binary("linkchecker"), served, tmp_path) == []


def test_a_broken_link_is_found(site: Path, tmp_path: Path, binary: Callable[[str], str]) -> None:
    copied = shutil.copytree(site, tmp_path / "site")
    page = copied / "devops/index.html"
    page.write_text(page.read_text(encoding="utf-8").replace("</article>", '<a href="../gone/">x</a></article>'), encoding="utf-8")
    server: Iterator[str] = serve(copied)
    try:
        found = broken_links(binary("linkchecker"), next(server), tmp_path)
    finally:
        server.close()
    assert len(found) == 1 and "gone" in found[0], found
