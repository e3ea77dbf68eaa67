"""
A step in a Pipeline, a search over strengths
=============================================

`StyleTransfer` is a scikit-learn transformer: it can be cloned, chained and searched.
"""

import matplotlib.pyplot as plt
from PIL import Image, ImageOps
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from styler import StyleTransfer, samples

# %%
# The search fits the painting and scores photos, so there is only one split. The score is minus the sum of two shares:
# the content that is lost and the style that is missed.
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
# The best estimator in a pipeline, with one step before it and one after.
crop = FunctionTransformer(lambda photo: ImageOps.fit(photo, (320, 240)))
frame = FunctionTransformer(lambda picture: ImageOps.expand(picture, 4, "white"))
painter = search.best_estimator_.set_params(size=96, max_iter=None)
framed = make_pipeline(crop, painter, frame).fit(Image.open(samples.path("starry_night")))

plt.imshow(framed.transform(Image.open(samples.path("pagoda"))))
plt.axis("off")
plt.show()
