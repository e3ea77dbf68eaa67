"""Measure what each part of the method contributes: one change a row, against the default.

python -m benchmarks.ablation
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from benchmarks.quality import quality
from benchmarks.report import cell, sheet, table
from styler import StyleTransfer, samples
from styler.hypercolumns import Bank, grid_of, unit_columns, unit_places
from styler.images import read, resize
from styler.matching import Match
from styler.picture import enlarge
from styler.recipe import RECIPES
from styler.saving import save
from styler.schedule import STEPS, Scale

PAIRS = ("pagoda+starry_night", "astronaut+great_wave", "cat+composition_viii")


DEEP, SHALLOW = RECIPES["neighbors"]
TO_RELU4_3 = (*DEEP.neighbors, "relu4_2", "relu4_3")


def flat(g: Tensor) -> Tensor:
    """No preconditioner."""
    return torch.ones_like(g[:, :1])


def only_enlarge(change: Tensor, fine: Tensor, soft: bool) -> Tensor:
    """The picture of the coarser scale, without the detail of the start that only the finer scale shows."""
    size = (fine.shape[-2], fine.shape[-1])
    return enlarge(resize(fine, (change.shape[-2], change.shape[-1])) + change, size).clamp(0, 1)


def most_similar(columns: Mapping[str, Tensor], bank: Bank) -> Match:
    """A match without the correction for hubs."""
    usable = bank.usable.nonzero()[:, 0]
    best = (unit_columns(columns, bank) @ unit_places(bank, usable).T).argmax(1)
    return Match(usable[best].view(grid_of(columns)), bank.grids)


def times(factor: float) -> dict[str, tuple[int, ...]]:
    """The steps of all presets, multiplied by a factor."""
    return STEPS | {"neighbors": tuple(round(factor * n) for n in STEPS["neighbors"])}


def recipes(deep: Any, shallow: Any) -> dict[str, Any]:
    """Other recipes for matched places."""
    return RECIPES | {"neighbors": (deep, shallow)}


# Each change: parameters of the estimator, and names in the package with the values that replace them.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the default": ({}, {}),
    "no correction for hubs": ({}, {"painting.match": most_similar}),
    "no statistics beside the matched places": ({}, {"recipe.STYLE_WEIGHTS": {"neighbors": 0.0}}),
    "no content": ({}, {"recipe.CONTENT_BESIDE_PLACES": 0.0}),
    "all places compared at 128 px alone": ({}, {"schedule.compared_up_to": lambda _: 128}),
    "places matched up to 256 px, statistics alone at 512": (
        {},
        {"schedule.RECIPES": recipes(DEEP, SHALLOW._replace(neighbors=()))},
    ),
    "hypercolumns to relu4_3": ({}, {"schedule.RECIPES": recipes(DEEP._replace(neighbors=TO_RELU4_3), SHALLOW)}),
    "half the steps": ({}, {"schedule.STEPS": times(0.5)}),
    "double the steps": ({}, {"schedule.STEPS": times(2)}),
    "colours that the painting has not": (
        {},
        {"painting.palettes": lambda _, picture, *__: [None] * len(picture.styles)},
    ),
    "statistics alone: mean and covariance": ({"style_loss": "moments"}, {}),
    "statistics alone: Gram matrices": ({"style_loss": "gram"}, {}),
    "both losses as in the paper": ({"style_loss": "gram", "content_loss": "squared"}, {}),
    "content without standardised features": ({"content_loss": "squared"}, {}),
    "scales start from the coarser one enlarged, without the photo's detail": ({}, {"painting.refine": only_enlarge}),
    "L-BFGS without the preconditioner": ({}, {"descent.preconditioner": flat}),
    "steps not smoothed at coarse scales": ({}, {"descent.blurred": torch.positive}),
    "Adam": ({"optimizer": "adam"}, {}),
    "the photo's own colours at the start": ({}, {"picture.recolour": lambda image, *_: image}),
    "no total variation": (
        {},
        {"schedule.RECIPES": recipes(DEEP._replace(smoothness=0.0), SHALLOW._replace(smoothness=0.0))},
    ),
    "average pooling": ({"pooling": "average"}, {}),
    "one scale: 512 alone, 14 steps": ({}, {"estimator.schedule": lambda *_: [Scale(512, 14, DEEP)]}),
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
                begun = time.process_time()
                picture = StyleTransfer(**parameters).fit(style).transform(photo)
                seconds.append(time.process_time() - begun)
            file = pictures / f"{len(rows)} {pair}.png"
            save(picture, file)
            row.append((f"{name[:40]}\n{name[40:]} {seconds[-1]:.0f} s", str(file)))
            judged.append(quality(photo, read(style), picture))
        means = [mean(q[key] for q in judged) for key in judged[0] if key != "painting's noise"]
        rows.append([name, mean(seconds), *means])
        print(" | ".join(map(cell, rows[-1])), flush=True)
        cells.append(row)
    head = ["change", "processor seconds", "style fine", "middle", "coarse"]
    head += ["content", "frame", "noise", "foreign colour"]
    (here / "ablation.md").write_text(table(head, rows), encoding="utf-8")
    (here / "ablation.jpg").write_bytes(sheet(cells))


if __name__ == "__main__":
    main()
