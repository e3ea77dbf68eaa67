"""Find the subject of a photo.

Places that stand out are labelled as subject, places at the border as background. Both labels spread to places that
look alike.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.decomposition import PCA
from sklearn.semi_supervised import LabelSpreading
from torch import Tensor

from styler.images import ImageLike, read, resize
from styler.losses import standardise
from styler.recipe import CONTENT_LAYER
from styler.vgg import VGG19
from styler.weights import load_state

SIZE = 256  # px; longest side at which the photo is analysed
LAYERS = ("relu1_1", "relu2_1", "relu3_1", CONTENT_LAYER)
COMPONENTS = 12  # principal components of each layer; more are noise
COLOUR, PLACE = 1.2, 1.5  # weights, where a layer's is 1; they keep a subject in one piece
OUTSTANDING = 0.05  # share of the places that are labelled as subject
SMALL = 0.1  # share of the largest piece's area; smaller pieces are dropped


def find_subject(photo: ImageLike, strokes: ImageLike | None = None) -> NDArray[np.float32]:
    """Find the subject of a photo, without a network trained for it.

    Places that stand out in VGG-19's `relu4_2` are labelled as subject; the nearer to the centre, the more they count.
    The left, upper and right border are labelled as background. Both labels spread over the graph of places that look
    alike (D. Zhou et al., "Learning with local and global consistency", 2004, which is scikit-learn's
    `LabelSpreading`). If the subject fills the photo, the border shows no background; strokes then help.

    Parameters
    ----------
    photo : image-like
        See `styler.images.read`.
    strokes : image-like, default=None
        White where the subject is known to be, black elsewhere. The label of the subject then spreads from there.

    Returns
    -------
    ndarray of shape (height, width)
        float32, as large as the photo: 1 on the subject, 0 elsewhere, in between at its edge.

    Raises
    ------
    TypeError, ValueError
        If an image can't be used, the strokes are all black, or there are none and the photo is the same everywhere.
    """
    image = read(photo, "the photo")
    small = resize(image, SIZE)
    with torch.no_grad():
        features = network()(small)
    grid = (features["relu3_1"].shape[-2], features["relu3_1"].shape[-1])
    known = np.full(grid, -1)
    known[0] = known[:, 0] = known[:, -1] = 0
    if strokes is None:
        score = outstanding(features[CONTENT_LAYER], grid)
        known[score > np.quantile(score, 1 - OUTSTANDING)] = 1
        if not (known == 1).any():
            raise ValueError("nothing stands out in the photo; say where its subject is, by a mask or by strokes.")
    else:
        marked = to_grid(resize(read(strokes, "the strokes"), (small.shape[-2], small.shape[-1])), grid)[0, 0] > 0.5
        if not marked.any():
            raise ValueError("the strokes are all black; mark the subject in white.")
        known[marked.numpy()] = 1
    if not (known == 0).any():  # marked along the whole border
        return np.ones(image.shape[-2:], np.float32)
    spread = LabelSpreading(kernel="knn", n_neighbors=12, alpha=0.9, max_iter=200)
    spread.fit(descriptors(small, features, grid), known.ravel())
    likely = torch.from_numpy(spread.label_distributions_[:, 1]).float().view(1, 1, *grid)
    mask = F.interpolate(likely, size=image.shape[-2:], mode="bicubic", align_corners=False)[0, 0].numpy()
    return one_piece(mask)


def outstanding(deep: Tensor, grid: tuple[int, int]) -> NDArray[np.float32]:
    """How much each place differs from the average place, weighted less towards the border."""
    salience = F.interpolate(standardise(deep).square().sum(1, keepdim=True), size=grid, mode="bilinear")[0, 0]
    return (salience * torch.exp(-1.5 * places(grid).square().sum(0))).numpy()


def descriptors(small: Tensor, features: dict[str, Tensor], grid: tuple[int, int]) -> NDArray[np.float32]:
    """What each place looks like and where it is, of shape (places, descriptors)."""
    columns = []
    for layer in LAYERS:
        # The root reduces the few features that are a hundred times as large as the others.
        looks = to_grid(features[layer], grid)[0].flatten(1).T.sqrt().numpy()
        looks = PCA(COMPONENTS, random_state=0).fit_transform(looks)
        columns.append(looks / (looks.std() * COMPONENTS**0.5))
    colour = to_grid(small, grid)[0].flatten(1).T.numpy()
    columns.append(COLOUR * (colour - colour.mean(0)) / max(float(colour.std()), 1e-3))
    columns.append(PLACE * places(grid).flatten(1).T.numpy())
    return np.concatenate(columns, axis=1)


def places(grid: tuple[int, int]) -> Tensor:
    """Coordinates from -1 to 1, down and across, of shape (2, *grid)."""
    return torch.stack(torch.meshgrid(*(torch.linspace(-1, 1, n) for n in grid), indexing="ij"))


def to_grid(maps: Tensor, grid: tuple[int, int]) -> Tensor:
    """Bring maps to a grid: average finer maps, interpolate coarser ones."""
    return F.interpolate(maps, size=grid, mode="area" if maps.shape[-1] >= grid[1] else "bilinear")


def one_piece(mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """A mask without specks and holes, its edge one step of the grid wide, rounded to values that 8 bits can keep."""
    pieces, n = ndimage.label(mask > 0.5)
    if n == 0:
        return np.zeros_like(mask)
    areas = np.bincount(pieces.ravel())
    areas[0] = 0
    solid = ndimage.binary_fill_holes(np.isin(pieces, np.flatnonzero(areas > SMALL * areas.max())))
    edge = max(mask.shape) / 128
    soft = np.clip(ndimage.gaussian_filter(solid.astype(np.float32), edge), 0, 1)
    return np.round(255 * soft) / np.float32(255)


@cache
def network() -> VGG19:
    """VGG-19 with the layers analysed, in float32."""
    return VGG19(load_state(), LAYERS)
