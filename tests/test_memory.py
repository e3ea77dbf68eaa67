"""Memory: what a budget decides, and pictures that are painted by tiles or resumed."""

import ctypes
from itertools import accumulate

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from styler import StyleTransfer, checkpoint, memory, samples
from styler.descent import Descent
from styler.memory import GB, LOOK, available, freed_memory_kept, plan, tile_side
from styler.painting import Point
from styler.recipe import Recipe
from styler.schedule import planned, schedule

CPU = torch.device("cpu")
STRIP = Image.open(samples.path("starry_night")).resize((320, 64))  # quick to learn


def test_some_memory_is_free():
    assert 1e6 < available(CPU) < 1e15


def test_a_budget_is_spent_on_the_whole_then_on_history_then_on_tiles():
    shape, steps = (4096, 4096), 10
    plans = [plan(shape, steps, gigabytes * GB, torch.bfloat16, 16) for gigabytes in (60, 25, 8, 3)]
    assert plans[0] == (None, steps)
    assert all(p.side and p.side % 16 == 0 for p in plans[2:])
    assert plans[1].history == plans[2].history == steps > plans[3].history
    assert tile_side(shape, 5e7, LOOK * 2, 16) < tile_side(shape, 2e8, LOOK * 2, 16)


def test_the_photos_features_take_memory_and_a_cpu_uses_tiles_of_a_fast_size():
    shape = (1024, 1024)
    bare, wide = (plan(shape, 0, 2 * GB, torch.bfloat16, 16, channels) for channels in (0.0, 64.0))
    assert bare.side is None and wide.side
    assert plan(shape, 0, 60 * GB, torch.bfloat16, 16, largest=1e6).side
    assert Recipe({}, {"relu1_1": 0.5, "relu4_2": 0.5}).content_channels == 64 + 512 / 64


def test_the_memory_of_a_container_is_what_it_may_have(tmp_path, monkeypatch):
    free, held = tmp_path / "memory.max", tmp_path / "memory.current"
    monkeypatch.setattr(memory, "CONTAINER", [("nowhere", "nowhere"), (free, held)])
    free.write_text("max\n")
    assert available(CPU) > 1e8
    free.write_text("90000000\n")
    held.write_text("80000000\n")
    (tmp_path / "memory.stat").write_text("anon 10\ninactive_file 30000000\n")
    assert available(CPU) == 40e6


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc")
def test_what_is_freed_is_kept_while_painting_and_then_given_back():
    held = psutil.Process().memory_info
    with freed_memory_kept(CPU, 1e5, 4 * GB):
        maps = [torch.ones(1 << 20) for _ in range(100)]
        full = held().rss
        del maps
        assert held().rss > full - 100e6
    assert held().rss < full - 300e6


def test_too_little_memory_is_reported_before_work():
    painter = StyleTransfer(2048, preset="preview", max_iter=2, max_memory=0.2)
    painter.fit(Image.open(samples.path("starry_night")).resize((64, 64)))
    with pytest.raises(ValueError, match=r"needs .* GB of memory and only 0.20 GB is available; make it smaller"):
        painter.transform(samples.path("cat"))


def test_large_pictures_take_several_steps_at_each_scale():
    assert min(scale.steps for scale in schedule(8192, "balanced")) >= 4
    small, large = ({scale.size: scale for scale in schedule(size, style_loss="moments")} for size in (1024, 2048))
    assert not small[512].recipe.content and large[512].recipe.content and not large[1024].recipe.content
    assert large[512].steps == large[256].steps > small[512].steps


def test_a_picture_by_tiles_is_the_picture():
    photo = np.asarray(Image.open(samples.path("astronaut")).resize((300, 75)))
    whole, tiled = (
        StyleTransfer(300, max_iter=3, max_memory=gigabytes, dtype="float32").fit(STRIP) for gigabytes in (4, 0.06)
    )
    sides = [
        planned(painter._network(), photo.shape[:2], painter.scales_, painter.max_memory * GB)[-1].side
        for painter in (whole, tiled)
    ]
    assert sides[0] is None and sides[1]
    difference = whole.transform(photo).astype(int) - tiled.transform(photo)
    assert np.abs(difference).mean() < 0.1


def test_a_resumed_picture_is_the_uninterrupted_one():
    painter = StyleTransfer(320, max_iter=9).fit(STRIP)
    photo = np.asarray(Image.open(samples.path("cat")).resize((160, 16))) / np.float32(255)
    stages = list(painter.staged_transform(photo))
    ends = list(accumulate(scale.steps for scale in painter.scales_))
    assert len(ends) == 3
    for step in (ends[0] - 2, ends[0], ends[1] - 1, ends[2] - 1):
        rest = list(painter.staged_transform(photo, resume=stages[step - 1].point))
        assert [s.step for s in rest] == [s.step for s in stages[step:]]
        assert [s.progress for s in rest] == pytest.approx([s.progress for s in stages[step:]])
        assert np.array_equal(rest[-1].image, stages[-1].image)
    with pytest.raises(TypeError, match=r"resume is of type int; give the point of a stage, stage\.point"):
        next(painter.staged_transform(photo, resume=2))
    with pytest.raises(ValueError, match="does not belong to this picture"):
        next(painter.staged_transform(photo, resume=Point(2, Descent(torch.zeros(1, 3, 5, 5)))))
    of_another = StyleTransfer(320, max_iter=9).fit(np.asarray(STRIP)[:, :99])
    with pytest.raises(ValueError, match="does not belong to this picture"):
        next(of_another.staged_transform(photo, resume=stages[1].point))


def test_a_checkpoint_belongs_to_one_picture(tmp_path):
    file, settings = tmp_path / "out.png.resume", {"strength": 0.5, "size": 64}
    one, other = torch.rand(2, 1, 3, 5, 4)
    point = Point(7, Descent(one, one[:, :1], ((one, other),), 0.3))
    assert checkpoint.read(file, settings) is None
    checkpoint.write(file, point, settings | {"device": "cpu"})
    found = checkpoint.read(file, settings)
    assert found is not None and (found.step, found.descent.share) == (7, 0.3)
    assert torch.equal(found.descent.x, one) and torch.equal(found.descent.P, one[:, :1])
    assert torch.equal(found.descent.history[0][0], one) and torch.equal(found.descent.history[0][1], other)
    with pytest.raises(ValueError, match=r"other settings \(strength\); give the same settings, or leave out --resume"):
        checkpoint.read(file, settings | {"strength": 0.7})
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(ValueError, match="is not a checkpoint, or is damaged; delete it"):
        checkpoint.read(file, settings)
