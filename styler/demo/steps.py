"""The seven steps of the lesson: the text, the controls and the figure of each."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from styler import lesson
from styler.demo import measured, painted
from styler.demo.checks import choice, number
from styler.demo.line import Line
from styler.demo.orders import STYLE_LOSSES, Recent
from styler.demo.painted import Figures
from styler.demo.painting import MAKINGS
from styler.demo.uploads import Upload, given
from styler.recipe import CONTENT_LAYER, STYLE_LAYERS

LEARNING = 12  # visitors who may wait for a figure; the next is asked to come back later
LINE = Line(1, LEARNING)  # figures have a line of their own, as they take seconds and paintings take longer
USUAL, LONGEST = 3.0, 30.0  # seconds that a figure takes as a rule, and after which it ends unfinished


@dataclass(frozen=True)
class Pick:
    """A control that offers several options."""

    label: str
    options: Mapping[str, str]
    value: str

    def check(self, value: Any) -> str:
        return choice(self.label.lower(), value, self.options)


@dataclass(frozen=True)
class Turn:
    """A slider for a number."""

    label: str
    low: float
    high: float
    value: float
    step: float = 1

    def check(self, value: Any) -> float:
        return number(self.label.lower(), value, self.low, self.high)


@dataclass(frozen=True)
class Step:
    """A step of the lesson: its title, at most four sentences, its controls, and what draws its figure."""

    title: str
    words: str
    controls: Sequence[Pick | Turn]
    draw: Callable[..., Figures] = field(repr=False)


@dataclass(frozen=True)
class Asked:
    """A figure that a visitor asks for; equal to any other with the same pictures and values."""

    number: int
    photo: Upload
    painting: Upload
    values: tuple[Any, ...]
    made: str = ""  # the key in `MAKINGS` of a painting's frames, for the plane


DRAWN: Recent[str] = Recent(48)


def asked(number_: Any, photo: Any, painting: Any, values: Sequence[Any], painted: Any = None) -> Asked:
    """Check a request for a figure.

    Parameters
    ----------
    number_ : object
        The number of the step, from 1.
    photo, painting : object
        The chosen files.
    values : sequence of object
        The values of all steps' controls; only those of the step itself are used.
    painted : object, optional
        The PNG of the last painted picture, if any.

    Returns
    -------
    Asked
    """
    n = int(choice("step", number_, [str(i + 1) for i in range(len(STEPS))]))
    begin = sum(len(step.controls) for step in STEPS[: n - 1])
    controls = STEPS[n - 1].controls
    own = tuple(control.check(value) for control, value in zip(controls, values[begin:], strict=False))
    order = Asked(n, Upload.of(photo, "photo"), Upload.of(painting, "painting"), own)
    if STEPS[n - 1].draw is measured.walk and own[0] == "painted":
        return replace(order, made=made_of(order, painted))
    return order


def made_of(order: Asked, painted: Any) -> str:
    """Return the key in `MAKINGS` of the last picture's frames if it was painted from this pair, else ""."""
    if given(painted) is None:
        return ""
    upload = Upload.of(painted, "picture")
    sources = upload.settings().get("sha256", {}) if MAKINGS.get(upload.digest) else {}
    return upload.digest if {order.photo.digest, order.painting.digest} <= {*sources.values()} else ""


def draw(order: Asked) -> Generator[str | int, None, None]:
    """Draw a figure.

    Parameters
    ----------
    order : Asked

    Yields
    ------
    int or str
        How many figures are ahead, while there are any; then the figure so far, and at last the whole figure.

    Raises
    ------
    ValueError
        If an image can't be read or fetched, or too many are waiting.
    """
    with closing(LINE.turn(lambda: USUAL)) as turn:
        for place in turn:
            if not place.ahead or DRAWN.get(order):  # a class of students asks for the same figure
                break
            yield place.ahead
        drawn = DRAWN.get(order) or ""
        if drawn:
            yield drawn
            return
        photo, painting = order.photo.read(painted.SHOWN), order.painting.read(painted.SHOWN)
        more = [MAKINGS.get(order.made)] if order.made else []
        with closing(STEPS[order.number - 1].draw(photo, painting, *order.values, *more)) as figures:
            for drawn in lesson.within(figures, LONGEST):
                yield drawn
        if drawn:
            DRAWN.keep(order, drawn)


