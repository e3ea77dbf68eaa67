"""What a visitor asks for: read from the page or the API, checked, and comparable with what was asked before."""

import hashlib
import reprlib
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from PIL import Image

from styler import images
from styler.demo.uploads import given
from styler.estimator import check_shares
from styler.objective import CONTENT_LAYER, STYLE_LAYERS
from styler.optimize import PRESETS
from styler.vgg import LAYERS

MAX_PAINTINGS = 4
MAX_MEGAPIXELS = 50  # as decoded, 0.6 GB
# What browsers send as images. Pillow knows many more, of which some start other programs or are seldom looked after.
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP")
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
STYLE_LOSSES = {"moments": "Mean and covariance", "gram": "Gram matrices"}
CONTENT_LOSSES = {"standardised": "Standardised features", "squared": "Features, squared error"}
RELUS = [layer for layer in LAYERS if layer.startswith("relu")]
SIZES = (64, 1024)  # px, least and most of the longest side
STROKES = (0.5, 2)
MAX_SEED = 2**32 - 1  # numpy's
MAX_SHARE = 1_000_000
MAX_LAYERS = 4  # of a drawing; the page's has one or two

T = TypeVar("T")
_decoding = threading.Lock()


@dataclass(frozen=True)
class Upload:
    """An image file on the server; two of the same bytes under the same name are equal.

    Attributes
    ----------
    path : pathlib.Path
        Named after what is in the file, and as its visitor calls it.
    role : str
        What sentences call it.
    digest : str
    """

    path: Path
    role: str = field(compare=False)
    digest: str

    @staticmethod
    def of(file: Any, role: str) -> "Upload":
        """Take a file as a message names it: the one door for files. ``ValueError`` for all that `given` knows not."""
        path = given(file)
        if path is None:
            raise _missing(role)
        return Upload(path, role, hashlib.sha256(_bytes(path, role)).hexdigest())

    def painted(self, above: int = 0) -> torch.Tensor:
        """Decode a drawing: white where anything was painted, or what is less seen through than so much of 255."""
        with _decoding:
            planes = images.planes(self._opened(), self.name)
        alpha = planes[3] if len(planes) == 4 else np.ones_like(planes[0])
        return images.read(alpha * 255 > above + 0.5, self.name)

    def read(self, size: int | None = None) -> torch.Tensor:
        """Decode the image, to a longest side in px; errors call it by its own name and not by its place here."""
        with _decoding:  # one at a time, for each takes much memory until it has its size
            image = images.read(self._opened(), self.name)
            return image if size is None else images.resize(image, size)

    @property
    def name(self) -> str:
        """What sentences call the file."""
        return f"The {self.role} {self.path.name}"

    def _opened(self) -> Image.Image:
        image = images.opened(_bytes(self.path, self.role), self.name, FORMATS)
        if image.width * image.height > MAX_MEGAPIXELS * 1e6:
            raise ValueError(
                f"{self.name} is {image.width} x {image.height} px; scale it down to {MAX_MEGAPIXELS} megapixels."
            )
        return image


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
    style_loss: str = "moments"
    content_loss: str = "standardised"


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
    style_loss: Any = "moments",
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


def number(name: str, value: Any, low: float, high: float, unit: str = "") -> float:
    """Take a number of a range, or tell what is wrong with it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"The {name} is {brief(value)}{unit}; choose one from {low} to {high}{unit}.")
    return float(value)


def choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Take one of several words, or tell which there are."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"There is no {name} {brief(value)}; choose one of {', '.join(choices)}.")
    return value


def listed(name: str, value: Any) -> Sequence[Any]:
    """Take a list, or tell that it is none."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"The {name} are no list; give one.")
    return value


def brief(value: Any) -> str:
    """Return a value in a few letters, whatever it is."""
    text = f"{value:g}" if isinstance(value, float) else reprlib.repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


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


def _bytes(path: Path, role: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _missing(role) from error


def _missing(role: str) -> ValueError:
    """The one sentence for a file that is not chosen, no longer here, or none of a visitor's."""
    return ValueError(f"Choose a {role} first; uploads stay for an hour.")
