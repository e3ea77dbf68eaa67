"""The lesson's figures against numbers that come from elsewhere."""

import time

import pytest
import torch

from styler import StyleTransfer, lesson
from styler.losses import content_loss, difference, gram_loss, moments, squared_content_loss
from styler.objective import with_spread
from styler.recipe import STYLE_LAYERS


@pytest.fixture(scope="module")
def wide() -> torch.Tensor:
    from styler import samples
    from styler.images import read, resize

    return resize(read(samples.path("starry_night")), lesson.SIZE)


def test_the_strongest_maps_are_those_that_vary_most(photo: torch.Tensor) -> None:
    maps = lesson.feature_maps(photo, ["relu2_1"], 64)["relu2_1"]
    found = lesson.strongest(maps, 5)
    spreads = maps[0].flatten(1).double().std(1)
    assert spreads[found].tolist() == sorted(spreads.tolist(), reverse=True)[:5]
    assert sorted(lesson.strongest(maps, 999)) == list(range(maps.shape[1]))


def test_the_map_of_the_content_distance_sums_to_the_paper_s(photo: torch.Tensor, painting: torch.Tensor) -> None:
    layer = "relu4_2"
    other = torch.nn.functional.interpolate(painting, photo.shape[-2:], mode="nearest")
    places = lesson.content_maps(photo, other, [layer], 96)[layer]
    P, Q = (lesson.feature_maps(x, [layer], 96)[layer] for x in (photo, other))
    assert places.shape == P.shape[-2:]
    spread = (P - P.mean((2, 3), keepdim=True)).square().sum()
    assert float(places.sum() * spread) == pytest.approx(float(content_loss(Q, P)), rel=1e-4)
    whole = squared_content_loss(difference(Q, *with_spread(P)))
    assert float(places.sum()) == pytest.approx(float(whole), rel=1e-4)
    row, column = divmod(int(places.argmax()), places.shape[1])
    assert int((Q - P).square().sum(1).argmax()) == row * places.shape[1] + column


def test_shifting_matters_and_recolouring_hardly(photo: torch.Tensor, painting: torch.Tensor) -> None:
    changes = {
        "none": photo,
        "shifted": lesson.shifted(photo),
        "blurred": lesson.blurred(photo),
        "recoloured": lesson.recoloured(photo, painting),
    }
    far = {name: float(lesson.content_maps(photo, x, ["relu4_2"])["relu4_2"].sum()) for name, x in changes.items()}
    assert far["none"] == 0
    assert far["recoloured"] < 0.5 * far["shifted"] and far["blurred"] < far["shifted"]
    assert lesson.shifted(lesson.shifted(photo), -1 / 8).equal(photo)
    assert lesson.blurred(photo).shape == photo.shape
    for x in (moments(lesson.recoloured(photo, painting)), moments(painting)):
        assert x.mean.numpy() == pytest.approx(moments(painting).mean.numpy(), abs=0.02)


def test_shuffled_tiles_leave_the_gram_matrix_and_nothing_else(wide: torch.Tensor, photo: torch.Tensor) -> None:
    shuffled = lesson.shuffle_tiles(wide, 4)
    height, width = shuffled.shape[-2:]
    assert shuffled.flatten(2).sort().values.equal(wide[..., :height, :width].flatten(2).sort().values)
    moved = lesson.style_distances(shuffled, wide, STYLE_LAYERS[:4])
    other = lesson.style_distances(photo, wide, STYLE_LAYERS[:4])
    assert max(moved.values()) < 0.1  # in units of the painting's own matrix
    for layer in moved:
        assert moved[layer] < other[layer] / 4
    assert float(lesson.content_maps(wide, shuffled, ["relu4_2"])["relu4_2"].sum()) > 1
    assert lesson.shuffle_tiles(wide, 1).equal(wide)
    assert not lesson.shuffle_tiles(wide, 4, 1).equal(shuffled)
    with pytest.raises(ValueError, match="across is 0; give a number of tiles from 1"):
        lesson.shuffle_tiles(wide, 0)


