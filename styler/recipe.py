"""Recipes: which layers, formulas and weights a picture is compared with, as data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import NamedTuple

from styler.vgg import BLOCKS, LAYERS

# The picture itself, treated as layer 0 of VGG. Its moments describe the palette.
PIXELS = "pixels"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"
# Layers of a hypercolumn. Up to relu4_1 they describe an object's strokes; deeper layers would copy the whole object.
PLACE_LAYERS = (PIXELS, "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu4_1")
# How much each term counts at strength 1/2; found by eye on portraits, buildings and animals. With matched places the
# moments count for less, and so does the content, which already decides the places that are matched.
STYLE_WEIGHTS = {"neighbors": 0.4, "moments": 1.0, "gram": 3.0}
CONTENT_WEIGHTS = {"standardised": 0.45, "squared": 0.25}
PLACES_WEIGHT, CONTENT_BESIDE_PLACES = 1.0, 0.55
TV_WEIGHT = 2.0

# Layers that users can name, before each ReLU as well as after it.
NAMED = [layer for layer in LAYERS if not layer.startswith("pool")]


class Recipe(NamedTuple):
    """How a picture is compared with photo and painting: layers with their weights, and the formulas.

    Attributes
    ----------
    style, content : mapping of str to float
        Weight of each layer of VGG-19; in `style`, also of `PIXELS`.
    style_loss : {"neighbors", "moments", "gram"}
        "neighbors" also compares moments.
    content_loss : {"standardised", "squared"}
    smoothness : float
        Weight of the total variation.
    neighbors : tuple of str
        Layers of the hypercolumns by which places are matched; empty unless style_loss is "neighbors".
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
        """The layers of VGG-19 that the recipe uses."""
        return [layer for layer in (*self.style, *self.content, *self.neighbors) if layer != PIXELS]

    @property
    def content_channels(self) -> float:
        """How many numbers the content layers' maps have for each pixel of the photo."""
        return sum(BLOCKS[int(layer[4])][1] / 4 ** halvings(layer) for layer in self.content)


def even(*layers: str) -> dict[str, float]:
    """Weights of one fifth each, for the layers given (the paper's five, or fewer) and for the picture itself."""
    return dict.fromkeys((PIXELS, *layers), 1 / len(STYLE_LAYERS))


# For each style_loss: the recipe of coarse scales, which make the composition, and that of finer scales, where shallow
# layers paint the strokes.
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
    """Scale the weights of layers to a sum of one.

    Parameters
    ----------
    layers : sequence of str, or mapping of str to float
        Names, or names with weights above 0.
    name : str
        What error messages call the layers. `PIXELS` is allowed if this is "style_layers".

    Raises
    ------
    ValueError
        If a layer is unknown or named twice, no layer of VGG-19 is named, or a weight is not a number above 0.
    """
    given = layers if isinstance(layers, Mapping) else dict.fromkeys(layers, 1.0)
    if len(given) < len(layers):
        raise ValueError(f"{name} names a layer twice; name each once, with its weight: {{'relu1_1': 2}}.")
    known = [*NAMED, *[PIXELS] * (name == "style_layers")]
    for layer, weight in given.items():
        if layer not in known:
            raise ValueError(
                f"{name}: {layer!r} is not a layer; choose from relu1_1, relu1_2, relu2_1 … {NAMED[-1]}, or conv1_1 "
                "and so on for the maps before a ReLU."
            )
        if not isinstance(weight, Real) or not 0 < weight < math.inf:
            raise ValueError(f"{name}: the weight of {layer} is {weight}; give a number above 0, or leave it out.")
    if not set(given) - {PIXELS}:
        raise ValueError(f"{name} names no layer of VGG-19; name one or more, such as relu4_1.")
    return {layer: float(weight) / sum(given.values()) for layer, weight in given.items()}


def balance(strength: float) -> float:
    """The style's share of the weight at a strength: up to 1/2 the strength itself, above it more, and 1 at 1.

    The last bit of the content's weight keeps most of the content. If the share grew evenly from 1/2 to 1, the picture
    would therefore change with a leap at the end. Up to 1/2 even steps are right: of five pairs, two would need a
    shorter first step and three a longer one. The benchmarks' notes have the figures.
    """
    return strength + max(0.0, strength - 0.5) * (1 - strength)


def halvings(layer: str) -> int:
    """How often VGG-19 has halved its maps at a layer."""
    return 0 if layer == PIXELS else int(layer[4]) - 1
