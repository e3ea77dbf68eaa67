"""The estimator keeps to scikit-learn's conventions."""

import pickle
from functools import lru_cache
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import (
    check_parameters_default_constructible,
    parametrize_with_checks,
)

from styler import StyleTransfer
from styler.colors import luminance, recolour
from styler.images import read, resize
from styler.losses import moments
from styler.recipe import STYLE_LAYERS
from styler.samples import path
from styler.style import LATEST, learnt, look_at, seen_at, statistics

CAT, STARRY, WAVE = (str(path(key)) for key in ("cat", "starry_night", "great_wave"))
QUICK = {"size": 32, "max_iter": 2}

# scikit-learn's own checks hand over tables of numbers, of shape (n_samples, n_features), far from [0, 1] or a few
# pixels wide. As an image transformer's tags say that it takes no such tables, scikit-learn leaves out every check
# that needs them; those that remain run below. What the others ask for is asked here of images:
#   check_fit_idempotent, check_methods_sample_order_invariance  -> test_same_seed_same_picture
#   check_estimators_pickle, check_estimators_dtypes             -> test_a_fitted_estimator_travels_light, test_kinds
#   check_transformer_general                                    -> test_transform_changes_nothing
#   check_estimators_nan_inf, check_estimators_empty_data        -> test_bad_input
#   check_estimators_unfitted                                    -> test_not_fitted
#   check_sample_weights_shape, check_sample_weights_not_an_array -> test_blend_of_styles, test_bad_weights
# Not asked: check_n_features_in and the like (a photo may have any size), check_set_output (images are no table).


@parametrize_with_checks([StyleTransfer(**QUICK)])
def test_sklearn_checks(estimator, check):
    check(estimator)


def test_it_is_default_constructible():
    check_parameters_default_constructible("StyleTransfer", StyleTransfer())


@pytest.fixture(scope="module")
def fitted():
    return StyleTransfer(size=32, max_iter=3).fit(STARRY)


def photo(kind):
    pixels = np.asarray(Image.open(CAT).convert("RGB").resize((40, 30)))
    return {
        "uint8": pixels,
        "float32": (pixels / 255).astype(np.float32),
        "float64": pixels / 255,
        "grey": pixels[..., 0],
        "PIL": Image.fromarray(pixels),
        "tensor": torch.from_numpy(pixels / 255).float().movedim(-1, 0),
    }[kind]


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64", "grey"])
def test_arrays_for_arrays(fitted, kind):
    X = photo(kind)
    out = fitted.transform(X)
    assert isinstance(out, np.ndarray) and out.dtype == X.dtype and out.shape == (24, 32, 3)
    batch = fitted.transform(np.stack([X, X])[..., None] if X.ndim == 2 else np.stack([X, X]))
    assert batch.dtype == X.dtype and batch.shape == (2, 24, 32, 3)
    np.testing.assert_array_equal(batch[0], out)
    np.testing.assert_array_equal(batch[1], out)


def test_kinds(fitted):
    assert isinstance(fitted.transform(photo("PIL")), Image.Image)
    assert fitted.transform(CAT).size == (32, 21)
    assert fitted.transform(photo("tensor")).shape == (3, 24, 32)
    many = fitted.transform([CAT, photo("uint8")])
    assert isinstance(many, list) and isinstance(many[0], Image.Image) and isinstance(many[1], np.ndarray)
    assert fitted.transform(torch.stack([photo("tensor")] * 2)).shape == (2, 3, 24, 32)


def test_transform_changes_nothing(fitted):
    before, X = pickle.dumps(fitted), photo("uint8")
    kept = X.copy()
    fitted.transform(X)
    list(fitted.staged_transform(X))
    assert pickle.dumps(fitted) == before
    np.testing.assert_array_equal(X, kept)


