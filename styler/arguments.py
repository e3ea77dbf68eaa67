"""The arguments of the command line. This module imports nothing slow, so that ``--help`` is quick."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable

# A test compares these with the estimator's. Importing the estimator here would make --help wait for torch.
PRESETS = ("preview", "balanced", "fine")
COLORS = ("painting", "photo", "matched", "palette")
STYLE_LOSSES = ("neighbors", "moments", "gram")
CONTENT_LOSSES = ("standardised", "squared")
REGIONS = ("subject", "background")
STARTS = ("content", "noise")
FIND = "find"  # for a mask


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    p = argparse.ArgumentParser(
        prog="styler",
        usage="%(prog)s CONTENT STYLE [STYLE …] -o OUT [options]",
        description="Paint a photo in the style of a painting.",
    )
    p.add_argument("content", metavar="CONTENT", nargs="?", help="the photo, or a folder of photos")
    p.add_argument("style", metavar="STYLE", nargs="*", help="the painting, or several to blend")
    p.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        required=True,
        help="the picture to write: .png, .jpg, .webp or .tif (16 bit). For a folder of photos: a folder. Pictures in "
        "it get the names of their photos; pictures that already exist are kept",
    )
    p.add_argument(
        "--from",
        dest="source",
        metavar="OUT",
        help="a picture painted by this command: paint it again, from the same files and with the same settings. "
        "Options that you give replace its settings",
    )
    p.add_argument("--size", type=number(int, 32), default=512, metavar="N", help="longest side in px (default: 512)")
    p.add_argument("--preset", choices=PRESETS, default="balanced", help="how much time to spend (default: balanced)")
    p.add_argument(
        "--strength",
        type=number(float, 0, 1),
        default=0.5,
        metavar="S",
        help="0 keeps the photo, 1 is all painting (default: 0.5)",
    )
    p.add_argument(
        "--style-scale",
        type=number(float, 0.5, 2),
        default=1.0,
        metavar="S",
        help="size of the strokes: 0.5 halves them, 2 doubles them (default: 1)",
    )
    p.add_argument(
        "--style-weights",
        type=share,
        nargs="+",
        metavar="W",
        help="the share of each painting, as in --style-weights 0.7 0.3. Write this option after the pictures",
    )
    p.add_argument(
        "--init",
        default="content",
        metavar="I",
        help="what to start from: content, the photo in the painting's colours (default); noise; or the path of an "
        "image. Noise and images need --preset fine",
    )
    p.add_argument(
        "--colors",
        choices=COLORS,
        default="painting",
        help="which colours to use. painting: the painting's (default). photo: the photo's, place by place. matched: "
        "the photo's on the whole. palette: the painting's, on the photo without strokes",
    )
    p.add_argument(
        "--mask",
        metavar="M",
        help="an image as large as the photo, white on the subject and black elsewhere; or the word find, "
        "to let the program guess the subject",
    )
    p.add_argument(
        "--save-mask",
        metavar="M",
        help="with --mask find: the file for the mask that was found, so that you can check it",
    )
    for region in REGIONS:
        p.add_argument(
            f"--{region}-style",
            metavar="S",
            help=f"with --mask: the painting for the {region}, or none to keep the photo there (default: STYLE)",
        )
    for kind, default in (("style", "relu1_1, relu2_1 … relu5_1"), ("content", "relu4_2")):
        p.add_argument(
            f"--{kind}-layers",
            type=layer,
            nargs="+",
            metavar="L",
            help="layers of VGG-19 to compare, with or without weights, as in relu1_1=1 relu2_1=0.5. Write this "
            f"option after the pictures (default: {default})",
        )
    p.add_argument(
        "--style-loss",
        choices=STYLE_LOSSES,
        default="neighbors",
        help="how style is compared. neighbors: match strokes to places (default). moments: compare means and "
        "covariances. gram: compare Gram matrices",
    )
    p.add_argument(
        "--content-loss",
        choices=CONTENT_LOSSES,
        default="standardised",
        help="how content is compared. standardised: scale each channel by its standard deviation (default). "
        "squared: the paper's squared error",
    )
    p.add_argument(
        "--jobs",
        type=number(int, -1),
        metavar="N",
        help="how many photos of a folder to paint at the same time; -1: one for each core",
    )
    p.add_argument(
        "--max-memory",
        type=number(float, 0.01),
        metavar="GB",
        help="most memory to paint in, in GB; Python and the network take about 0.9 GB more (default: 3/4 of the free "
        "memory)",
    )
    p.add_argument(
        "--making-of",
        metavar="FILE",
        help="also write a short film of how the picture forms, to this file, which must end in .webp",
    )
    p.add_argument("--resume", action="store_true", help="continue an interrupted picture from the file OUT.resume")
    p.add_argument("--device", metavar="D", help="cpu, cuda or mps (default: the GPU if there is one)")
    p.add_argument(
        "--seed",
        type=number(int, 0, 2**32 - 1),
        default=0,
        metavar="N",
        help="the seed for --init noise (default: 0)",
    )
    p.add_argument("--json", action="store_true", help="print a report as one JSON object")
    p.add_argument("--quiet", action="store_true", help="print errors only, and the JSON if you asked for it")
    return p


def number(kind: Callable[[str], float], least: float, most: float = math.inf) -> Callable[[str], float]:
    """A function that reads a number and checks its bounds."""
    bounds = f"of {least} or more" if most == math.inf else f"from {least} to {most}"

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not a {'whole ' * (kind is int)}number {bounds}.")
        return value

    return read


def share(text: str) -> float:
    """A painting's share of the style."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a number; write the pictures before this option.") from None


def layer(text: str) -> tuple[str, float]:
    """A layer and its weight, from a word such as relu1_1 or relu1_1=0.5."""
    name, _, weight = text.partition("=")
    try:
        value = float(weight or 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"the weight in {text} is not a number; write it as relu1_1=0.5.") from None
    if not re.fullmatch(r"(conv|relu)\d_\d|pixels", name):
        raise argparse.ArgumentTypeError(
            f"{text} is not a layer, such as relu1_1 or relu1_1=0.5; write the pictures before this option."
        )
    return name, value
