"""How the site is built: python -m sphinx -W docs build/docs."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("STYLER_CACHE", str(Path(__file__).parents[1] / "build" / "cache"))

import styler

project, author, release = "Styler", "the Styler developers", styler.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "myst_parser",
]
exclude_patterns = ["gallery/**/*.ipynb", "gallery/**/*.py", "gallery/**/*.md5", "requirements.txt"]
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
myst_heading_anchors = 3
# Examples that have not changed are not run again; the gallery keeps their pictures beside it.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": "plot_",
    "abort_on_example_error": True,
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1e9,
}
html_theme = "pydata_sphinx_theme"
html_title = "Styler"
html_sidebars = {name: [] for name in ("quickstart", "guide", "lesson", "code", "benchmarks")}
html_static_path, html_css_files = ["_static"], ["narrow.css"]
html_show_sourcelink = False
html_theme_options = {"navbar_align": "left", "show_toc_level": 2, "secondary_sidebar_items": ["page-toc"]}
