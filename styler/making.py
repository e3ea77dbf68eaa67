"""A short film of how a picture forms, from the photo to the finished picture: an animated WebP that loops."""

import io
import os
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from PIL import Image

from styler.images import ImageLike, like, read, resize
from styler.saving import replacing

SIDE = 400  # longest side in px
FRAMES = 30  # most frames between the photo and the finished picture
FIRST, BETWEEN, LAST = 600, 2200, 1100  # milliseconds for the photo, all frames between, and the finished picture
MOST_BYTES = 2_000_000
QUALITIES = (80, 65, 50, 35, 20, 5)  # of WebP; the first that keeps the file small enough is used
SHARE = 0.02  # most of the painting's time that taking frames may cost

T = TypeVar("T")


class Film:
    """Frames of a picture as it forms. They are taken rarely enough to cost the painting almost no time.

    Parameters
    ----------
    photo : image-like
        The first frame.

    Attributes
    ----------
    frames : list of bytes
        Small JPEGs.
    """

    def __init__(self, photo: ImageLike) -> None:
        self.frames = [small(photo)]
        self._began, self._spent = time.monotonic(), 0.0

    def take(self, render: Callable[[], ImageLike], last: bool = False) -> None:
        """Take a frame if there is time for it. The last frame is always taken."""
        start = time.monotonic()
        if self._spent > SHARE * (start - self._began) and not last:
            return
        self.frames.append(small(render()))
        if len(self.frames) > 3 * FRAMES:
            del self.frames[1:-1:2]
        self._spent += time.monotonic() - start


def small(picture: ImageLike) -> bytes:
    """A picture as a small JPEG."""
    file = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else like(resize(read(picture), SIDE), "a path")
    image = image.convert("RGB")
    image.thumbnail((SIDE, SIDE))
    image.save(file, "JPEG", quality=92)
    return file.getvalue()


def save_making_of(pictures: Sequence[ImageLike], path: str | os.PathLike[str]) -> None:
    """Write a film of how a picture forms: an animated WebP of 2 to 4 seconds and at most 2 MB.

    Parameters
    ----------
    pictures : sequence of image-like
        The photo, the picture as it forms, and the finished picture. They can be the images of the stages of
        `styler.StyleTransfer.staged_transform`, for instance. If there are many, only some are used.
    path : str or path-like
        The file. Its name must end in .webp.

    Raises
    ------
    ValueError
        If there are fewer than two pictures, or the file can't be written.
    """
    if len(pictures) < 2:
        raise ValueError(f"{len(pictures)} picture(s) are too few for a film; give the photo and the pictures of it.")
    check_film(path)
    data = film([picture if isinstance(picture, bytes) else small(picture) for picture in thinned(pictures)])
    with replacing(path) as file:
        file.write(data)


def check_film(path: str | os.PathLike[str]) -> None:
    """Raise ``ValueError`` if a file name is not fit for a film."""
    if not os.fspath(path).lower().endswith(".webp"):
        raise ValueError(f"{path} can't hold a film; give it a name that ends in .webp.")


def film(frames: Sequence[bytes]) -> bytes:
    """An animated WebP of some frames. The first and the last are shown for longer."""
    images = [Image.open(io.BytesIO(frame)).convert("RGB") for frame in thinned(frames)]
    images = [image.resize(images[-1].size) for image in images]
    between = max(60, min(300, BETWEEN // max(1, len(images) - 2)))
    durations = [FIRST, *[between] * (len(images) - 2), LAST]
    for quality in QUALITIES:
        file = io.BytesIO()
        options = {"duration": durations, "loop": 0, "quality": quality, "method": 1}
        images[0].save(file, "WebP", save_all=True, append_images=images[1:], **options)
        if file.tell() <= MOST_BYTES:
            break
    return file.getvalue()


def thinned(pictures: Sequence[T]) -> list[T]:
    """The first and the last picture, and some between them."""
    between = pictures[1:-1]
    step = max(1.0, len(between) / FRAMES)
    return [pictures[0], *(between[int(i * step)] for i in range(min(FRAMES, len(between)))), pictures[-1]]
