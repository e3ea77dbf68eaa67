"""What happens between Paint and the finished picture: one loop over the stages of a transform."""

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from styler import images
from styler.demo.hosting import CONCURRENCY, gpu
from styler.demo.line import Line
from styler.demo.orders import Order, Recent, by_region
from styler.demo.plots import Step, step_of
from styler.demo.uploads import Upload
from styler.estimator import RECIPE_PARAMS, StyleTransfer
from styler.painting import Stage
from styler.subject import find_subject

LIVE_SECONDS = 0.25  # between two live pictures; a browser on a phone shows no more
LONGEST = 900.0  # seconds, then a painting makes room for the next
WAITING = 24  # visitors, then the next is asked to come back
LINE = Line(CONCURRENCY, WAITING)
# What a style is learnt from; and, from the fourth on, how.
LESSON = ("paintings", "shares", "where", "size", "preset", "pooling", "style_scale", *RECIPE_PARAMS)


@dataclass(frozen=True)
class Finished:
    """A painted picture as files, and how it came about."""

    png: bytes
    jpeg: bytes
    steps: list[Step]
    seconds: float


FINISHED: Recent[Finished] = Recent(32)
STOPPING: Recent[bool] = Recent(1000)  # whether the picture of a session has to end at its next step


@dataclass(frozen=True)
class View:
    """What the page shows of a painting.

    Attributes
    ----------
    photo : str
        The path of the photo, at the size of the picture.
    picture : PIL.Image.Image or str
        The picture so far, or the path of the file that holds the last one.
    note : str
        One line of plain words.
    progress : float or None
        Share of the work that is done, range [0, 1]; None as long as it has not begun.
    steps : list of Step
        How far it went at each step.
    png, jpeg : str or None
        The paths of the finished files.
    last : bool
        Whether nothing follows.
    """

    photo: str
    picture: Any
    note: str
    progress: float | None = None
    steps: list[Step] = field(default_factory=list)
    png: str | None = None
    jpeg: str | None = None
    last: bool = False


def expect(session: str) -> None:
    """Forget a stop that came too late for the last painting of a session."""
    STOPPING.keep(session, False)


def stop(session: str) -> None:
    """Make the painting of a session end at its next step, or leave the line, and keep the picture so far."""
    STOPPING.keep(session, True)


def estimate(preset: str, size: int, style_layers: Any = None, content_layers: Any = None) -> float:
    """Return about how many seconds a painting takes on this machine."""
    model = StyleTransfer(size, preset=preset, style_layers=style_layers, content_layers=content_layers)
    return model.expected_seconds()


def paint(order: Order, session: str) -> Iterator[View]:
    """Paint a photo and yield what to show, the photo itself first and the saved picture last.

    Parameters
    ----------
    order : Order
    session : str
        Whose painting this is, for `stop`.

    Yields
    ------
    View

    Raises
    ------
    ValueError
        If an image can't be read, or the line is full.
    """
    with tempfile.TemporaryDirectory(prefix="styler-") as folder:
        try:
            photo = order.photo.read(order.size)
            # A file: of an image Gradio would write another, again and again over the one that is being sent.
            shown = str(Path(folder, "photo.jpg"))
            images.save(photo, shown)
            if finished := FINISHED.get(order):
                yield from _files(order, shown, finished, f"Done; painted before, in {finished.seconds:.0f} s")
                return
            with closing(LINE.turn()) as turn:
                for ahead in turn:
                    if STOPPING.get(session):
                        yield View(shown, shown, "Stopped before it began.", last=True)
                        return
                    if not ahead:
                        break
                    yield View(shown, shown, _waiting(ahead, order))
                yield from _paint(order, session, photo, shown)
        finally:
            expect(session)


