"""Neural style transfer in seconds: a scikit-learn estimator, a command line and a web page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from styler.estimator import StyleTransfer

__all__ = ["StyleTransfer"]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """Import torch and scikit-learn only when the estimator is first used."""
    if name == "StyleTransfer":
        from styler.estimator import StyleTransfer

        return StyleTransfer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
