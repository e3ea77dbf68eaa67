"""
A folder on Dask
================

Many photos are painted through joblib, so the work can run wherever joblib can, for instance on Dask's workers. In this
example the cluster is one worker in this process. For a real cluster use ``Client("tcp://scheduler:8786")``, and put
the folder on a disk that all machines see under the same name.
"""

import shutil
import tempfile
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
from distributed import Client
from PIL import Image

from styler import StyleTransfer, samples
from styler.many import paint_files

folder = Path(tempfile.mkdtemp())
(folder / "photos").mkdir()
for key in ("pagoda", "coffee"):
    shutil.copy(samples.path(key), folder / "photos")

painter = StyleTransfer(48, preset="preview", max_iter=4).fit(samples.path("starry_night"))

# %%
# A broken photo does not stop the others: its outcome has an `error` instead of a picture.
here = Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None)
with here, joblib.parallel_config(backend="dask"):
    outcomes = list(paint_files(painter, folder / "photos", folder / "out"))

figure, axes = plt.subplots(1, len(outcomes), figsize=(6, 2.6), layout="constrained")
for axis, outcome in zip(axes, outcomes, strict=True):
    axis.imshow(Image.open(outcome.picture))
    axis.set_title(Path(outcome.photo).name)
    axis.axis("off")
plt.show()
