"""The formulas: statistics of feature maps, and distances between them. Pure functions.

Symbols as in Gatys, Ecker and Bethge, "A neural algorithm of artistic style" (2015): a layer has N maps of M positions.
F (generated image) and P (photo) are its features; G (generated image) and A (painting) are its Gram matrices.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

RUN = 1 << 13  # positions that one matrix product sums; see PowerSums
# A variance below this share of the mean square is rounding error. The share is at most 3e-5 in flat images, and at
# least 1e-2 in paintings.
FLAT = 1e-4
EPS = 1e-5  # added to a variance, which is 0 for a map that is 0 everywhere


class Moments(NamedTuple):
    """A layer's statistics: sums over positions k, which can be added up over tiles, regions and images.

    Attributes
    ----------
    weight : Tensor of shape ()
        sum_k w_k.
    first : Tensor of shape (N,)
        sum_k w_k f_k.
    second : Tensor of shape (N, N)
        sum_k w_k f_k f_k^T. With w_k = 1 this is the paper's Gram matrix.
    """

    weight: Tensor
    first: Tensor
    second: Tensor

    @property
    def mean(self) -> Tensor:
        """Mean feature vector, shape (N,)."""
        return self.first / self.weight

    @property
    def gram(self) -> Tensor:
        """Gram matrix per position, shape (N, N); it does not depend on the picture's size."""
        return self.second / self.weight

    @property
    def covariance(self) -> Tensor:
        """Gram matrix of the centred features, per position, shape (N, N)."""
        return self.gram - torch.outer(self.mean, self.mean)

    @property
    def is_flat(self) -> bool:
        """Whether the features are the same everywhere, up to rounding; they then say nothing about a style."""
        return not bool(self.covariance.trace() > FLAT * self.gram.trace())


def moments(features: Tensor, weights: Tensor | None = None) -> Moments:
    """Weighted sums of a layer's features over its positions.

    Parameters
    ----------
    features : Tensor of shape (1, N, height, width)
        Fastest in torch's channels_last layout.
    weights : Tensor of shape (height, width), optional
        w_k >= 0, such as a soft mask at the layer's size; by default 1 everywhere.

    Returns
    -------
    Moments
        In float32 at least, whatever the features' type, because the sums span six orders of magnitude.
    """
    f = features.movedim(1, -1).flatten(0, 2)
    w = None if weights is None else weights.flatten().to(f)
    exact = torch.promote_types(f.dtype, torch.float32)
    weight = f.new_full((), len(f), dtype=exact) if w is None else w.sum(dtype=exact)
    return Moments(weight, *PowerSums.apply(f, w, exact))


class PowerSums(torch.autograd.Function):
    """sum_k w_k f_k and sum_k w_k f_k f_k^T of f, of shape (M, N), by one matrix product forward and one backward.

    Autograd would need two products backward, as it can't know that both factors are the same. It would also copy the
    result to another memory layout.
    """

    @staticmethod
    def forward(ctx: Any, f: Tensor, w: Tensor | None, exact: torch.dtype) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(f, w)
        wf, sum_over = (f, f.new_ones(1, len(f))) if w is None else (f * w[:, None], w[None])
        if f.is_cuda:
            f, wf, sum_over = f.to(exact), wf.to(exact), sum_over.to(exact)
        # A narrow type rounds the result of each matrix product once. Short runs of positions, whose results are added
        # in the exact type, keep the error small.
        run = len(f) if f.dtype == exact else RUN
        runs = zip(sum_over.split(run, 1), wf.split(run), f.split(run), strict=True)
        first, second = zip(*((o @ b, a.T @ b) for o, a, b in runs), strict=True)
        return torch.cat(first).sum(0, dtype=exact), torch.stack(second).sum(0, dtype=exact)

    @staticmethod
    def backward(ctx: Any, first: Tensor, second: Tensor) -> tuple[Tensor, None, None]:
        f, w = ctx.saved_tensors
        df = torch.addmm(first.to(f), f, (second + second.T).to(f))
        return df if w is None else df * w[:, None], None, None


def widened(features: Tensor) -> Tensor:
    """The features in float32, or in their own type if it is wider."""
    return features.to(torch.promote_types(features.dtype, torch.float32))


def blend(moments: Iterable[Moments], shares: Iterable[float]) -> Moments:
    """A convex combination of styles. Each is first divided by its weight, so that its size does not count.

    Parameters
    ----------
    moments : iterable of Moments
    shares : iterable of float
        Non-negative, not all zero; scaled to a sum of one.
    """
    shares = list(shares)
    parts = [(share / sum(shares), m) for share, m in zip(shares, moments, strict=True)]
    first = sum(share * m.first / m.weight for share, m in parts)
    second = sum(share * m.second / m.weight for share, m in parts)
    return Moments(torch.ones_like(parts[0][1].weight), torch.as_tensor(first), torch.as_tensor(second))


def content_loss(F: Tensor, P: Tensor) -> Tensor:
    """Sum of squared differences of feature maps, sum_ij (F_ij - P_ij)^2 (Gatys et al. 2015, eq. 1 without its 1/2)."""
    return (F - P).square().sum()


def style_loss(G: Tensor, A: Tensor, M: int) -> Tensor:
    """Distance of Gram matrices, sum_ij (G_ij - A_ij)^2 / (4 N^2 M^2) (Gatys et al. 2015, eq. 4).

    Parameters
    ----------
    G, A : Tensor of shape (N, N)
        Gram matrices summed over positions. For images of different sizes, bring both to M positions first.
    M : int
        Number of positions.
    """
    return (G - A).square().sum() / (4 * len(G) ** 2 * M**2)


