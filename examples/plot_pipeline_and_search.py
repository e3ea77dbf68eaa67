"""
A step in a Pipeline, a search over strengths
=============================================

`StyleTransfer` is a transformer as scikit-learn's are: it can be cloned, chained and searched.
"""

import matplotlib.pyplot as plt
from PIL import Image, ImageOps
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from styler import StyleTransfer, samples

# %%
# What is fitted is the painting and what is scored are photos, so there is one split. The score is minus the sum
# of the content that is lost and the style that is missed, each as a share.
photos = [samples.path("pagoda")]
search = GridSearchCV(
    StyleTransfer(size=48, preset="preview", max_iter=4),
    {"strength": [0.2, 0.5, 0.8]},
    scoring=lambda painter, paintings: painter.score(photos),
    cv=[([0], [0])],
    error_score="raise",
).fit([samples.path("starry_night")])
print(search.best_params_)

# %%
# The best one in a pipeline, with a step before it and one after.
crop = FunctionTransformer(lambda photo: ImageOps.fit(photo, (320, 240)))
frame = FunctionTransformer(lambda picture: ImageOps.expand(picture, 4, "white"))
painter = search.best_estimator_.set_params(size=96, max_iter=None)
framed = make_pipeline(crop, painter, frame).fit(Image.open(samples.path("starry_night")))

plt.imshow(framed.transform(Image.open(samples.path("pagoda"))))
plt.axis("off")
plt.show()
