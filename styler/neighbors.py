"""Local matching: which of a painting's places suit each place of a picture, and how far the picture is from them.

Statistics say *which* strokes a painting has. A match says *where* they go: each place of the picture, a square of
4 px, is held to the one place of the painting that is most like it.

N. Kolkin, M. Kucera, S. Paris, D. Sykora, E. Shechtman and G. Shakhnarovich, "Neural neighbor style transfer" (2022).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from styler.losses import FLAT, widened
from styler.recipe import halvings

# A place is a square of 2**PLACE px.
PLACE = 2
# Places of the picture whose similarity to a place of the painting tells how much of a hub it is.
MOST_ALIKE = 10
# How far from where the coarser match says a finer one looks, in places.
AROUND = 2
# Similarities that are held at once.
BLOCK = 1 << 23
# How sharply paintings share the places of a picture, in units of similarity, and how often their shares are mended.
SHARPNESS, MENDED = 0.02, 100

EPS = 1e-6  # of a squared length: a place that is just average has none

Grid = tuple[int, int]


class Bank(NamedTuple):
    """What the places of some paintings look like.

    Attributes
    ----------
    columns : mapping of str to Tensor of shape (places, channels)
        By layer, about `mean` and in units of `spread`; those of one painting after another, row by row.
    mean : mapping of str to Tensor of shape (channels,)
    spread : mapping of str to Tensor of shape ()
        Root mean square length of a layer's part of a hypercolumn about the mean, so that all layers count alike.
    length : Tensor of shape (places,)
        Of the whole hypercolumn.
    usable : Tensor of shape (places,)
        Whether a place may be matched: it is in the mask, and not at the painting's rim.
    grids : tuple of (int, int)
        Rows and columns of each painting.
    shares : tuple of float
        Of the picture's places that each painting is to have.
    """

    columns: Mapping[str, Tensor]
    mean: Mapping[str, Tensor]
    spread: Mapping[str, Tensor]
    length: Tensor
    usable: Tensor
    grids: tuple[Grid, ...]
    shares: tuple[float, ...]


class Match(NamedTuple):
    """Where in a bank each place of a picture has its target.

    Attributes
    ----------
    targets : Tensor of shape (rows, columns)
        Their places in the bank.
    grids : tuple of (int, int)
        The bank's.
    """

    targets: Tensor
    grids: tuple[Grid, ...]

    def to(self, device: torch.device) -> Match:
        """The same on a device."""
        return Match(self.targets.to(device), self.grids)


class Where(NamedTuple):
    """Where places of a picture are expected to belong: number of the painting, row and column there."""

    painting: Tensor
    row: Tensor
    column: Tensor


class Nearness(NamedTuple):
    """Sums over places k, of w_k (1 - cos(x_k, t_k)) and of w_k; x_k is the picture's hypercolumn, t_k its target."""

    missed: Tensor
    weight: Tensor


def hypercolumns(features: Mapping[str, Tensor], layers: Iterable[str]) -> dict[str, Tensor]:
    """A network's maps on the one grid of places: finer ones averaged, coarser ones repeated.

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
    """A layer's maps on a grid of places (rows, columns): its part of the hypercolumns."""
    k = halvings(layer) - PLACE
    if k < 0:
        return F.avg_pool2d(maps, 1 << -k)
    if k == 0:
        return maps
    # Halving cuts off what is odd: the last row and column are repeated once more.
    maps = maps.repeat_interleave(1 << k, -2).repeat_interleave(1 << k, -1)
    below, right = (max(0, grid[i] - maps.shape[i - 2]) for i in (0, 1))
    return F.pad(maps, (0, right, 0, below), "replicate") if below or right else maps


def bank(paintings: Sequence[Mapping[str, Tensor]], usable: Sequence[Tensor], shares: Sequence[float]) -> Bank | None:
    """Put together what the places of some paintings look like.

    Parameters
    ----------
    paintings : sequence of mapping of str to Tensor of shape (1, channels, rows, columns)
        The hypercolumns of each.
    usable : sequence of Tensor of shape (rows, columns)
        Which places may be matched, some of all.
    shares : sequence of float
        How much of a picture each is to have, above 0; scaled to a sum of one.

    Returns
    -------
    Bank or None
        Without layers in which all places are the same; None if there is no other.
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
    """A picture's hypercolumns as unit vectors about their own mean, of shape (places, all channels)."""
    whole = torch.cat([about_mean(columns, bank, layer) for layer in bank.columns], 1)
    return F.normalize(whole - whole.mean(0), dim=1)


def about_mean(columns: Mapping[str, Tensor], bank: Bank, layer: str) -> Tensor:
    """A picture's part of a layer, of shape (places, channels), measured as the bank's is."""
    return (widened(by_place(columns[layer])) - bank.mean[layer]) / bank.spread[layer]


