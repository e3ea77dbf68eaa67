"""
What VGG-19 sees
================

VGG-19 was trained to name the things in photos. To find a name it turns the photo into feature maps, layer by layer. A
map is bright where the layer finds the map's pattern. The first layers find edges and colours at every pixel. The last
ones find parts of things, and no longer know exactly where these are.
"""

import matplotlib.pyplot as plt

from styler import samples
from styler.lesson import feature_maps, strongest

layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
maps = feature_maps(samples.path("pagoda"), layers)

# %%
# The three maps of each layer that differ most from place to place. They get coarser from left to right, as each block
# of layers halves the maps.
figure, axes = plt.subplots(3, 5, figsize=(10, 4.4), layout="constrained")
for column, layer in zip(axes.T, layers, strict=True):
    column[0].set_title(layer)
    for axis, channel in zip(column, strongest(maps[layer], 3), strict=True):
        axis.imshow(maps[layer][0, channel], cmap="gray")
        axis.axis("off")
plt.show()
