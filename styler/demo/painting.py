"""From a tap on Paint to the finished picture: one loop over the live pictures of a transform."""

import hashlib
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from styler import images, saving
from styler.colors import recolour
from styler.demo.advice import LOOKED_AT
from styler.demo.hosting import CONCURRENCY
from styler.demo.line import Line, Place
from styler.demo.orders import Order, Recent
from styler.demo.pace import about, estimate, learn_pace, pace
from styler.demo.plots import Step
from styler.demo.sights import painter_for, sights, subject
from styler.demo.uploads import Upload
from styler.losses import moments
from styler.making import Film
from styler.painting import Point
from styler.schedule import PRESETS

LONGEST = 900.0  # seconds; then a painting ends, to make room for the next
WAITING = 24  # visitors who may wait; the next is asked to come back later
LINE = Line(CONCURRENCY, WAITING)
GOING_ON = 0.4  # a picture that continues from a coarser one takes about this share of its full time


@dataclass(frozen=True)
class Finished:
    """A painted picture as files, and how it was made."""

    png: bytes
    jpeg: bytes
    steps: list[Step]
    seconds: float
    frames: list[bytes]


FINISHED: Recent[Finished] = Recent(32)
POINTS: Recent[Point] = Recent(8)  # where the last few pictures ended, so that they can be painted finer
MAKINGS: Recent[list[bytes]] = Recent(32)  # the frames of a picture's making-of film, by the SHA-256 of its PNG
STOPPING: Recent[bool] = Recent(1000)  # whether the picture of a session must end at its next step
AT_WORK: set[str] = set()  # the sessions that wait or paint


