"""Coarse to fine: the pixels of one picture, scale by scale, by L-BFGS or Adam."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from itertools import pairwise
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from styler.images import resize
from styler.losses import moments, painted_in_light, recolour
from styler.memory import Plan, plan
from styler.objective import (
    MARGIN,
    PIXELS,
    RECIPE,
    STYLE_LAYERS,
    Recipe,
    Style,
    layer_weights,
    objective,
    style_statistics,
    with_margin,
    without_margin,
)
from styler.tiles import Function, Losses, reach
from styler.vgg import BLOCKS, VGG19, up_to

# Up to here the deep layers shape the composition; beyond it, shallow ones lay the strokes. In a picture larger than
# LARGE they do so for one scale more, and what is painted is softened before it is enlarged: at 128 px shapes go in
# stairs, which print shows. Smaller pictures lose in bold lines by the one, and take much longer for the other.
DEEP_UP_TO, LARGE = 256, 1024
SHALLOW = Recipe({layer: RECIPE.style[layer] for layer in (PIXELS, *STYLE_LAYERS[:3])}, {})
COARSEST = 128
# Steps at the coarsest scale; finer ones get fewer, as each costs more and has less left to do, but never less than a
# tenth: below, brushwork at print size stays blurred.
PRESETS = {"preview": 12, "balanced": 42, "fine": 110}
DECAY, LEAST = 1.35, 10
# L-BFGS: steps remembered, the longest step (RMS, of pixels in [0, 1]), how much worse a step may make things, how much
# shorter the next is then, and the pixels across which the preconditioner averages.
HISTORY, LONGEST, WORSE, SHORTER, SURROUNDINGS = 10, 0.02, 1.1, 0.3, 9
ADAM_RATE = 0.02
# Pixels from which a CPU is no slower by tiles: larger maps are taken from the system, and given back, at each step.
TILES_FROM = {"cpu": 4e6}
# Time of an evaluation of the whole from a size in px on, and by tiles, where a small one's is 1; and of a step, where
# its evaluation's is 1. As measured.
IF_LARGE, IF_TILED, BESIDE = ((1400, 1.75), (600, 1.35), (0, 1.0)), 1.85, 1.12

# What becomes of the painted picture's colours, given the photo's; "palette" paints no stroke at all.
COLORS: dict[str, Callable[[Tensor, Tensor, Tensor | None], Tensor]] = {
    "painting": lambda painted, photo, where: painted,
    "photo": painted_in_light,
    "matched": lambda painted, photo, where: recolour(painted, moments(photo, where), where),
    "palette": lambda painted, photo, where: painted,
}


@dataclass(frozen=True)
class Scale:
    """One size at which the picture is painted: longest side in px, steps, and what it is held to."""

    size: int
    steps: int
    recipe: Recipe = RECIPE

    @property
    def seen(self) -> list[str]:
        """The layers that are looked at."""
        return [layer for layer in (*self.recipe.style, *self.recipe.content) if layer != PIXELS]

    def step_cost(self, how: Plan) -> float:
        """Time of an evaluation, in units of a pixel's for the default layers; fitted to measurements."""
        slower = IF_TILED if how.side else next(slower for size, slower in IF_LARGE if self.size >= size)
        looks = slower * work(self.recipe) / work(RECIPE)
        return ((self.size + 2 * MARGIN) ** 2 + 6000) * looks

    def cost(self, how: Plan) -> float:
        """Time of all steps, and of the evaluation before the first."""
        return (self.steps + 1) * self.step_cost(how)


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


class Point(NamedTuple):
    """How far a picture has come, for another process to go on from.

    Attributes
    ----------
    step : int
        Steps made over all scales.
    descent : Descent
        At the scale that the picture is painted at; where that is done, x alone.
    """

    step: int
    descent: Descent


@dataclass(frozen=True)
class Stage:
    """The picture after one step.

    Attributes
    ----------
    image : image-like
        The picture so far, at the size of the finished one; made when it is asked for.
    point : Point
        Where to go on from, should this be the last that is seen.
    scale : int
        Longest side in px at which this step was painted.
    step, n_steps : int
        This step, counted from 1, and how many there will be.
    progress : float in (0, 1]
        The share of the whole work that is done, by cost and not by count: fine steps take longer than coarse ones.
    losses : dict of str to dict of str to float
        Weighted losses by term ("content", "style", "total variation") and layer; their sum is what is minimised.
    """

    render: Callable[[], Any] = field(repr=False)
    point: Point = field(repr=False)
    scale: int
    step: int
    n_steps: int
    progress: float
    losses: Losses

    @cached_property
    def image(self) -> Any:
        return self.render()


