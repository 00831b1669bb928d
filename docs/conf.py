"""Sphinx: ``python -m pip install '.[docs]' && python -m sphinx -W -b html docs docs/_build``."""

from __future__ import annotations

from gradproof import __version__

project = "gradproof"
author = "The gradproof developers"
copyright = "The gradproof developers"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["_build"]

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_member_order = "bysource"

html_theme = "alabaster"
html_theme_options = {"description": "Derive a gradient, prove it, ship it.", "fixed_sidebar": True}
html_static_path = ["_static"]
html_css_files = ["custom.css"]
