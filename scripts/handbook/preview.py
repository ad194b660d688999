"""Serves the site while somebody writes: `python -m handbook.preview PORT`, as scripts/preview does.

A writer in the middle of a sentence wants the page all the same: faults are printed, not fatal. A save renders what was
saved (dirty): at 100 pages a quarter of the time; start again to see a new title on every page. The search is indexed
once, after the first build, so that a save does not wait for it.
"""

import sys
from pathlib import Path

from mkdocs.__main__ import State
from mkdocs.commands.serve import serve
from mkdocs.config.defaults import MkDocsConfig

from handbook import search

NOTE = "As of the start of this preview."


def on_post_build(config: MkDocsConfig) -> None:
    """MkDocs calls it after each build."""
    site = Path(config.site_dir)
    if (site / search.FOLDER).exists():
        return
    try:
        search.index(Path(config.docs_dir).parent, site, NOTE)
    except (search.Missing, OSError) as fault:
        print(f"no search in this preview: {fault}", file=sys.stderr)


if __name__ == "__main__":
    State()  # MkDocs' own messages, as its command line prints them
    address = f"127.0.0.1:{sys.argv[1]}"
    serve(livereload=True, build_type="dirty", strict=False, dev_addr=address, hooks=[str(Path(__file__))])
