"""What one scale of a painting minimises: content, style and smoothness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from styler.losses import (
    Moments,
    difference,
    gram_loss,
    likeness,
    moment_loss,
    moments,
    squared_content_loss,
    standardise,
    standardised_content_loss,
    total_variation,
    variation,
    widened,
)
from styler.recipe import PIXELS, RECIPE, STYLE_LAYERS, Recipe, halvings
from styler.regions import weights_at
from styler.tiles import Function, Sums, Terms, Tile, add, cut, differentiate, reach
from styler.vgg import VGG19

STYLE_LOSSES: dict[str, Callable[[Moments, Moments], Tensor]] = {"moments": moment_loss, "gram": gram_loss}
# What is known of the photo's maps beforehand, what is summed over positions with it, and the loss of the sums.
CONTENT_LOSSES: dict[str, tuple[Callable[[Tensor], tuple[Tensor, Tensor]], Callable[..., Any], Callable[..., Tensor]]]
# Pixels of mirrored surroundings that are painted along and cut off: what VGG sees at a border is no picture.
MARGIN = 8
# Pixels at the painting's rim that its statistics leave out, for the same reason (and frames, and torn paper).
RIM = 8

Style = Mapping[str, Moments]


def style_statistics(
    network: VGG19,
    image: Tensor,
    layers: Iterable[str] = STYLE_LAYERS,
    mask: Tensor | None = None,
    side: int | None = None,
) -> dict[str, Moments]:
    """What is learnt of a painting: the moments of each layer, without the painting's rim.

    Parameters
    ----------
    network : VGG19
    image : Tensor of shape (1, 3, height, width)
        RGB in [0, 1].
    layers : iterable of str
        The picture itself, `PIXELS`, is always among them.
    mask : Tensor of shape (1, 1, height, width), optional
        The part of the painting to learn from.
    side : int, optional
        Of the tiles that are looked at one by one, in px; by default the whole at once.

    Returns
    -------
    dict of str to Moments
    """
    image = image.to(network.device)
    layers = [layer for layer in layers if layer != PIXELS]
    weights = {layer: within_rim(layer, image, mask) for layer in (PIXELS, *layers)}

    def measure(tile: Tile) -> dict[str, Moments]:
        features = {PIXELS: tile.seen(image), **network(tile.seen(image), layers)}
        # Learnt once, so exactly: bfloat16's rounding of the sums would be taken for a spread where there is none.
        return {layer: own_moments(widened(maps), layer, tile, weights[layer]) for layer, maps in features.items()}

    with torch.no_grad():
        return add(measure(tile) for tile in tiles_of(image, side, layers))


def within_rim(layer: str, image: Tensor, mask: Tensor | None) -> Tensor:
    """Weights of a layer's positions, of shape (height, width): 0 at the painting's rim, else 1 or the mask's."""
    height, width = shape_at(layer, image)
    rim = min(-(-RIM * width // image.shape[-1]), (min(height, width) - 1) // 2)
    inside = F.pad(image.new_ones(height - 2 * rim, width - 2 * rim), (rim, rim, rim, rim))
    return inside if mask is None else inside * weights_at(mask.to(image), (height, width))


def own_moments(maps: Tensor, layer: str, tile: Tile, weights: Tensor | None) -> Moments:
    """The moments of a tile's own positions."""
    k = halvings(layer)
    return moments(tile.own(maps, k), None if weights is None else tile.share(weights, k))


def tiles_of(image: Tensor, side: int | None, layers: Sequence[str]) -> list[Tile]:
    """The tiles of an image in which some layers are seen whole."""
    return cut((image.shape[-2], image.shape[-1]), side, reach(layers))


def objective(
    network: VGG19,
    photo: Tensor,
    styles: Sequence[Style | None],
    strength: float,
    recipe: Recipe = RECIPE,
    masks: Tensor | None = None,
    side: int | None = None,
) -> Function:
    """The loss at one scale, as a function of the pixels.

    Parameters
    ----------
    network : VGG19
    photo : Tensor of shape (1, 3, height, width)
        The content image, margin included, RGB in [0, 1].
    styles : sequence of mapping of str to Moments
        From `style_statistics`: one, or one a region, None where the photo stays.
    strength : float in [0, 1]
        0 keeps the photo, 1 forgets it.
    recipe : Recipe
        Layers and formulas.
    masks : Tensor of shape (regions, 1, height, width), optional
        The regions, adding up to 1 at each pixel.
    side : int, optional
        Of the tiles that are looked at one by one, in px; by default the whole at once.

    Returns
    -------
    callable
        Takes pixels of the photo's shape; gives the loss, its gradient, and the weighted losses by term and layer.
    """
    weights: list[dict[str, Tensor | None]] = [
        {layer: None if mask is None else weights_at(mask[None], shape_at(layer, photo)) for layer in recipe.style}
        for mask in ([None] if masks is None else masks)
    ]
    # A region's style counts by its area, so that each pixel is drawn as strongly as in a picture of one style.
    areas = [1.0] if masks is None else masks.mean((1, 2, 3)).tolist()
    regions = [
        (telling(style, recipe.style), w, area) for style, w, area in zip(styles, weights, areas, strict=True) if style
    ]
    painted = painted_part(styles, masks)
    layers = [layer for layer in (*recipe.style, *recipe.content) if layer != PIXELS]
    tiles = tiles_of(photo, side, layers)
    style_loss = STYLE_LOSSES[recipe.style_loss]
    know, compare, content_loss = CONTENT_LOSSES[recipe.content_loss]
    contents = {layer: content_features(network, photo, layer, tiles) for layer in recipe.content}
    known = {layer: know(maps) for layer, maps in contents.items() if not moments(maps).is_flat}

    def measure(pixels: Tensor, tile: Tile) -> Sums:
        """What a tile's own positions add to the sums that the losses are made of."""
        if painted is not None:
            pixels = torch.lerp(tile.seen(photo), pixels, tile.seen(painted))
        features = {PIXELS: pixels, **network(pixels, layers)}
        sums: Sums = {}
        for i, (style, w, _) in enumerate(regions):
            sums |= {(i, layer): own_moments(features[layer], layer, tile, w[layer]) for layer in style}
        for layer, maps in known.items():
            k = halvings(layer)
            sums["content", layer] = compare(tile.own(features[layer], k), *(tile.share(m, k) for m in maps))
        sums["total variation"] = variation(*tile.and_next(pixels))
        return sums

    counts = recipe.weights(strength)

    def judge(sums: Sums) -> Terms:
        """The weighted losses, from the sums over the picture."""
        smoothness = total_variation(sums["total variation"])
        losses = {term: {layer: torch.zeros_like(smoothness) for layer in layers} for term, layers in counts.items()}
        for i, (style, _, area) in enumerate(regions):
            for layer, A in style.items():
                losses["style"][layer] += counts["style"][layer] * area * style_loss(sums[i, layer], A)
        for layer in known:
            losses["content"][layer] += counts["content"][layer] * content_loss(sums["content", layer])
        for layer, count in counts["total variation"].items():
            losses["total variation"][layer] += count * smoothness
        return losses

    return differentiate(measure, judge, tiles)


def telling(style: Style, layers: Iterable[str]) -> Style:
    """Those layers of a style that have a spread; flat ones say nothing, and to compare with them is to divide by 0."""
    return {layer: style[layer] for layer in layers if not style[layer].is_flat}


def standardised(maps: Tensor) -> tuple[Tensor, Tensor]:
    """The photo's maps standardised, and how much each position counts.

    A face stands out from the average more than a sky does: hold the one, leave the other to the painter.
    """
    p = standardise(maps)
    salience = p.square().sum(1, keepdim=True).square()
    return p, salience / salience.mean()


def with_spread(maps: Tensor) -> tuple[Tensor, Tensor]:
    """The photo's maps, and how far they are from their means at each position."""
    return maps, (maps - maps.mean((2, 3), keepdim=True)).square().sum(1, keepdim=True)


CONTENT_LOSSES = {
    "standardised": (standardised, likeness, standardised_content_loss),
    "squared": (with_spread, difference, squared_content_loss),
}


def content_features(network: VGG19, photo: Tensor, layer: str, tiles: Sequence[Tile]) -> Tensor:
    """The photo's maps of a layer, put together from tiles; of float32 at least."""
    with torch.no_grad():
        rows: dict[int, list[Tensor]] = {}
        for tile in tiles:
            maps = network(tile.seen(photo), [layer])[layer]
            rows.setdefault(tile.rows.start, []).append(tile.own(maps, halvings(layer)))
        whole = torch.cat([torch.cat(row, -1) for row in rows.values()], -2)
        return whole.to(torch.promote_types(whole.dtype, torch.float32))


def painted_part(styles: Sequence[Style | None], masks: Tensor | None) -> Tensor | None:
    """How much of each pixel has a style, of shape (1, 1, height, width); None if all of all have."""
    if masks is None or all(styles):
        return None
    return torch.stack([mask for style, mask in zip(styles, masks, strict=True) if style]).sum(0, keepdim=True)


def shape_at(layer: str, image: Tensor) -> tuple[int, int]:
    """Height and width of a layer's maps."""
    return image.shape[-2] >> halvings(layer), image.shape[-1] >> halvings(layer)


def with_margin(image: Tensor) -> Tensor:
    """An image with `MARGIN` px of its own reflection on each side, of however few pixels."""
    for dim in (-2, -1):
        mirrored = np.pad(np.arange(image.shape[dim]), MARGIN, mode="reflect")
        image = image.index_select(dim, torch.from_numpy(mirrored).to(image.device))
    return image


def without_margin(image: Tensor) -> Tensor:
    """The middle of an image, as it was before `with_margin`."""
    return image[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
