"""At which sizes a picture is painted, in how many steps, and how long that takes."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import torch

from styler.descent import HISTORY
from styler.memory import Plan, plan
from styler.objective import UNIT, objective, with_margin
from styler.recipe import RECIPES, Recipe, layer_weights
from styler.style import COARSEST, Style, style_statistics
from styler.tiles import reach
from styler.vgg import BLOCKS, VGG19, up_to

# Up to this size in px deep layers shape the composition. Beyond it, shallow layers paint the strokes.
DEEP_UP_TO = 256
# At 128 px shapes get steps like stairs, which show in large pictures. If the finished picture is larger than this size
# in px, what was painted is therefore softened before it is enlarged, and with statistics alone deep layers are used
# for one scale more. In smaller pictures lines would lose their boldness.
LARGE = {"neighbors": 768, "moments": 1024, "gram": 1024}
# Steps at the coarsest scale, by preset. Matched places are fixed targets, and need half the steps.
PRESETS = ("preview", "balanced", "fine")
STEPS = {"neighbors": (6, 16, 40), "moments": (12, 42, 110), "gram": (12, 42, 110)}
# Finer scales get fewer steps, as each step costs more and less is left to do. Their number falls with the size to the
# power of DECAY, down to one part in LEAST of those at the coarsest scale. With still fewer, brushwork at print size
# stays blurred.
DECAY = {"neighbors": 1.0, "moments": 1.35, "gram": 1.35}
LEAST = {"neighbors": 4, "moments": 10, "gram": 10}
# A CPU paints by tiles from this many pixels on. That is no slower: without tiles, the memory of the large maps is
# requested from the system and returned at each step.
TILES_FROM = {"cpu": 4e6}
# The cost model, fitted to measurements. IF_LARGE: how much slower a step is in a picture of this size in px or more.
# IF_TILED: how much slower it is by tiles. BESIDE: how much longer a step takes than its evaluation. BEFORE: the work
# before a scale's first step, counted in evaluations: looking at the paintings, matching places, evaluating the start.
# The last step saves half of one, as it needs no gradient. COMPARING: the time to compare all places, divided by the
# square of the number of a square picture's pixels.
IF_LARGE, IF_TILED, BESIDE = ((1400, 1.75), (600, 1.35), (0, 1.0)), 1.85, 1.2
BEFORE = {"neighbors": 2.5, "moments": 1.0, "gram": 1.0}
COMPARING = 1.1e-6
# The size in px at which the pace is measured, as a GPU is busy only with a large picture; and the seconds that each
# picture takes, however small.
MEASURED_AT, AT_LEAST = {"cuda": 4 * COARSEST}, {"cuda": 0.4}


@dataclass(frozen=True)
class Scale:
    """One size at which the picture is painted: longest side in px, steps, recipe, and how places are matched.

    If `compares_all` is false, matching searches only near the place to which the coarser match leads.
    """

    size: int
    steps: int
    recipe: Recipe
    compares_all: bool = True

    @property
    def look(self) -> float:
        """Time to evaluate the loss once, where a pixel with the default layers takes 1; fitted to measurements."""
        return ((self.size + UNIT / 2) ** 2 + 6000) * work(self.recipe) / work(RECIPES["moments"][0])

    def step_cost(self, how: Plan) -> float:
        """Time of one step, in the units of `look`."""
        return self.look * (IF_TILED if how.side else next(slower for size, slower in IF_LARGE if self.size >= size))

    def cost(self, how: Plan, steps: int | None = None) -> float:
        """Time of `steps` steps, by default all, and of the work before the first; in the units of `look`."""
        before = BEFORE[self.recipe.style_loss] * self.look
        compared = COMPARING * self.size**4 if self.recipe.neighbors and self.compares_all else 0.0
        return before + compared + (self.steps if steps is None else steps) * self.step_cost(how)


def work(recipe: Recipe) -> float:
    """Rough cost of a pixel: operations of the convolutions and Gram matrices, and moving the maps to memory."""
    total, channels = 0.0, 3
    for name in up_to(recipe.seen):
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
    style_loss: str = "neighbors",
    content_loss: str = "standardised",
) -> list[Scale]:
    """The scales for a picture of a size, coarse to fine.

    Parameters
    ----------
    size : int
        Longest side of the finished picture in px.
    preset : {"preview", "balanced", "fine"}
    max_iter : int, optional
        The largest number of steps in all, spread over the scales as the preset spreads its own.
    style_layers, content_layers : sequence of str, or mapping of str to float, optional
        Layers to use at every scale, with their weights; by default those of `RECIPES`. If style layers are named, no
        others are used, and the picture is not smoothed.
    style_loss, content_loss : str
        See `Recipe`.

    Returns
    -------
    list of Scale
    """
    sizes = [s for s in (COARSEST << i for i in range(20)) if s <= 0.8 * size] + [size]
    most = STEPS[style_loss][PRESETS.index(preset)]
    deep = 2 * DEEP_UP_TO if size > LARGE[style_loss] and style_loss != "neighbors" else DEEP_UP_TO
    counted = [min(s, DEEP_UP_TO) if s <= deep else s for s in sizes]
    least, decay = max(1, most // LEAST[style_loss]), DECAY[style_loss]
    steps = [max(least, round(most * (COARSEST / max(s, COARSEST)) ** decay)) for s in counted]
    if max_iter is not None:
        # Rounding the running sum keeps the total exact; a scale may get no step.
        share = min(1.0, max_iter / sum(steps))
        edges = [int(sum(steps[:i]) * share + 0.5) for i in range(len(steps) + 1)]
        steps = [b - a for a, b in pairwise(edges)]

    def recipe(size: int) -> Recipe:
        usual = RECIPES[style_loss][size > deep]
        style = usual.style if style_layers is None else layer_weights(style_layers, "style_layers")
        return Recipe(
            style,
            usual.content if content_layers is None else layer_weights(content_layers, "content_layers"),
            style_loss,
            content_loss,
            usual.smoothness if style_layers is None else 0.0,
            usual.neighbors if style_layers is None or not usual.neighbors else tuple(style),
        )

    compared = compared_up_to(size)
    return [Scale(s, n, recipe(s), s <= compared) for s, n in zip(sizes, steps, strict=True) if n or s == size]


def compared_up_to(size: int) -> int:
    """The largest scale, in px, at which matching compares all places of a painting, for a picture of a size.

    At finer scales a place is only compared with those near its coarser target. So the places of this scale show in the
    picture: if it were 256 px, they would be squares of 64 px at 4096 px. It is not larger because the time grows with
    its fourth power. At 1024 px it is 40 s on two slow cores.
    """
    return max(DEEP_UP_TO, min(size // 2, max(512, size // 4), 1024))


def planned(network: VGG19, shape: tuple[int, int], scales: Sequence[Scale], memory: float) -> list[Plan]:
    """Plan how to paint each scale of a picture of a shape (height, width) within `memory` bytes."""
    plans = [
        plan(
            margined(shape, scale.size),
            min(scale.steps, HISTORY),
            memory,
            network.dtype,
            reach(scale.recipe.seen),
            scale.recipe.content_channels,
            TILES_FROM.get(network.device.type, math.inf),
        )
        for scale in reversed(scales)  # the largest first, so that an error speaks of the finished picture
    ]
    return plans[::-1]


def margined(shape: tuple[int, int], size: int) -> tuple[int, int]:
    """A picture's shape, margin included, if its longest side without it is `size`."""
    height, width = (UNIT * math.ceil(round(side * size / max(shape)) / UNIT) for side in shape)
    return height, width


def expected_seconds(
    network: VGG19, shape: tuple[int, int], scales: Sequence[Scale], memory: float = math.inf
) -> float:
    """Roughly how long a picture of a shape (height, width) will take, at the pace of this machine now."""
    plans = planned(network, shape, scales, memory)
    cost = sum(scale.cost(how) for scale, how in zip(scales, plans, strict=True))
    return AT_LEAST.get(network.device.type, 0.0) + pace(network) * cost * min(shape) / max(shape)


@cache
def pace(network: VGG19) -> float:
    """Seconds for a unit of `Scale.look`, from the faster of two evaluations."""
    scale = Scale(MEASURED_AT.get(network.device.type, COARSEST // 2), 1, RECIPES["moments"][0])
    x = with_margin(torch.rand(1, 3, scale.size, scale.size).to(network.device))
    function = objective(network, x, [Style(style_statistics(network, x), None)], 0.5, scale.recipe)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        function(x)[0].item()
        times.append(time.perf_counter() - start)
    return BESIDE * min(times[1:]) / scale.step_cost(Plan(None, 0))
