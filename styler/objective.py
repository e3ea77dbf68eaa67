"""What one scale of a painting minimises: content, style and smoothness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from styler.losses import Moments, moment_loss, moments, standardise, total_variation
from styler.regions import weights_at
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


def style_statistics(
    network: VGG19, image: Tensor, layers: Sequence[str] = STYLE_LAYERS, mask: Tensor | None = None
) -> dict[str, Moments]:
    """What is learnt of a painting: the moments of each layer, without the painting's rim.

    Parameters
    ----------
    network : VGG19
    image : Tensor of shape (1, 3, height, width)
        RGB in [0, 1].
    layers : sequence of str
    mask : Tensor of shape (1, 1, height, width), optional
        The part of the painting to learn from.

    Returns
    -------
    dict of str to Moments
    """
    statistics = {}
    with torch.no_grad():
        for layer, features in {PIXELS: image.to(network.device), **network(image, layers)}.items():
            rim = min(-(-RIM * features.shape[-1] // image.shape[-1]), (min(features.shape[-2:]) - 1) // 2)
            height, width = features.shape[-2:]
            down, across = slice(rim, height - rim), slice(rim, width - rim)
            weights = None if mask is None else weights_at(mask.to(features), (height, width))[down, across]
            statistics[layer] = moments(features[..., down, across], weights)
    return statistics


def objective(
    network: VGG19,
    photo: Tensor,
    styles: Sequence[Style | None],
    strength: float,
    content: bool,
    masks: Tensor | None = None,
) -> Callable[[Tensor], Terms]:
    """The loss at one scale, as a function of the pixels.

    Parameters
    ----------
    network : VGG19
    photo : Tensor of shape (1, 3, height, width)
        The content image, margin included, RGB in [0, 1].
    styles : sequence of mapping of str to Moments
        From `style_statistics`, for the layers to match: one, or one a region, None where the photo stays.
    strength : float in [0, 1]
        The style's share: 0 keeps the photo, 1 forgets it.
    content : bool
        Whether to hold the picture to the photo's content.
    masks : Tensor of shape (regions, 1, height, width), optional
        The regions, adding up to 1 at each pixel.

    Returns
    -------
    callable
        Takes pixels of the photo's shape and gives the weighted losses by term and layer, scalars to be summed.
    """
    layers = [layer for layer in next(filter(None, styles)) if layer != PIXELS]
    weights: list[dict[str, Tensor | None]] = [
        {layer: None if mask is None else weights_at(mask[None], shape_at(layer, photo)) for layer in [PIXELS, *layers]}
        for mask in ([None] if masks is None else masks)
    ]
    # A region's style counts by its area, so that each pixel is drawn as strongly as in a picture of one style.
    areas = [1.0] if masks is None else masks.mean((1, 2, 3)).tolist()
    regions = [(style, w, area) for style, w, area in zip(styles, weights, areas, strict=True) if style]
    painted = painted_part(styles, masks)
    layers += [CONTENT_LAYER] * content
    if content:
        with torch.no_grad():
            P = standardise(network(photo, [CONTENT_LAYER])[CONTENT_LAYER])
            # A face stands out from the average more than a sky does: hold the one, leave the other to the painter.
            salience = P.square().sum(1, keepdim=True).square()
            salience = salience / salience.mean()

    def terms(pixels: Tensor) -> Terms:
        pixels = pixels if painted is None else torch.lerp(photo, pixels, painted)
        features = {PIXELS: pixels, **network(pixels, layers)}
        share = 2 * strength / len(STYLE_LAYERS)
        losses: Terms = {"style": {}}
        for style, w, area in regions:
            for layer, A in style.items():
                loss = share * area * moment_loss(moments(features[layer], w[layer]), A)
                losses["style"][layer] = losses["style"][layer] + loss if layer in losses["style"] else loss
        if content:
            distance = (salience * (standardise(features[CONTENT_LAYER]) - P).square()).mean()
            losses["content"] = {CONTENT_LAYER: 2 * (1 - strength) * CONTENT_WEIGHT * distance}
        losses["total variation"] = {"pixels": 2 * strength * TV_WEIGHT * total_variation(pixels)}
        return losses

    return terms


def painted_part(styles: Sequence[Style | None], masks: Tensor | None) -> Tensor | None:
    """How much of each pixel has a style, of shape (1, 1, height, width); None if all of all have."""
    if masks is None or all(styles):
        return None
    return torch.stack([mask for style, mask in zip(styles, masks, strict=True) if style]).sum(0, keepdim=True)


def shape_at(layer: str, image: Tensor) -> tuple[int, int]:
    """Height and width of a layer's maps: "relu3_1" has seen two poolings, the pixels none."""
    halvings = 0 if layer == PIXELS else int(layer[4]) - 1
    return image.shape[-2] >> halvings, image.shape[-1] >> halvings


def with_margin(image: Tensor) -> Tensor:
    """An image with `MARGIN` px of its own reflection on each side, of however few pixels."""
    for dim in (-2, -1):
        mirrored = np.pad(np.arange(image.shape[dim]), MARGIN, mode="reflect")
        image = image.index_select(dim, torch.from_numpy(mirrored).to(image.device))
    return image


def without_margin(image: Tensor) -> Tensor:
    """The middle of an image, as it was before `with_margin`."""
    return image[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
