"""Masks: what is read, how pixels are shared, and that a style stays in its region."""

import warnings

import numpy as np
import pytest
import torch

from styler import StyleTransfer
from styler.images import read, resize
from styler.losses import moments
from styler.objective import shape_at
from styler.regions import partition, weights_at
from styler.samples import path
from styler.style import colours

CAT, STARRY, WAVE = (str(path(key)) for key in ("cat", "starry_night", "great_wave"))
QUICK = {"size": 48, "max_iter": 4}


def halves(height, width):
    """A mask of the left half."""
    mask = np.zeros((height, width))
    mask[:, : width // 2] = 1
    return mask


def rim(image):
    """A mask of an image's outermost pixels on the left."""
    mask = np.zeros(read(image).shape[-2:])
    mask[:, :4] = 1
    return mask


def share(regions, labels=("a", "b")):
    return partition(regions, labels, (40, 60), (20, 30))


def test_shares_add_up_and_one_label_gets_the_rest():
    left = halves(40, 60)
    for regions in ({"a": left}, {"a": left, "b": 1 - left}, {"a": left, "b": np.ones_like(left)}):
        shares = share(regions)
        assert shares.shape == (2, 1, 20, 30)
        torch.testing.assert_close(shares.sum(0), torch.ones(1, 20, 30))
    torch.testing.assert_close(share({"a": left})[0, 0, 5], torch.from_numpy(left[0, ::2]).float(), atol=0.1, rtol=0)
    assert share({"a": 0.25 * np.ones((40, 60))})[1].mean() == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("regions", "says"),
    [
        ({"a": np.zeros((40, 60))}, "the mask of 'a' is empty"),
        ({"a": halves(40, 60).astype(np.uint8)}, r"brightest pixel is 1 of 255\); .* give a mask of 0 and 1 as bool"),
        ({"a": halves(60, 60)}, "60 x 60 px and its image 60 x 40 px; give a mask with the image's proportions"),
        ({"a": np.ones((40, 60))}, "nothing for region 'b'"),
        ({"c": np.ones((40, 60))}, "no style was learnt for region 'c'"),
        ({}, "'a' and 'b' have no mask"),
        ({"a": halves(40, 60), "b": halves(40, 60)}, "50.0% of the photo is in no mask"),
        ({"a": "nowhere.png"}, "nowhere.png does not exist"),
    ],
)
def test_bad_masks_are_one_sentence(regions, says):
    with pytest.raises(ValueError, match=says) as caught:
        share(regions)
    assert "\n" not in str(caught.value)


def test_a_mask_is_what_is_white_or_what_is_cut_out():
    left = halves(40, 60)
    for colour in (0.0, 0.3, 1.0):
        cut_out = np.stack([np.full_like(left, colour)] * 3 + [left], -1)
        torch.testing.assert_close(share({"a": cut_out}), share({"a": left}))
    opaque = np.stack([left] * 3 + [np.ones_like(left)], -1)
    torch.testing.assert_close(share({"a": opaque}), share({"a": left}))
    with pytest.raises(TypeError, match="regions is of type ndarray; give a mapping of labels to masks"):
        share(left)


def test_a_mask_of_another_size_is_resized_and_told():
    with pytest.warns(UserWarning, match="the mask of 'a' is 120 x 80 px and its image 60 x 40 px"):
        shares = share({"a": halves(80, 120)})
    torch.testing.assert_close(shares, share({"a": halves(40, 60)}), atol=0.15, rtol=0)


@pytest.mark.parametrize("layer", ["relu1_1", "relu3_1", "relu5_1"])
def test_weights_fit_the_layers_maps_and_spare_the_seam(network, photo, layer):
    image = photo[..., :51, :90]  # odd sides, which pooling cuts off
    shape = shape_at(layer, image)
    assert shape == network(image)[layer].shape[-2:]
    mask = torch.from_numpy(halves(51, 90)).float()[None, None]
    w = weights_at(mask, shape)
    middle = shape[1] // 2
    assert (w[:, : middle - 1] == 1).all() and (w[:, middle + 1 :] == 0).all()
    assert 0 <= w[:, middle].max() < 0.5 and w[:, middle - 1].max() < 0.7
    # However small a region is, it does not vanish.
    dot = torch.zeros(1, 1, 51, 90)
    dot[..., 20, 30] = 1
    assert weights_at(dot, shape).sum() > 0


def palette(image):
    return moments(image).mean


