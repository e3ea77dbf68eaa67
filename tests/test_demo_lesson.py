"""The lesson's figures as the page draws them."""

import io
import re
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("gradio", reason="the page needs gradio, which is not installed")

from styler import images, lesson, samples
from styler.demo import classroom, painted, painting, steps
from styler.demo.orders import Recent, order

FILES = [{"path": str(samples.path(key))} for key in ("pagoda", "starry_night")]
VALUES = [control.value for step in steps.STEPS for control in step.controls]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw figures with fewer pixels, which show the same."""
    monkeypatch.setattr(painted, "SMALL", 40)
    monkeypatch.setattr(painted, "SMALLER", 32)
    monkeypatch.setattr(painted, "SHOWN", 64)
    monkeypatch.setattr(painted, "COARSE_TO_FINE", (2, 1, 1))
    monkeypatch.setattr(lesson, "SIZE", 64)


def drawn(number: str, **chosen: object) -> ElementTree.Element:
    """The last figure of a step, with other choices by the labels of its controls."""
    controls = [control for step in steps.STEPS for control in step.controls]
    values = [chosen.get(control.label, control.value) for control in controls]
    *_, last = steps.draw(steps.asked(number, *FILES, values))
    assert isinstance(last, str)
    return ElementTree.fromstring(last)


def words(figure: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in figure.iter("{http://www.w3.org/2000/svg}text")]


def spots(figure: ElementTree.Element) -> list[ElementTree.Element]:
    return [element for element in figure.iter() if element.get("class") == "spot"]


@pytest.mark.parametrize("number", ["1", "2", "3", "4", "5", "6", "7"])
def test_each_figure_is_a_file_with_words_for_its_pictures(number: str) -> None:
    chosen = {"Size of the picture in px": 96} if number == "6" else {}
    figure = drawn(number, **chosen)
    assert figure.get("aria-label")
    shown = [e for e in figure.iter("{http://www.w3.org/2000/svg}image")]
    assert len(shown) >= 2
    assert all(e.get("aria-label") and e.get("href", "").startswith("data:image/") for e in shown)
    height = float(figure.get("viewBox", "").split()[3])
    assert all(float(e.get("y", 0)) + float(e.get("height", 0)) <= height for e in shown)
    assert all(0 <= float(e.get("x", 0)) <= 360 for e in shown)


def test_twelve_maps_can_be_touched() -> None:
    found = spots(drawn("1", Layer="relu2_1"))
    assert len(found) == 12
    assert all(re.fullmatch(r"Map \d+ of relu2_1", spot.get("aria-label", "")) for spot in found)


def test_moving_the_photo_changes_content_more_than_recolouring_it() -> None:
    far = {}
    for change in ("shifted", "recoloured"):
        told = words(drawn("2", Change=change))
        far[change] = float(told[told.index("relu4_2") + 1])
    assert far["recoloured"] < far["shifted"]


def test_the_points_are_the_plane_s_and_the_goal_moves_with_the_weights() -> None:
    goals = {}
    for content, style in ((1, 0), (0, 1)):
        figure = drawn("4", **{"Weight of content": content, "Weight of style": style})
        told = [spot.get("aria-label", "") for spot in spots(figure)]
        assert told[0].startswith("the photo: content 0.00, style 1.00")
        assert told[1].startswith("the painting: content 1.00")
        (goals[content, style],) = [label for label in told if "the goal" in label]
    assert goals[1, 0].startswith("the photo")
    assert not goals[0, 1].startswith("the photo")


def points(figure: ElementTree.Element) -> list[tuple[float, float]]:
    """The content and style in the labels of the plane's points."""
    told = [re.search(r": content ([\d.]+), style ([\d.]+)", spot.get("aria-label", "")) for spot in spots(figure)]
    return [(float(found[1]), float(found[2])) for found in told if found]


