"""The files that the page was given, which are all that a visitor may name, and how they are read."""

import contextlib
import ctypes
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from gradio.utils import get_upload_folder
from PIL import Image

from styler import images, samples, saving

HASH = "[0-9a-f]" * 64  # names the folder of a file after what is in it
MAX_MEGAPIXELS = 50  # as decoded, 0.6 GB
# What browsers send as images. Pillow knows many more, of which some start other programs or are seldom looked after.
FORMATS = ("PNG", "JPEG", "HEIF", "WEBP", "AVIF", "TIFF", "GIF", "BMP")
DRAWN = ("PNG", "JPEG", "MPO", "WEBP", "AVIF", "GIF", "BMP")  # by browsers
COPY = 2048  # px; longest side of a copy for browsers, twice that of the largest picture, for strokes seen from near
BLOCK = 1 << 18  # bytes of a file to be hashed at a time

T = TypeVar("T")

# One file at a time: a large image takes much memory until it has its size, and many threads starve all else.
_reader = ThreadPoolExecutor(1)


def shown() -> list[Path]:
    """Return the files that the page shows of itself: the samples, and the finished pictures of the pairs."""
    return [*map(samples.place, samples.SAMPLES), *map(samples.result, samples.PAIRS)]


def given(file: Any) -> Path | None:
    """Return the file that a message names, if the server was given it.

    Parameters
    ----------
    file : object
        What came where a file belongs; a mapping with a "path", if all is well.

    Returns
    -------
    pathlib.Path or None
        An upload, a picture from here or a sample. None for everything else, be it there or not: it is not looked for.
    """
    named = file.get("path") if isinstance(file, Mapping) else None
    if not isinstance(named, str):
        return None
    if named in map(str, shown()):
        return Path(named) if os.path.isfile(named) else None
    parent, name = os.path.split(os.path.abspath(named))
    folder, hashed = os.path.split(parent)
    if not re.fullmatch(HASH, hashed):
        return None
    uploads = os.path.realpath(get_upload_folder())
    if folder not in (uploads, os.path.abspath(get_upload_folder())):
        return None
    path = os.path.join(uploads, hashed, name)
    try:
        return Path(path) if os.path.realpath(path) == path and os.path.isfile(path) else None
    except ValueError:  # no name of a file: it holds NUL or half a character
        return None


@dataclass(frozen=True)
class Upload:
    """An image file on the server; two of the same bytes under the same name are equal.

    Attributes
    ----------
    path : pathlib.Path
        Named after what is in the file, and as its visitor calls it.
    role : str
        What sentences call it.
    digest : str
    """

    path: Path
    role: str = field(compare=False)
    digest: str

    @staticmethod
    def of(file: Any, role: str) -> "Upload":
        """Take a file as a message names it: the one door for files. ``ValueError`` for all that `given` knows not."""
        path = given(file)
        if path is None:
            raise _missing(role)
        return Upload(path, role, _reader.submit(_digest, path, role).result())

    def painted(self, above: int = 0) -> torch.Tensor:
        """Decode a drawing: white where anything was painted, or what is less seen through than so much of 255."""

        def decode() -> torch.Tensor:
            planes = images.planes(self._opened(), self.name)
            alpha = planes[3] if len(planes) == 4 else np.ones_like(planes[0])
            return images.read(alpha * 255 > above + 0.5, self.name)

        return _frugally(decode)

    def read(self, size: int | None = None) -> torch.Tensor:
        """Decode the image, to a longest side in px; errors call it by its own name and not by its place here."""

        def decode() -> torch.Tensor:
            image = images.read(self._opened(), self.name)
            return image if size is None else images.resize(image, size)

        return _frugally(decode)

    def drawable(self, folder: Path) -> Path:
        """Return the file, or a copy in a folder if browsers can't draw its format; what is broken is told."""

        def decode() -> torch.Tensor | None:
            opened = self._opened()
            image = images.read(opened, self.name)
            if opened.format in DRAWN:
                return None
            return images.resize(image, COPY) if max(image.shape) > COPY else image

        image = _frugally(decode)
        if image is None:
            return self.path
        copy = folder / f"{self.path.stem}.jpg"
        saving.save(image, copy)
        return copy

    @property
    def name(self) -> str:
        """What sentences call the file."""
        return f"The {self.role} {self.path.name}"

    def settings(self) -> dict[str, Any]:
        """Return what the image tells of how it was painted; see `styler.saving.settings`."""
        return saving.described(self._opened())

    def _opened(self) -> Image.Image:
        image = images.opened(_bytes(self.path, self.role), self.name, FORMATS)
        if image.width * image.height > MAX_MEGAPIXELS * 1e6:
            raise ValueError(
                f"{self.name} is {image.width} x {image.height} px; scale it down to {MAX_MEGAPIXELS} megapixels."
            )
        return image


def _frugally(decode: Callable[[], T]) -> T:
    """Decode when it is its turn, and hand back to the system what that took; glibc would keep it for the next time."""
    try:
        return _reader.submit(decode).result()
    finally:
        with contextlib.suppress(AttributeError, OSError, TypeError):  # no glibc
            ctypes.CDLL(None).malloc_trim(0)


def _digest(path: Path, role: str) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    except OSError as error:
        raise _missing(role) from error
    return digest.hexdigest()


def _bytes(path: Path, role: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _missing(role) from error


def _missing(role: str) -> ValueError:
    """The one sentence for a file that is not chosen, no longer here, or none of a visitor's."""
    return ValueError(f"Choose a {role} first; uploads stay for an hour.")
