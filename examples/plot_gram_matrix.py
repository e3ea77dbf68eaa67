"""
The Gram matrix forgets places
==============================

A Gram matrix adds up over all places which maps light up together. A sum does not know its order: cut a painting into
tiles, shuffle them, and the matrix is nearly the same, though the picture is nonsense. Only what lies across the cuts
changes, and a deep layer sees far across them.
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
# Above the pictures, below their Gram matrices at relu3_1, of the 32 maps that the painting uses most.
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
# The same in numbers: 0 is the painting's own matrix, 1 is as far as a black image's.
for name, image in images.items():
    far = style_distances(image, painting, ["relu1_1", "relu2_1", "relu3_1", "relu4_1"])
    print(f"{name:17}", *(f"{layer} {distance:.3f}" for layer, distance in far.items()))
plt.show()
