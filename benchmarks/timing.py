"""Measure what an iteration costs, by pixels and relative to the machine's peak, and how long starting takes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent
LARGE, LONG, SHORT = 1024, 4, 2  # up to this size in px LONG steps are timed, beyond it SHORT


def costs(sizes: Iterable[int], content: str, style: str, device: str) -> dict[str, Any]:
    """Measure the machine's peak, and one of our iterations at each scale of a picture of the largest size.

    Parameters
    ----------
    sizes : iterable of int
        Longest sides in px, coarse to fine, each about twice the one before.
    content, style : str
        Paths of images.
    device : str

    Returns
    -------
    dict
        "torch", "threads", "gpu", "dtype". "peak": operations a second by dtype, see `peak`. "iterations": a list of
        dicts with "layers", "size", "pixels", "seconds", "convolution" (share of time, None if it was not measured) and
        "peak" (rate of the convolutions' operations over the whole iteration, as a share of the machine's peak).
    """
    import torch

    from styler import StyleTransfer
    from styler.images import read, resize
    from styler.schedule import Scale
    from styler.vgg import DTYPES

    painter = StyleTransfer(max(sizes), device=device).fit(style)
    recipes = {scale.size: scale.recipe for scale in painter.scales_}
    steps = {size: LONG if size <= LARGE else SHORT for size in sizes}
    painter.scales_ = [Scale(size, steps[size], recipes.get(size, painter.scales_[0].recipe)) for size in sizes]
    # Types that the machine has to emulate are left out, as one product in them takes a minute.
    peaks = {name: peak(torch, DTYPES[name], device) for name in sorted({"float32", painter.dtype_})}
    photo, stages = read(content), painter.staged_transform(read(content))
    rows = []
    for scale in painter.scales_:
        height, width = resize(photo, scale.size).shape[-2:]
        seconds, share = cost(stages, scale.steps, device)
        layers = scale.recipe.seen
        row = {"layers": len(set(layers)), "size": scale.size, "pixels": height * width, "seconds": seconds}
        used = operations(height * width, layers) / seconds / peaks[painter.dtype_]
        rows.append(row | {"convolution": share, "peak": used})
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    machine = {"torch": torch.__version__, "threads": torch.get_num_threads(), "gpu": gpu, "dtype": painter.dtype_}
    return machine | {"peak": peaks, "iterations": rows}


def cost(steps: Iterator[Any], n_steps: int, device: str) -> tuple[float, float | None]:
    """Seconds of an iteration, and the share of them spent in convolutions (None with fewer than three steps)."""
    from torch.profiler import profile

    next(steps)  # the first step includes the setup and a second evaluation
    times = [timed(lambda: next(steps)) for _ in range(max(1, n_steps - 2))]
    if n_steps < 3:
        return median(times), None
    with profile() as seen:
        next(steps)
    kind = "self_cpu_time_total" if device == "cpu" else "self_device_time_total"
    spent = {event.key: getattr(event, kind) for event in seen.key_averages()}
    return median(times), sum(t for name, t in spent.items() if "conv" in name) / sum(spent.values())


def operations(pixels: int, layers: Iterable[str]) -> float:
    """Floating-point operations of VGG-19's convolutions, forward and backward to the pixels, by their shapes."""
    from styler.vgg import BLOCKS, LAYERS

    deepest = max(LAYERS.index(layer) for layer in layers)
    total, channels = 0.0, 3
    for name in LAYERS[: deepest + 1]:
        if name.startswith("conv"):
            block = int(name[4])
            width = BLOCKS[block][1]
            total += 2 * 2 * 9 * channels * width * pixels / 4 ** (block - 1)
            channels = width
    return total


def peak(torch: Any, dtype: Any, device: str, n: int = 2048) -> float:
    """Operations a second of a product of two n x n matrices, the best of six tries."""
    a = torch.ones(n, n, dtype=dtype, device=device)
    return 2 * n**3 / min(timed(lambda: (a @ a)[0, 0].item()) for _ in range(6))


def timed(function: Callable[[], Any]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def start_up() -> dict[str, float]:
    """Seconds to start each interface, by the command that was run. They include Python's own start."""
    commands = {
        "`python -m styler --help`": ["-m", "styler", "--help"],
        "`import styler`": ["-c", "import styler"],
        "`from styler import StyleTransfer`": ["-c", "from styler import StyleTransfer"],
    }
    times = {name: timed(partial(call, args)) for name, args in commands.items()}
    return times | {"`python app.py`, until the page answers": timed(page)}


def call(args: list[str]) -> None:
    """Run Python in the project's folder, quietly."""
    subprocess.run([sys.executable, *args], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def page(patience: float = 120) -> None:
    """Start the page, wait for its answer, and stop it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"}
    server = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and server.poll() is None:
            with suppress(OSError), closing(HTTPConnection("127.0.0.1", port, timeout=patience)) as connection:
                connection.request("GET", "/")
                connection.getresponse().read()
                return
            time.sleep(0.05)
        raise RuntimeError("the page did not answer.")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    print(json.dumps(costs(**json.loads(sys.argv[1]))))
