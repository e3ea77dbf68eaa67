"""The measures rank what is known to be better or worse; the command writes what it promises."""

import json
import runpy
from itertools import islice
from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks import blind, figures
from benchmarks.gatys import gatys
from benchmarks.quality import foreign_colour, quality, style_distance
from benchmarks.timing import operations
from styler.images import resize
from styler.samples import path
from styler.style import seen_at

STYLE = ("style fine", "style middle", "style coarse")


def test_the_photo_is_all_content_and_no_style(photo, painting):
    q = quality(photo, painting, photo)
    assert [q[name] for name in STYLE] == pytest.approx([1, 1, 1])
    assert q["content"] == pytest.approx(1)
    assert q["frame"] == 0


def test_the_painting_is_all_style(photo, painting):
    q = quality(photo, painting, resize(seen_at(painting, 96), 96))
    assert max(q[name] for name in STYLE) < 0.5  # a quarter of 96 px is a small sample
    assert q["content"] < 0.5


def test_a_frame_and_noise_are_found(photo, painting):
    framed = torch.zeros_like(photo)
    framed[..., 6:-6, 6:-6] = photo[..., 6:-6, 6:-6]
    grainy = (photo + 0.05 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    clean, framed, grainy = (quality(photo, painting, picture) for picture in (photo, framed, grainy))
    assert framed["frame"] > 20 > 1 > grainy["frame"]
    assert grainy["noise"] > clean["noise"] + 4


def test_a_colour_that_the_painting_lacks_is_found(photo, painting):
    grey = painting.mean(1, keepdim=True).expand(painting.shape)[..., :16, :]
    assert foreign_colour(grey, grey) == 0 < 10 < foreign_colour(grey, photo[..., :16, :])


def test_plain_gatys_paints(photo, painting):
    *_, last = islice(gatys(photo, painting), 8)
    assert style_distance(photo, painting, last) < 0.9


def test_operations_of_one_layer():
    assert operations(100, ["relu1_1"]) == 2 * 2 * 9 * 3 * 64 * 100


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.jpg"], "nowhere.jpg does not exist"),
        ([str(path("cat")), "--size", "3"], "3 is not a whole number of 32 or more"),
        ([str(path("cat")), "--out", "nowhere/figure.png"], "create it first"),
    ],
)
def test_a_figure_that_can_not_be_painted_is_reported_in_a_sentence(arguments, says, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["figures", "content", *arguments])
    with pytest.raises(SystemExit) as ended:
        figures.main()
    assert ended.value.code == 2 and says in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
def test_the_command_writes_results_and_a_sheet(tmp_path, monkeypatch):
    options = ["--quick", "--only", "styler preview", "--device", "cpu", "--output", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["benchmarks", *options])
    runpy.run_module("benchmarks", run_name="__main__")
    results = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "## Quality" in results and "pagoda+starry_night | styler preview" in results
    assert (tmp_path / "contact_sheet.jpg").stat().st_size > 1000


def test_blind_sheets_show_two_pictures_and_keep_the_key_apart(tmp_path, monkeypatch):
    for folder, level in (("one", 0), ("other", 255)):
        (tmp_path / folder).mkdir()
        for name in "abcdefgh":
            Image.new("RGB", (40, 30), (level,) * 3).save(tmp_path / folder / f"{name}.png")
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "photo.png")
    (tmp_path / "pairs.csv").write_text("".join(f"{name},photo.png,photo.png\n" for name in "abcdefgh"))
    arguments = [str(tmp_path / name) for name in ("pairs.csv", "one", "other")]
    options = ["--out", str(tmp_path / "sheets"), "--key", str(tmp_path / "key.json"), "--seed", "3"]
    monkeypatch.setattr("sys.argv", ["blind", *arguments, *options])
    blind.main()
    key = json.loads((tmp_path / "key.json").read_text())
    assert {Path(found["A"]).name for found in key.values()} == {"one", "other"}
    for name, found in key.items():
        with Image.open(tmp_path / "sheets" / f"{name}.png") as sheet:
            a = sheet.getpixel((sheet.width // 4, 3 * sheet.height // 4))
        assert a == ((0,) * 3 if Path(found["A"]).name == "one" else (255,) * 3)


def test_a_key_among_the_sheets_is_refused(tmp_path, monkeypatch, capsys):
    options = ["--out", str(tmp_path), "--key", str(tmp_path / "key.json")]
    monkeypatch.setattr("sys.argv", ["blind", "pairs.csv", "one", "other", *options])
    with pytest.raises(SystemExit):
        blind.main()
    assert "keep the key in another folder" in capsys.readouterr().err
