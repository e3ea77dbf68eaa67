"""The method taken apart, for a lesson: the numbers of a painting, each to be looked at by itself."""

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

SIZE = 192  # px; longest side at which images are looked at
T = TypeVar("T")
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", CONTENT_LAYER, "relu5_1")


def network() -> VGG19:
    """The network that a `StyleTransfer` paints with by default, as deep as relu5_1."""
    device = check_device(None)
    return build_network("original", "max", device, fast_dtype(device), STYLE_LAYERS[-1])


def feature_maps(image: ImageLike, layers: Iterable[str], size: int = SIZE) -> dict[str, Tensor]:
    """What VGG-19 sees in an image.

    Parameters
    ----------
    image : image-like
        See `styler.images.read`.
    layers : iterable of str
        Out of relu1_1 to relu5_1, or conv1_1 and so on.
    size : int, default=192
        Longest side in px at which the image is looked at.

    Returns
    -------
    dict of str to Tensor of shape (1, channels, height, width)
        float32; 0 or more at the layers that are called relu.

    Raises
    ------
    TypeError, ValueError
        If the image can't be read, or a layer is unknown.
    """
    with torch.no_grad():
        return {layer: widened(maps) for layer, maps in network()(resize(read(image), size), list(layers)).items()}


def strongest(maps: Tensor, n: int = 12) -> list[int]:
    """The channels that tell most places apart: those whose activity has the largest variance over places.

    Parameters
    ----------
    maps : Tensor of shape (1, channels, height, width)
    n : int, default=12

    Returns
    -------
    list of int
        Numbers of channels, the strongest first.
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
        By default the style's five and relu4_2.
    size : int, default=192
        Longest side in px at which both are looked at.

    Returns
    -------
    dict of str to Tensor of shape (height, width)
        Squared differences of the features, summed over channels, in units of the photo's spread at the layer. The sum
        over places is the content loss (Gatys et al. 2015, eq. 1): 0 is the photo, 2 has nothing in common with it.

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
    """The sums over places that make a style.

    Parameters
    ----------
    image : image-like
    layers : iterable of str, optional
        By default relu1_1 to relu5_1.
    size : int, default=192
        Longest side in px at which the image is looked at.

    Returns
    -------
    dict of str to Moments
        Their `gram` is the Gram matrix, of shape (channels, channels), per place. The rim of the image is left out.

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
        Longest side in px at which both are looked at.

    Returns
    -------
    dict of str to float
        Squared difference of the Gram matrices, in units of the painting's own (Gatys et al. 2015, eq. 4, free of a
        layer's scale): 0 is the painting's style, 1 is as far as a black image's.

    Raises
    ------
    TypeError, ValueError
        As `feature_maps`.
    """
    G, A = (gram_matrices(x, layers, size) for x in (image, painting))
    return {layer: float(gram_loss(G[layer], A[layer])) for layer in A}


def shuffle_tiles(image: ImageLike, across: int, random_state: int | None = 0) -> Tensor:
    """An image cut to tiles that change places.

    Parameters
    ----------
    image : image-like
    across : int
        Tiles along the longest side; as many of about the same size go along the other. 1 changes nothing.
    random_state : int, RandomState instance or None, default=0
        Another number is another order.

    Returns
    -------
    Tensor of shape (1, 3, height, width)
        In [0, 1]. What is left over beside whole tiles is cut off.

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
    """A photo moved to the right by a share of its width; what goes out on one side comes in on the other."""
    x = read(photo)
    return x.roll(round(share * x.shape[-1]), -1)


def blurred(photo: ImageLike, share: float = 1 / 32) -> Tensor:
    """A photo that is averaged over squares with a share of its longest side."""
    x = read(photo)
    side = 2 * max(1, round(share * max(x.shape) / 2)) + 1
    return F.avg_pool2d(F.pad(x, [side // 2] * 4, "replicate"), side, 1)


def recoloured(photo: ImageLike, painting: ImageLike) -> Tensor:
    """A photo moved to the mean and covariance of a painting's colours; see `styler.colors.recolour`."""
    return recolour(read(photo), moments(read(painting)))


class Place(NamedTuple):
    """Where a picture is between a photo and a painting.

    Attributes
    ----------
    picture : image-like
    content : float
        Distance from the photo's content: 0 is the photo, 1 the painting.
    style : float
        Distance from the painting's style: 1 is the photo, and near 0 the painting.
    """

    picture: Any
    content: float
    style: float


def plane(painter: StyleTransfer, photo: ImageLike, painting: ImageLike, pictures: Iterable[ImageLike]) -> list[Place]:
    """Where pictures are between a photo and a painting, by `StyleTransfer.distances`.

    Parameters
    ----------
    painter : StyleTransfer
        Fitted with the painting.
    photo, painting : image-like
        The ends of the way.
    pictures : iterable of image-like
        Such as the stages of a painting.

    Returns
    -------
    list of Place
        The photo first, the painting second, then the pictures.
    """
    found = [(picture, painter.distances(photo, picture)) for picture in (photo, painting, *pictures)]
    content, style = max(found[1][1]["content"], EPS), max(found[0][1]["style"], EPS)
    return [Place(picture, far["content"] / content, far["style"] / style) for picture, far in found]


def goal(places: Sequence[Place], content: float, style: float) -> int:
    """Which place is lowest when the distances are added by these weights."""
    return min(range(len(places)), key=lambda i: content * places[i].content + style * places[i].style)


def rebuilder(what: str, layers: Sequence[str], size: int, max_iter: int | None = None, seed: int = 0) -> StyleTransfer:
    """A `StyleTransfer` that paints from noise what some layers know of an image (Gatys et al. 2015, figure 1).

    Parameters
    ----------
    what : {"content", "style"}
        Which term of the loss to keep.
    layers : sequence of str
    size : int
        Longest side in px.
    max_iter : int, optional
        At most so many steps.
    seed : int, default=0
        Of the noise.

    Returns
    -------
    StyleTransfer
        Not fitted: ``rebuilder(…).fit(image).transform(image)``.

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
    """Paint a photo at sizes of one's own choice, such as the last alone.

    Parameters
    ----------
    painter : StyleTransfer
        Fitted with one style; layers and losses are those of its first scale.
    photo : image-like
    sizes, steps : sequence of int
        Longest side in px and number of steps of each scale, coarse to fine.
    start : image-like, optional
        What to begin from, stretched to the photo's shape; by default the photo in the painting's colours.

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
    """Grey of a photo's shape with the faint noise that ``init="noise"`` begins from."""
    shape = read(photo, "the photo").shape
    return torch.from_numpy(check_random_state(random_state).uniform(0.5 - FAINT, 0.5 + FAINT, shape)).float()


def within(stages: Iterable[T], seconds: float) -> Iterator[T]:
    """Those stages that come within a time from now, and at least the first."""
    begun = time.monotonic()
    for stage in stages:
        yield stage
        if time.monotonic() - begun > seconds:
            return
