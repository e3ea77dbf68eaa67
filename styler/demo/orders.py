"""What a visitor asks for: read from the page or the API, checked, and comparable with earlier requests."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from styler.demo.checks import choice, listed, number
from styler.demo.uploads import Upload, given
from styler.images import resize
from styler.recipe import CONTENT_LAYER, STYLE_LAYERS
from styler.schedule import PRESETS
from styler.validation import check_shares
from styler.vgg import LAYERS

MAX_PAINTINGS = 4
# Where the style is painted, with the words on the page.
WHERE = {
    "everywhere": "Everywhere",
    "subject": "Only the subject",
    "background": "Only the background",
    "each": "A painting for each",
}
COLORS = {
    "painting": "The painting's",
    "photo": "The photo's, at each place",
    "matched": "The photo's, overall",
    "palette": "The painting's, without its strokes",
}
STARTS = {"content": "The photo", "noise": "Noise", "image": "An image"}
STYLE_LOSSES = {
    "neighbors": "Nearest-neighbour matching",
    "moments": "Mean and covariance",
    "gram": "Gram matrices",
}
CONTENT_LOSSES = {"standardised": "Standardised features", "squared": "Squared error of features"}
RELUS = [layer for layer in LAYERS if layer.startswith("relu")]
SIZES = (64, 1024)  # px, limits of the longest side
STROKES = (0.5, 2)
MAX_SEED = 2**32 - 1  # numpy's
MAX_SHARE = 1_000_000
MAX_LAYERS = 4  # of a drawing; the page's has one or two
DRAWN = 512  # px; longest side of the photo to paint on
COMPRESSED = 0.05  # mean difference, range [0, 1], between a photo and its copy in the editor, at most

T = TypeVar("T")


@dataclass(frozen=True)
class Order:
    """One picture that a visitor asks for.

    Attributes
    ----------
    photo : Upload
    paintings : tuple of Upload
    shares : tuple of float
        The share of each painting.
    preset, strength, size, pooling, colors, style_scale
        As in `StyleTransfer`.
    where : str
        A key of `WHERE`.
    drawing : Upload or None
        What was painted over the subject; without it, the subject is found automatically.
    init : str or Upload
        "content", "noise", or the image to start from.
    seed : int
        The seed of the noise.
    style_layers, content_layers : tuple of str or None
        None for the defaults.
    style_loss, content_loss
        As in `StyleTransfer`.
    finer : bool
        Whether to continue from the same picture at the next coarser preset, if the server still has it.
    """

    photo: Upload
    paintings: tuple[Upload, ...]
    shares: tuple[float, ...]
    preset: str = "preview"
    strength: float = 0.5
    size: int = 512
    pooling: str = "max"
    colors: str = "painting"
    style_scale: float = 1.0
    where: str = "everywhere"
    drawing: Upload | None = None
    init: "str | Upload" = "content"
    seed: int = 0
    style_layers: tuple[str, ...] | None = None
    content_layers: tuple[str, ...] | None = None
    style_loss: str = "neighbors"
    content_loss: str = "standardised"
    finer: bool = False


def order(
    photo: Any,
    paintings: Sequence[Any],
    shares: Any,
    preset: Any,
    strength: Any,
    size: Any,
    pooling: Any = "max",
    colors: Any = "painting",
    style_scale: Any = 1.0,
    where: Any = "everywhere",
    drawing: Any = None,
    init: Any = "content",
    start: Any = None,
    seed: Any = 0,
    style_layers: Any = STYLE_LAYERS,
    content_layer: Any = CONTENT_LAYER,
    style_loss: Any = "neighbors",
    content_loss: Any = "standardised",
) -> Order:
    """Check a request, which may hold anything that JSON can express.

    Parameters
    ----------
    photo, paintings
        Files in the form that Gradio gives them.
    shares, preset, strength, size, pooling, colors, style_scale, where
        See `Order`; without shares, all paintings count equally.
    drawing
        What was painted over the photo, in the form that Gradio's image editor gives it.
    init : {"content", "noise", "image"}
    start
        The file of the image, for "image".
    seed
        A whole number from 0, for "noise"; an empty value counts as 0.
    style_layers, content_layer
        Layers of VGG-19; if they are not the defaults, they are used at every scale.
    style_loss, content_loss
        As in `StyleTransfer`.

    Returns
    -------
    Order

    Raises
    ------
    ValueError
        With one sentence for the visitor, if anything is wrong.
    """
    if len(paintings) > MAX_PAINTINGS:
        more = len(paintings) - 1
        raise ValueError(f"{more} paintings are too many to mix in; choose {MAX_PAINTINGS - 1} at most.")
    preset = choice("preset", preset, PRESETS)
    strength = number("strength", strength, 0, 1)
    size = int(number("size", size, *SIZES, " px"))
    if shares is not None:
        shares = [number("share of a painting", share, 0, MAX_SHARE) for share in listed("paintings' shares", shares)]
    if shares and not any(shares):
        raise ValueError("The paintings' shares are all 0; raise one of them.")
    weights = tuple(check_shares(shares or None, len(paintings)))
    where = choice("place to paint", where, WHERE)
    if where == "each" and len(paintings) < 2:
        raise ValueError("Subject and background need a painting each; add the background's to those to mix in.")
    init = choice("starting point", init, STARTS)
    chosen = Upload.of(photo, "photo")
    return Order(
        chosen,
        tuple(Upload.of(painting, "painting") for painting in paintings),
        weights,
        preset,
        strength,
        size,
        choice("pooling", pooling, ("max", "average")),
        choice("choice of colours", colors, COLORS),
        number("size of the strokes", style_scale, *STROKES),
        where,
        drawn_on(drawing, chosen) if where != "everywhere" else None,
        Upload.of(start, "starting image") if init == "image" else init,
        int(number("seed of the noise", seed or 0, 0, MAX_SEED)) if init == "noise" else 0,
        *named(style_layers, content_layer),
        choice("style loss", style_loss, STYLE_LOSSES),
        choice("content loss", content_loss, CONTENT_LOSSES),
    )


def named(style_layers: Any, content_layer: Any) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Return the layers to pass to `StyleTransfer`: None for the defaults."""
    layers = {choice("style layer", layer, RELUS) for layer in listed("style layers", style_layers)}
    if not layers:
        raise ValueError("There is no style layer; choose one or more.")
    content_layer = choice("content layer", content_layer, RELUS)
    return (
        None if layers == set(STYLE_LAYERS) else tuple(sorted(layers)),
        None if content_layer == CONTENT_LAYER else (content_layer,),
    )


