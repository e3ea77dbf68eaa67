"""Tiles: the same loss and gradient as the whole's, whatever the size of a picture."""

import pytest
import torch

from styler.losses import content_loss, moments, standardise, style_loss
from styler.objective import objective
from styler.painting import matched
from styler.recipe import CONTENT_LAYER, CONTENT_WEIGHTS, RECIPES, STYLE_LAYERS, STYLE_WEIGHTS, Recipe
from styler.schedule import Scale
from styler.style import Painting, Style, learn, look_at, style_statistics
from styler.tiles import GRID, cut, numbers, reach
from styler.vgg import LAYERS, VGG19
from styler.weights import load_state

# Long enough for tiles in the middle to see neither end, with a halo of 80 px on each side.
SHAPE, SIDE = (37, 261), 64


@pytest.fixture(scope="module")
def exact() -> VGG19:
    return VGG19(load_state(), [*STYLE_LAYERS, CONTENT_LAYER], dtype=torch.float64)


def picture(*shape: int) -> torch.Tensor:
    """Something with coarse and fine parts, the same each time."""
    coarse = torch.rand(1, 3, 9, 7, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)
    fine = torch.nn.functional.interpolate(coarse, size=shape, mode="bicubic")
    return (fine + 0.1 * torch.sin(torch.arange(shape[1]) ** 1.5)).clamp(0, 1)


@pytest.mark.parametrize("shape", [(117, 83), (16, 200), (64, 64), (65, 31)])
@pytest.mark.parametrize("side", [16, 48, None])
def test_each_pixel_is_owned_once_and_each_halo_ends_at_the_picture(shape, side):
    owners = torch.zeros(1, *shape)
    for tile in cut(shape, side, 32):
        tile.share(owners).add_(1)
        seen = tile.seen(owners)
        assert tile.own(seen).data_ptr() == tile.share(owners).data_ptr()
        for span, length in zip(tile, shape, strict=True):
            assert span.first % GRID == 0 and (span.last % GRID == 0 or span.last == length)
            assert span.first == max(0, span.start - 32)
    assert (owners == 1).all()


