"""A user's script, for mypy --strict to check against the installed package; it is not run."""

from pathlib import Path

import numpy as np
from PIL import Image

from styler import StyleTransfer

painter = StyleTransfer(size=64, strength=0.4).fit("painting.jpg")
picture = painter.transform("photo.jpg")
array = painter.transform(np.zeros((64, 64, 3), np.uint8))
for stage in painter.staged_transform(Image.new("RGB", (8, 8))):
    print(stage.progress, stage.losses["style"], stage.image)
seconds: float = painter.expected_seconds(Path("photo.jpg"))
best = painter.set_params(size=32).score(["photo.jpg"])
both = painter.fit_transform(["a.jpg"])
