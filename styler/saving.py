"""Save pictures as files, whole or not at all, together with the settings that they were painted with."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from styler.images import contents, label, opened
from styler.pixels import to_array

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WebP", ".tif": "TIFF", ".tiff": "TIFF"}
_ENCODER: dict[str, dict[str, Any]] = {"PNG": {}, "JPEG": {"quality": 95, "subsampling": 0}, "WebP": {"quality": 95}}
_DESCRIPTION = 0x010E  # the EXIF and TIFF tag ImageDescription
TIFF_ENDS = 0.9 * 2**32  # bytes; larger files need 64-bit offsets


def save(image: torch.Tensor, path: str | os.PathLike[str], settings: Mapping[str, Any] | None = None) -> None:
    """Write an image file; if that fails, no partial file is left and an older file stays as it was.

    Parameters
    ----------
    image : torch.Tensor of shape (1, 3, H, W)
    path : str or path-like
        The extension decides the format: .png, .jpg, .jpeg and .webp have 8 bits a channel, .tif and .tiff 16.
    settings : mapping of str, optional
        How the picture was made. It is stored as JSON in the file's description: in PNG the text chunk "Description",
        elsewhere the tag ImageDescription. Arrays become lists; other objects that JSON lacks become their `str`.

    Raises
    ------
    ValueError
        If the path can't be written, the extension is unknown or the format can't hold the image.
    """
    kind = _format(path)
    text = "" if settings is None else _json({"styler": dict(settings)})
    with replacing(path) as file:
        try:
            _encode(image, kind, text, file)
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None):
                raise
            raise ValueError(f"{path} can't be stored as {kind} ({error}); use .png or .tif instead.") from error


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A temporary file that replaces `path` once it is complete; ``ValueError`` if it can't be written."""
    target = Path(os.path.realpath(path))  # a link stays a link; its target is replaced
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".styler-") as folder:
            with open(Path(folder, "file"), "w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(Path(folder, "file"), target)
    except OSError as error:
        raise ValueError(f"{path} can't be written ({error.strerror}); choose another place.") from error


def settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read back the settings that `save` wrote.

    Parameters
    ----------
    path : str or path-like
        An image file.

    Returns
    -------
    dict
        Empty if the file has no settings.

    Raises
    ------
    ValueError
        If the file can't be read or is not an image.
    """
    name = label(path, "image")
    return described(opened(contents(path, name), name))


def described(image: Image.Image) -> dict[str, Any]:
    """Read the settings of an open image, as `settings` does for a file."""
    text = image.info.get("Description")
    with contextlib.suppress(Exception):  # Pillow fails on broken EXIF in many ways
        text = text or image.getexif().get(_DESCRIPTION)
    try:
        found = json.loads(text or "")["styler"]
    except (KeyError, RecursionError, TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def check_output(path: str | os.PathLike[str]) -> None:
    """Check whether `save` can write `path`, without leaving a file behind.

    Parameters
    ----------
    path : str or path-like
        Where a picture is to be saved.

    Raises
    ------
    ValueError
        If it is a folder, has an unknown extension, or lies in a folder that is missing or can't be written to.
    """
    target = Path(os.path.realpath(path))
    if os.path.isdir(target):
        raise ValueError(f"{path} is a folder; add a file name, such as {Path(path, 'painted.png')}.")
    _format(path)
    if not os.path.isdir(target.parent):
        raise ValueError(f"{path} can't be written: there is no folder {target.parent}; create it first.")
    try:
        with contextlib.suppress(FileNotFoundError):
            os.stat(target)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise ValueError(f"{path} can't be written ({error.strerror}); choose another place.") from error


def _format(path: str | os.PathLike[str]) -> str:
    kind = FORMATS.get(Path(path).suffix.lower())
    if kind is None:
        raise ValueError(f"{path} has no extension that can be written; use one of {', '.join(FORMATS)}.")
    return kind


def _json(value: Any) -> str:
    return json.dumps(value, default=lambda odd: odd.tolist() if hasattr(odd, "tolist") else str(odd))


def _encode(image: torch.Tensor, kind: str, text: str, file: BinaryIO) -> None:
    if kind == "TIFF":
        array = to_array(image, np.dtype(np.uint16))
        tifffile.imwrite(
            file,
            array,
            photometric="rgb",
            compression="zlib",
            predictor=True,
            bigtiff=array.nbytes > TIFF_ENDS,
            description=text or None,
            metadata=None,
            software="styler",
        )
        return
    options = dict(_ENCODER[kind])
    if text and kind == "PNG":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_text("Description", text)
    elif text:
        options["exif"] = Image.Exif()
        options["exif"][_DESCRIPTION] = text
    Image.fromarray(to_array(image, np.dtype(np.uint8))).save(file, kind, **options)
