"""Measure speed and quality against the peers on this machine: python -m benchmarks."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import report
from benchmarks.peers import SYSTEMS, Job, compare, in_process, installed
from benchmarks.timing import start_up
from styler import samples

PAIRS = ("pagoda+starry_night", "astronaut+great_wave", "cat+composition_viii")
GOAL = 300  # iterations after which a peer's picture counts as finished
ENDLESS = ("gatys", "pastiche")
SHORT, LONG = 5, 40  # iterations: enough to measure the pace; for the first pair, enough to judge the picture
LARGE, LARGE_SYSTEMS, LARGE_STEPS = 1024, ("styler balanced", "pastiche"), 2
SIZES, QUICK_SIZES = (128, 256, 512, 1024, 2048), (32,)


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    p.add_argument("--pairs", nargs="+", type=pair, default=PAIRS, metavar="PHOTO+PAINTING", help="keys of samples")
    p.add_argument("--size", type=int, default=512, metavar="N", help="longest side in px (default: 512)")
    p.add_argument("--only", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), help="systems (default: all)")
    p.add_argument(
        "--iterations", type=int, metavar="N", help=f"run {', '.join(ENDLESS)} for N iterations on all pairs"
    )
    p.add_argument("--device", nargs="+", metavar="D", help="cpu, cuda (default: all that are available)")
    p.add_argument("--output", type=Path, default=Path(__file__).parent, metavar="DIR", help="folder for the results")
    p.add_argument("--quick", action="store_true", help="only test this command: one pair, tiny, results mean nothing")
    return p


def pair(text: str) -> str:
    """The keys of a photo and a painting, as in cat+great_wave."""
    photo, _, painting = text.partition("+")
    try:
        samples.path(photo), samples.path(painting)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def jobs(args: argparse.Namespace, devices: Sequence[str], folder: str) -> Iterator[dict[str, Any]]:
    """The pictures to paint: for each, the job, the pair, the goal, and whether to judge the picture."""
    for device in devices:
        for pair in args.pairs:
            content, style = (str(samples.path(key)) for key in pair.split("+"))
            for system in args.only:
                endless, first = system in ENDLESS, pair == args.pairs[0]
                run = (args.iterations or (2 if args.quick else LONG if first else SHORT)) if endless else None
                goal = (args.iterations or GOAL) if endless else None
                judged = device == devices[0] and (not endless or first or args.iterations is not None)
                output = str(Path(folder, f"{pair} {system} {device}.png".replace(" ", "_")))
                job = Job(system, content, style, output, args.size, run, device)
                yield {"job": job, "pair": pair, "goal": goal, "judged": judged}
                if first and system in LARGE_SYSTEMS and args.size < LARGE and not args.quick:
                    large = Job(
                        system, content, style, output + ".png", LARGE, LARGE_STEPS if endless else None, device
                    )
                    yield {"job": large, "pair": pair, "goal": goal, "judged": False}


def judge(results: Sequence[dict[str, Any]]) -> None:
    """Add the quality of each picture that has to be judged."""
    from benchmarks.quality import quality  # imports torch, so only now; see peers.py
    from styler.images import read

    for r in results:
        job = r["job"]
        r["quality"] = quality(*map(read, (job.content, job.style, job.output))) if r["judged"] else None


def rows(results: Sequence[dict[str, Any]], args: argparse.Namespace) -> list[list[tuple[str, str | None]]]:
    """The cells of the contact sheet, one row for each pair."""
    cells = []
    for pair in args.pairs:
        of_pair = [r for r in results if r["pair"] == pair and r["size"] == args.size]
        row: list[tuple[str, str | None]] = [(pair.split("+")[0], of_pair[0]["content"])]
        row += [(pair.split("+")[1], of_pair[0]["style"])]
        for r in of_pair[: len(args.only)]:
            run = f"{len(r['times'])} iterations: {r['times'][-1]:.0f} s; {r['goal']}:" if report.projected(r) else ""
            row.append((f"{r['system']}\n{run} {report.seconds(r)}", r["output"] if r["judged"] else None))
        cells.append(row)
    return cells


def main() -> None:
    """Run everything and write RESULTS.md and contact_sheet.jpg."""
    args = parser().parse_args()
    if args.quick:
        args.pairs, args.size = args.pairs[:1], 64
    missing = [system for system in args.only if not installed(system)]
    args.only = [system for system in args.only if system not in missing]
    probe = "import torch; print('cpu cuda' if torch.cuda.is_available() else 'cpu')"
    devices = args.device or subprocess.check_output([sys.executable, "-c", probe], text=True).split()
    content, style = (str(samples.path(key)) for key in args.pairs[0].split("+"))
    print("one iteration, at several sizes", flush=True)
    sizes = QUICK_SIZES if args.quick else SIZES
    costs = in_process("timing", {"sizes": sizes, "content": content, "style": style, "device": devices[0]})
    start = {} if args.quick else start_up()
    with TemporaryDirectory() as folder:
        results = []
        for todo in jobs(args, devices, folder):
            job = todo["job"]
            result = todo | vars(job) | compare(job)
            results.append(result)
            print(f"{todo['pair']}, {job.system}, {job.size} px, {job.device}: {report.seconds(result)}", flush=True)
        print("judging the pictures", flush=True)
        judge(results)
        (args.output / "RESULTS.md").write_text(report.markdown(results, costs, start, missing), encoding="utf-8")
        (args.output / "contact_sheet.jpg").write_bytes(report.sheet(rows(results, args)))


if __name__ == "__main__":
    main()
