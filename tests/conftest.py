"""What several tests share: sample images and the real network."""

import gc
import os
import warnings

# Tests run in parallel: with more threads they would wait for one another. Set before torch, which reads it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch

from styler import samples
from styler.images import read, resize
from styler.recipe import CONTENT_LAYER, STYLE_LAYERS
from styler.vgg import VGG19, fast_dtype
from styler.weights import load_state

# The types that this machine computes in without emulation.
WORKING = sorted({"float32", str(fast_dtype(torch.device("cpu"))).removeprefix("torch.")})


# Slow files, slowest first, so that the workers finish together. The others follow as pytest finds them.
LONG = ["demo", "many", "security", "cli", "estimator", "benchmarks", "tiles", "demo_api", "zerogpu"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {f"test_{name}.py": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path.name, len(LONG)))


@pytest.fixture(scope="session")
def network() -> VGG19:
    return VGG19(load_state(), [*STYLE_LAYERS, CONTENT_LAYER])


@pytest.fixture(scope="session")
def photo() -> torch.Tensor:
    return resize(read(samples.path("cat")), 96)


@pytest.fixture(scope="session")
def painting() -> torch.Tensor:
    return resize(read(samples.path("starry_night")), 96)


@pytest.fixture
def rgb():
    """Pixels of 24 x 40: three different ramps, so that swapped axes or channels can't pass."""
    y, x = np.mgrid[:24, :40]
    return np.stack([x * 6, y * 10, 255 - x * 3 - y * 4], axis=-1).astype(np.uint8)


@pytest.fixture(scope="module")
def nothing_left_over() -> None:
    """Drop what other files' tests have left open, so that its warnings don't hit the tests of this file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


@pytest.fixture(params=WORKING)
def dtype(request: pytest.FixtureRequest) -> str:
    """A test that paints runs in each of these types."""
    return request.param
