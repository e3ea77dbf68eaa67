"""Convert the pixels of arrays and tensors of any dtype to float32 in [0, 1], and back."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

MIN_SIDE = 16  # px; VGG's four poolings reduce this to one position
MAX_ASPECT = 20
MAX_PIXELS = 200_000_000
PEAKS = {"bool": 1, "uint8": 255, "uint16": 65535}
SLACK = 1e-3  # how far outside [0, 1] rounding, even to float16, may put a value
STRIP = 256  # rows that `to_array` converts at a time


def from_tensor(tensor: torch.Tensor, name: str) -> NDArray[np.float32]:
    """Pixels of a tensor of shape (H, W), (C, H, W) or (1, C, H, W), as an array of shape (C, H, W)."""
    array = (tensor.float() if tensor.is_floating_point() else tensor).numpy(force=True)
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    planes = array[None] if array.ndim == 2 else array
    if planes.ndim != 3 or len(planes) not in (1, 3, 4):
        raise ValueError(
            f"{name} is a tensor of shape {tuple(tensor.shape)}; give (H, W), (C, H, W) or (1, C, H, W) with C = 1, 3 "
            "or 4 (channels last: use .permute(2, 0, 1))."
        )
    return unit(planes, name)


def from_array(array: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Pixels of an array of shape (H, W) or (H, W, C), as one of shape (C, H, W)."""
    pixels = array[..., None] if array.ndim == 2 else array
    if pixels.ndim != 3 or pixels.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"{name} is an array of shape {array.shape}; give (H, W) or (H, W, C) with C = 1, 3 or 4 "
            "(channels first: use np.moveaxis(x, 0, -1))."
        )
    return unit(np.moveaxis(pixels, -1, 0), name)


def unit(planes: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Scale pixels of shape (C, H, W) to [0, 1], in a new array."""
    check_size(planes.shape[1], planes.shape[2], name)
    peak = PEAKS.get(planes.dtype.name)
    if peak is not None:
        return np.divide(planes, np.float32(peak), dtype=np.float32, order="C")
    if not np.issubdtype(planes.dtype, np.floating):
        raise TypeError(f"{name} has pixels of type {planes.dtype}; use uint8, uint16, bool or floats in [0, 1].")
    low, high = float(planes.min()), float(planes.max())
    if not np.isfinite([low, high]).all():
        raise ValueError(f"{name} has NaN or infinite pixels; replace them, for example with np.nan_to_num.")
    if low < -SLACK or high > 1 + SLACK:
        raise ValueError(
            f"{name} has float pixels from {low:g} to {high:g}, outside [0, 1]; divide by 255 or whatever white is, "
            "or use uint8 for 0 to 255."
        )
    return np.clip(planes, 0, 1).astype(np.float32, order="C")


def check_size(height: int, width: int, name: str) -> None:
    """Raise ``ValueError`` for an image that is too small, too long or too large."""
    fault = f"{name} is {width} x {height} px"
    if min(height, width) < MIN_SIDE:
        raise ValueError(f"{fault}; use an image whose sides have {MIN_SIDE} px or more.")
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise ValueError(f"{fault}; crop it until one side is at most {MAX_ASPECT} times the other.")
    if height * width > MAX_PIXELS:
        raise ValueError(f"{fault}; scale it down to at most {MAX_PIXELS // 1_000_000} megapixels.")


def scaled(image: torch.Tensor, dtype: str) -> torch.Tensor:
    """Scale pixels in [0, 1] to the range of a dtype; round them if the dtype holds whole numbers."""
    image = image.detach().clamp(0, 1)
    return (image * PEAKS[dtype]).round() if dtype in PEAKS else image


def to_array(image: torch.Tensor, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A tensor of shape (1, 3, H, W) as an array of shape (H, W, 3)."""
    array = np.empty((*image.shape[-2:], 3), dtype)
    # A few rows at a time: to scale and round a large image at once would take four more bytes for each value.
    for into, rows in zip(np.split(array, range(STRIP, len(array), STRIP)), image.split(STRIP, -2), strict=True):
        into[:] = np.moveaxis(scaled(rows, dtype.name)[0].numpy(force=True), 0, -1)
    return array
