"""Live pictures of a painting in progress, from this process or from one with a borrowed GPU."""

import time
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from styler import images
from styler.demo.hosting import DEVICE, LENT, gpu
from styler.demo.orders import Order, by_region
from styler.demo.pace import estimate
from styler.demo.plots import Step, step_of
from styler.demo.uploads import Upload
from styler.estimator import RECIPE_PARAMS, StyleTransfer
from styler.painting import Point
from styler.subject import find_subject

LIVE_SECONDS = 0.25  # between two live pictures; a phone's browser shows no more
LONGEST_LEASE = 120.0  # seconds; the longest time to borrow a GPU from ZeroGPU
# The fields of an order that a style is learnt from; from the fourth on, they say how it is learnt.
LESSON = ("paintings", "shares", "where", "size", "preset", "pooling", "style_scale", *RECIPE_PARAMS)


@dataclass(frozen=True)
class Sight:
    """A live picture of a painting in progress: plain data, as it may come from another process.

    Attributes
    ----------
    picture : ndarray of shape (height, width, 3)
        uint8, RGB.
    progress : float
        Share of the work done, range (0, 1].
    steps : list of Step
        Where the picture stood after each step.
    point : Point or None
        Where a finer picture can continue from; only the last sight has it.
    """

    picture: NDArray[np.uint8]
    progress: float
    steps: list[Step]
    point: Point | None = None


def painter_for(order: Order) -> StyleTransfer:
    """Return a fitted painter with all the settings of an order."""
    model = learnt(*(getattr(order, name) for name in LESSON))
    init = order.init if isinstance(order.init, str) else order.init.read()
    return copy(model).set_params(strength=order.strength, colors=order.colors, init=init, random_state=order.seed)


@lru_cache(maxsize=8)
def learnt(
    paintings: tuple[Upload, ...],
    shares: tuple[float, ...],
    where: str,
    *choices: Any,
) -> StyleTransfer:
    """Return a fitted painter; each style is learnt once and then cached. Choices are in the order of `LESSON`."""
    model = StyleTransfer(device=DEVICE, **dict(zip(LESSON[3:], choices, strict=True)))
    styles, weights = by_region([painting.read() for painting in paintings], shares, where)
    return model.fit(styles, sample_weight=weights)


def subject(order: Order, photo: torch.Tensor) -> torch.Tensor:
    """Return the mask of the subject, drawn by the visitor or found: white, and as large as the photo."""
    if order.drawing is None:
        return torch.from_numpy(find_subject(photo))
    return images.resize(order.drawing.painted(), (photo.shape[-2], photo.shape[-1]))


def lease(model: StyleTransfer, photo: torch.Tensor, regions: Any, point: Point | None = None) -> float:
    """Return for how many seconds to borrow a GPU: twice the estimate and 10 to start, up to `LONGEST_LEASE`."""
    return min(
        LONGEST_LEASE, 10 + 2 * estimate(model.preset, model.size, model.style_layers, model.content_layers, photo)
    )


@gpu(lease)
def sights(
    model: StyleTransfer, photo: torch.Tensor, regions: dict[str, torch.Tensor] | None, point: Point | None = None
) -> Iterator[Sight]:
    """Paint, or continue from where a coarser preset ended, and yield a sight as often as the page shows one.

    It is a function of its own so that a GPU can be lent to it. It then runs in another process, and what it yields is
    pickled.
    """
    if LENT:
        torch.set_num_threads(1)  # a forked process has none of its parent's threads, and would wait for them
        model = copy(model).set_params(device=None)
    weights = model.scales_[0].recipe.weights(model.strength)
    steps: list[Step] = []
    last, skipped = 0.0, 0
    if point:  # continues at the last scale, whose first step counts as done
        skipped = sum(scale.steps for scale in model.scales_[:-1]) + 1
        point = point._replace(step=skipped)
    for stage in model.staged_transform(photo, regions, point):
        steps.append(step_of(stage, weights))
        done = stage.step == stage.n_steps
        if time.monotonic() - last >= LIVE_SECONDS or done:
            last = time.monotonic()
            progress = (stage.step - skipped) / (stage.n_steps - skipped) if point else stage.progress
            held = stage.point if done and not LENT else None  # a borrowed GPU's memory goes back with it
            yield Sight(np.asarray(images.like(stage.image, "a path")), progress, [*steps], held)