def work(recipe: Recipe) -> float:
    """About how much a pixel takes: operations of the convolutions and Gram matrices, and the maps' way to memory."""
    total, channels = 0.0, 3
    for name in up_to(layer for layer in (*recipe.style, *recipe.content) if layer != PIXELS):
        block = int(name[4])
        width, share = BLOCKS[block][1], 4.0 ** (1 - block)
        total += share * width * (9 * channels + 255) * name.startswith("conv")
        total += share * width**2 * (name in recipe.style)
        total += share * width * 2500 * (name in recipe.content and recipe.content_loss == "standardised")
        channels = width
    return total


def schedule(
    size: int,
    preset: str = "balanced",
    max_iter: int | None = None,
    style_layers: Sequence[str] | Mapping[str, float] | None = None,
    content_layers: Sequence[str] | Mapping[str, float] | None = None,
    style_loss: str = "moments",
    content_loss: str = "standardised",
) -> list[Scale]:
    """The scales for a picture of a size, coarse to fine.

    Parameters
    ----------
    size : int
        Longest side of the finished picture in px.
    preset : {"preview", "balanced", "fine"}
    max_iter : int, optional
        At most so many steps in all, spread as the preset spreads its own.
    style_layers, content_layers : sequence of str, or mapping of str to float, optional
        Those to be used at every scale, with their weights; by default `RECIPE`'s, and at the finer ones `SHALLOW`'s.
        Style layers that are named are used alone: nothing smooths the picture, either.
    style_loss, content_loss : str
        See `Recipe`.

    Returns
    -------
    list of Scale
    """
    sizes = [s for s in (COARSEST << i for i in range(20)) if s <= 0.8 * size] + [size]
    most, least = PRESETS[preset], PRESETS[preset] // LEAST
    deep = DEEP_UP_TO if size <= LARGE else 2 * DEEP_UP_TO
    counted = [min(s, DEEP_UP_TO) if s <= deep else s for s in sizes]
    steps = [max(least, round(most * (COARSEST / max(s, COARSEST)) ** DECAY)) for s in counted]
    if max_iter is not None:
        # Rounding the running sum keeps the total exact; a scale may come away with nothing.
        share = min(1.0, max_iter / sum(steps))
        edges = [int(sum(steps[:i]) * share + 0.5) for i in range(len(steps) + 1)]
        steps = [b - a for a, b in pairwise(edges)]

    def recipe(size: int) -> Recipe:
        usual = RECIPE if size <= deep else SHALLOW
        return Recipe(
            usual.style if style_layers is None else layer_weights(style_layers, "style_layers"),
            usual.content if content_layers is None else layer_weights(content_layers, "content_layers"),
            style_loss,
            content_loss,
            usual.smoothness if style_layers is None else 0.0,
        )

    return [Scale(s, n, recipe(s)) for s, n in zip(sizes, steps, strict=True) if n or s == size]