def test_the_plane_shows_the_path_of_the_picture_painted_on_the_first_tab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("styler.demo.uploads.get_upload_folder", lambda: str(tmp_path))
    wish = order(FILES[0], FILES[1:], None, "preview", 0.5, 64)
    for view in painting.paint(wish, "a visitor"):
        if view.png:
            png = Path(view.png).read_bytes()
    kept = tmp_path / sha256(png).hexdigest() / "picture.png"
    kept.parent.mkdir()
    kept.write_bytes(png)
    sent = {"path": str(kept)}

    def plane(photo: dict[str, str], whose: str = "painted") -> ElementTree.Element:
        values = [whose if value == "painted" else value for value in VALUES]
        *_, last = steps.draw(steps.asked("4", photo, FILES[1], values, sent))
        return ElementTree.fromstring(str(last))

    figure = plane(FILES[0])
    assert "Path of your picture from the first tab" in words(figure)
    photo, style = (images.resize(images.read(file["path"]), painted.SHOWN) for file in FILES)
    film = [images.read(Image.open(io.BytesIO(frame))) for frame in painting.MAKINGS.get(sha256(png).hexdigest())[1:]]
    painter = painted.as_in_the_paper(0.5).fit(style[0])
    whole, none = painter.distances(photo, style)["content"], painter.distances(photo, photo)["style"]
    far = [painter.distances(photo, picture) for picture in (film[0], film[-1])]
    expected = [(one["content"] / whole, one["style"] / none) for one in far]
    _, _, _, first, *_, last = points(figure)
    assert np.allclose([first, last], expected, atol=0.006)
    small = "Path of a small picture, painted for this figure"
    assert small in words(plane({"path": str(samples.path("cat"))}))  # not the pair that was painted
    assert small in words(plane(FILES[0], "small"))


def test_the_background_alone_keeps_the_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painted, "SMALLER", 64)
    monkeypatch.setattr(steps, "DRAWN", Recent(1))  # another test has drawn it smaller
    told = [word for word in words(drawn("7")) if word.startswith("subject changed by")]
    everywhere, background = (float(word.split()[-1]) for word in told)
    assert background < everywhere / 2


def test_a_figure_is_drawn_once_and_only_for_valid_requests() -> None:
    first = steps.asked("1", *FILES, VALUES)
    *_, figure = steps.draw(first)
    assert list(steps.draw(steps.asked("1", *FILES, VALUES))) == [figure]
    for number, photo, values, sentence in (
        ("8", FILES[0], VALUES, "There is no step"),
        (None, FILES[0], VALUES, "There is no step"),
        ("1", {"path": "/etc/passwd"}, VALUES, "Choose a photo first"),
        ("1", FILES[0], ["relu9_9", *VALUES[1:]], "There is no layer 'relu9_9'"),
        ("3", FILES[0], [*VALUES[:4], 1e9, *VALUES[5:]], "tiles across"),
    ):
        with pytest.raises(ValueError, match=sentence):
            steps.asked(number, photo, FILES[1], values)


def test_one_figure_at_a_time_and_the_rest_wait_or_are_sent_away() -> None:
    turns = [steps.LINE.turn(lambda: 1) for _ in range(1 + steps.LEARNING)]
    assert [next(turn).ahead for turn in turns] == list(range(1 + steps.LEARNING))
    try:
        other = steps.asked("2", *FILES, VALUES)
        with pytest.raises(ValueError, match="visitors are waiting"):
            next(steps.draw(other))
    finally:
        for turn in turns:
            turn.close()


def test_steps_follow_one_another_and_have_addresses() -> None:
    assert [classroom.after(i) for i in ("1", "7")] == ["2", "1"]
    assert classroom.opened("3")[1] == "3" and classroom.opened("3")[0].selected == classroom.TAB
    assert classroom.opened(None) == classroom.opened("<b>") == classroom.opened(["3"])
    with pytest.raises(ValueError, match="There is no step"):
        classroom.after(["1"])


def test_a_subject_is_found_once() -> None:
    image = torch.rand(1, 3, 40, 40)
    assert painted.Key(image) == painted.Key(image.clone()) and painted.Key(image) != painted.Key(1 - image)
