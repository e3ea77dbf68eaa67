"""What happens between Paint and the finished picture: one loop over what is seen of a transform."""

import hashlib
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from copy import copy
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from styler import images, saving
from styler.colors import recolour
from styler.demo.advice import LOOKED_AT
from styler.demo.hosting import CONCURRENCY, DEVICE, LENT, gpu
from styler.demo.line import Line, Place
from styler.demo.orders import Order, Recent, by_region
from styler.demo.plots import Step, step_of
from styler.demo.uploads import Upload
from styler.estimator import RECIPE_PARAMS, StyleTransfer
from styler.losses import moments
from styler.making import Film
from styler.painting import Point
from styler.schedule import PRESETS
from styler.subject import find_subject

LIVE_SECONDS = 0.25  # between two live pictures; a browser on a phone shows no more
LONGEST = 900.0  # seconds, then a painting makes room for the next
LONGEST_LEASE = 120.0  # seconds for which ZeroGPU lends a GPU
WAITING = 24  # visitors, then the next is asked to come back
LINE = Line(CONCURRENCY, WAITING)
GOING_ON = 0.4  # how much of its whole time a picture takes that goes on from a coarser one, about
# What a style is learnt from; and, from the fourth on, how.
LESSON = ("paintings", "shares", "where", "size", "preset", "pooling", "style_scale", *RECIPE_PARAMS)


@dataclass(frozen=True)
class Sight:
    """What is seen of a painting on its way: plain data, as it may come from another process.

    Attributes
    ----------
    picture : ndarray of shape (height, width, 3)
        uint8, RGB.
    progress : float
        Share of the work that is done, range (0, 1].
    steps : list of Step
        How far it went at each step.
    point : Point or None
        Of the last sight, where a finer picture can go on from.
    """

    picture: NDArray[np.uint8]
    progress: float
    steps: list[Step]
    point: Point | None = None


@dataclass(frozen=True)
class Finished:
    """A painted picture as files, and how it came about."""

    png: bytes
    jpeg: bytes
    steps: list[Step]
    seconds: float
    frames: list[bytes]


FINISHED: Recent[Finished] = Recent(32)
POINTS: Recent[Point] = Recent(8)  # where the last few pictures ended, to be painted finer
MAKINGS: Recent[list[bytes]] = Recent(32)  # the frames of a picture's making, by the SHA-256 of its PNG
# How much longer a painting takes here than expected, by preset and size, learnt from those just painted.
PACES: Recent[float] = Recent(100)
STOPPING: Recent[bool] = Recent(1000)  # whether the picture of a session has to end at its next step
AT_WORK: set[str] = set()  # the sessions that wait or paint


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
    LINE.look_up()


def estimate(preset: str, size: int, style_layers: Any = None, content_layers: Any = None, photo: Any = None) -> float:
    """Return about how many seconds a painting takes on this machine, of a photo or of one that is 4:3."""
    layers = {"style_layers": style_layers, "content_layers": content_layers}
    model = StyleTransfer(size, preset=preset, device=DEVICE, **layers)
    return model.expected_seconds(photo) * pace(preset, size)


def pace(preset: str, size: int) -> float:
    """Return how much longer paintings take here than expected; 1 until one was painted."""
    return PACES.get((preset, size)) or 1.0


def learn_pace(order: Order, expected: float, seconds: float) -> None:
    """Learn from a painting just done how long the next ones will take; those before it count for a third."""
    key, now = (order.preset, order.size), seconds / expected
    before = PACES.get(key)
    PACES.keep(key, now if before is None else (2 * now + before) / 3)


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
    coarser = coarser_of(order)
    with tempfile.TemporaryDirectory(prefix="styler-") as folder:
        try:
            AT_WORK.add(session)
            photo = order.photo.read(order.size)
            # Files: of an image Gradio would write another, again and again over the one that is being sent.
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
    """The photo in the colours of the first painting: something to look at from the start."""
    colours = moments(order.paintings[0].read(LOOKED_AT))
    return torch.lerp(photo, recolour(photo, colours), min(1.0, 2 * order.strength))


