"""Measure pictures a minute, one after another and in parallel: python -m benchmarks.many [SIZE [PRESET]]."""

import os
import shutil
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import joblib
from distributed import Client, LocalCluster

from styler import StyleTransfer, samples
from styler.many import paint_files

PHOTOS = ("cat", "pagoda", "astronaut", "coffee")
COPIES, ROUNDS = 2, 3
# By default Dask makes its workers, and processes started after them, return freed memory at once, which is slow.
KEEP = {"MALLOC_TRIM_THRESHOLD_": "33554432", "MALLOC_MMAP_THRESHOLD_": "33554432"}


def measure(size: int, preset: str) -> dict[str, list[tuple[float, float]]]:
    """For each way and each round: seconds in all and seconds of painting alone. The ways take turns."""
    os.environ.update(KEEP)
    painter = StyleTransfer(size, preset=preset).fit(samples.path("starry_night"))
    found: dict[str, list[tuple[float, float]]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        photos = [
            shutil.copy(samples.path(key), Path(folder, f"{key} {i}.png")) for i in range(COPIES) for key in PHOTOS
        ]
        first = next(iter(client.scheduler_info()["workers"]))
        ways: dict[str, tuple[int | None, Any]] = {
            "n_jobs=1": (1, nullcontext),
            f"n_jobs={joblib.cpu_count()}": (-1, nullcontext),
            "Dask, one worker": (None, lambda: joblib.parallel_config(backend="dask", workers=[first])),
            "Dask, two workers": (None, lambda: joblib.parallel_config(backend="dask")),
        }
        for i in range(ROUNDS + 1):
            for name, (n_jobs, context) in ways.items():
                with context():
                    start = time.perf_counter()
                    painted = list(paint_files(painter.set_params(n_jobs=n_jobs), photos, Path(folder, f"{i} {name}")))
                    whole = time.perf_counter() - start
                if i:  # the first round does not count, as workers start and load the network
                    found.setdefault(name, []).append((whole, sum(outcome.seconds or 0 for outcome in painted)))
    return found


if __name__ == "__main__":
    size, preset = int(sys.argv[1]) if len(sys.argv) > 1 else 256, (sys.argv[2:] or ["balanced"])[0]
    found, n = measure(size, preset), COPIES * len(PHOTOS)
    print(f"{n} photos, {size} px, {preset}, {os.cpu_count()} cores, median of {ROUNDS} rounds")
    print("| | pictures a minute | of n_jobs=1 | overhead a picture |\n| --- | --- | --- | --- |")
    for name, rounds in found.items():
        workers = {"n_jobs=1": 1, "Dask, one worker": 1, "Dask, two workers": 2}.get(name, joblib.cpu_count())
        pace = n * 60 / median(whole for whole, _ in rounds)
        ratio = median(whole / mine for (whole, _), (mine, _) in zip(found["n_jobs=1"], rounds, strict=True))
        overhead = median((workers * whole - painting) / n for whole, painting in rounds)
        print(f"| {name} | {pace:.1f} | {ratio:.2f} | {1000 * overhead:.0f} ms |")
