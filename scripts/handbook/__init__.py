"""The commands behind `uv run handbook`: make a page, check the handbook, rewrite what is derived."""
