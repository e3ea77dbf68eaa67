"""The arguments of the command line, without anything that takes long to import."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable

# Kept in step with the estimator by a test; importing it here would make --help wait for torch.
PRESETS = ("preview", "balanced", "fine")
COLORS = ("painting", "photo", "matched", "palette")
STYLE_LOSSES = ("neighbors", "moments", "gram")
CONTENT_LOSSES = ("standardised", "squared")
REGIONS = ("subject", "background")
STARTS = ("content", "noise")
FIND = "find"  # for a mask


def parser() -> argparse.ArgumentParser:
    """The arguments, without anything that takes long to import."""
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
        help="the picture to write: .png, .jpg, .webp or .tif (16 bit). For a folder of photos: a folder, where "
        "pictures get the names of their photos. Pictures that are already there are kept",
    )
    p.add_argument(
        "--from",
        dest="source",
        metavar="OUT",
        help="paint a picture of this command again, from the same files with the same settings. Options given here "
        "replace its own",
    )
    p.add_argument("--size", type=number(int, 32), default=512, metavar="N", help="longest side in px (default: 512)")
    p.add_argument("--preset", choices=PRESETS, default="balanced", help="how much time to take (default: balanced)")
    p.add_argument(
        "--strength",
        type=number(float, 0, 1),
        default=0.5,
        metavar="S",
        help="from 0, the photo, to 1, all painting (default: 0.5)",
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
        help="the share of each painting, as in --style-weights 0.7 0.3; write it after the pictures",
    )
    p.add_argument(
        "--init",
        default="content",
        metavar="I",
        help="where to start: content (default), noise, or the path of an image. The latter two need --preset fine",
    )
    p.add_argument(
        "--colors",
        choices=COLORS,
        default="painting",
        help="whose colours to show: painting (default); photo, place by place; matched, the photo's as a whole; "
        "palette, the photo in the painting's colours, without strokes",
    )
    p.add_argument(
        "--mask",
        metavar="M",
        help="an image as large as the photo, white where the subject is and black elsewhere; or find, "
        "to let the program guess",
    )
    p.add_argument(
        "--save-mask",
        metavar="M",
        help="with --mask find: where to write the mask that was found, so that you can look at it",
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
            help="layers of VGG-19, with or without weights, as in relu1_1=1 relu2_1=0.5; write them after the "
            f"pictures (default: {default})",
        )
    p.add_argument(
        "--style-loss",
        choices=STYLE_LOSSES,
        default="neighbors",
        help="neighbors: match strokes to places (default); moments: compare means and "
        "covariances; gram: compare Gram matrices",
    )
    p.add_argument(
        "--content-loss",
        choices=CONTENT_LOSSES,
        default="standardised",
        help="standardised: compare each channel in units of its deviation (default); squared: the paper's "
        "squared error",
    )
    p.add_argument(
        "--jobs",
        type=number(int, -1),
        metavar="N",
        help="how many photos of a folder to paint at a time; -1: one for each core",
    )
    p.add_argument(
        "--max-memory",
        type=number(float, 0.01),
        metavar="GB",
        help="memory to paint in, in GB, besides about 0.9 for Python and the network (default: 3/4 of what is free)",
    )
    p.add_argument(
        "--making-of",
        metavar="FILE",
        help="also write a short film of the picture forming, to a file that ends in .webp",
    )
    p.add_argument(
        "--resume", action="store_true", help="continue a picture that was interrupted, from the file OUT.resume"
    )
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
    """What reads a number within bounds."""
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
    """A layer with its weight, from words such as relu1_1 or relu1_1=0.5."""
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