def test_each_region_gets_its_own_style():
    X = resize(read(CAT), 48)
    left = halves(*X.shape[-2:])
    both = StyleTransfer(**QUICK).fit({"a": STARRY, "b": WAVE}).transform(X, regions={"a": left})
    starry, wave = (StyleTransfer(**QUICK).fit(style).transform(X) for style in (STARRY, WAVE))
    w = X.shape[-1]
    for part, own, other in ((slice(0, w // 2 - 4), starry, wave), (slice(w // 2 + 4, w), wave, starry)):
        got = palette(both[..., part])
        assert (got - palette(own[..., part])).norm() < 0.5 * (got - palette(other[..., part])).norm()


@pytest.mark.parametrize(
    "options", [{}, {"init": "noise"}, {"colors": "matched"}, {"colors": "palette"}, {"size": 144}]
)
def test_none_keeps_the_photo_to_the_last_bit(options):
    X = resize(read(CAT), options.get("size", 48))
    model = StyleTransfer(**(QUICK | options)).fit({"subject": STARRY, "background": None})
    out = model.transform(X, regions={"subject": halves(*X.shape[-2:])})
    w = X.shape[-1]
    torch.testing.assert_close(out[..., w // 2 + 3 :], X[..., w // 2 + 3 :], atol=1e-6, rtol=0)
    assert (out - X)[..., : w // 2 - 3].abs().mean() > 0.015


@pytest.mark.parametrize("colors", ["matched", "photo"])
def test_each_region_keeps_its_own_colours(colors):
    X = resize(read(path("coffee")), 48)
    masks = partition({"a": halves(*X.shape[-2:])}, ["a", "b"], X.shape[-2:], X.shape[-2:])
    model = StyleTransfer(**QUICK, colors=colors).fit({"a": STARRY, "b": WAVE})
    out = model.transform(X, regions={"a": halves(*X.shape[-2:])})
    for mask in masks:
        got, own = moments(out, mask[0]), moments(X, mask[0])
        assert (got.mean - own.mean).norm() < 0.01, (got.mean, own.mean)
    assert (out - X).abs().mean() > 0.015


@pytest.mark.parametrize("shape", ["dot", "line"])
def test_a_region_too_small_for_deep_layers_is_painted(shape):
    X = read(CAT)
    mask = np.zeros(X.shape[-2:])
    mask[100 if shape == "dot" else slice(None), 200] = 0.02
    stages = list(StyleTransfer(128, max_iter=2).fit({"a": STARRY, "b": WAVE}).staged_transform(X, {"a": mask}))
    for stage in stages:
        assert stage.image.isfinite().all()
        assert np.isfinite(list(stage.losses["style"].values())).all()
    assert (stages[-1].image - resize(X, 128)).abs().mean() > 0.015


def test_one_style_in_two_regions_is_much_the_same_as_everywhere():
    X = resize(read(CAT), 48)
    whole = StyleTransfer(**QUICK).fit(STARRY).transform(X)
    parts = (
        StyleTransfer(**QUICK).fit({"a": STARRY, "b": STARRY}).transform(X, regions={"a": np.full(X.shape[-2:], 0.5)})
    )
    assert (whole - parts).abs().mean() < 0.2 * (whole - X).abs().mean()


def palette_of(paintings):
    return colours(paintings, torch.device("cpu")).mean


def test_a_style_from_a_part_of_the_painting():
    top = np.zeros(read(STARRY).shape[-2:])
    top[: len(top) // 2] = 1
    fitted = StyleTransfer(64).fit(STARRY, regions=top)
    upper = StyleTransfer(64).fit(read(STARRY)[..., : len(top) // 2, :])
    everywhere = StyleTransfer(64).fit(STARRY)
    got, expected, other = (palette_of(m.paintings_) for m in (fitted, upper, everywhere))
    assert (got - expected).norm() < 0.3 * (got - other).norm()
    labelled = StyleTransfer(64).fit({"a": STARRY, "b": None}, regions={"a": top})
    torch.testing.assert_close(palette_of(labelled.paintings_["a"]), got)


def test_many_photos_have_a_map_each():
    model = StyleTransfer(**QUICK).fit({"a": [STARRY, WAVE], "b": None}, sample_weight={"a": [2, 1]})
    mask = halves(*read(CAT).shape[-2:])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, other = model.transform([CAT, CAT], regions=[{"a": mask}, {"b": mask}])
    assert (np.asarray(one) != np.asarray(other)).any()
    distances = model.distances(CAT, one, regions={"a": mask})
    assert distances["style"] < model.distances(CAT, CAT, regions={"a": mask})["style"]


@pytest.mark.parametrize(
    ("X", "fit", "transform", "says"),
    [
        ({"a": STARRY, "b": None}, {}, {}, "say where the regions are"),
        (STARRY, {}, {"regions": {"a": np.ones((20, 20))}}, "no style was learnt for region 'a'"),
        ({"a": None}, {}, {}, "no style to learn"),
        ({}, {}, {}, "no style to learn"),
        ({"a": [STARRY, WAVE]}, {"sample_weight": {"a": [1]}}, {}, "one weight for each"),
        ({"a": STARRY}, {"sample_weight": [1]}, {}, "sample_weight does not match the styles' labels"),
        ({"a": STARRY}, {"regions": {"b": WAVE}}, {}, "regions does not match the styles' labels"),
        ([STARRY, WAVE], {"regions": [STARRY]}, {}, "one mask for each"),
        (STARRY, {"regions": np.zeros((20, 20))}, {}, "the mask of the style is empty"),
        ([WAVE, STARRY], {"regions": [1 - rim(WAVE), rim(STARRY)]}, {}, "mask of the style 2 is white only at"),
    ],
)
def test_styles_and_masks_that_do_not_match(X, fit, transform, says):
    with pytest.raises(ValueError, match=says) as caught:
        StyleTransfer(**QUICK).fit(X, **fit).transform(CAT, **transform)
    assert "\n" not in str(caught.value)


def test_one_mapping_for_each_photo():
    model = StyleTransfer(**QUICK).fit({"a": STARRY, "b": None})
    with pytest.raises(ValueError, match="give one for each"):
        model.transform([CAT, CAT], regions=[{"a": np.ones((20, 20))}])
