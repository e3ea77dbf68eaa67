"""The edge of the house: anything image-like to one kind of tensor and back.

Inside, an image is a ``torch.float32`` tensor of shape (1, 3, H, W): RGB, sRGB-encoded, range [0, 1], contiguous.
"""

import contextlib
import io
import json
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo
from pillow_heif import register_heif_opener

ImageLike: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | Image.Image | NDArray[Any] | torch.Tensor

MIN_SIDE = 16  # px; VGG's four poolings leave one position of it
MAX_ASPECT = 20
MAX_PIXELS = 200_000_000

_PEAKS = {"bool": 1, "uint8": 255, "uint16": 65535}
_SLACK = 1e-3  # how far rounding, float16's too, may carry a float out of [0, 1]
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WebP", ".tif": "TIFF", ".tiff": "TIFF"}
_ENCODER: dict[str, dict[str, Any]] = {"PNG": {}, "JPEG": {"quality": 95, "subsampling": 0}, "WebP": {"quality": 95}}
_DESCRIPTION = 0x010E  # the EXIF and TIFF tag ImageDescription
STRIP = 256  # rows
TIFF_ENDS = 0.9 * 2**32  # bytes; beyond, offsets need 64 bits
_lock = threading.Lock()

# The photos of phones. What lies beside the picture, such as its gain map, is not even looked at.
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def read(source: ImageLike, name: str = "image") -> torch.Tensor:
    """Read anything image-like.

    EXIF orientation is honoured, an ICC profile is converted to sRGB (a broken one is ignored), alpha is laid on
    white, and an animation gives its first frame. The source is left as it was. Files are those that Pillow reads,
    such as PNG, JPEG (MPO too), WebP, AVIF, TIFF, GIF, BMP and JPEG 2000, and HEIC and HEIF.

    Parameters
    ----------
    source : path, bytes, binary file, PIL image, numpy array or torch tensor
        Arrays are (H, W) or (H, W, C), tensors (H, W), (C, H, W) or (1, C, H, W), with C = 1 (grey), 3 (RGB) or
        4 (RGB and alpha), of bool, uint8, uint16, or floats in [0, 1]. PIL images may have any mode; the values of
        modes "I" and "F", which PIL leaves unscaled, are taken to end at 1 ("F" only), 255 or 65535, whichever
        first holds the largest. A file that can seek is read from its start and put back where it stood.
    name : str, default="image"
        What error messages call the source; a path is called by itself.

    Returns
    -------
    torch.Tensor of shape (1, 3, H, W)
        float32, RGB, sRGB-encoded, range [0, 1], contiguous, on the CPU, sharing no memory with the source. Greys
        of 16 bits keep their precision; Pillow reads colours of 16 bits as 8.

    Raises
    ------
    TypeError
        If the source, or the dtype of its pixels, is of no kind listed above.
    ValueError
        If a file can't be read or decoded, or an array has another shape, pixels that are not finite or floats
        outside [0, 1]; if the shorter side has less than 16 px, one side is more than 20 times the other, or there
        are more than 200 megapixels.
    """
    return torch.from_numpy(_rgb(planes(source, name)))[None]


def planes(source: ImageLike, name: str = "image") -> NDArray[np.float32]:
    """What `read` reads, of shape (C, H, W), before greys become colours and alpha is laid on white."""
    if isinstance(source, torch.Tensor):
        return _from_tensor(source, name)
    if isinstance(source, np.ndarray):
        return _from_array(np.asarray(source), name)
    if isinstance(source, Image.Image):
        return _from_pil(source, name)
    name = _label(source, name)
    return _from_pil(opened(_bytes(source, name), name), name)


def opened(data: bytes, name: str, formats: tuple[str, ...] | None = None) -> Image.Image:
    """Read the header of an image file, and nothing of its pixels.

    Parameters
    ----------
    data : bytes
    name : str
        What error messages call it.
    formats : tuple of str, optional
        Pillow's names of those that may be; by default all that it knows.

    Raises
    ------
    ValueError
        If it is empty, no image of such a format, or broken.
    """
    if not data:
        raise ValueError(f"{name} is empty (0 bytes); save or download it again.")
    try:
        with _pixel_limit(None):  # `_check_size` follows
            return Image.open(io.BytesIO(data), formats=formats)
    except UnidentifiedImageError as error:
        raise ValueError(f"{name} is no image file, or a broken one; give a PNG, JPEG, HEIC, WebP or TIFF.") from error
    except Exception as error:  # as in `_from_pil`
        raise ValueError(f"{name} is damaged or cut short; save or download it again.") from error


