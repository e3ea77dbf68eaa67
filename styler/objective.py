"""What one scale of a painting minimises: content, style and smoothness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from styler.losses import Moments, moment_loss, moments, standardise, total_variation
from styler.vgg import VGG19

# The picture itself, as VGG's layer nought: its moments are the palette.
PIXELS = "pixels"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"
# The balance at strength 1/2; found by eye on portraits, buildings and animals.
CONTENT_WEIGHT, TV_WEIGHT = 0.45, 2.0
# Pixels of mirrored surroundings that are painted along and cut off: what VGG sees at a border is no picture.
MARGIN = 8
# Pixels at the painting's rim that its statistics leave out, for the same reason (and frames, and torn paper).
RIM = 8

Terms = dict[str, dict[str, Tensor]]
Style = Mapping[str, Moments]


def style_statistics(network: VGG19, image: Tensor, layers: Sequence[str] = STYLE_LAYERS) -> dict[str, Moments]:
    """What is learnt of a painting: the moments of each layer, without the painting's rim.

    Parameters
    ----------
    network : VGG19
    image : Tensor of shape (1, 3, height, width)
        RGB in [0, 1].
    layers : sequence of str

    Returns
    -------
    dict of str to Moments
    """
    statistics = {}
    with torch.no_grad():
        for layer, features in {PIXELS: image.to(network.device), **network(image, layers)}.items():
            rim = min(-(-RIM * features.shape[-1] // image.shape[-1]), (min(features.shape[-2:]) - 1) // 2)
            statistics[layer] = moments(features[..., rim : features.shape[-2] - rim, rim : features.shape[-1] - rim])
    return statistics


def objective(network: VGG19, photo: Tensor, style: Style, strength: float, content: bool) -> Callable[[Tensor], Terms]:
    """The loss at one scale, as a function of the pixels.

    Parameters
    ----------
    network : VGG19
    photo : Tensor of shape (1, 3, height, width)
        The content image, margin included, RGB in [0, 1].
    style : mapping of str to Moments
        From `style_statistics`, for the layers to match.
    strength : float in [0, 1]
        The style's share: 0 keeps the photo, 1 forgets it.
    content : bool
        Whether to hold the picture to the photo's content.

    Returns
    -------
    callable
        Takes pixels of the photo's shape and gives the weighted losses by term and layer, scalars to be summed.
    """
    layers = [layer for layer in style if layer != PIXELS] + [CONTENT_LAYER] * content
    if content:
        with torch.no_grad():
            P = standardise(network(photo, [CONTENT_LAYER])[CONTENT_LAYER])
            # A face stands out from the average more than a sky does: hold the one, leave the other to the painter.
            salience = P.square().sum(1, keepdim=True).square()
            salience = salience / salience.mean()

    def terms(pixels: Tensor) -> Terms:
        features = {PIXELS: pixels, **network(pixels, layers)}
        share = 2 * strength / len(STYLE_LAYERS)
        losses = {"style": {layer: share * moment_loss(moments(features[layer]), A) for layer, A in style.items()}}
        if content:
            distance = (salience * (standardise(features[CONTENT_LAYER]) - P).square()).mean()
            losses["content"] = {CONTENT_LAYER: 2 * (1 - strength) * CONTENT_WEIGHT * distance}
        losses["total variation"] = {"pixels": 2 * strength * TV_WEIGHT * total_variation(pixels)}
        return losses

    return terms


def with_margin(image: Tensor) -> Tensor:
    """An image with `MARGIN` px of its own reflection on each side, of however few pixels."""
    for dim in (-2, -1):
        mirrored = np.pad(np.arange(image.shape[dim]), MARGIN, mode="reflect")
        image = image.index_select(dim, torch.from_numpy(mirrored).to(image.device))
    return image


def without_margin(image: Tensor) -> Tensor:
    """The middle of an image, as it was before `with_margin`."""
    return image[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
