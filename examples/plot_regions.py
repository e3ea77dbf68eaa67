"""
Regions, and the lecture's failed case
======================================

A lecture painted a subject in front of a busy background in the style of a nebula, and the subject disappeared in the
background. Such a style has little texture and much darkness, and the content distance treats subject and background
alike.

Regions solve this: each part of the picture gets its own style, or none.
"""

import matplotlib.pyplot as plt

from styler import StyleTransfer, samples
from styler.images import read, resize
from styler.subject import find_subject

photo = resize(read(samples.path("astronaut")), 96)
sky = samples.path("deep_field")
subject = find_subject(photo)

plain = StyleTransfer(64, preset="preview").fit(sky).transform(photo[0])
apart = StyleTransfer(64, preset="preview").fit({"background": sky, "subject": None})
behind = apart.transform(photo[0], regions={"subject": subject})

# %%
# The subject is found without a network that was trained for this task. Look at the mask before you trust it.
figure, axes = plt.subplots(1, 4, figsize=(10, 2.8), layout="constrained")
shown = {
    "the photo": photo[0].movedim(0, -1),
    "the subject found": subject,
    "one style everywhere": plain.movedim(0, -1),
    "the background alone": behind.movedim(0, -1),
}
for axis, (name, image) in zip(axes, shown.items(), strict=True):
    axis.imshow(image, cmap="gray")
    axis.set_title(name)
    axis.axis("off")
plt.show()
