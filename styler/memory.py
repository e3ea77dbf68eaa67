"""How much memory is available, and how a picture is painted within it."""

from __future__ import annotations

import ctypes
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import torch

from styler.tiles import GRID

GB = 1e9
# Share of the free memory that is used by default; the rest is left to other programs.
SHARE = 0.75
# Bytes that one evaluation of VGG takes for each pixel and each byte of a feature; measured, and rounded up.
LOOK = 600
# The most float32 pictures of full size in memory at once, besides the history of L-BFGS; measured.
PICTURES = 14
PICTURE = 3 * 4  # bytes for each pixel of such a picture
# float32 copies of the photo's maps in memory at once: of the whole photo while they are made, and of the part that one
# evaluation sees; measured.
KNOWN, COMPARED = 3, 4
# Tiles with a side of SIDE px are the fastest on a CPU if halos are narrow. With wide halos the side is HALOS times the
# halo. No tile is smaller than SMALLEST px.
SIDE, HALOS, SMALLEST = 384, 8, 64
# Files with a container's memory limit and its usage: Linux's control groups, version 2 and 1.
CONTAINER = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
# Parameters of mallopt, as glibc's malloc.h names them.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
KEPT_UP_TO = 1.5e6  # pixels; for larger pictures freed memory is not kept


class Plan(NamedTuple):
    """How a picture is painted: side of its tiles in px (None: whole at once), and the steps that L-BFGS remembers."""

    side: int | None
    history: int


def available(device: torch.device) -> float:
    """Free memory in bytes: of the GPU, of the machine, or of the container if that has less."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    free = float(psutil.virtual_memory().available)
    for limit, usage in CONTAINER:
        try:
            left = float(Path(limit).read_text()) - float(Path(usage).read_text())
            files = dict(line.split() for line in Path(usage).with_name("memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # no container, or no limit
            continue
        return min(free, left + float(files["inactive_file"]))  # cached files, dropped if need be
    return free


def budget(max_memory: float | None, device: torch.device) -> float:
    """Memory to paint in, in bytes: `max_memory` GB if given, else a share of the free memory."""
    return SHARE * available(device) if max_memory is None else max_memory * GB


def plan(
    shape: tuple[int, int],
    steps: int,
    memory: float,
    dtype: torch.dtype,
    halo: int,
    channels: float = 0.0,
    largest: float = math.inf,
) -> Plan:
    """The fastest way to paint a picture within some memory.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the picture.
    steps : int
        How many steps L-BFGS is to remember if there is enough memory.
    memory : float
        Memory to paint in, in bytes.
    dtype : torch.dtype
        The network's.
    halo : int
        How far tiles see beyond what they own, in px.
    channels : float, optional
        How many numbers the photo's maps, with which the picture's are compared, have for each pixel.
    largest : float, optional
        The most pixels to evaluate at once.

    Raises
    ------
    ValueError
        If even the smallest tiles need more memory.
    """
    picture = PICTURE * shape[0] * shape[1]
    left = memory - PICTURES * picture - KNOWN * 4 * channels * shape[0] * shape[1]
    look = LOOK * dtype.itemsize + COMPARED * 4 * channels
    least, best = (
        look * min(shape[0] * shape[1], (side + 2 * halo) ** 2) for side in (SMALLEST, max(SIDE, HALOS * halo))
    )
    if left < least:
        raise ValueError(
            f"the picture needs {(memory - left + least) / GB:.2f} GB of memory and only "
            f"{memory / GB:.2f} GB is available; make it smaller (size), or give it more memory (max_memory, or close "
            "other programs)."
        )
    history = int(min(steps, max(0, left - best) // (2 * picture)))
    return Plan(tile_side(shape, min(left - history * 2 * picture, largest * look), look, halo), history)


def tile_side(shape: tuple[int, int], memory: float, look: float, halo: int) -> int | None:
    """Side in px of the tiles that fit in `memory` if each pixel takes `look` bytes; None if the whole picture fits."""
    pixels = memory / look
    if shape[0] * shape[1] <= pixels:
        return None
    side = min(max(SIDE, HALOS * halo), max(pixels, 0) ** 0.5 - 2 * halo)
    return max(SMALLEST, int(side) // GRID * GRID)


@contextmanager
def freed_memory_kept(device: torch.device, pixels: float, memory: float) -> Iterator[None]:
    """Let the C library keep freed memory for the next step, and return it to the system at the end.

    By default glibc returns the memory of each large map at once and requests it again, a page at a time. On a CPU this
    takes an eighth of a step at 512 px. Kept memory is fragmented, so that more of it is needed. Nothing is therefore
    kept for large pictures or if memory is short. Without glibc this does nothing.

    Parameters
    ----------
    device : torch.device
    pixels : float
        How many the finished picture has.
    memory : float
        The most memory to paint in, in bytes.
    """
    libc = c_library(device)
    if not libc or pixels > KEPT_UP_TO or 2 * LOOK * torch.float32.itemsize * pixels > memory:
        yield
        return
    for parameter, value in ((M_ARENA_MAX, 1), (M_MMAP_THRESHOLD, 2**30), (M_TRIM_THRESHOLD, 2**31 - 1)):
        libc.mallopt(parameter, value)
    try:
        yield
    finally:
        for parameter, value in ((M_MMAP_THRESHOLD, 2**25), (M_TRIM_THRESHOLD, 2**26)):
            libc.mallopt(parameter, value)
        give_back(device)


def give_back(device: torch.device) -> None:
    """Return freed memory to the system: matching leaves fragments that the maps of a larger scale do not fit into."""
    libc = c_library(device)
    if libc:
        libc.malloc_trim(0)


def c_library(device: torch.device) -> Any:
    """glibc, if it manages the device's memory; else None."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" and device.type == "cpu" else None
    return libc if hasattr(libc, "malloc_trim") else None
