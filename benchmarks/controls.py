"""Paint a contact sheet for each control: python -m benchmarks.controls [NAME …] [--size N] [--out FOLDER]."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFilter, ImageFont
from torch import Tensor

from benchmarks.report import as_jpeg
from styler import StyleTransfer
from styler.images import like, read, resize
from styler.samples import path

# The astronaut's outline, in px of the sample image of 512 x 512 px.
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
# A portrait, a building, an animal, a still life and a landscape.
FIVE = (
    ("astronaut", "great_wave"),
    ("pagoda", "starry_night"),
    ("cat", "composition_viii"),
    ("coffee", "village_street"),
    ("rocket", "deep_field"),
)
MAX_BYTES, GAP, LABEL = 400_000, 4, 18  # px

Row = Iterator[tuple[str, Tensor]]


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
        yield (
            (f"Great Wave {t / 4:.0%}", painted(photo, styles, size, sample_weight=[1 - t / 4, t / 4]))
            for t in range(5)
        )


def sweep(
    name: str, values: Mapping[str, Any], pairs: Sequence[tuple[str, str]] = PAIRS
) -> Callable[[int], Iterator[Row]]:
    """A sheet for one parameter: one row for each pair, with the photo first and then each value, by its caption."""

    def row(photo: str, style: str, size: int) -> Row:
        yield f"{photo}, {style}", resize(read(path(photo)), size)
        for caption, value in values.items():
            yield caption, painted(photo, path(style), size, **{name: value})

    return lambda size: (row(photo, style, size) for photo, style in pairs)


def numbers(name: str, *values: float) -> dict[str, float]:
    """A mapping from captions to numbers."""
    return {f"{name} {value:g}": value for value in values}


def regions(size: int) -> Iterator[Row]:
    """A person in front of a busy background: one style, the subject kept, the background kept, a style for each."""
    mask = {"subject": outline()}
    for a, b in (("deep_field", "composition_viii"), ("starry_night", "great_wave")):
        one, other = path(a), path(b)
        choices = {
            "subject kept": {"subject": None, "background": one},
            "background kept": {"subject": one, "background": None},
            f"subject {b}": {"subject": other, "background": one},
        }
        yield (
            (caption, painted("astronaut", choice, size, regions=None if choice is one else mask))
            for caption, choice in {f"plain {a}": one, **choices}.items()
        )


SHEETS: dict[str, Callable[[int], Iterator[Row]]] = {
    "mix": mix,
    "colors": sweep("colors", {name: name for name in ("painting", "photo", "matched", "palette")}),
    "style_scale": sweep("style_scale", numbers("strokes", 0.5, 0.7, 1.0, 1.4, 2.0)),
    "strength": sweep("strength", numbers("strength", 0.0, 0.25, 0.5, 0.75, 1.0), FIVE),
    "init": sweep("init", {"content": "content", "noise": "noise", "image (the ball)": path("ball")}),
    "regions": regions,
}


def sheet(rows: Iterable[Row]) -> Image.Image:
    """Rows of pictures with captions, on white."""
    cells = [[(caption, like(picture, "a path")) for caption, picture in row] for row in rows]
    heights = [max(picture.height for _, picture in row) + LABEL for row in cells]
    width = max(sum(picture.width + GAP for _, picture in row) for row in cells)
    page = Image.new("RGB", (width, sum(heights)), "white")
    draw, font, y = ImageDraw.Draw(page), ImageFont.load_default(12), 0
    for row, height in zip(cells, heights, strict=True):
        x = 0
        for caption, picture in row:
            page.paste(picture, (x, y))
            draw.text((x + 2, y + height - LABEL + 1), caption, "black", font)
            x += picture.width + GAP
        y += height
    return page


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Paint a contact sheet for each of the artist's controls.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of {', '.join(SHEETS)} (default: all)")
    parser.add_argument("--size", type=int, default=256, help="longest side of a picture in px (default: 256)")
    parser.add_argument("--out", type=Path, default=Path("out-controls"), help="folder (default: out-controls)")
    args = parser.parse_args()
    args.out.mkdir(exist_ok=True)
    for name in args.names or SHEETS:
        file = args.out / f"{name}.jpg"
        file.write_bytes(as_jpeg(sheet(SHEETS[name](args.size)), MAX_BYTES))
        print(file, flush=True)
