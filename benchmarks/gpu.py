"""Check that a GPU paints what the CPU paints, and how fast: python -m benchmarks.gpu [--device D] [--out FOLDER].

It takes about five minutes on a data-centre card, and writes gpu.md and gpu.jpg.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks.controls import outline, sheet
from benchmarks.quality import quality
from benchmarks.report import as_jpeg, table
from styler import StyleTransfer, samples
from styler.images import read
from styler.painting import Point, Stage
from styler.schedule import PRESETS
from styler.style import remembered
from styler.subject import find_subject

SIZES = (512, 1024, 2048, 4096)
LOSSES = 1e-3  # largest relative difference allowed between the losses of a step from the same point
SMALL, STEPS = 160, 16  # px and steps of the compared pictures
MAX_BYTES = 2_000_000
STARRY, WAVE = samples.path("starry_night"), samples.path("great_wave")


@dataclass(frozen=True)
class Case:
    """One case to compare: what is fitted and how, and what is painted with which parameters."""

    style: Any = STARRY
    photo: str = "astronaut"
    parameters: dict[str, Any] = field(default_factory=dict)
    weights: Any = None
    regions: Any = None


def cases() -> dict[str, Case]:
    """One case for each feature."""
    mask = {"subject": outline()}
    found = {"subject": find_subject(read(samples.path("ball")))}
    return {
        "one painting": Case(),
        "mixture": Case([STARRY, WAVE], weights=[0.7, 0.3]),
        "regions": Case({"subject": WAVE, "background": STARRY}, regions=mask),
        "one region kept": Case({"subject": STARRY, "background": None}, regions=mask),
        "find_subject": Case({"subject": STARRY, "background": None}, "ball", regions=found),
        "tiles": Case(parameters={"size": 256, "max_memory": 0.1}),  # smaller pictures would not need tiles
        "colours of the photo": Case(parameters={"colors": "photo"}),
        "colours matched": Case(parameters={"colors": "matched"}),
        "palette": Case(parameters={"colors": "palette"}),
        "noise": Case(parameters={"init": "noise", "random_state": 0}),
        "the paper's losses": Case(parameters={"style_loss": "gram", "content_loss": "squared"}),
        "layers by name": Case(parameters={"style_layers": ["relu1_1", "relu3_1"], "content_layers": ["relu3_2"]}),
        "average pooling": Case(parameters={"pooling": "average"}),
        "adam": Case(parameters={"optimizer": "adam"}),
    }


def stages(case: Case, device: str, dtype: str, resume: Point | None = None) -> Iterator[Stage]:
    """The stages of a case, from the beginning or from a point."""
    model = StyleTransfer(SMALL, max_iter=STEPS, device=device, dtype=dtype).set_params(**case.parameters)
    model.fit(case.style, sample_weight=case.weights)
    return model.staged_transform(read(samples.path(case.photo)), case.regions, resume)


def total(stage: Stage) -> float:
    """The sum of a stage's losses."""
    return sum(sum(term.values()) for term in stage.losses.values())


def compared(device: str, dtypes: Sequence[str]) -> Iterator[tuple[list[Any], list[tuple[str, Tensor]]]]:
    """A row of figures for each case and number type; after the last type, the pictures beside the CPU's."""
    for name, case in cases().items():
        exact = list(stages(case, "cpu", "float32"))
        # From the same point, with the same matches: rounding decides between places that suit nearly as well.
        loss = total(next(stages(case, "cpu", "float32", exact[0].point)))
        photo, style = read(samples.path(case.photo)), read(STARRY)
        pictures = [(f"{name}: cpu", exact[-1].image)]
        own = quality(photo, style, exact[-1].image)
        for dtype in dtypes:
            *_, last = stages(case, device, dtype)
            picture = last.image.cpu()
            off = abs(total(next(stages(case, device, dtype, exact[0].point))) - loss) / max(loss, 1e-9)
            got = quality(photo, style, picture)
            verdict = "ok" if off < LOSSES or dtype != "float32" else "OFF"
            levels = 255 * float((picture - exact[-1].image).abs().mean())
            figures = [f"{own[key]:.3f} / {got[key]:.3f}" for key in ("style fine", "style coarse", "content")]
            pictures.append((f"{name}: {dtype}", picture))
            yield [name, dtype, f"{off:.1e}", levels, *figures, verdict], pictures if dtype == dtypes[-1] else []


