"""What is seen of a painting on its way, from this process or from one that a GPU is lent to."""

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

LIVE_SECONDS = 0.25  # between two live pictures; a browser on a phone shows no more
LONGEST_LEASE = 120.0  # seconds for which ZeroGPU lends a GPU
# What a style is learnt from; and, from the fourth on, how.
LESSON = ("paintings", "shares", "where", "size", "preset", "pooling", "style_scale", *RECIPE_PARAMS)


@dataclass(frozen=True)
class Sight:
    """What is seen of a painting on its way: plain data, as it may come from another process.

    Attributes
    ----------
    picture : ndarray of shape (height, width, 3)
        uint8, RGB.
    progress : float
        Share of the work that is done, range (0, 1].
    steps : list of Step
        How far it went at each step.
    point : Point or None
        Of the last sight, where a finer picture can go on from.
    """

    picture: NDArray[np.uint8]
    progress: float
    steps: list[Step]
    point: Point | None = None


@lru_cache(maxsize=8)
def learnt(
    paintings: tuple[Upload, ...],
    shares: tuple[float, ...],
    where: str,
    *choices: Any,
) -> StyleTransfer:
    """A style, learnt once for all who ask for it, with choices in the order of `LESSON`."""
    model = StyleTransfer(device=DEVICE, **dict(zip(LESSON[3:], choices, strict=True)))
    styles, weights = by_region([painting.read() for painting in paintings], shares, where)
    return model.fit(styles, sample_weight=weights)


def subject(order: Order, photo: torch.Tensor) -> torch.Tensor:
    """Where the subject is, drawn by the visitor or found, white and as large as the photo."""
    if order.drawing is None:
        return torch.from_numpy(find_subject(photo))
    return images.resize(order.drawing.painted(), (photo.shape[-2], photo.shape[-1]))


def lease(model: StyleTransfer, photo: torch.Tensor, regions: Any, point: Point | None = None) -> float:
    """Seconds for which to borrow a GPU: twice what is expected, and some to get going."""
    return min(
        LONGEST_LEASE, 10 + 2 * estimate(model.preset, model.size, model.style_layers, model.content_layers, photo)
    )


@gpu(lease)
def sights(
    model: StyleTransfer, photo: torch.Tensor, regions: dict[str, torch.Tensor] | None, point: Point | None = None
) -> Iterator[Sight]:
    """Transform, or go on from where a coarser preset ended, and yield what is seen as often as it is shown.

    A function of its own, which a GPU may be lent for: then it runs in another process, and what it yields is pickled.
    """
    if LENT:
        torch.set_num_threads(1)  # threads of a process that forked are not there in the other, which waits for them
        model = copy(model).set_params(device=None)
    weights = model.scales_[0].recipe.weights(model.strength)
    steps: list[Step] = []
    last, skipped = 0.0, 0
    if point:  # goes on at the last scale, whose first step counts as made
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
