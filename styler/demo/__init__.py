"""The web page: choose a photo and a painting, watch the picture form, keep it."""

from styler.demo.look import LAUNCH
from styler.demo.page import build

__all__ = ["LAUNCH", "build"]
