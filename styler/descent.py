"""Gradient descent on any function of pixels, by L-BFGS or Adam."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from styler.tiles import Function, Terms

# L-BFGS: the steps remembered; the longest step (RMS, of pixels in [0, 1]); the factor by which a step may raise the
# loss; the factor that shortens the step after one that is undone; the width in px over which the preconditioner
# averages.
HISTORY, LONGEST, WORSE, SHORTER, SURROUNDINGS = 10, 0.02, 1.1, 0.3, 9
ADAM_RATE = 0.02


class Descent(NamedTuple):
    """The state of an optimiser: the picture, and what L-BFGS remembers. A start is x alone.

    Attributes
    ----------
    x : Tensor of shape (1, 3, height, width)
        The picture with its margin, at the size of its scale.
    P : Tensor of shape (1, 1, height, width) or None
        The preconditioner.
    history : tuple of (Tensor, Tensor)
        Steps s and the changes of gradient y that came with them, the latest last.
    share : float
        How much of its full length the next step goes.
    """

    x: Tensor
    P: Tensor | None = None
    history: tuple[tuple[Tensor, Tensor], ...] = ()
    share: float = 1.0

    def to(self, device: torch.device) -> Descent:
        """The state on a device."""
        history = tuple((s.to(device), y.to(device)) for s, y in self.history)
        return Descent(self.x.to(device), None if self.P is None else self.P.to(device), history, self.share)


def lbfgs(
    function: Function, start: Descent, max_iter: int, recalled: int = HISTORY, smooth: bool = False
) -> Iterator[tuple[Descent, Terms]]:
    """L-BFGS with one evaluation a step (Nocedal and Wright, "Numerical optimization", 2006, algorithm 7.5).

    It works on z, where x = B P z. P is smaller at places with a larger gradient. Otherwise busy places, whose
    gradients are the largest, would limit the steps of quiet ones. B is a small blur if `smooth` is true, else it does
    nothing. There is no line search, but no step is longer than `LONGEST`. A step is undone if it is not finite or
    raises the loss to `WORSE` times its value; the next step is then shorter.
    """
    (x, P, history, share), B = start, blurred if smooth else torch.positive
    now, g, terms = function(x)
    P, loss = preconditioner(g) if P is None else P, float(now)
    for left in reversed(range(max_iter)):
        z = newton_direction(P * B(g), history)
        direction = B(P * z)
        reach = LONGEST / rms(direction)
        length = share * (reach.clamp(max=1) if history else reach)
        ahead = x + length * direction
        # No step follows the last one, so its gradient is not needed. Its loss is, to accept or undo it.
        loss_ahead, g_ahead, terms_ahead = function(ahead, slope=left > 0)
        s, y = length * z, P * B(g_ahead - g)
        reached, curvature = values(loss_ahead, dot(s, y))
        if math.isfinite(reached) and math.isfinite(curvature) and reached < WORSE * loss:
            if curvature > 0 and left:
                history = (*history, (s, y))[-recalled:] if recalled else ()
            x, loss, g, terms, share = ahead, reached, g_ahead, terms_ahead, 1.0
        else:
            share *= SHORTER
        yield Descent(x, P, history, share), terms


def preconditioner(g: Tensor) -> Tensor:
    """How far each pixel may go: one over the root of the gradient's RMS around it, scaled to a mean of 1."""
    pull = F.avg_pool2d(g.square().mean(1, keepdim=True), SURROUNDINGS, 1, SURROUNDINGS // 2, count_include_pad=False)
    pull = pull.sqrt()
    P = (pull + 1e-3 * pull.mean()).clamp_min(1e-30).rsqrt()
    return P / P.mean()


def blurred(image: Tensor) -> Tensor:
    """A symmetric blur with the weights 1, 2, 1 in each direction; the image counts as 0 outside.

    VGG's gradients have a ripple of two to three pixels along rows and columns, which a few steps would leave in the
    picture as a woven pattern.
    """
    return F.avg_pool2d(F.avg_pool2d(image, 2, 1, padding=1), 2, 1)


def newton_direction(g: Tensor, history: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """-H g, with the inverse Hessian H estimated from steps s and changes of gradient y (the two-loop recursion)."""
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


def adam(
    function: Function, start: Descent, max_iter: int, recalled: int = 0, smooth: bool = False
) -> Iterator[tuple[Descent, Terms]]:
    """Adam, which keeps no history of steps and does not smooth them.

    A step that is not finite is undone, and the learning rate is halved.
    """
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
    """Convert scalars to numbers. Only here, once in each step, does the host wait for the device."""
    return torch.stack([scalar.float() for scalar in scalars]).tolist()


def rms(x: Tensor) -> Tensor:
    """Root of the mean square; never zero."""
    return x.square().mean().sqrt().clamp_min(1e-12)