CHANGES = {key: words[0].upper() + words[1:] for key, (words, _) in measured.CHANGES.items()}
LAYER_CHOICES = {layer: layer for layer in lesson.LAYERS}
STYLE_CHOICES = {layer: layer for layer in STYLE_LAYERS}
SUBJECTS = {"astronaut": "The astronaut", "chosen": "The chosen photo"}
SKIES = {
    "deep_field": "A deep sky photo",
    "pillars": "The Pillars of Creation (downloaded once)",
    "chosen": "The chosen painting",
}
RUNS = {"painted": "Your picture from the first tab", "small": "A small one, with these weights"}
COMPARED = {loss: STYLE_LOSSES[loss] for loss in ("gram", "neighbors")}
STEPS = (
    Step(
        "What the network sees",
        "VGG-19 is a network that learned to name the things in photos. Each of its layers has feature maps, and each "
        "map lights up where it finds its pattern. The first layers find edges and colours; the last find parts of "
        "things. Tap a map to see where it lights up.",
        [Pick("Layer", STYLE_CHOICES, "relu3_1")],
        measured.maps,
    ),
    Step(
        "Content",
        "The content loss is the distance between the feature maps of two pictures, place by place. It is large when "
        "the photo is moved. It is smaller when only its colours change, above all in the deep layers. That is why "
        "painting uses relu4_2.",
        [
            Pick("Change", CHANGES, "shifted"),
            Pick("Layer of the map", LAYER_CHOICES, CONTENT_LAYER),
        ],
        measured.content,
    ),
    Step(
        "Style",
        "The Gram matrix adds up, over all places, which feature maps light up together. So it knows which strokes "
        "there are, but not where. Shuffle the painting's tiles, and its matrix stays nearly the same. The style loss "
        "is the distance between the picture's Gram matrix and the painting's.",
        [Pick("Layer of the matrix", STYLE_CHOICES, "relu3_1"), Turn("Tiles across", 1, 16, 4)],
        measured.style,
    ),
    Step(
        "The plane",
        "Each picture has two distances: one from the photo's content and one from the painting's style. They make it "
        "a point in a plane. Painting walks from the photo towards the painting. Two weights decide where it stops, "
        "and only their ratio counts.",
        [
            Pick("Picture to follow", RUNS, "painted"),
            Turn("Weight of content", 0, 1, 0.5, 0.1),
            Turn("Weight of style", 0, 1, 0.5, 0.1),
        ],
        measured.walk,
    ),
    Step(
        "Gradient descent",
        "The network stays fixed, and the pixels change. Each step moves all pixels a little so that the weighted sum "
        "of the two distances shrinks. Here we start from noise and use one distance alone. Content brings back the "
        "photo, and style makes the painting's texture.",
        [
            Pick("Keep", {"content": "The photo's content", "style": "The painting's style"}, "content"),
            Pick("Layer to rebuild from", LAYER_CHOICES, "relu2_1"),
            Turn("Starting noise", 0, 9, 0),
        ],
        painted.descent,
    ),
    Step(
        "From 30 minutes to seconds",
        "Hundreds of steps at full size take an ordinary processor half an hour. Many cheap steps on a small picture "
        "make the large shapes, and a few steps at full size add detail. Both pictures here started from the same "
        "noise and took the same time.",
        [Turn("Size of the picture in px", 96, 240, 144, 24)],
        painted.scales,
    ),
    Step(
        "When it fails, and why",
        "A lecture on this method painted a subject in the style of a nebula, and the subject sank into the dark. Such "
        "a style has less texture than strokes of paint, and the content loss can't tell subject from background. "
        "Painting the background alone keeps the subject. Nearest-neighbour matching, the first tab's default, helps "
        "little here.",
        [
            Pick("Photo to paint", SUBJECTS, "astronaut"),
            Pick("Style to use", SKIES, "deep_field"),
            Pick("Style loss", COMPARED, "gram"),
            Turn("Strength of the style", 0, 1, 0.3, 0.1),
        ],
        painted.failure,
    ),
)
