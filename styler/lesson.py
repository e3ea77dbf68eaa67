"""The method in parts, for a lesson: each quantity that the method uses, computed on its own."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from sklearn.utils import check_random_state
from torch import Tensor

from styler.colors import recolour
from styler.estimator import FAINT, StyleTransfer, build_network, check_device
from styler.images import ImageLike, read, resize
from styler.losses import EPS, Moments, gram_loss, moments, widened
from styler.memory import budget
from styler.objective import with_spread
from styler.painting import Stage, paint
from styler.picture import Picture
from styler.recipe import CONTENT_LAYER, STYLE_LAYERS
from styler.schedule import Scale
from styler.style import style_statistics
from styler.vgg import VGG19, fast_dtype

SIZE = 192  # longest side in px at which VGG-19 sees images
T = TypeVar("T")
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", CONTENT_LAYER, "relu5_1")


def network() -> VGG19:
    """The network that `StyleTransfer` uses by default, up to relu5_1."""
    device = check_device(None)
    return build_network("original", "max", device, fast_dtype(device), STYLE_LAYERS[-1])


def feature_maps(image: ImageLike, layers: Iterable[str], size: int = SIZE) -> dict[str, Tensor]:
    """The feature maps of VGG-19 for an image.

    Parameters
    ----------
    image : image-like
        See `styler.images.read`.
    layers : iterable of str
        From relu1_1 to relu5_1; conv1_1 and so on are the maps before the ReLU.
    size : int, default=192
        Longest side in px to which the image is resized first.

    Returns
    -------
    dict of str to Tensor of shape (1, channels, height, width)
        float32. Layers named relu have values of 0 or more.

    Raises
    ------
    TypeError, ValueError
        If the image can't be read, or a layer is unknown.
    """
    with torch.no_grad():
        return {layer: widened(maps) for layer, maps in network()(resize(read(image), size), list(layers)).items()}


def strongest(maps: Tensor, n: int = 12) -> list[int]:
    """The channels that differ most from place to place: those with the largest variance over places.

    Parameters
    ----------
    maps : Tensor of shape (1, channels, height, width)
    n : int, default=12

    Returns
    -------
    list of int
        Channel numbers, from the largest variance down.
    """
    return maps.var((0, 2, 3), correction=0).topk(min(n, maps.shape[1])).indices.tolist()


def content_maps(
    photo: ImageLike, other: ImageLike, layers: Iterable[str] = LAYERS, size: int = SIZE
) -> dict[str, Tensor]:
    """How far an image is from a photo's content, place by place.

    Parameters
    ----------
    photo, other : image-like
        The other is stretched to the photo's shape.
    layers : iterable of str, optional
        By default the five style layers and relu4_2.
    size : int, default=192
        Longest side in px to which both are resized first.

    Returns
    -------
    dict of str to Tensor of shape (height, width)
        Squared differences of the features, summed over channels, in units of the photo's spread at the layer. Their
        sum over places is the content loss (Gatys et al. 2015, eq. 1): 0 for the photo, 2 for an image that has nothing
        in common with it.

    Raises
    ------
    TypeError, ValueError
        As `feature_maps`.
    """
    layers, image = list(layers), resize(read(photo, "the photo"), size)
    changed = resize(read(other, "the other image"), (image.shape[-2], image.shape[-1]))
    P, Q = feature_maps(image, layers, size), feature_maps(changed, layers, size)
    spreads = {layer: with_spread(maps)[1].sum() + EPS for layer, maps in P.items()}
    return {layer: (Q[layer] - P[layer]).square().sum((0, 1)) / spreads[layer] for layer in P}


def gram_matrices(image: ImageLike, layers: Iterable[str] = STYLE_LAYERS, size: int = SIZE) -> dict[str, Moments]:
    """The sums over places that describe a style.

    Parameters
    ----------
    image : image-like
    layers : iterable of str, optional
        By default relu1_1 to relu5_1.
    size : int, default=192
        Longest side in px to which the image is resized first.

    Returns
    -------
    dict of str to Moments
        Their `gram` is the Gram matrix per place, of shape (channels, channels). The rim of the image is left out.

    Raises
    ------
    TypeError, ValueError
        As `feature_maps`.
    """
    layers = list(layers)
    found = style_statistics(network(), resize(read(image), size), layers)
    return {layer: found[layer] for layer in layers}


def style_distances(
    image: ImageLike, painting: ImageLike, layers: Iterable[str] = STYLE_LAYERS, size: int = SIZE
) -> dict[str, float]:
    """How far an image is from a painting's style, layer by layer.

    Parameters
    ----------
    image, painting : image-like
    layers : iterable of str, optional
        By default relu1_1 to relu5_1.
    size : int, default=192
        Longest side in px to which both are resized first.

    Returns
    -------
    dict of str to float
        Squared difference of the Gram matrices, relative to the painting's own matrix (Gatys et al. 2015, eq. 4,
        without the scale of the layer): 0 is the painting's style, 1 is the distance of a black image.

    Raises
    ------
    TypeError, ValueError
        As `feature_maps`.
    """
    G, A = (gram_matrices(x, layers, size) for x in (image, painting))
    return {layer: float(gram_loss(G[layer], A[layer])) for layer in A}


def shuffle_tiles(image: ImageLike, across: int, random_state: int | None = 0) -> Tensor:
    """Cut an image into tiles and shuffle them.

    Parameters
    ----------
    image : image-like
    across : int
        Tiles along the longest side. The other side gets as many tiles of about the same size as fit. 1 changes
        nothing.
    random_state : int, RandomState instance or None, default=0
        Decides the order of the tiles.

    Returns
    -------
    Tensor of shape (1, 3, height, width)
        In [0, 1]. Pixels that do not fill a whole tile are cut off.

    Raises
    ------
    TypeError, ValueError
        If the image can't be read, or the tiles would be smaller than a pixel.
    """
    x = read(image)
    height, width = x.shape[-2:]
    if not 1 <= across <= max(height, width):
        raise ValueError(f"across is {across}; give a number of tiles from 1 to the image's {max(height, width)} px.")
    rows, columns = (max(1, round(across * side / max(height, width))) for side in (height, width))
    down, right = height // rows, width // columns
    whole = x[..., : rows * down, : columns * right]
    tiles = F.unfold(whole, (down, right), stride=(down, right))
    order = check_random_state(random_state).permutation(tiles.shape[-1])
    return F.fold(tiles[..., order], whole.shape[-2:], (down, right), stride=(down, right))


def shifted(photo: ImageLike, share: float = 1 / 8) -> Tensor:
    """A photo shifted to the right by a share of its width. What leaves on the right comes back on the left."""
    x = read(photo)
    return x.roll(round(share * x.shape[-1]), -1)


def blurred(photo: ImageLike, share: float = 1 / 32) -> Tensor:
    """A photo averaged over squares. Their side is a share of the photo's longest side."""
    x = read(photo)
    side = 2 * max(1, round(share * max(x.shape) / 2)) + 1
    return F.avg_pool2d(F.pad(x, [side // 2] * 4, "replicate"), side, 1)


def recoloured(photo: ImageLike, painting: ImageLike) -> Tensor:
    """A photo with the mean and covariance of a painting's colours; see `styler.colors.recolour`."""
    return recolour(read(photo), moments(read(painting)))


class Place(NamedTuple):
    """The position of a picture between a photo and a painting.

    Attributes
    ----------
    picture : image-like
    content : float
        Distance from the photo's content: 0 for the photo, 1 for the painting.
    style : float
        Distance from the painting's style: 1 for the photo, near 0 for the painting.
    """

    picture: Any
    content: float
    style: float


def plane(painter: StyleTransfer, photo: ImageLike, painting: ImageLike, pictures: Iterable[ImageLike]) -> list[Place]:
    """The positions of pictures between a photo and a painting, measured by `StyleTransfer.distances`.

    Parameters
    ----------
    painter : StyleTransfer
        Fitted with the painting.
    photo, painting : image-like
        The two ends.
    pictures : iterable of image-like
        Such as the images of a painting's stages.

    Returns
    -------
    list of Place
        First the photo, then the painting, then the pictures.
    """
    found = [(picture, painter.distances(photo, picture)) for picture in (photo, painting, *pictures)]
    content, style = max(found[1][1]["content"], EPS), max(found[0][1]["style"], EPS)
    return [Place(picture, far["content"] / content, far["style"] / style) for picture, far in found]


def goal(places: Sequence[Place], content: float, style: float) -> int:
    """The index of the place with the smallest weighted sum of the two distances."""
    return min(range(len(places)), key=lambda i: content * places[i].content + style * places[i].style)


def rebuilder(what: str, layers: Sequence[str], size: int, max_iter: int | None = None, seed: int = 0) -> StyleTransfer:
    """A `StyleTransfer` that starts from noise and rebuilds what some layers keep of an image.

    This is figure 1 of Gatys et al. (2015).

    Parameters
    ----------
    what : {"content", "style"}
        The term of the loss to keep.
    layers : sequence of str
    size : int
        Longest side in px.
    max_iter : int, optional
        The largest number of steps. By default the preset "fine" decides.
    seed : int, default=0
        Seed of the noise.

    Returns
    -------
    StyleTransfer
        Not fitted; use it as ``rebuilder(…).fit(image).transform(image)``.

    Raises
    ------
    ValueError
        If `what` is neither.
    """
    if what not in ("content", "style"):
        raise ValueError(f"what is {what!r}; choose 'content' or 'style'.")
    return StyleTransfer(
        size,
        float(what == "style"),
        preset="fine",
        max_iter=max_iter,
        init="noise",
        style_layers=list(layers),
        content_layers=list(layers),
        style_loss="gram",
        content_loss="squared",
        random_state=seed,
    )


def at_sizes(
    painter: StyleTransfer,
    photo: ImageLike,
    sizes: Sequence[int],
    steps: Sequence[int],
    start: ImageLike | None = None,
) -> Iterator[Stage]:
    """Paint a photo at sizes of your choice, such as the full size alone.

    Parameters
    ----------
    painter : StyleTransfer
        Fitted with one style. The layers and losses of its first scale are used at every size.
    photo : image-like
    sizes, steps : sequence of int
        Longest side in px and number of steps of each scale, coarse to fine.
    start : image-like, optional
        The image to start from. It is stretched to the photo's shape. By default the photo in the painting's colours.

    Yields
    ------
    Stage
        After each step.

    Raises
    ------
    ValueError
        If the painter was fitted with regions.
    """
    recipe, net, style = painter.scales_[0].recipe, network(), painter.paintings_
    if not isinstance(style, list):
        raise ValueError("the painter was fitted with regions; fit it with one style.")
    scales = [Scale(size, n, recipe) for size, n in zip(sizes, steps, strict=True)]
    whole = resize(read(photo, "the photo"), sizes[-1])
    begun = None if start is None else resize(read(start, "the start"), (whole.shape[-2], whole.shape[-1]))
    picture = Picture(whole, [style], painter.strength, painter.style_scale, start=begun)
    yield from paint(net, picture, scales, painter.optimizer, budget(painter.max_memory, net.device))


def noise(photo: ImageLike, random_state: int | None = 0) -> Tensor:
    """A grey image of a photo's shape with faint noise, as ``init="noise"`` starts from."""
    shape = read(photo, "the photo").shape
    return torch.from_numpy(check_random_state(random_state).uniform(0.5 - FAINT, 0.5 + FAINT, shape)).float()


def within(stages: Iterable[T], seconds: float) -> Iterator[T]:
    """The stages that come within some seconds, and in any case the first."""
    begun = time.monotonic()
    for stage in stages:
        yield stage
        if time.monotonic() - begun > seconds:
            return
