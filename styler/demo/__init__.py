"""The web page: choose a photo and a painting, watch the picture form, keep it."""

import os

from styler import samples

# A folder of the page's own, to be swept, and not read by others of Gradio's pages. Before Gradio, which looks early.
os.environ.setdefault("GRADIO_TEMP_DIR", str(samples.cache_dir().absolute() / "uploads"))
# Nobody sees Gradio's statistics, which it would make anew of the last 10,000 calls at each one.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000000")

from styler.demo.look import LAUNCH
from styler.demo.page import build

__all__ = ["LAUNCH", "build"]