def _paint(order: Order, session: str, photo: torch.Tensor, shown: str) -> Iterator[View]:
    yield View(shown, shown, "Looking at the two pictures …", 0)
    begun = time.monotonic()
    lesson = tuple(getattr(order, name) for name in LESSON)
    init = order.init if isinstance(order.init, str) else order.init.read()
    model = copy(learnt(*lesson)).set_params(
        strength=order.strength, colors=order.colors, init=init, random_state=order.seed
    )
    regions = None if order.where == "everywhere" else {"subject": subject(order, photo)}
    picture, note, last, learning = photo, "Done", 0.0, time.monotonic()
    steps: list[Step] = []
    weights = model.scales_[0].recipe.weights(order.strength)
    for stage in stages(model, photo, regions):
        picture, now = stage.image, time.monotonic()
        steps.append(step_of(stage, weights))
        stopped = STOPPING.get(session)
        if stopped or now - begun > LONGEST:
            note = "Stopped" if stopped else "Stopped at the limit,"
            break
        if now - last >= LIVE_SECONDS:
            last = now
            left = (now - learning) * (1 - stage.progress) / max(stage.progress, 1e-6)
            words = f"Painting … {about(left)} left"
            yield View(shown, images.like(picture, order.photo.path), words, stage.progress, steps)
    settings = model.get_params() | {
        "content": order.photo.path.name,
        "style": [painting.path.name for painting in order.paintings],
        "style_weights": order.shares,
        "where": order.where,
        "init": order.init if isinstance(order.init, str) else order.init.path.name,
        "sha256": {upload.path.name: upload.digest for upload in (order.photo, *order.paintings)},
    }
    finished = Finished(*_encode(picture, settings), steps, time.monotonic() - begun)
    if note == "Done":
        FINISHED.keep(order, finished)
    yield from _files(order, shown, finished, f"{note} after {finished.seconds:.0f} s", stage.progress)


@lru_cache(maxsize=8)
def learnt(
    paintings: tuple[Upload, ...],
    shares: tuple[float, ...],
    where: str,
    *choices: Any,
) -> StyleTransfer:
    """A style, learnt once for all who ask for it, with choices in the order of `LESSON`."""
    model = StyleTransfer(**dict(zip(LESSON[3:], choices, strict=True)))
    return fit(model, *by_region([painting.read() for painting in paintings], shares, where))


def subject(order: Order, photo: torch.Tensor) -> torch.Tensor:
    """Where the subject is, drawn by the visitor or found, white and as large as the photo."""
    if order.drawing is None:
        return torch.from_numpy(find_subject(photo))
    return images.resize(order.drawing.painted(), (photo.shape[-2], photo.shape[-1]))


@gpu
def fit(model: StyleTransfer, styles: Any, shares: Any) -> StyleTransfer:
    """Fit, as a function of its own: a GPU may be lent for it."""
    return model.fit(styles, sample_weight=shares)


@gpu
def stages(model: StyleTransfer, photo: torch.Tensor, regions: dict[str, torch.Tensor] | None) -> Iterator[Stage]:
    """Transform, as a function of its own: a GPU may be lent for it."""
    yield from model.staged_transform(photo, regions)


def _waiting(ahead: int, order: Order) -> str:
    seconds = estimate(order.preset, order.size, order.style_layers, order.content_layers)
    people = "One painting is" if ahead == 1 else f"{ahead} paintings are"
    return f"Waiting in line: {people} ahead of yours; {about(ahead * seconds / CONCURRENCY)} …"


def about(seconds: float) -> str:
    """A time in words."""
    return f"about {max(1, seconds):.0f} s" if seconds < 99 else f"about {seconds / 60:.0f} min"


def _encode(picture: torch.Tensor, settings: dict[str, Any]) -> tuple[bytes, bytes]:
    """A PNG that holds its settings, and a JPEG that tells nobody anything."""
    with tempfile.TemporaryDirectory(prefix="styler-") as folder:
        png, jpeg = Path(folder, "picture.png"), Path(folder, "picture.jpg")
        images.save(picture, png, settings)
        images.save(picture, jpeg)
        return png.read_bytes(), jpeg.read_bytes()


def _files(order: Order, shown: str, finished: Finished, note: str, progress: float = 1) -> Iterator[View]:
    """The last view; its files live until the loop goes on, by when Gradio has copies of its own."""
    stem = f"{_slug(order.photo)}-as-{'-and-'.join(map(_slug, order.paintings))}"[:100]
    with tempfile.TemporaryDirectory(prefix="styler-") as folder:
        png, jpeg = Path(folder, f"{stem}.png"), Path(folder, f"{stem}.jpg")
        png.write_bytes(finished.png)
        jpeg.write_bytes(finished.jpeg)
        yield View(shown, str(png), note, progress, finished.steps, str(png), str(jpeg), last=True)


def _slug(upload: Upload) -> str:
    return re.sub(r"[^a-z0-9]+", "-", upload.path.stem.lower()).strip("-") or "picture"
