"""Coarse to fine: the pixels of one picture, scale by scale, by L-BFGS or Adam."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from styler.images import resize
from styler.losses import recolour
from styler.objective import MARGIN, PIXELS, STYLE_LAYERS, Style, Terms, objective, with_margin, without_margin
from styler.vgg import VGG19

# Up to here the deep layers shape the composition; beyond it, shallow ones lay the strokes.
DEEP_UP_TO = 384
SHALLOW_LAYERS = STYLE_LAYERS[:3]
COARSEST = 128
# Steps at the coarsest scale; finer ones get fewer, as each costs more and has less left to do.
PRESETS = {"preview": 12, "balanced": 42, "fine": 160}
DECAY = 1.35
HISTORY = 10
FIRST_STEP = 0.02
ADAM_RATE = 0.02

Losses = dict[str, dict[str, float]]
Function = Callable[[Tensor], tuple[Tensor, Tensor, Losses]]


@dataclass(frozen=True)
class Scale:
    """One size at which the picture is painted: longest side in px, steps, style layers, whether content is held."""

    size: int
    steps: int
    layers: tuple[str, ...]
    content: bool

    @property
    def step_cost(self) -> float:
        """Time of a step in arbitrary units: in proportion to pixels and to the convolutions run."""
        return (self.size + 2 * MARGIN) ** 2 * (1.0 if self.content else 0.35)


@dataclass(frozen=True)
class Stage:
    """The picture after one step.

    Attributes
    ----------
    image : image-like
        The picture so far, at the size of the finished one.
    scale : int
        Longest side in px at which this step was painted.
    step, n_steps : int
        This step, counted from 1, and how many there will be.
    progress : float in (0, 1]
        The share of the whole work that is done, by cost and not by count: fine steps take longer than coarse ones.
    losses : dict of str to dict of str to float
        Weighted losses by term ("content", "style", "total variation") and layer; their sum is what is minimised.
    """

    image: Any
    scale: int
    step: int
    n_steps: int
    progress: float
    losses: Losses


def schedule(size: int, preset: str = "balanced", max_iter: int | None = None) -> list[Scale]:
    """The scales for a picture of a size, coarse to fine.

    Parameters
    ----------
    size : int
        Longest side of the finished picture in px.
    preset : {"preview", "balanced", "fine"}
    max_iter : int, optional
        At most so many steps in all, spread as the preset spreads its own.

    Returns
    -------
    list of Scale
    """
    ladder = [COARSEST * 2 ** (i // 2) * (3 if i % 2 else 2) // 2 for i in range(40)]
    sizes = [s for s in ladder if s <= 0.8 * size] + [size]
    steps = [max(1, round(PRESETS[preset] * (COARSEST / max(s, COARSEST)) ** DECAY)) for s in sizes]
    if max_iter is not None:
        # Rounding the running sum keeps the total exact; a scale may come away with nothing.
        share = min(1.0, max_iter / sum(steps))
        edges = [int(sum(steps[:i]) * share + 0.5) for i in range(len(steps) + 1)]
        steps = [b - a for a, b in pairwise(edges)]
    return [
        Scale(s, n, STYLE_LAYERS if s <= DEEP_UP_TO else SHALLOW_LAYERS, s <= DEEP_UP_TO)
        for s, n in zip(sizes, steps, strict=True)
        if n or s == size
    ]


def paint(
    network: VGG19,
    photo: Tensor,
    styles: Sequence[Style],
    scales: Sequence[Scale],
    strength: float,
    optimizer: str = "lbfgs",
    start: Tensor | None = None,
) -> Iterator[Stage]:
    """Paint a photo, yielding a `Stage` after each step.

    Parameters
    ----------
    network : VGG19
    photo : Tensor of shape (1, 3, height, width)
        RGB in [0, 1], of the finished picture's size.
    styles : sequence of mapping of str to Moments
        The style's statistics at each scale.
    scales : sequence of Scale
    strength : float in [0, 1]
    optimizer : {"lbfgs", "adam"}
    start : Tensor of shape (1, 3, height, width), optional
        Where to start from; by default the photo.

    Yields
    ------
    Stage
        With a tensor of the photo's shape, in [0, 1].
    """
    shape = (photo.shape[-2], photo.shape[-1])
    x = photo if start is None else start
    step, n_steps = 0, sum(scale.steps for scale in scales)
    done, cost = 0.0, sum(scale.steps * scale.step_cost for scale in scales)
    for scale, style in zip(scales, styles, strict=True):
        content = resize(photo, scale.size).to(network.device)
        size = (content.shape[-2], content.shape[-1])
        # The first scale starts from what is given, Lanczos-filtered; the next from the last, enlarged.
        x = resize(x, size).to(network.device) if step == 0 else enlarge(x, size)
        if step == 0 and start is None:
            x = torch.lerp(x, recolour(x, style[PIXELS]), min(1, 2 * strength))
        terms = objective(network, with_margin(content), style, strength, scale.content)
        descent = OPTIMIZERS[optimizer](differentiate(terms), with_margin(x), scale.steps)
        for pixels, losses in descent:
            x = without_margin(pixels).clamp(0, 1)
            step, done = step + 1, done + scale.step_cost
            yield Stage(enlarge(x, shape), scale.size, step, n_steps, done / cost, losses)


def enlarge(image: Tensor, shape: tuple[int, int]) -> Tensor:
    """Bicubic interpolation to a shape (height, width)."""
    if image.shape[-2:] == shape:
        return image
    return F.interpolate(image, size=shape, mode="bicubic", align_corners=False).clamp(0, 1)


def differentiate(terms: Callable[[Tensor], Terms]) -> Function:
    """From losses by term, a function of pixels that gives their sum, its gradient, and each as a number."""

    def function(pixels: Tensor) -> tuple[Tensor, Tensor, Losses]:
        x = pixels.detach().requires_grad_()
        losses = terms(x)
        loss = torch.stack([v for term in losses.values() for v in term.values()]).sum()
        (gradient,) = torch.autograd.grad(loss, x)
        return loss.detach(), gradient, {k: {n: float(v.detach()) for n, v in t.items()} for k, t in losses.items()}

    return function


def lbfgs(function: Function, x: Tensor, max_iter: int) -> Iterator[tuple[Tensor, Losses]]:
    """L-BFGS with one evaluation a step (Nocedal and Wright, "Numerical optimization", 2006, algorithm 7.5).

    A full step is nearly always a good one here, so there is no line search: a step that is not finite, or that makes
    the loss much worse, is taken back, and the next goes a shorter way down the gradient.
    """
    loss, g, losses = function(x)
    history: list[tuple[Tensor, Tensor]] = []
    reach = FIRST_STEP
    for _ in range(max_iter):
        direction = newton_direction(g, history) if history else -g * (reach / rms(g))
        ahead = x + direction
        loss_ahead, g_ahead, losses_ahead = function(ahead)
        if finite(loss_ahead, g_ahead) and loss_ahead < 1.5 * loss:
            s, y = ahead - x, g_ahead - g
            if (s * y).sum() > 0:
                history = [*history, (s, y)][-HISTORY:]
            x, loss, g, losses = ahead, loss_ahead, g_ahead, losses_ahead
        else:
            history, reach = [], reach / 4
        yield x, losses


def newton_direction(g: Tensor, history: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """-H g, with H the inverse Hessian that steps s and changes of gradient y tell of (the two-loop recursion)."""
    q, alphas = g, []
    for s, y in reversed(history):
        alphas.append((s * q).sum() / (s * y).sum())
        q = q - alphas[-1] * y
    s, y = history[-1]
    q = q * (s * y).sum() / (y * y).sum()
    for (s, y), alpha in zip(history, reversed(alphas), strict=True):
        q = q + (alpha - (y * q).sum() / (s * y).sum()) * s
    return -q


def adam(function: Function, x: Tensor, max_iter: int) -> Iterator[tuple[Tensor, Losses]]:
    """Adam; a step that is not finite is taken back, and the rate halved."""
    x = x.clone()
    optimizer = torch.optim.Adam([x], lr=ADAM_RATE)
    loss, g, losses = function(x)
    for _ in range(max_iter):
        before, x.grad = x.clone(), g
        optimizer.step()
        loss, g_ahead, losses_ahead = function(x)
        if finite(loss, g_ahead):
            g, losses = g_ahead, losses_ahead
        else:
            x.copy_(before)
            optimizer.param_groups[0]["lr"] /= 2
        yield x, losses


OPTIMIZERS = {"lbfgs": lbfgs, "adam": adam}


def finite(loss: Tensor, gradient: Tensor) -> bool:
    """Whether a loss and its gradient are numbers."""
    return math.isfinite(loss) and bool(gradient.isfinite().all())


def rms(x: Tensor) -> Tensor:
    """Root of the mean square; never zero."""
    return x.square().mean().sqrt().clamp_min(1e-12)
