"""How far a picture is from the places of the painting that it is matched with (N. Kolkin et al., 2022)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from styler.hypercolumns import EPS, Bank, by_place
from styler.losses import widened


class Nearness(NamedTuple):
    """Sums over places k of w_k (1 - cos(x_k, t_k)) and of w_k; x_k is the picture's hypercolumn, t_k its target."""

    missed: Tensor
    weight: Tensor


def agreement(maps: Tensor, layer: str, bank: Bank, targets: Tensor) -> tuple[Tensor, Tensor]:
    """One layer's part of each place's inner product with its target, and of its squared length.

    Parameters
    ----------
    maps : Tensor of shape (1, channels, rows, columns)
        The layer's part of the picture's hypercolumns.
    layer : str
    bank : Bank
    targets : Tensor of shape (rows, columns)
        For each place of the picture, the number of its target in the bank.

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
    """Sums from which `neighbor_loss` finds how far a picture is from its targets.

    Each layer's part of the cosine is summed by itself, so that no whole hypercolumn is ever stored.

    Parameters
    ----------
    agreements : iterable of (Tensor, Tensor)
        What `agreement` gives for each of the bank's layers.
    bank : Bank
    targets : Tensor of shape (rows, columns)
        For each place of the picture, the number of its target in the bank.
    weights : Tensor of shape (rows, columns), optional
        How much each place counts; by default 1.
    """
    at = targets.flatten()
    products, squares = (torch.stack(part).sum(0) for part in zip(*agreements, strict=True))
    missed = 1 - products / ((squares + EPS).sqrt() * bank.length[at].clamp_min(EPS))
    w = torch.ones_like(missed) if weights is None else weights.flatten().to(missed)
    return Nearness((w * missed).sum(), w.sum())


class Agreement(torch.autograd.Function):
    """<x_k, t_k> and |x_k|^2 over places k, where x = (f - mean) / spread is one layer's part and t_k is the target.

    Neither x nor the targets are stored. Autograd alone would make a dozen passes over the maps; four are left.
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
