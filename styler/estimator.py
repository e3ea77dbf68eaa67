"""`StyleTransfer`: the scikit-learn estimator around the painting."""

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

# `fit` uses these. If one changes, the style has to be learnt again; the others may change between fit and transform.
RECIPE_PARAMS = ("style_layers", "content_layers", "style_loss", "content_loss")
FIT_PARAMS = ("size", "style_scale", "preset", "max_iter", *RECIPE_PARAMS, "pooling", "weights")
# Half the range of the noise that a picture starts from. The network hardly sees the finest dots, so those of stronger
# noise would stay in the picture.
FAINT = 0.01


class StyleTransfer(TransformerMixin, BaseEstimator):
    """Neural style transfer: `fit` learns a painting's style, `transform` paints photos in it.

    The picture starts as the photo. Gradient descent moves its pixels, coarse to fine. Each place comes to look like
    the place of the painting that suits it, as VGG-19's features see it; deep features keep the photo's content.

    Parameters
    ----------
    size : int, default=512
        Longest side of the painted picture in px, at least 32. A smaller photo is enlarged to this size.
    strength : float in [0, 1], default=0.5
        The balance between photo and painting. 0 returns the photo. At 1 the photo is only the start of the painting.
    style_scale : float in [0.5, 2], default=1
        The size of strokes and shapes: 2 doubles them, 0.5 halves them, at every `size`.
    preset : {"preview", "balanced", "fine"}, default="balanced"
        How much time to spend on a picture.
    optimizer : {"lbfgs", "adam"}, default="lbfgs"
        The method of gradient descent.
    max_iter : int, default=None
        The largest number of steps over all scales. By default the preset decides.
    init : {"content", "noise"} or image-like other than str, default="content"
        The picture to start from. "content" is the photo in the painting's colours. "noise" is faint noise, set by
        `random_state`; the result depends less on the photo. An image is stretched to the photo's shape. To name a
        file, give a `pathlib.Path`.
    colors : {"painting", "photo", "matched", "palette"}, default="painting"
        Which colours the picture has. "painting": the painting's. "photo": each place keeps the photo's colour, and
        the painting gives light and shade. "matched": the colours of the painted picture are shifted as a whole, so
        that their mean and covariance are the photo's. "palette": the photo in the painting's colours, without strokes.
    style_layers, content_layers : sequence of str, or mapping of str to float, default=None
        Layers of VGG-19 to compare. In a mapping each layer has a weight; weights are scaled to a sum of one. If you
        name layers, these alone are used, at every scale, as in the paper. Deep layers take longer. If you name style
        layers, the picture is not smoothed. By default style is compared in relu1_1 to relu4_1 (to relu5_1 without
        matched places) and in "pixels", the picture itself; content is compared in relu4_2. The default uses layers
        from relu4_1 on up to 256 px only.
    style_loss : {"neighbors", "moments", "gram"}, default="neighbors"
        How style is compared. "neighbors": each place of the picture is compared with the place of the painting that
        suits it best. The whole picture is also compared with the painting's statistics, with less weight. "moments":
        the statistics alone, that is the mean and covariance of each layer's features. "gram": the paper's Gram matrix
        (eq. 4). Statistics say which strokes the painting has, but not where they are, so they paint texture
        everywhere. Each loss is relative to the painting's own statistics.
    content_loss : {"standardised", "squared"}, default="standardised"
        How content is compared. "standardised": each channel is scaled to zero mean and unit variance, so that colours
        may change; places that stand out count for more. "squared": the paper's squared error (eq. 1), relative to the
        photo's variance.
    pooling : {"max", "average"}, default="max"
        How VGG-19 halves its feature maps. "average" paints smoother, bolder shapes.
    weights : str or path, default="original"
        Weights of VGG-19: "original" (from an installed package), "torchvision" (downloaded once), or the path of a
        state dict; see `styler.weights.load_state`.
    device : str or torch.device, default=None
        The device to compute on, such as "cpu" or "cuda". By default the GPU if there is one.
    dtype : {"float32", "bfloat16", "float64"}, default=None
        Number type of the network. The default is the environment variable STYLER_DTYPE if it is set, otherwise the
        fastest type that is precise enough. Pixels and sums use float32 at least.
    max_memory : float, default=None
        Most memory to paint in, in GB (10^9 bytes), not counting Python and the network. By default three quarters of
        the device's free memory. A picture that needs more is painted in tiles. Apart from rounding the result is the
        same, but it takes longer.
    random_state : int, RandomState instance or None, default=None
        Source of randomness for ``init="noise"``. The same int gives the same picture on the same machine.
    n_jobs : int, default=None
        How many photos to paint at a time, each in its own process with its share of the cores. None means 1, unless
        ``joblib.parallel_config`` says otherwise; -1 means one for each core. Pictures are identical to the last bit
        only if the number of threads is the same, as the number of threads changes the order of sums.
    verbose : int, default=0
        Above 0, print a line at the end of each scale. Above 1, print a line at each step.

    Attributes
    ----------
    scales_ : list of Scale
        The sizes at which a picture is painted, with the steps and layers of each.
    paintings_ : list of Painting, or dict of str to such a list or None
        The paintings, shrunk to the size that the picture needs. A dict by region if `fit` was given regions.
    fitted_with_ : dict
        The parameters that the style was learnt with. If one changes, call `fit` again.
    device_, dtype_ : str
        The device and the number type that the style was learnt with.

    References
    ----------
    L. A. Gatys, A. S. Ecker and M. Bethge, "A neural algorithm of artistic style", 2015.
    L. A. Gatys, M. Bethge, A. Hertzmann and E. Shechtman, "Preserving color in neural artistic style transfer", 2016:
    ``colors``. They change the painting's colours before they learn its style. Here the colours of the painted picture
    are changed afterwards, so that one `fit` serves every photo.

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
            One painting, or several to blend; see `styler.images.read` for what is image-like. A mapping has a style
            for each region of the photos; you choose the labels. A style of None keeps the photo in its region.
        y : None
            Ignored. An image is refused: several styles have to come as one list.
        sample_weight : array-like of shape (n,), default=None
            Share of each painting. By default all shares are equal. A mapping of label to shares if X is a mapping.
        regions : image-like or sequence of image-like, default=None
            For each painting, a mask that is white in the part to learn from. A mapping of label to masks if X is a
            mapping.

        Returns
        -------
        self : StyleTransfer

        Raises
        ------
        TypeError, ValueError
            If a parameter, an image or the weights can't be used. The message says which one and what to do.
        """
        if isinstance(y, (str, bytes, os.PathLike, Image)):
            raise TypeError(
                "y is an image, which fit ignores; give several styles as one list, fit([a, b]), and photos to "
                "transform."
            )
        styles = X if isinstance(X, Mapping) else {"": X}
        if all(style is None for style in styles.values()):
            raise ValueError("there is no style to learn; give one image or more for at least one region.")
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
                    f"the style{f' of {label!r}' if label else ''} is one colour all over, so it gives a colour but no "
                    "strokes; choose a painting with texture.",
                    stacklevel=2,
                )
        self.fitted_with_ = {name: getattr(self, name) for name in FIT_PARAMS}
        self.device_, self.dtype_ = str(network.device), str(network.dtype).removeprefix("torch.")
        self.scales_ = scales
        self.paintings_ = learnt if isinstance(X, Mapping) else learnt[""]
        return self

    def transform(self, X: ImageLike | Sequence[ImageLike], regions: Any = None) -> Any:
        """Paint one photo or several in the style that `fit` learnt.

        Parameters
        ----------
        X : image-like, sequence of image-like, or array of shape (n, height, width, channels)
            See `styler.images.read` for what is image-like.
        regions : mapping of str to image-like, or sequence of such, default=None
            A mask for each label given to `fit`: white inside the region, black outside, grey in between. You may leave
            out the mask of one label; that region is whatever the other masks leave free. For several photos, give one
            mapping for all of them or one for each.

        Returns
        -------
        X_new : image, list of images, or array of shape (n, new height, new width, 3)
            Has the same kind and dtype as `X`: arrays for arrays, PIL images for paths and PIL images, a list for a
            list. RGB, with a longest side of `size` px.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        TypeError, ValueError
            If an image, or a parameter that was changed after `fit`, can't be used. The message says which one and
            what to do.
        """
        painted = list(self.iter_transform(X, regions))
        if not is_collection(X):
            return painted[0]
        if isinstance(X, Tensor):
            return torch.stack(painted)
        return np.stack(painted) if isinstance(X, np.ndarray) else painted

    def iter_transform(self, X: ImageLike | Sequence[ImageLike], regions: Any = None) -> Iterator[Any]:
        """Paint many photos, `n_jobs` at a time, and yield each picture in turn.

        Photos may differ in size. Each photo is read only when its turn comes, so that not all photos and pictures are
        in memory at once.

        Parameters
        ----------
        X, regions : as for `transform`

        Returns
        -------
        iterator
            Yields the pictures in the order of the photos. Each is what `transform` would return for its photo alone.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As `transform`. A photo that can't be used raises when its turn comes.
        """
        self._check_ready()
        photos = self._photos(X, regions)
        if len(photos) == 1:  # one photo needs no other process
            return (self._transform_one(*photo) for photo in photos)
        return side_by_side(self._transform_one, photos, self.n_jobs)

    def staged_transform(
        self, X: ImageLike, regions: Mapping[str, ImageLike] | None = None, resume: Point | None = None
    ) -> Iterator[Stage]:
        """Paint one photo and yield the picture so far after each step; stop whenever you like it.

        Parameters
        ----------
        X : image-like
            See `styler.images.read`.
        regions : mapping of str to image-like, default=None
            As for `transform`.
        resume : Point, default=None
            The `point` of the last stage of this picture, if it was interrupted. Painting continues from there. The
            result is the same as without the interruption, except with Adam, whose running averages start again.

        Yields
        ------
        Stage
            Its `image` is the picture so far, of the kind that `transform` would return.
        """
        self._check_ready()
        if isinstance(X, (list, tuple)):
            raise TypeError("X is several photos, and staged_transform paints one photo at a time; call it for each.")
        if not isinstance(resume, Point | None):
            raise TypeError(f"resume is of type {type(resume).__name__}; give the point of a stage, stage.point.")
        for stage in self._stages(X, "the photo", regions, resume):
            yield replace(stage, render=partial(shown_like, stage, X))

    def expected_seconds(self, X: ImageLike | None = None) -> float:
        """Estimate how many seconds `transform` will take for a photo on this machine. It needs no `fit`.

        Parameters
        ----------
        X : image-like, default=None
            Only the shape of the photo counts. The default is 4:3.

        Returns
        -------
        float
            Computed from the number of steps and from the time of one evaluation of the loss, which is measured once in
            each process: at 64 px, or at 512 px on a CUDA GPU.
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
        """Measure how far a picture is from a photo's content and from the learnt style, as the paper defines both.

        The distances are measured at the finest scale up to 256 px, so that pictures of different sizes can be
        compared.

        Parameters
        ----------
        X, painted : image-like
            The photo, and a picture painted from it.
        regions : mapping of str to image-like, default=None
            As for `transform`.

        Returns
        -------
        dict of str to float
            "content": sum of squared differences of features (Gatys et al. 2015, eq. 1, without its 1/2).
            "style": distance between Gram matrices (eq. 4 and 5). With regions, the distance of each region to its own
            style is weighted by the region's area.
            Both are weighted means over `content_layers` and `style_layers`, whatever losses the picture was painted
            with. "pixels" does not count, as it is not a layer in the paper.
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
        """Score how well photos are painted, for scikit-learn's searches; higher is better.

        Parameters
        ----------
        X : as for `transform`
            Photos. Each one is painted.
        y : None
            Ignored.
        regions : as for `transform`

        Returns
        -------
        float
            Minus the mean, over photos, of the content lost plus the style missed. Both come from `distances`. The
            content lost is a share of an evenly grey picture's content distance. The style missed is a share of the
            photo's own style distance. The photo itself scores -1.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As `transform`, and if X has no photo.
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
        """The photos in X, each with its name in messages and its regions."""
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
        if torch.is_inference_mode_enabled():
            raise ValueError(
                f"{name} can't be painted in torch.inference_mode, which allows no gradients; leave it, or use "
                "torch.no_grad instead."
            )
        original, network = read(X, name), self._network()
        memory = budget(self.max_memory, network.device)
        if self.colors != "palette":
            # Too little memory has to raise here, before anything large is allocated.
            planned(network, (original.shape[-2], original.shape[-1]), self.scales_, memory)
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
        """The paintings of each region, and the regions' masks at the picture's size."""
        labelled = isinstance(self.paintings_, dict)
        learnt: dict[str, Any] = self.paintings_ if isinstance(self.paintings_, dict) else {"": self.paintings_}
        if regions is None and labelled:
            raise ValueError(
                "the styles were learnt for regions, and no masks were given; "
                f"say where the regions are: regions={{{next(iter(learnt))!r}: mask}}."
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
    """A stage's image, as the same kind of object as the photo."""
    return like(stage.image, X)


@cache
def build_network(weights: str, pooling: str, device: torch.device, dtype: torch.dtype, deepest: str) -> VGG19:
    """The network, built once in each process. It never changes, so it can be shared."""
    return VGG19(load_state(weights), up_to([deepest]), pooling, device, dtype)
