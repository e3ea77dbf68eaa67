"""How much memory there is, and how a picture is painted within it."""

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
# What is left for others, by default.
SHARE = 0.75
# Bytes a pixel that one look of VGG takes, for each byte of a feature; measured, and rounded up.
LOOK = 600
# float32 pictures of full size that are alive at once beside the history of L-BFGS, at most; measured.
PICTURES = 14
PICTURE = 3 * 4
# float32 copies of the photo's maps alive at once: of the whole while they are made, and in one look; measured.
KNOWN, COMPARED = 3, 4
# Tiles of this side are the fastest on a CPU where halos are small; for wide halos they are this many times as large.
SIDE, HALOS, SMALLEST = 384, 8, 64
# A container's limit, and what it holds of it: Linux's control groups, version 2 and 1.
CONTAINER = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
# The names that glibc's malloc.h gives to what can be set; and pixels up to which a picture's maps are kept.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
KEPT_UP_TO = 1.5e6


class Plan(NamedTuple):
    """How a picture is painted: side of its tiles in px, None for the whole at once; and steps that L-BFGS recalls."""

    side: int | None
    history: int


def available(device: torch.device) -> float:
    """Bytes that are free: of the device, of the machine, or of the container that it is."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    free = float(psutil.virtual_memory().available)
    for limit, usage in CONTAINER:
        try:
            left = float(Path(limit).read_text()) - float(Path(usage).read_text())
            files = dict(line.split() for line in Path(usage).with_name("memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # no container, or no limit
            continue
        return min(free, left + float(files["inactive_file"]))  # what was read from disk gives way
    return free


def budget(max_memory: float | None, device: torch.device) -> float:
    """Bytes to paint in: so many GB, or a share of what is free."""
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
        Those that L-BFGS would recall, if it could.
    memory : float
        In bytes.
    dtype : torch.dtype
        Of the network.
    halo : int
        What tiles see around them, in px.
    channels : float, optional
        How many numbers a pixel the photo's maps have that the picture's are compared with.
    largest : float, optional
        Pixels that are looked at at once, at most.

    Raises
    ------
    ValueError
        If the picture fits in no way.
    """
    picture = PICTURE * shape[0] * shape[1]
    left = memory - PICTURES * picture - KNOWN * 4 * channels * shape[0] * shape[1]
    look = LOOK * dtype.itemsize + COMPARED * 4 * channels
    least, best = (
        look * min(shape[0] * shape[1], (side + 2 * halo) ** 2) for side in (SMALLEST, max(SIDE, HALOS * halo))
    )
    if left < least:
        raise ValueError(
            f"the picture needs {(memory - left + least) / GB:.2f} GB of memory and has "
            f"{memory / GB:.2f} GB; make it smaller (size), or give it more (max_memory, or close other programs)."
        )
    history = int(min(steps, max(0, left - best) // (2 * picture)))
    return Plan(tile_side(shape, min(left - history * 2 * picture, largest * look), look, halo), history)


def tile_side(shape: tuple[int, int], memory: float, look: float, halo: int) -> int | None:
    """Side of the tiles that fit in some memory at so many bytes a pixel, in px; None if the whole fits."""
    pixels = memory / look
    if shape[0] * shape[1] <= pixels:
        return None
    side = min(max(SIDE, HALOS * halo), max(pixels, 0) ** 0.5 - 2 * halo)
    return max(SMALLEST, int(side) // GRID * GRID)


@contextmanager
def freed_memory_kept(device: torch.device, pixels: float, memory: float) -> Iterator[None]:
    """Let the C library keep what is freed for the next step, and give it back to the system at the end.

    By itself glibc gives each large map back at once and asks for it again, a page at a time. On a CPU that takes an
    eighth of a step at 512 px. Memory that is kept lies in pieces, so more of it is needed: nothing is done for large
    pictures, or where memory is short. Nor is anything done without glibc.

    Parameters
    ----------
    device : torch.device
    pixels : float
        Of the finished picture.
    memory : float
        Bytes to paint in, at most.
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
    """Return freed memory to the system: matching leaves pieces that do not fit the maps of a larger scale."""
    libc = c_library(device)
    if libc:
        libc.malloc_trim(0)


def c_library(device: torch.device) -> Any:
    """glibc, where a device's memory is its; else None."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" and device.type == "cpu" else None
    return libc if hasattr(libc, "malloc_trim") else None
