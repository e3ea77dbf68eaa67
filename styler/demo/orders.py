"""What a visitor asks for: read from the page or the API, checked, and comparable with what was asked before."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from styler.demo.checks import choice, listed, number
from styler.demo.uploads import Upload
from styler.recipe import CONTENT_LAYER, STYLE_LAYERS
from styler.schedule import PRESETS
from styler.validation import check_shares
from styler.vgg import LAYERS

MAX_PAINTINGS = 4
# Where the paintings' styles go, with the words for it.
WHERE = {
    "everywhere": "Everywhere",
    "subject": "Only the subject",
    "background": "Only the background",
    "each": "Each its own",
}
COLORS = {
    "painting": "The painting's",
    "photo": "The photo's, place by place",
    "matched": "The photo's, as a whole",
    "palette": "The painting's, without its strokes",
}
STARTS = {"content": "The photo", "noise": "Noise", "image": "An image"}
STYLE_LOSSES = {
    "neighbors": "Strokes matched to places",
    "moments": "Mean and covariance",
    "gram": "Gram matrices",
}
CONTENT_LOSSES = {"standardised": "Standardised features", "squared": "Features, squared error"}
RELUS = [layer for layer in LAYERS if layer.startswith("relu")]
SIZES = (64, 1024)  # px, least and most of the longest side
STROKES = (0.5, 2)
MAX_SEED = 2**32 - 1  # numpy's
MAX_SHARE = 1_000_000
MAX_LAYERS = 4  # of a drawing; the page's has one or two

T = TypeVar("T")


@dataclass(frozen=True)
class Order:
    """One picture that somebody wants.

    Attributes
    ----------
    photo : Upload
    paintings : tuple of Upload
    shares : tuple of float
        Of each painting.
    preset, strength, size, pooling, colors, style_scale
        As in `StyleTransfer`.
    where : str
        A key of `WHERE`.
    drawing : Upload or None
        Painted over the subject; without it the subject is looked for.
    init : str or Upload
        "content", "noise", or the image to start from.
    seed : int
        Of the noise.
    style_layers, content_layers : tuple of str or None
        None for the usual ones.
    style_loss, content_loss
        As in `StyleTransfer`.
    finer : bool
        Whether to go on from the same picture by the preset before, where that is still here.
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
    """Check what is asked for, which may be anything that JSON can say.

    Parameters
    ----------
    photo, paintings
        Files as Gradio hands them over.
    shares, preset, strength, size, pooling, colors, style_scale, where
        See `Order`; no shares are equal ones.
    drawing
        What was painted over the photo, as Gradio's image editor hands it over.
    init : {"content", "noise", "image"}
    start
        For "image" the file of the image.
    seed
        For "noise" a whole number from 0; what is empty is 0.
    style_layers, content_layer
        Layers of VGG-19; others than the usual ones are used at every scale.
    style_loss, content_loss
        As in `StyleTransfer`.

    Returns
    -------
    Order

    Raises
    ------
    ValueError
        With one sentence for the visitor.
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
    where = choice("place for the style", where, WHERE)
    if where == "each" and len(paintings) < 2:
        raise ValueError("Subject and background need a painting each; add the background's to those to mix in.")
    init = choice("start", init, STARTS)
    return Order(
        Upload.of(photo, "photo"),
        tuple(Upload.of(painting, "painting") for painting in paintings),
        weights,
        preset,
        strength,
        size,
        choice("pooling", pooling, ("max", "average")),
        choice("choice of colours", colors, COLORS),
        number("size of the strokes", style_scale, *STROKES),
        where,
        drawn_on(drawing) if where != "everywhere" else None,
        Upload.of(start, "starting image") if init == "image" else init,
        int(number("noise's number", seed or 0, 0, MAX_SEED)) if init == "noise" else 0,
        *named(style_layers, content_layer),
        choice("style loss", style_loss, STYLE_LOSSES),
        choice("content loss", content_loss, CONTENT_LOSSES),
    )


def named(style_layers: Any, content_layer: Any) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """The layers that `StyleTransfer` is to be told by name: those that are not the usual ones."""
    layers = {choice("style layer", layer, RELUS) for layer in listed("style layers", style_layers)}
    if not layers:
        raise ValueError("There is no style layer; choose one or more.")
    content_layer = choice("content layer", content_layer, RELUS)
    return (
        None if layers == set(STYLE_LAYERS) else tuple(sorted(layers)),
        None if content_layer == CONTENT_LAYER else (content_layer,),
    )


def by_region(paintings: Sequence[Any], shares: Sequence[float], where: str) -> tuple[Any, Any]:
    """What `fit` is to learn, paintings and shares: by region, unless one style goes everywhere."""
    if where == "everywhere":
        return paintings, shares
    if where == "each":
        return {"subject": paintings[:1], "background": paintings[1:]}, {"background": shares[1:]}
    other = {"subject": "background", "background": "subject"}[where]
    return {where: paintings, other: None}, {where: shares}


def drawn_on(drawing: Any, above: int = 0) -> Upload | None:
    """Take what was painted in an image editor, if anything was; see `Upload.painted`."""
    if drawing is None:
        return None
    layers = listed("drawing's layers", drawing.get("layers") if isinstance(drawing, Mapping) else drawing)
    if len(layers) > MAX_LAYERS:
        raise ValueError(f"The drawing has {len(layers)} layers; give {MAX_LAYERS} at most.")
    uploads = [Upload.of(layer, "drawing") for layer in layers]
    return next((upload for upload in uploads if upload.painted(above).any()), None)


class Recent(Generic[T]):
    """The last few things that were made, by what was asked for."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._kept: OrderedDict[Any, T] = OrderedDict()

    def get(self, key: Any) -> T | None:
        """Return what is kept under a key, and keep it longer."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: Any, made: T) -> None:
        """Keep one thing more, and let go of the one that was not asked for longest."""
        with self._lock:
            self._kept[key] = made
            self._kept.move_to_end(key)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
