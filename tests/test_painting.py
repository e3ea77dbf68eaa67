"""Painting: schedule, optimisers, values that are not finite, colours, and pictures without a frame."""

from collections import deque
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from styler import StyleTransfer, descent
from styler.descent import OPTIMIZERS, Descent, adam, blurred, lbfgs
from styler.images import read, resize
from styler.objective import UNIT, with_margin, without_margin
from styler.painting import paint
from styler.picture import Picture
from styler.recipe import balance
from styler.samples import path
from styler.schedule import PRESETS, expected_seconds, schedule
from styler.style import kept


@pytest.mark.parametrize("size", [32, 100, 128, 150, 512, 1024, 4096])
@pytest.mark.parametrize("preset", PRESETS)
def test_schedule_climbs_to_the_size_with_ever_fewer_steps(size, preset):
    scales = schedule(size, preset)
    assert scales[-1].size == size
    assert all(a.size < b.size and a.steps >= b.steps >= 1 for a, b in pairwise(scales))
    assert scales[0].recipe.content


@pytest.mark.parametrize(("size", "largest"), [(100, 100), (512, 256), (1024, 512), (2048, 512), (8192, 1024)])
def test_all_places_are_compared_at_coarse_scales(size, largest):
    compared = [scale.size for scale in schedule(size) if scale.compares_all]
    assert compared == [scale.size for scale in schedule(size) if scale.size <= largest]


def test_expected_seconds_follow_pixels_and_steps(network):
    short, long = (expected_seconds(network, (100, 100), schedule(256, "balanced", n)) for n in (10, 40))
    assert 0 < 1.5 * short < long
    assert expected_seconds(network, (50, 100), schedule(256, "balanced", 10)) == pytest.approx(short / 2)


@pytest.mark.parametrize("max_iter", [1, 2, 7, 25])
def test_max_iter_bounds_the_steps(max_iter):
    scales = schedule(512, "balanced", max_iter)
    assert sum(scale.steps for scale in scales) == max_iter
    assert scales[-1].size == 512
    assert schedule(512, "preview", 10**6) == schedule(512, "preview")


@pytest.mark.parametrize("shape", [(1, 40), (16, 16), (33, 500)])
def test_margin_mirrors_and_comes_off(shape):
    image = torch.rand(1, 3, *shape)
    framed = with_margin(image)
    assert [side % UNIT for side in framed.shape[-2:]] == [0, 0]
    assert all(0 <= now - before < UNIT for now, before in zip(framed.shape[-2:], shape, strict=True))
    assert torch.equal(without_margin(framed, image.shape), image)


def test_margin_is_the_reflection():
    row = torch.arange(13.0).expand(1, 3, 8, 13)
    assert with_margin(row)[0, 0, 0].tolist() == [*range(13), 11, 10, 9]


def rosenbrock(x, slope=True):
    """Its minimum, 0, is at (1, 1)."""
    x = x.detach().requires_grad_()
    p, q = x.flatten()
    loss = 100 * (q - p**2) ** 2 + (1 - p) ** 2
    return loss.detach(), torch.autograd.grad(loss, x)[0], {"loss": {"at": loss.detach()}}


START = torch.tensor([-0.5, 0.5]).view(1, 1, 1, 2)


def bowl(x, slope=True):
    """A quadratic whose axes differ a thousandfold."""
    axes = torch.logspace(0, 3, x.numel(), dtype=x.dtype).view_as(x)
    return (axes * x**2).sum(), 2 * axes * x, {}


def test_lbfgs_finds_the_bottom_of_a_narrow_bowl():
    last, _ = deque(lbfgs(bowl, Descent(torch.ones(1, 1, 2, 5, dtype=torch.float64)), 200), maxlen=1).pop()
    assert bowl(last.x)[0] < 1e-6


def test_adam_goes_down_the_valley():
    losses = [float(found["loss"]["at"]) for _, found in adam(rosenbrock, Descent(START), 100)]
    assert losses[-1] < 0.3 * losses[0]


