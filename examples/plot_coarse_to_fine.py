"""
Coarse to fine
==============

A step costs as much as the picture has pixels. So the large shapes are made on a small picture, where steps are cheap,
and each finer size adds the detail that the coarser one could not show.
"""

import matplotlib.pyplot as plt

from styler import StyleTransfer, samples
from styler.images import read, resize
from styler.lesson import at_sizes, noise

photo = resize(read(samples.path("pagoda")), 144)
layers = ["relu1_1", "relu2_1", "relu3_1"]
painter = StyleTransfer(144, style_loss="moments", style_layers=layers, content_layers=["relu3_1"]).fit(
    samples.path("starry_night")
)

# %%
# Both pictures begin as the same noise, and the network looks at about as many pixels for each. At full size alone that
# is enough for a few steps, which draw fine lines only.
ways = {"48, 96 and 144 px": ([48, 96, 144], [12, 4, 1]), "144 px alone": ([144], [6])}

figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for axis, (name, (sizes, steps)) in zip(axes, ways.items(), strict=True):
    *_, last = at_sizes(painter, photo, sizes, steps, noise(photo))
    axis.imshow(last.image[0].movedim(0, -1))
    axis.set_title(f"{name}: {sum(steps)} steps")
    axis.axis("off")
plt.show()
