"""Work in progress on disk: a picture that was broken off, to go on from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import torch

from styler.descent import Descent
from styler.matching import Match
from styler.painting import Point
from styler.saving import replacing

# What changes neither the picture nor its steps.
ELSEWHERE = ("device", "dtype", "max_memory", "n_jobs", "verbose")


def write(path: str | os.PathLike[str], point: Point, settings: Mapping[str, Any]) -> None:
    """Write a checkpoint in one stroke: whenever the process ends, what is there is whole.

    Parameters
    ----------
    path : path
    point : Point
    settings : mapping
        How the picture is painted, and from what; JSON is made of it.

    Raises
    ------
    ValueError
        If it can't be written.
    """
    descent = tuple(point.descent.to(torch.device("cpu")))
    matches = [match and (match.targets.cpu(), match.grids) for match in point.matches]
    told = {"step": point.step, "descent": descent, "matches": matches, "settings": plain(settings)}
    try:
        with replacing(path) as file:
            torch.save(told, file)
    except RuntimeError as error:  # torch's word for a file that takes no more
        raise ValueError(f"{path} can't be written to its end; make room on the disk.") from error


def read(path: str | os.PathLike[str], settings: Mapping[str, Any]) -> Point | None:
    """Where to go on from; None if there is no checkpoint.

    Raises
    ------
    ValueError
        If the file is no checkpoint, or is one of a picture painted otherwise.
    """
    if not os.path.exists(path):
        return None
    try:
        told = torch.load(path, weights_only=True)
        matches = [match and Match(*match) for match in told["matches"]]
        point, before = Point(told["step"], Descent(*told["descent"]), matches), json.loads(told["settings"])
    except Exception as error:  # torch fails on what it did not write in many ways
        raise ValueError(f"{path} is no checkpoint, or a broken one; delete it to start anew.") from error
    now = json.loads(plain(settings))
    changed = [name for name in now if now[name] != before.get(name)]
    if changed:
        raise ValueError(
            f"{path} is of a picture painted otherwise ({', '.join(changed)}); give the same, or leave out --resume."
        )
    return point


def plain(settings: Mapping[str, Any]) -> str:
    """What of some settings makes the picture, as JSON."""
    return json.dumps({k: v for k, v in settings.items() if k not in ELSEWHERE}, default=str)
