"""What a visitor asks for: read from the page or the API, checked, and comparable with what was asked before."""

import contextlib
import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from PIL import Image

from styler import images
from styler.estimator import check_shares
from styler.recipe import CONTENT_LAYER, STYLE_LAYERS
from styler.schedule import PRESETS

MAX_PAINTINGS = 4
MAX_MEGAPIXELS = 50  # as decoded, 0.6 GB
# Where the paintings' styles go, with the words for it.
WHERE = {
    "everywhere": "Everywhere",
    "subject": "Only the subject",
    "background": "Only the background",
    "each": "Each its own",
}
SIZES = (64, 1024)  # px, least and most of the longest side
MAX_SEED = 2**32 - 1  # numpy's

T = TypeVar("T")


@dataclass(frozen=True)
class Upload:
    """An image file on the server; two of the same bytes are equal.

    Attributes
    ----------
    path : pathlib.Path
    role : str
        What sentences call it.
    digest : str
    """

    path: Path = field(compare=False)
    role: str = field(compare=False)
    digest: str

    @staticmethod
    def of(file: Mapping[str, Any] | None, role: str) -> "Upload":
        """Take a file as Gradio hands it over, from its own folder."""
        if not file or not file.get("path"):
            raise ValueError(f"Choose a {role} first.")
        path = Path(file["path"])
        return Upload(path, role, hashlib.sha256(_bytes(path, role)).hexdigest())

    def painted(self, above: int = 0) -> torch.Tensor:
        """Decode a drawing: white where anything was painted, or what is less seen through than so much of 255."""
        with Image.open(io.BytesIO(_bytes(self.path, self.role))) as drawing:
            alpha = drawing.convert("RGBA").getchannel("A")
            return images.read(alpha.point(lambda a: 255 * (a > above)), _name(self.path, self.role))

    def read(self) -> torch.Tensor:
        """Decode the image; errors call it by its own name and not by its place on the server."""
        data, name = _bytes(self.path, self.role), _name(self.path, self.role)
        with contextlib.suppress(OSError), Image.open(io.BytesIO(data)) as header:
            if header.width * header.height > MAX_MEGAPIXELS * 1e6:
                raise ValueError(
                    f"{name} is {header.width} x {header.height} px; scale it down to {MAX_MEGAPIXELS} megapixels."
                )
        return images.read(data, name)


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
    photo: Mapping[str, Any] | None,
    paintings: Sequence[Mapping[str, Any] | None],
    shares: Sequence[float] | None,
    preset: str,
    strength: float,
    size: float,
    pooling: str = "max",
    colors: str = "painting",
    style_scale: float = 1.0,
    where: str = "everywhere",
    drawing: Mapping[str, Any] | None = None,
    init: str = "content",
    start: Mapping[str, Any] | None = None,
    seed: float | None = 0,
    style_layers: Sequence[str] = STYLE_LAYERS,
    content_layer: str = CONTENT_LAYER,
    style_loss: str = "moments",
    content_loss: str = "standardised",
) -> Order:
    """Check what is asked for.

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
    uploads = [Upload.of(photo, "photo")]
    if len(paintings) > MAX_PAINTINGS:
        more = len(paintings) - 1
        raise ValueError(f"{more} paintings are too many to mix in; choose {MAX_PAINTINGS - 1} at most.")
    uploads += [Upload.of(painting, "painting") for painting in paintings or [None]]
    if preset not in PRESETS:
        raise ValueError(f"There is no preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    if not 0 <= strength <= 1:
        raise ValueError(f"The strength is {strength:g}; choose one from 0 to 1.")
    if not SIZES[0] <= size <= SIZES[1]:
        raise ValueError(f"The size is {size:g} px; choose one from {SIZES[0]} to {SIZES[1]} px.")
    if shares and not any(shares):
        raise ValueError("The paintings' shares are all 0; raise one of them.")
    weights = tuple(check_shares(shares or None, len(paintings)))
    if where == "each" and len(paintings) < 2:
        raise ValueError("Subject and background need a painting each; add the background's to those to mix in.")
    if init == "noise" and not 0 <= (seed or 0) <= MAX_SEED:
        raise ValueError(f"The noise's number is {seed:g}; choose one from 0 to {MAX_SEED}.")
    return Order(
        uploads[0],
        tuple(uploads[1:]),
        weights,
        preset,
        float(strength),
        int(size),
        pooling,
        colors,
        float(style_scale),
        where,
        drawn_on(drawing) if where != "everywhere" else None,
        Upload.of(start, "starting image") if init == "image" else init,
        int(seed or 0) if init == "noise" else 0,
        *named(style_layers, content_layer),
        style_loss,
        content_loss,
    )


def named(style_layers: Sequence[str], content_layer: str) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """The layers that `StyleTransfer` is to be told by name: those that are not the usual ones."""
    if not style_layers:
        raise ValueError("There is no style layer; choose one or more.")
    return (
        None if set(style_layers) == set(STYLE_LAYERS) else tuple(sorted(style_layers)),
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


def drawn_on(drawing: Mapping[str, Any] | None, above: int = 0) -> Upload | None:
    """Take what was painted in an image editor, if anything was; see `Upload.painted`."""
    for layer in (drawing or {}).get("layers") or []:
        upload = Upload.of(layer, "drawing")
        if upload.painted(above).any():
            return upload
    return None


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
        raise ValueError(
            f"{_name(path, role)} is no longer on the server, which keeps uploads for an hour; choose it again."
        ) from error


def _name(path: Path, role: str) -> str:
    return f"The {role} {path.name}"
