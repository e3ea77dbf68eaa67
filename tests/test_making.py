"""The making of a picture: a short film of it."""

import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from styler import StyleTransfer, making, samples
from styler.cli import main


def seen(path: Path) -> tuple[list[np.ndarray], float]:
    """The frames of a film, and how long it is in seconds."""
    with Image.open(path) as film:
        frames, long = [], 0
        for i in range(film.n_frames):
            film.seek(i)
            frames.append(np.asarray(film.convert("RGB"), float))
            long += film.info["duration"]
    return frames, long / 1000


def test_the_stages_of_a_picture_make_a_film(tmp_path: Path) -> None:
    painter = StyleTransfer(64, preset="preview").fit(samples.path("starry_night"))
    photo = Image.open(samples.path("cat"))
    pictures = [photo, *(stage.image for stage in painter.staged_transform(photo))]
    making.save_making_of(pictures, tmp_path / "film.webp")
    frames, long = seen(tmp_path / "film.webp")
    assert 2 <= long <= 4
    for frame, picture in ((frames[0], photo), (frames[-1], pictures[-1])):
        expected = np.asarray(picture.convert("RGB").resize(frame.shape[1::-1]), float)
        assert abs(frame - expected).mean() < 15
    assert abs(frames[0] - frames[-1]).mean() > 30


def test_a_film_of_many_large_pictures_stays_small() -> None:
    noise = np.random.default_rng(0)
    frames = [making.small(noise.integers(0, 256, (600, 900, 3), np.uint8)) for _ in range(8)] * 12
    assert len(making.thinned(frames)) == making.FRAMES + 2
    data = making.film(frames)
    assert len(data) <= making.MOST_BYTES
    with Image.open(io.BytesIO(data)) as film:
        assert max(film.size) == making.SIDE


def test_frames_cost_a_small_share_of_the_time() -> None:
    film, photo, begun = making.Film(Image.new("RGB", (64, 64))), Image.new("RGB", (512, 512)), time.monotonic()

    def slow() -> Image.Image:
        time.sleep(0.02)
        return photo

    while (passed := time.monotonic() - begun) < 1.5:
        film.take(slow)
        time.sleep(0.001)
    assert 1 <= len(film.frames) - 1 <= 1 + making.SHARE * passed / 0.02
    film.take(slow, last=True)
    assert len(film.frames) >= 3


def test_the_command_writes_the_making_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = [str(samples.path("cat")), str(samples.path("starry_night")), "-o", str(tmp_path / "out.png")]
    options = ["--size", "48", "--preset", "preview", "--quiet", "--making-of"]
    assert main([*sides, *options, str(tmp_path / "film.webp")]) == 0
    assert len(seen(tmp_path / "film.webp")[0]) >= 3
    for bad, sentence in (("film.gif", "ends in .webp"), ("out.png", "is the name of the picture or the mask")):
        assert main([*sides, *options, str(tmp_path / bad)]) == 2
        assert sentence in capsys.readouterr().err
