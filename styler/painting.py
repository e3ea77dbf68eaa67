"""One picture, coarse to fine."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from styler.colors import Palette, painted_in_light, recolour, within
from styler.descent import OPTIMIZERS, Descent
from styler.images import resize
from styler.losses import moments
from styler.memory import give_back
from styler.neighbors import PLACE, Match, Where, followed, hypercolumns, match, match_around
from styler.objective import MARGIN, objective, with_margin, without_margin
from styler.recipe import PIXELS
from styler.recording import FEWEST, LARGEST, recorded
from styler.schedule import DEEP_UP_TO, LARGE, Scale, planned
from styler.style import Painting, Style, colours, learn
from styler.tiles import Losses, Terms, Tile, numbers, put_together, tiles_of
from styler.vgg import VGG19

# What becomes of the painted picture's colours, given the photo's; "palette" paints no stroke at all.
COLORS: dict[str, Callable[[Tensor, Tensor, Tensor | None], Tensor]] = {
    "painting": lambda painted, photo, where: painted,
    "photo": painted_in_light,
    "matched": lambda painted, photo, where: recolour(painted, moments(photo, where), where),
    "palette": lambda painted, photo, where: painted,
}


ANOTHER = "resume does not belong to this picture; give the point of its own last stage."
T = TypeVar("T")


@dataclass(frozen=True)
class Picture:
    """A picture to be painted.

    Attributes
    ----------
    photo : Tensor of shape (1, 3, height, width)
        RGB in [0, 1], of the finished picture's size.
    styles : sequence of sequence of Painting, or None
        The paintings of the style, or of each region's; None where the photo stays.
    strength : float in [0, 1]
    nearness : float
        How near the paintings are seen.
    colors : {"painting", "photo", "matched", "palette"}
        Whose colours to show; "palette" paints no stroke.
    masks : Tensor of shape (regions, 1, height, width) or None
        The regions, adding up to 1 at each pixel.
    start : Tensor of shape (1, 3, height, width) or None
        Where to start from; None for the photo in the style's colours.
    """

    photo: Tensor
    styles: Sequence[Sequence[Painting] | None]
    strength: float = 0.5
    nearness: float = 1.0
    colors: str = "painting"
    masks: Tensor | None = None
    start: Tensor | None = None

    def to(self, device: torch.device) -> Picture:
        """The same on a device."""
        masks = self.masks if self.masks is None else self.masks.to(device)
        start = self.start if self.start is None else self.start.to(device)
        return replace(self, photo=self.photo.to(device), masks=masks, start=start)

    @property
    def recoloured(self) -> float:
        """How far the photo's colours give way to the painting's."""
        return min(1.0, 2 * self.strength)


class Point(NamedTuple):
    """How far a picture has come, for another process to go on from.

    Attributes
    ----------
    step : int
        Steps made over all scales.
    descent : Descent
        At the scale that the picture is painted at; where that is done, x alone.
    matches : sequence of Match or None
        For each style, where the targets of the scale are.
    """

    step: int
    descent: Descent
    matches: Sequence[Match | None] = ()


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
    terms : dict of str to dict of str to Tensor
        `losses`, where they were made.

    Notes
    -----
    What goes to another process is plain data: the image and the numbers, without the point and the terms.
    """

    render: Callable[[], Any] = field(repr=False)
    point: Point = field(repr=False)
    scale: int
    step: int
    n_steps: int
    progress: float
    terms: Terms = field(repr=False)

    @cached_property
    def image(self) -> Any:
        return self.render()

    @cached_property
    def losses(self) -> Losses:
        """Weighted losses by term ("neighbors", "style", "content", "total variation") and layer; minimised is their
        sum."""
        return numbers(self.terms)

    def __getstate__(self) -> dict[str, Any]:
        numbers = ("scale", "step", "n_steps", "progress")
        return {"image": self.image, "losses": self.losses} | {name: getattr(self, name) for name in numbers}


