"""The page on ZeroGPU: the package's own wrapper paints in a forked process; only its scheduler is replaced."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from styler import StyleTransfer, samples

# The scheduler here lends one GPU, which is really this machine's processor.
HOST = """
import time
import psutil
import spaces
from spaces.zero import client
from spaces.zero.api import ScheduleResponse

asked, returned = [], []

def schedule(duration, **_):
    asked.append(duration.total_seconds())
    return ScheduleResponse(idle=True, nvidiaIndex=0, nvidiaUUID="none", allowToken="token")

client.schedule, client.startup_report = schedule, lambda: None
client.allow, client.release = lambda token: None, lambda token, **failed: returned.append(failed)
spaces.zero.torch.init, spaces.zero.torch.move = lambda uuid: None, lambda callback: None

from styler import samples
from styler.demo import painting
from styler.demo.orders import order

def file(key):
    return {"path": str(samples.path(key))}

def wish(preset, size, **more):
    return order(file("cat"), [file("starry_night")], None, preset, 0.5, size, **more)

def idle():
    (worker,) = psutil.Process().children()
    for _ in range(20):
        if worker.cpu_percent(0.2) < 10:
            return True
    return False

views = list(painting.paint(wish("preview", 64), "a"))
assert views[-1].note.startswith("Done after") and len(views[-1].steps) > 5, views
assert returned == [{}] and 10 < asked[0] < 120, (returned, asked)
assert not list(painting.paint(wish("preview", 64), "a"))[0].note.startswith("Painting") and len(asked) == 1

on = painting.paint(wish("fine", 128), "b")
for view in on:
    if view.steps and not view.last:
        painting.stop("b")
assert view.note.startswith("Stopped after"), view
assert asked[1] > asked[0]
assert idle()

on = painting.paint(wish("fine", 129), "c")
while not next(on).steps:
    pass
on.close()  # as when the tab is closed
assert idle() and len(returned) == 3, returned
assert list(painting.paint(wish("preview", 66, colors="palette"), "d"))[-1].last
"""


@pytest.mark.slow
def test_a_picture_is_painted_and_stopped_in_the_process_that_has_the_gpu() -> None:
    pytest.importorskip("spaces", reason="ZeroGPU's package is not installed")
    pytest.importorskip("gradio", reason="the page needs gradio, which is not installed")
    zero = {"SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": "http://127.0.0.1:9", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", HOST], env=os.environ | zero, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("colors", ["painting", "palette"])
def test_a_stage_goes_to_another_process_as_a_picture_and_numbers(colors: str) -> None:
    painter = StyleTransfer(64, preset="preview", colors=colors).fit(samples.path("starry_night"))
    stage = next(painter.staged_transform(samples.path("cat")))
    sent = pickle.dumps(stage)
    got = pickle.loads(sent)
    assert len(sent) < 3 * 64 * 64 + 5000
    assert isinstance(got.image, Image.Image) and np.array_equal(got.image, stage.image)
    assert (got.losses, got.step, got.n_steps, got.progress) == (stage.losses, 1, stage.n_steps, stage.progress)
    tensor = next(painter.staged_transform(torch.rand(3, 64, 64)))
    assert pickle.loads(pickle.dumps(tensor)).image.equal(tensor.image)
