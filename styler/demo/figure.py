"""Parts of the lesson's figures: small pure functions from images and numbers to SVG, 360 units wide like a phone.

A figure is one self-contained SVG, so that it can be saved as a file. It shows more when it is touched: an element of
class "spot" then shows the part of class "where" inside it.
"""

import base64
import html
import io
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from styler import images

WIDTH = 360
INK = "#c2710c"
LINE = 15  # height of a line of text
STYLE = """.spot{cursor:pointer;outline:none}.spot .where{visibility:hidden;pointer-events:none}
.spot:hover .where,.spot:focus .where{visibility:visible}.spot:hover .edge,.spot:focus .edge{stroke:#c2710c}
svg:has(.spot:hover) .spot:focus:not(:hover) .where{visibility:hidden}"""


def svg(title: str, height: float, body: Iterable[str]) -> str:
    """Return a figure; screen readers read out its title and the words of its parts."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="group" '
        f'font-family="system-ui, sans-serif" aria-label="{html.escape(title)}"><style>{STYLE}</style>'
        f"{''.join(body)}</svg>"
    )


def address(image: Tensor, kind: str = "JPEG") -> str:
    """Return an image of shape (1, 1 or 3, height, width), in [0, 1], as a data URL."""
    buffer = io.BytesIO()
    pixels = (255 * image.clamp(0, 1)).round().to(torch.uint8)[0].movedim(0, -1).cpu().numpy()
    Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(buffer, kind, quality=82)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def fitted(image: Tensor, width: float, height: float) -> tuple[float, float]:
    """Return the width and height at which an image fits in a box."""
    ratio = min(width / image.shape[-1], height / image.shape[-2])
    return ratio * image.shape[-1], ratio * image.shape[-2]


def picture(image: Tensor, x: float, y: float, width: float, height: float, words: str, more: str = "") -> str:
    """An image in a box, with words for screen readers."""
    sharp = images.resize(image, 2 * round(max(width, height))) if max(image.shape[-2:]) > 2 * width else image
    return (
        f'<image href="{address(sharp)}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'role="img" aria-label="{html.escape(words)}" {more}/>'
    )


def cells(values: Tensor, x: float, y: float, width: float, height: float, words: str) -> str:
    """A map or a matrix of shape (height, width), in [0, 1], with a cell for each number."""
    times = max(1, round(2 * width / values.shape[-1]))
    grown = values[None, None].repeat_interleave(times, 2).repeat_interleave(times, 3)
    return (
        f'<image href="{address(grown, "PNG")}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'preserveAspectRatio="none" role="img" aria-label="{html.escape(words)}"/>'
    )


def lit(image: Tensor, values: Tensor, x: float, y: float, width: float, height: float, words: str) -> str:
    """An image that is bright where a map of shape (rows, columns) in [0, 1] is high, and dark elsewhere."""
    weights = images.resize(values[None, None], (image.shape[-2], image.shape[-1])).clamp(0, 1)
    return picture(image * (0.12 + 0.88 * weights), x, y, width, height, words)


def text(x: float, y: float, words: str, anchor: str = "start", size: float = 12, colour: str = "currentColor") -> str:
    """One line of text."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">'
        f"{html.escape(words)}</text>"
    )


def bars(values: Sequence[tuple[str, float]], y: float, most: float, marked: str = "") -> list[str]:
    """A bar for each named number, one under the other; the marked one stands out."""
    body, room = [], WIDTH - 110
    for i, (name, value) in enumerate(values):
        top, long = y + 20 * i, room * min(value, most) / most
        colour = INK if name == marked else "currentColor"
        body += [
            text(58, top + 12, name, "end", colour=colour),
            f'<rect x="64" y="{top + 2:.1f}" width="{max(1, long):.1f}" height="12" fill="{colour}" opacity=".75"/>',
            text(70 + long, top + 12, f"{value:.2f}", colour=colour),
        ]
    return body


def curve(values: Sequence[float], x: float, y: float, width: float, height: float) -> str:
    """Positive numbers as a line, on a log scale."""
    logs = np.log10(np.maximum(values, 1e-9))
    low, span = logs.min(), max(float(logs.max() - logs.min()), 1e-9)
    points = " ".join(
        f"{x + width * i / max(1, len(logs) - 1):.1f},{y + height * (1 - (v - low) / span):.1f}"
        for i, v in enumerate(logs)
    )
    return f'<polyline points="{points}" fill="none" stroke="{INK}" stroke-width="2"/>'


def spot(words: str, *parts: str) -> str:
    """Parts that can be touched, or reached by the keyboard, to show more."""
    return f'<g class="spot" tabindex="0" role="img" aria-label="{html.escape(words)}">{"".join(parts)}</g>'


def where(*parts: str) -> str:
    """What a spot shows when it is touched."""
    return f'<g class="where" aria-hidden="true">{"".join(parts)}</g>'