def paint(
    network: VGG19,
    picture: Picture,
    scales: Sequence[Scale],
    optimizer: str = "lbfgs",
    memory: float = math.inf,
    resume: Point | None = None,
) -> Iterator[Stage]:
    """Paint a picture, yielding a `Stage` after each step.

    Parameters
    ----------
    network : VGG19
    picture : Picture
    scales : sequence of Scale
    optimizer : {"lbfgs", "adam"}
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
    picture = picture.to(network.device)
    styles = learnt(network, picture, scales[0], memory)
    start = started(picture, styles)
    if picture.colors == "palette":
        yield Stage(lambda: start, Point(1, Descent(start)), scales[-1].size, 1, 1, 1.0, {})
        return
    plans = planned(network, (start.shape[-2], start.shape[-1]), scales, memory)
    n_steps, cost = sum(s.steps for s in scales), sum(s.cost(how) for s, how in zip(scales, plans, strict=True))
    limit = palettes(network, picture, scales[0])
    step, done, x, before = 0, 0.0, start, start
    soft = scales[-1].size > LARGE[scales[-1].recipe.style_loss]
    matches: Sequence[Match | None] = [None] * len(styles)
    for scale, how in zip(scales, plans, strict=True):
        here, content = resize(start, scale.size), with_margin(resize(picture.photo, scale.size))
        made = min(max(0, resume.step - step), scale.steps) if resume else 0
        if resume and made:
            begin, matches = resume.descent.to(network.device), [m and m.to(network.device) for m in resume.matches]
        else:
            begin = Descent(with_margin(refine(x - before, here, soft) if step else here))
        step, done = step + made, done + scale.cost(how, made)
        if resume and (resume.step > n_steps or (step == resume.step and begin.x.shape != content.shape)):
            raise ValueError(ANOTHER)
        x, before = without_margin(begin.x).clamp(0, 1), here
        if made < scale.steps:
            masks = masks_at(picture, here)
            styles = styles if scale is scales[0] else learnt(network, picture, scale, memory)
            if made and [style and style.bank and style.bank.grids for style in styles] != [
                m and m.grids for m in matches
            ]:
                raise ValueError(ANOTHER)
            matches = matches if made else matched(network, begin.x, styles, matches, scale, how.side)
            give_back(network.device)
            function = objective(network, content, styles, picture.strength, scale.recipe, masks, how.side, matches)
            end, moved = step + scale.steps - made, False
            if content.is_cuda and how.side is None and content[0, 0].numel() <= LARGEST and end - step >= FEWEST:
                function = recorded(function, content)
            for descent, terms in OPTIMIZERS[optimizer](function, begin, end - step, how.history):
                x, moved = without_margin(descent.x).clamp(0, 1), moved or descent.x is not begin.x
                step, done = step + 1, done + scale.step_cost(how)
                point = Point(step, Descent(descent.x) if step == end else descent, matches)
                render = partial(finished, x, picture, styles, limit)
                yield Stage(render, point, scale.size, step, n_steps, done / cost, terms)
            if picture.strength and not moved:
                warnings.warn(
                    f"no step at {scale.size} px brought the picture nearer, so nothing was painted at that size; "
                    "try dtype='float32', another strength, or other layers.",
                    stacklevel=2,
                )
        x = within_palettes(x, picture, limit)


def learnt(network: VGG19, picture: Picture, scale: Scale, memory: float) -> list[Style | None]:
    """What a scale has to know of each style."""
    return [
        None if paintings is None else learn(network, paintings, scale.size, scale.recipe, picture.nearness, memory)
        for paintings in picture.styles
    ]


def started(picture: Picture, styles: Sequence[Style | None]) -> Tensor:
    """Where a picture starts from: what is given, or the photo in the styles' colours."""
    if picture.start is not None and picture.colors != "palette":
        return picture.start
    photo = picture.photo
    repainted = by_region(picture, styles, lambda style, where: recolour(photo, style.moments[PIXELS], where))
    return torch.lerp(photo, repainted, picture.recoloured)