def by_region(paintings: Sequence[Any], shares: Sequence[float], where: str) -> tuple[Any, Any]:
    """Return the paintings and shares to pass to `fit`: by region, unless one style goes everywhere."""
    if where == "everywhere":
        return paintings, shares
    if where == "each":
        return {"subject": paintings[:1], "background": paintings[1:]}, {"background": shares[1:]}
    other = {"subject": "background", "background": "subject"}[where]
    return {where: paintings, other: None}, {where: shares}


def drawn_on(drawing: Any, photo: Upload, above: int = 0) -> Upload | None:
    """Return what was painted over a photo in an image editor, or None if nothing was; see `Upload.painted`.

    The browser sends the drawing on an earlier photo as long as the editor does not show the new one. That is nothing.
    """
    if drawing is None:
        return None
    background = drawing.get("background") if isinstance(drawing, Mapping) else None
    if given(background) and not alike(Upload.of(background, "drawing"), photo):
        return None
    layers = listed("drawing's layers", drawing.get("layers") if isinstance(drawing, Mapping) else drawing)
    if len(layers) > MAX_LAYERS:
        raise ValueError(f"The drawing has {len(layers)} layers; give {MAX_LAYERS} at most.")
    uploads = [Upload.of(layer, "drawing") for layer in layers]
    return next((upload for upload in uploads if upload.painted(above).any()), None)


def alike(image: Upload, photo: Upload) -> bool:
    """Return whether an image is a copy of a photo, as small as the editor shows it and compressed."""
    expected = photo.read(DRAWN)
    shown = resize(image.read(DRAWN), (expected.shape[-2], expected.shape[-1]))
    return float((shown - expected).abs().mean()) < COMPRESSED


class Recent(Generic[T]):
    """A small cache: the last few results, by what was asked for."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._kept: OrderedDict[Any, T] = OrderedDict()

    def get(self, key: Any) -> T | None:
        """Return the result for a key, or None, and mark it as used just now."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: Any, made: T) -> None:
        """Keep one more result, and drop the least recently used one if there are too many."""
        with self._lock:
            self._kept[key] = made
            self._kept.move_to_end(key)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
