"""Paint what each of five layers keeps of a picture, as in the two rows of the paper's figure 1.

python -m benchmarks.figures content PHOTO [--size N] [--out FILE]
python -m benchmarks.figures style PAINTING [--size N] [--out FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from benchmarks.controls import MAX_BYTES, Row, sheet
from benchmarks.report import as_jpeg
from styler.arguments import number
from styler.images import read, resize
from styler.lesson import rebuilder
from styler.recipe import STYLE_LAYERS
from styler.saving import check_output, save

# Content: one layer at a time. Style: the first layer alone, then the first two, and so on.
FIGURES = {
    "content": [[layer] for layer in ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2")],
    "style": [list(STYLE_LAYERS[: i + 1]) for i in range(len(STYLE_LAYERS))],
}


def row(image: Tensor, size: int, what: str, steps: list[list[str]]) -> Row:
    """The image itself, then what one or more layers keep of it, step by step."""
    yield "itself", resize(image, size)
    for layers in tqdm(steps, unit="picture"):
        picture = rebuilder(what, layers, size).fit(image[0]).transform(image[0])
        yield ("up to " * (len(layers) > 1)) + layers[-1], picture[None]


def main() -> None:
    """Paint one of the figures."""
    parser = argparse.ArgumentParser(description="Show a picture, followed by what each of five layers keeps of it.")
    parser.add_argument("figure", choices=FIGURES)
    parser.add_argument("image", type=Path)
    parser.add_argument("--size", type=number(int, 32), default=256, help="longest side of each in px (default: 256)")
    parser.add_argument("--out", type=Path, help="file (default: figure_content.jpg or figure_style.jpg)")
    args = parser.parse_args()
    out = args.out or Path(f"figure_{args.figure}.jpg")
    try:
        check_output(out)
        figure = sheet([row(read(args.image), args.size, args.figure, FIGURES[args.figure])])
        if out.suffix.lower() in (".jpg", ".jpeg"):
            out.write_bytes(as_jpeg(figure, MAX_BYTES))
        else:
            save(read(figure), out)
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    print(out)


if __name__ == "__main__":
    main()
