"""
Content, style, and the plane between them
==========================================

The method of Gatys et al. rests on two distances. The *content distance* compares the feature maps of two pictures
place by place. The *style distance* compares which maps are active together, whatever the place. Every picture has one
of each, so it is a point in a plane, and painting is a walk in that plane. By default `StyleTransfer` also matches
strokes to places. This example does not.
"""

import matplotlib.pyplot as plt

from styler import StyleTransfer, samples
from styler.images import read, resize
from styler.lesson import blurred, content_maps, plane, recoloured, shifted

photo = resize(read(samples.path("pagoda")), 96)
painting = resize(read(samples.path("starry_night")), 96)

# %%
# Moving the photo changes its content a lot, and new colours change it little. The deeper a layer, the more it keeps
# things and the less it keeps pixels.
changes = {"moved": shifted(photo), "blurred": blurred(photo), "recoloured": recoloured(photo, painting)}
figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
for name, changed in changes.items():
    far = content_maps(photo, changed, size=96)
    axis.plot(list(far), [float(places.sum()) for places in far.values()], "o-", label=name)
axis.set_ylabel("distance from the photo's content")
axis.legend()

# %%
# A picture that starts as the photo moves away from the photo's content and towards the painting's style, step by step.
painter = StyleTransfer(
    64, style_loss="gram", content_loss="squared", init=photo[0], max_iter=10, preset="preview"
).fit(painting[0])
pictures = [stage.image for stage in painter.staged_transform(photo)][1::2]
places = plane(painter, photo, painting, pictures)

figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
axis.plot([place.content for place in places[2:]], [place.style for place in places[2:]], "o-")
for name, place in zip(("the photo", "the painting"), places, strict=False):
    axis.plot(place.content, place.style, "ko")
    axis.annotate(name, (place.content, place.style), xytext=(6, 6), textcoords="offset points")
axis.set(xlabel="distance from the photo's content", ylabel="distance from the painting's style", xlim=(-0.05, 1.3))
plt.show()