def resumed(device: str) -> str:
    """How a picture that was interrupted and continued differs from one painted without interruption."""
    model = StyleTransfer(SMALL, max_iter=STEPS, device=device).fit(STARRY)
    photo = read(samples.path("cat"))
    first, second = (list(model.staged_transform(photo)) for _ in range(2))
    again = list(model.staged_transform(photo, resume=first[STEPS // 3].point))
    twice, gone_on = (255 * float((s[-1].image - first[-1].image).abs().mean()) for s in (second, again))
    return f"mean difference in levels of 255: {gone_on:.3g} when continued, {twice:.3g} when painted twice"


def timings(device: str, deadline: float, sizes: Sequence[int]) -> Iterator[list[Any]]:
    """Seconds and peak memory of whole pictures, including `fit`, until the time is up."""
    photo, worst = read(samples.path("pagoda")), 0.0
    StyleTransfer(SMALL, max_iter=STEPS, device=device).fit(STARRY).transform(photo)  # loads the kernels
    for size in sizes:
        for preset in PRESETS:
            if time.monotonic() + 4 * worst > deadline:
                yield [size, preset, None, None, None, "no time left"]
                continue
            model = StyleTransfer(size, preset=preset, device=device)
            expected, runs = model.expected_seconds(photo), 3 if size <= 1024 else 1
            seconds, memory = zip(*(measured(model, photo, device) for _ in range(runs)), strict=True)
            worst = max(seconds)
            yield [size, preset, median(seconds), max(memory), expected, ""]


def measured(model: StyleTransfer, photo: Tensor, device: str) -> tuple[float, float]:
    """Seconds to learn and paint, and peak GB on the device."""
    cuda = torch.device(device).type == "cuda"
    remembered.cache_clear()  # learning the style is part of what is timed
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    model.fit(STARRY).transform(photo)
    if cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start, torch.cuda.max_memory_allocated() / 1e9 if cuda else float("nan")


def profiled(device: str, size: int) -> str:
    """Where the time of one step at full size goes, and how often the host waits for the device."""
    model = StyleTransfer(size, device=device).fit(STARRY)
    steps = model.staged_transform(read(samples.path("pagoda")))
    next(stage for stage in steps if stage.scale == size)
    activities = [ProfilerActivity.CPU, *[ProfilerActivity.CUDA] * torch.cuda.is_available()]
    with profile(activities=activities) as seen:
        next(steps)
    events = seen.key_averages()
    waits = sum(e.count for e in events if e.key in ("aten::_local_scalar_dense", "cudaStreamSynchronize"))
    by = "self_cuda_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    spent = events.table(sort_by=by, row_limit=14, max_name_column_width=48)
    return f"waits for the device: {waits}\n\n```\n{spent}\n```\n"


def card(device: str) -> str:
    """One line with the device's name and the versions."""
    name = torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else device
    return f"- {name}, torch {torch.__version__}, CUDA {torch.version.cuda}, {torch.get_num_threads()} CPU threads\n"


def usual() -> str:
    """The GPU if there is one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def section(title: str, make: Callable[[], str]) -> str:
    """One section of the report. An error is written into the section, so that the other sections still run."""
    print(title, flush=True)
    try:
        body = make()
    except Exception as error:
        body = f"FAILED: {type(error).__name__}: {error}\n"
    print(body, flush=True)
    return f"## {title}\n\n{body}"


def main() -> None:
    """Write gpu.md and gpu.jpg."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--device", default=usual(), help="cuda, mps or cpu (default: the GPU if there is one)")
    p.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for gpu.md and gpu.jpg")
    p.add_argument("--seconds", type=float, default=300, help="about how many seconds it may take (default: 300)")
    p.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="longest sides to time, in px")
    args = p.parse_args()
    deadline = time.monotonic() + args.seconds
    dtypes = ["float32", "bfloat16"] if torch.device(args.device).type == "cuda" else ["float32"]
    rows: list[list[tuple[str, Tensor]]] = []

    def parity() -> str:
        lines = []
        for line, pictures in compared(args.device, dtypes):
            lines.append(line)
            rows.extend([pictures] if pictures else [])
        head = ["case", "type", "a step's losses off by", "levels apart", "style fine", "style coarse", "content", ""]
        return f"Each pair of figures is: the CPU's in float32 / the device's.\n\n{table(head, lines)}"

    def times() -> str:
        head = ["px", "preset", "seconds", "peak GB", "expected seconds", ""]
        return table(head, timings(args.device, deadline, args.sizes))

    parts = [
        "# On a GPU\n",
        "Written by `python -m benchmarks.gpu`.\n",
        card(args.device),
        section("Against the CPU", parity),
        section("Interrupted and continued", lambda: resumed(args.device) + "\n"),
        section("One step at 512 px", lambda: profiled(args.device, min(512, max(args.sizes)))),
        section("Time and memory", times),
    ]
    args.out.mkdir(exist_ok=True)
    (args.out / "gpu.md").write_text("\n".join(parts), encoding="utf-8")
    if rows:
        (args.out / "gpu.jpg").write_bytes(as_jpeg(sheet(iter(row) for row in rows), MAX_BYTES))


if __name__ == "__main__":
    main()
