"""One contact sheet for each control: python -m benchmarks.controls [NAME …] [--size N] [--out FOLDER]."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from styler import StyleTransfer
from styler.images import read, resize, save
from styler.samples import path

# The astronaut's outline, in px of the sample of 512 x 512.
ASTRONAUT = (
    *(
        (20, 512),
        (22, 400),
        (40, 300),
        (70, 245),
        (115, 205),
        (125, 165),
        (160, 150),
        (183, 148),
        (178, 125),
        (155, 98),
    ),
    *(
        (154, 65),
        (180, 28),
        (230, 14),
        (275, 30),
        (300, 70),
        (298, 100),
        (275, 130),
        (260, 168),
        (285, 190),
        (302, 220),
    ),
    *((307, 245), (345, 265), (360, 320), (362, 352), (400, 344), (450, 352), (485, 400), (497, 460), (512, 512)),
)
PAIRS = (("cat", "starry_night"), ("astronaut", "great_wave"), ("pagoda", "composition_viii"))

Row = Iterator[Tensor]


def outline() -> Image.Image:
    """The astronaut's mask: white inside."""
    mask = Image.new("L", (512, 512))
    ImageDraw.Draw(mask).polygon(ASTRONAUT, fill=255)
    return mask.filter(ImageFilter.MinFilter(5))


def painted(
    photo: str, style: Any, size: int, regions: Any = None, sample_weight: Any = None, **options: Any
) -> Tensor:
    """One picture, as a tensor."""
    model = StyleTransfer(size=size, random_state=0, **options).fit(style, sample_weight=sample_weight)
    return model.transform(read(path(photo))[0], regions=regions)[None]


def mix(size: int) -> Iterator[Row]:
    """From one style to another in five steps."""
    styles = [path("starry_night"), path("great_wave")]
    for photo in ("cat", "pagoda"):
        yield (painted(photo, styles, size, sample_weight=[1 - t / 4, t / 4]) for t in range(5))


def sweep(name: str, values: list[Any]) -> Callable[[int], Iterator[Row]]:
    """A sheet of one parameter's values, a pair a row, the photo first."""

    def rows(size: int) -> Iterator[Row]:
        for photo, style in PAIRS:
            yield (
                resize(read(path(photo)), size) if value is None else painted(photo, path(style), size, **{name: value})
                for value in [None, *values]
            )

    return rows


def regions(size: int) -> Iterator[Row]:
    """The whole, the subject alone, the background alone, each its own."""
    mask = {"subject": outline()}
    for a, b in (("starry_night", "great_wave"), ("deep_field", "composition_viii")):
        one, other = path(a), path(b)
        choices = [
            {"subject": one, "background": None},
            {"subject": None, "background": one},
            {"subject": other, "background": one},
        ]
        yield (
            painted("astronaut", choice, size, regions=mask if choice is not one else None)
            for choice in [one, *choices]
        )


SHEETS: dict[str, Callable[[int], Iterator[Row]]] = {
    "mix": mix,
    "colors": sweep("colors", ["painting", "photo", "matched", "palette"]),
    "style_scale": sweep("style_scale", [0.5, 0.7, 1.0, 1.4, 2.0]),
    "strength": sweep("strength", [0.0, 0.25, 0.5, 0.75, 1.0]),
    "regions": regions,
}


def sheet(rows: Iterator[Row]) -> Tensor:
    """Pictures side by side and rows below one another, on white."""
    lines = [torch.cat([F.pad(image, (0, 4, 0, 4), value=1.0) for image in row], -1) for row in rows]
    width = max(line.shape[-1] for line in lines)
    return torch.cat([F.pad(line, (0, width - line.shape[-1], 0, 0), value=1.0) for line in lines], -2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Paint a contact sheet for each of the artist's controls.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SHEETS)} (default: all)")
    parser.add_argument("--size", type=int, default=256, help="longest side of a picture in px (default: 256)")
    parser.add_argument("--out", type=Path, default=Path("out-controls"), help="folder (default: out-controls)")
    args = parser.parse_args()
    args.out.mkdir(exist_ok=True)
    for name in args.names or SHEETS:
        save(sheet(SHEETS[name](args.size)), args.out / f"{name}.png")
        print(args.out / f"{name}.png")