def test_the_distance_of_gram_matrices_is_the_formula_s(photo: torch.Tensor, painting: torch.Tensor) -> None:
    G, A = (lesson.gram_matrices(x, ["relu2_1"], 96)["relu2_1"].gram for x in (photo, painting))
    far = lesson.style_distances(photo, painting, ["relu2_1"], 96)["relu2_1"]
    assert far == pytest.approx(float(((G - A) ** 2).sum() / (A**2).sum()), rel=1e-4)
    matrix = lesson.gram_matrices(photo, ["relu2_1"], 96)["relu2_1"]
    black = matrix._replace(second=torch.zeros_like(matrix.second))
    assert float(gram_loss(black, matrix)) == 1


@pytest.mark.parametrize("what", ["content", "style"])
def test_a_rebuilt_image_comes_nearer_to_it_in_what_it_is_rebuilt_from(what: str, painting: torch.Tensor) -> None:
    painter = lesson.rebuilder(what, ["relu2_1"], 48, max_iter=8).fit(painting[0])
    stages = list(painter.staged_transform(painting[0]))
    losses = [stage.losses[what]["relu2_1"] for stage in stages]
    assert losses[-1] < 0.5 * losses[0]
    assert stages[-1].losses["content" if what == "style" else "style"]["relu2_1"] == 0
    with pytest.raises(ValueError, match="choose 'content' or 'style'"):
        lesson.rebuilder("colour", ["relu2_1"], 48)


def test_chosen_sizes_paint_what_the_estimator_paints(photo: torch.Tensor, painting: torch.Tensor) -> None:
    painter = StyleTransfer(48, style_loss="moments", max_iter=3).fit(painting[0])
    ours = list(lesson.at_sizes(painter, photo[0], [48], [3]))[-1].image
    assert (ours[0] - painter.transform(photo[0])).abs().max() < 1e-5
    stages = list(lesson.at_sizes(painter, photo[0], [32, 48], [2, 1]))
    assert [stage.scale for stage in stages] == [32, 32, 48]


def test_coarse_to_fine_comes_nearer_to_the_style_by_the_same_work(wide: torch.Tensor, photo: torch.Tensor) -> None:
    layers, start = STYLE_LAYERS[:3], lesson.noise(photo)
    assert start.shape == photo.shape and 0.48 < float(start.min()) < float(start.max()) < 0.52
    painter = StyleTransfer(96, style_loss="moments", style_layers=layers, content_layers=["relu3_1"]).fit(wide[0])
    far = []
    for sizes, steps in (([32, 64, 96], [12, 4, 1]), ([96], [6])):  # as many pixels are looked at
        *_, last = lesson.at_sizes(painter, photo, sizes, steps, start)
        far.append(sum(lesson.style_distances(last.image, wide, layers, 96).values()))
    assert far[0] < 0.7 * far[1]


def test_the_points_of_the_plane_are_distances(photo: torch.Tensor, painting: torch.Tensor) -> None:
    painter = StyleTransfer(48, max_iter=2).fit(painting[0])
    pictures = [stage.image for stage in painter.staged_transform(photo)]
    first, last, *ways = lesson.plane(painter, photo, painting, pictures)
    assert (first.content, first.style, last.content) == (0, 1, 1)
    assert last.style < 0.5
    none, all_ = (painter.distances(photo, x) for x in (photo, painting))
    assert len(ways) == 2
    for place, picture in zip(ways, pictures, strict=True):
        found = painter.distances(photo, picture)
        assert place.content == pytest.approx(found["content"] / all_["content"], rel=1e-4)
        assert place.style == pytest.approx(found["style"] / none["style"], rel=1e-4)
        assert place.picture is picture
    places = [first, last, *ways]
    assert lesson.goal(places, 1, 0) == 0
    assert lesson.goal(places, 0, 1) == min(range(4), key=lambda i: places[i].style)


def test_stages_end_with_the_time() -> None:
    def forever():
        while True:
            time.sleep(0.02)
            yield 1

    assert 2 <= len(list(lesson.within(forever(), 0.1))) <= 6
    assert len(list(lesson.within(forever(), 0))) == 1
