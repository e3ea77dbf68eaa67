"""
The Gram matrix forgets places
==============================

A Gram matrix sums, over all places, which maps are active together. The order of a sum does not matter. So if you cut a
painting into tiles and shuffle them, the matrix stays nearly the same, though the picture is nonsense. Only features
that reach across the cuts change, and a deep layer reaches far across them.
"""

import matplotlib.pyplot as plt

from styler import samples
from styler.images import read, resize
from styler.lesson import gram_matrices, shuffle_tiles, style_distances

painting = resize(read(samples.path("starry_night")), 192)
images = {
    "the painting": painting,
    "shuffled": shuffle_tiles(painting, 4),
    "another painting": resize(read(samples.path("great_wave")), 192),
}

# %%
# The pictures are at the top. Below are their Gram matrices at relu3_1, for the 32 maps that the painting uses most.
grams = {name: gram_matrices(image, ["relu3_1"])["relu3_1"].gram for name, image in images.items()}
used = grams["the painting"].diagonal().topk(32).indices
figure, axes = plt.subplots(2, 3, figsize=(8, 5), layout="constrained")
for column, (name, image) in zip(axes.T, images.items(), strict=True):
    column[0].set_title(name)
    column[0].imshow(image[0].movedim(0, -1))
    column[1].imshow(grams[name][used][:, used].sqrt(), cmap="gray")
    for axis in column:
        axis.axis("off")

# %%
# The same in numbers: 0 is the painting's own matrix, and 1 is the distance of a black image's matrix.
for name, image in images.items():
    far = style_distances(image, painting, ["relu1_1", "relu2_1", "relu3_1", "relu4_1"])
    print(f"{name:17}", *(f"{layer} {distance:.3f}" for layer, distance in far.items()))
plt.show()
