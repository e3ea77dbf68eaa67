"""The seven steps of the lesson: what each says, what can be turned, and its figure."""

import io
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from styler import images, lesson, samples
from styler.demo import advice, figure
from styler.demo.checks import choice, number
from styler.demo.figure import WIDTH, fitted
from styler.demo.line import Line
from styler.demo.orders import STYLE_LOSSES, Recent
from styler.demo.painting import MAKINGS
from styler.demo.uploads import Upload, given
from styler.estimator import StyleTransfer
from styler.recipe import CONTENT_LAYER, STYLE_LAYERS
from styler.subject import find_subject

LEARNING = 12  # visitors who wait for a figure; the next is asked to come back
LINE = Line(1, LEARNING)  # a figure takes seconds and a painting more, so they have lines of their own
USUAL, LONGEST = 3.0, 30.0  # seconds that a figure takes, and after which it ends as it is
SMALL = 96  # px; of what is painted for a figure
SMALLER = 80  # px; where there are two of them, or each step is looked at
SHOWN = 320  # px; of what is shown of the photo and the painting
GRAM_CHANNELS = 32
POINTS = 7  # of a painting's way; each takes a look by the network
SHALLOW = STYLE_LAYERS[:3]  # enough to tell coarse to fine from one scale, and quick
COARSE_TO_FINE = (12, 4, 1)  # steps, at a third of the size, at two thirds and at the whole
SHOWN_STEPS = (1, 6, 12)  # of them; the last is shown anyway

Figures = Generator[str, None, None]


@dataclass(frozen=True)
class Pick:
    """One of several words to choose."""

    label: str
    options: Mapping[str, str]
    value: str

    def check(self, value: Any) -> str:
        return choice(self.label.lower(), value, self.options)


@dataclass(frozen=True)
class Turn:
    """A number to turn."""

    label: str
    low: float
    high: float
    value: float
    step: float = 1

    def check(self, value: Any) -> float:
        return number(self.label.lower(), value, self.low, self.high)


@dataclass(frozen=True)
class Step:
    """A step of the lesson: its name, one or two sentences, its controls, and what draws its figure."""

    title: str
    words: str
    controls: Sequence[Pick | Turn]
    draw: Callable[..., Figures] = field(repr=False)


@dataclass(frozen=True)
class Asked:
    """A figure that somebody wants; two of the same pictures and values are equal."""

    number: int
    photo: Upload
    painting: Upload
    values: tuple[Any, ...]
    made: str = ""  # the key of a painting's pictures on its way, for the plane


DRAWN: Recent[str] = Recent(48)


def asked(number_: Any, photo: Any, painting: Any, values: Sequence[Any], painted: Any = None) -> Asked:
    """Check what is asked for; the values are those of all steps' controls, and only the step's own are looked at.

    Parameters
    ----------
    number_ : object
        The step's, from 1.
    photo, painting : object
        The files that are chosen.
    values : sequence of object
    painted : object, optional
        The PNG of the picture that was painted last, if any.

    Returns
    -------
    Asked
    """
    n = int(choice("step", number_, [str(i + 1) for i in range(len(STEPS))]))
    begin = sum(len(step.controls) for step in STEPS[: n - 1])
    controls = STEPS[n - 1].controls
    own = tuple(control.check(value) for control, value in zip(controls, values[begin:], strict=False))
    order = Asked(n, Upload.of(photo, "photo"), Upload.of(painting, "painting"), own)
    if STEPS[n - 1].draw is walk and own[0] == "painted":
        return replace(order, made=made_of(order, painted))
    return order