def paint(
    network: VGG19,
    photo: Tensor,
    styles: Sequence[Sequence[Style | None]],
    scales: Sequence[Scale],
    strength: float,
    optimizer: str = "lbfgs",
    start: Tensor | None = None,
    colors: str = "painting",
    masks: Tensor | None = None,
    memory: float = math.inf,
    resume: Point | None = None,
) -> Iterator[Stage]:
    """Paint a photo, yielding a `Stage` after each step.

    Parameters
    ----------
    network : VGG19
    photo : Tensor of shape (1, 3, height, width)
        RGB in [0, 1], of the finished picture's size.
    styles : sequence of sequence of mapping of str to Moments
        At each scale the style's statistics, or those of each region's style, None where the photo stays.
    scales : sequence of Scale
    strength : float in [0, 1]
    optimizer : {"lbfgs", "adam"}
    start : Tensor of shape (1, 3, height, width), optional
        Where to start from; by default the photo in the style's colours.
    colors : {"painting", "photo", "matched", "palette"}
        Whose colours the stages show; "palette" is one stage, the photo in the style's colours.
    masks : Tensor of shape (regions, 1, height, width), optional
        The regions, adding up to 1 at each pixel.
    memory : float, optional
        Bytes to paint in, at most; see `styler.memory.plan`.
    resume : Point, optional
        Of the last stage of a picture that was broken off: it goes on as if nothing had been, but that Adam begins
        anew.

    Yields
    ------
    Stage
        With a tensor of the photo's shape, in [0, 1].
    """
    photo = photo.to(network.device)
    masks = masks if masks is None else masks.to(network.device)
    shape = (photo.shape[-2], photo.shape[-1])

    def finish(picture: Tensor) -> Tensor:
        picture = enlarge(picture, shape).clamp(0, 1)
        return by_region(photo, styles[0], masks, lambda style, where: COLORS[colors](picture, photo, where))

    if start is None or colors == "palette":
        repainted = by_region(photo, styles[0], masks, lambda style, where: recolour(photo, style[PIXELS], where))
        start = torch.lerp(photo, repainted, min(1, 2 * strength))
    if colors == "palette":
        yield Stage(lambda: start, Point(1, Descent(start)), scales[-1].size, 1, 1, 1.0, {})
        return
    if resume and resume.step > sum(scale.steps for scale in scales):
        raise ValueError("resume does not belong to this picture; give the point of its own last stage.")
    x = before = start = start.to(network.device)
    plans = planned(network, shape, scales, memory)
    cost = sum(scale.cost(how) for scale, how in zip(scales, plans, strict=True))
    step, n_steps, done = 0, sum(scale.steps for scale in scales), 0.0
    for scale, style, how in zip(scales, styles, plans, strict=True):
        here = resize(start, scale.size)
        made = min(max(0, resume.step - step), scale.steps) if resume else 0
        if resume and made:
            begin = resume.descent.to(network.device)
        else:
            begin = Descent(with_margin(refine(x - before, here, soft=scales[-1].size > LARGE) if step else here))
        step, done = step + made, done + (made + 1) * scale.step_cost(how)
        if resume and step == resume.step and begin.x.shape != with_margin(here).shape:
            raise ValueError("resume does not belong to this picture; give the point of its own last stage.")
        x, before = without_margin(begin.x).clamp(0, 1), here
        if made == scale.steps:
            continue
        at = masks if masks is None else with_margin(F.adaptive_avg_pool2d(masks, (here.shape[-2], here.shape[-1])))
        content = with_margin(resize(photo, scale.size))
        function = objective(network, content, style, strength, scale.recipe, at, how.side)
        end, moved = step + scale.steps - made, False
        for descent, losses in OPTIMIZERS[optimizer](function, begin, end - step, how.history):
            x, moved = without_margin(descent.x).clamp(0, 1), moved or not torch.equal(descent.x, begin.x)
            step, done = step + 1, done + scale.step_cost(how)
            point = Point(step, Descent(descent.x) if step == end else descent)
            yield Stage(partial(finish, x), point, scale.size, step, n_steps, done / cost, losses)
        if strength and not moved:
            warnings.warn(
                f"no step at {scale.size} px brought the picture nearer, so nothing was painted at that size; "
                "try dtype='float32', another strength, or other layers.",
                stacklevel=2,
            )


def planned(network: VGG19, shape: tuple[int, int], scales: Sequence[Scale], memory: float) -> list[Plan]:
    """How each scale of a picture of a shape (height, width) is painted within some memory, in bytes."""
    plans = [
        plan(
            margined(shape, scale.size),
            min(scale.steps, HISTORY),
            memory,
            network.dtype,
            reach(scale.seen),
            scale.recipe.content_channels,
            TILES_FROM.get(network.device.type, math.inf),
        )
        for scale in reversed(scales)  # so that what does not fit is the whole picture, and not a step on its way
    ]
    return plans[::-1]


def margined(shape: tuple[int, int], size: int) -> tuple[int, int]:
    """A picture's shape when its longest side has a size, margin included."""
    height, width = (round(side * size / max(shape)) + 2 * MARGIN for side in shape)
    return height, width


