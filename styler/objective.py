"""What one scale of a painting minimises: content, style and smoothness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from styler.hypercolumns import PLACE, Bank, by_grid
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
from styler.matching import Match
from styler.neighbors import agreement, nearness, neighbor_loss
from styler.recipe import PIXELS, Recipe, halvings
from styler.regions import weights_at
from styler.style import Style, own_moments
from styler.tiles import Function, Sums, Terms, Tile, differentiate, put_together, tiles_of
from styler.vgg import VGG19

STYLE_LOSSES: dict[str, Callable[[Moments, Moments], Tensor]] = {
    "neighbors": moment_loss,
    "moments": moment_loss,
    "gram": gram_loss,
}
# Three functions for each content_loss. The first prepares the photo's maps. The second compares the picture's maps
# with them and sums over positions. The third makes a loss of the sums.
CONTENT_LOSSES: dict[str, tuple[Callable[[Tensor], tuple[Tensor, Tensor]], Callable[..., Any], Callable[..., Tensor]]]
# A picture is painted with a mirrored margin, so that its sides are multiples of this many px. Up to relu4 VGG halves
# its maps three times, and those layers would not see what is left over.
UNIT = 8


def objective(
    network: VGG19,
    photo: Tensor,
    styles: Sequence[Style | None],
    strength: float,
    recipe: Recipe,
    masks: Tensor | None = None,
    side: int | None = None,
    matches: Sequence[Match | None] | None = None,
) -> Function:
    """The loss at one scale, as a function of the pixels.

    Parameters
    ----------
    network : VGG19
    photo : Tensor of shape (1, 3, height, width)
        The content image, margin included, RGB in [0, 1].
    styles : sequence of Style
        One style, or one for each region; None keeps the photo.
    strength : float in [0, 1]
        0 keeps the photo, 1 ignores it.
    recipe : Recipe
        Layers and formulas.
    masks : Tensor of shape (regions, 1, height, width), optional
        The regions, adding up to 1 at each pixel.
    side : int, optional
        Side in px of the tiles, which are evaluated one by one; by default the whole at once.
    matches : sequence of Match, optional
        For each style with a bank, the targets of the picture's places.

    Returns
    -------
    callable
        Takes pixels of the photo's shape; gives the loss, its gradient, and the weighted losses by term and layer.
    """
    shares = [None] * len(styles) if masks is None else masks.split(1)
    regions = [
        region(photo, style, recipe, mask, where)
        for style, mask, where in zip(styles, shares, matches or [None] * len(styles), strict=True)
        if style
    ]
    painted = painted_part(styles, masks)
    tiles = tiles_of(photo, side, recipe.seen)
    style_loss = STYLE_LOSSES[recipe.style_loss]
    know, compare, content_loss = CONTENT_LOSSES[recipe.content_loss]
    contents = content_features(network, photo, recipe.content, tiles)
    known = {layer: know(maps) for layer, maps in contents.items() if not moments(maps).is_flat}

    def measure(pixels: Tensor, tile: Tile) -> Sums:
        """What a tile's own positions add to the sums from which the losses are computed."""
        if painted is not None:
            pixels = torch.lerp(tile.seen(photo), pixels, tile.seen(painted))
        grid = (pixels.shape[-2] >> PLACE, pixels.shape[-1] >> PLACE)
        sums: Sums = {}
        agreements: list[list[tuple[Tensor, Tensor]]] = [[] for _ in regions]
        for layer, maps in chain([(PIXELS, pixels)], network.walk(pixels, recipe.seen)):
            k, column = halvings(layer), None
            if layer in recipe.neighbors:
                column = tile.own(by_grid(maps, layer, grid), PLACE)
            for i, (style, w, _, bank, targets, _) in enumerate(regions):
                if layer in style:
                    sums[i, layer] = own_moments(maps, layer, tile, w[layer])
                if column is not None and bank and targets is not None and layer in bank.columns:
                    agreements[i].append(agreement(column, layer, bank, tile.share(targets, PLACE)))
            if layer in known:
                sums["content", layer] = compare(tile.own(maps, k), *(tile.share(m, k) for m in known[layer]))
        for i, (_, _, _, bank, targets, places) in enumerate(regions):
            if bank and targets is not None:
                at = None if places is None else tile.share(places, PLACE)
                sums[i, "places"] = nearness(agreements[i], bank, tile.share(targets, PLACE), at)
        sums["total variation"] = variation(*tile.and_next(pixels))
        return sums

    counts = recipe.weights(strength)

    def judge(sums: Sums) -> Terms:
        """The weighted losses, from the sums over the picture."""
        smoothness = total_variation(sums["total variation"])
        losses = {term: {layer: torch.zeros_like(smoothness) for layer in layers} for term, layers in counts.items()}
        for i, region in enumerate(regions):
            for layer, A in region.style.items():
                losses["style"][layer] += counts["style"][layer] * region.area * style_loss(sums[i, layer], A)
            for name, count in counts["neighbors"].items():
                if (i, name) in sums:
                    losses["neighbors"][name] += count * region.area * neighbor_loss(sums[i, name])
        for layer in known:
            losses["content"][layer] += counts["content"][layer] * content_loss(sums["content", layer])
        for layer, count in counts["total variation"].items():
            losses["total variation"][layer] += count * smoothness
        return losses

    return differentiate(measure, judge, tiles)


