"""
Which colours
=============

`colors` chooses the colours of the picture: the painting's, the photo's place by place, the photo's on the whole, or
the painting's without its strokes.
"""

import matplotlib.pyplot as plt

from styler import StyleTransfer, samples

painter = StyleTransfer(64, preset="preview").fit(samples.path("village_street"))

# %%
# `fit` learns the same from the painting whatever `colors` is, so one `fit` is enough for all four.
figure, axes = plt.subplots(1, 4, figsize=(10, 2.4), layout="constrained")
for axis, colors in zip(axes, ("painting", "photo", "matched", "palette"), strict=True):
    axis.imshow(painter.set_params(colors=colors).transform(samples.path("coffee")))
    axis.set_title(colors)
    axis.axis("off")
plt.show()
