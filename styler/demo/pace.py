"""How long a painting takes on this machine, learnt from recent paintings."""

from typing import Any

from styler.demo.hosting import DEVICE
from styler.demo.orders import Order, Recent
from styler.estimator import StyleTransfer

# How many times longer a painting takes here than expected, by preset and size, learnt from recent paintings.
PACES: Recent[float] = Recent(100)


def estimate(preset: str, size: int, style_layers: Any = None, content_layers: Any = None, photo: Any = None) -> float:
    """Return about how many seconds a painting takes on this machine; without a photo, for one of 4:3."""
    layers = {"style_layers": style_layers, "content_layers": content_layers}
    model = StyleTransfer(size, preset=preset, device=DEVICE, **layers)
    return model.expected_seconds(photo) * pace(preset, size)


def pace(preset: str, size: int) -> float:
    """Return how many times longer paintings take here than expected; 1 until one has been painted."""
    return PACES.get((preset, size)) or 1.0


def learn_pace(order: Order, expected: float, seconds: float) -> None:
    """Learn from a finished painting how long the next ones will take; all earlier ones count for a third."""
    key, now = (order.preset, order.size), seconds / expected
    before = PACES.get(key)
    PACES.keep(key, now if before is None else (2 * now + before) / 3)


def about(seconds: float) -> str:
    """A time in words."""
    return f"about {max(1, seconds):.0f} s" if seconds < 99 else f"about {round(seconds / 30) / 2:g} min"
