"""One picture, coarse to fine."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from styler.descent import OPTIMIZERS, Descent
from styler.images import resize
from styler.losses import moments, painted_in_light, recolour
from styler.objective import Style, objective, with_margin, without_margin
from styler.recipe import PIXELS
from styler.schedule import LARGE, Scale, planned
from styler.tiles import Losses
from styler.vgg import VGG19

# What becomes of the painted picture's colours, given the photo's; "palette" paints no stroke at all.
COLORS: dict[str, Callable[[Tensor, Tensor, Tensor | None], Tensor]] = {
    "painting": lambda painted, photo, where: painted,
    "photo": painted_in_light,
    "matched": lambda painted, photo, where: recolour(painted, moments(photo, where), where),
    "palette": lambda painted, photo, where: painted,
}


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
