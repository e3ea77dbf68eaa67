"""What a picture is held to, as data: layers, formulas and weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import NamedTuple

from styler.vgg import BLOCKS, LAYERS

# The picture itself, as VGG's layer nought: its moments are the palette.
PIXELS = "pixels"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"
# What makes a hypercolumn: up to relu4_1 an object is a matter of strokes; deeper layers would copy it whole.
PLACE_LAYERS = (PIXELS, "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu4_1")
# How much each counts at strength 1/2; found by eye on portraits, buildings and animals. Beside matched places the
# moments count for less, and so does the content, as targets are found by it.
STYLE_WEIGHTS = {"neighbors": 0.4, "moments": 1.0, "gram": 3.0}
CONTENT_WEIGHTS = {"standardised": 0.45, "squared": 0.25}
PLACES_WEIGHT, CONTENT_BESIDE_PLACES = 1.0, 0.55
TV_WEIGHT = 2.0

# What can be named: before each ReLU as well as after it.
NAMED = [layer for layer in LAYERS if not layer.startswith("pool")]


class Recipe(NamedTuple):
    """What a picture is held to: layers with their weights, and the formulas that compare them.

    Attributes
    ----------
    style, content : mapping of str to float
        Weights by layer, of VGG-19's or, for style, `PIXELS`.
    style_loss : {"neighbors", "moments", "gram"}
        "neighbors" compares moments, too.
    content_loss : {"standardised", "squared"}
    smoothness : float
        Weight of the total variation.
    neighbors : tuple of str
        Layers of the hypercolumns by which places are matched; none of them if style_loss is another.
    """

    style: Mapping[str, float]
    content: Mapping[str, float] = {CONTENT_LAYER: 1.0}
    style_loss: str = "neighbors"
    content_loss: str = "standardised"
    smoothness: float = TV_WEIGHT
    neighbors: tuple[str, ...] = ()

    def weights(self, strength: float) -> dict[str, dict[str, float]]:
        """How much each term and layer counts at a strength from 0 to 1."""
        share = balance(strength)
        style, content = (
            2 * share * STYLE_WEIGHTS[self.style_loss],
            2 * (1 - share) * CONTENT_WEIGHTS[self.content_loss],
        )
        if self.neighbors:
            content *= CONTENT_BESIDE_PLACES
        return {
            "neighbors": {"places": 2 * share * PLACES_WEIGHT} if self.neighbors else {},
            "style": {layer: style * weight for layer, weight in self.style.items()},
            "content": {layer: content * weight for layer, weight in self.content.items()},
            "total variation": {PIXELS: 2 * share * self.smoothness},
        }

    @property
    def seen(self) -> list[str]:
        """The layers of VGG-19 that are looked at."""
        return [layer for layer in (*self.style, *self.content, *self.neighbors) if layer != PIXELS]

    @property
    def content_channels(self) -> float:
        """How many numbers a pixel of the photo the content layers' maps have."""
        return sum(BLOCKS[int(layer[4])][1] / 4 ** halvings(layer) for layer in self.content)


def even(*layers: str) -> dict[str, float]:
    """A fifth for each of some layers, the paper's five or fewer, and for the picture itself."""
    return dict.fromkeys((PIXELS, *layers), 1 / len(STYLE_LAYERS))


# By style_loss: where the composition is made, and for finer scales, where shallow layers lay the strokes.
RECIPES = {
    "neighbors": (
        Recipe(even(*STYLE_LAYERS[:4]), neighbors=PLACE_LAYERS),
        Recipe(even(*STYLE_LAYERS[:3]), {}, neighbors=PLACE_LAYERS[:4]),
    )
} | {
    loss: (Recipe(even(*STYLE_LAYERS), style_loss=loss), Recipe(even(*STYLE_LAYERS[:3]), {}, loss))
    for loss in ("moments", "gram")
}


def layer_weights(layers: Sequence[str] | Mapping[str, float], name: str) -> dict[str, float]:
    """Layers with their shares of a sum of one.

    Parameters
    ----------
    layers : sequence of str, or mapping of str to float
        Names, or names with weights above 0.
    name : str
        What messages call them; `PIXELS` may be among them if it is "style_layers".

    Raises
    ------
    ValueError
        If a layer is unknown or named twice, or a weight is not a number above 0.
    """
    given = layers if isinstance(layers, Mapping) else dict.fromkeys(layers, 1.0)
    if len(given) < len(layers):
        raise ValueError(f"{name} names a layer twice; name each once, with its weight: {{'relu1_1': 2}}.")
    known = [*NAMED, *[PIXELS] * (name == "style_layers")]
    for layer, weight in given.items():
        if layer not in known:
            raise ValueError(
                f"{name}: {layer!r} is no layer; choose from relu1_1, relu1_2, relu2_1 … {NAMED[-1]}, or conv1_1 and "
                "so on for what comes before a ReLU."
            )
        if not isinstance(weight, Real) or not 0 < weight < math.inf:
            raise ValueError(f"{name}: the weight of {layer} is {weight}; give a number above 0, or leave it out.")
    if not set(given) - {PIXELS}:
        raise ValueError(f"{name} names no layer of VGG-19; name one or more, such as relu4_1.")
    return {layer: float(weight) / sum(given.values()) for layer, weight in given.items()}


def balance(strength: float) -> float:
    """The style's share at a strength: the strength itself up to the middle, more beyond, 1 at 1.

    The last of the content's weight holds the most of it, so that with equal steps of the share the walk from a half to
    all painting would end in a leap. Up to the middle its steps are even as they are: of five pairs, two want the first
    one shorter and three longer. The benchmarks' notes have the figures.
    """
    return strength + max(0.0, strength - 0.5) * (1 - strength)


def halvings(layer: str) -> int:
    """How often VGG-19 has halved its maps at a layer."""
    return 0 if layer == PIXELS else int(layer[4]) - 1
