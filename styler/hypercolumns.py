"""Hypercolumns, which say what each place of an image looks like in all layers at once, and banks of them.

A place is a square of 4 px. Its hypercolumn stacks the features of all layers there (B. Hariharan et al., "Hypercolumns
for object segmentation and fine-grained localization", 2015).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from styler.losses import FLAT, widened
from styler.recipe import halvings

# A place is a square of 2**PLACE px.
PLACE = 2
EPS = 1e-6  # keeps lengths above 0: an exactly average place has a length of 0
Grid = tuple[int, int]


class Bank(NamedTuple):
    """What the places of some paintings look like.

    Attributes
    ----------
    columns : mapping of str to Tensor of shape (places, channels)
        Each layer's part of the hypercolumns, minus `mean` and divided by `spread`. The places are listed painting by
        painting, row by row.
    mean : mapping of str to Tensor of shape (channels,)
    spread : mapping of str to Tensor of shape ()
        Root mean square length of a layer's part of a hypercolumn, minus the mean. Division by it makes all layers
        count alike.
    length : Tensor of shape (places,)
        Length of the whole hypercolumn.
    usable : Tensor of shape (places,)
        Whether a place may be matched: it must be in the mask and not at the painting's rim.
    grids : tuple of (int, int)
        Rows and columns of each painting.
    shares : tuple of float
        Share of the picture's places that each painting is to get.
    """

    columns: Mapping[str, Tensor]
    mean: Mapping[str, Tensor]
    spread: Mapping[str, Tensor]
    length: Tensor
    usable: Tensor
    grids: tuple[Grid, ...]
    shares: tuple[float, ...]


def hypercolumns(features: Mapping[str, Tensor], layers: Iterable[str]) -> dict[str, Tensor]:
    """Bring a network's maps to one grid of places: finer maps are averaged, coarser maps repeated.

    Parameters
    ----------
    features : mapping of str to Tensor of shape (1, channels, height, width)
        Maps of the same image.
    layers : iterable of str

    Returns
    -------
    dict of str to Tensor of shape (1, channels, rows, columns)
        A column over all layers is a place's hypercolumn (Hariharan et al. 2015).
    """
    grids = [tuple(side << halvings(k) >> PLACE for side in f.shape[-2:]) for k, f in features.items()]
    rows, columns = map(max, zip(*grids, strict=True))
    return {layer: by_grid(features[layer], layer, (rows, columns)) for layer in layers}


def by_grid(maps: Tensor, layer: str, grid: Grid) -> Tensor:
    """Bring a layer's maps to a grid of places (rows, columns); they are then its part of the hypercolumns."""
    k = halvings(layer) - PLACE
    if k < 0:
        return F.avg_pool2d(maps, 1 << -k)
    if k == 0:
        return maps
    # Halving drops the last of an odd number of rows or columns, so the last one left is repeated to fill the grid.
    maps = maps.repeat_interleave(1 << k, -2).repeat_interleave(1 << k, -1)
    below, right = (max(0, grid[i] - maps.shape[i - 2]) for i in (0, 1))
    return F.pad(maps, (0, right, 0, below), "replicate") if below or right else maps


def bank(paintings: Sequence[Mapping[str, Tensor]], usable: Sequence[Tensor], shares: Sequence[float]) -> Bank | None:
    """Collect the hypercolumns of some paintings in a bank.

    Parameters
    ----------
    paintings : sequence of mapping of str to Tensor of shape (1, channels, rows, columns)
        The hypercolumns of each.
    usable : sequence of Tensor of shape (rows, columns)
        Which places may be matched: at least one place over all paintings.
    shares : sequence of float
        How much of a picture each painting is to get, above 0; scaled to a sum of one.

    Returns
    -------
    Bank or None
        Layers in which all places are the same are left out; None if there are no others.
    """
    grids = tuple((u.shape[-2], u.shape[-1]) for u in usable)
    inside = torch.cat([u.flatten() for u in usable])
    columns, means, spreads = {}, {}, {}
    for layer in paintings[0]:
        whole = torch.cat([by_place(maps[layer]) for maps in paintings])
        exact = widened(whole[inside])
        mean, square = exact.mean(0), exact.square().sum(1).mean()
        variance = (exact - mean).square().sum(1).mean()
        if variance > FLAT * square:
            means[layer], spreads[layer] = mean, variance.sqrt()
            columns[layer] = ((widened(whole) - mean) / spreads[layer]).to(whole.dtype)
    if not columns:
        return None
    length = torch.stack([widened(c).square().sum(1) for c in columns.values()]).sum(0).sqrt()
    return Bank(columns, means, spreads, length, inside, grids, tuple(share / sum(shares) for share in shares))


def by_place(maps: Tensor) -> Tensor:
    """Maps of shape (1, channels, rows, columns) as (places, channels)."""
    return maps.movedim(1, -1).flatten(0, 2)


def unit_columns(columns: Mapping[str, Tensor], bank: Bank) -> Tensor:
    """A picture's hypercolumns, minus their own mean, as unit vectors of shape (places, all channels)."""
    whole = torch.cat([about_mean(columns, bank, layer) for layer in bank.columns], 1)
    return F.normalize(whole - whole.mean(0), dim=1)


def about_mean(columns: Mapping[str, Tensor], bank: Bank, layer: str) -> Tensor:
    """A layer's part of a picture's hypercolumns, minus the bank's mean and divided by its spread.

    It has the shape (places, channels).
    """
    return (widened(by_place(columns[layer])) - bank.mean[layer]) / bank.spread[layer]


def unit_places(bank: Bank, places: Tensor) -> Tensor:
    """Some of a bank's hypercolumns as unit vectors, of shape (places, all channels)."""
    whole = torch.cat([widened(c[places]) for c in bank.columns.values()], 1)
    return whole / bank.length[places, None].clamp_min(EPS)


def by_painting(bank: Bank) -> Iterator[Tensor]:
    """Yield the places of each painting in a bank."""
    for first, (rows, columns) in zip(offsets(bank.grids), bank.grids, strict=True):
        yield torch.arange(first, first + rows * columns, device=bank.length.device)


def offsets(grids: Iterable[Grid]) -> list[int]:
    """Where in a bank the places of each painting begin."""
    starts = [0]
    for rows, columns in grids:
        starts.append(starts[-1] + rows * columns)
    return starts[:-1]


def grid_of(columns: Mapping[str, Tensor]) -> Grid:
    """Rows and columns of hypercolumns."""
    maps = next(iter(columns.values()))
    return maps.shape[-2], maps.shape[-1]
