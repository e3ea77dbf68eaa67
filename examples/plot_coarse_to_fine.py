"""
Coarse to fine
==============

The cost of a step grows with the number of pixels. So the large shapes are painted on a small picture, where steps are
cheap. Each finer size adds the detail that the coarser one could not show.
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
# Both pictures start from the same noise, and the network sees about the same number of pixels for each. At full size
# alone this is enough for a few steps only, and they draw nothing but fine lines.
ways = {"48, 96 and 144 px": ([48, 96, 144], [12, 4, 1]), "144 px alone": ([144], [6])}

figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for axis, (name, (sizes, steps)) in zip(axes, ways.items(), strict=True):
    *_, last = at_sizes(painter, photo, sizes, steps, noise(photo))
    axis.imshow(last.image[0].movedim(0, -1))
    axis.set_title(f"{name}: {sum(steps)} steps")
    axis.axis("off")
plt.show()
