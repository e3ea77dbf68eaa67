"""
A first picture
===============

A photo and a painting go in, a picture comes out. `fit` looks at the painting and keeps what makes its style; no
photo is needed for that. `transform` then paints any photo in it.
"""

import matplotlib.pyplot as plt

from styler import StyleTransfer, samples

painter = StyleTransfer(size=96, preset="preview").fit(samples.path("starry_night"))

# %%
# A picture comes about in steps, and each can be looked at: stop whenever it is good.
stages = list(painter.staged_transform(samples.path("pagoda")))

figure, axes = plt.subplots(1, 3, figsize=(9, 2.4), layout="constrained")
for axis, stage in zip(axes, (stages[0], stages[len(stages) // 2], stages[-1]), strict=True):
    axis.imshow(stage.image)
    axis.set_title(f"step {stage.step} of {stage.n_steps}")
    axis.axis("off")
plt.show()
