"""Change colours: move them to another image's, limit them to a painting's, or keep the photo's with painted light."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from styler.losses import Moments, moments

# Share of a painting's pixels that is ignored at each end of an axis: dust, and artefacts of JPEG.
RARE = 1e-3


class Palette(NamedTuple):
    """The colours of a painting: a box along the axes in which they vary.

    Attributes
    ----------
    mean : Tensor of shape (3,)
    axes : Tensor of shape (3, 3)
        Principal axes, one in each column. An ink drawing has one axis of greys, and no extent along the other two.
    low, high : Tensor of shape (3,)
        The range of the colours along each axis, measured from the mean.
    """

    mean: Tensor
    axes: Tensor
    low: Tensor
    high: Tensor


def palette(images: Sequence[Tensor], weights: Sequence[Tensor]) -> Palette:
    """The colours of one painting or of several.

    Parameters
    ----------
    images : sequence of Tensor of shape (1, 3, height, width)
        RGB in [0, 1].
    weights : sequence of Tensor of shape (height, width)
        How much each pixel counts, 0 or more and not all 0.

    Returns
    -------
    Palette
    """
    pixels = torch.cat([image[0].flatten(1).T for image in images])
    w = torch.cat([weight.flatten() for weight in weights])
    w = w / w.sum()
    mean = w @ pixels
    centred = pixels - mean
    _, axes = torch.linalg.eigh(centred.T @ (w[:, None] * centred))
    along, order = (centred @ axes).sort(0)
    share = w[order].cumsum(0)
    low, high = (along.gather(0, (share < at).sum(0, keepdim=True).clamp(max=len(w) - 1))[0] for at in (RARE, 1 - RARE))
    return Palette(mean, axes, low, high)


def within(palette: Palette, image: Tensor) -> Tensor:
    """Move each colour of an image of shape (1, 3, height, width) to the nearest one in a palette."""
    mean, axes, low, high = (t.to(image) for t in palette)
    along = torch.einsum("nchw,ca->nahw", image - mean[:, None, None], axes)
    along = along.clamp(low[:, None, None], high[:, None, None])
    return (torch.einsum("nahw,ca->nchw", along, axes) + mean[:, None, None]).clamp(0, 1)


def recolour(image: Tensor, style: Moments, weights: Tensor | None = None) -> Tensor:
    """Move an image's colours to the mean and covariance of a style's colours.

    Of the linear maps that do so, this one moves colours least. It is Monge and Kantorovich's for normal distributions
    (F. Pitié and A. Kokaram, "The linear Monge-Kantorovitch linear colour mapping for example-based colour transfer",
    2007).

    Parameters
    ----------
    image : Tensor of shape (1, 3, height, width)
        RGB in [0, 1].
    style : Moments of N = 3
        Moments of the painting's pixels.
    weights : Tensor of shape (height, width), optional
        The part of the image that is to have this mean and covariance; by default the whole.

    Returns
    -------
    Tensor of shape (1, 3, height, width)
        Clipped to [0, 1].
    """
    own = moments(image, weights)
    # A flat colour has a covariance of 0, which has no inverse. The small amount added here does not show in 8 bits.
    C = own.covariance + 1e-6 * torch.eye(3).to(image)
    root, inverse = matrix_power(C, 0.5), matrix_power(C, -0.5)
    T = inverse @ matrix_power(root @ style.covariance @ root, 0.5) @ inverse
    centred = image - own.mean[:, None, None]
    return (torch.einsum("ij,njhw->nihw", T, centred) + style.mean[:, None, None]).clamp(0, 1)


def luminance(image: Tensor) -> Tensor:
    """Perceived brightness, of shape (1, 1, height, width): the luma of BT.601, from sRGB-encoded pixels."""
    return torch.einsum("njhw,j->nhw", image, torch.tensor([0.299, 0.587, 0.114]).to(image))[:, None]


def painted_in_light(painted: Tensor, photo: Tensor, weights: Tensor | None = None) -> Tensor:
    """The painted picture's light and shade with the photo's colours (Gatys et al. 2016, section 3.2).

    The light is first moved to the photo's mean and spread. Otherwise a dark painting would push the photo's colours
    out of the range of RGB.

    Parameters
    ----------
    painted, photo : Tensor of shape (1, 3, height, width)
        RGB in [0, 1].
    weights : Tensor of shape (height, width), optional
        Where to measure mean and spread; by default everywhere.

    Returns
    -------
    Tensor of shape (1, 3, height, width)
        Clipped to [0, 1].

    References
    ----------
    L. A. Gatys, M. Bethge, A. Hertzmann and E. Shechtman, "Preserving color in neural artistic style transfer", 2016.
    """
    light, own = luminance(painted), luminance(photo)
    found, wanted = moments(light, weights), moments(own, weights)
    spread = (wanted.covariance / found.covariance.clamp_min(1e-6)).sqrt()
    light = (light - found.mean) * spread + wanted.mean
    return (photo - own + light).clamp(0, 1)


def matrix_power(A: Tensor, exponent: float) -> Tensor:
    """A power of a symmetric, positive semi-definite matrix."""
    values, vectors = torch.linalg.eigh(A)
    return vectors @ torch.diag(values.clamp_min(1e-12) ** exponent) @ vectors.T