def test_sklearn_finds_parameters_and_state_where_it_expects_them():
    estimator = StyleTransfer(**QUICK)
    params = estimator.get_params()
    fitted = estimator.fit(STARRY)
    assert fitted is estimator and estimator.get_params() == params
    learnt = {name for name in vars(estimator) if name not in params}
    assert learnt and all(name.endswith("_") and not name.startswith("_") for name in learnt)
    assert not any(name in vars(clone(estimator)) for name in learnt)


def test_same_seed_same_picture():
    def paint(seed):
        return np.asarray(StyleTransfer(**QUICK, init="noise", random_state=seed).fit(STARRY).transform(CAT))

    np.testing.assert_array_equal(paint(0), paint(0))
    assert (paint(0) != paint(1)).any()
    model = StyleTransfer(**QUICK).fit(WAVE).fit(STARRY)
    np.testing.assert_array_equal(model.transform(CAT), StyleTransfer(**QUICK).fit(STARRY).transform(CAT))


def test_staged_transform_ends_with_transform(fitted):
    stages = list(fitted.staged_transform(CAT))
    assert [stage.step for stage in stages] == [1, 2, 3]
    np.testing.assert_array_equal(stages[-1].image, fitted.transform(CAT))
    assert (np.asarray(stages[0].image) != np.asarray(stages[-1].image)).any()


def test_a_fitted_estimator_travels_light(tmp_path):
    for size in (512, 4096):
        model = StyleTransfer(size=size, max_iter=8).fit([STARRY, WAVE])
        joblib.dump(model, tmp_path / "model.joblib")
        assert (tmp_path / "model.joblib").stat().st_size < 8e6
        assert joblib.load(tmp_path / "model.joblib").scales_ == model.scales_
    small = StyleTransfer(**QUICK).fit(STARRY)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(small)).transform(CAT), small.transform(CAT))


def test_blend_of_styles(network):
    def learn(X, weights=None):
        model = StyleTransfer(**QUICK).fit(X, sample_weight=weights)
        return statistics(network, model.paintings_, ["relu1_1"], 32, 1.0)["relu1_1"].gram

    a, b = learn(STARRY), learn(WAVE)
    torch.testing.assert_close(learn([STARRY, WAVE], [3, 1]), 0.75 * a + 0.25 * b)
    torch.testing.assert_close(learn([STARRY, WAVE]), (a + b) / 2)
    torch.testing.assert_close(learn([STARRY, WAVE], [0, 2]), b)
    torch.testing.assert_close(learn([STARRY]), a)


