"""What VGG-19 keeps of a picture, layer by layer, as in the paper's figure 1.

python -m benchmarks.figures content PHOTO, or style PAINTING [--size N] [--out FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from torch import Tensor

from benchmarks.controls import Row, sheet
from styler import StyleTransfer
from styler.images import read, resize

# Their names in the paper leave the ReLU out.
CONTENT = ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2")
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


def rebuilt(image: Tensor, size: int, strength: float, layers: list[str], preset: str = "fine") -> Tensor:
    """From noise, what some layers know of an image: at strength 0 its content, at 1 its style."""
    model = StyleTransfer(
        size,
        strength,
        preset=preset,
        init="noise",
        style_layers=layers,
        content_layers=layers,
        style_loss="gram",
        content_loss="squared",
        random_state=0,
    )
    return model.fit(image[0]).transform(image[0])[None]


def content(image: Tensor, size: int, preset: str) -> Row:
    """Each layer's content alone, after the image itself."""
    yield "the photo", resize(image, size)
    yield from ((layer, rebuilt(image, size, 0, [layer], preset)) for layer in CONTENT)


def style(image: Tensor, size: int, preset: str) -> Row:
    """Texture from the first layer alone, from the first two, and so on."""
    yield "the painting", resize(image, size)
    yield from ((f"to {layer}", rebuilt(image, size, 1, list(STYLE[: i + 1]), preset)) for i, layer in enumerate(STYLE))


FIGURES = {"content": content, "style": style}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Paint what each of five layers knows of a picture.")
    parser.add_argument("figure", choices=FIGURES)
    parser.add_argument("image", type=Path)
    parser.add_argument("--size", type=int, default=256, help="longest side of a picture in px (default: 256)")
    parser.add_argument("--preset", default="fine")
    parser.add_argument("--out", type=Path, help="file (default: figure-content.png or figure-style.png)")
    args = parser.parse_args()
    out = args.out or Path(f"figure-{args.figure}.png")
    sheet(iter([FIGURES[args.figure](read(args.image), args.size, args.preset)])).save(out)
    print(out)
