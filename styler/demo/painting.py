"""What happens between Paint and the finished picture: one loop over the stages of a transform."""

import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from styler import images
from styler.estimator import StyleTransfer

LIVE_SECONDS = 0.15  # between two live pictures; a browser on a phone shows no more

_stopping: set[str] = set()  # sessions whose picture has to end at its next step


@dataclass(frozen=True)
class View:
    """What the page shows of a painting.

    Attributes
    ----------
    picture : PIL.Image.Image or str
        The picture so far, or the path of the file that holds the last one.
    note : str
        One line of plain words.
    progress : float
        Share of the work that is done, range [0, 1].
    file : str or None
        The path of the finished file.
    """

    picture: Any
    note: str
    progress: float
    file: str | None = None


def expect(session: str) -> None:
    """Forget a stop that came too late for the last painting of a session."""
    _stopping.discard(session)


def stop(session: str) -> None:
    """Make the painting of a session end at its next step and keep the picture so far."""
    _stopping.add(session)


def paint(content: str, style: str, preset: str, strength: float, size: int, session: str) -> Iterator[View]:
    """Paint a photo and yield what to show, the photo itself first and the saved picture last.

    Parameters
    ----------
    content, style : str
        Paths of image files.
    preset : str
        A preset of `StyleTransfer`.
    strength : float
        Range [0, 1], from the photo to all painting.
    size : int
        Longest side of the picture in px.
    session : str
        Whose painting this is, for `stop`.

    Yields
    ------
    View

    Raises
    ------
    ValueError
        If an image can't be read.
    """
    photo = images.resize(_read(content, "photo"), size)
    painting = _read(style, "painting")
    yield View(images.like(photo, content), "Looking at the two pictures …", 0)
    picture, note, shown, begun = photo, "Done", 0.0, time.monotonic()
    try:
        model = StyleTransfer(size, strength, preset=preset).fit(painting)
        learnt = time.monotonic()
        for stage in model.staged_transform(photo):
            picture = stage.image
            if session in _stopping:
                note = "Stopped"
                break
            now = time.monotonic()
            if now - shown >= LIVE_SECONDS:
                shown = now
                left = (now - learnt) * (1 - stage.progress) / max(stage.progress, 1e-6)
                yield View(images.like(picture, content), f"Painting … about {left:.0f} s left", stage.progress)
    finally:
        _stopping.discard(session)
    settings = model.get_params() | {"content": Path(content).name, "style": Path(style).name}
    with tempfile.TemporaryDirectory(prefix="styler-") as folder:  # Gradio has its own copy once the loop goes on
        file = Path(folder, f"{_slug(content)}-as-{_slug(style)}.png")
        images.save(picture, file, settings)
        yield View(str(file), f"{note} after {time.monotonic() - begun:.0f} s", 1, str(file))


def _read(path: str, role: str) -> torch.Tensor:
    """Read an upload, which error messages call by its own name and not by its place on the server."""
    name = f"The {role} {Path(path).name}"
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise ValueError(
            f"{name} is no longer on the server, which keeps uploads for an hour; choose it again."
        ) from error
    return images.read(data, name)


def _slug(path: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", Path(path).stem.lower()).strip("-") or "picture"
