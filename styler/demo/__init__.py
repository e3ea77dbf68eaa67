"""The web page: choose a photo and a painting, watch the picture form, save it."""

import os
import tempfile

from styler import samples


def own_folder() -> str:
    """Return the page's own folder for uploads, in the cache; or a temporary folder if the home is read-only."""
    folder = samples.cache_dir().absolute() / "uploads"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return tempfile.mkdtemp(prefix="styler-")
    return str(folder) if os.access(folder, os.W_OK) else tempfile.mkdtemp(prefix="styler-")


# In its own folder the page can delete old files, and other Gradio pages don't read them. Gradio reads this at import.
if "GRADIO_TEMP_DIR" not in os.environ:
    os.environ["GRADIO_TEMP_DIR"] = own_folder()
# At every call Gradio would recompute statistics over the last 10,000 calls, which nobody sees.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000000")

from styler.demo.look import LAUNCH  # noqa: E402
from styler.demo.page import build  # noqa: E402

__all__ = ["LAUNCH", "build"]
