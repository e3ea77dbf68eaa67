"""The losses, against plain numpy on real features, and in use."""

import numpy as np
import pytest
import torch

from styler.colors import recolour
from styler.losses import (
    blend,
    content_loss,
    moment_loss,
    moments,
    standardise,
    style_loss,
    total_variation,
    variation,
    widened,
)
from styler.vgg import VGG19
from styler.weights import load_state

LAYERS = ["relu1_1", "relu3_1", "relu4_2"]


def as_matrix(features: torch.Tensor) -> np.ndarray:
    """The paper's F: N maps of M positions."""
    return features[0].numpy().astype(np.float64).reshape(features.shape[1], -1)


@pytest.mark.parametrize("layer", LAYERS)
def test_content_and_style_loss_are_the_papers(network, photo, painting, layer):
    ours, theirs = network(photo)[layer], network(painting)[layer][..., : network(photo)[layer].shape[-2], :]
    ours = ours[..., : theirs.shape[-2], :]
    F, P = as_matrix(ours), as_matrix(theirs)
    N, M = F.shape
    G = np.array([[sum(F[i] * F[j]) for j in range(8)] for i in range(8)])
    np.testing.assert_allclose(moments(ours).second[:8, :8], G, rtol=1e-4)
    np.testing.assert_allclose(content_loss(ours, theirs), ((F - P) ** 2).sum(), rtol=1e-4)
    expected = ((F @ F.T - P @ P.T) ** 2).sum() / (4 * N**2 * M**2)
    np.testing.assert_allclose(style_loss(moments(ours).second, moments(theirs).second, M), expected, rtol=1e-3)


def test_gradient_descent_lowers_both_distances(network, photo, painting):
    """The paper's own objective and sums, starting at the content image, without our scales and normalisation."""
    painting, photo = painting[..., :48, :64], photo[..., :48, :64]
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    P = network(photo)["relu4_2"]
    A = {layer: moments(network(painting)[layer]) for layer in layers}

    def distances(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = network(x)
        M = {layer: int(A[layer].weight) for layer in layers}
        style = sum(style_loss(moments(features[k]).second, A[k].second, M[k]) / 5 for k in layers)
        return content_loss(features["relu4_2"], P), torch.as_tensor(style)

    # From the photo itself the content distance is 0 and can't fall: so start a little away from it.
    x = (photo + 0.1 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(0))).requires_grad_()
    history = []
    for _ in range(12):
        content, style = distances(x)
        history.append((float(content.detach()), float(style.detach())))
        (gradient,) = torch.autograd.grad(content / history[0][0] + style / history[0][1], x)
        x = (x - 0.01 * gradient / gradient.square().mean().sqrt()).detach().requires_grad_()
    assert history[-1][0] < 0.9 * history[0][0]
    assert history[-1][1] < 0.8 * history[0][1]


def test_moments_are_weighted_sums(network, photo):
    features = network(photo)["relu2_1"]
    w = torch.rand(features.shape[-2:], generator=torch.Generator().manual_seed(0))
    F, k = as_matrix(features), w.numpy().ravel().astype(np.float64)
    got = moments(features, w)
    np.testing.assert_allclose(got.weight, k.sum(), rtol=1e-5)
    np.testing.assert_allclose(got.first, F @ k, rtol=1e-4)
    np.testing.assert_allclose(got.second, (F * k) @ F.T, rtol=1e-4)
    np.testing.assert_allclose(got.covariance, np.cov(F, aweights=k, ddof=0), rtol=1e-3, atol=0.1)


def test_moments_add_up_over_tiles_and_masks(network, photo):
    features = network(photo)["relu3_1"]
    whole, half = moments(features), features.shape[-1] // 2
    left, right = moments(features[..., :half]), moments(features[..., half:])
    mask = torch.rand(features.shape[-2:])
    inside, outside = moments(features, mask), moments(features, 1 - mask)
    for a, b in ((left, right), (inside, outside)):
        for part_a, part_b, total in zip(a, b, whole, strict=True):
            torch.testing.assert_close(part_a + part_b, total, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_of_the_moments_is_exact(weighted):
    f = torch.rand(1, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    w = torch.rand(4, 5, dtype=torch.float64) if weighted else None
    assert torch.autograd.gradcheck(lambda f: moments(f, w)[1:], f)


def test_bfloat16_moments_keep_three_digits(network, painting):
    features = network(painting)["relu1_1"]
    got = moments(features.bfloat16())
    assert got.second.dtype == torch.float32
    error = (got.second - moments(features).second).norm() / moments(features).second.norm()
    assert error < 3e-3


def test_moment_loss_is_zero_for_itself_and_one_without_covariance(network, painting):
    m = moments(network(painting)["relu2_1"])
    assert moment_loss(m, m) == pytest.approx(0, abs=1e-9)
    nothing = m._replace(first=m.first, second=torch.outer(m.first, m.first) / m.weight)
    assert moment_loss(nothing, m) == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_flat_features_are_told_from_textured_ones(photo, dtype):
    layers = ["relu1_1", "relu3_1"]
    network = VGG19(load_state(), layers, dtype=dtype)
    evenly = photo.mean((2, 3), keepdim=True).expand(photo.shape)
    faint = evenly + 0.1 * (photo - evenly)
    for image, flat in ((evenly, True), (faint, False)):
        features = network(image)
        assert [moments(widened(features[layer])).is_flat for layer in layers] == [flat, flat]
    assert moments(torch.zeros(1, 4, 5, 5)).is_flat


def test_a_blend_is_convex_and_knows_no_size(network, photo, painting):
    a, b = moments(network(photo)["relu1_1"]), moments(network(painting)["relu1_1"])
    mixed = blend([a, b], [3, 1])
    torch.testing.assert_close(mixed.gram, 0.75 * a.gram + 0.25 * b.gram)
    torch.testing.assert_close(mixed.mean, 0.75 * a.mean + 0.25 * b.mean)
    torch.testing.assert_close(blend([a, b], [1, 0]).gram, a.gram)


def test_total_variation_is_numpys(photo):
    x = photo.numpy()
    expected = (np.diff(x, axis=2) ** 2).mean() + (np.diff(x, axis=3) ** 2).mean()
    assert float(total_variation(variation(photo))) == pytest.approx(expected, rel=1e-4)
    assert total_variation(variation(torch.full((1, 3, 8, 8), 0.3))) == 0


def test_standardised_features_forget_colour_but_not_place(network, photo):
    z = standardise(network(photo)["relu4_2"])
    alive = z.square().sum((0, 2, 3)) > 0
    torch.testing.assert_close(z.mean((0, 2, 3)), torch.zeros(len(alive)), atol=1e-4, rtol=0)
    torch.testing.assert_close(z.square().mean((0, 2, 3))[alive], torch.ones(int(alive.sum())), atol=1e-2, rtol=0)


def test_recolouring_reaches_the_paintings_colours(photo, painting):
    style = moments(painting)
    muted = moments(0.45 + 0.1 * painting)  # so that nothing is clipped
    got = moments(recolour(0.4 + 0.2 * photo, muted))
    torch.testing.assert_close(got.mean, muted.mean, atol=0.02, rtol=0)
    torch.testing.assert_close(got.covariance, muted.covariance, atol=3e-4, rtol=0)
    torch.testing.assert_close(recolour(photo, moments(photo)), photo, atol=1e-3, rtol=0)
    assert recolour(torch.full((1, 3, 8, 8), 0.5), style).isfinite().all()
