"""
A first picture
===============

A photo and a painting go in, and a picture comes out. `fit` learns the style of the painting; it needs no photo.
`transform` then paints any photo in that style.
"""

import matplotlib.pyplot as plt

from styler import StyleTransfer, samples

painter = StyleTransfer(size=96, preset="preview").fit(samples.path("starry_night"))

# %%
# A picture forms in steps, and you can look at each of them. Stop whenever you like the picture.
stages = list(painter.staged_transform(samples.path("pagoda")))

figure, axes = plt.subplots(1, 3, figsize=(9, 2.4), layout="constrained")
for axis, stage in zip(axes, (stages[0], stages[len(stages) // 2], stages[-1]), strict=True):
    axis.imshow(stage.image)
    axis.set_title(f"step {stage.step} of {stage.n_steps}")
    axis.axis("off")
plt.show()