def test_a_style_is_learnt_once_for_many_photos(monkeypatch):
    looked = []

    def look(*args):
        looked.append(args)
        return look_at(*args)

    monkeypatch.setattr("styler.style.look_at", look)
    monkeypatch.setattr("styler.style.remembered", lru_cache(LATEST)(learnt))

    def paint(painting, photo, **parameters):
        looked.clear()
        return np.asarray(StyleTransfer(**QUICK | {"max_memory": 3} | parameters).fit(painting).transform(photo))

    first = paint(STARRY, CAT)
    assert len(looked) == 1
    np.testing.assert_array_equal(paint(Image.open(STARRY), CAT), first)
    assert not looked
    for other in ({"painting": WAVE}, {"style_scale": 2}, {"style_loss": "gram"}, {"pooling": "average"}):
        assert not np.array_equal(paint(**{"painting": STARRY, "photo": CAT} | other), first)
        assert len(looked) == 1
    for _ in range(2):  # where memory is short nothing is kept
        np.testing.assert_array_equal(paint(STARRY, CAT, max_memory=1), first)
        assert len(looked) == 1


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ([1], "give one weight for each"),
        ([1, -1], "0 or more"),
        ([0, 0], "and not all 0"),
        ([1, np.nan], "0 or"),
        (1, r"are 1; give a list of numbers"),
        ([[1, 2]], r"are \[\[1, 2\]\]; give a list of numbers"),
        ("ab", "are 'ab'; give a list of numbers"),
    ],
)
def test_bad_weights(weights, says):
    with pytest.raises((TypeError, ValueError), match=says):
        StyleTransfer(**QUICK).fit([STARRY, WAVE], sample_weight=weights)


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"size": 0}, "'size'"),
        ({"size": 64.0}, "'size'"),
        ({"strength": -0.1}, "'strength'"),
        ({"strength": 1.5}, "'strength'"),
        ({"preset": "best"}, "'preset'"),
        ({"optimizer": "sgd"}, "'optimizer'"),
        ({"max_iter": 0}, "'max_iter'"),
        ({"init": "zeros"}, "'init'"),
        ({"style_scale": 0.4}, "'style_scale'"),
        ({"colors": "grey"}, "'colors'"),
        ({"pooling": "median"}, "'pooling'"),
        ({"style_layers": "relu1_1"}, "'style_layers'"),
        ({"style_layers": []}, "style_layers names no layer"),
        ({"style_layers": ["pixels"]}, "style_layers names no layer"),
        ({"style_layers": ["relu1_1", "relu1_1"]}, "style_layers names a layer twice"),
        ({"content_layers": ["pool4"]}, "content_layers: 'pool4' is not a layer"),
        ({"style_layers": {"relu1_1": 0}}, "style_layers: the weight of relu1_1 is 0"),
        ({"content_layers": {"relu1_1": float("nan")}}, "content_layers: the weight of relu1_1 is nan"),
        ({"style_loss": "gramm"}, "'style_loss'"),
        ({"content_loss": "cubed"}, "'content_loss'"),
        ({"device": "quantum"}, "device='quantum'"),
        ({"dtype": "int8"}, "'dtype'"),
        ({"weights": "nowhere.pth"}, "nowhere.pth"),
    ],
)
def test_bad_parameters_are_named(params, names):
    with pytest.raises(ValueError, match=names) as caught:
        StyleTransfer(**params).fit(STARRY)
    assert "\n" not in str(caught.value)


def test_bad_input(fitted):
    with pytest.raises(ValueError, match="no style"):
        StyleTransfer(**QUICK).fit([])
    with pytest.raises(ValueError, match=r"nowhere\.jpg"):
        StyleTransfer(**QUICK).fit([STARRY, "nowhere.jpg"])
    with pytest.raises(ValueError, match="photo 2"):
        fitted.transform([CAT, np.full((20, 20), np.nan)])
    assert fitted.transform([]) == []
    with pytest.raises(ValueError, match="there is no photo to score"):
        fitted.score([])
    with pytest.raises(TypeError, match=r"is of type generator; .* several in a list"):
        fitted.transform(photo for photo in [CAT])


def test_strength_may_change_after_fit_and_size_may_not():
    model = StyleTransfer(**QUICK).fit(STARRY)
    kept = np.asarray(model.set_params(strength=0).transform(CAT), float)
    assert (
        np.abs(kept - np.asarray(Image.open(CAT).convert("RGB").resize((32, 21), Image.Resampling.LANCZOS))).mean() < 2
    )
    with pytest.raises(ValueError, match="'strength'"):
        model.set_params(strength=7).transform(CAT)
    with pytest.raises(ValueError, match="size and pooling changed after fit"):
        model.set_params(strength=0.5, size=64, pooling="average").transform(CAT)


def test_mistaken_calls_are_reported():
    with pytest.raises(TypeError, match="as one list"):
        StyleTransfer(**QUICK).fit(STARRY, WAVE)
    with pytest.raises(TypeError, match="one photo at a time"):
        list(StyleTransfer(**QUICK).fit(STARRY).staged_transform([CAT, CAT]))


def test_not_fitted():
    model = StyleTransfer()
    for call in (model.transform, lambda X: list(model.staged_transform(X)), lambda X: model.distances(X, X)):
        with pytest.raises(NotFittedError):
            call(CAT)


def test_distances_fall_toward_the_painting():
    model = StyleTransfer(size=48, max_iter=16).fit(STARRY)
    painted = model.transform(CAT)
    before, after = model.distances(CAT, CAT), model.distances(CAT, painted)
    assert before["content"] == 0 < after["content"]
    assert after["style"] < 0.5 * before["style"]
    assert model.distances(CAT, STARRY)["content"] > after["content"]


