"""Each example runs as it stands, in a process of its own."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the examples draw with matplotlib, which is not installed")

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "examples").glob("plot_*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_an_example_runs(script: Path, tmp_path: Path) -> None:
    if "distributed" in script.read_text() and importlib.util.find_spec("distributed") is None:
        pytest.skip("this example needs dask, which is not installed")
    environment = os.environ | {"MPLBACKEND": "agg", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"}
    run = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:styler", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr
    assert '"""' in script.read_text()[:4]


def test_there_are_examples() -> None:
    assert len(SCRIPTS) >= 9