def made_of(order: Asked, painted: Any) -> str:
    """By which key `MAKINGS` has the pictures on the way to what was painted, if it was of this pair; else nothing."""
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
        How many figures are drawn before it, as long as there are any; then the figure so far, at last the whole.

    Raises
    ------
    ValueError
        If an image can't be read or fetched, or too many are waiting.
    """
    with closing(LINE.turn(lambda: USUAL)) as turn:
        for place in turn:
            if not place.ahead or DRAWN.get(order):  # a class asks for the same
                break
            yield place.ahead
        drawn = DRAWN.get(order) or ""
        if drawn:
            yield drawn
            return
        photo, painting = order.photo.read(SHOWN), order.painting.read(SHOWN)
        more = [MAKINGS.get(order.made)] if order.made else []
        with closing(STEPS[order.number - 1].draw(photo, painting, *order.values, *more)) as figures:
            for drawn in lesson.within(figures, LONGEST):
                yield drawn
        if drawn:
            DRAWN.keep(order, drawn)


def scaled(values: Tensor) -> Tensor:
    """A map brought to 0 to 1; the brightest hundredth is cut off, or one place would leave the rest dark."""
    return (values / values.quantile(0.99).clamp_min(1e-9)).clamp(0, 1)


def maps(photo: Tensor, painting: Tensor, layer: str) -> Figures:
    """The maps of a layer that tell most of the photo's places apart."""
    found = lesson.feature_maps(photo, [layer])[layer]
    width, height = fitted(photo, WIDTH, 240)
    x = (WIDTH - width) / 2
    box = (x, 0.0, width, height)
    body = [figure.picture(photo, *box, "The photo")]
    side = (WIDTH - 5 * 6) / 6
    tall = min(side, side * height / width)
    channels = lesson.strongest(found)
    for i, channel in enumerate(channels):
        seen = scaled(found[0, channel])
        left, top = (side + 6) * (i % 6), height + 26 + (tall + 8) * (i // 6)
        words = f"Map {channel} of {layer}"
        body.append(
            figure.spot(
                words,
                figure.cells(seen, left, top, side, tall, words),
                f'<rect class="edge" x="{left:.1f}" y="{top:.1f}" width="{side:.1f}" height="{tall:.1f}" fill="none" '
                'stroke="transparent" stroke-width="3"/>',
                figure.where(figure.lit(photo, seen, *box, f"Where map {channel} lights up in the photo")),
            )
        )
    rows = -(-len(channels) // 6)
    total = found.shape[1]
    body.append(figure.text(0, height + 18, f"{len(channels)} of the {total} maps of {layer}; bright is much"))
    yield figure.svg(f"What {layer} sees in the photo", height + 26 + (tall + 8) * rows, body)


CHANGES: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "shifted": ("moved by an eighth", lambda photo, painting: lesson.shifted(photo)),
    "blurred": ("blurred", lambda photo, painting: lesson.blurred(photo)),
    "recoloured": ("in the painting's colours", lesson.recoloured),
    "painting": ("the painting instead", lambda photo, painting: painting),
}


def content(photo: Tensor, painting: Tensor, change: str, layer: str) -> Figures:
    """How far a changed photo is from the photo, by layer and by place."""
    words, make = CHANGES[change]
    changed = images.resize(make(photo, painting), (photo.shape[-2], photo.shape[-1]))
    far = lesson.content_maps(photo, changed)
    side = (WIDTH - 2 * 6) / 3
    width, height = fitted(photo, side, 160)
    body = []
    for i, (title, shown) in enumerate((("the photo", photo), (words, changed), (f"where, at {layer}", changed))):
        left = (side + 6) * i
        body.append(figure.text(left, 12, title, size=11))
        if i < 2:
            body.append(figure.picture(shown, left, 18, width, height, title))
        else:
            told = f"The changed photo, bright where {layer} is farthest from the photo's"
            body.append(figure.lit(shown, scaled(far[layer]), left, 18, width, height, told))
    values = [(name, float(places.sum())) for name, places in far.items()]
    top = height + 42
    body.append(figure.text(0, top - 6, "content loss: 0 is the same, 2 has nothing in common"))
    body += figure.bars(values, top, 3, layer)
    yield figure.svg(f"The content distance of the photo {words}", top + 20 * len(values) + 4, body)


def style(photo: Tensor, painting: Tensor, layer: str, across: float) -> Figures:
    """The Gram matrices of the photo, the painting, its tiles shuffled, and the painted picture."""
    painted = run(photo, painting, 0.5)[-1]
    shuffled = lesson.shuffle_tiles(painting, int(across))
    panels = {
        "the photo": photo,
        "the painting": painting,
        "shuffled": shuffled,
        "photo, painted": painted,
    }
    grams = [lesson.gram_matrices(image, [layer], SMALL)[layer].gram for image in panels.values()]
    most = grams[1].diagonal().topk(min(GRAM_CHANNELS, len(grams[1]))).indices.sort().values
    bright = grams[1][most][:, most].max().clamp_min(1e-9)
    side = (WIDTH - 3 * 6) / 4
    body = [figure.text(0, side + 36, f"Gram matrix of {layer}: {len(most)} of its {len(grams[1])} maps")]
    body.append(figure.text(0, 2 * side + 62, "distance from the painting's matrix (0 is the same)"))
    for i, ((title, image), gram) in enumerate(zip(panels.items(), grams, strict=True)):
        left = (side + 6) * i
        width, height = fitted(image, side, side)
        body.append(figure.text(left, 12, title, size=11))
        body.append(figure.picture(image, left, 18 + (side - height) / 2, width, height, title))
        seen = (gram[most][:, most] / bright).clamp(0, 1).sqrt()
        body.append(figure.cells(seen, left, side + 42, side, side, f"Gram matrix of {title} at {layer}"))
        far = lesson.style_distances(image, painting, [layer], SMALL)[layer]
        body.append(figure.text(left, 2 * side + 84, f"{far:.3f}", size=16, colour=figure.INK))
    yield figure.svg(f"Which maps of {layer} light up together", 2 * side + 92, body)


def walk(
    photo: Tensor, painting: Tensor, whose: str, content: float, style: float, film: Sequence[bytes] | None = None
) -> Figures:
    """Where the photo, the painting and the pictures on the way are, by content and style."""
    strength = style / max(content + style, 1e-9)
    painter = as_in_the_paper(strength).fit(painting[0])
    if film:
        pictures = [images.read(Image.open(io.BytesIO(frame))) for frame in spread(film[1:], POINTS)]
        pictures = [lesson.recoloured(photo, painting), *pictures]
        names = ["the photo in the painting's colours", *(f"on the way, {i}" for i in range(1, len(pictures)))]
        told = "your picture from the first tab"
    else:
        pictures = [*run(photo, painting, strength)[1::2]]
        names, told = [f"step {2 * i + 2}" for i in range(len(pictures))], "a small picture, painted for this figure"
    places = lesson.plane(painter, photo, painting, pictures)
    best = lesson.goal(places, content, style)
    left, bottom, right, top = 34.0, 262.0, WIDTH - 12.0, 24.0
    wide, high = (1.08 * max(1.0, *(place[i] for place in places)) for i in (1, 2))

    def at(content: float, style: float) -> tuple[float, float]:
        return left + (right - left) * content / wide, bottom - (bottom - top) * style / high

    body = [
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="currentColor" opacity=".5"/>',
        figure.text(right, bottom + 30, "distance from the photo's content →", "end"),
        figure.text(0, 12, "↑ distance from the painting's style"),
        *(figure.text(at(v, 0)[0], bottom + 14, f"{v:g}", "middle", 11) for v in (0, 0.5, 1) if v <= wide),
        *(figure.text(left - 5, at(0, v)[1] + 4, f"{v:g}", "end", 11) for v in (0.5, 1) if v <= high),
    ]
    total = content * places[best].content + style * places[best].style
    ends = [at(total / content, 0), at(0, total / style)] if content and style else []
    if ends:
        line = f'<path d="M{ends[0][0]:.1f} {ends[0][1]:.1f}L{ends[1][0]:.1f} {ends[1][1]:.1f}" stroke="{figure.INK}"'
        frame = f'<clipPath id="plane"><rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}"/>'
        body.append(f'{frame}</clipPath>{line} stroke-dasharray="5 4" opacity=".8" clip-path="url(#plane)"/>')
    way = " ".join("{:.1f},{:.1f}".format(*at(*place[1:])) for place in places[2 + bool(film) :])
    body.append(f'<polyline points="{way}" fill="none" stroke="currentColor" opacity=".5"/>')
    width, height = fitted(photo, 150, 112)
    names = ["the photo", "the painting", *names]
    box = (right - width, top, width, height)
    body.append(figure.picture(places[-1].picture, *box, "The picture after the last step"))
    body.append(figure.text(right, top + height + 14, "the last picture; tap a point", "end", 11))
    for i, (name, place) in enumerate(zip(names, places, strict=True)):
        x, y = at(place.content, place.style)
        shown = figure.picture(place.picture, *box, name, 'preserveAspectRatio="xMidYMid slice"')
        ring = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="10" fill="none" stroke="{figure.INK}" stroke-width="2"/>'
        words = f"{name}: content {place.content:.2f}, style {place.style:.2f}"
        body.append(
            figure.spot(
                words + (" (the goal)" if i == best else ""),
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="14" fill="transparent"/>',
                f'<circle class="edge" cx="{x:.1f}" cy="{y:.1f}" r="{4 if film else 5}" fill="currentColor" '
                'stroke="transparent" stroke-width="4"/>',
                ring if i == best else "",
                figure.text(x + 12, y - 6, name) if i == 0 else "",
                figure.text(x - 4, y - 14, name, "end") if i == 1 else "",
                figure.text(x + 10, y + 4, "in the painting's colours", size=11) if i == 2 and film else "",
                figure.where(shown, figure.text(right, top + height + 29, words, "end", 11, figure.INK)),
            )
        )
    body.append(figure.text(left + 8, bottom - 8, "ring: the lowest weighted sum", size=11, colour=figure.INK))
    body.append(figure.text(0, bottom + 50, f"The way of {told}", size=11))
    yield figure.svg("The plane of content and style", bottom + 58, body)


def spread(frames: Sequence[bytes], n: int) -> list[bytes]:
    """So many frames from the first to the last, or all if they are fewer."""
    last = len(frames) - 1
    return [frames[i] for i in sorted({round(last * k / max(1, n - 1)) for k in range(n)})]


def descent(photo: Tensor, painting: Tensor, what: str, layer: str, seed: float) -> Figures:
    """A picture that comes out of noise, step by step."""
    target = photo if what == "content" else painting
    painter = lesson.rebuilder(what, [layer], SMALL, max_iter=30, seed=int(seed)).fit(target[0])
    side = (WIDTH - 6) / 2
    width, height = fitted(target, side, side)
    losses: list[float] = []
    told = "the photo" if what == "content" else "the painting"
    for stage in lesson.within(painter.staged_transform(target), 2.2):
        losses.append(sum(stage.losses[what].values()))
        if stage.step % 3 and stage.step != stage.n_steps:
            continue
        body = [
            figure.text(0, 12, f"from noise, after {stage.step} steps"),
            figure.picture(stage.image, 0, 18, width, height, f"The picture after {stage.step} steps"),
            figure.text(side + 6, 12, f"{told}, at {layer}"),
            figure.picture(target, side + 6, 18, width, height, told),
            figure.text(0, height + 38, f"{what} distance, log scale: {losses[0]:.3g} at first, {losses[-1]:.3g} now"),
            figure.curve(losses, 4, height + 48, (WIDTH - 8) * len(losses) / stage.n_steps, 60),
        ]
        yield figure.svg(f"From noise to {told} by its {what} at {layer}", height + 114, body)


def scales(photo: Tensor, painting: Tensor, size: float) -> Figures:
    """The same photo from the same noise, coarse to fine and at one scale, in the same time."""
    whole = int(size)
    sizes = [whole // 3, 2 * whole // 3, whole]
    painter = StyleTransfer(whole, style_loss="moments", style_layers=SHALLOW, content_layers=SHALLOW[-1:])
    painter.fit(painting[0])
    side = (WIDTH - 6) / 2
    width, height = fitted(photo, side, 240)
    coarse, alone = " → ".join(map(str, sizes)) + " px", f"{whole} px alone"
    made: dict[str, tuple[float, list[Tensor]]] = {coarse: (0, []), alone: (0, [])}

    def drawn(done: bool) -> str:
        body = []
        for i, (title, (seconds, pictures)) in enumerate(made.items()):
            left = (side + 6) * i
            body.append(figure.text(left, 14, title))
            if pictures:
                words = f"{len(pictures)} steps, {seconds:.1f} s"
                body += [
                    figure.picture(pictures[-1], left, 20, width, height, f"The picture, {title}, after {words}"),
                    figure.text(left, height + 38, words, colour=figure.INK),
                ]
            if done:
                far = lesson.style_distances(pictures[-1], painting, SHALLOW, SMALL).values()
                body.append(figure.text(left, height + 56, f"style distance {sum(far) / len(far):.2f}"))
        return figure.svg("Coarse to fine, and one scale, in the same time", height + 64, body)

    noise = lesson.noise(images.resize(photo, whole))
    for title, scaled, steps in ((coarse, sizes, COARSE_TO_FINE), (alone, [whole], [60])):
        begun, pictures = time.monotonic(), []
        for stage in lesson.at_sizes(painter, photo, scaled, steps, noise):
            pictures.append(stage.image)
            made[title] = (time.monotonic() - begun, pictures)
            if title == alone and made[alone][0] >= made[coarse][0]:
                break
            if stage.step in SHOWN_STEPS:
                yield drawn(False)
    yield drawn(True)


def failure(photo: Tensor, painting: Tensor, subject: str, sky: str, compared: str, strength: float) -> Figures:
    """A subject before a busy background, painted everywhere and on the background alone."""
    if subject != "chosen":
        photo = images.resize(images.read(samples.path(subject)), SHOWN)
    if sky != "chosen":
        painting = images.resize(images.read(samples.path(sky)), SHOWN)
    side = (WIDTH - 6) / 2
    width, height = fitted(photo, side, 170)
    rich, richer = (advice.texture(x) for x in (painting, images.read(samples.path("starry_night"))))
    panels = [("the photo", f"texture of the style: {rich:.2f} (The Starry Night: {richer:.2f})", photo)]

    def drawn() -> str:
        body = []
        for i, (name, words, image) in enumerate(panels):
            left, top = (side + 6) * (i % 2), (height + 44) * (i // 2)
            body += [
                figure.text(left, top + 12, name),
                figure.picture(image, left, top + 18, width, height, f"The subject, {name}"),
                figure.text(left, top + height + 32, words, colour=figure.INK),
            ]
        return figure.svg("The lecture's case, and the background painted alone", 2 * (height + 44), body)

    yield drawn()
    mask = torch.from_numpy(subject_of(Key(photo)))
    panels.append(("the subject found", "", mask[None, None].repeat(1, 3, 1, 1)))
    yield drawn()
    painter = StyleTransfer(SMALLER, strength, style_loss=compared, max_iter=3)
    for title, style, regions in (
        ("the style everywhere", painting[0], None),
        ("the background alone", {"background": painting[0], "subject": None}, {"subject": mask}),
    ):
        painted = painter.fit(style).transform(photo[0], regions=regions)[None]
        far = lesson.content_maps(photo, painted, [CONTENT_LAYER], SMALLER)[CONTENT_LAYER]
        inside = images.resize(mask[None, None], (far.shape[-2], far.shape[-1]))[0, 0] > 0.5
        held = float(far[inside].mean() if inside.any() else far.mean()) * far.numel()
        panels.append((title, f"subject is off by {held:.2f}", painted))
        yield drawn()


class Key:
    """An image that can be looked up by what is in it."""

    def __init__(self, image: Tensor) -> None:
        self.image, self.bytes = image, image.numpy().tobytes()

    def __hash__(self) -> int:
        return hash(self.bytes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.bytes == other.bytes


@lru_cache(maxsize=8)
def subject_of(photo: Key) -> Any:
    """The subject of a photo, found once."""
    return find_subject(photo.image)


def run(photo: Tensor, painting: Tensor, strength: float) -> tuple[Tensor, ...]:
    """The stages of a small painting that starts from the photo, as the paper's."""
    return _run(Key(photo), Key(painting), strength)


@lru_cache(maxsize=16)
def _run(photo: Key, painting: Key, strength: float) -> tuple[Tensor, ...]:
    painter = as_in_the_paper(strength).set_params(init=photo.image[0]).fit(painting.image[0])
    return tuple(stage.image for stage in painter.staged_transform(photo.image))


def as_in_the_paper(strength: float) -> StyleTransfer:
    """A small and quick painter with the losses that the lesson explains."""
    return StyleTransfer(SMALLER, strength, style_loss="gram", content_loss="squared", max_iter=8)


LAYER_CHOICES = {layer: layer for layer in lesson.LAYERS}
STYLE_CHOICES = {layer: layer for layer in STYLE_LAYERS}
SUBJECTS = {"astronaut": "The astronaut", "chosen": "The photo chosen"}
SKIES = {
    "deep_field": "A deep sky photo",
    "pillars": "The Pillars of Creation (fetched once)",
    "chosen": "The painting chosen",
}
RUNS = {"painted": "The picture painted on the first tab", "small": "A small one, by these weights"}
COMPARED = {loss: STYLE_LOSSES[loss] for loss in ("gram", "neighbors")}
STEPS = (
    Step(
        "What the network sees",
        "VGG-19 learned to name the things in photos. Each of its layers holds feature maps, which light up where they "
        "find their pattern: edges and colours in the first layers, parts of things in the last. Tap a map to see "
        "where it lights up.",
        [Pick("Layer", STYLE_CHOICES, "relu3_1")],
        maps,
    ),
    Step(
        "Content",
        "The content loss is the distance between the feature maps of two pictures, place by place. It is large when "
        "the photo is moved. It is smaller when only its colours change, above all in the deep layers. So painting "
        "uses relu4_2.",
        [
            Pick("Change", {key: words[0].upper() + words[1:] for key, (words, _) in CHANGES.items()}, "shifted"),
            Pick("Layer of the map", LAYER_CHOICES, CONTENT_LAYER),
        ],
        content,
    ),
    Step(
        "Style",
        "The Gram matrix adds up, over all places, which feature maps light up together. So it knows which strokes "
        "there are, and not where: shuffle the painting's tiles, and the matrix stays nearly the same. The style loss "
        "is the distance between the matrix of a picture and the painting's.",
        [Pick("Layer of the matrix", STYLE_CHOICES, "relu3_1"), Turn("Tiles across", 1, 16, 4)],
        style,
    ),
    Step(
        "The plane",
        "Each picture has a distance from the photo's content and one from the painting's style, so it is a point in a "
        "plane. Painting walks from the photo towards the painting. Two weights say where it stops, and only their "
        "ratio counts.",
        [
            Pick("Whose way", RUNS, "painted"),
            Turn("Weight of content", 0, 1, 0.5, 0.1),
            Turn("Weight of style", 0, 1, 0.5, 0.1),
        ],
        walk,
    ),
    Step(
        "Gradient descent",
        "The network stays as it is, and the pixels change. Each step moves all pixels a little so that the weighted "
        "sum of the two distances shrinks. Here one of them is left out: from noise, the content alone brings back the "
        "photo, and the style alone makes the painting's texture.",
        [
            Pick("Keep", {"content": "The photo's content", "style": "The painting's style"}, "content"),
            Pick("Layer to rebuild from", LAYER_CHOICES, "relu2_1"),
            Turn("Noise", 0, 9, 0),
        ],
        descent,
    ),
    Step(
        "From 30 minutes to seconds",
        "Hundreds of steps at full size take an ordinary processor half an hour. Many cheap steps on a small picture "
        "make the large shapes, and a few at full size add detail. Both pictures here began as the same noise and took "
        "the same time.",
        [Turn("Size of the picture in px", 96, 240, 144, 24)],
        scales,
    ),
    Step(
        "When it fails, and why",
        "A lecture on this method painted a subject in the style of a nebula, and the subject sank into the dark. Such "
        "a style has less texture to give than strokes of paint, and the content loss does not know subject from "
        "background. Painting the background alone keeps the subject. Matching strokes to places, as the first tab "
        "does by default, helps little here.",
        [
            Pick("Photo to paint", SUBJECTS, "astronaut"),
            Pick("Style to take", SKIES, "deep_field"),
            Pick("How style is compared", COMPARED, "gram"),
            Turn("Strength of the style", 0, 1, 0.3, 0.1),
        ],
        failure,
    ),
)