class Variation(NamedTuple):
    """Sums of squared differences between neighbouring pixels, down and across, and the number of differences."""

    down: Tensor
    across: Tensor
    n_down: Tensor
    n_across: Tensor


def variation(image: Tensor, below: int = 0, right: int = 0) -> Variation:
    """Squared differences between neighbouring pixels, summed.

    Parameters
    ----------
    image : Tensor of shape (1, C, height, width)
    below, right : {0, 1}
        1 if the last row (`below`) or the last column (`right`) only serves as a neighbour: differences within it are
        then not counted.
    """
    down = image[..., : image.shape[-1] - right].diff(dim=-2)
    across = image[..., : image.shape[-2] - below, :].diff(dim=-1)
    count = (image.new_full((), d.numel()) for d in (down, across))
    return Variation(down.square().sum(), across.square().sum(), *count)


def total_variation(v: Variation) -> Tensor:
    """Mean squared difference between neighbouring pixels, down and across."""
    return v.down / v.n_down.clamp_min(1) + v.across / v.n_across.clamp_min(1)


def standardise(features: Tensor) -> Tensor:
    """Features with zero mean and unit variance over positions, channel by channel.

    This removes the statistics of each map from the content, as a style may change them, and keeps where things are
    (Huang and Belongie, "Arbitrary style transfer in real-time with adaptive instance normalization", 2017).
    """
    f = widened(features)
    variance, mean = torch.var_mean(f, (2, 3), correction=0, keepdim=True)
    return (f - mean) * (variance + FLAT * mean.square() + EPS).rsqrt()


class Likeness(NamedTuple):
    """Sums over positions k, channel by channel, that compare features f_k with the photo's standardised ones, p_k.

    Attributes
    ----------
    n : Tensor of shape ()
        Number of positions.
    f, ff : Tensor of shape (N,)
        sum_k f_k and sum_k f_k^2.
    s, sf, sff, sfp, sp, spp : Tensor of shape () and (N,)
        sum_k s_k, sum_k s_k f_k, sum_k s_k f_k^2 and so on; s_k >= 0 is how much position k counts.
    """

    n: Tensor
    f: Tensor
    ff: Tensor
    s: Tensor
    sf: Tensor
    sff: Tensor
    sfp: Tensor
    sp: Tensor
    spp: Tensor


def likeness(features: Tensor, p: Tensor, s: Tensor) -> Likeness:
    """Sums from which `standardised_content_loss` finds how far features are from a photo's.

    Parameters
    ----------
    features, p : Tensor of shape (1, N, height, width)
        The picture's features as they are, and the photo's, standardised.
    s : Tensor of shape (1, 1, height, width)
        How much each position counts.
    """
    f = features.to(p)
    sums = (t.sum((0, 2, 3)) for t in (f, f.square(), s, s * f, s * f.square(), s * f * p, s * p, s * p.square()))
    return Likeness(p.new_full((), s.numel()), *sums)


def standardised_content_loss(x: Likeness) -> Tensor:
    """Mean of s_k (z_k - p_k)^2, where z_k are the standardised features; 2 is "nothing in common".

    The square is expanded into sums, which can be added up over tiles. `standardise` does the same for a whole picture.
    """
    mean = x.f / x.n
    scale = (x.ff / x.n - (1 - FLAT) * mean.square() + EPS).rsqrt()
    zz = scale.square() * (x.sff - 2 * mean * x.sf + mean.square() * x.s)
    zp = scale * (x.sfp - mean * x.sp)
    return (zz - 2 * zp + x.spp).mean() / x.n


class Difference(NamedTuple):
    """Sums over positions and maps: of squared differences, and of the photo's squared deviations from its means."""

    squared: Tensor
    spread: Tensor


def difference(features: Tensor, p: Tensor, spread: Tensor) -> Difference:
    """Sums from which `squared_content_loss` finds how far features are from a photo's, without standardising.

    Parameters
    ----------
    features, p : Tensor of shape (1, N, height, width)
        Features of the picture and of the photo.
    spread : Tensor of shape (1, 1, height, width)
        At each position, the sum over maps of the photo's squared deviations from each map's mean.
    """
    return Difference((features.to(p) - p).square().sum(), spread.sum())


def squared_content_loss(x: Difference) -> Tensor:
    """Sum of (F_ij - P_ij)^2 (Gatys et al. 2015, eq. 1), divided by the photo's spread; 2 is "nothing in common"."""
    return x.squared / (x.spread + EPS)


def gram_loss(x: Moments, style: Moments) -> Tensor:
    """Squared error of the Gram matrix relative to the style's own (Gatys et al. 2015, eq. 4, free of a layer's scale).

    Layers thus count alike, although their features' scales differ by orders of magnitude. The paper rescales the
    network instead.
    """
    return (x.gram - style.gram).square().sum() / style.gram.square().sum()


def moment_loss(x: Moments, style: Moments) -> Tensor:
    """Squared error of the covariance and of the mean, relative to the style's own covariance; 1 is "no style at all".

    The error of the mean is multiplied by the root of the average variance, to bring it to the covariance's scale.
    """
    C, S = x.covariance, style.covariance
    off = (x.mean - style.mean).square().sum() * S.diagonal().mean()
    return ((C - S).square().sum() + off) / S.square().sum()
