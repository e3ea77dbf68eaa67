"""What several tests share: sample images and the real network."""

import gc
import os
import warnings

# Tests run in parallel: with more threads they would wait for one another. Set before torch, which reads it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

# Slow files, slowest first, so that the workers finish together. The others follow as pytest finds them.
LONG = ["demo", "many", "security", "cli", "tiles", "benchmarks", "estimator", "zerogpu", "demo_api", "painting"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {f"test_{name}.py": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path.name, len(LONG)))


# What follows imports torch where it is used: the process that hands out the tests does without.
@pytest.fixture(scope="session")
def network():
    from styler.recipe import CONTENT_LAYER, STYLE_LAYERS
    from styler.vgg import VGG19
    from styler.weights import load_state

    return VGG19(load_state(), [*STYLE_LAYERS, CONTENT_LAYER])


def small(key: str):
    from styler import images, samples

    return images.resize(images.read(samples.path(key)), 96)


@pytest.fixture(scope="session")
def photo():
    return small("cat")


@pytest.fixture(scope="session")
def painting():
    return small("starry_night")


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


@pytest.fixture(params=["float32", "bfloat16"])
def dtype(request: pytest.FixtureRequest) -> str:
    """A test that paints runs in each of these types that the machine computes in without emulation."""
    import torch

    from styler.vgg import fast_dtype

    if request.param == "bfloat16" and fast_dtype(torch.device("cpu")) != torch.bfloat16:
        pytest.skip("this machine has no bfloat16, or STYLER_DTYPE=float32 says so")
    return request.param
