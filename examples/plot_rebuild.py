"""
What a layer knows: content and style rebuilt from noise
========================================================

Figure 1 of the paper: start from noise, use one of the two distances as the loss, and run gradient descent on the
pixels. The content of an early layer brings back the photo; a late layer only keeps what is where. The style of early
layers is a texture of small strokes; later layers add larger shapes.
"""

import matplotlib.pyplot as plt

from styler import samples
from styler.images import read, resize
from styler.lesson import rebuilder

images = {name: resize(read(samples.path(key)), 64) for name, key in (("content", "pagoda"), ("style", "starry_night"))}

figure, axes = plt.subplots(2, 4, figsize=(9, 3.6), layout="constrained")
for row, (what, image) in zip(axes, images.items(), strict=True):
    row[0].imshow(image[0].movedim(0, -1))
    row[0].set_title(f"image for {what}")
    for axis, layer in zip(row[1:], ("relu1_1", "relu2_1", "relu3_1"), strict=True):
        rebuilt = rebuilder(what, [layer], 64, max_iter=16).fit(image[0]).transform(image[0])
        axis.imshow(rebuilt.movedim(0, -1))
        axis.set_title(f"{what} of {layer}")
for axis in axes.flat:
    axis.axis("off")
plt.show()
