"""What is learnt from paintings at the size of one scale: their statistics, and what their places look like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from styler.colors import Palette, palette
from styler.hypercolumns import PLACE, Bank, bank, hypercolumns
from styler.images import resize
from styler.losses import Moments, blend, moments, widened
from styler.memory import LOOK, tile_side
from styler.recipe import PIXELS, STYLE_LAYERS, Recipe, halvings
from styler.regions import weights_at
from styler.tiles import Tile, add, put_together, reach, tiles_of
from styler.vgg import VGG19

# Width in px of a painting's rim that is left out. At a border VGG's features do not describe the picture; frames and
# torn paper show there, too.
RIM = 8
# The most pixels that are kept of all paintings of a style together, in less than 8 MB.
MOST_PIXELS = 1_900_000
PALETTE_SIZE = 256  # px; the size at which a painting's colours are measured
COARSEST = 128  # px; the size of the coarsest scale
# What was learnt for the LATEST scales is kept for the next photo, if it was learnt from up to REMEMBERED pixels: from
# one painting at 512 px, for example. With the two scales before it, that takes about 50 MB. Nothing is kept unless
# there is PLENTY of memory, in bytes, to paint in.
REMEMBERED, LATEST, PLENTY = 512**2, 6, 2e9


@dataclass(frozen=True, eq=False)
class Painting:
    """A painting to learn from, no larger than the largest scale needs. Equal paintings have equal pixels.

    Attributes
    ----------
    pixels : Tensor of shape (1, 3, height, width)
        RGB, uint8.
    share : float
        Share of the style, above 0.
    mask : Tensor of shape (1, 1, height, width) or None
        The part of the painting that counts, uint8; None for all of it.
    """

    pixels: Tensor
    share: float
    mask: Tensor | None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Painting) and self.content == other.content

    def __hash__(self) -> int:
        return hash(self.content)

    @property
    def content(self) -> tuple[Any, ...]:
        """What makes two paintings equal."""
        images = (self.pixels, self.mask)
        return self.share, *(None if t is None else (t.shape, t.numpy().tobytes()) for t in images)

    def seen_at(self, size: int, nearness: float) -> tuple[Tensor, Tensor | None]:
        """The painting and its mask in [0, 1], resized by the function `seen_at`."""
        image = seen_at(self.pixels / 255, size, nearness)
        return image, None if self.mask is None else resize(self.mask / 255, (image.shape[-2], image.shape[-1]))


class Style(NamedTuple):
    """What a scale needs to know about a style.

    Attributes
    ----------
    moments : dict of str to Moments
        The moments of each layer, including `PIXELS`.
    bank : Bank or None
        What the places look like; None if nothing is matched.
    """

    moments: dict[str, Moments]
    bank: Bank | None


def kept(image: Tensor, share: float, mask: Tensor | None, size: int, nearness: float, most: float) -> Painting:
    """Resize a painting to the size at which it is kept: as large as the largest scale needs, up to `most` pixels.

    Parameters
    ----------
    image : Tensor of shape (1, 3, height, width)
        RGB in [0, 1].
    share : float
    mask : Tensor of shape (1, 1, height, width), optional
    size : int
        Longest side in px of the largest scale.
    nearness : float
    most : float
        The largest number of pixels.
    """
    height, width = image.shape[-2:]
    ratio = min(1.0, shrinking(image, size) * max(1.0, nearness), (most / (height * width)) ** 0.5)
    shape = max(1, round(height * ratio)), max(1, round(width * ratio))
    pixels, part = (None if t is None else (255 * resize(t, shape)).round().to(torch.uint8) for t in (image, mask))
    assert pixels is not None
    return Painting(pixels, share, part)


def shrinking(painting: Tensor, size: int) -> float:
    """The factor that scales a painting to the area of a 4:3 picture whose longest side is `size`."""
    return size * (0.75 / (painting.shape[-2] * painting.shape[-1])) ** 0.5


def seen_at(painting: Tensor, size: int, nearness: float = 1.0) -> Tensor:
    """Resize a painting to the area of a 4:3 picture with a longest side of `size`; `nearness` multiplies its sides.

    The equal area keeps a painting's shape from changing the size of its strokes. Only `nearness` enlarges a painting:
    detail that it does not show can't be learnt from it.
    """
    height, width = painting.shape[-2:]
    ratio = min(1.0, shrinking(painting, size)) * nearness
    # VGG halves four times; below 16 px nothing is left of a side.
    ratio = max(ratio, 16 / min(height, width))
    return resize(painting, (round(height * ratio), round(width * ratio)))


def learn(
    network: VGG19, paintings: Sequence[Painting], size: int, recipe: Recipe, nearness: float, memory: float
) -> Style:
    """Learn from some paintings what a scale needs to know, or remember it.

    Parameters
    ----------
    network : VGG19
    paintings : sequence of Painting
    size : int
        Longest side of the scale in px.
    recipe : Recipe
    nearness : float
        How near the paintings are seen: 2 doubles their strokes.
    memory : float
        Memory to use, in bytes.
    """
    what = network, tuple(paintings), size, tuple(recipe.style), recipe.neighbors, nearness
    small = len(paintings) * (size * nearness) ** 2 <= REMEMBERED
    return remembered(*what) if small and memory >= PLENTY else learnt(*what, memory)


def learnt(
    network: VGG19,
    paintings: Sequence[Painting],
    size: int,
    layers: Iterable[str],
    place_layers: Sequence[str],
    nearness: float,
    memory: float = PLENTY,
) -> Style:
    """As `learn`, of the moments of some layers and the hypercolumns of others."""
    statistics, places, usable = [], [], []
    for painting in paintings:
        image, mask = painting.seen_at(size, nearness)
        shape, look = (image.shape[-2], image.shape[-1]), LOOK * network.dtype.itemsize
        seen = [layer for layer in (*layers, *place_layers) if layer != PIXELS]
        side = tile_side(shape, memory, look, reach(seen))
        sums, columns = look_at(network, image, layers, place_layers, mask, side)
        weights = within_rim(PLACE, image, mask)
        statistics.append(sums)
        places.append(columns)
        usable.append((weights > 0.5 * weights.max()).to(network.device))
    shares = [painting.share for painting in paintings]
    blended = {layer: blend([sums[layer] for sums in statistics], shares) for layer in statistics[0]}
    return Style(blended, bank(places, usable, shares) if place_layers else None)


remembered = lru_cache(LATEST)(learnt)


def is_seen(painting: Painting) -> bool:
    """Whether a painting's mask leaves, at every layer, something that is not at the rim."""
    image, mask = painting.seen_at(COARSEST, 1.0)
    return all(bool(within_rim(halved, image, mask).sum() > 0) for halved in range(5))


