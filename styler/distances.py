"""How far a picture is from a photo's content and a painting's style, in the paper's terms (Gatys et al. 2015)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from styler.losses import content_loss, style_loss
from styler.style import Painting, statistics, style_statistics
from styler.vgg import VGG19


def content_distance(network: VGG19, photo: Tensor, picture: Tensor, layers: Mapping[str, float]) -> float:
    """Sum of squared differences of features (eq. 1, without its 1/2), summed over layers by their weights.

    Parameters
    ----------
    network : VGG19
    photo, picture : Tensor of shape (1, 3, height, width)
    layers : mapping of str to float
    """
    with torch.no_grad():
        P, F = (network(image, layers) for image in (photo, picture))
    return sum(weight * float(content_loss(F[k].float(), P[k].float())) for k, weight in layers.items())


def style_distance(
    network: VGG19,
    picture: Tensor,
    paintings: Sequence[Painting],
    nearness: float,
    layers: Mapping[str, float],
    mask: Tensor | None = None,
) -> float:
    """Distance of Gram matrices (eq. 4 and 5), averaged over layers by their weights.

    Parameters
    ----------
    network : VGG19
    picture : Tensor of shape (1, 3, height, width)
    paintings : sequence of Painting
    nearness : float
        How near the paintings are seen.
    layers : mapping of str to float
    mask : Tensor of shape (1, 1, height, width), optional
        The part of the picture that counts.
    """
    A = statistics(network, paintings, layers, max(picture.shape[-2:]), nearness)
    G = style_statistics(network, picture, layers, mask)
    total = 0.0
    for layer, weight in layers.items():
        M = max(1, round(float(G[layer].weight)))
        total += weight * float(style_loss(M * G[layer].gram, M * A[layer].gram, M))
    return total / sum(layers.values())
