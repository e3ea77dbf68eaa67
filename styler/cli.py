"""The command line: ``python -m styler CONTENT STYLE [STYLE …] -o OUT``."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Kept in step with the estimator by a test; importing it here would make --help wait for torch.
PRESETS = ("preview", "balanced", "fine")
REGIONS = ("subject", "background")
FIND = "find"  # for a mask
# What a picture's metadata says of where it came from, by the names of the arguments; and how it was painted.
INPUTS = ("content", "style", "style_weights", "mask", "subject_style", "background_style", "init")
STUDIED = ("style_layers", "content_layers", "style_loss", "content_loss")
CHOICES = ("size", "strength", "style_scale", "preset", "colors", *STUDIED, "device")
STARTS = ("content", "noise")
COLORS = ("painting", "photo", "matched", "palette")
STYLE_LOSSES = ("moments", "gram")
CONTENT_LOSSES = ("standardised", "squared")


def parser() -> argparse.ArgumentParser:
    """The arguments, without anything that takes long to import."""
    p = argparse.ArgumentParser(prog="styler", description="Paint a photo in the style of a painting.")
    p.add_argument("content", metavar="CONTENT", nargs="?", help="the photo")
    p.add_argument("style", metavar="STYLE", nargs="*", help="the painting, or several to be blended")
    p.add_argument("-o", "--output", metavar="OUT", required=True, help="the picture: .png, .jpg, .webp, .tif (16 bit)")
    p.add_argument(
        "--from",
        dest="source",
        metavar="OUT",
        help="paint again what this command painted before: the same files and settings, but for those given anew",
    )
    p.add_argument("--size", type=int, default=512, metavar="N", help="longest side in px (default: 512)")
    p.add_argument("--preset", choices=PRESETS, default="balanced", help="time to take (default: balanced)")
    p.add_argument(
        "--strength", type=float, default=0.5, metavar="S", help="0: the photo, 1: all painting (default: 0.5)"
    )
    p.add_argument(
        "--style-scale",
        type=float,
        default=1.0,
        metavar="S",
        help="size of the strokes, 0.5 to 2: the painting seen from afar or near (default: 1)",
    )
    p.add_argument(
        "--style-weights",
        type=float,
        nargs="+",
        metavar="W",
        help="the share of each painting, after the pictures: --style-weights 0.7 0.3",
    )
    p.add_argument(
        "--init", default="content", metavar="I", help="where to start: content, noise, or an image (default: content)"
    )
    p.add_argument(
        "--colors",
        choices=COLORS,
        default="painting",
        help="whose: the painting's (default), the photo's place by place, the photo's as a whole (matched), or the "
        "painting's without its strokes (palette)",
    )
    p.add_argument(
        "--mask",
        metavar="M",
        help="an image as large as the photo: white where the subject is, black elsewhere; or find, to have it found",
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
            nargs="+",
            metavar="L",
            help=f"after the pictures, with weights or without: relu1_1=1 relu2_1=0.5 (default: {default})",
        )
    p.add_argument(
        "--style-loss",
        choices=STYLE_LOSSES,
        default="moments",
        help="compare mean and covariance (default), or the paper's Gram matrices",
    )
    p.add_argument(
        "--content-loss",
        choices=CONTENT_LOSSES,
        default="standardised",
        help="compare features in units of each channel's deviation (default), or by the paper's squared error",
    )
    p.add_argument("--device", metavar="D", help="cpu, cuda or mps (default: the GPU if there is one)")
    p.add_argument("--seed", type=int, default=0, metavar="N", help="the seed of whatever is random (default: 0)")
    p.add_argument("--json", action="store_true", help="print what was done as one JSON object")
    p.add_argument("--quiet", action="store_true", help="print nothing but errors, and the JSON if asked for")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Paint one picture.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, by default those of the process.

    Returns
    -------
    int
        Exit status: 0 when painted, 2 for bad input, 130 when interrupted (a picture is then saved if there is one).
    """
    p = parser()
    args = p.parse_intermixed_args(argv)
    try:
        if args.source:
            p.set_defaults(**restored(args.source))
            args = p.parse_intermixed_args(argv)
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: print(f"{p.prog}: {message}", file=sys.stderr)
            return run(args)
    except (TypeError, ValueError) as error:
        print(f"{p.prog}: {error}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error):
            raise
        print(f"{p.prog}: a picture of {args.size} px does not fit in memory; give a smaller --size.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{p.prog}: interrupted; nothing more was written.", file=sys.stderr)
        return 130


def restored(path: str) -> dict[str, Any]:
    """The arguments that a picture was painted with, once its files are found to be the same still."""
    from styler.images import settings

    kept = settings(path)
    if not isinstance(kept.get("sha256"), dict):
        raise ValueError(f"{path} does not tell how it was painted; give a picture painted by this command.")
    for source, digest in kept["sha256"].items():
        if not Path(source).is_file():
            raise ValueError(f"{source}, which {path} was painted from, is not there; bring it back or change folder.")
        if sha256(source) != digest:
            raise ValueError(f"{source} has changed since {path} was painted from it; bring the old file back.")
    return {name: kept[name] for name in (*INPUTS, *CHOICES) if name in kept} | {"seed": kept.get("random_state")}


def layers(given: Sequence[str] | dict[str, float] | None) -> dict[str, float] | None:
    """Layers with their weights, from words such as relu1_1 or relu1_1=0.5."""
    if given is None or isinstance(given, dict):
        return given
    words = [word.partition("=") for word in given]
    try:
        return {name: float(weight) if equals else 1.0 for name, equals, weight in words}
    except ValueError:
        raise ValueError(f"{' '.join(given)}: a layer's weight is no number; write it as relu1_1=0.5.") from None


def sha256(path: str) -> str:
    """A file's fingerprint."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def styles(args: argparse.Namespace) -> dict[str, list[str] | None]:
    """The paintings of each region, None where the photo stays; of the whole picture, labelled "", without a mask."""
    if not args.content:
        raise ValueError("there is no photo; name it first: styler photo.jpg painting.jpg -o out.png.")
    given = {region: getattr(args, f"{region}_style") for region in REGIONS}
    if not args.mask:
        if any(given.values()):
            raise ValueError("--subject-style and --background-style need --mask M, to say where the subject is.")
        if not args.style:
            raise ValueError(
                "there is no style; name a painting after the photo: styler photo.jpg painting.jpg -o out.png."
            )
        return {"": args.style}
    if not args.style and not all(given.values()):
        raise ValueError("give a painting after the photo, or both --subject-style and --background-style.")
    if args.style_weights and len(args.style) != len(args.style_weights):
        raise ValueError(
            f"{len(args.style_weights)} style weight(s) for {len(args.style)} style(s); give one weight for each."
        )
    return {
        region: args.style if not style else None if style.lower() == "none" else [style]
        for region, style in given.items()
    }


def run(args: argparse.Namespace) -> int:
    """Paint, show progress, save, report."""
    import torch
    from tqdm import tqdm

    from styler.estimator import StyleTransfer
    from styler.images import check_output, read, save
    from styler.regions import read_mask
    from styler.subject import find_subject

    wanted = styles(args)
    sources = [args.content, *(path for style in wanted.values() for path in style or ())]
    sources += [path for path in (args.mask, args.init) if path and path not in (*STARTS, FIND)]
    if Path(args.output).resolve() in [Path(source).resolve() for source in sources]:
        raise ValueError(f"{args.output} is one of the pictures to start from; give the painted one another name.")
    check_output(args.output)
    start = time.perf_counter()
    painter = StyleTransfer(
        args.size,
        args.strength,
        style_scale=args.style_scale,
        preset=args.preset,
        init=args.init if args.init in STARTS else read(args.init),
        colors=args.colors,
        style_layers=layers(args.style_layers),
        content_layers=layers(args.content_layers),
        style_loss=args.style_loss,
        content_loss=args.content_loss,
        device=args.device,
        random_state=args.seed,
    )
    photo = read(args.content)
    weights, regions = args.style_weights, None
    if args.mask == FIND:
        regions = {"subject": torch.from_numpy(find_subject(photo))}
    elif args.mask:
        regions = {"subject": read_mask(args.mask, args.mask, (photo.shape[-2], photo.shape[-1]))}
    if regions is None:
        painter.fit(args.style, sample_weight=weights)
    else:
        blended = {region: weights for region, style in wanted.items() if style is args.style}
        painter.fit(wanted, sample_weight=blended)
    digests = {source: sha256(source) for source in sources}
    if not args.quiet:
        print(f"{args.preset}: about {painter.expected_seconds(photo):.0f} s on this machine", file=sys.stderr)
    stage, interrupted = None, False
    bar = tqdm(
        total=1.0,
        disable=args.quiet,
        bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left",
    )
    try:
        with bar:
            for stage in painter.staged_transform(photo, regions):
                bar.set_description(f"{stage.scale} px", refresh=False)
                bar.update(stage.progress - bar.n)
    except KeyboardInterrupt:
        if stage is None:
            raise
        interrupted = True
    assert stage is not None  # a schedule has one step at least
    seconds = time.perf_counter() - start
    settings = painter.get_params() | {name: getattr(args, name) for name in INPUTS}
    settings |= {"sha256": digests, "steps": stage.step, "of_steps": stage.n_steps}
    save(stage.image, args.output, settings)
    height, width = stage.image.shape[-2:]
    if interrupted:
        print(
            f"styler: interrupted at step {stage.step} of {stage.n_steps}; saved so far: {args.output}", file=sys.stderr
        )
    elif not args.quiet and not args.json:
        print(f"{args.output}: {width} x {height} px in {seconds:.1f} s", file=sys.stderr)
    if args.json:
        before, after = (painter.distances(photo, picture, regions) for picture in (photo, stage.image))
        report = {
            "output": args.output,
            "size": [width, height],
            "seconds": round(seconds, 3),
            "iterations": stage.step,
            "interrupted": interrupted,
            "device": painter.device_,
            "dtype": painter.dtype_,
            "content_distance": {"before": before["content"], "after": after["content"]},
            "style_distance": {"before": before["style"], "after": after["style"]},
            "settings": settings,
        }
        print(json.dumps(report, default=str))
    return 130 if interrupted else 0
