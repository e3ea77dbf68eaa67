"""Tiles: the exact loss and gradient of a picture of any size, in the memory that a piece of it takes.

If a loss depends on a picture only through sums over its positions, one tile at a time is enough. A first pass adds up
the sums of all tiles. The loss is then differentiated with respect to each sum. A second pass carries these derivatives
back to the pixels. Of a tile's feature maps only those positions count that do not see the tile's border, unless it is
also the picture's border.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from styler.vgg import up_to

# VGG-19 halves its maps four times. If a tile begins at a multiple of 16 px, its maps line up with the whole picture's.
GRID = 16

Sums = dict[Any, Any]  # named tuples of tensors, each a sum over positions
Terms = dict[str, dict[str, Tensor]]
Losses = dict[str, dict[str, float]]


class Function(Protocol):
    """A function of pixels that gives the loss, its gradient, and the losses of which it is the sum.

    If `slope` is false, the gradient is not computed, and is 0 everywhere.
    """

    def __call__(self, pixels: Tensor, slope: bool = True) -> tuple[Tensor, Tensor, Terms]: ...


class Span(NamedTuple):
    """One dimension of a tile in px: it owns pixels from `start` to `stop` and sees those from `first` to `last`."""

    start: int
    stop: int
    first: int
    last: int


class Tile(NamedTuple):
    """A rectangle of a picture, with enough around it that its own positions have the same maps as in the picture."""

    rows: Span
    columns: Span

    def seen(self, image: Tensor) -> Tensor:
        """The part of a picture that the tile sees, as a view."""
        return image[..., self.rows.first : self.rows.last, self.columns.first : self.columns.last]

    def own(self, maps: Tensor, halvings: int = 0) -> Tensor:
        """The tile's own part of feature maps that were computed from what the tile sees."""
        if all((span.start, span.stop) == (span.first, span.last) for span in self):
            return maps  # cutting them would make autograd copy the gradient to another memory layout
        (top, bottom), (left, right) = (
            ((span.start - span.first) >> halvings, (span.stop - span.first) >> halvings) for span in self
        )
        # Cut with the channels last, as the network's maps lie in memory; the gradient then has the same layout.
        return maps.movedim(-3, -1)[..., top:bottom, left:right, :].movedim(-1, -3)

    def share(self, maps: Tensor, halvings: int = 0) -> Tensor:
        """The tile's own part of feature maps of the whole picture."""
        (top, bottom), (left, right) = ((span.start >> halvings, span.stop >> halvings) for span in self)
        return maps[..., top:bottom, left:right]

    def and_next(self, image: Tensor) -> tuple[Tensor, int, int]:
        """The tile's own pixels, plus the next row and column if it sees them; for each of these, 1 if so, else 0."""
        below, right = (int(span.last > span.stop) for span in self)
        top, left = (span.start - span.first for span in self)
        bottom, end = (span.stop - span.first for span in self)
        return image[..., top : bottom + below, left : end + right], below, right


def cut(shape: tuple[int, int], side: int | None, halo: int) -> list[Tile]:
    """Cut a picture into tiles, so that each pixel belongs to one tile.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the picture.
    side : int or None
        Longest side in px of what a tile owns, a multiple of `GRID`; None for a single tile.
    halo : int
        How far in px a tile sees beyond what it owns, within the picture; a multiple of `GRID`, as `reach` gives.
    """

    def spans(length: int) -> Iterator[Span]:
        step = side or length
        for start in range(0, length, step):
            yield Span(start, min(start + step, length), max(0, start - halo), min(start + step + halo, length))

    return [Tile(down, across) for down in spans(shape[0]) for across in spans(shape[1])]