def is_flat(paintings: Sequence[Painting]) -> bool:
    """Whether some paintings together have a single colour."""
    seen = [painting.seen_at(PALETTE_SIZE, 1.0) for painting in paintings]
    sums = [moments(image, within_rim(0, image, mask)) for image, mask in seen]
    return blend(sums, [painting.share for painting in paintings]).is_flat


def statistics(
    network: VGG19, paintings: Sequence[Painting], layers: Iterable[str], size: int, nearness: float
) -> dict[str, Moments]:
    """The moments of some paintings as they are seen at a size, blended by their shares."""
    seen = [painting.seen_at(size, nearness) for painting in paintings]
    sums = [style_statistics(network, image, layers, mask) for image, mask in seen]
    shares = [painting.share for painting in paintings]
    return {layer: blend([one[layer] for one in sums], shares) for layer in sums[0]}


def colours(paintings: Sequence[Painting], device: torch.device) -> Palette:
    """The colours of some paintings, weighted by their shares."""
    images, weights = [], []
    for painting in paintings:
        image, mask = painting.seen_at(PALETTE_SIZE, 1.0)
        inside = within_rim(0, image, mask)
        images.append(image.to(device))
        weights.append((painting.share * inside / inside.sum()).to(device))
    return palette(images, weights)


def style_statistics(
    network: VGG19, image: Tensor, layers: Iterable[str] = STYLE_LAYERS, mask: Tensor | None = None
) -> dict[str, Moments]:
    """The moments of each layer over an image, as `look_at` measures them."""
    return look_at(network, image, layers, (), mask)[0]


def look_at(
    network: VGG19,
    image: Tensor,
    layers: Iterable[str],
    place_layers: Iterable[str] = (),
    mask: Tensor | None = None,
    side: int | None = None,
) -> tuple[dict[str, Moments], dict[str, Tensor]]:
    """Measure a painting: the moments of some layers, without the rim, and the hypercolumns of others.

    Parameters
    ----------
    network : VGG19
    image : Tensor of shape (1, 3, height, width)
        RGB in [0, 1].
    layers : iterable of str
        Layers to take moments of. The picture itself, `PIXELS`, is always added.
    place_layers : iterable of str, optional
        Layers of the hypercolumns.
    mask : Tensor of shape (1, 1, height, width), optional
        The part of the painting whose moments to take.
    side : int, optional
        Side in px of the tiles, which are evaluated one by one; by default the whole at once.

    Returns
    -------
    dict of str to Moments
    dict of str to Tensor of shape (1, channels, rows, columns)
    """
    image = image.to(network.device)
    layers, place_layers = dict.fromkeys((PIXELS, *layers)), tuple(place_layers)
    seen = [layer for layer in (*layers, *place_layers) if layer != PIXELS]
    weights = {layer: within_rim(halvings(layer), image, mask).to(image) for layer in layers}
    sums: list[dict[str, Moments]] = []

    def columns(tile: Tile) -> dict[str, Tensor]:
        features = {PIXELS: tile.seen(image), **network(tile.seen(image), seen)}
        # Done only once, so in float32 at least: sums rounded to bfloat16 would show a spread where there is none.
        sums.append({layer: own_moments(widened(features[layer]), layer, tile, weights[layer]) for layer in layers})
        return {layer: tile.own(maps, PLACE) for layer, maps in hypercolumns(features, place_layers).items()}

    with torch.no_grad():
        whole = put_together(tiles_of(image, side, seen), columns)
    return add(sums), whole


def within_rim(halved: int, image: Tensor, mask: Tensor | None) -> Tensor:
    """Weights (height, width) of positions in maps halved `halved` times: 0 at the rim, else 1 or the mask's."""
    height, width = (side >> halved for side in image.shape[-2:])
    rim = min(-(-RIM * width // image.shape[-1]), (min(height, width) - 1) // 2)
    inside = F.pad(torch.ones(height - 2 * rim, width - 2 * rim), (rim, rim, rim, rim))
    return inside if mask is None else inside * weights_at(mask, (height, width))


def own_moments(maps: Tensor, layer: str, tile: Tile, weights: Tensor | None) -> Moments:
    """The moments of a tile's own positions."""
    k = halvings(layer)
    return moments(tile.own(maps, k), None if weights is None else tile.share(weights, k))