def resize(image: torch.Tensor, size: int | tuple[int, int]) -> torch.Tensor:
    """Resample with Lanczos's filter (antialiased) in float precision.

    Parameters
    ----------
    image : torch.Tensor of shape (1, 3, H, W)
    size : int or (int, int)
        The longest side in px, which keeps the aspect ratio, or (height, width).

    Returns
    -------
    torch.Tensor of shape (1, 3, height, width)
        On the device of `image`, range [0, 1]; `image` itself where its size is right already.
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
    """Hand an image back as the kind of thing that `source` is.

    Parameters
    ----------
    image : torch.Tensor of shape (1, 3, H, W)
    source : image-like
        Something that `read` takes.

    Returns
    -------
    numpy.ndarray, torch.Tensor or PIL.Image.Image
        For an array, one of shape (H, W, 3); for a tensor, (1, 3, H, W) if it had four dimensions and (3, H, W)
        otherwise, on its device; both of the source's dtype (bool becomes uint8). For all else a PIL image, RGB.
    """
    if isinstance(source, torch.Tensor):
        dtype = torch.uint8 if source.dtype == torch.bool else source.dtype
        scaled = _scaled(image, str(dtype).removeprefix("torch."))
        return (scaled if source.ndim == 4 else scaled[0]).to(source.device, dtype)
    if isinstance(source, np.ndarray):
        return _to_array(image, np.dtype(np.uint8) if source.dtype == bool else source.dtype)
    return Image.fromarray(_to_array(image, np.dtype(np.uint8)))


def save(image: torch.Tensor, path: str | os.PathLike[str], settings: Mapping[str, Any] | None = None) -> None:
    """Write an image file in one stroke: a failure leaves neither half a file nor a lost old one.

    Parameters
    ----------
    image : torch.Tensor of shape (1, 3, H, W)
    path : str or path-like
        The extension chooses the format: .png, .jpg, .jpeg and .webp have 8 bits a channel, .tif and .tiff 16.
    settings : mapping of str, optional
        How the picture was made, kept as JSON in its description (PNG's text chunk "Description", the tag
        ImageDescription elsewhere). Arrays become lists and whatever JSON lacks becomes its `str`.

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
    """A file that becomes `path` when it is whole; ``ValueError`` if it can't be written."""
    target = Path(os.path.realpath(path))  # a link stays one
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
        Empty if the file tells of none.

    Raises
    ------
    ValueError
        If the file can't be read or is no image.
    """
    name = _label(path, "image")
    return described(opened(_bytes(path, name), name))


def described(image: Image.Image) -> dict[str, Any]:
    """What `settings` reads, of an image that is open."""
    text = image.info.get("Description")
    with contextlib.suppress(Exception):  # Pillow fails on broken EXIF in many ways
        text = text or image.getexif().get(_DESCRIPTION)
    try:
        found = json.loads(text or "")["styler"]
    except (KeyError, RecursionError, TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def check_output(path: str | os.PathLike[str]) -> None:
    """Find out whether `save` could write `path`, and leave no trace.

    Parameters
    ----------
    path : str or path-like
        Where a picture is to go.

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


def _from_tensor(tensor: torch.Tensor, name: str) -> NDArray[np.float32]:
    array = (tensor.float() if tensor.is_floating_point() else tensor).numpy(force=True)
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    planes = array[None] if array.ndim == 2 else array
    if planes.ndim != 3 or len(planes) not in (1, 3, 4):
        raise ValueError(
            f"{name} is a tensor of shape {tuple(tensor.shape)}; give (H, W), (C, H, W) or (1, C, H, W) with C = 1, 3 "
            "or 4 (channels last: use .permute(2, 0, 1))."
        )
    return _unit(planes, name)


def _from_array(array: NDArray[Any], name: str) -> NDArray[np.float32]:
    pixels = array[..., None] if array.ndim == 2 else array
    if pixels.ndim != 3 or pixels.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"{name} is an array of shape {array.shape}; give (H, W) or (H, W, C) with C = 1, 3 or 4 "
            "(channels first: use np.moveaxis(x, 0, -1))."
        )
    return _unit(np.moveaxis(pixels, -1, 0), name)


def _from_pil(image: Image.Image, name: str) -> NDArray[np.float32]:
    _check_size(image.height, image.width, name)
    try:
        with _pixel_limit(MAX_PIXELS):  # of a tile in a TIFF, a picture in an icon
            image.load()
    except Exception as error:  # each of Pillow's decoders has its own way to fail
        raise ValueError(f"{name} is damaged or cut short; save or download it again.") from error
    with contextlib.suppress(Exception):  # as above, for broken EXIF
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        return _unit(np.asarray(image)[None], name)
    if image.mode in ("I", "F"):
        values = np.asarray(image, np.float32)[None]
        peaks = (255, 65535) if image.mode == "I" else (1, 255, 65535)
        return _unit(values / next((peak for peak in peaks if values.max() <= peak + _SLACK), 1), name)
    if not image.has_transparency_data:
        return _from_array(np.asarray(_srgb(image)), name)
    image = image.convert("LA") if image.mode == "La" else image  # PIL knows no other way out of "La"
    rgba = image.convert("RGBA")
    colours = _srgb(image.convert("L") if image.mode in ("L", "LA") else rgba.convert("RGB"))
    colours.putalpha(rgba.getchannel("A"))
    return _from_array(np.asarray(colours), name)