def reach(layers: Iterable[str]) -> int:
    """How many px beyond its own square a position of the deepest layer sees, rounded up to a multiple of `GRID`."""
    stride, seen = 1, 0
    for name in up_to(layers):
        seen += stride * name.startswith("conv")
        stride *= 1 + name.startswith("pool")
    return -(-seen // GRID) * GRID


def tiles_of(image: Tensor, side: int | None, layers: Iterable[str]) -> list[Tile]:
    """Cut an image into tiles that see enough around them for some layers; `side` is as in `cut`."""
    return cut((image.shape[-2], image.shape[-1]), side, reach(layers))


def put_together(tiles: Iterable[Tile], make: Callable[[Tile], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Maps of a whole picture, joined from the maps that `make` gives for each tile's own part."""
    rows: dict[str, dict[int, list[Tensor]]] = {}
    for tile in tiles:
        for layer, maps in make(tile).items():
            rows.setdefault(layer, {}).setdefault(tile.rows.start, []).append(maps)
    return {layer: torch.cat([torch.cat(row, -1) for row in parts.values()], -2) for layer, parts in rows.items()}


def add(parts: Iterable[Sums]) -> Sums:
    """The sums over a whole picture, added up from those over its parts."""
    whole: Sums = {}
    for part in parts:
        for key, sums in part.items():
            whole[key] = type(sums)(*(a + b for a, b in zip(whole[key], sums, strict=True))) if key in whole else sums
    return whole


def differentiate(
    measure: Callable[[Tensor, Tile], Sums], judge: Callable[[Sums], Terms], tiles: Sequence[Tile]
) -> Function:
    """From losses of sums, make a function of pixels that gives the total loss, its gradient, and each loss.

    Parameters
    ----------
    measure : callable
        Takes what a tile sees of the pixels, and the tile; gives the sums over its own positions.
    judge : callable
        Takes the sums over the picture; gives the losses by term and layer.
    tiles : sequence of Tile
        One tile costs one pass. Several cost a second forward pass, and what they see in common is computed more than
        once.
    """

    @torch.enable_grad()  # the caller may have turned gradients off
    def function(pixels: Tensor, slope: bool = True) -> tuple[Tensor, Tensor, Terms]:
        if not slope:
            with torch.no_grad():
                terms = judge(add(measure(tile.seen(pixels), tile) for tile in tiles))
            return total(terms), torch.zeros_like(pixels), terms
        if len(tiles) == 1:
            x = pixels.detach().requires_grad_()
            terms = judge(measure(x, tiles[0]))
            (gradient,) = torch.autograd.grad(total(terms), x)
            return total(terms).detach(), gradient, detached(terms)
        with torch.no_grad():
            sums = add(measure(tile.seen(pixels), tile) for tile in tiles)
        leaves = {key: type(s)(*(t.detach().requires_grad_() for t in s)) for key, s in sums.items()}
        terms = judge(leaves)
        derivatives = torch.autograd.grad(total(terms), flat(leaves), allow_unused=True)
        gradient = torch.zeros_like(pixels)
        for tile in tiles:
            x = tile.seen(pixels).detach().requires_grad_()
            pairs = zip(flat(measure(x, tile)), derivatives, strict=True)
            products = [(s * d).sum() for s, d in pairs if d is not None and s.requires_grad]
            tile.seen(gradient).add_(*torch.autograd.grad(torch.stack(products).sum(), x))
        return total(terms).detach(), gradient, detached(terms)

    return function


def flat(sums: Sums) -> list[Tensor]:
    """All tensors of some sums, in order."""
    return [t for s in sums.values() for t in s]


def total(terms: Terms) -> Tensor:
    """The sum of all losses."""
    return torch.stack([loss for term in terms.values() for loss in term.values()]).sum()


def detached(terms: Terms) -> Terms:
    """The losses without autograd's record of how they were computed."""
    return {term: {layer: loss.detach() for layer, loss in losses.items()} for term, losses in terms.items()}


def numbers(terms: Terms) -> Losses:
    """Each loss as a number; this waits once for the device."""
    flat = [loss for losses in terms.values() for loss in losses.values()]
    found = iter(torch.stack(flat).tolist() if flat else ())
    return {term: {layer: next(found) for layer in losses} for term, losses in terms.items()}