def match(columns: Mapping[str, Tensor], bank: Bank) -> Match:
    """For each place of a picture the place of the paintings that suits it best.

    By cosine similarity, corrected for hubs: a few of the painting's places are like everything, would serve most of
    the picture, and skies would show one patch over and over. The correction is one side of CSLS (A. Conneau et al.,
    "Word translation without parallel data", 2018, section 2.3). Several paintings share the picture, each having the
    places that it suits better than the others do.

    Parameters
    ----------
    columns : mapping of str to Tensor of shape (1, channels, rows, columns)
        The picture's hypercolumns.
    bank : Bank

    Returns
    -------
    Match
    """
    Q = unit_columns(columns, bank)
    best = Q.new_full((len(Q), len(bank.grids)), -math.inf)
    found = torch.zeros_like(best, dtype=torch.long)
    for p, places in enumerate(by_painting(bank)):
        for block in places[bank.usable[places]].split(max(1, BLOCK // len(Q))):
            S = Q @ unit_places(bank, block).T
            hub = S.topk(min(MOST_ALIKE, len(Q)), dim=0).values.mean(0)
            score, at = (2 * S - hub).max(1)
            better = score > best[:, p]
            best[:, p] = torch.where(better, score, best[:, p])
            found[:, p] = torch.where(better, block[at], found[:, p])
    chosen = found.gather(1, shared_out(best, bank.shares)[:, None])[:, 0]
    return Match(chosen.view(grid_of(columns)), bank.grids)


def match_around(columns: Mapping[str, Tensor], bank: Bank, where: Where) -> Tensor:
    """For each place of a picture, or of a tile of it, the most similar one near where it is expected.

    So neighbours in the picture stay neighbours in the painting, and strokes are whole strokes.

    Parameters
    ----------
    columns : mapping of str to Tensor of shape (1, channels, rows, columns)
        The picture's hypercolumns.
    bank : Bank
    where : Where
        From `followed`.

    Returns
    -------
    Tensor of shape (rows, columns)
        Places of the bank.
    """
    painting, row, column = (t.flatten() for t in where)
    rows, cols = (torch.tensor(side, device=row.device)[painting] for side in zip(*bank.grids, strict=True))
    first = torch.tensor(offsets(bank.grids), device=row.device)[painting]
    x = {layer: about_mean(columns, bank, layer) for layer in bank.columns}
    found = first + row.clamp_min(0).minimum(rows - 1) * cols + column.clamp_min(0).minimum(cols - 1)
    best = torch.full_like(bank.length[found], -math.inf)
    for down in range(-AROUND, AROUND + 1):
        for across in range(-AROUND, AROUND + 1):
            r, c = (row + down).clamp_min(0).minimum(rows - 1), (column + across).clamp_min(0).minimum(cols - 1)
            place = first + r * cols + c
            products = [torch.linalg.vecdot(x[k], bank.columns[k][place].to(x[k])) for k in x]
            score = torch.stack(products).sum(0) / bank.length[place].clamp_min(EPS)
            better = (score > best) & bank.usable[place]
            best, found = torch.where(better, score, best), torch.where(better, place, found)
    return found.view(where.row.shape)


def followed(coarser: Match, grids: Sequence[Grid], grid: Grid, margin: int) -> Where:
    """Where a coarser match leads on finer grids: positions within a coarser place are kept.

    Parameters
    ----------
    coarser : Match
    grids : sequence of (int, int)
        The paintings' rows and columns now.
    grid : (int, int)
        The picture's rows and columns now.
    margin : int
        Places on each side of the picture that are the same in number now and then.

    Returns
    -------
    Where
    """
    targets, device = coarser.targets, coarser.targets.device
    # Each place's middle, in places of the coarser picture: the nearest one, and how far from its middle.
    near, off = [], []
    for now, then in zip(grid, targets.shape, strict=True):
        step = max(1, then - 2 * margin) / max(1, now - 2 * margin)
        at = (torch.arange(now, device=device) + 0.5 - margin) * step + margin - 0.5
        near.append(at.round().clamp(0, then - 1).long())
        off.append(at - near[-1])
    place = targets[near[0]][:, near[1]]
    starts = torch.tensor(offsets(coarser.grids), device=device)
    painting = torch.searchsorted(starts, place, right=True) - 1
    width = torch.tensor([columns for _, columns in coarser.grids], device=device)[painting]
    local = place - starts[painting]
    where = []
    for start, moved, axis in ((local // width, off[0][:, None], 0), (local % width, off[1][None], 1)):
        growth = torch.tensor([n[axis] / w[axis] for n, w in zip(grids, coarser.grids, strict=True)], device=device)
        where.append(((start + moved + 0.5) * growth[painting] - 0.5).round().long())
    return Where(painting, *where)


def shared_out(scores: Tensor, shares: Sequence[float]) -> Tensor:
    """Give each place to a painting, so that paintings have their shares and each the places that suit it best.

    What is added to a painting's scores for that is found by Sinkhorn's iteration (M. Cuturi, "Sinkhorn distances",
    2013).

    Parameters
    ----------
    scores : Tensor of shape (places, paintings)
    shares : sequence of float
        Above 0, of a sum of one.

    Returns
    -------
    Tensor of shape (places,)
        The painting's number.
    """
    wanted, handicap = torch.tensor(shares).to(scores).log(), torch.zeros_like(scores[0])
    for _ in range(MENDED * (len(shares) > 1)):
        got = ((scores + handicap) / SHARPNESS).log_softmax(1).logsumexp(0) - math.log(len(scores))
        handicap = handicap + SHARPNESS * (wanted - got)
    return (scores + handicap).argmax(1)


def by_painting(bank: Bank) -> Iterator[Tensor]:
    """The places of each painting."""
    for first, (rows, columns) in zip(offsets(bank.grids), bank.grids, strict=True):
        yield torch.arange(first, first + rows * columns, device=bank.length.device)


def offsets(grids: Iterable[Grid]) -> list[int]:
    """Where in a bank the places of each painting begin."""
    starts = [0]
    for rows, columns in grids:
        starts.append(starts[-1] + rows * columns)
    return starts[:-1]


def unit_places(bank: Bank, places: Tensor) -> Tensor:
    """Some of a bank's hypercolumns as unit vectors, of shape (places, all channels)."""
    whole = torch.cat([widened(c[places]) for c in bank.columns.values()], 1)
    return whole / bank.length[places, None].clamp_min(EPS)


def grid_of(columns: Mapping[str, Tensor]) -> Grid:
    """Rows and columns of hypercolumns."""
    maps = next(iter(columns.values()))
    return maps.shape[-2], maps.shape[-1]


def agreement(maps: Tensor, layer: str, bank: Bank, targets: Tensor) -> tuple[Tensor, Tensor]:
    """A layer's share of each place's inner product with its target, and of its squared length.

    Parameters
    ----------
    maps : Tensor of shape (1, channels, rows, columns)
        The layer's part of the picture's hypercolumns.
    layer : str
    bank : Bank
    targets : Tensor of shape (rows, columns)
        The place in the bank for each place.

    Returns
    -------
    products, squares : Tensor of shape (places,)
    """
    products, squares = Agreement.apply(
        by_place(maps), bank.mean[layer], bank.spread[layer], bank.columns[layer], targets.flatten()
    )
    return products, squares


def nearness(
    agreements: Iterable[tuple[Tensor, Tensor]], bank: Bank, targets: Tensor, weights: Tensor | None = None
) -> Nearness:
    """Sums that tell how far a picture is from its targets.

    A layer's share of the cosine is summed by itself: no hypercolumn is ever put together.

    Parameters
    ----------
    agreements : iterable of (Tensor, Tensor)
        Of each of the bank's layers.
    bank : Bank
    targets : Tensor of shape (rows, columns)
        The place in the bank for each place.
    weights : Tensor of shape (rows, columns), optional
        How much each place counts; by default 1.
    """
    at = targets.flatten()
    products, squares = (torch.stack(part).sum(0) for part in zip(*agreements, strict=True))
    missed = 1 - products / ((squares + EPS).sqrt() * bank.length[at].clamp_min(EPS))
    w = torch.ones_like(missed) if weights is None else weights.flatten().to(missed)
    return Nearness((w * missed).sum(), w.sum())


class Agreement(torch.autograd.Function):
    """<x_k, t_k> and |x_k|^2 of one layer's part x = (f - mean) / spread of places k, with t_k their targets.

    Neither x nor the targets are kept: of autograd's own dozen passes over the maps four are left.
    """

    @staticmethod
    def forward(ctx: Any, f: Tensor, mean: Tensor, spread: Tensor, places: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(f, mean, spread, places, at)
        wide = widened(f)
        t = places[at].to(wide)
        product = (torch.linalg.vecdot(wide, t) - t @ mean) / spread
        square = torch.linalg.vector_norm(wide, dim=1).square() - 2 * (wide @ mean) + mean @ mean
        return product, square / spread.square()

    @staticmethod
    def backward(ctx: Any, product: Tensor, square: Tensor) -> tuple[Tensor, None, None, None, None]:
        f, mean, spread, places, at = ctx.saved_tensors
        twice = 2 * square / spread.square()
        wide = widened(f)
        df = places[at].to(wide).mul_((product / spread)[:, None])
        df.addcmul_(wide, twice[:, None]).addr_(twice, mean, alpha=-1)
        return df.to(f.dtype), None, None, None, None


def neighbor_loss(x: Nearness) -> Tensor:
    """Mean over places of one minus the cosine of a picture's hypercolumn and its target's (Kolkin et al. 2022)."""
    return x.missed / x.weight
