"""Measure time and peak memory for each size, in tiles and whole: ``python -m benchmarks.sizes [SIZE …]``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from styler.samples import path

# GB to paint in: enough to paint the picture whole, and too little for that. From 4096 px on a CPU always uses tiles.
WHOLE = {512: 4, 1024: 4, 2048: 12}
TILED = {512: 0.2, 1024: 0.5, 2048: 1.2, 4096: 3.0, 8192: 10.0}
PRESET = {8192: "preview"}


def measure(size: int, gigabytes: float) -> tuple[float, float]:
    """Total seconds and peak GB of a process that paints the pagoda in The Starry Night's style."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "styler", str(path("pagoda")), str(path("starry_night")), "--quiet"]
        command += ["-o", str(Path(folder, "out.png")), "--size", str(size), "--max-memory", str(gigabytes)]
        start = time.perf_counter()
        process = subprocess.Popen([*command, "--preset", PRESET.get(size, "balanced")])
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{size} px failed")
    return time.perf_counter() - start, usage.ru_maxrss * 1024 / 1e9


def main() -> None:
    """Print a table in Markdown."""
    sizes = [int(size) for size in sys.argv[1:]] or list(TILED)
    print("| longest side | preset | max_memory | painted | seconds | peak GB |\n| --- | --- | --- | --- | --- | --- |")
    for size in sizes:
        for budgets, how in ((WHOLE, "whole"), (TILED, "by tiles")):
            if size in budgets:
                seconds, peak = measure(size, budgets[size])
                preset = PRESET.get(size, "balanced")
                print(f"| {size} | {preset} | {budgets[size]} | {how} | {seconds:.0f} | {peak:.2f} |", flush=True)


if __name__ == "__main__":
    main()