def test_layers_that_are_named_are_used_at_every_scale_and_cost_what_they_take():
    deep, shallow, usual = (
        StyleTransfer(size=512, preset="preview", style_layers=style, content_layers=content)
        for style, content in ((["relu5_1"], None), ({"relu1_1": 3, "relu2_1": 1}, ["relu3_1"]), (None, None))
    )
    assert shallow.expected_seconds() < usual.expected_seconds() < deep.expected_seconds()
    recipe = shallow.set_params(max_iter=2).fit(read(STARRY)[..., :64, :64]).scales_[-1].recipe
    assert recipe.style == {"relu1_1": 0.75, "relu2_1": 0.25} and recipe.content == {"relu3_1": 1}
    assert [scale.size for scale in usual._schedule() if scale.recipe.content] == [128, 256]
    with pytest.raises(ValueError, match="style_loss changed after fit"):
        shallow.set_params(style_loss="gram").transform(CAT)


def test_distances_are_of_the_layers_named():
    def measure(**layers):
        return StyleTransfer(**QUICK, **layers).fit(STARRY).distances(CAT, WAVE)

    both, one, other = (measure(style_layers=k) for k in ({"relu1_1": 3, "relu2_1": 1}, ["relu1_1"], ["relu2_1"]))
    assert both["style"] == pytest.approx(0.75 * one["style"] + 0.25 * other["style"], rel=1e-3)
    assert measure(content_layers=["relu1_1"])["content"] != both["content"]
    five = measure(style_layers=STYLE_LAYERS)
    assert measure() == pytest.approx(five, rel=1e-3) and measure(style_loss="gram") == pytest.approx(five, rel=1e-3)


def test_a_photo_is_rebuilt_from_noise_by_its_content_alone():
    X = resize(read(CAT), 48)
    layers = {"style_layers": ["relu1_1"], "content_layers": ["relu1_2"], "content_loss": "squared"}
    model = StyleTransfer(48, 0, preset="fine", max_iter=60, init="noise", random_state=0, **layers).fit(X[0])
    assert (model.transform(X[0]) - X[0]).abs().mean() < 0.05 < 0.2 < (torch.rand_like(X) - X).abs().mean()


def test_pipeline_and_grid():
    crop, halve = (FunctionTransformer(f) for f in (lambda X: X[2:-2, 4:-4], lambda X: X[::2, ::2]))
    pipeline = make_pipeline(crop, StyleTransfer(**QUICK), halve).fit(np.asarray(Image.open(STARRY)))
    assert pipeline.transform(photo("uint8")).shape == (13, 16, 3)
    for params in ParameterGrid({"strength": [0.2, 0.8], "preset": ["preview", "fine"]}):
        assert clone(StyleTransfer()).set_params(**params).get_params().items() >= params.items()
    assert "StyleTransfer" in StyleTransfer()._repr_html_()


@pytest.mark.parametrize(
    "options",
    [
        {"style_layers": {"relu5_4": 1, "pixels": 2}, "content_layers": ("relu1_2", "conv5_1")},
        {"style_loss": "gram", "content_loss": "squared"},
        {"optimizer": "adam"},
        {"pooling": "average"},
        {"dtype": "float64"},
        {"init": "noise"},
    ],
)
def test_every_option_paints(options):
    out = StyleTransfer(**QUICK, **options).fit(STARRY).transform(photo("float32"))
    assert np.isfinite(out).all() and out.std() > 0.004


@pytest.mark.parametrize("size", [64, 128])
def test_a_style_seen_nearer_is_larger(network, size):
    # A style_scale of 2 sees the painting as a picture of twice the size does, on this picture's pixels.
    near, far = (StyleTransfer(size=s, style_scale=k).fit(STARRY) for s, k in ((size, 2.0), (2 * size, 1.0)))
    got, expected = (
        statistics(network, m.paintings_, ["relu1_1"], m.size, m.style_scale)["relu1_1"] for m in (near, far)
    )
    torch.testing.assert_close(got.gram, expected.gram, rtol=0.02, atol=0.02 * float(expected.gram.max()))
    small = read(STARRY)[..., :30, :40]
    assert seen_at(small, size, 0.5).shape == (1, 3, 16, 21) and seen_at(small, size, 2.0).shape == (1, 3, 60, 80)
    with pytest.raises(ValueError, match="style_scale changed after fit"):
        near.set_params(style_scale=1.0).transform(CAT)


