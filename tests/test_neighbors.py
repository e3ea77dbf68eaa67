"""Local matching: against plain numpy on real features, and what a match must not do."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from styler.hypercolumns import Bank, bank, hypercolumns
from styler.images import read, resize
from styler.matching import AROUND, MOST_ALIKE, Match, Where, followed, match, match_around, shared_out
from styler.neighbors import agreement, nearness, neighbor_loss
from styler.recipe import PIXELS
from styler.samples import path
from styler.vgg import VGG19
from styler.weights import load_state

LAYERS = ("relu1_1", "relu2_2", "relu3_1", "relu4_1")


@pytest.fixture(scope="module")
def network():
    return VGG19(load_state(), LAYERS, dtype=torch.float64)


def near(columns, bank, targets, weights=None):
    return nearness([agreement(columns[k], k, bank, targets) for k in bank.columns], bank, targets, weights)


def columns_of(network, key, size, layers=LAYERS):
    image = resize(read(path(key)), size).double()
    with torch.no_grad():
        return hypercolumns({PIXELS: image, **network(image)}, layers)


@pytest.fixture(scope="module")
def columns(network):
    return columns_of(network, "cat", 100)


def bank_of(network, *keys, size=96, shares=None, usable=None):
    paintings = [columns_of(network, key, size) for key in keys]
    everywhere = [torch.ones(p["relu3_1"].shape[-2:], dtype=torch.bool) for p in paintings]
    return bank(paintings, everywhere if usable is None else usable, shares or [1.0] * len(keys))


@pytest.fixture(scope="module")
def starry(network):
    found = bank_of(network, "starry_night")
    assert found is not None
    return found


def as_matrix(columns, starry):
    """A picture's hypercolumns in plain numpy, places by channels, minus the painting's means and over its spreads."""
    parts = []
    for layer in LAYERS:
        flat = columns[layer][0].numpy().reshape(columns[layer].shape[1], -1).T
        parts.append((flat - starry.mean[layer].numpy()) / float(starry.spread[layer]))
    return np.concatenate(parts, 1)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_a_place_is_a_square_of_four_pixels_at_every_layer(network, columns):
    image = resize(read(path("cat")), 100).double()
    features = network(image)
    rows, cols = image.shape[-2] // 4, image.shape[-1] // 4
    assert all(maps.shape[-2:] == (rows, cols) for maps in columns.values())
    r, c = 3, 7
    expected = features["relu1_1"][0, :, 4 * r : 4 * r + 4, 4 * c : 4 * c + 4].mean((1, 2))
    torch.testing.assert_close(columns["relu1_1"][0, :, r, c], expected)
    torch.testing.assert_close(columns["relu3_1"][0, :, r, c], features["relu3_1"][0, :, r, c])
    torch.testing.assert_close(columns["relu4_1"][0, :, r, c], features["relu4_1"][0, :, r // 2, c // 2])


@pytest.mark.parametrize("shape", [(44, 52), (47, 61), (20, 28)])
def test_sides_that_do_not_halve_evenly_have_their_last_places(network, shape):
    image = torch.rand(1, 3, *shape, dtype=torch.float64)
    found = hypercolumns({PIXELS: image, **network(image)}, LAYERS)
    assert {maps.shape[-2:] for maps in found.values()} == {(shape[0] // 4, shape[1] // 4)}


def test_the_match_is_the_papers_by_plain_numpy(columns, starry):
    Q, S = as_matrix(columns, starry), np.concatenate([starry.columns[k].numpy() for k in LAYERS], 1)
    similar = unit(Q - Q.mean(0)) @ unit(S).T
    hubs = np.sort(similar, axis=0)[-MOST_ALIKE:].mean(0)
    expected = (2 * similar - hubs).argmax(1)
    found = match(columns, starry)
    assert found.targets.shape == columns["relu3_1"].shape[-2:]
    np.testing.assert_array_equal(found.targets.flatten(), expected)


def test_without_the_correction_few_places_serve_many(columns, starry):
    Q, S = as_matrix(columns, starry), np.concatenate([starry.columns[k].numpy() for k in LAYERS], 1)
    plain = (unit(Q - Q.mean(0)) @ unit(S).T).argmax(1)
    assert len(match(columns, starry).targets.unique()) > 1.15 * len(np.unique(plain))


def test_a_match_by_blocks_is_the_match(columns, starry, monkeypatch):
    whole = match(columns, starry).targets
    monkeypatch.setattr("styler.matching.BLOCK", 20_000)
    assert match(columns, starry).targets.equal(whole)


def test_the_loss_is_one_minus_the_mean_cosine(columns, starry):
    targets = match(columns, starry).targets
    weights = torch.rand(targets.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    Q = unit(as_matrix(columns, starry))
    S = unit(np.concatenate([starry.columns[k].numpy() for k in LAYERS], 1))[targets.flatten()]
    cosines, w = (Q * S).sum(1), weights.numpy().ravel()
    assert float(neighbor_loss(near(columns, starry, targets))) == pytest.approx(1 - cosines.mean(), rel=1e-6)
    weighted = float(neighbor_loss(near(columns, starry, targets, weights)))
    assert weighted == pytest.approx((w * (1 - cosines)).sum() / w.sum(), rel=1e-6)


def test_a_painting_is_its_own_nearest(network, starry):
    own = columns_of(network, "starry_night", 96)
    targets = match(own, starry).targets
    assert (targets.flatten() == torch.arange(targets.numel())).double().mean() > 0.95
    assert float(neighbor_loss(near(own, starry, torch.arange(targets.numel()).view(targets.shape)))) < 1e-6


def test_places_that_are_not_usable_are_never_a_target(network, columns, starry):
    rows, cols = starry.grids[0]
    left = torch.zeros(rows, cols, dtype=torch.bool)
    left[:, : cols // 2] = True
    half = bank_of(network, "starry_night", usable=[left])
    coarse = match(columns, half)
    assert (coarse.targets % cols < cols // 2).all()
    where = followed(coarse, half.grids, tuple(coarse.targets.shape), 1.0)
    assert (match_around(columns, half, where) % cols < cols // 2).all()


def test_a_finer_match_keeps_neighbours_together():
    """An identity match is still the identity when followed to twice the size, where the margin has another width."""
    coarse = Match(torch.arange(10 * 12).view(10, 12), ((10, 12),))
    where = followed(coarse, [(20, 24)], (20, 23), 2.0)
    assert (where.column - torch.arange(23)).abs().max() <= 1 and (where.row.T - torch.arange(20)).abs().max() <= 1
    assert (where.column.diff() >= 0).all() and where.painting.eq(0).all()


def test_around_is_the_best_of_its_surroundings(network, columns, starry):
    coarse = match(columns, starry)
    where = followed(coarse, starry.grids, tuple(coarse.targets.shape), 1.0)
    found = match_around(columns, starry, where)
    rows, cols = starry.grids[0]
    assert ((found // cols - where.row).abs() <= AROUND).all() and ((found % cols - where.column).abs() <= AROUND).all()
    Q = unit(as_matrix(columns, starry))
    S = unit(np.concatenate([starry.columns[k].numpy() for k in LAYERS], 1))
    for r, c in ((4, 5), (9, 14)):
        i, j = int(where.row[r, c]), int(where.column[r, c])
        near = [
            y * cols + x
            for y in range(max(0, i - AROUND), min(rows, i + AROUND + 1))
            for x in range(max(0, j - AROUND), min(cols, j + AROUND + 1))
        ]
        q = Q[r * columns["relu3_1"].shape[-1] + c]
        assert int(found[r, c]) == max(near, key=lambda k: float(S[k] @ q))


def test_a_search_of_parts_is_the_search_of_the_whole(columns, starry):
    coarse = match(columns, starry)
    where = followed(coarse, starry.grids, tuple(coarse.targets.shape), 1.0)
    whole = match_around(columns, starry, where)
    upper = match_around({k: m[..., :5, :] for k, m in columns.items()}, starry, Where(*(t[:5] for t in where)))
    assert whole[:5].equal(upper)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_paintings_have_their_shares_and_the_places_that_suit_them(network, columns, share):
    both = bank_of(network, "starry_night", "great_wave", shares=[share, 1 - share])
    targets = match(columns, both).targets
    first = both.grids[0][0] * both.grids[0][1]
    assert float((targets < first).double().mean()) == pytest.approx(share, abs=0.05)


def test_shares_go_to_who_suits_best():
    scores = torch.tensor([[1.0, 0.0], [0.9, 0.0], [0.8, 0.0], [0.5, 0.4]])
    assert shared_out(scores, [0.75, 0.25]).tolist() == [0, 0, 0, 1]
    assert shared_out(scores[:, :1], [1.0]).tolist() == [0, 0, 0, 0]


def test_a_flat_painting_has_no_places(network):
    image = torch.full((1, 3, 48, 48), 0.4, dtype=torch.float64)
    flat = hypercolumns({PIXELS: image, **network(image)}, LAYERS)
    assert bank([flat], [torch.ones(12, 12, dtype=torch.bool)], [1.0]) is None


def test_the_gradient_is_exact(network, starry):
    image = F.interpolate(resize(read(path("cat")), 40).double(), size=(32, 40))
    targets = torch.arange(80).view(8, 10)

    def loss(x):
        columns = hypercolumns({PIXELS: x, **network(x)}, LAYERS)
        return neighbor_loss(near(columns, starry, targets))

    x = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(x), x)
    along = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    step = 1e-8  # small enough to cross few kinks of ReLU and max pooling
    by_difference = (loss(image + step * along) - loss(image - step * along)) / (2 * step)
    assert float((gradient * along).sum()) == pytest.approx(float(by_difference), rel=1e-4)


def test_a_bank_is_centred_and_scaled(starry):
    assert isinstance(starry, Bank) and starry.usable.all()
    for layer in LAYERS:
        torch.testing.assert_close(
            starry.columns[layer].mean(0), torch.zeros_like(starry.mean[layer]), atol=1e-6, rtol=0
        )
        assert float(starry.columns[layer].square().sum(1).mean()) == pytest.approx(1, rel=1e-6)
