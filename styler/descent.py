"""Gradient descent on any function of pixels, by L-BFGS or Adam."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from styler.tiles import Function, Terms

# L-BFGS: steps remembered, the longest step (RMS, of pixels in [0, 1]), how much worse a step may make things, how much
# shorter the next is then, and the pixels across which the preconditioner averages.
HISTORY, LONGEST, WORSE, SHORTER, SURROUNDINGS = 10, 0.02, 1.1, 0.3, 9
ADAM_RATE = 0.02


class Descent(NamedTuple):
    """Where an optimiser is, and what L-BFGS recalls of its way; of a start, x alone.

    Attributes
    ----------
    x : Tensor of shape (1, 3, height, width)
        The picture with its margin, at the size of its scale.
    P : Tensor of shape (1, 1, height, width) or None
        The preconditioner.
    history : tuple of (Tensor, Tensor)
        Steps s and the changes of gradient y that came with them, the latest last.
    share : float
        Of a step that the next one goes.
    """

    x: Tensor
    P: Tensor | None = None
    history: tuple[tuple[Tensor, Tensor], ...] = ()
    share: float = 1.0

    def to(self, device: torch.device) -> Descent:
        """The same on a device."""
        history = tuple((s.to(device), y.to(device)) for s, y in self.history)
        return Descent(self.x.to(device), None if self.P is None else self.P.to(device), history, self.share)


def lbfgs(
    function: Function, start: Descent, max_iter: int, recalled: int = HISTORY
) -> Iterator[tuple[Descent, Terms]]:
    """L-BFGS with one evaluation a step (Nocedal and Wright, "Numerical optimization", 2006, algorithm 7.5).

    It works on z = x / P, with P smaller where the picture pulls harder: otherwise the loudest places, busy ones, set
    the pace for the quiet. There is no line search: no step is longer than `LONGEST`, and one that is not finite, or
    makes the loss worse, is taken back, and the next goes a shorter way.
    """
    x, P, history, share = start
    now, g, terms = function(x)
    P, loss = preconditioner(g) if P is None else P, float(now)
    for left in reversed(range(max_iter)):
        direction = P * newton_direction(P * g, history)
        reach = LONGEST / rms(direction)
        ahead = x + share * (reach.clamp(max=1) if history else reach) * direction
        # Nothing goes on from the last step: whether it made things better is all that has to be known.
        loss_ahead, g_ahead, terms_ahead = function(ahead, slope=left > 0)
        s, y = (ahead - x) / P, P * (g_ahead - g)
        reached, curvature = values(loss_ahead, dot(s, y))
        if math.isfinite(reached) and math.isfinite(curvature) and reached < WORSE * loss:
            if curvature > 0 and left:
                history = (*history, (s, y))[-recalled:] if recalled else ()
            x, loss, g, terms, share = ahead, reached, g_ahead, terms_ahead, 1.0
        else:
            share *= SHORTER
        yield Descent(x, P, history, share), terms


def preconditioner(g: Tensor) -> Tensor:
    """How far each pixel may go: one over the root of the gradient's RMS in its surroundings; 1 on average."""
    pull = F.avg_pool2d(g.square().mean(1, keepdim=True), SURROUNDINGS, 1, SURROUNDINGS // 2, count_include_pad=False)
    pull = pull.sqrt()
    P = (pull + 1e-3 * pull.mean()).clamp_min(1e-30).rsqrt()
    return P / P.mean()


def newton_direction(g: Tensor, history: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """-H g, with H the inverse Hessian that steps s and changes of gradient y tell of (the two-loop recursion)."""
    if not history:
        return -g
    q, alphas = g.clone(), []  # changed in place: at print size each copy costs time and memory
    for s, y in reversed(history):
        alphas.append(dot(s, q) / dot(s, y))
        q.addcmul_(alphas[-1], y, value=-1)
    s, y = history[-1]
    q *= dot(s, y) / dot(y, y)
    for (s, y), alpha in zip(history, reversed(alphas), strict=True):
        q.addcmul_(alpha - dot(y, q) / dot(s, y), s)
    return q.neg_()


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of two pictures."""
    return torch.dot(a.flatten(), b.flatten())


def adam(function: Function, start: Descent, max_iter: int, recalled: int = 0) -> Iterator[tuple[Descent, Terms]]:
    """Adam, which recalls no steps; one that is not finite is taken back, and the rate halved."""
    x = start.x.clone()
    optimizer = torch.optim.Adam([x], lr=ADAM_RATE)
    loss, g, terms = function(x)
    for left in reversed(range(max_iter)):
        before, x.grad = x.clone(), g
        optimizer.step()
        loss, g_ahead, terms_ahead = function(x, slope=left > 0)
        if all(map(math.isfinite, values(loss, g_ahead.sum()))):
            g, terms = g_ahead, terms_ahead
        else:
            x.copy_(before)
            optimizer.param_groups[0]["lr"] /= 2
        yield Descent(x.detach().clone()), terms


OPTIMIZERS = {"lbfgs": lbfgs, "adam": adam}


def values(*scalars: Tensor) -> list[float]:
    """Some scalars as numbers: the one time in a step that the host waits for the device."""
    return torch.stack([scalar.float() for scalar in scalars]).tolist()


def rms(x: Tensor) -> Tensor:
    """Root of the mean square; never zero."""
    return x.square().mean().sqrt().clamp_min(1e-12)
