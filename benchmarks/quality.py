"""The quality of a picture, in numbers that no painter minimises. Numbers rank pictures; people decide."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from scipy.spatial import KDTree
from torch import Tensor

from styler.images import resize
from styler.style import seen_at
from styler.vgg import VGG19
from styler.weights import load_state

# None of these layers is used by the objective or by Gatys et al. (2015).
STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_4", "relu4_4")
CONTENT_LAYER, CONTENT_SIZE = "relu4_4", 256
SCALES = {"fine": 1.0, "middle": 0.5, "coarse": 0.25}
PROJECTIONS, SAMPLES, QUANTILES = 64, 4096, 1024
RING = 8
LEVELS = 255
COLOUR_SIZE = 192  # px


def quality(photo: Tensor, painting: Tensor, picture: Tensor) -> dict[str, float]:
    """Judge a picture by its photo and its painting.

    Parameters
    ----------
    photo, painting, picture : Tensor of shape (1, 3, height, width)
        RGB in [0, 1]. The photo is resized to the picture's size, the painting to the picture's area.

    Returns
    -------
    dict of str to float
        "style fine", "style middle", "style coarse": `style_distance` of the picture at full, half and quarter size. 1
        for the photo, 0 for the painting.
        "content": `structure`; 1 for the photo.
        "frame": `frame`, in 8-bit levels; 0 for no frame.
        "noise", "painting's noise": `noise`, in 8-bit levels.
        "foreign colour": `foreign_colour`, in 8-bit levels; 0 for none.
    """
    photo = resize(photo, (picture.shape[-2], picture.shape[-1]))
    longest = max(picture.shape[-2:])
    style = {}
    for name, scale in SCALES.items():
        size = round(scale * longest)
        style[f"style {name}"] = style_distance(resize(photo, size), seen_at(painting, size), resize(picture, size))
    return {
        **style,
        "content": structure(photo, picture),
        "frame": frame(photo, picture),
        "noise": noise(picture),
        "painting's noise": noise(seen_at(painting, longest)),
        "foreign colour": foreign_colour(painting, picture),
    }


def style_distance(photo: Tensor, painting: Tensor, picture: Tensor) -> float:
    """How much of the way from a photo to a painting is left, by the distributions of features in four layers.

    Parameters
    ----------
    photo, painting, picture : Tensor of shape (1, 3, height, width)

    Returns
    -------
    float
        The picture's sliced Wasserstein distance to the painting, divided by the photo's; the mean over layers.
    """
    seen = [network()(image, STYLE_LAYERS) for image in (photo, painting, picture)]
    ratios = []
    for layer in STYLE_LAYERS:
        was, goal, now = (quantiles(features[layer]) for features in seen)
        ratios.append(float((now - goal).square().mean().sqrt() / (was - goal).square().mean().sqrt().clamp_min(1e-9)))
    return sum(ratios) / len(ratios)


def quantiles(features: Tensor) -> Tensor:
    """Quantiles of features along random directions. Their RMS difference is the sliced Wasserstein distance W_2.

    After Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures" (2015).

    Parameters
    ----------
    features : Tensor of shape (1, channels, height, width)

    Returns
    -------
    Tensor of shape (directions, quantiles)
        Feature maps with the same number of channels get the same directions.
    """
    f = features[0].flatten(1)
    fixed = torch.Generator().manual_seed(0)
    directions = F.normalize(torch.randn(PROJECTIONS, len(f), generator=fixed), dim=1)
    sample = torch.randperm(f.shape[1], generator=fixed)[:SAMPLES]
    ordered = (directions @ f[:, sample]).sort(dim=1).values
    return F.interpolate(ordered[None], size=QUANTILES, mode="linear", align_corners=True)[0]


def structure(photo: Tensor, picture: Tensor) -> float:
    """How much the places that look alike in the photo still look alike in the picture.

    It is the correlation between the self-similarities of both images. The self-similarity of an image is the cosine
    similarity of all pairs of its feature vectors (N. Kolkin, J. Salavon and G. Shakhnarovich, "Style transfer by
    relaxed optimal transport and self-similarity", 2019, section 2.2).

    Parameters
    ----------
    photo, picture : Tensor of shape (1, 3, height, width)

    Returns
    -------
    float
        1 for the photo, about 0 for an unrelated image.
    """
    similarities = []
    for image in (photo, picture):
        f = network()(resize(image, CONTENT_SIZE), [CONTENT_LAYER])[CONTENT_LAYER][0].flatten(1)
        f = F.normalize(f - f.mean(1, keepdim=True), dim=0)
        similarities.append((f.T @ f)[~torch.eye(f.shape[1], dtype=torch.bool)])
    return float(torch.corrcoef(torch.stack(similarities))[0, 1])


def frame(photo: Tensor, picture: Tensor) -> float:
    """How much the rim differs from the strip next to it, beyond such differences in the photo and further in.

    Parameters
    ----------
    photo, picture : Tensor of shape (1, 3, height, width)

    Returns
    -------
    float
        Mean over the four sides, in 8-bit levels of colour and contrast.
    """
    own, new = steps_inward(photo), steps_inward(picture)
    usual = torch.maximum(own[:, 0], new[:, 1:].amax(1))
    return LEVELS * float((new[:, 0] - usual).clamp_min(0).mean())


def steps_inward(image: Tensor) -> Tensor:
    """Differences in mean colour and contrast between strips of 8 px, from each side inwards; shape (4 sides, 3)."""
    steps = []
    for side in (image, image.flip(-2), image.mT, image.mT.flip(-2)):
        strips = side[0, :, : 4 * RING].unflatten(1, (4, RING)).flatten(2)
        steps.append(torch.cat([strips.mean(2), strips.std(2)]).diff(dim=1).square().mean(0).sqrt())
    return torch.stack(steps)


def noise(image: Tensor) -> float:
    """RMS difference, in 8-bit levels, of an image of shape (1, 3, height, width) from its median over 3 x 3 px."""
    near = F.unfold(F.pad(image, (1, 1, 1, 1), "replicate"), 3).unflatten(1, (3, 9))
    return LEVELS * float((near[:, :, 4] - near.median(2).values).square().mean().sqrt())


def foreign_colour(painting: Tensor, picture: Tensor) -> float:
    """How far the colours of a picture are from the nearest colours of its painting.

    Parameters
    ----------
    painting, picture : Tensor of shape (1, 3, height, width)

    Returns
    -------
    float
        Mean over pixels, in 8-bit levels. If the painting is an ink drawing, any colour in the picture raises it.
    """
    own, new = (LEVELS * resize(image, COLOUR_SIZE)[0].flatten(1).T.numpy() for image in (painting, picture))
    return float(KDTree(own).query(new)[0].mean())


@cache
def network() -> VGG19:
    """VGG-19 in float32 on the CPU, whatever the systems under test use."""
    return VGG19(load_state(), {*STYLE_LAYERS, CONTENT_LAYER})