def test_any_image_to_start_from(fitted):
    model = clone(StyleTransfer(**QUICK, init=read(WAVE))).fit(STARRY)
    started = model.transform(CAT)
    content, path_given = (model.set_params(init=init).transform(CAT) for init in ("content", Path(WAVE)))
    np.testing.assert_array_equal(started, path_given)
    wave = np.asarray(Image.open(WAVE).resize(started.size), float)
    assert np.abs(started - wave).mean() < 0.7 * np.abs(np.asarray(content) - wave).mean()
    with pytest.raises(ValueError, match=r"nowhere\.png does not exist"):
        model.set_params(init=Path("nowhere.png")).transform(CAT)


def test_search_for_the_best_strength():
    """As in the README: the painter is fitted to paintings and scored on photos."""
    photos = [photo("uint8"), photo("uint8")[:, ::-1]]
    search = GridSearchCV(
        StyleTransfer(size=48, max_iter=3),
        [{"strength": [0.0]}, {"strength": [0.6], "style_scale": [1.0, 2.0]}],
        scoring=lambda model, X: model.score(photos),
        cv=[([0], [0])],
        error_score="raise",
    ).fit([STARRY])
    scores = search.cv_results_["mean_test_score"]
    assert search.best_params_["strength"] == 0.6 and np.isfinite(scores).all()
    assert scores[0] == pytest.approx(-1, abs=0.1)  # without strength, the photo itself
    assert search.best_estimator_.transform(CAT).size == (48, 32)


def test_each_choice_of_colours(network):
    model = StyleTransfer(size=48, max_iter=4).fit(STARRY)
    X = resize(read(CAT), 48)
    painted, photos, matched, palette = (
        model.set_params(colors=colors).transform(X) for colors in ("painting", "photo", "matched", "palette")
    )

    def chroma(image):
        return image - luminance(image)

    whole = (photos > 0.02).logical_and(photos < 0.98).all(1, keepdim=True)  # where nothing was clipped
    torch.testing.assert_close(chroma(photos) * whole, chroma(X) * whole)
    assert np.corrcoef(luminance(photos).flatten(), luminance(painted).flatten())[0, 1] > 0.99
    own, got, other = moments(X), moments(matched), moments(painted)
    assert (got.mean - own.mean).norm() < 0.1 * (other.mean - own.mean).norm()
    assert (got.covariance - own.covariance).norm() < 0.3 * (other.covariance - own.covariance).norm()
    torch.testing.assert_close(
        palette, recolour(X, statistics(network, model.paintings_, ["relu1_1"], 48, 1.0)["pixels"])
    )
    assert [stage.progress for stage in model.staged_transform(X)] == [1.0] and model.expected_seconds(X) == 0


def test_every_type_paints_what_float64_does(dtype):
    exact, got = (StyleTransfer(size=48, max_iter=6, dtype=t).fit(STARRY) for t in ("float64", dtype))
    difference = np.abs(got.transform(photo("float32")) - exact.transform(photo("float32")))
    assert difference.mean() < 0.05


def test_verbose_reports_steps(capsys):
    StyleTransfer(**QUICK, verbose=2).fit(STARRY).transform(CAT)
    assert capsys.readouterr().out.count("[StyleTransfer] 32 px: step") == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_paints_what_the_cpu_does():
    def paint(device):
        return (
            StyleTransfer(size=64, max_iter=10, device=device, dtype="float32").fit(STARRY).transform(photo("float32"))
        )

    assert np.abs(paint("cuda") - paint("cpu")).mean() < 0.05
