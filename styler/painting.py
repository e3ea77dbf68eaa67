"""Paint one picture, coarse to fine."""

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
from styler.hypercolumns import PLACE, hypercolumns
from styler.images import resize
from styler.matching import Match, Where, followed, match, match_around
from styler.memory import give_back
from styler.objective import objective, with_margin, without_margin
from styler.picture import Picture, enlarge, finished, masks_at, palettes, started, within_palettes
from styler.recipe import PIXELS
from styler.recording import FEWEST, LARGEST, recorded
from styler.schedule import LARGE, Scale, planned
from styler.style import Style, learn
from styler.tiles import Losses, Terms, Tile, numbers, put_together, tiles_of
from styler.vgg import VGG19

ANOTHER = "resume does not belong to this picture; give the point of its own last stage."


class Point(NamedTuple):
    """The state of an unfinished picture, from which another process can continue.

    Attributes
    ----------
    step : int
        Steps made over all scales.
    descent : Descent
        The optimiser's state at the current scale; x alone if that scale is finished.
    matches : sequence of Match or None
        For each style, the match at the current scale.
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
        The picture so far, at the size of the finished one; made on first use.
    point : Point
        Where to continue if painting ends after this stage.
    scale : int
        Longest side in px at which this step was painted.
    step, n_steps : int
        This step, counted from 1, and how many there will be.
    progress : float in (0, 1]
        The share of the whole work that is done. Steps count by their cost, as fine ones take longer than coarse ones.
    terms : dict of str to dict of str to Tensor
        `losses` as tensors on the device that computed them.

    Notes
    -----
    Another process gets plain data: the image and the numbers, without the point and the terms.
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
        """Weighted losses by term ("neighbors", "style", "content", "total variation") and layer; their sum is
        minimised."""
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
        The most memory to paint in, in bytes; see `styler.memory.plan`.
    resume : Point, optional
        The point of the last stage of an interrupted picture. Painting continues as if it had not stopped, except that
        Adam starts anew.

    Yields
    ------
    Stage
        Its image is a tensor of the photo's shape, in [0, 1].
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
    for coarser, scale, how in zip((scales[0], *scales[:-1]), scales, plans, strict=True):
        here, content = resize(start, scale.size), with_margin(resize(picture.photo, scale.size))
        made = min(max(0, resume.step - step), scale.steps) if resume else 0
        if resume and made:
            begin, matches = resume.descent.to(network.device), [m and m.to(network.device) for m in resume.matches]
        else:
            begin = Descent(with_margin(refine(x - before, here, soft) if step else here))
        step, done = step + made, done + scale.cost(how, made)
        if resume and (resume.step > n_steps or (step == resume.step and begin.x.shape != content.shape)):
            raise ValueError(ANOTHER)
        x, before = without_margin(begin.x, here.shape).clamp(0, 1), here
        if made < scale.steps:
            masks = masks_at(picture, here)
            styles = styles if scale is scales[0] else learnt(network, picture, scale, memory)
            if made and [style and style.bank and style.bank.grids for style in styles] != [
                m and m.grids for m in matches
            ]:
                raise ValueError(ANOTHER)
            growth = scale.size / coarser.size
            matches = matches if made else matched(network, begin.x, styles, matches, scale, how.side, growth)
            give_back(network.device)
            function = objective(network, content, styles, picture.strength, scale.recipe, masks, how.side, matches)
            end, moved = step + scale.steps - made, False
            if content.is_cuda and how.side is None and content[0, 0].numel() <= LARGEST and end - step >= FEWEST:
                function = recorded(function, content)
            # Smooth strokes first, and fine detail at the end: smooth steps can't paint over the photo's own detail.
            smooth = scale is not scales[-1]
            for descent, terms in OPTIMIZERS[optimizer](function, begin, end - step, how.history, smooth):
                x, moved = without_margin(descent.x, here.shape).clamp(0, 1), moved or descent.x is not begin.x
                step, done = step + 1, done + scale.step_cost(how)
                point = Point(step, Descent(descent.x) if step == end else descent, matches)
                render = partial(finished, x, picture, styles, limit)
                progress = done / cost if step < n_steps else 1.0  # a sum of costs, rounded, is not exactly their total
                yield Stage(render, point, scale.size, step, n_steps, progress, terms)
            if picture.strength and not moved:
                warnings.warn(
                    f"no step at {scale.size} px lowered the loss, so nothing was painted at that size; "
                    "try dtype='float32', another strength, or other layers.",
                    stacklevel=2,
                )
        x = within_palettes(x, picture, limit)


def learnt(network: VGG19, picture: Picture, scale: Scale, memory: float) -> list[Style | None]:
    """What a scale needs to know about each style."""
    return [
        None if paintings is None else learn(network, paintings, scale.size, scale.recipe, picture.nearness, memory)
        for paintings in picture.styles
    ]


def matched(
    network: VGG19,
    x: Tensor,
    styles: Sequence[Style | None],
    coarser: Sequence[Match | None],
    scale: Scale,
    side: int | None,
    growth: float,
) -> list[Match | None]:
    """For each style, match the places of a picture, margin included, with places of its paintings.

    Coarse scales compare all places. Finer scales, larger by the factor `growth`, search around the place to which the
    coarser match leads.
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
        if scale.compares_all:
            whole = put_together(tiles, columns)
            return [bank and match(whole, bank) for bank in banks]
        wheres = [
            bank and before and followed(before, bank.grids, grid, growth)
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


def refine(change: Tensor, fine: Tensor, soft: bool) -> Tensor:
    """Add the change that was painted at a coarser scale to the start at a finer scale.

    The result has the start's fine detail at once, for strokes to follow. If only the coarser picture were enlarged, it
    would be a blur to be sharpened.
    """
    if soft:
        change = F.avg_pool2d(change, 3, 1, 1, count_include_pad=False)
    return (fine + enlarge(change, (fine.shape[-2], fine.shape[-1]))).clamp(0, 1)
