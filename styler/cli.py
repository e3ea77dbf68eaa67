"""The command line: ``python -m styler CONTENT STYLE [STYLE …] -o OUT``."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import math
import re
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from styler.estimator import StyleTransfer
    from styler.painting import Stage

# Kept in step with the estimator by a test; importing it here would make --help wait for torch.
PRESETS = ("preview", "balanced", "fine")
REGIONS = ("subject", "background")
CHECKPOINT_SECONDS = 120.0
FIND = "find"  # for a mask
# What a picture's metadata says of where it came from, by the names of the arguments; and how it was painted.
INPUTS = ("content", "style", "style_weights", "mask", "subject_style", "background_style", "init")
STUDIED = ("style_layers", "content_layers", "style_loss", "content_loss")
CHOICES = ("size", "strength", "style_scale", "preset", "colors", *STUDIED, "device")
STARTS = ("content", "noise")
COLORS = ("painting", "photo", "matched", "palette")
STYLE_LOSSES = ("neighbors", "moments", "gram")
CONTENT_LOSSES = ("standardised", "squared")


def parser() -> argparse.ArgumentParser:
    """The arguments, without anything that takes long to import."""
    p = argparse.ArgumentParser(
        prog="styler",
        usage="%(prog)s CONTENT STYLE [STYLE …] -o OUT [options]",
        description="Paint a photo in the style of a painting.",
    )
    p.add_argument("content", metavar="CONTENT", nargs="?", help="the photo, or a folder of photos")
    p.add_argument("style", metavar="STYLE", nargs="*", help="the painting, or several to be blended")
    p.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        required=True,
        help="the picture: .png, .jpg, .webp, .tif (16 bit); of a folder, a folder for pictures named as their photos, "
        "where those already there are left as they are",
    )
    p.add_argument(
        "--from",
        dest="source",
        metavar="OUT",
        help="paint again what this command painted before: the same files and settings, but for those given anew",
    )
    p.add_argument("--size", type=number(int, 32), default=512, metavar="N", help="longest side in px (default: 512)")
    p.add_argument("--preset", choices=PRESETS, default="balanced", help="time to take (default: balanced)")
    p.add_argument(
        "--strength",
        type=number(float, 0, 1),
        default=0.5,
        metavar="S",
        help="0: the photo, 1: all painting (default: 0.5)",
    )
    p.add_argument(
        "--style-scale",
        type=number(float, 0.5, 2),
        default=1.0,
        metavar="S",
        help="size of the strokes, 0.5 to 2: the painting seen from afar or near (default: 1)",
    )
    p.add_argument(
        "--style-weights",
        type=share,
        nargs="+",
        metavar="W",
        help="the share of each painting, after the pictures: --style-weights 0.7 0.3",
    )
    p.add_argument(
        "--init",
        default="content",
        metavar="I",
        help="where to start: content (default); or noise or an image, which take --preset fine",
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
        help="an image as large as the photo: white where the subject is, black elsewhere; or find, to have it guessed",
    )
    p.add_argument("--save-mask", metavar="M", help="with --mask find: where to write what was found, to be looked at")
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
            help=f"after the pictures, with weights or without: relu1_1=1 relu2_1=0.5 (default: {default})",
        )
    p.add_argument(
        "--style-loss",
        choices=STYLE_LOSSES,
        default="neighbors",
        help="match strokes to places (default), or compare statistics alone: mean and covariance, or Gram matrices",
    )
    p.add_argument(
        "--content-loss",
        choices=CONTENT_LOSSES,
        default="standardised",
        help="compare features in units of each channel's deviation (default), or by the paper's squared error",
    )
    p.add_argument(
        "--jobs",
        type=number(int, -1),
        metavar="N",
        help="how many photos of a folder to paint at a time, -1: as many as cores",
    )
    p.add_argument(
        "--max-memory",
        type=number(float, 0.01),
        metavar="GB",
        help="memory to paint in, in GB, beside 0.9 or so for Python and the network (default: 3/4 of what is free)",
    )
    p.add_argument(
        "--making-of",
        metavar="FILE",
        help="also write a short film of the picture forming, to a file that ends in .webp",
    )
    p.add_argument(
        "--resume", action="store_true", help="go on with a picture that was broken off, from the file OUT.resume"
    )
    p.add_argument("--device", metavar="D", help="cpu, cuda or mps (default: the GPU if there is one)")
    p.add_argument(
        "--seed",
        type=number(int, 0, 2**32 - 1),
        default=0,
        metavar="N",
        help="the seed of whatever is random (default: 0)",
    )
    p.add_argument("--json", action="store_true", help="print what was done as one JSON object")
    p.add_argument("--quiet", action="store_true", help="print nothing but errors, and the JSON if asked for")
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
        raise argparse.ArgumentTypeError(f"{text} is no number; name the pictures before this option.") from None


def layer(text: str) -> tuple[str, float]:
    """A layer with its weight, from words such as relu1_1 or relu1_1=0.5."""
    name, _, weight = text.partition("=")
    try:
        value = float(weight or 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"the weight in {text} is no number; write it as relu1_1=0.5.") from None
    if not re.fullmatch(r"(conv|relu)\d_\d|pixels", name):
        raise argparse.ArgumentTypeError(
            f"{text} is no layer, such as relu1_1 or relu1_1=0.5; name the pictures before this option."
        )
    return name, value


def main(argv: Sequence[str] | None = None) -> int:
    """Paint a photo, or those of a folder.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, by default those of the process.

    Returns
    -------
    int
        Exit status: 0 when painted, 2 for bad input, also of one photo out of many, 130 when interrupted (a single
        picture is then saved if there is one; of many, those that were done).
    """
    p = parser()
    args = p.parse_intermixed_args(argv)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: print(f"{p.prog}: {message}", file=sys.stderr)
            if args.quiet:
                warnings.simplefilter("ignore")
            if args.source:
                p.set_defaults(**restored(args.source))
                args = p.parse_intermixed_args(argv)
            return run(args)
    except (TypeError, ValueError) as error:
        print(f"{p.prog}: {error}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error):
            raise
        print(
            f"{p.prog}: a picture of {args.size} px does not fit in memory; give a smaller --size or fewer --jobs.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print(f"\n{p.prog}: interrupted before there was a picture.", file=sys.stderr)
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
    if kept.get("steps", 0) < kept.get("of_steps", 0):
        warnings.warn(
            f"{path} was stopped at step {kept['steps']} of {kept['of_steps']}; it is painted to the end now.",
            stacklevel=2,
        )
    arguments = {name: kept[name] for name in (*INPUTS, *CHOICES) if kept.get(name) not in (None, [])}
    return arguments | {"seed": kept.get("random_state")}


def layers(given: Sequence[tuple[str, float]] | dict[str, float] | None) -> dict[str, float] | None:
    """Layers with their weights, as given now or restored."""
    if given is None or isinstance(given, dict):
        return given
    weights = dict(given)
    if len(weights) < len(given):
        raise ValueError(f"a layer is named twice in {' '.join(name for name, _ in given)}; name each once.")
    return weights


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
    if args.style and all(given.values()):
        warnings.warn(f"{' and '.join(args.style)}: not used, as both regions have a style of their own.", stacklevel=2)
    if args.style_weights and len(args.style) != len(args.style_weights):
        raise ValueError(
            f"{len(args.style_weights)} style weight(s) for {len(args.style)} style(s); give one weight for each."
        )
    return {
        region: args.style if not style else None if style.lower() == "none" else [style]
        for region, style in given.items()
    }


def run(args: argparse.Namespace) -> int:
    """Learn the style, and paint what is to be painted."""
    from styler.estimator import StyleTransfer
    from styler.images import check_output, read, save
    from styler.making import check_film
    from styler.many import photos_in, pictures_of
    from styler.regions import read_mask

    start, wanted = time.perf_counter(), styles(args)
    if args.jobs == 0:
        raise ValueError("--jobs is 0; give 1 or more, or -1 for as many as there are cores.")
    if args.save_mask and args.mask != FIND:
        raise ValueError(f"--save-mask writes what is found; it needs --mask {FIND}.")
    if args.save_mask and is_among(args.save_mask, [args.output]):
        raise ValueError(f"{args.output} can't be the mask and the picture; give --save-mask another name.")
    if not Path(args.content).exists():
        raise ValueError(f"{args.content} does not exist; check the path.")
    if args.init not in STARTS and not Path(args.init).exists():
        raise ValueError(f"--init {args.init} is neither {' nor '.join(STARTS)}, nor an image that is there.")
    if args.init != STARTS[0] and args.preset != PRESETS[-1]:
        warnings.warn(f"{args.init} is far to start from; --preset {PRESETS[-1]} takes the time.", stacklevel=2)
    sources = [path for style in wanted.values() for path in style or ()]
    sources += [path for path in (args.mask, args.init) if path and path not in (*STARTS, FIND)]
    many = Path(args.content).is_dir()
    if many:
        if args.mask not in (None, FIND):
            raise ValueError(f"--mask {args.mask} is of one photo; for a folder of photos use --mask {FIND}.")
        if args.resume or args.save_mask or args.making_of:
            raise ValueError("--resume, --save-mask and --making-of are for one photo; leave them out for a folder.")
        photos = [photo for photo in photos_in(args.content) if not is_among(photo, sources)]
        pictures = pictures_of(photos, args.output)
    else:
        if args.making_of and is_among(args.making_of, [args.output, *filter(None, [args.save_mask])]):
            raise ValueError(f"{args.making_of} can't be two things; give --making-of another name.")
        if args.making_of:
            check_film(args.making_of)
        for path in filter(None, (args.output, args.save_mask, args.making_of)):
            if is_among(path, [args.content, *sources]):
                raise ValueError(f"{path} is one of the pictures to start from; give the new one another name.")
            check_output(path)
        photo, regions = read(args.content), None
        if args.mask == FIND:
            regions = find(photo)
            if args.save_mask:
                save(regions["subject"].expand(1, 3, -1, -1), args.save_mask)
        elif args.mask:
            regions = {"subject": read_mask(args.mask, args.mask, (photo.shape[-2], photo.shape[-1]))}
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
        max_memory=args.max_memory,
        random_state=args.seed,
        n_jobs=args.jobs,
    )
    if args.mask:
        blended = {region: args.style_weights for region, style in wanted.items() if style is args.style}
        painter.fit(wanted, sample_weight=blended)
    else:
        painter.fit(args.style, sample_weight=args.style_weights)
    settings = painter.get_params() | {name: getattr(args, name) for name in INPUTS}
    settings["sha256"] = {source: sha256(source) for source in sources}
    if many:
        return paint_many(args, painter, pictures, settings, start)
    return paint_one(args, painter, photo, regions, settings, start)


def is_among(path: str, others: Sequence[str]) -> bool:
    """Whether a path is one of some files."""
    return Path(path).resolve() in [Path(other).resolve() for other in others]


def find(photo: Tensor) -> dict[str, Tensor]:
    """The subject of a photo, as regions."""
    import torch

    from styler.subject import find_subject

    return {"subject": torch.from_numpy(find_subject(photo))}


def paint_one(
    args: argparse.Namespace,
    painter: StyleTransfer,
    photo: Tensor,
    regions: dict[str, Tensor] | None,
    settings: dict[str, Any],
    start: float,
) -> int:
    """Paint, show progress, save, report."""
    from tqdm import tqdm

    from styler import checkpoint
    from styler.images import save
    from styler.making import Film, save_making_of

    settings["sha256"] = {args.content: sha256(args.content), **settings["sha256"]}
    unfinished = f"{args.output}.resume"
    resume = checkpoint.read(unfinished, settings) if args.resume else None
    if not args.resume and Path(unfinished).exists():
        warnings.warn(f"{unfinished}, of a picture broken off, gives way to this one; --resume goes on.", stacklevel=2)
    if args.resume and not resume:
        warnings.warn(f"there is no {unfinished} to go on from; the picture is painted from the start.", stacklevel=2)
    ends, written = set(accumulate(scale.steps for scale in painter.scales_)), time.monotonic()
    if not args.quiet:
        print(f"{args.preset}: about {painter.expected_seconds(photo):.0f} s on this machine", file=sys.stderr)
    stage, interrupted, film = None, False, Film(photo) if args.making_of else None
    bar = tqdm(
        total=1.0,
        disable=args.quiet,
        bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left",
    )
    try:
        with bar:
            for stage in painter.staged_transform(photo, regions, resume):
                if resume and not bar.n:
                    bar.initial = stage.progress  # what another process did tells nothing of this one's pace
                bar.set_description(f"{stage.scale} px", refresh=False)
                bar.update(stage.progress - bar.n)
                if film:
                    film.take(partial(getattr, stage, "image"))
                late = time.monotonic() > written + CHECKPOINT_SECONDS
                if stage.step < stage.n_steps and (late or stage.step in ends):
                    keep(unfinished, stage, settings)
                    written = time.monotonic()
    except KeyboardInterrupt:
        if stage is None:
            raise
        interrupted = stage.step < stage.n_steps
    assert stage is not None  # a schedule has one step at least
    seconds = time.perf_counter() - start
    made = {"steps": stage.step, "of_steps": stage.n_steps}
    save(stage.image, args.output, settings | made)
    if film:
        film.take(lambda: stage.image, last=True)
        save_making_of(film.frames, args.making_of)
    height, width = stage.image.shape[-2:]
    if not interrupted:
        with contextlib.suppress(OSError):
            Path(unfinished).unlink()
    if interrupted:
        keep(unfinished, stage, settings)
        print(
            f"styler: interrupted at step {stage.step} of {stage.n_steps}; saved so far: {args.output} "
            "(--resume goes on)",
            file=sys.stderr,
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
            "settings": settings | made,
        }
        print(json.dumps(report, default=str))
    return 130 if interrupted else 0


def keep(path: str, stage: Stage, settings: dict[str, Any]) -> None:
    """Write a checkpoint; where it can't be, that is told, and the picture goes on."""
    from styler import checkpoint

    try:
        checkpoint.write(path, stage.point, settings)
    except ValueError as error:
        warnings.warn(f"{error} Until then there is nothing for --resume.", stacklevel=2)


