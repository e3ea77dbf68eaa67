"""Checks of the estimator's input: paintings, shares, labels, devices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from styler.images import ImageLike, read
from styler.regions import read_mask
from styler.style import Painting, is_seen


def read_paintings(
    X: Any, sample_weight: Any, masks: Any, name: str, keep: Callable[[Tensor, float, Tensor | None], Painting]
) -> list[Painting]:
    """The paintings of one style, each made by `keep`. Paintings with a share of 0 are left out."""
    images = [(read(x, label), label) for x, label in each(X, name)]
    shares = check_shares(sample_weight, len(images))
    parts: list[tuple[Tensor | None, str]] = [(None, "")] * len(images)
    if masks is not None:
        found = list(each(masks, f"mask of the {name}"))
        if len(found) != len(images):
            raise ValueError(f"{len(found)} mask(s) (regions) for {len(images)} style(s); give one mask for each.")
        parts = [
            (read_mask(mask, label, (image.shape[-2], image.shape[-1])), label)
            for (mask, label), (image, _) in zip(found, images, strict=True)
        ]
    paintings = []
    for (image, _), share, (mask, label) in zip(images, shares, parts, strict=True):
        painting = keep(image, share, mask)
        if not is_seen(painting):
            raise ValueError(f"{label} is white only at the painting's rim, which is ignored; paint white further in.")
        paintings += [painting] * (share > 0)
    return paintings


def by_label(given: Any, X: Any, name: str) -> Mapping[str, Any]:
    """An argument of `fit` that goes with the styles, as a mapping by the styles' labels."""
    if not isinstance(X, Mapping):
        return {"": given}
    if given is None:
        return {}
    if not isinstance(given, Mapping) or set(given) - set(X):
        raise ValueError(f"{name} does not match the styles' labels; give a mapping with these labels: {', '.join(X)}.")
    return given


def check_shares(sample_weight: Any, n: int) -> list[float]:
    """One non-negative share for each style. By default all shares are equal."""
    if n == 0:
        raise ValueError("there is no style to learn; give one image or more.")
    try:
        shares = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    except (TypeError, ValueError):
        shares = np.empty(())
    if shares.ndim != 1:
        raise TypeError(
            f"the style weights (sample_weight) are {sample_weight!r}; give a list of numbers, one for each style."
        )
    if shares.shape != (n,):
        raise ValueError(f"{shares.size} style weight(s) (sample_weight) for {n} style(s); give one weight for each.")
    if not np.isfinite(shares).all() or (shares < 0).any() or not shares.any():
        raise ValueError(
            f"the style weights (sample_weight) are {shares.tolist()}; give finite numbers, 0 or more, and not all 0."
        )
    return shares.tolist()


def check_device(device: str | torch.device | None) -> torch.device:
    """A device that is available. By default the GPU if there is one."""
    if device is None:
        return torch.device(
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        torch.empty(1, device=device).sum().item()
    except Exception as error:
        raise ValueError(
            f"device={str(device)!r} is not available on this machine; leave it out, or give 'cpu'."
        ) from error
    return torch.device(device)


def each(X: Any, kind: str) -> Iterator[tuple[ImageLike, str]]:
    """The images in X, each with its name in messages."""
    return ((x, f"{kind} {i}") for i, x in enumerate(X, 1)) if is_collection(X) else iter([(X, f"the {kind}")])


def is_collection(X: Any) -> bool:
    """Whether X is several images: a sequence, or an array or tensor of four dimensions."""
    return isinstance(X, (list, tuple)) or (isinstance(X, (np.ndarray, Tensor)) and X.ndim == 4)
