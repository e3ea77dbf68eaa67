"""The numbers rank what is known to be better or worse; the command writes what it promises."""

import runpy
from itertools import islice

import pytest
import torch

from benchmarks import figures
from benchmarks.gatys import gatys
from benchmarks.quality import quality, style_distance
from benchmarks.timing import operations
from styler.estimator import seen_at
from styler.images import resize
from styler.samples import path

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
def test_a_figure_that_can_not_be_painted_is_told_in_a_sentence(arguments, says, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["figures", "content", *arguments])
    with pytest.raises(SystemExit) as ended:
        figures.main()
    assert ended.value.code == 2 and says in capsys.readouterr().err.splitlines()[-1]


def test_the_command_writes_results_and_a_sheet(tmp_path, monkeypatch):
    options = ["--quick", "--only", "styler preview", "--device", "cpu", "--output", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["benchmarks", *options])
    runpy.run_module("benchmarks", run_name="__main__")
    results = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "## Quality" in results and "pagoda+starry_night | styler preview" in results
    assert (tmp_path / "contact_sheet.jpg").stat().st_size > 1000
