"""Convert anything image-like to one kind of tensor, and back.

Inside the library an image is a ``torch.float32`` tensor of shape (1, 3, H, W): RGB, sRGB-encoded, range [0, 1],
contiguous.
"""

import contextlib
import io
import os
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener

from styler.pixels import MAX_PIXELS, SLACK, check_size, from_array, from_tensor, scaled, to_array, unit

ImageLike: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | Image.Image | NDArray[Any] | torch.Tensor

_lock = threading.Lock()

# HEIC, for the photos of phones. Anything beside the picture in such a file, such as a gain map, is never read.
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def read(source: ImageLike, name: str = "image") -> torch.Tensor:
    """Read anything image-like.

    EXIF orientation is applied. Colours with an ICC profile are converted to sRGB; a broken profile is ignored.
    Transparent pixels are laid on white. An animation gives its first frame. The source is not changed. Files may have
    any format that Pillow reads, such as PNG, JPEG (also MPO), WebP, AVIF, TIFF, GIF, BMP and JPEG 2000, or HEIC and
    HEIF.

    Parameters
    ----------
    source : path, bytes, binary file, PIL image, numpy array or torch tensor
        Arrays are (H, W) or (H, W, C), tensors (H, W), (C, H, W) or (1, C, H, W), with C = 1 (grey), 3 (RGB) or
        4 (RGB and alpha), of bool, uint8, uint16, or floats in [0, 1]. PIL images may have any mode. PIL does not scale
        the values of modes "I" and "F": white is taken to be 1 ("F" only), 255 or 65535, the first of these that is not
        below the largest value. A seekable file is read from its start, and its position is then restored.
    name : str, default="image"
        What error messages call the source. A path is called by its own name.

    Returns
    -------
    torch.Tensor of shape (1, 3, H, W)
        float32, RGB, sRGB-encoded, range [0, 1], contiguous, on the CPU, sharing no memory with the source. 16-bit
        greys keep their precision; Pillow reads 16-bit colours as 8-bit.

    Raises
    ------
    TypeError
        If the source, or the dtype of its pixels, is not of a kind listed above.
    ValueError
        If a file can't be read or decoded. If an array has another shape, pixels that are not finite, or floats
        outside [0, 1]. If the shorter side has less than 16 px, one side is more than 20 times the other, or there are
        more than 200 megapixels.
    """
    return torch.from_numpy(_rgb(planes(source, name)))[None]


def planes(source: ImageLike, name: str = "image") -> NDArray[np.float32]:
    """Read pixels of shape (C, H, W) as `read` does, but keep greys as one channel, and alpha."""
    if isinstance(source, torch.Tensor):
        return from_tensor(source, name)
    if isinstance(source, np.ndarray):
        return from_array(np.asarray(source), name)
    if isinstance(source, Image.Image):
        return _from_pil(source, name)
    name = label(source, name)
    return _from_pil(opened(contents(source, name), name), name)


def opened(data: bytes, name: str, formats: tuple[str, ...] | None = None) -> Image.Image:
    """Read the header of an image file, but none of its pixels.

    Parameters
    ----------
    data : bytes
    name : str
        What error messages call it.
    formats : tuple of str, optional
        Pillow's names of the formats allowed; by default all that it knows.

    Raises
    ------
    ValueError
        If the file is empty, is not an image in such a format, or is broken.
    """
    if not data:
        raise ValueError(f"{name} is empty (0 bytes); save or download it again.")
    try:
        with _pixel_limit(None):  # `check_size` is called later
            return Image.open(io.BytesIO(data), formats=formats)
    except UnidentifiedImageError as error:
        raise ValueError(f"{name} is not an image file or is broken; give a PNG, JPEG, HEIC, WebP or TIFF.") from error
    except Exception as error:  # each of Pillow's readers has its own way to fail
        raise ValueError(f"{name} is damaged or cut short; save or download it again.") from error


def resize(image: torch.Tensor, size: int | tuple[int, int]) -> torch.Tensor:
    """Resample with Lanczos's filter (antialiased) in float precision.

    Parameters
    ----------
    image : torch.Tensor of shape (1, 3, H, W)
    size : int or (int, int)
        The longest side in px (the aspect ratio is kept), or (height, width).

    Returns
    -------
    torch.Tensor of shape (1, 3, height, width)
        On the device of `image`, range [0, 1]; `image` itself if it has this size already.
    """
    height, width = image.shape[-2:]
    if not isinstance(size, tuple):
        longest = max(height, width)
        size = max(1, round(height * size / longest)), max(1, round(width * size / longest))
    if size == (height, width):
        return image
    resized = np.empty((image.shape[1], *size), np.float32)
    for plane, into in zip(image[0].numpy(force=True), resized, strict=True):
        into[:] = np.asarray(Image.fromarray(plane).resize(size[::-1], Image.Resampling.LANCZOS))
    return torch.from_numpy(resized).clamp_(0, 1)[None].to(image.device)