def expected_seconds(
    network: VGG19, shape: tuple[int, int], scales: Sequence[Scale], memory: float = math.inf
) -> float:
    """About how long a picture of a shape (height, width) will take, by the pace of this machine here and now."""
    plans = planned(network, shape, scales, memory)
    cost = sum(scale.cost(how) for scale, how in zip(scales, plans, strict=True))
    return pace(network) * cost * min(shape) / max(shape)


@cache
def pace(network: VGG19) -> float:
    """Seconds for a unit of `Scale.step_cost`: the fastest of three evaluations at 128 px, after a first."""
    scale = Scale(COARSEST, 1)
    x = with_margin(torch.rand(1, 3, COARSEST, COARSEST).to(network.device))
    function = objective(network, x, [style_statistics(network, x)], 0.5)
    function(x)
    times = [time.perf_counter()]
    for _ in range(3):
        function(x)
        times.append(time.perf_counter())
    return BESIDE * min(b - a for a, b in pairwise(times)) / scale.step_cost(Plan(None, 0))


def by_region(
    photo: Tensor,
    styles: Sequence[Style | None],
    masks: Tensor | None,
    change: Callable[[Style, Tensor | None], Tensor],
) -> Tensor:
    """What becomes of each region by its style and its mask, put together; the photo where there is no style."""
    if masks is None:
        (style,) = styles
        return change(style, None) if style else photo
    parts = [mask * (change(style, mask[0]) if style else photo) for style, mask in zip(styles, masks, strict=True)]
    return torch.cat(parts).sum(0, keepdim=True)


def refine(change: Tensor, fine: Tensor, soft: bool) -> Tensor:
    """The start on a finer grid, changed as it has been on a coarser.

    What only the finer grid shows of the start is there at once, for strokes to follow, where enlarging the picture
    alone would leave a blur to be sharpened.
    """
    if soft:
        change = F.avg_pool2d(change, 3, 1, 1, count_include_pad=False)
    return (fine + enlarge(change, (fine.shape[-2], fine.shape[-1]))).clamp(0, 1)


def enlarge(image: Tensor, shape: tuple[int, int]) -> Tensor:
    """Bicubic interpolation to a shape (height, width)."""
    if image.shape[-2:] == shape:
        return image
    return F.interpolate(image, size=shape, mode="bicubic", align_corners=False)


def lbfgs(
    function: Function, start: Descent, max_iter: int, recalled: int = HISTORY
) -> Iterator[tuple[Descent, Losses]]:
    """L-BFGS with one evaluation a step (Nocedal and Wright, "Numerical optimization", 2006, algorithm 7.5).

    It works on z = x / P, with P smaller where the picture pulls harder: otherwise the loudest places, busy ones, set
    the pace for the quiet. There is no line search: no step is longer than `LONGEST`, and one that is not finite, or
    makes the loss worse, is taken back, and the next goes a shorter way.
    """
    x, P, history, share = start
    loss, g, losses = function(x)
    P = preconditioner(g) if P is None else P
    for _ in range(max_iter):
        direction = P * newton_direction(P * g, history)
        reach = LONGEST / rms(direction)
        ahead = x + share * (reach.clamp(max=1) if history else reach) * direction
        loss_ahead, g_ahead, losses_ahead = function(ahead)
        if finite(loss_ahead, g_ahead) and loss_ahead < WORSE * loss:
            s, y = (ahead - x) / P, P * (g_ahead - g)
            if dot(s, y) > 0:
                history = (*history, (s, y))[-recalled:] if recalled else ()
            x, loss, g, losses, share = ahead, loss_ahead, g_ahead, losses_ahead, 1.0
        else:
            share *= SHORTER
        yield Descent(x, P, history, share), losses


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


def adam(function: Function, start: Descent, max_iter: int, recalled: int = 0) -> Iterator[tuple[Descent, Losses]]:
    """Adam, which recalls no steps; one that is not finite is taken back, and the rate halved."""
    x = start.x.clone()
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
        yield Descent(x.detach().clone()), losses


OPTIMIZERS = {"lbfgs": lbfgs, "adam": adam}


def finite(loss: Tensor, gradient: Tensor) -> bool:
    """Whether a loss and its gradient are numbers."""
    return math.isfinite(loss) and bool(gradient.isfinite().all())


def rms(x: Tensor) -> Tensor:
    """Root of the mean square; never zero."""
    return x.square().mean().sqrt().clamp_min(1e-12)
