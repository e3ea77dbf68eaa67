"""The web page: choose a photo and a painting, watch the picture form, keep it."""

import os
import tempfile

from styler import samples


def own_folder() -> str:
    """Return a folder of the page's own, among what is cached, or a temporary one where the home is read-only."""
    folder = samples.cache_dir().absolute() / "uploads"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return tempfile.mkdtemp(prefix="styler-")
    return str(folder) if os.access(folder, os.W_OK) else tempfile.mkdtemp(prefix="styler-")


# To be swept, and not read by others of Gradio's pages. Before Gradio, which looks early.
if "GRADIO_TEMP_DIR" not in os.environ:
    os.environ["GRADIO_TEMP_DIR"] = own_folder()
# Nobody sees Gradio's statistics, which it would make anew of the last 10,000 calls at each one.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000000")

from styler.demo.look import LAUNCH  # noqa: E402
from styler.demo.page import build  # noqa: E402

__all__ = ["LAUNCH", "build"]
