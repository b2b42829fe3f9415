"""Sphinx configuration."""

from dielectra import __version__

project = "Dielectra"
author = "The Dielectra developers"
copyright = "2026, The Dielectra developers"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
exclude_patterns = ["_build", "decisions/README.md"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = True
napoleon_use_ivar = True
suppress_warnings = [
    "ref.python"
]  # attributes of one name in several classes, such as level, are not ambiguous to a reader
