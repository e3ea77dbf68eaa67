"""The lesson's figures of measurements: feature maps, distances, and the plane of content and style."""

import io
from collections.abc import Callable, Sequence

from PIL import Image
from torch import Tensor

from styler import images, lesson
from styler.demo import figure, painted
from styler.demo.figure import WIDTH, fitted
from styler.demo.painted import Figures, as_in_the_paper, run

GRAM_CHANNELS = 32
POINTS = 7  # on a painting's path; each takes a pass through the network


def scaled(values: Tensor) -> Tensor:
    """Scale a map to [0, 1]; the brightest hundredth is clipped, or a single place would leave the rest dark."""
    return (values / values.quantile(0.99).clamp_min(1e-9)).clamp(0, 1)


def maps(photo: Tensor, painting: Tensor, layer: str) -> Figures:
    """The feature maps of a layer that vary most over the photo."""
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
    body.append(figure.text(0, height + 18, f"{len(channels)} of the {total} maps of {layer}; brighter is higher"))
    yield figure.svg(f"What {layer} sees in the photo", height + 26 + (tall + 8) * rows, body)


CHANGES: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "shifted": ("moved by an eighth", lambda photo, painting: lesson.shifted(photo)),
    "blurred": ("blurred", lambda photo, painting: lesson.blurred(photo)),
    "recoloured": ("in the painting's colours", lesson.recoloured),
    "painting": ("the painting instead", lambda photo, painting: painting),
}


def content(photo: Tensor, painting: Tensor, change: str, layer: str) -> Figures:
    """The content distance between a photo and a changed copy, by layer and by place."""
    words, make = CHANGES[change]
    changed = images.resize(make(photo, painting), (photo.shape[-2], photo.shape[-1]))
    far = lesson.content_maps(photo, changed)
    side = (WIDTH - 2 * 6) / 3
    width, height = fitted(photo, side, 160)
    body = []
    for i, (title, shown) in enumerate((("the photo", photo), (words, changed), (f"change at {layer}", changed))):
        left = (side + 6) * i
        body.append(figure.text(left, 12, title, size=11))
        if i < 2:
            body.append(figure.picture(shown, left, 18, width, height, title))
        else:
            told = f"The changed photo, bright where its {layer} differs most from the photo's"
            body.append(figure.lit(shown, scaled(far[layer]), left, 18, width, height, told))
    values = [(name, float(places.sum())) for name, places in far.items()]
    top = height + 42
    body.append(figure.text(0, top - 6, "content loss: 0 is the same, 2 is unrelated"))
    body += figure.bars(values, top, 3, layer)
    yield figure.svg(f"The content distance of the photo {words}", top + 20 * len(values) + 4, body)


def style(photo: Tensor, painting: Tensor, layer: str, across: float) -> Figures:
    """The Gram matrices of the photo, the painting, the painting with its tiles shuffled, and the painted photo."""
    picture = run(photo, painting, 0.5)[-1]
    shuffled = lesson.shuffle_tiles(painting, int(across))
    panels = {
        "the photo": photo,
        "the painting": painting,
        "shuffled": shuffled,
        "photo, painted": picture,
    }
    grams = [lesson.gram_matrices(image, [layer], painted.SMALL)[layer].gram for image in panels.values()]
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
        far = lesson.style_distances(image, painting, [layer], painted.SMALL)[layer]
        body.append(figure.text(left, 2 * side + 84, f"{far:.3f}", size=16, colour=figure.INK))
    yield figure.svg(f"Which maps of {layer} light up together", 2 * side + 92, body)


def walk(
    photo: Tensor, painting: Tensor, whose: str, content: float, style: float, film: Sequence[bytes] | None = None
) -> Figures:
    """The photo, the painting and the pictures on the way as points in the plane of content and style."""
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
    body.append(figure.text(0, bottom + 50, f"Path of {told}", size=11))
    yield figure.svg("The plane of content and style", bottom + 58, body)


def spread(frames: Sequence[bytes], n: int) -> list[bytes]:
    """Return `n` evenly spaced frames from the first to the last, or all if there are fewer."""
    last = len(frames) - 1
    return [frames[i] for i in sorted({round(last * k / max(1, n - 1)) for k in range(n)})]
