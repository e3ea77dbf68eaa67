"""Checkpoints: an unfinished picture on disk, from which painting can continue."""

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

# Settings that may differ when painting continues: they change neither the picture nor its steps.
ELSEWHERE = ("device", "dtype", "max_memory", "n_jobs", "verbose")


def write(path: str | os.PathLike[str], point: Point, settings: Mapping[str, Any]) -> None:
    """Write a checkpoint. The file is always complete, even if the process is killed while it writes.

    Parameters
    ----------
    path : path
    point : Point
    settings : mapping
        How the picture is painted, and from what. They are stored as JSON.

    Raises
    ------
    ValueError
        If the file can't be written.
    """
    descent = tuple(point.descent.to(torch.device("cpu")))
    matches = [match and (match.targets.cpu(), match.grids) for match in point.matches]
    told = {"step": point.step, "descent": descent, "matches": matches, "settings": plain(settings)}
    try:
        with replacing(path) as file:
            torch.save(told, file)
    except RuntimeError as error:  # torch raises this when the disk is full
        raise ValueError(f"{path} can't be written completely; make room on the disk.") from error


def read(path: str | os.PathLike[str], settings: Mapping[str, Any]) -> Point | None:
    """Read the point to continue from; None if there is no checkpoint.

    Raises
    ------
    ValueError
        If the file is not a checkpoint, or belongs to a picture with other settings.
    """
    if not os.path.exists(path):
        return None
    try:
        told = torch.load(path, weights_only=True)
        matches = [match and Match(*match) for match in told["matches"]]
        point, before = Point(told["step"], Descent(*told["descent"]), matches), json.loads(told["settings"])
    except Exception as error:  # torch fails in many ways on files that it did not write
        raise ValueError(f"{path} is not a checkpoint, or is damaged; delete it to start again.") from error
    now = json.loads(plain(settings))
    changed = [name for name in now if now[name] != before.get(name)]
    if changed:
        raise ValueError(
            f"{path} belongs to a picture with other settings ({', '.join(changed)}); give the same settings, or leave "
            "out --resume."
        )
    return point


def plain(settings: Mapping[str, Any]) -> str:
    """The settings that decide the picture, as JSON."""
    return json.dumps({k: v for k, v in settings.items() if k not in ELSEWHERE}, default=str)
