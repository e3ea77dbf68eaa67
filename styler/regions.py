"""Regions: soft masks that say which style goes where.

Masks are read from images and become weights of a layer's positions.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from styler.images import ImageLike, planes, resize

# Masks fade over this share of the picture's longest side: a harder edge looks cut out with scissors.
FADE = 1 / 128
FAINT = 1 / 255  # a mask that is nowhere brighter is empty


def read_mask(source: ImageLike, name: str, shape: tuple[int, int]) -> Tensor:
    """Read a mask: white is inside, black is outside, grey is partly inside.

    If the image is not opaque everywhere, its alpha is the mask.

    Parameters
    ----------
    source : image-like
        See `styler.images.read`; a colour counts by the mean of its channels.
    name : str
        What messages call the mask.
    shape : (int, int)
        Height and width of the image that the mask belongs to. A mask of another size is resized, with a warning, if
        it has the image's proportions.

    Returns
    -------
    Tensor of shape (1, 1, height, width)
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        If the mask is not an image, is black all over, or has other proportions.
    """
    pixels = planes(source, name)
    is_cut_out = len(pixels) == 4 and pixels[3].min() < 1
    mask = torch.from_numpy(pixels[3] if is_cut_out else pixels[:3].mean(0))[None, None]
    if mask.max() <= FAINT:
        raise ValueError(
            f"{name} is empty (its brightest pixel is {255 * float(mask.max()):.0f} of 255); paint white where its "
            "style is to go, and give a mask of 0 and 1 as bool or times 255."
        )
    height, width = mask.shape[-2:]
    if (height, width) != shape:
        sizes = f"{name} is {width} x {height} px and its image {shape[1]} x {shape[0]} px"
        if abs(height * shape[1] / (width * shape[0]) - 1) > 1 / height + 1 / width:  # more than rounding
            raise ValueError(f"{sizes}; give a mask with the image's proportions.")
        warnings.warn(f"{sizes}; the mask is resized.", stacklevel=2)
    return resize(mask, shape)


def partition(
    regions: Mapping[str, ImageLike], labels: Sequence[str], shape: tuple[int, int], size: tuple[int, int]
) -> Tensor:
    """Share the pixels of a picture among labels.

    Parameters
    ----------
    regions : mapping of str to image-like
        A mask for each label. One label may be left out; its region is what the other masks leave.
    labels : sequence of str
    shape, size : (int, int)
        Height and width of the photo, and of the picture to be painted.

    Returns
    -------
    Tensor of shape (labels, 1, *size)
        Masks that fade into one another and add up to 1 at each pixel.

    Raises
    ------
    TypeError, ValueError
        If `regions` is not a mapping, a label is unknown or has no pixels, more than one mask is missing, or some
        pixels are in no mask.
    """
    if not isinstance(regions, Mapping):
        raise TypeError(f"regions is of type {type(regions).__name__}; give a mapping of labels to masks.")
    unknown = [label for label in regions if label not in labels]
    if unknown:
        raise ValueError(
            f"no style was learnt for region {unknown[0]!r}; fit a style for it, or None to keep the photo there."
        )
    masks = {label: read_mask(mask, f"the mask of {label!r}", shape) for label, mask in regions.items()}
    rest = 1 - torch.cat([*masks.values(), torch.zeros(1, 1, *shape)]).sum(0, keepdim=True)
    missing = [label for label in labels if label not in masks]
    if len(missing) > 1:
        raise ValueError(
            f"the regions {' and '.join(map(repr, missing))} have no mask; give one for all but one region."
        )
    if missing:
        masks[missing[0]] = rest.clamp(0, 1)
        if rest.max() <= FAINT:
            raise ValueError(f"the masks leave nothing for region {missing[0]!r}; paint them black where it is to be.")
    elif rest.max() > 0.5:
        share = float((rest > 0.5).float().mean())
        raise ValueError(f"{share:.1%} of the photo is in no mask; widen one, or leave out the mask of one region.")
    shares = torch.cat([resize(masks[label], size) for label in labels])
    shares = fade(shares, 2 * round(FADE * max(size) / 2) + 1)
    return shares / shares.sum(0, keepdim=True)


def fade(masks: Tensor, width: int) -> Tensor:
    """Masks whose edges fade over an odd width in px."""
    return F.avg_pool2d(masks, width, 1, width // 2, count_include_pad=False)


def weights_at(mask: Tensor, shape: tuple[int, int]) -> Tensor:
    """A mask as weights of a layer's positions (Gatys et al. 2017, section 4.1).

    Positions near the seam between regions see both sides of it, and would teach each region the other's style. They
    therefore count less: by the square of the share of their neighbourhood that is inside.

    Parameters
    ----------
    mask : Tensor of shape (1, 1, height, width)
    shape : (int, int)
        Height and width of the layer's maps.

    Returns
    -------
    Tensor of shape `shape`

    References
    ----------
    L. A. Gatys, A. S. Ecker, M. Bethge, A. Hertzmann and E. Shechtman, "Controlling perceptual factors in neural style
    transfer", CVPR 2017.
    """
    inside = F.adaptive_avg_pool2d(mask, shape)
    return (inside * fade(inside, 3).square())[0, 0]
