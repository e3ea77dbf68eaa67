"""Each example runs unchanged, as a script."""

import importlib.util
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the examples draw with matplotlib, which is not installed")

import matplotlib.pyplot as plt

SCRIPTS = sorted((Path(__file__).parents[1] / "examples").glob("plot_*.py"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use another working directory, and no window: figures are drawn and closed."""
    monkeypatch.chdir(tmp_path)
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.mark.filterwarnings("error::UserWarning:styler", "ignore:FigureCanvasAgg is non-interactive:UserWarning")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_an_example_runs(script: Path) -> None:
    assert '"""' in script.read_text()[:4]
    if "distributed" in script.read_text() and importlib.util.find_spec("distributed") is None:
        pytest.skip("this example needs dask, which is not installed")
    runpy.run_path(str(script), run_name="__main__")
    assert plt.get_fignums()


def test_there_are_examples() -> None:
    assert len(SCRIPTS) >= 9