def like(image: torch.Tensor, source: ImageLike) -> Any:
    """Convert an image to the type of `source`.

    Parameters
    ----------
    image : torch.Tensor of shape (1, 3, H, W)
    source : image-like
        Something that `read` takes.

    Returns
    -------
    numpy.ndarray, torch.Tensor or PIL.Image.Image
        For an array: an array of shape (H, W, 3). For a tensor: a tensor on the same device, of shape (1, 3, H, W) if
        the source has four dimensions and (3, H, W) otherwise. Both have the source's dtype (bool becomes uint8). For
        anything else: a PIL image in RGB.
    """
    if isinstance(source, torch.Tensor):
        dtype = torch.uint8 if source.dtype == torch.bool else source.dtype
        values = scaled(image, str(dtype).removeprefix("torch."))
        return (values if source.ndim == 4 else values[0]).to(source.device, dtype)
    if isinstance(source, np.ndarray):
        return to_array(image, np.dtype(np.uint8) if source.dtype == bool else source.dtype)
    return Image.fromarray(to_array(image, np.dtype(np.uint8)))


def _from_pil(image: Image.Image, name: str) -> NDArray[np.float32]:
    check_size(image.height, image.width, name)
    try:
        with _pixel_limit(MAX_PIXELS):  # a tile in a TIFF or a picture in an icon has its own size
            image.load()
    except Exception as error:  # each of Pillow's decoders has its own way to fail
        raise ValueError(f"{name} is damaged or cut short; save or download it again.") from error
    with contextlib.suppress(Exception):  # broken EXIF fails in many ways, too
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        return unit(np.asarray(image)[None], name)
    if image.mode in ("I", "F"):
        values = np.asarray(image, np.float32)[None]
        peaks = (255, 65535) if image.mode == "I" else (1, 255, 65535)
        return unit(values / next((peak for peak in peaks if values.max() <= peak + SLACK), 1), name)
    if not image.has_transparency_data:
        return from_array(np.asarray(_srgb(image)), name)
    image = image.convert("LA") if image.mode == "La" else image  # PIL converts "La" to nothing else
    rgba = image.convert("RGBA")
    colours = _srgb(image.convert("L") if image.mode in ("L", "LA") else rgba.convert("RGB"))
    colours.putalpha(rgba.getchannel("A"))
    return from_array(np.asarray(colours), name)


def _srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        image = image if image.mode in ("L", "CMYK", "LAB") else image.convert("RGB")
        with contextlib.suppress(OSError, TypeError, ImageCms.PyCMSError):
            own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            image = ImageCms.profileToProfile(image, own, srgb, outputMode="RGB") or image
    return image.convert("RGB")


def _rgb(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(planes) == 4:
        alpha = planes[3]
        return planes[:3] * alpha + (1 - alpha)
    return planes if len(planes) == 3 else np.repeat(planes, 3, axis=0)


def label(source: Any, name: str) -> str:
    return os.fsdecode(source) or name if isinstance(source, str | os.PathLike) else name


def contents(source: Any, name: str) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        return _file_bytes(source, name)
    if hasattr(source, "read"):
        return _stream_bytes(source, name)
    raise TypeError(
        f"{name} is of type {type(source).__name__}; give a path, bytes, an open file, a PIL image, a numpy array or a "
        "torch tensor, or several in a list."
    )


def _file_bytes(path: str | os.PathLike[str], name: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError):
            fault = "does not exist; check the path"
        elif os.path.isdir(path):
            fault = "is a folder; name an image file in it"
        else:
            fault = f"can't be read ({getattr(error, 'strerror', None) or error}); check the path and its permissions"
        raise ValueError(f"{name} {fault}.") from error


def _stream_bytes(file: Any, name: str) -> bytes:
    start = None
    try:
        with contextlib.suppress(AttributeError, OSError):  # a pipe or a socket can't seek
            here = file.tell()
            file.seek(0)
            start = here
        data = file.read()
        if start is not None:
            file.seek(start)
    except (OSError, ValueError) as error:
        raise ValueError(f"{name} is a file that can't be read ({error}); open it with mode 'rb'.") from error
    if not isinstance(data, bytes):
        raise TypeError(f"{name} is open in text mode; open it with mode 'rb'.")
    return data


@contextlib.contextmanager
def _pixel_limit(limit: int | None) -> Iterator[None]:
    """Replace Pillow's own limit for a while.

    Pillow's limit only warns at first. It applies to the whole process, which is why a lock guards the change.
    """
    with _lock:
        own, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, limit
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = own
