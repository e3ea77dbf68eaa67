"""StyleTransfer: scikit-learn's manners around the painting."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from PIL.Image import Image
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from styler.descent import OPTIMIZERS
from styler.distances import content_distance, style_distance
from styler.images import ImageLike, like, read, resize
from styler.jobs import side_by_side
from styler.memory import budget, freed_memory_kept
from styler.objective import CONTENT_LOSSES, STYLE_LOSSES
from styler.painting import Point, Stage, paint
from styler.picture import COLORS, Picture
from styler.recipe import PIXELS, STYLE_LAYERS, layer_weights
from styler.regions import partition
from styler.schedule import DEEP_UP_TO, PRESETS, Scale, expected_seconds, planned, schedule
from styler.style import MOST_PIXELS, Painting, is_flat, kept
from styler.validation import by_label, check_device, each, is_collection, read_paintings
from styler.vgg import DTYPES, LAYERS, POOLING, VGG19, fast_dtype, up_to
from styler.weights import load_state

# What a style is learnt with; the other parameters may change between fit and transform.
RECIPE_PARAMS = ("style_layers", "content_layers", "style_loss", "content_loss")
FIT_PARAMS = ("size", "style_scale", "preset", "max_iter", *RECIPE_PARAMS, "pooling", "weights")
# Of noise to start from, half its range: what the network hardly sees of it, as of finest dots, would stay.
FAINT = 0.01


class StyleTransfer(TransformerMixin, BaseEstimator):
    """Neural style transfer: `fit` learns a painting's style, `transform` paints photos in it.

    The picture starts as the photo. Gradient descent moves its pixels, coarse to fine. Each place comes to look like
    the place of the painting that suits it, as VGG-19's features see it; deep features keep the photo's content.

    Parameters
    ----------
    size : int, default=512
        Longest side of the painted picture in px, at least 32. A smaller photo is enlarged to it.
    strength : float in [0, 1], default=0.5
        The balance between photo and painting. 0 returns the photo. At 1 the photo is only where painting starts.
    style_scale : float in [0.5, 2], default=1
        The size of strokes and shapes: 2 doubles them, 0.5 halves them, at every `size`.
    preset : {"preview", "balanced", "fine"}, default="balanced"
        How much time to take.
    optimizer : {"lbfgs", "adam"}, default="lbfgs"
        The method of gradient descent.
    max_iter : int, default=None
        The largest number of steps over all scales. By default the preset decides.
    init : {"content", "noise"} or image-like other than str, default="content"
        Where to start. "content" is the photo in the painting's colours. "noise" is faint noise, which `random_state`
        decides; the picture is freer of the photo. An image is stretched to the photo's shape; give the path of one as
        a `pathlib.Path`.
    colors : {"painting", "photo", "matched", "palette"}, default="painting"
        Whose colours to show. "painting": the painting's. "photo": each place keeps the photo's colour, the painting
        gives light and shade. "matched": the colours of the painted picture are moved as a whole to the photo's mean
        and covariance. "palette": the photo in the painting's colours, without strokes.
    style_layers, content_layers : sequence of str, or mapping of str to float, default=None
        Layers of VGG-19 to compare, or layers with weights, which are scaled to a sum of one. Layers that are named are
        used at every scale, and no others, as in the paper. Deep ones take longer. Nothing smooths what style layers
        paint. By default style is compared in relu1_1 to relu4_1 (to relu5_1 without matched places) and in "pixels",
        the picture itself; content is compared in relu4_2. Layers from relu4_1 on are used up to 256 px only.
    style_loss : {"neighbors", "moments", "gram"}, default="neighbors"
        How style is compared. "neighbors": each place of the picture is compared with the place of the painting that
        suits it best, and, with less weight, the whole with the painting's statistics. "moments": the statistics alone,
        mean and covariance of each layer's features. "gram": the paper's Gram matrix (eq. 4). Statistics tell which
        strokes there are and not where, so they paint texture everywhere. Each loss is relative to the painting's own.
    content_loss : {"standardised", "squared"}, default="standardised"
        How content is compared. "standardised": each channel has zero mean and unit variance, so that colours may
        change, and places that stand out count for more. "squared": the paper's squared error (eq. 1), relative to the
        photo's variance.
    pooling : {"max", "average"}, default="max"
        How VGG-19 halves its maps. "average" paints smoother, bolder shapes.
    weights : str or path, default="original"
        "original" (in an installed package), "torchvision" (downloaded once), or the path of a state dict; see
        `styler.weights.load_state`.
    device : str or torch.device, default=None
        Where to compute, such as "cpu" or "cuda". By default the GPU if there is one.
    dtype : {"float32", "bfloat16", "float64"}, default=None
        Precision of the network. By default the environment variable STYLER_DTYPE decides, or else the fastest type
        that is precise enough. Pixels and sums have float32 at least.
    max_memory : float, default=None
        Memory to paint in, in GB (10^9 bytes), besides Python and the network. By default three quarters of what is
        free on the device. A picture that needs more is painted by tiles: it is the same but for
        rounding, and takes longer.
    random_state : int, RandomState instance or None, default=None
        For ``init="noise"``. The same int gives the same picture on the same machine.
    n_jobs : int, default=None
        How many photos to paint at a time, each in its own process with its share of the cores. None is 1, unless
        ``joblib.parallel_config`` says otherwise; -1 is one for each core. Pictures are equal to the last bit only for
        the same number of threads, as other numbers add in another order.
    verbose : int, default=0
        Above 0, print a line at the end of each scale; above 1, at each step.

    Attributes
    ----------
    scales_ : list of Scale
        The sizes at which a picture is painted, with their steps and layers.
    paintings_ : list of Painting, or dict of str to such a list or None
        The paintings, as small as the picture allows. A dict by region, if `fit` was given regions.
    fitted_with_ : dict
        The parameters that the style was learnt with. If one changes, call `fit` again.
    device_, dtype_ : str
        Where and in which precision the style was learnt.

    References
    ----------
    L. A. Gatys, A. S. Ecker and M. Bethge, "A neural algorithm of artistic style", 2015.
    L. A. Gatys, M. Bethge, A. Hertzmann and E. Shechtman, "Preserving color in neural artistic style transfer", 2016:
    ``colors``. They change the painting's colours before it is learnt. Here the painted picture's colours are changed
    afterwards, so that one `fit` serves every photo.

    N. Kolkin et al., "Neural neighbor style transfer", 2022 (arXiv 2203.13215):
    ``style_loss="neighbors"``.

    Examples
    --------
    >>> from styler import StyleTransfer
    >>> painter = StyleTransfer(size=64, max_iter=2).fit("assets/starry_night.jpg")
    >>> painter.transform("assets/chelsea.png").size
    (64, 43)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "size": [Interval(Integral, 32, None, closed="left")],
        "strength": [Interval(Real, 0, 1, closed="both")],
        "style_scale": [Interval(Real, 0.5, 2, closed="both")],
        "preset": [StrOptions(set(PRESETS))],
        "optimizer": [StrOptions(set(OPTIMIZERS))],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "init": [StrOptions({"content", "noise"}), os.PathLike, Image, np.ndarray, Tensor],
        "colors": [StrOptions(set(COLORS))],
        "style_layers": [list, tuple, Mapping, None],
        "content_layers": [list, tuple, Mapping, None],
        "style_loss": [StrOptions(set(STYLE_LOSSES))],
        "content_loss": [StrOptions(set(CONTENT_LOSSES))],
        "pooling": [StrOptions(set(POOLING))],
        "weights": [str, os.PathLike],
        "device": [str, torch.device, None],
        "dtype": [StrOptions(set(DTYPES)), None],
        "max_memory": [Interval(Real, 0, None, closed="neither"), None],
        "random_state": ["random_state"],
        "n_jobs": [Interval(Integral, 1, None, closed="left"), Interval(Integral, None, -1, closed="right"), None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        size: int = 512,
        strength: float = 0.5,
        *,
        style_scale: float = 1.0,
        preset: str = "balanced",
        optimizer: str = "lbfgs",
        max_iter: int | None = None,
        init: ImageLike = "content",
        colors: str = "painting",
        style_layers: Sequence[str] | Mapping[str, float] | None = None,
        content_layers: Sequence[str] | Mapping[str, float] | None = None,
        style_loss: str = "neighbors",
        content_loss: str = "standardised",
        pooling: str = "max",
        weights: str | os.PathLike[str] = "original",
        device: str | torch.device | None = None,
        dtype: str | None = None,
        max_memory: float | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.size = size
        self.strength = strength
        self.style_scale = style_scale
        self.preset = preset
        self.optimizer = optimizer
        self.max_iter = max_iter
        self.init = init
        self.colors = colors
        self.style_layers = style_layers
        self.content_layers = content_layers
        self.style_loss = style_loss
        self.content_loss = content_loss
        self.pooling = pooling
        self.weights = weights
        self.device = device
        self.dtype = dtype
        self.max_memory = max_memory
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: None = None, sample_weight: Any = None, regions: Any = None) -> StyleTransfer:
        """Learn a style.

        Parameters
        ----------
        X : image-like, sequence of image-like, array of shape (n, height, width, channels), or mapping of str to such
            One painting, or several to be blended; see `styler.images.read` for what is image-like. A mapping has a
            style for each region of the photos to come, by labels of your choice; None keeps the photo there.
        y : None
            Ignored, unless it is an image: then two styles were meant, and are wanted as one list.
        sample_weight : array-like of shape (n,), default=None
            Share of each painting, by default the same. A mapping of label to shares if X is a mapping.
        regions : image-like or sequence of image-like, default=None
            For each painting a mask of the part to learn from, white where it is. A mapping of label to masks if X is
            a mapping.

        Returns
        -------
        self : StyleTransfer

        Raises
        ------
        TypeError, ValueError
            If a parameter, an image or the weights can't be used; the message says which and what to do.
        """
        if isinstance(y, (str, bytes, os.PathLike, Image)):
            raise TypeError("fit takes several styles as one list, fit([a, b]), and photos in transform; y is ignored.")
        styles = X if isinstance(X, Mapping) else {"": X}
        if all(style is None for style in styles.values()):
            raise ValueError("there is no style to learn; give one image or more, of one region at least.")
        shares, masks = (
            by_label(given, X, name) for given, name in ((sample_weight, "sample_weight"), (regions, "regions"))
        )
        scales, network = self._schedule(), self._network()
        most = MOST_PIXELS / max(1, sum(len(list(each(style, ""))) for style in styles.values() if style is not None))
        learnt: dict[str, list[Painting] | None] = {
            label: None
            if style is None
            else read_paintings(
                style,
                shares.get(label),
                masks.get(label),
                f"style of {label!r}" if label else "style",
                partial(kept, size=self.size, nearness=self.style_scale, most=most),
            )
            for label, style in styles.items()
        }
        for label, paintings in learnt.items():
            if paintings and is_flat(paintings):
                warnings.warn(
                    f"the style{f' of {label!r}' if label else ''} is one colour all over; it gives its colour and no "
                    "strokes. Choose a painting with texture for more.",
                    stacklevel=2,
                )
        self.fitted_with_ = {name: getattr(self, name) for name in FIT_PARAMS}
        self.device_, self.dtype_ = str(network.device), str(network.dtype).removeprefix("torch.")
        self.scales_ = scales
        self.paintings_ = learnt if isinstance(X, Mapping) else learnt[""]
        return self

    def transform(self, X: ImageLike | Sequence[ImageLike], regions: Any = None) -> Any:
        """Paint one photo or many in the style learnt.

        Parameters
        ----------
        X : image-like, sequence of image-like, or array of shape (n, height, width, channels)
            See `styler.images.read` for what is image-like.
        regions : mapping of str to image-like, or sequence of such, default=None
            Where each region is, by the labels given to `fit`: masks, white inside, grey in part. The mask of one
            label may be left out: it gets what the others leave. For several photos, one mapping for all or one
            for each.

        Returns
        -------
        X_new : image, list of images, or array of shape (n, new height, new width, 3)
            Of the same kind and dtype as `X`: arrays for arrays, PIL images for paths and PIL images, a list for a
            list. RGB, with a longest side of `size` px.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        TypeError, ValueError
            If an image or a parameter changed since `fit` can't be used; the message says which and what to do.
        """
        painted = list(self.iter_transform(X, regions))
        if not is_collection(X):
            return painted[0]
        if isinstance(X, Tensor):
            return torch.stack(painted)
        return np.stack(painted) if isinstance(X, np.ndarray) else painted

    def iter_transform(self, X: ImageLike | Sequence[ImageLike], regions: Any = None) -> Iterator[Any]:
        """Paint many photos, `n_jobs` at a time, and hand each picture over as it is done.

        Photos may differ in size. They are read, and pictures kept, only as they are needed.

        Parameters
        ----------
        X, regions : as for `transform`

        Returns
        -------
        iterator
            Of the pictures, in the order of the photos; each is what `transform` makes of its photo alone.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As `transform`; of a photo that can't be used, when its turn has come.
        """
        self._check_ready()
        photos = self._photos(X, regions)
        if len(photos) == 1:  # nothing to share out
            return (self._transform_one(*photo) for photo in photos)
        return side_by_side(self._transform_one, photos, self.n_jobs)

    def staged_transform(
        self, X: ImageLike, regions: Mapping[str, ImageLike] | None = None, resume: Point | None = None
    ) -> Iterator[Stage]:
        """Paint one photo, yielding the picture so far after each step; stop whenever it is good.

        Parameters
        ----------
        X : image-like
            See `styler.images.read`.
        regions : mapping of str to image-like, default=None
            As for `transform`.
        resume : Point, default=None
            The `point` of the last stage of this picture, broken off: goes on from there, and the picture is the same
            as one painted in one go, but that Adam begins anew.

        Yields
        ------
        Stage
            Its `image` is what `transform` would return, so far.
        """
        self._check_ready()
        if isinstance(X, (list, tuple)):
            raise TypeError("staged_transform paints one photo at a time; call it for each.")
        if not isinstance(resume, Point | None):
            raise TypeError(f"resume is of type {type(resume).__name__}; give the point of a stage, stage.point.")
        for stage in self._stages(X, "the photo", regions, resume):
            yield replace(stage, render=partial(shown_like, stage, X))

    def expected_seconds(self, X: ImageLike | None = None) -> float:
        """About how many seconds `transform` will take for a photo on this machine; needs no `fit`.

        Parameters
        ----------
        X : image-like, default=None
            Of the photo only its shape counts; by default it is 4:3.

        Returns
        -------
        float
            From one evaluation of the loss at 128 px, timed once a process, and the steps to come.
        """
        self._validate_params()
        if self.colors == "palette":
            return 0.0
        height, width = (3, 4) if X is None else read(X, "the photo").shape[-2:]
        network = self._network()
        memory = budget(self.max_memory, network.device)
        return expected_seconds(network, (height, width), self._schedule(), memory)

    def distances(
        self, X: ImageLike, painted: ImageLike, regions: Mapping[str, ImageLike] | None = None
    ) -> dict[str, float]:
        """How far a picture is from a photo's content and from the style learnt, in the paper's terms.

        Measured at the finest scale up to 256 px, so that pictures of different sizes compare.

        Parameters
        ----------
        X, painted : image-like
            The photo, and a picture of it.
        regions : mapping of str to image-like, default=None
            As for `transform`.

        Returns
        -------
        dict of str to float
            "content": sum of squared differences of features (Gatys et al. 2015, eq. 1, without its 1/2).
            "style": distance of Gram matrices (eq. 4 and 5); of regions, each to its style, by area.
            Both are means over `content_layers` and `style_layers` by their weights, whatever losses were painted
            with; "pixels" is no layer of the paper's and does not count.
        """
        self._check_ready()
        network = self._network()
        at = max(i for i, scale in enumerate(self.scales_) if scale.size <= DEEP_UP_TO or i == 0)
        size, recipe = self.scales_[at].size, self.scales_[at].recipe
        original = read(X, "the photo")
        photo = resize(original, size)
        styles, masks = self._styles(regions, original, photo)
        picture = resize(read(painted, "the picture"), (photo.shape[-2], photo.shape[-1]))
        named = layer_weights(self.style_layers or STYLE_LAYERS, "style_layers")
        layers = {layer: weight for layer, weight in named.items() if layer != PIXELS}
        style, total = 0.0, 0.0
        for paintings, mask in zip(styles, [None] if masks is None else masks[:, None], strict=True):
            if paintings is not None:
                area = 1.0 if mask is None else float(mask.mean())
                far = style_distance(network, picture, paintings, self.style_scale, layers, mask)
                style, total = style + area * far, total + area
        return {
            "content": content_distance(network, photo, picture, recipe.content),
            "style": style / total,
        }

    def score(self, X: Any, y: None = None, regions: Any = None) -> float:
        """How well photos are painted, for scikit-learn's searches; higher is better.

        Parameters
        ----------
        X : as for `transform`
            Photos; each is painted.
        y : None
            Ignored.
        regions : as for `transform`

        Returns
        -------
        float
            Minus the mean over photos of content lost plus style missed: of `distances`, the content's as a share of
            an evenly grey picture's, the style's as a share of the photo's own. -1 is the photo itself.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As `transform`, and if there is no photo.
        """
        self._check_ready()
        if is_collection(X) and not len(X):
            raise ValueError("there is no photo to score; give one or more.")
        scores = []
        for x, name, where in self._photos(X, regions):
            photo = read(x, name)
            painted = deque(self._stages(photo, name, where), maxlen=1).pop().image
            grey = torch.full_like(photo, 0.5)
            own, none, got = (self.distances(photo, picture, where) for picture in (photo, grey, painted))
            lost, missed = got["content"] / max(none["content"], 1e-9), got["style"] / max(own["style"], 1e-9)
            scores.append(-(lost + missed))
        return float(np.mean(scores))

    def _photos(self, X: Any, regions: Any) -> list[tuple[ImageLike, str, Mapping[str, ImageLike] | None]]:
        """The photos in X, with what messages call them and where their regions are."""
        photos = list(each(X, "photo"))
        maps = regions if isinstance(regions, (list, tuple)) else [regions] * len(photos)
        if len(maps) != len(photos):
            raise ValueError(f"{len(maps)} mapping(s) of regions for {len(photos)} photo(s); give one for each.")
        return [(x, name, where) for (x, name), where in zip(photos, maps, strict=True)]

    def _check_ready(self) -> None:
        check_is_fitted(self)
        self._validate_params()
        changed = [name for name, value in self.fitted_with_.items() if getattr(self, name) != value]
        if changed:
            raise ValueError(f"{' and '.join(changed)} changed after fit; call fit again.")

    def _transform_one(self, X: ImageLike, name: str, regions: Mapping[str, ImageLike] | None) -> Any:
        last = deque(self._stages(X, name, regions), maxlen=1).pop()
        return like(last.image, X)

    def _stages(
        self, X: ImageLike, name: str, regions: Mapping[str, ImageLike] | None, resume: Point | None = None
    ) -> Iterator[Stage]:
        original, network = read(X, name), self._network()
        memory = budget(self.max_memory, network.device)
        if self.colors != "palette":
            planned(network, (original.shape[-2], original.shape[-1]), self.scales_, memory)  # before anything is large
        photo = resize(original, self.scales_[-1].size)
        styles, masks = self._styles(regions, original, photo)
        start = None
        if not isinstance(self.init, str):
            start = resize(read(self.init, "init"), (photo.shape[-2], photo.shape[-1]))
        elif self.init == "noise":
            noise = check_random_state(self.random_state).uniform(0.5 - FAINT, 0.5 + FAINT, photo.shape)
            start = torch.from_numpy(noise).to(photo)
        picture = Picture(photo, styles, self.strength, self.style_scale, self.colors, masks, start)
        with freed_memory_kept(network.device, photo[0, 0].numel(), memory):
            for stage in paint(network, picture, self.scales_, self.optimizer, memory, resume):
                self._report(stage)
                yield stage

    def _styles(
        self, regions: Mapping[str, ImageLike] | None, photo: Tensor, picture: Tensor
    ) -> tuple[list[list[Painting] | None], Tensor | None]:
        """The regions' paintings, and their masks at a picture's size."""
        labelled = isinstance(self.paintings_, dict)
        learnt: dict[str, Any] = self.paintings_ if isinstance(self.paintings_, dict) else {"": self.paintings_}
        if regions is None and labelled:
            raise ValueError(
                f"styles were learnt for regions; say where they are: regions={{{next(iter(learnt))!r}: mask}}."
            )
        if regions is None:
            return list(learnt.values()), None
        whole, size = ((image.shape[-2], image.shape[-1]) for image in (photo, picture))
        return list(learnt.values()), partition(regions, list(learnt) if labelled else [], whole, size)

    def _report(self, stage: Stage) -> None:
        last = sum(scale.steps for scale in self.scales_ if scale.size <= stage.scale) == stage.step
        if self.verbose > 1 or (self.verbose and last):
            loss = sum(sum(term.values()) for term in stage.losses.values())
            print(f"[StyleTransfer] {stage.scale} px: step {stage.step} of {stage.n_steps}, loss {loss:.4g}")

    def _schedule(self) -> list[Scale]:
        return schedule(self.size, self.preset, self.max_iter, *(getattr(self, name) for name in RECIPE_PARAMS))

    def _network(self) -> VGG19:
        device = check_device(self.device)
        dtype = fast_dtype(device) if self.dtype is None else DTYPES[self.dtype]
        named = {layer for scale in self._schedule() for layer in scale.recipe.seen}
        deepest = max(named.union(STYLE_LAYERS), key=LAYERS.index)
        return build_network(os.fspath(self.weights), self.pooling, device, dtype, deepest)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32", "uint8", "uint16"]
        return tags


def shown_like(stage: Stage, X: ImageLike) -> Any:
    """A stage's image, as the same kind of thing as the photo."""
    return like(stage.image, X)


@cache
def build_network(weights: str, pooling: str, device: torch.device, dtype: torch.dtype, deepest: str) -> VGG19:
    """The network, built once a process and shared: nothing in it changes."""
    return VGG19(load_state(weights), up_to([deepest]), pooling, device, dtype)
