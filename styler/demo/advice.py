"""Advice before painting: the painting's texture, whether the photo's subject stays clear, which paintings suit it."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F

from styler import images

LOOKED_AT = 192  # px, longest side; brushstrokes still show at this size
LITTLE, MUCH = 0.04, 0.1  # texture: a smooth gradient has 0.01, stars on black 0.08, The Starry Night 0.13
BUSY = 1.0  # detail of the surroundings, relative to the middle


def texture(painting: torch.Tensor) -> float:
    """Return how much detail an image has in its detailed parts: the upper quartile of its local contrast.

    Parameters
    ----------
    painting : Tensor of shape (1, 3, height, width)
        RGB in [0, 1].

    Returns
    -------
    float
        Standard deviation of brightness, range [0, 1], in windows of 7 px.
    """
    return float(_contrast(painting).quantile(0.75))


def busyness(photo: torch.Tensor) -> float:
    """Return the detail of a photo's outer part relative to its middle; from 1 on, the photo has no clear subject.

    Parameters
    ----------
    photo : Tensor of shape (1, 3, height, width)
        RGB in [0, 1].
    """
    detail = _contrast(photo)
    height, width = detail.shape
    middle = torch.zeros_like(detail, dtype=torch.bool)
    middle[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    return float(detail[~middle].mean() / detail[middle].mean().clamp_min(1e-3))


def suited(photo: torch.Tensor, paintings: Mapping[str, torch.Tensor], n: int) -> list[str]:
    """Return the names of the paintings that suit a photo, best first: rich in texture, with colours near the photo's.

    Parameters
    ----------
    photo : Tensor of shape (1, 3, height, width)
        RGB in [0, 1].
    paintings : mapping of str to Tensor of shape (1, 3, height, width)
    n : int
        How many names to return, at most.
    """
    rich = {name: painting for name, painting in paintings.items() if texture(painting) >= MUCH}
    own = _colours(photo)
    return sorted(rich, key=lambda name: float((_colours(rich[name]) - own).norm()))[:n]


def words(photo: torch.Tensor | None, painting: torch.Tensor | None) -> str:
    """Return the advice on a photo, on a painting, or on both."""
    said = []
    if painting is not None:
        rich = texture(painting)
        if rich < LITTLE:
            said.append(
                "This painting has little texture, so expect its colours more than its brushwork. "
                "For more, raise the strength or choose a painting with bolder strokes."
            )
        elif rich < MUCH:
            said.append("This painting has some texture, mostly fine. A higher strength brings it out.")
        else:
            said.append("This painting has plenty of texture.")
    if photo is not None:
        if busyness(photo) > BUSY:
            said.append(
                "The photo has as much detail around the edges as in the middle, so its subject may get lost. "
                "Crop closer, choose a plainer background, or lower the strength."
            )
        else:
            said.append("The photo's subject stands out from its background and should stay clear.")
    return " ".join(said)


def _colours(image: torch.Tensor) -> torch.Tensor:
    """Mean and standard deviation of each channel."""
    return torch.cat([image.mean((0, 2, 3)), image.std((0, 2, 3))])


def _contrast(image: torch.Tensor) -> torch.Tensor:
    grey = images.resize(image, LOOKED_AT).mean(1, keepdim=True)
    mean, square = (F.avg_pool2d(x, 7, 1, 3, count_include_pad=False) for x in (grey, grey.square()))
    return (square - mean.square()).clamp_min(0).sqrt()[0, 0]
