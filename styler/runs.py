"""What the command line does with one photo or with a folder: paint, show progress, save and report."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import sys
import time
import warnings
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from styler.estimator import StyleTransfer
    from styler.painting import Stage

CHECKPOINT_SECONDS = 120.0


def sha256(path: str) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


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
    """Paint one photo, show progress, save the picture and report."""
    from tqdm import tqdm

    from styler import checkpoint
    from styler.making import Film, save_making_of
    from styler.saving import save

    settings["sha256"] = {args.content: sha256(args.content), **settings["sha256"]}
    unfinished = f"{args.output}.resume"
    resume = checkpoint.read(unfinished, settings) if args.resume else None
    if not args.resume and Path(unfinished).exists():
        warnings.warn(
            f"{unfinished}, from an interrupted picture, will be discarded; use --resume to continue that picture.",
            stacklevel=2,
        )
    if args.resume and not resume:
        warnings.warn(f"there is no {unfinished} to continue from; painting starts from the beginning.", stacklevel=2)
    ends, written = set(accumulate(scale.steps for scale in painter.scales_)), time.monotonic()
    if not args.quiet:
        print(f"{args.preset}: about {painter.expected_seconds(photo):.0f} s on this machine", file=sys.stderr)
    stage, interrupted, film = None, False, Film(photo) if args.making_of else None
    bar = tqdm(
        total=1.0,
        disable=args.quiet,
        bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed} elapsed, {remaining} remaining",
    )
    try:
        with bar:
            for stage in painter.staged_transform(photo, regions, resume):
                if resume and not bar.n:
                    bar.initial = stage.progress  # steps of an earlier run say nothing about this run's pace
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
    assert stage is not None  # a schedule has at least one step
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
            "(--resume continues)",
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
    """Write a checkpoint. If that fails, warn and go on painting."""
    from styler import checkpoint

    try:
        checkpoint.write(path, stage.point, settings)
    except ValueError as error:
        warnings.warn(f"{error} Until then there is no checkpoint for --resume.", stacklevel=2)


def paint_many(
    args: argparse.Namespace, painter: StyleTransfer, pictures: dict[str, str], settings: dict[str, Any], start: float
) -> int:
    """Paint a folder of photos, show progress and report."""
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
        bar_format="{n_fmt} of {total_fmt} {percentage:3.0f}%|{bar}| {elapsed} elapsed, {remaining} remaining",
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
        parts += [f"{n} {what}" for n, what in ((there, "already there"), (len(failed), "failed")) if n]
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
