"""The picture to be painted: its photo and styles, region by region, and the colours that it may have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from styler.colors import Palette, painted_in_light, recolour, within
from styler.losses import moments
from styler.objective import with_margin
from styler.recipe import PIXELS
from styler.schedule import Scale
from styler.style import Painting, Style, colours
from styler.vgg import VGG19

# How to change the colours of the painted picture, given the photo and a region's mask. With "palette" there are no
# strokes, and the picture has its colours from the start.
COLORS: dict[str, Callable[[Tensor, Tensor, Tensor | None], Tensor]] = {
    "painting": lambda painted, photo, where: painted,
    "photo": painted_in_light,
    "matched": lambda painted, photo, where: recolour(painted, moments(photo, where), where),
    "palette": lambda painted, photo, where: painted,
}
T = TypeVar("T")


@dataclass(frozen=True)
class Picture:
    """A picture to be painted.

    Attributes
    ----------
    photo : Tensor of shape (1, 3, height, width)
        RGB in [0, 1], of the finished picture's size.
    styles : sequence of sequence of Painting, or None
        The paintings of the style, or of each region's style; None for a region that keeps the photo.
    strength : float in [0, 1]
    nearness : float
        How near the paintings are seen.
    colors : {"painting", "photo", "matched", "palette"}
        Whose colours to show; "palette" paints no strokes.
    masks : Tensor of shape (regions, 1, height, width) or None
        The regions, adding up to 1 at each pixel.
    start : Tensor of shape (1, 3, height, width) or None
        The picture to start from; None for the photo in the style's colours.
    """

    photo: Tensor
    styles: Sequence[Sequence[Painting] | None]
    strength: float = 0.5
    nearness: float = 1.0
    colors: str = "painting"
    masks: Tensor | None = None
    start: Tensor | None = None

    def to(self, device: torch.device) -> Picture:
        """The picture on a device."""
        masks = self.masks if self.masks is None else self.masks.to(device)
        start = self.start if self.start is None else self.start.to(device)
        return replace(self, photo=self.photo.to(device), masks=masks, start=start)

    @property
    def recoloured(self) -> float:
        """How far the painting's colours replace the photo's, from 0 to 1."""
        return min(1.0, 2 * self.strength)


def started(picture: Picture, styles: Sequence[Style | None]) -> Tensor:
    """The picture to start from: the one given, or the photo in the styles' colours."""
    if picture.start is not None and picture.colors != "palette":
        return picture.start
    photo = picture.photo
    repainted = by_region(picture, styles, lambda style, where: recolour(photo, style.moments[PIXELS], where))
    return torch.lerp(photo, repainted, picture.recoloured)


def palettes(network: VGG19, picture: Picture, scale: Scale) -> list[Palette | None]:
    """The colours of each style if places are matched, else None: statistics alone have no colours of their own."""
    return [
        colours(paintings, network.device) if paintings and scale.recipe.neighbors else None
        for paintings in picture.styles
    ]


def within_palettes(x: Tensor, picture: Picture, limit: Sequence[Palette | None]) -> Tensor:
    """Limit a picture, of any size, to its styles' colours, as far as these replace the photo's."""
    inside = by_region(picture, limit, lambda palette, where: within(palette, x), x)
    return torch.lerp(x, inside, picture.recoloured)


def finished(x: Tensor, picture: Picture, styles: Sequence[Style | None], limit: Sequence[Palette | None]) -> Tensor:
    """Enlarge a scale's picture to the full size and give it the colours requested."""
    photo = picture.photo
    whole = within_palettes(enlarge(x, (photo.shape[-2], photo.shape[-1])).clamp(0, 1), picture, limit)
    return by_region(picture, styles, lambda style, where: COLORS[picture.colors](whole, photo, where))


def masks_at(picture: Picture, image: Tensor) -> Tensor | None:
    """The regions at an image's size, margin included."""
    if picture.masks is None:
        return None
    return with_margin(F.adaptive_avg_pool2d(picture.masks, (image.shape[-2], image.shape[-1])))


def by_region(
    picture: Picture,
    parts: Sequence[T | None],
    change: Callable[[T, Tensor | None], Tensor],
    unchanged: Tensor | None = None,
) -> Tensor:
    """Change each region that has a part, and put the regions together; the others stay as in `unchanged`.

    Parameters
    ----------
    picture : Picture
    parts : sequence
        What each region has, for instance its style; None for a region that stays.
    change : callable
        Takes a part and its mask, of shape (height, width) or None for the whole; gives an image.
    unchanged : Tensor of shape (1, 3, height, width), optional
        The image that shows in regions that stay; by default the photo.
    """
    unchanged = picture.photo if unchanged is None else unchanged
    if picture.masks is None:
        (part,) = parts
        return unchanged if part is None else change(part, None)
    masks = F.adaptive_avg_pool2d(picture.masks, (unchanged.shape[-2], unchanged.shape[-1]))
    changed = [
        mask * (unchanged if part is None else change(part, mask[0])) for part, mask in zip(parts, masks, strict=True)
    ]
    return torch.cat(changed).sum(0, keepdim=True)


def enlarge(image: Tensor, shape: tuple[int, int]) -> Tensor:
    """Bicubic interpolation to a shape (height, width)."""
    if image.shape[-2:] == shape:
        return image
    return F.interpolate(image, size=shape, mode="bicubic", align_corners=False)
