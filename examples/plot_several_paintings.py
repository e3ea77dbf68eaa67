"""
Several paintings
=================

Several paintings can share a picture. Each place of the picture is matched to the painting that suits it better.
`sample_weight` says what share of the places each painting gets. The statistics are mixed in the same shares.
"""

import matplotlib.pyplot as plt

from styler import StyleTransfer, samples

paintings = [samples.path("starry_night"), samples.path("great_wave")]

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for axis, share in zip(axes, (0.0, 0.5, 1.0), strict=True):
    painter = StyleTransfer(64, preset="preview").fit(paintings, sample_weight=[1 - share, share])
    axis.imshow(painter.transform(samples.path("cat")))
    axis.set_title(f"{1 - share:.0%} The Starry Night\n{share:.0%} The Great Wave")
    axis.axis("off")
plt.show()
