"""The command line: ``python -m styler CONTENT STYLE [STYLE …] -o OUT``."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from styler.arguments import FIND, PRESETS, REGIONS, STARTS, parser
from styler.runs import find, paint_many, paint_one, sha256

# Arguments that a picture's metadata keeps: its input files, and how it was painted.
INPUTS = ("content", "style", "style_weights", "mask", "subject_style", "background_style", "init")
STUDIED = ("style_layers", "content_layers", "style_loss", "content_loss")
CHOICES = ("size", "strength", "style_scale", "preset", "colors", *STUDIED, "device")


def main(argv: Sequence[str] | None = None) -> int:
    """Paint a photo, or those of a folder.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, by default those of the process.

    Returns
    -------
    int
        Exit status. 0: everything was painted. 2: an input was bad, even if it was only one photo of many. 130: the
        command was interrupted. Then a single picture is saved as far as it has come, if painting had begun; of many,
        the finished pictures are saved.
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
    """The arguments that a picture was painted with, after a check that its input files have not changed."""
    from styler.saving import settings

    kept = settings(path)
    if not isinstance(kept.get("sha256"), dict):
        raise ValueError(f"{path} does not tell how it was painted; give a picture painted by this command.")
    for source, digest in kept["sha256"].items():
        if not Path(source).is_file():
            raise ValueError(f"{source}, which {path} was painted from, is missing; bring it back or change folder.")
        if sha256(source) != digest:
            raise ValueError(f"{source} has changed since {path} was painted from it; bring the old file back.")
    if kept.get("steps", 0) < kept.get("of_steps", 0):
        warnings.warn(
            f"{path} was stopped at step {kept['steps']} of {kept['of_steps']}; it is painted to the end this time.",
            stacklevel=2,
        )
    arguments = {name: kept[name] for name in (*INPUTS, *CHOICES) if kept.get(name) not in (None, [])}
    return arguments | {"seed": kept.get("random_state")}


def layers(given: Sequence[tuple[str, float]] | dict[str, float] | None) -> dict[str, float] | None:
    """Layers with their weights, from the command line or from a restored picture."""
    if given is None or isinstance(given, dict):
        return given
    weights = dict(given)
    if len(weights) < len(given):
        raise ValueError(f"a layer is named twice in {' '.join(name for name, _ in given)}; name each once.")
    return weights


def styles(args: argparse.Namespace) -> dict[str, list[str] | None]:
    """The paintings of each region, or None where the photo is kept. Without a mask, one region "" is everything."""
    if not args.content:
        raise ValueError("there is no photo; name it first: styler photo.jpg painting.jpg -o out.png.")
    given = {region: getattr(args, f"{region}_style") for region in REGIONS}
    if not args.mask:
        if any(given.values()):
            raise ValueError(
                "--subject-style and --background-style need --mask; give --mask M to say where the subject is."
            )
        if not args.style:
            raise ValueError(
                "there is no style; name a painting after the photo: styler photo.jpg painting.jpg -o out.png."
            )
        return {"": args.style}
    if not args.style and not all(given.values()):
        raise ValueError(
            "a region has no style; give a painting after the photo, or both --subject-style and --background-style."
        )
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
    """Learn the style, then paint the photo or the folder."""
    from styler.estimator import StyleTransfer
    from styler.images import read
    from styler.making import check_film
    from styler.many import photos_in, pictures_of
    from styler.regions import read_mask
    from styler.saving import check_output, save

    start, wanted = time.perf_counter(), styles(args)
    if args.jobs == 0:
        raise ValueError("--jobs is 0; give 1 or more, or -1 for one job on each core.")
    if args.save_mask and args.mask != FIND:
        raise ValueError(f"--save-mask writes the mask that was found; it needs --mask {FIND}.")
    if args.save_mask and is_among(args.save_mask, [args.output]):
        raise ValueError(f"{args.output} can't be both picture and mask; give --save-mask another name.")
    if not Path(args.content).exists():
        raise ValueError(f"{args.content} does not exist; check the path.")
    if args.init not in STARTS and not Path(args.init).exists():
        raise ValueError(f"--init {args.init} is neither {' nor '.join(STARTS)}, nor an image that exists; check it.")
    if args.init != STARTS[0] and args.preset != PRESETS[-1]:
        warnings.warn(
            f"--init {args.init} needs more steps than the default start; use --preset {PRESETS[-1]}.",
            stacklevel=2,
        )
    sources = [path for style in wanted.values() for path in style or ()]
    sources += [path for path in (args.mask, args.init) if path and path not in (*STARTS, FIND)]
    many = Path(args.content).is_dir()
    if many:
        if args.mask not in (None, FIND):
            raise ValueError(f"--mask {args.mask} fits one photo only; for a folder of photos use --mask {FIND}.")
        if args.resume or args.save_mask or args.making_of:
            raise ValueError("--resume, --save-mask and --making-of are for one photo; leave them out for a folder.")
        photos = [photo for photo in photos_in(args.content) if not is_among(photo, sources)]
        pictures = pictures_of(photos, args.output)
    else:
        if args.making_of and is_among(args.making_of, [args.output, *filter(None, [args.save_mask])]):
            raise ValueError(f"{args.making_of} is the name of the picture or the mask; give --making-of another name.")
        if args.making_of:
            check_film(args.making_of)
        for path in filter(None, (args.output, args.save_mask, args.making_of)):
            if is_among(path, [args.content, *sources]):
                raise ValueError(f"{path} is one of the input images; give the new file another name.")
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