def test_reach_is_what_vgg_sees():
    """A pixel just within reach of a layer's position changes it; `reach` computes this without the network."""
    for layer, px in {"relu1_1": 1, "relu2_1": 4, "relu3_1": 10, "relu4_2": 38, "relu5_1": 70}.items():
        assert reach([LAYERS[0], layer]) == -(-px // GRID) * GRID
        state = {k: torch.ones_like(v) if k.endswith("weight") else v * 0 for k, v in load_state().items()}
        network = VGG19(state, [layer], dtype=torch.float64)
        x = torch.ones(1, 3, 256, 32, dtype=torch.float64, requires_grad=True)
        network(x)[layer][0, 0, (128 * network(x)[layer].shape[-2]) // 256, 0].backward()
        assert int(x.grad.sum((1, 3)).nonzero()[:, 1].min()) == 128 - px


def learnt(network: VGG19, recipe: Recipe) -> Style:
    """What a scale must know about a painting."""
    painting = Painting((255 * picture(90, 111)).to(torch.uint8), 1.0, None)
    style = learn(network, [painting], 128, recipe, 1.0, float("inf"))
    if style.bank is None:
        return style
    exact = {part: {k: v.double() for k, v in getattr(style.bank, part).items()} for part in BY_LAYER}
    return style._replace(bank=style.bank._replace(**exact))


BY_LAYER = ("columns", "mean", "spread")
PAPERS = Recipe({"relu1_1": 0.2, "relu2_2": 0.8}, {"conv3_1": 0.5, "relu4_2": 0.5}, "gram", "squared")


MATCHED, MOMENTS = RECIPES["neighbors"], RECIPES["moments"][0]


@pytest.mark.parametrize(
    ("kind", "recipe"),
    [
        ("one style", MATCHED[0]),
        ("one style", MOMENTS),
        ("two regions", MATCHED[1]),
        ("two regions", PAPERS),
        ("a region of the photo's own", MATCHED[0]),
    ],
)
def test_tiled_is_untiled(exact, kind, recipe):
    shape = SHAPE[::-1] if kind == "two regions" else SHAPE
    photo, painted = picture(*shape), picture(*shape).flip(-1)
    style = learnt(exact, recipe)
    column = torch.linspace(0, 1, shape[1], dtype=torch.float64).expand(1, 1, *shape)
    masks = None if kind == "one style" else torch.cat([column, 1 - column])
    styles = [style] if masks is None else [style, style if kind == "two regions" else None]
    scale = Scale(128, 1, recipe)
    matches = matched(exact, photo, styles, [None] * len(styles), scale, None, 1.0)
    by_tiles = matched(exact, photo, styles, [None] * len(styles), scale, SIDE, 1.0)
    for one, other in zip(matches, by_tiles, strict=True):
        assert one is None or one.targets.equal(other.targets)
    functions = [objective(exact, photo, styles, 0.4, recipe, masks, side, matches) for side in (None, SIDE)]
    whole, tiled = (function(painted) for function in functions)
    alone = [float(function(painted, slope=False)[0]) for function in functions]
    assert [float(tiled[0]), *alone] == pytest.approx([float(whole[0])] * 3, rel=1e-12)
    assert (tiled[1] - whole[1]).norm() < 1e-10 * whole[1].norm()
    assert whole[2]["style"].keys() == recipe.style.keys() and whole[2]["content"].keys() == recipe.content.keys()
    for term, by_layer in numbers(whole[2]).items():
        assert numbers(tiled[2])[term] == pytest.approx(by_layer, rel=1e-10)


def test_tiled_is_untiled_in_the_working_precision(network):
    photo, painted = (x.float() for x in (picture(*SHAPE), picture(*SHAPE).flip(-1)))
    style = Style(style_statistics(network, photo), None)
    whole, tiled = (objective(network, photo, [style], 0.4, MOMENTS, None, side)(painted) for side in (None, SIDE))
    assert tiled[0] == pytest.approx(float(whole[0]), rel=1e-5)
    assert (tiled[1] - whole[1]).norm() < 1e-4 * whole[1].norm()


def test_a_painting_is_learnt_by_tiles(exact):
    painting, mask = picture(*SHAPE), picture(*SHAPE)[:, :1]
    for part in (None, mask):
        (whole, places), (tiled, by_tiles) = (
            look_at(exact, painting, STYLE_LAYERS, MATCHED[0].neighbors, part, side) for side in (None, SIDE)
        )
        for layer, sums in whole.items():
            for one, other in zip(sums, tiled[layer], strict=True):
                torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
        for layer, columns in places.items():
            torch.testing.assert_close(columns, by_tiles[layer], rtol=1e-10, atol=1e-10)


def test_a_finer_match_is_found_by_tiles(exact):
    photo, recipe = picture(*SHAPE), MATCHED[1]
    style = learnt(exact, recipe)
    coarse = matched(exact, photo, [style], [None], Scale(128, 1, recipe), None, 1.0)
    whole, tiled = (
        matched(exact, photo, [style], coarse, Scale(512, 1, recipe, False), side, 1.0) for side in (None, SIDE)
    )
    assert whole[0].targets.equal(tiled[0].targets)
    assert not whole[0].targets.equal(coarse[0].targets)


def test_all_places_are_compared_by_tiles(exact):
    photo, recipe = picture(*SHAPE), MATCHED[1]
    style = learnt(exact, recipe)
    whole, tiled = (matched(exact, photo, [style], [None], Scale(512, 1, recipe), side, 1.0) for side in (None, SIDE))
    assert whole[0].targets.equal(tiled[0].targets)


def test_the_papers_losses_are_its_equations_relative(exact):
    photo, painted = picture(*SHAPE), picture(*SHAPE).flip(-1)
    style = Style(style_statistics(exact, photo, PAPERS.style), None)
    found = objective(exact, photo, [style], 0.5, PAPERS)(painted)[2]
    F, P = (exact(x, ["conv3_1", "relu2_2"]) for x in (painted, photo))
    p = P["conv3_1"]
    spread = (p - p.mean((2, 3), keepdim=True)).square().sum()
    expected = 0.5 * CONTENT_WEIGHTS["squared"] * content_loss(F["conv3_1"], p) / spread
    assert found["content"]["conv3_1"] == pytest.approx(float(expected), rel=1e-9)
    A = style_statistics(exact, photo, ["relu2_2"])["relu2_2"].gram
    E = style_loss(moments(F["relu2_2"]).gram, A, 1) * 4 * len(A) ** 2 / A.square().sum()
    assert found["style"]["relu2_2"] == pytest.approx(float(0.8 * STYLE_WEIGHTS["gram"] * E), rel=1e-9)
    assert found["total variation"]["pixels"] > 0


def test_content_summed_is_content_standardised(exact):
    """Sums over the tiles give the weighted mean of the squared difference over a whole map."""
    photo, painted = picture(*SHAPE), picture(*SHAPE).flip(-1)
    style = Style(style_statistics(exact, photo), None)
    found = objective(exact, photo, [style], 0.5, MOMENTS)(painted)[2]["content"][CONTENT_LAYER]
    z, p = (standardise(exact(x, [CONTENT_LAYER])[CONTENT_LAYER]) for x in (painted, photo))
    salience = p.square().sum(1, keepdim=True).square()
    assert found == pytest.approx(0.45 * float((salience / salience.mean() * (z - p).square()).mean()), rel=1e-9)
