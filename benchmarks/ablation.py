"""What each part is worth: one change a row, against the default. python -m benchmarks.ablation"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from benchmarks.quality import quality
from benchmarks.report import cell, sheet, table
from styler import StyleTransfer, painting, samples
from styler.images import read, resize, save
from styler.recipe import RECIPE, SHALLOW, Recipe
from styler.schedule import Scale

PAIRS = ("pagoda+starry_night", "astronaut+great_wave", "cat+composition_viii")


def scales(*rows: tuple[int, int, Recipe]) -> Callable[..., list[Scale]]:
    """A schedule of (px, steps, recipe), whatever is asked for."""
    return lambda *_: [Scale(*row) for row in rows]


def flat(g: Tensor) -> Tensor:
    """No preconditioner."""
    return torch.ones_like(g[:, :1])


def only_enlarge(change: Tensor, fine: Tensor, soft: bool) -> Tensor:
    """The picture of a coarser scale, and nothing of the start that only a finer one shows."""
    size = (fine.shape[-2], fine.shape[-1])
    return painting.enlarge(resize(fine, (change.shape[-2], change.shape[-1])) + change, size).clamp(0, 1)


# What is changed: parameters of the estimator, and names of the package to be replaced.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the default": ({}, {}),
    "scales start from the coarser one enlarged, without the photo's detail": (
        {},
        {"painting.refine": only_enlarge},
    ),
    "L-BFGS without the preconditioner": ({}, {"descent.preconditioner": flat}),
    "Adam": ({"optimizer": "adam"}, {}),
    "Gram matrices instead of covariance and mean": ({"style_loss": "gram"}, {}),
    "content without standardised features": ({"content_loss": "squared"}, {}),
    "both, as in the paper": ({"style_loss": "gram", "content_loss": "squared"}, {}),
    "the photo's own colours at the start": ({}, {"painting.recolour": lambda image, *_: image}),
    "no total variation": (
        {},
        {"schedule.RECIPE": RECIPE._replace(smoothness=0), "schedule.SHALLOW": SHALLOW._replace(smoothness=0)},
    ),
    "average pooling": ({"pooling": "average"}, {}),
    "five scales (128, 192, 256, 384, 512), deep to 384": (
        {},
        {
            "estimator.schedule": scales(
                (128, 42, RECIPE), (192, 24, RECIPE), (256, 16, RECIPE), (384, 10, RECIPE), (512, 6, SHALLOW)
            )
        },
    ),
    "deep layers at 512, too": (
        {},
        {"estimator.schedule": scales((128, 42, RECIPE), (256, 16, RECIPE), (512, 6, RECIPE))},
    ),
    "one scale: 512 alone, 24 steps": ({}, {"estimator.schedule": scales((512, 24, RECIPE))}),
}


def main() -> None:
    """Write ablation.md and ablation.jpg beside this file."""
    here, pictures = Path(__file__).parent, Path("out-ablation")
    pictures.mkdir(exist_ok=True)
    rows: list[list[Any]] = []
    cells = []
    for name, (parameters, replaced) in CHANGES.items():
        seconds, judged, row = [], [], []
        for pair in PAIRS:
            content, style = (samples.path(key) for key in pair.split("+"))
            photo = read(content)
            with contextlib.ExitStack() as stack:
                for target, value in replaced.items():
                    stack.enter_context(patch(f"styler.{target}", value))
                begun = time.perf_counter()
                picture = StyleTransfer(**parameters).fit(style).transform(photo)
                seconds.append(time.perf_counter() - begun)
            file = pictures / f"{len(rows)} {pair}.png"
            save(picture, file)
            row.append((f"{name[:40]}\n{name[40:]} {seconds[-1]:.1f} s", str(file)))
            judged.append(quality(photo, read(style), picture))
        means = [mean(q[key] for q in judged) for key in list(judged[0])[:-1]]
        rows.append([name, mean(seconds), *means])
        print(" | ".join(map(cell, rows[-1])), flush=True)
        cells.append(row)
    head = ["change", "seconds", "style fine", "middle", "coarse", "content", "frame", "noise"]
    (here / "ablation.md").write_text(table(head, rows), encoding="utf-8")
    (here / "ablation.jpg").write_bytes(sheet(cells))


if __name__ == "__main__":
    main()