@dataclass(frozen=True)
class View:
    """What the page shows of a painting.

    Attributes
    ----------
    photo : str
        The path of the photo, at the size of the picture.
    picture : PIL.Image.Image or str
        The picture so far, or the path of its file.
    note : str
        One line of plain words.
    progress : float or None
        Share of the work done, range [0, 1]; None until it has begun.
    steps : list of Step
        Where the picture stood after each step.
    png, jpeg : str or None
        The paths of the finished files.
    last : bool
        Whether this is the last view.
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
    LINE.look_up()


def paint(order: Order, session: str) -> Iterator[View]:
    """Paint a photo and yield what to show, the photo itself first and the saved picture last.

    Parameters
    ----------
    order : Order
    session : str
        The visitor's session, by which `stop` finds this painting.

    Yields
    ------
    View

    Raises
    ------
    ValueError
        If an image can't be read, or the line is full.
    """
    coarser = coarser_of(order)
    with tempfile.TemporaryDirectory(prefix="styler-") as folder:
        try:
            AT_WORK.add(session)
            photo = order.photo.read(order.size)
            # Files, not images: Gradio would write an image to a file each time, even while it is sending that file.
            shown, recoloured = (str(Path(folder, name)) for name in ("photo.jpg", "image.jpg"))
            saving.save(photo, shown)
            if finished := FINISHED.get(order):
                yield from _files(order, shown, finished, f"Done; painted before, in {finished.seconds:.0f} s")
                return
            if coarser:
                Path(recoloured).write_bytes(coarser[0].jpeg)
            else:
                saving.save(first_sight(order, photo), recoloured)
            kind = order.preset, order.size
            expected = estimate(*kind, order.style_layers, order.content_layers, photo) / pace(*kind)
            expected *= GOING_ON if coarser else 1
            with closing(LINE.turn(lambda: expected * pace(*kind))) as turn:
                for place in turn:
                    if STOPPING.get(session):
                        yield View(shown, recoloured, "Stopped before it began.", last=True)
                        return
                    if not place.ahead:
                        break
                    yield View(shown, recoloured, waiting(place))
                yield View(shown, recoloured, "Looking at the two pictures …", 0)
                yield from _paint(order, session, photo, shown, expected, coarser)
        finally:
            AT_WORK.discard(session)
            expect(session)


def first_sight(order: Order, photo: torch.Tensor) -> torch.Tensor:
    """Return the photo in the colours of the first painting, to show from the start."""
    colours = moments(order.paintings[0].read(LOOKED_AT))
    return torch.lerp(photo, recolour(photo, colours), min(1.0, 2 * order.strength))


def coarser_of(order: Order) -> tuple[Finished, Point] | None:
    """Return the picture that an order continues from, and where it ended; None if it is gone or not wanted."""
    place = PRESETS.index(order.preset)
    if not order.finer or not place:
        return None
    for finer in (True, False):
        before = replace(order, preset=PRESETS[place - 1], finer=finer)
        finished, point = FINISHED.get(before), POINTS.get(before)
        if finished and point:
            return finished, point
    return None


def _paint(
    order: Order,
    session: str,
    photo: torch.Tensor,
    shown: str,
    expected: float,
    coarser: tuple[Finished, Point] | None,
) -> Iterator[View]:
    begun = time.monotonic()
    model = painter_for(order)
    regions = None if order.where == "everywhere" else {"subject": subject(order, photo)}
    note, learning, making = "Done", time.monotonic(), Film(photo)
    before, point = coarser or (None, None)
    if before:
        making.frames = before.frames[:-1]
    with closing(sights(model, photo, regions, point)) as seen:
        for sight in seen:
            now = time.monotonic()
            stopped = STOPPING.get(session)
            steps = [*(before.steps if before else []), *sight.steps]
            if sight.progress < 1 and (stopped or now - begun > LONGEST):
                note = "Stopped" if stopped else "Stopped at the time limit,"
                break
            left = (now - learning) * (1 - sight.progress) / sight.progress
            words = f"Painting … {about(left)} left"
            picture = Image.fromarray(sight.picture)
            making.take(partial(Image.fromarray, sight.picture))
            yield View(shown, picture, words, sight.progress, steps)
    making.take(lambda: Image.fromarray(sight.picture), last=True)
    settings = model.get_params() | {
        "content": order.photo.path.name,
        "style": [painting.path.name for painting in order.paintings],
        "style_weights": order.shares,
        "where": order.where,
        "finer": coarser is not None,
        "init": order.init if isinstance(order.init, str) else order.init.path.name,
        "sha256": {upload.path.name: upload.digest for upload in (order.photo, *order.paintings)},
    }
    files = _encode(images.read(sight.picture), settings)
    finished = Finished(*files, steps, time.monotonic() - begun, making.frames)
    MAKINGS.keep(hashlib.sha256(finished.png).hexdigest(), making.frames)
    if note == "Done":
        FINISHED.keep(order, finished)
        if sight.point:
            POINTS.keep(order, sight.point)
        learn_pace(order, expected, finished.seconds)
    yield from _files(order, shown, finished, f"{note} after {finished.seconds:.0f} s", sight.progress)


def waiting(place: Place) -> str:
    """Return the note for a visitor who waits."""
    people = "One painting is" if place.ahead == 1 else f"{place.ahead} paintings are"
    return f"Waiting in line. {people} ahead of yours, which begins in {about(place.seconds)}."


def _encode(picture: torch.Tensor, settings: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return a PNG that holds its settings, and a JPEG without metadata."""
    with tempfile.TemporaryDirectory(prefix="styler-") as folder:
        png, jpeg = Path(folder, "picture.png"), Path(folder, "picture.jpg")
        saving.save(picture, png, settings)
        saving.save(picture, jpeg)
        return png.read_bytes(), jpeg.read_bytes()


def _files(order: Order, shown: str, finished: Finished, note: str, progress: float = 1) -> Iterator[View]:
    """Yield the last view; its files live until the loop continues, and by then Gradio has copied them."""
    stem = f"{_slug(order.photo)}-as-{'-and-'.join(map(_slug, order.paintings))}"[:100]
    with tempfile.TemporaryDirectory(prefix="styler-") as folder:
        png, jpeg = Path(folder, f"{stem}.png"), Path(folder, f"{stem}.jpg")
        png.write_bytes(finished.png)
        jpeg.write_bytes(finished.jpeg)
        yield View(shown, str(png), note, progress, finished.steps, str(png), str(jpeg), last=True)


def _slug(upload: Upload) -> str:
    return re.sub(r"[^a-z0-9]+", "-", upload.path.stem.lower()).strip("-") or "picture"