def test_blurring_is_symmetric_and_leaves_no_ripple():
    a, b = torch.rand(2, 1, 3, 8, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert float((blurred(a) * b).sum()) == pytest.approx(float((a * blurred(b)).sum()))
    ripple = (torch.arange(12) % 2).double().expand(1, 1, 8, 12)
    assert torch.equal(blurred(ripple)[..., 1:-1, 1:-1], torch.full((1, 1, 6, 10), 0.5, dtype=torch.float64))


def test_steps_are_smooth_at_all_scales_but_the_last(network, monkeypatch):
    smooth = []

    def noted(function, start, max_iter, recalled, is_smooth):
        smooth.append(is_smooth)
        return lbfgs(function, start, max_iter, recalled, is_smooth)

    monkeypatch.setitem(OPTIMIZERS, "lbfgs", noted)
    scales = [replace(scale, size=size, steps=1) for scale, size in zip(schedule(512), (16, 24, 32), strict=True)]
    picture = Picture(torch.rand(1, 3, 24, 32), [[painting_of("great_wave", 32)]], 0.5)
    *_, last = paint(network, picture, scales)
    assert smooth == [True, True, False] and last.progress == 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_values_that_are_not_finite_are_survived(name):
    calls = []

    def breaks_at_times(x, slope=True):
        calls.append(1)
        loss, gradient, losses = rosenbrock(x)
        broken = len(calls) % 4 == 3
        return (loss * float("nan"), gradient * float("inf"), losses) if broken else (loss, gradient, losses)

    reached = [descent.x for descent, _ in OPTIMIZERS[name](breaks_at_times, Descent(START), 60)]
    assert all(x.isfinite().all() for x in reached)
    assert rosenbrock(reached[-1])[0] < 0.7 * rosenbrock(START)[0]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_last_step_asks_for_its_loss_alone(name):
    asked = []

    def noted(x, slope=True):
        asked.append(slope)
        loss, gradient, losses = rosenbrock(x)
        return loss, gradient if slope else torch.zeros_like(x), losses

    deque(OPTIMIZERS[name](noted, Descent(START), 5), maxlen=0)
    assert asked == [True] * 5 + [False]


def test_a_picture_is_painted_where_gradients_are_off():
    model = StyleTransfer(32, max_iter=3).fit(path("starry_night"))
    with torch.no_grad():
        without = model.transform(read(path("cat")))
    with (
        torch.inference_mode(),
        pytest.raises(ValueError, match=r"photo 1 can't be painted .* torch.no_grad instead"),
    ):
        model.transform(read(path("cat")))
    assert torch.equal(without, model.transform(read(path("cat"))))


FLAT = torch.tensor([0.7, 0.3, 0.2]).view(1, 3, 1, 1).expand(1, 3, 64, 96).contiguous()


@pytest.mark.parametrize(
    ("size", "dead", "formulas"),
    [
        (32, "relu4_1", {}),
        (32, "relu5_1", {"style_loss": "moments"}),
        (64, "relu5_1", {"style_loss": "moments"}),
        (64, "relu5_1", {"style_loss": "gram", "content_loss": "squared"}),
    ],
)
def test_a_layer_without_spread_counts_for_nothing(size, dead, formulas, dtype):
    """At these sizes a deep layer has one place of The Starry Night inside its rim, so it has no spread."""
    model = StyleTransfer(size, max_iter=4, dtype=dtype, **formulas).fit(path("starry_night"))
    stages = list(model.staged_transform(path("cat")))
    losses = [sum(sum(term.values()) for term in stage.losses.values()) for stage in stages]
    assert losses[-1] < losses[0] < 3
    assert stages[0].losses["style"][dead] == 0 < stages[0].losses["style"]["relu1_1"]


def test_a_flat_painting_gives_its_colour_and_says_so_once(dtype):
    with pytest.warns(UserWarning, match="the style is one colour all over") as told:
        model = StyleTransfer(48, max_iter=4, dtype=dtype).fit(FLAT)
        out = model.transform(read(path("cat")))
    assert len(told) == 1
    assert (out.mean((2, 3)) - FLAT.mean((2, 3))).abs().max() < 0.03


@pytest.mark.parametrize("content_loss", ["standardised", "squared"])
def test_a_flat_photo_holds_nothing_back(content_loss):
    model = StyleTransfer(64, max_iter=4, content_loss=content_loss).fit(path("starry_night"))
    stages = list(model.staged_transform(FLAT))
    assert stages[-1].losses["content"] == {"relu4_2": 0}
    assert sum(stages[-1].losses["style"].values()) < sum(stages[0].losses["style"].values())


def test_an_optimiser_that_can_not_move_is_reported(network, monkeypatch):
    def uphill(*_):
        return lambda x, slope=True: (torch.tensor(1.0), torch.full_like(x, float("nan")), {})

    monkeypatch.setattr("styler.painting.objective", uphill)
    with pytest.warns(UserWarning, match="no step at 32 px lowered the loss"):
        painted(network, (21, 32))


def painting_of(key, size):
    """A painting as an estimator keeps it."""
    return kept(read(path(key)), 1.0, None, size, 1.0, 1e6)


def painted(network, shape, strength=0.5, steps=12):
    photo = resize(read(path("pagoda")), shape)
    picture = Picture(photo, [[painting_of("starry_night", max(shape))]], strength)
    return photo, list(paint(network, picture, schedule(max(shape), "balanced", steps)))


def test_stages_report_progress_and_losses(network):
    photo, stages = painted(network, (40, 160))
    assert [s.step for s in stages] == list(range(1, 13))
    assert {s.n_steps for s in stages} == {12}
    assert {s.scale for s in stages} == {128, 160}
    shares = [b.progress - a.progress for a, b in pairwise(stages)]
    assert stages[-1].progress == 1
    assert shares[-1] > 1.3 * shares[0] > 0  # by pixels, not by count
    for stage in stages:
        assert stage.image.shape == photo.shape
        assert 0 <= stage.image.min() <= stage.image.max() <= 1
    assert set(stages[0].losses) == {"neighbors", "content", "style", "total variation"}
    total = [sum(v for term in s.losses.values() for v in term.values()) for s in stages if s.scale == 128]
    assert total[-1] < 0.97 * total[0]


class Waits(TorchDispatchMode):
    """Counts the single numbers that are read from tensors: on a GPU the host waits for each."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_waits_for_the_device_once(network, monkeypatch, optimizer):
    asked = []
    monkeypatch.setattr(descent, "values", lambda *scalars: asked.append(1) or torch.stack(scalars).tolist())
    picture = Picture(resize(read(path("cat")), 32), [[painting_of("starry_night", 32)]])
    stages = paint(network, picture, schedule(32, "balanced", 8), optimizer)
    next(stages)
    asked.clear()
    with Waits() as waits:
        steps = len(list(stages))
        float(torch.ones(1))  # shows that the counter counts
    assert len(asked) == steps == 7
    # Adam counts its steps on the CPU, where nobody waits.
    assert waits.count == 1 + (steps if optimizer == "adam" else 0)


def coloured(*rgb):
    """The Great Wave in shades of one colour."""
    return read(path("great_wave")).mean(1, keepdim=True) * torch.tensor(rgb).view(1, 3, 1, 1)


def test_a_black_and_white_painting_makes_a_black_and_white_picture():
    photo = (255 * resize(read(path("cat")), 48)[0]).byte().movedim(0, -1).numpy()
    model = StyleTransfer(48, max_iter=4, style_scale=0.5)
    picture = model.fit(coloured(1.0, 1.0, 1.0)).transform(photo).astype(int)
    assert np.ptp(picture, -1).max() <= 1 and picture.std() > 20
    left = np.zeros(photo.shape[:2])
    left[:, :24] = 1
    model.fit({"left": coloured(1.0, 1.0, 1.0), "right": path("starry_night")})
    halves = np.ptp(model.transform(photo, regions={"left": left}).astype(int), -1)
    assert halves[:, :23].max() <= 1 and (halves[:, 25:] > 20).any()


def test_a_sepia_painting_makes_a_sepia_picture():
    sepia = torch.tensor([0.9, 0.7, 0.5])
    picture = StyleTransfer(48, max_iter=4).fit(coloured(*sepia)).transform(resize(read(path("cat")), 48))
    shade = (picture * sepia.view(1, 3, 1, 1)).sum(1, keepdim=True) / sepia.square().sum()
    assert (picture - shade * sepia.view(1, 3, 1, 1)).abs().max() < 0.01 < shade.std()


def test_no_strength_keeps_the_photo_and_more_leaves_it(network):
    kept, half, full = (painted(network, (21, 32), s, 6) for s in (0, 0.5, 1))
    errors = [float((stages[-1].image - photo).square().mean()) for photo, stages in (kept, half, full)]
    assert errors[0] < 1e-4 < errors[1]
    assert errors[1] < errors[2] * 1.5


def test_balance_only_rises_with_strength():
    shares = [balance(i / 100) for i in range(101)]
    assert shares[:51] == [i / 100 for i in range(51)] and shares[-1] == 1
    assert all(a < b for a, b in pairwise(shares))


def frame(image):
    """How much the outermost rings, each one pixel wide, differ in brightness."""
    h, w = image.shape[-2:]
    down, across = (torch.minimum(torch.arange(n), n - 1 - torch.arange(n)) for n in (h, w))
    depth = torch.minimum(down[:, None], across)
    rings = [float(image[0, :, depth == k].mean()) for k in range(12)]
    return max(rings) - min(rings)


def test_a_picture_has_no_frame(network, monkeypatch):
    """Faint noise shows a frame best, as it has no edges. Zero padding does paint one, so the test can tell."""
    photo = 0.5 + 0.1 * torch.randn(1, 3, 40, 64, generator=torch.Generator().manual_seed(0)).clamp(-3, 3)
    picture, scales = Picture(photo, [[painting_of("great_wave", 64)]], 0.7), schedule(64, "balanced", 16)

    def painted():
        return deque(paint(network, picture, scales), maxlen=1).pop().image

    clean = painted()
    # An even grey would have no frame either, so check that this picture is painted.
    assert clean.std((-2, -1)).mean() > 1.3 * photo.std((-2, -1)).mean()
    monkeypatch.setattr("styler.vgg.ReflectConv.apply", lambda x, w, b: torch.conv2d(x, w, b, padding=1))
    framed = frame(painted())
    assert frame(clean) < 0.08 < framed, (frame(clean), framed)
