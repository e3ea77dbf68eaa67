"""The subject is found where it is known to be."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from styler.images import read
from styler.samples import path
from styler.subject import find_subject


def overlap(mask, truth):
    """Intersection over union."""
    found = mask > 0.5
    return (found & truth).sum() / (found | truth).sum()


def test_the_ball_is_found():
    mask = find_subject(path("ball"))
    colours = np.moveaxis(read(path("ball"))[0].numpy(), 0, -1)
    ball = colours[..., 0] - colours[..., 2] > 0.2  # orange on grey
    assert mask.shape == ball.shape and mask.dtype == np.float32 and mask.min() >= 0 and mask.max() <= 1
    assert mask[ball].mean() > 0.95 and overlap(mask, ball) > 0.6  # its shadow goes with it


def test_a_face_is_the_subjects_and_the_wall_is_not():
    mask = find_subject(path("astronaut"))
    assert mask[60:160, 190:260].mean() > 0.9
    assert mask[:100, 300:380].mean() < 0.1 and mask[:100, :60].mean() < 0.3


def test_strokes_choose_another_subject():
    image = Image.new("RGB", (240, 120), "#d9d9d9")
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 30, 80, 90), "#204080")
    draw.rectangle((150, 30, 210, 90), "#a03020")
    strokes = Image.new("L", image.size)
    ImageDraw.Draw(strokes).line((170, 60, 190, 60), "white", 12)
    square = np.zeros((120, 240), bool)
    square[30:90, 150:210] = True
    assert overlap(find_subject(image, strokes), square) > 0.7


def test_strokes_along_the_whole_border_leave_no_background():
    frame = Image.new("L", (96, 64))
    ImageDraw.Draw(frame).rectangle((0, 0, 95, 63), outline="white", width=12)
    assert find_subject(Image.new("RGB", (96, 64), "#204080"), frame).min() == 1


def test_a_photo_without_a_subject_is_reported():
    with pytest.raises(ValueError, match=r"nothing stands out in the photo; say where its subject is"):
        find_subject(Image.new("RGB", (96, 64), "#204080"))


def test_strokes_that_mark_nothing_are_reported():
    with pytest.raises(ValueError, match="all black; mark"):
        find_subject(path("ball"), Image.new("L", (64, 64)))
