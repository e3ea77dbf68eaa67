"""Which of a painting's places suits each place of a picture.

Statistics say *which* strokes a painting has. A match says *where* they go: each place of the picture is compared with
the one place of the painting that is most like it.

N. Kolkin, M. Kucera, S. Paris, D. Sykora, E. Shechtman and G. Shakhnarovich, "Neural neighbor style transfer" (2022).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from styler.hypercolumns import EPS, Bank, Grid, about_mean, by_painting, grid_of, offsets, unit_columns, unit_places

# How much of a hub a place of the painting is: its mean similarity to this many places of the picture, those most
# similar to it.
MOST_ALIKE = 10
# How far a finer match searches around the place to which the coarser match leads, in places.
AROUND = 2
# The most similarities in memory at once.
BLOCK = 1 << 24
# How sharply paintings divide the places of a picture, in units of similarity, and Sinkhorn's iterations for it.
SHARPNESS, ITERATIONS = 0.02, 100


class Match(NamedTuple):
    """The target in a bank for each place of a picture.

    Attributes
    ----------
    targets : Tensor of shape (rows, columns)
        The number of the target among the places of the bank.
    grids : tuple of (int, int)
        Rows and columns of each painting in the bank.
    """

    targets: Tensor
    grids: tuple[Grid, ...]

    def to(self, device: torch.device) -> Match:
        """The match on a device."""
        return Match(self.targets.to(device), self.grids)


class Where(NamedTuple):
    """Where the targets of a picture's places are expected: the number of the painting, and row and column in it."""

    painting: Tensor
    row: Tensor
    column: Tensor


def match(columns: Mapping[str, Tensor], bank: Bank) -> Match:
    """Find the place of the paintings that suits each place of a picture best.

    Similarity is the cosine, corrected for hubs: a few places of a painting are similar to everything. Uncorrected,
    they would be the targets of most of the picture, and skies would repeat one patch over and over. The correction is
    one side of CSLS (A. Conneau et al., "Word translation without parallel data", 2018, section 2.3). Several paintings
    share the picture: each gets the places that it suits better than the others do.

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
            S = unit_places(bank, block) @ Q.T  # a row for each place of the painting, as topk is fast along rows
            hub = S.topk(min(MOST_ALIKE, len(Q))).values.mean(1, keepdim=True)
            score, at = S.mul_(2).sub_(hub).max(0)
            better = score > best[:, p]
            best[:, p] = torch.where(better, score, best[:, p])
            found[:, p] = torch.where(better, block[at], found[:, p])
    chosen = found.gather(1, shared_out(best, bank.shares)[:, None])[:, 0]
    return Match(chosen.view(grid_of(columns)), bank.grids)


def match_around(columns: Mapping[str, Tensor], bank: Bank, where: Where) -> Tensor:
    """Find, for each place of a picture or of a tile, the most similar place near the one expected.

    Neighbours in the picture thus stay neighbours in the painting, and strokes stay whole.

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
        Numbers of places of the bank.
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


def followed(coarser: Match, grids: Sequence[Grid], grid: Grid, growth: float) -> Where:
    """Where a coarser match leads on finer grids. Positions within a coarser place are kept.

    Parameters
    ----------
    coarser : Match
    grids : sequence of (int, int)
        The paintings' rows and columns now.
    grid : (int, int)
        The picture's rows and columns now.
    growth : float
        How many times larger the picture is now.

    Returns
    -------
    Where
    """
    targets, device = coarser.targets, coarser.targets.device
    # The centre of each place on the coarser grid: the nearest coarser place, and the distance from the centre of that.
    near, off = [], []
    for now, then in zip(grid, targets.shape, strict=True):
        at = (torch.arange(now, device=device) + 0.5) / growth - 0.5
        near.append(at.round().clamp(0, then - 1).long())
        off.append(at - near[-1])
    place = targets[near[0]][:, near[1]]
    starts = torch.tensor(offsets(coarser.grids), device=device)
    painting = torch.searchsorted(starts, place, right=True) - 1
    width = torch.tensor([columns for _, columns in coarser.grids], device=device)[painting]
    local = place - starts[painting]
    where = []
    for start, moved, axis in ((local // width, off[0][:, None], 0), (local % width, off[1][None], 1)):
        larger = torch.tensor([n[axis] / w[axis] for n, w in zip(grids, coarser.grids, strict=True)], device=device)
        where.append(((start + moved + 0.5) * larger[painting] - 0.5).round().long())
    return Where(painting, *where)


def shared_out(scores: Tensor, shares: Sequence[float]) -> Tensor:
    """Give each place to a painting, so that each painting gets its share, and the places that suit it best.

    For this a number is added to all scores of a painting. Sinkhorn's iteration finds it (M. Cuturi, "Sinkhorn
    distances", 2013).

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
    for _ in range(ITERATIONS * (len(shares) > 1)):
        got = ((scores + handicap) / SHARPNESS).log_softmax(1).logsumexp(0) - math.log(len(scores))
        handicap = handicap + SHARPNESS * (wanted - got)
    return (scores + handicap).argmax(1)