def coarser_of(order: Order) -> tuple[Finished, Point] | None:
    """The picture that an order goes on from, and where that ended; None if it is no longer here, or not wanted."""
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
    lesson = tuple(getattr(order, name) for name in LESSON)
    init = order.init if isinstance(order.init, str) else order.init.read()
    model = copy(learnt(*lesson)).set_params(
        strength=order.strength, colors=order.colors, init=init, random_state=order.seed
    )
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
                note = "Stopped" if stopped else "Stopped at the limit,"
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


@lru_cache(maxsize=8)
def learnt(
    paintings: tuple[Upload, ...],
    shares: tuple[float, ...],
    where: str,
    *choices: Any,
) -> StyleTransfer:
    """A style, learnt once for all who ask for it, with choices in the order of `LESSON`."""
    model = StyleTransfer(device=DEVICE, **dict(zip(LESSON[3:], choices, strict=True)))
    styles, weights = by_region([painting.read() for painting in paintings], shares, where)
    return model.fit(styles, sample_weight=weights)


def subject(order: Order, photo: torch.Tensor) -> torch.Tensor:
    """Where the subject is, drawn by the visitor or found, white and as large as the photo."""
    if order.drawing is None:
        return torch.from_numpy(find_subject(photo))
    return images.resize(order.drawing.painted(), (photo.shape[-2], photo.shape[-1]))


def lease(model: StyleTransfer, photo: torch.Tensor, regions: Any, point: Point | None = None) -> float:
    """Seconds for which to borrow a GPU: twice what is expected, and some to get going."""
    return min(
        LONGEST_LEASE, 10 + 2 * estimate(model.preset, model.size, model.style_layers, model.content_layers, photo)
    )


@gpu(lease)
def sights(
    model: StyleTransfer, photo: torch.Tensor, regions: dict[str, torch.Tensor] | None, point: Point | None = None
) -> Iterator[Sight]:
    """Transform, or go on from where a coarser preset ended, and yield what is seen as often as it is shown.

    A function of its own, which a GPU may be lent for: then it runs in another process, and what it yields is pickled.
    """
    if LENT:
        torch.set_num_threads(1)  # threads of a process that forked are not there in the other, which waits for them
        model = copy(model).set_params(device=None)
    weights = model.scales_[0].recipe.weights(model.strength)
    steps: list[Step] = []
    last, skipped = 0.0, 0
    if point:  # goes on at the last scale, whose first step counts as made
        skipped = sum(scale.steps for scale in model.scales_[:-1]) + 1
        point = point._replace(step=skipped)
    for stage in model.staged_transform(photo, regions, point):
        steps.append(step_of(stage, weights))
        done = stage.step == stage.n_steps
        if time.monotonic() - last >= LIVE_SECONDS or done:
            last = time.monotonic()
            progress = (stage.step - skipped) / (stage.n_steps - skipped) if point else stage.progress
            held = stage.point if done and not LENT else None  # a borrowed GPU's memory goes back with it
            yield Sight(np.asarray(images.like(stage.image, "a path")), progress, [*steps], held)


def waiting(place: Place) -> str:
    """What one who waits is told."""
    people = "One painting is" if place.ahead == 1 else f"{place.ahead} paintings are"
    return f"Waiting in line: {people} ahead of yours; it begins in {about(place.seconds)}."


def about(seconds: float) -> str:
    """A time in words."""
    return f"about {max(1, seconds):.0f} s" if seconds < 99 else f"about {round(seconds / 30) / 2:g} min"


def _encode(picture: torch.Tensor, settings: dict[str, Any]) -> tuple[bytes, bytes]:
    """A PNG that holds its settings, and a JPEG that tells nobody anything."""
    with tempfile.TemporaryDirectory(prefix="styler-") as folder:
        png, jpeg = Path(folder, "picture.png"), Path(folder, "picture.jpg")
        saving.save(picture, png, settings)
        saving.save(picture, jpeg)
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