def matched(
    network: VGG19,
    x: Tensor,
    styles: Sequence[Style | None],
    coarser: Sequence[Match | None],
    scale: Scale,
    side: int | None,
) -> list[Match | None]:
    """For each style, the places of its paintings that suit a picture's, margin included.

    At the coarse scales all places are compared; at finer ones each looks around where the coarser match leads.
    """
    tiles, layers = tiles_of(x, side, scale.recipe.seen), scale.recipe.neighbors
    grid = (x.shape[-2] >> PLACE, x.shape[-1] >> PLACE)

    def columns(tile: Tile) -> dict[str, Tensor]:
        seen = tile.seen(x)
        features = {PIXELS: seen, **network(seen, [layer for layer in layers if layer != PIXELS])}
        return {layer: tile.own(maps, PLACE) for layer, maps in hypercolumns(features, layers).items()}

    banks = [style and style.bank for style in styles]
    if not any(banks):
        return [None] * len(banks)
    with torch.no_grad():
        if scale.size <= DEEP_UP_TO:
            whole = put_together(tiles, columns)
            return [bank and match(whole, bank) for bank in banks]
        wheres = [
            bank and before and followed(before, bank.grids, grid, MARGIN >> PLACE)
            for bank, before in zip(banks, coarser, strict=True)
        ]

        def found(tile: Tile) -> dict[str, Tensor]:
            seen = columns(tile)
            return {
                str(i): match_around(seen, bank, Where(*(tile.share(t, PLACE) for t in where)))
                for i, (bank, where) in enumerate(zip(banks, wheres, strict=True))
                if bank and where
            }

        indices = put_together(tiles, found)
    return [bank and Match(indices[str(i)], bank.grids) for i, bank in enumerate(banks)]


def palettes(network: VGG19, picture: Picture, scale: Scale) -> list[Palette | None]:
    """The colours of each style, where places are matched; statistics alone have no colours of their own."""
    return [
        colours(paintings, network.device) if paintings and scale.recipe.neighbors else None
        for paintings in picture.styles
    ]


def within_palettes(x: Tensor, picture: Picture, limit: Sequence[Palette | None]) -> Tensor:
    """A picture, of any size, in the colours that its styles have, as far as they give way at all."""
    inside = by_region(picture, limit, lambda palette, where: within(palette, x), x)
    return torch.lerp(x, inside, picture.recoloured)


def finished(x: Tensor, picture: Picture, styles: Sequence[Style | None], limit: Sequence[Palette | None]) -> Tensor:
    """A picture of a scale at its full size, in the colours that are wanted."""
    photo = picture.photo
    whole = within_palettes(enlarge(x, (photo.shape[-2], photo.shape[-1])).clamp(0, 1), picture, limit)
    return by_region(picture, styles, lambda style, where: COLORS[picture.colors](whole, photo, where))


def masks_at(picture: Picture, image: Tensor) -> Tensor | None:
    """The regions at an image's size, margin included."""
    if picture.masks is None:
        return None
    return with_margin(F.adaptive_avg_pool2d(picture.masks, (image.shape[-2], image.shape[-1])))


def by_region(
    picture: Picture,
    parts: Sequence[T | None],
    change: Callable[[T, Tensor | None], Tensor],
    unchanged: Tensor | None = None,
) -> Tensor:
    """What becomes of each region by what it has and its mask, put together; where it has nothing, what is unchanged.

    Parameters
    ----------
    picture : Picture
    parts : sequence
        Of each region, its style for instance; None for those that stay.
    change : callable
        Takes a part and its mask, of shape (height, width) or None for the whole; gives an image.
    unchanged : Tensor of shape (1, 3, height, width), optional
        By default the photo.
    """
    unchanged = picture.photo if unchanged is None else unchanged
    if picture.masks is None:
        (part,) = parts
        return unchanged if part is None else change(part, None)
    masks = F.adaptive_avg_pool2d(picture.masks, (unchanged.shape[-2], unchanged.shape[-1]))
    changed = [
        mask * (unchanged if part is None else change(part, mask[0])) for part, mask in zip(parts, masks, strict=True)
    ]
    return torch.cat(changed).sum(0, keepdim=True)


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