def paint_many(
    args: argparse.Namespace, painter: StyleTransfer, pictures: dict[str, str], settings: dict[str, Any], start: float
) -> int:
    """Paint, show progress, report."""
    from tqdm import tqdm

    from styler.many import paint_files

    there = sum(Path(picture).exists() for picture in pictures.values())
    left = len(pictures) - there
    expected = 0.0 if args.quiet else left * painter.expected_seconds()
    results = paint_files(painter, list(pictures), args.output, find if args.mask else None, settings)
    if not args.quiet:
        about = f"{expected:.0f} s" if expected < 120 else f"{expected / 60:.0f} minutes"
        print(f"{args.preset}: {left} photo(s), about {about} on this machine", file=sys.stderr)
    outcomes, interrupted = [], False
    bar = tqdm(
        total=len(pictures),
        initial=there,
        disable=args.quiet,
        smoothing=0,
        bar_format="{n_fmt} of {total_fmt} {percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left",
    )
    try:
        with bar:
            for outcome in results:
                outcomes.append(outcome)
                bar.update(outcome.seconds is not None)
    except KeyboardInterrupt:
        interrupted = True
    seconds = time.perf_counter() - start
    failed = [outcome for outcome in outcomes if outcome.error]
    painted = [outcome for outcome in outcomes if outcome.seconds is not None and not outcome.error]
    for outcome in failed:
        print(f"styler: {outcome.error}", file=sys.stderr)
    if interrupted:
        print("styler: interrupted; the same command paints the rest.", file=sys.stderr)
    if not args.quiet and not args.json:
        parts = [f"{len(painted)} painted"]
        parts += [f"{n} {what}" for n, what in ((there, "there already"), (len(failed), "failed")) if n]
        print(f"{args.output}: {', '.join(parts)}, in {seconds:.1f} s", file=sys.stderr)
    if args.json:
        report = {
            "output": args.output,
            "seconds": round(seconds, 3),
            "interrupted": interrupted,
            "device": painter.device_,
            "dtype": painter.dtype_,
            "pictures": [outcome._asdict() for outcome in outcomes],
            "settings": settings,
        }
        print(json.dumps(report, default=str))
    return 130 if interrupted else 2 if failed else 0