class Region(NamedTuple):
    """A part of a picture with a style of its own, as `objective` uses it.

    Attributes
    ----------
    style : mapping of str to Moments
        The moments of the layers that are not flat.
    weights : mapping of str to Tensor of shape (height, width) or None
        How much each position of a layer counts; None if there is only one region.
    area : float
        The region's share of the picture. Losses are multiplied by it, so that each pixel is drawn as strongly as in a
        picture of one style.
    bank : Bank or None
    targets : Tensor of shape (rows, columns) or None
        For each place of the picture, the number of its target in the bank.
    places : Tensor of shape (rows, columns) or None
        How much each place counts; None if all count alike.
    """

    style: Mapping[str, Moments]
    weights: Mapping[str, Tensor | None]
    area: float
    bank: Bank | None
    targets: Tensor | None
    places: Tensor | None


def region(photo: Tensor, style: Style, recipe: Recipe, mask: Tensor | None, where: Match | None) -> Region:
    """A style, and where in the picture it goes: without a mask, everywhere."""
    targets = None if where is None else where.targets
    statistics = informative(style.moments, recipe.style)
    if mask is None:
        return Region(statistics, dict.fromkeys(recipe.style), 1.0, style.bank, targets, None)
    weights: dict[str, Tensor | None] = {layer: weights_at(mask, shape_at(layer, photo)) for layer in recipe.style}
    places = F.adaptive_avg_pool2d(mask, (photo.shape[-2] >> PLACE, photo.shape[-1] >> PLACE))[0, 0]
    return Region(statistics, weights, float(mask.mean()), style.bank, targets, places)


def informative(style: Mapping[str, Moments], layers: Iterable[str]) -> dict[str, Moments]:
    """The layers of a style that are not flat; flat ones say nothing, and comparing with them would divide by 0."""
    return {layer: style[layer] for layer in layers if not style[layer].is_flat}


def standardised(maps: Tensor) -> tuple[Tensor, Tensor]:
    """The photo's maps standardised, and how much each position counts.

    Positions that stand out from the average count more: a face keeps its content, a sky is left to the painter.
    """
    p = standardise(maps)
    salience = p.square().sum(1, keepdim=True).square()
    return p, salience / salience.mean()


def with_spread(maps: Tensor) -> tuple[Tensor, Tensor]:
    """The photo's maps, and at each position the sum of their squared deviations from their means."""
    return maps, (maps - maps.mean((2, 3), keepdim=True)).square().sum(1, keepdim=True)


CONTENT_LOSSES = {
    "standardised": (standardised, likeness, standardised_content_loss),
    "squared": (with_spread, difference, squared_content_loss),
}


def content_features(network: VGG19, photo: Tensor, layers: Iterable[str], tiles: Sequence[Tile]) -> dict[str, Tensor]:
    """The photo's maps, joined from tiles, in float32 at least."""
    if not layers:
        return {}
    with torch.no_grad():
        maps = put_together(
            tiles,
            lambda tile: {k: tile.own(f, halvings(k)) for k, f in network(tile.seen(photo), layers).items()},
        )
    return {layer: widened(whole) for layer, whole in maps.items()}


def painted_part(styles: Sequence[Style | None], masks: Tensor | None) -> Tensor | None:
    """How much of each pixel has a style, of shape (1, 1, height, width); None if the whole picture has one."""
    if masks is None or all(styles):
        return None
    return torch.stack([mask for style, mask in zip(styles, masks, strict=True) if style]).sum(0, keepdim=True)


def shape_at(layer: str, image: Tensor) -> tuple[int, int]:
    """Height and width of a layer's maps."""
    return image.shape[-2] >> halvings(layer), image.shape[-1] >> halvings(layer)


def with_margin(image: Tensor) -> Tensor:
    """An image with its own reflection at the right and at the bottom, up to multiples of `UNIT` px."""
    for dim in (-2, -1):
        side = image.shape[dim]
        mirrored = np.pad(np.arange(side), (0, -side % UNIT), mode="reflect")
        image = image.index_select(dim, torch.from_numpy(mirrored).to(image.device))
    return image


def without_margin(image: Tensor, shape: torch.Size) -> Tensor:
    """The part of an image that had a shape (..., height, width) before `with_margin`."""
    return image[..., : shape[-2], : shape[-1]]
