"""Sheets for a blind comparison of two sets of pictures.

python -m benchmarks.blind PAIRS.csv ONE OTHER --out DIR --key FILE

PAIRS.csv has a line for each picture: its name, the photo's path and the painting's path. ONE and OTHER are folders.
Each has one picture of every name, in any format. A sheet shows the photo, the painting, and the two pictures as A and
B. Their order is drawn at random for each sheet. Only the key says which is which; it is for the person who counts the
votes.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from styler.images import like, read, resize

SIDE, LABEL, GAP = 512, 24, 12  # px


def pairs(file: Path) -> list[tuple[str, str, str]]:
    """Name, photo and painting of each picture; paths are relative to the file."""
    with file.open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.reader(lines) if row]
    bad = next((row for row in rows if len(row) != 3), None)
    if bad is not None:
        raise ValueError(f"{file}: the line {','.join(bad)!r} does not have three parts; give name,photo,painting.")
    return [(name, str(file.parent / photo), str(file.parent / painting)) for name, photo, painting in rows]


def picture(folder: Path, name: str) -> Path:
    """The only file with a name, in any format."""
    found = sorted(folder.glob(f"{name}.*"))
    if len(found) != 1:
        raise ValueError(f"{folder} has {len(found)} files named {name}; it needs exactly one.")
    return found[0]


def sheet(cells: Iterable[tuple[str, str | Path]]) -> Image.Image:
    """Pictures with captions, two in a row, all of the same size."""
    images = [(caption, like(resize(read(path), SIDE), "a path")) for caption, path in cells]
    width, height = (max(getattr(image, side) for _, image in images) for side in ("width", "height"))
    page = Image.new("RGB", (2 * (width + GAP), 2 * (height + LABEL + GAP)), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(18)
    for i, (caption, image) in enumerate(images):
        x, y = i % 2 * (width + GAP), i // 2 * (height + LABEL + GAP)
        draw.text((x + 2, y), caption, "black", font)
        page.paste(image, (x, y + LABEL))
    return page


def main() -> None:
    """Write a sheet for each pair, and the key."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("pairs", type=Path, metavar="PAIRS.csv")
    p.add_argument("one", type=Path, metavar="ONE", help="a folder of pictures")
    p.add_argument("other", type=Path, metavar="OTHER", help="a folder of pictures")
    p.add_argument("--out", type=Path, required=True, help="folder for the sheets")
    p.add_argument("--key", type=Path, required=True, help="file for the key; the judges must not see it")
    p.add_argument("--seed", type=int, help="seed of the random order, to draw the same order again")
    args = p.parse_args()
    if args.key.resolve().parent == args.out.resolve():
        p.error(f"{args.key} would be in the folder of the sheets; keep the key in another folder.")
    drawn, key = random.Random(args.seed), {}
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        for name, photo, painting in pairs(args.pairs):
            two = [args.one, args.other]
            drawn.shuffle(two)
            a, b = (picture(folder, name) for folder in two)
            sheet([("photo", photo), ("painting", painting), ("A", a), ("B", b)]).save(args.out / f"{name}.png")
            key[name] = {"A": str(two[0]), "B": str(two[1])}
    except ValueError as error:
        p.error(str(error))
    args.key.write_text(json.dumps(key, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
