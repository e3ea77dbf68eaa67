"""The files that the page was given, and how they are read. A visitor may name no others."""

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

HASH = "[0-9a-f]" * 64  # the name of a file's folder: a hash of its content
MAX_MEGAPIXELS = 50  # as decoded, 0.6 GB
# What browsers send as images. Pillow reads many more; some of those start other programs or are poorly maintained.
FORMATS = ("PNG", "JPEG", "HEIF", "WEBP", "AVIF", "TIFF", "GIF", "BMP")
DRAWN = ("PNG", "JPEG", "MPO", "WEBP", "AVIF", "GIF", "BMP")  # formats that browsers can draw
COPY = 2048  # px; longest side of a copy for browsers: twice that of the largest picture, for strokes of twice the size
BLOCK = 1 << 18  # bytes that are hashed at a time

T = TypeVar("T")

# One file at a time: a large image takes much memory until it is resized, and many threads would starve the rest.
_reader = ThreadPoolExecutor(1)


def shown() -> list[Path]:
    """Return the page's own files: the samples, and the finished pictures of the pairs."""
    return [*map(samples.place, samples.SAMPLES), *map(samples.result, samples.PAIRS)]


def given(file: Any) -> Path | None:
    """Return the file that a message names, if the server was given it.

    Parameters
    ----------
    file : object
        What was sent as a file; a mapping with a "path", if it is valid.

    Returns
    -------
    pathlib.Path or None
        An upload, a picture painted here, or a sample. None for all else, without looking whether it exists.
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
    except ValueError:  # not a valid file name: it holds NUL or half a character
        return None


@dataclass(frozen=True)
class Upload:
    """An image file on the server; two with the same bytes and the same name are equal.

    Attributes
    ----------
    path : pathlib.Path
        Its folder is named after the file's content, and the file as its visitor named it.
    role : str
        What error messages call it.
    digest : str
        The SHA-256 of its bytes.
    """

    path: Path
    role: str = field(compare=False)
    digest: str

    @staticmethod
    def of(file: Any, role: str) -> "Upload":
        """Return the file that a message names. All files enter here; ``ValueError`` if `given` does not know it."""
        path = given(file)
        if path is None:
            raise _missing(role)
        return Upload(path, role, _reader.submit(_digest, path, role).result())

    def painted(self, above: int = 0) -> torch.Tensor:
        """Decode a drawing: white where something was painted with an opacity above `above`, of 255."""

        def decode() -> torch.Tensor:
            planes = images.planes(self._opened(), self.name)
            alpha = planes[3] if len(planes) == 4 else np.ones_like(planes[0])
            return images.read(alpha * 255 > above + 0.5, self.name)

        return _frugally(decode)

    def read(self, size: int | None = None) -> torch.Tensor:
        """Decode the image, resized to a longest side in px; errors name the file, but not its place on the server."""

        def decode() -> torch.Tensor:
            image = images.read(self._opened(), self.name)
            return image if size is None else images.resize(image, size)

        return _frugally(decode)

    def drawable(self, folder: Path) -> Path:
        """Return the file, or a copy in a folder if browsers can't draw its format; ``ValueError`` if it is broken."""

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
        """What error messages call the file."""
        return f"The {self.role} {self.path.name}"

    def settings(self) -> dict[str, Any]:
        """Return the settings stored in the image; see `styler.saving.settings`."""
        return saving.described(self._opened())

    def _opened(self) -> Image.Image:
        image = images.opened(_bytes(self.path, self.role), self.name, FORMATS)
        if image.width * image.height > MAX_MEGAPIXELS * 1e6:
            raise ValueError(
                f"{self.name} is {image.width} x {image.height} px; scale it down to {MAX_MEGAPIXELS} megapixels."
            )
        return image


def _frugally(decode: Callable[[], T]) -> T:
    """Wait for a turn, decode, and give the memory back to the system; glibc would keep it for the next time."""
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
    """Return the one error for a file that is not chosen, no longer here, or not for visitors to name."""
    return ValueError(f"Choose a {role} first; uploads are deleted after an hour.")