def _srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        image = image if image.mode in ("L", "CMYK", "LAB") else image.convert("RGB")
        with contextlib.suppress(OSError, TypeError, ImageCms.PyCMSError):
            own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            image = ImageCms.profileToProfile(image, own, srgb, outputMode="RGB") or image
    return image.convert("RGB")


def _unit(planes: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Scale pixels of shape (C, H, W) to new ones in [0, 1]."""
    _check_size(planes.shape[1], planes.shape[2], name)
    peak = _PEAKS.get(planes.dtype.name)
    if peak is not None:
        return np.divide(planes, np.float32(peak), dtype=np.float32, order="C")
    if not np.issubdtype(planes.dtype, np.floating):
        raise TypeError(f"{name} has pixels of type {planes.dtype}; use uint8, uint16, bool or floats in [0, 1].")
    low, high = float(planes.min()), float(planes.max())
    if not np.isfinite([low, high]).all():
        raise ValueError(f"{name} has NaN or infinite pixels; replace them, for example with np.nan_to_num.")
    if low < -_SLACK or high > 1 + _SLACK:
        raise ValueError(
            f"{name} has float pixels from {low:g} to {high:g}, outside [0, 1]; divide by 255 or whatever white is, "
            "or use uint8 for 0 to 255."
        )
    return np.clip(planes, 0, 1).astype(np.float32, order="C")


def _rgb(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(planes) == 4:
        alpha = planes[3]
        return planes[:3] * alpha + (1 - alpha)
    return planes if len(planes) == 3 else np.repeat(planes, 3, axis=0)


def _check_size(height: int, width: int, name: str) -> None:
    fault = f"{name} is {width} x {height} px"
    if min(height, width) < MIN_SIDE:
        raise ValueError(f"{fault}; use an image whose sides have {MIN_SIDE} px or more.")
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise ValueError(f"{fault}; crop it until one side is at most {MAX_ASPECT} times the other.")
    if height * width > MAX_PIXELS:
        raise ValueError(f"{fault}; scale it down to at most {MAX_PIXELS // 1_000_000} megapixels.")


def _label(source: Any, name: str) -> str:
    return os.fsdecode(source) or name if isinstance(source, str | os.PathLike) else name


def _bytes(source: Any, name: str) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        return _file_bytes(source, name)
    if hasattr(source, "read"):
        return _stream_bytes(source, name)
    raise TypeError(
        f"{name} is of type {type(source).__name__}; give a path, bytes, an open file, a PIL image, a numpy array or a "
        "torch tensor, and several in a list."
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
        raise TypeError(f"{name} is a file of text; open it with mode 'rb'.")
    return data


@contextlib.contextmanager
def _pixel_limit(limit: int | None) -> Iterator[None]:
    """Stand in for Pillow's own limit, which only warns at first, and is one for the whole process."""
    with _lock:
        own, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, limit
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = own


def _scaled(image: torch.Tensor, dtype: str) -> torch.Tensor:
    image = image.detach().clamp(0, 1)
    return (image * _PEAKS[dtype]).round() if dtype in _PEAKS else image


def _to_array(image: torch.Tensor, dtype: np.dtype[Any]) -> NDArray[Any]:
    array = np.empty((*image.shape[-2:], 3), dtype)
    # Few rows at a time, so that a large image is not scaled and rounded all at once in four bytes a value.
    for into, rows in zip(np.split(array, range(STRIP, len(array), STRIP)), image.split(STRIP, -2), strict=True):
        into[:] = np.moveaxis(_scaled(rows, dtype.name)[0].numpy(force=True), 0, -1)
    return array


def _format(path: str | os.PathLike[str]) -> str:
    kind = FORMATS.get(Path(path).suffix.lower())
    if kind is None:
        raise ValueError(f"{path} has no extension that can be written; use one of {', '.join(FORMATS)}.")
    return kind


def _json(value: Any) -> str:
    return json.dumps(value, default=lambda odd: odd.tolist() if hasattr(odd, "tolist") else str(odd))


def _encode(image: torch.Tensor, kind: str, text: str, file: BinaryIO) -> None:
    if kind == "TIFF":
        array = _to_array(image, np.dtype(np.uint16))
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
    Image.fromarray(_to_array(image, np.dtype(np.uint8))).save(file, kind, **options)
