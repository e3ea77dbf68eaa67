"""What one scale of a painting minimises: content, style and smoothness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from styler.losses import (
    Moments,
    likeness,
    moment_loss,
    moments,
    standardise,
    standardised_content_loss,
    total_variation,
    variation,
)
from styler.regions import weights_at
from styler.tiles import Function, Sums, Terms, Tile, add, cut, differentiate, reach
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

Style = Mapping[str, Moments]


def style_statistics(
    network: VGG19,
    image: Tensor,
    layers: Sequence[str] = STYLE_LAYERS,
    mask: Tensor | None = None,
    side: int | None = None,
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
    side : int, optional
        Of the tiles that are looked at one by one, in px; by default the whole at once.

    Returns
    -------
    dict of str to Moments
    """
    image = image.to(network.device)
    weights = {layer: within_rim(layer, image, mask) for layer in (PIXELS, *layers)}

    def measure(tile: Tile) -> dict[str, Moments]:
        features = {PIXELS: tile.seen(image), **network(tile.seen(image), layers)}
        return {layer: own_moments(maps, layer, tile, weights[layer]) for layer, maps in features.items()}

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
    share: float,
    content: bool,
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
        From `style_statistics`, for the layers to match: one, or one a region, None where the photo stays.
    share : float in [0, 1]
        The style's, from `balance`: 0 keeps the photo, 1 forgets it.
    content : bool
        Whether to hold the picture to the photo's content.
    masks : Tensor of shape (regions, 1, height, width), optional
        The regions, adding up to 1 at each pixel.
    side : int, optional
        Of the tiles that are looked at one by one, in px; by default the whole at once.

    Returns
    -------
    callable
        Takes pixels of the photo's shape; gives the loss, its gradient, and the weighted losses by term and layer.
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
    tiles = tiles_of(photo, side, layers)
    if content:
        P = standardise(content_features(network, photo, tiles))
        # A face stands out from the average more than a sky does: hold the one, leave the other to the painter.
        salience = P.square().sum(1, keepdim=True).square()
        salience = salience / salience.mean()

    def measure(pixels: Tensor, tile: Tile) -> Sums:
        """What a tile's own positions add to the sums that the losses are made of."""
        if painted is not None:
            pixels = torch.lerp(tile.seen(photo), pixels, tile.seen(painted))
        features = {PIXELS: pixels, **network(pixels, layers)}
        sums: Sums = {}
        for i, (style, w, _) in enumerate(regions):
            sums |= {(i, layer): own_moments(features[layer], layer, tile, w[layer]) for layer in style}
        if content:
            k = halvings(CONTENT_LAYER)
            sums["content"] = likeness(tile.own(features[CONTENT_LAYER], k), tile.share(P, k), tile.share(salience, k))
        sums["total variation"] = variation(*tile.and_next(pixels))
        return sums

    def judge(sums: Sums) -> Terms:
        """The weighted losses, from the sums over the picture."""
        per_layer = 2 * share / len(STYLE_LAYERS)
        losses: Terms = {"style": {}}
        for i, (style, _, area) in enumerate(regions):
            for layer, A in style.items():
                loss = per_layer * area * moment_loss(sums[i, layer], A)
                losses["style"][layer] = losses["style"][layer] + loss if layer in losses["style"] else loss
        if content:
            held = standardised_content_loss(sums["content"])
            losses["content"] = {CONTENT_LAYER: 2 * (1 - share) * CONTENT_WEIGHT * held}
        losses["total variation"] = {"pixels": 2 * share * TV_WEIGHT * total_variation(sums["total variation"])}
        return losses

    return differentiate(measure, judge, tiles)


def content_features(network: VGG19, photo: Tensor, tiles: Sequence[Tile]) -> Tensor:
    """The photo's maps of the content layer, put together from tiles."""
    k = halvings(CONTENT_LAYER)
    with torch.no_grad():
        rows: dict[int, list[Tensor]] = {}
        for tile in tiles:
            maps = network(tile.seen(photo), [CONTENT_LAYER])[CONTENT_LAYER]
            rows.setdefault(tile.rows.start, []).append(tile.own(maps, k))
        return torch.cat([torch.cat(row, -1) for row in rows.values()], -2)


def balance(strength: float) -> float:
    """The style's share at a strength: the strength itself up to the middle, more beyond, 1 at 1.

    The last of the content's weight holds more of it than all that went before, so the walk from a half to all
    painting would end in a leap. Where content counts as much as style or more, the way is even as it is. By five pairs
    of a photo and a painting; the benchmarks' notes have the figures.
    """
    return strength + max(0.0, strength - 0.5) * (1 - strength)


def painted_part(styles: Sequence[Style | None], masks: Tensor | None) -> Tensor | None:
    """How much of each pixel has a style, of shape (1, 1, height, width); None if all of all have."""
    if masks is None or all(styles):
        return None
    return torch.stack([mask for style, mask in zip(styles, masks, strict=True) if style]).sum(0, keepdim=True)


def shape_at(layer: str, image: Tensor) -> tuple[int, int]:
    """Height and width of a layer's maps."""
    return image.shape[-2] >> halvings(layer), image.shape[-1] >> halvings(layer)


def halvings(layer: str) -> int:
    """How often VGG-19 has halved its maps at a layer."""
    return 0 if layer == PIXELS else int(layer[4]) - 1


def with_margin(image: Tensor) -> Tensor:
    """An image with `MARGIN` px of its own reflection on each side, of however few pixels."""
    for dim in (-2, -1):
        mirrored = np.pad(np.arange(image.shape[dim]), MARGIN, mode="reflect")
        image = image.index_select(dim, torch.from_numpy(mirrored).to(image.device))
    return image


def without_margin(image: Tensor) -> Tensor:
    """The middle of an image, as it was before `with_margin`."""
    return image[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
