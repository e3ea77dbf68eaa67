"""Tiles: the loss of a picture of any size and its gradient, exactly, in the memory of a piece of it.

A loss that sees a picture only through sums over its positions needs no more of it at once than one tile: a first pass
adds up the sums, the loss of the sums tells how much it would change with each of them, and a second pass sends that
back to the pixels. Of the maps of a tile only those count that see no border which the picture has not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from styler.vgg import up_to

# VGG-19 halves its maps four times: tiles that begin at a multiple of 16 px have them in step with the whole's.
GRID = 16

Sums = dict[Any, Any]  # named tuples of tensors, each a sum over positions
Terms = dict[str, dict[str, Tensor]]
Losses = dict[str, dict[str, float]]


class Function(Protocol):
    """Of pixels: the loss, its gradient, and the losses that it is the sum of.

    With `slope` false only the loss is wanted, and the gradient is left at 0.
    """

    def __call__(self, pixels: Tensor, slope: bool = True) -> tuple[Tensor, Tensor, Terms]: ...


class Span(NamedTuple):
    """What a tile owns of a side, from start to stop, and what it sees, from first to last; in px."""

    start: int
    stop: int
    first: int
    last: int


class Tile(NamedTuple):
    """A rectangle of a picture, with enough around it for the maps of its own positions to be the picture's."""

    rows: Span
    columns: Span

    def seen(self, image: Tensor) -> Tensor:
        """What the tile sees of a picture, a view."""
        return image[..., self.rows.first : self.rows.last, self.columns.first : self.columns.last]

    def own(self, maps: Tensor, halvings: int = 0) -> Tensor:
        """The tile's own part of maps of what it sees."""
        if all((span.start, span.stop) == (span.first, span.last) for span in self):
            return maps  # or autograd would lay out the gradient anew
        (top, bottom), (left, right) = (
            ((span.start - span.first) >> halvings, (span.stop - span.first) >> halvings) for span in self
        )
        # Channels last while it is cut, as the network's maps lie in memory, and so the gradient too.
        return maps.movedim(-3, -1)[..., top:bottom, left:right, :].movedim(-1, -3)

    def share(self, maps: Tensor, halvings: int = 0) -> Tensor:
        """The tile's own part of maps of the whole picture."""
        (top, bottom), (left, right) = ((span.start >> halvings, span.stop >> halvings) for span in self)
        return maps[..., top:bottom, left:right]

    def and_next(self, image: Tensor) -> tuple[Tensor, int, int]:
        """The tile's own part of what it sees, with the next row and column, where it sees them: 1, else 0."""
        below, right = (int(span.last > span.stop) for span in self)
        top, left = (span.start - span.first for span in self)
        bottom, end = (span.stop - span.first for span in self)
        return image[..., top : bottom + below, left : end + right], below, right


def cut(shape: tuple[int, int], side: int | None, halo: int) -> list[Tile]:
    """Tiles that own each pixel of a picture once.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the picture.
    side : int or None
        Of what a tile owns, at most, in px, a multiple of `GRID`; None for one tile of all.
    halo : int
        How far a tile sees beyond, where the picture goes on; a multiple of `GRID`, as `reach` is.
    """

    def spans(length: int) -> Iterator[Span]:
        step = side or length
        for start in range(0, length, step):
            yield Span(start, min(start + step, length), max(0, start - halo), min(start + step + halo, length))

    return [Tile(down, across) for down in spans(shape[0]) for across in spans(shape[1])]


def reach(layers: Iterable[str]) -> int:
    """How many px beyond its own square a position of the deepest layer sees, rounded up to `GRID`."""
    stride, seen = 1, 0
    for name in up_to(layers):
        seen += stride * name.startswith("conv")
        stride *= 1 + name.startswith("pool")
    return -(-seen // GRID) * GRID


def tiles_of(image: Tensor, side: int | None, layers: Iterable[str]) -> list[Tile]:
    """The tiles of an image in which some layers are seen whole."""
    return cut((image.shape[-2], image.shape[-1]), side, reach(layers))


def put_together(tiles: Iterable[Tile], make: Callable[[Tile], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Maps of a whole from what is made of each tile's own part."""
    rows: dict[str, dict[int, list[Tensor]]] = {}
    for tile in tiles:
        for layer, maps in make(tile).items():
            rows.setdefault(layer, {}).setdefault(tile.rows.start, []).append(maps)
    return {layer: torch.cat([torch.cat(row, -1) for row in parts.values()], -2) for layer, parts in rows.items()}


def add(parts: Iterable[Sums]) -> Sums:
    """The sums of a whole from those of its parts."""
    whole: Sums = {}
    for part in parts:
        for key, sums in part.items():
            whole[key] = type(sums)(*(a + b for a, b in zip(whole[key], sums, strict=True))) if key in whole else sums
    return whole


def differentiate(
    measure: Callable[[Tensor, Tile], Sums], judge: Callable[[Sums], Terms], tiles: Sequence[Tile]
) -> Function:
    """From losses of sums, a function of pixels that gives the losses' sum, its gradient, and each of them.

    Parameters
    ----------
    measure : callable
        Takes what a tile sees of the pixels, and the tile; gives the sums over its own positions.
    judge : callable
        Takes the sums over the picture; gives the losses by term and layer.
    tiles : sequence of Tile
        One tile costs what one pass costs; several cost a second pass forward, and what they see in common.
    """

    @torch.enable_grad()  # whoever paints may have turned gradients off
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
        pulls = torch.autograd.grad(total(terms), flat(leaves), allow_unused=True)
        gradient = torch.zeros_like(pixels)
        for tile in tiles:
            x = tile.seen(pixels).detach().requires_grad_()
            pairs = zip(flat(measure(x, tile)), pulls, strict=True)
            pulled = [(s * pull).sum() for s, pull in pairs if pull is not None and s.requires_grad]
            tile.seen(gradient).add_(*torch.autograd.grad(torch.stack(pulled).sum(), x))
        return total(terms).detach(), gradient, detached(terms)

    return function


def flat(sums: Sums) -> list[Tensor]:
    """All tensors of some sums, in order."""
    return [t for s in sums.values() for t in s]


def total(terms: Terms) -> Tensor:
    """The sum of all losses."""
    return torch.stack([loss for term in terms.values() for loss in term.values()]).sum()


def detached(terms: Terms) -> Terms:
    """The losses without the way they came about."""
    return {term: {layer: loss.detach() for layer, loss in losses.items()} for term, losses in terms.items()}


def numbers(terms: Terms) -> Losses:
    """Each loss as a number; waits once for the device."""
    flat = [loss for losses in terms.values() for loss in losses.values()]
    found = iter(torch.stack(flat).tolist() if flat else ())
    return {term: {layer: next(found) for layer in losses} for term, losses in terms.items()}
