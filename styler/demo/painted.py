"""The lesson's figures that paint: from noise, coarse to fine, and where the method fails."""

import time
from collections.abc import Generator
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from styler import images, lesson, samples
from styler.demo import advice, figure
from styler.demo.figure import WIDTH, fitted
from styler.estimator import StyleTransfer
from styler.recipe import CONTENT_LAYER, STYLE_LAYERS
from styler.subject import find_subject

SMALL = 96  # px; of pictures painted for a figure
SMALLER = 80  # px; of those pictures where there are two, or each step is measured
SHOWN = 320  # px; of the photo and the painting as shown
SHALLOW = STYLE_LAYERS[:3]  # quick, and enough to show the difference between coarse to fine and one scale
COARSE_TO_FINE = (12, 4, 1)  # steps at a third, two thirds and all of the size
SHOWN_STEPS = (1, 6, 12)  # of those steps; the last is always shown
Figures = Generator[str, None, None]


def descent(photo: Tensor, painting: Tensor, what: str, layer: str, seed: float) -> Figures:
    """A picture that emerges from noise, step by step."""
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
    """A photo painted from the same noise in the same time: coarse to fine, and at one scale."""
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
    """A subject in front of a busy background: the style everywhere, and on the background alone."""
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
        panels.append((title, f"subject changed by {held:.2f}", painted))
        yield drawn()


class Key:
    """An image as a cache key: equal images have equal pixels."""

    def __init__(self, image: Tensor) -> None:
        self.image, self.bytes = image, image.numpy().tobytes()

    def __hash__(self) -> int:
        return hash(self.bytes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.bytes == other.bytes


@lru_cache(maxsize=8)
def subject_of(photo: Key) -> Any:
    """Return the subject of a photo; it is found once and then cached."""
    return find_subject(photo.image)


def run(photo: Tensor, painting: Tensor, strength: float) -> tuple[Tensor, ...]:
    """Return the stages of a small painting that starts from the photo, as in the paper."""
    return _run(Key(photo), Key(painting), strength)


@lru_cache(maxsize=16)
def _run(photo: Key, painting: Key, strength: float) -> tuple[Tensor, ...]:
    painter = as_in_the_paper(strength).set_params(init=photo.image[0]).fit(painting.image[0])
    return tuple(stage.image for stage in painter.staged_transform(photo.image))


def as_in_the_paper(strength: float) -> StyleTransfer:
    """Return a small and quick painter with the losses that the lesson explains."""
    return StyleTransfer(SMALLER, strength, style_loss="gram", content_loss="squared", max_iter=8)
