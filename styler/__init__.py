"""Neural style transfer in seconds: a scikit-learn estimator, a command line and a web page."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from styler.estimator import StyleTransfer

__all__ = ["StyleTransfer"]
__version__ = "0.1.0"

# Torch takes its feature maps from huge pages then: fresh small ones, zeroed one by one, cost a tenth of the time.
# It reads this once, at its first allocation.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def __getattr__(name: str) -> Any:
    """Import torch and scikit-learn only once the estimator is asked for."""
    if name == "StyleTransfer":
        from styler.estimator import StyleTransfer

        return StyleTransfer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
