"""What a touch does: each function takes what the page holds and returns what it is to show."""

import html
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import torch
from PIL import Image

from styler import images, samples, saving
from styler.demo import advice, painting, parts, plots
from styler.demo.checks import brief, choice, listed, number
from styler.demo.compare import as_files
from styler.demo.errors import told
from styler.demo.orders import MAX_PAINTINGS, RELUS, SIZES, WHERE, Order, drawn_on, order
from styler.demo.uploads import Upload, given
from styler.estimator import RECIPE_PARAMS, StyleTransfer
from styler.making import save_making_of
from styler.recipe import CONTENT_LAYER, STYLE_LAYERS
from styler.schedule import PRESETS
from styler.subject import find_subject

SUGGESTED, SMALL = 3, 128  # paintings, and px
DRAWN = 512  # px; longest side of the photo to paint on
# What is found can be seen through; a brush can't, which tells the two apart.
INK, SEEN_THROUGH, OPAQUE = (255, 90, 60), 160, 208
# What is set again as it was for a picture.
REPEATED = ("preset", "strength", "size", "pooling", "style_scale", "colors", "random_state", *RECIPE_PARAMS)
READY = "Painted beforehand. Tap Paint to see it happen, or choose a photo and a painting of your own."
STAYS = "A link to it works for an hour from when it was painted."
SUIT = "What suits this photo?"
AFTER = ("Send", "Making of", "Use as photo", "Paint finer")  # what can be done with a finished picture
BEGUN, AGAIN = "One moment …", "Tap Paint to try again."


def load(pair: tuple[str, str]) -> list[Any]:
    """Return updates for the photo, the painting and all that `show` updates: a pair with its finished picture."""
    content, style = (str(samples.path(key)) for key in pair)
    return [content, style, *show((content, parts.result(pair)), parts.note(READY), busy=False, drawn=draw([]))]


def begin(request: gr.Request) -> list[Any]:
    """Tell at once that the rest will follow."""
    painting.expect(str(request.session_hash))
    return show(gr.skip(), parts.note(BEGUN, 0), busy=True, files=None)


def begin_finer(preset: Any, size: Any, request: gr.Request) -> list[Any]:
    """Turn to the next preset, or from the last one to a larger picture, and begin."""
    names = list(PRESETS)
    preset, size = choice("preset", preset, names), int(number("size", size, *SIZES, " px"))
    if preset != names[-1]:
        preset = names[names.index(preset) + 1]
    else:
        size = min(SIZES[1], size * 3 // 2)
    return [preset, size, *begin(request)]


def run(request: gr.Request, *asked: Any) -> Iterator[list[Any]]:
    """Paint what is asked for, see `wanted`, and show it as it forms; a sentence on what went wrong stays."""
    yield from _run(request, False, *asked)


def run_finer(request: gr.Request, *asked: Any) -> Iterator[list[Any]]:
    """The same, going on from the picture that is there."""
    yield from _run(request, True, *asked)


def _run(request: gr.Request, finer: bool, *asked: Any) -> Iterator[list[Any]]:
    try:
        with told():
            for view in painting.paint(replace(wanted(*asked), finer=finer), str(request.session_hash)):
                yield show(
                    (view.photo, view.picture),
                    parts.note(view.note, view.progress),
                    busy=not view.last,
                    drawn=draw(view.steps) if view.steps else gr.skip(),
                    files=(view.png, view.jpeg),
                )
    except gr.Error as error:
        yield show(gr.skip(), parts.note(html.unescape(error.message)), busy=True, files=None)
        raise


def wanted(content: Any, style: Any, mixed: Any, *rest: Any) -> Order:
    """Take an order from the page's controls, in the order in which they are laid out."""
    items = listed("paintings to mix in", mixed or [])
    *usual, layers, style_loss, content_layer, content_loss = rest
    *shares, preset, strength, size, smooth, colors, scale, where, drawing, init, start, seed = usual
    if not isinstance(smooth, bool):
        raise ValueError(f"Whether shapes are to be smoother is {brief(smooth)}; choose true or false.")
    paintings = [style, *map(parts.image_of, items)]
    pooling = "average" if smooth else "max"
    shares = shares[: len(paintings)]
    more = (pooling, colors, scale, where, drawing, init, start, seed, layers, content_layer, style_loss, content_loss)
    return order(content, paintings, shares, preset, strength, size, *more)


def find(content: Any, drawing: Any) -> gr.ImageEditor:
    """Show in the editor the photo with its subject painted over, spread from what the visitor has marked."""
    photo = Upload.of(content, "photo").read(DRAWN)
    marked = drawn_on(drawing, OPAQUE)
    mask = find_subject(photo, None if marked is None else marked.painted(OPAQUE))
    layer = np.zeros((*mask.shape, 4), np.uint8)
    layer[..., :3], layer[..., 3] = INK, np.where(mask > 0.5, SEEN_THROUGH, 0)
    return editor(photo, Image.fromarray(layer))


def prepare(where: Any, content: Any, drawing: Any) -> gr.ImageEditor:
    """Show in the editor what is found in the photo, unless it is there or something is painted already."""
    try:
        if where == "everywhere" or drawn_on(drawing):
            return gr.skip()
        return find(content, None)
    except ValueError:
        return canvas(content)


def canvas(content: Any) -> gr.ImageEditor:
    """Show in the editor the photo alone, to be painted on; what is wrong with it is told when it is to be painted."""
    try:
        return editor(Upload.of(content, "photo").read(DRAWN))
    except ValueError:
        return gr.ImageEditor(None)


def editor(photo: torch.Tensor, *layers: Image.Image) -> gr.ImageEditor:
    """A canvas as large as the photo: on another, the editor would lay the two askew."""
    background = images.like(photo, "a path")
    value: Any = {"background": background, "layers": list(layers), "composite": None}
    return gr.ImageEditor(value, canvas_size=background.size)


def stop(request: gr.Request) -> gr.Button:
    """Stop the visitor's painting at its next step."""
    painting.stop(str(request.session_hash))
    return gr.Button(interactive=False)


def idle(note: Any, *files: Any) -> list[Any]:
    """Make the page ready again after a failure, with the picture that was there before, as PNG and JPEG."""
    return show(gr.skip(), parts.note(AGAIN) if BEGUN in str(note) else gr.skip(), busy=False, files=here(*files))


def here(png: Any, jpeg: Any) -> tuple[str | None, str | None]:
    """The paths of a finished picture's files, where they are still here."""
    kept = [str(path) if (path := given(file)) else None for file in (png, jpeg)]
    return kept[0], kept[1]


def reuse(png: Any) -> str:
    """Return the path of a finished picture, to be the next photo."""
    return str(Upload.of(png, "picture").path)


def look(content: Any, style: Any, *_: Any) -> str:
    """Return a word on the pair, or on what is wrong with one of its pictures."""
    return parts.hint(_advice(_upload(content, "photo"), _upload(style, "painting")))


def fresh(content: Any, picture: Any, request: gr.Request) -> list[Any]:
    """Return updates for the picture and the note: a photo just chosen, unless the picture shows it already.

    As long as the visitor's last one is painted, that stays.
    """
    if not content or given(content) in _given(picture)[:1] or str(request.session_hash) in painting.AT_WORK:
        return [gr.skip(), gr.skip()]
    try:
        photo = images.like(Upload.of(content, "photo").read(DRAWN), "a path")
    except ValueError as error:
        return [gr.skip(), parts.note(str(error))]
    return [as_files(photo, photo), parts.note("Tap Paint to paint this photo.")]


def reopen(content: Any, style: Any, picture: Any, request: gr.Request) -> Iterator[list[Any]]:
    """Make a page that was opened by a link ready: with its picture if it is still here, else with what there is."""
    if "deep_link" not in request.query_params:
        yield [gr.skip()] * (2 + len(show(None, "", busy=False)))
        return
    kept, pair = _given(picture), samples.PAIRS[0]
    files: Any = (None, None)
    sides = [
        gr.skip() if given(file) else str(samples.path(key)) for file, key in zip((content, style), pair, strict=True)
    ]
    with tempfile.TemporaryDirectory(prefix="styler-") as folder:
        if len(kept) == 2 and kept[1].suffix == ".png":
            note = f"Opened from a link. {STAYS}"
            jpeg = Path(folder, f"{kept[1].stem}.jpg")
            saving.save(Upload.of(picture[1], "picture").read(), jpeg)
            files = str(kept[1]), str(jpeg)
        elif len(kept) == 2:
            note = "Opened from a link. Tap Paint to paint it."
        elif given(content):
            kept, note = _given([content, content]), "Opened from a link, with its settings. Tap Paint to paint it."
        else:
            kept = [samples.path(pair[0]), Path(parts.result(pair))]
            note = "The picture of this link is no longer here. Its settings are set; choose a photo to paint."
        updates = show(tuple(map(str, kept)), parts.note(note), busy=False, files=files)
        # Gradio keeps no words on buttons in a link, and would have them all say "Run".
        words = [*AFTER, "Paint", SUIT, *map(parts.pair_title, samples.PAIRS)]
        named = [gr.Button(name, interactive=i >= len(AFTER) or files[0] is not None) for i, name in enumerate(words)]
        yield [*sides, *updates[:3], gr.Button("Stop", interactive=False), *updates[4:6], *named]


def suggest(content: Any, png: Any, jpeg: Any, request: gr.Request) -> Iterator[list[Any]]:
    """Paint a photo small in the style of each painting that suits it, and show them side by side."""
    tiles: list[Any] = [gr.skip()] * SUGGESTED
    for i, key in enumerate(suitable(Upload.of(content, "photo"))):
        wish = order(content, [{"path": str(samples.path(key))}], None, "preview", 0.5, SMALL)
        for view in painting.paint(wish, str(request.session_hash)):
            if view.png:
                tiles[i] = gr.Button(visible=True, **parts.tile(key, Path(view.png)))
            words = f"{i + 1} of {SUGGESTED}: {view.note}"
            yield [*tiles, *show(gr.skip(), parts.note(words, view.progress), busy=True, files=None)]
        if view.note.startswith("Stopped"):
            break
    shown = show(
        gr.skip(), parts.note("Tap one of the small pictures to paint it large."), busy=False, files=here(png, jpeg)
    )
    yield [*tiles, *shown]


def choose(place: int) -> Callable[..., list[Any]]:
    """Return what turns to one of the paintings that were suggested, and begins."""

    def chosen(content: Any, request: gr.Request) -> list[Any]:
        return [str(samples.path(suitable(Upload.of(content, "photo"))[place])), *begin(request)]

    return chosen


@lru_cache(maxsize=64)
def suitable(photo: Upload) -> list[str]:
    """The keys of the paintings of the shelf that suit a photo."""
    shelf = {key: samples.path(key) for key in samples.keys("style") if samples.SAMPLES[key].url is None}
    paintings = {key: images.resize(images.read(path), advice.LOOKED_AT) for key, path in shelf.items()}
    return advice.suited(photo.read(advice.LOOKED_AT), paintings, SUGGESTED)


def making(png: Any) -> Iterator[Any]:
    """Return the making of the picture that is shown, as a file to be sent or kept."""
    upload = Upload.of(png, "picture")
    frames = painting.MAKINGS.get(upload.digest)
    if frames is None:
        raise ValueError("The making of this picture is no longer here; paint it again.")
    with tempfile.TemporaryDirectory(prefix="styler-") as folder:
        film = Path(folder, f"{upload.path.stem}.webp")
        save_making_of(frames, film)
        yield gr.DownloadButton(value=str(film))


def show_shares(mixed: Any) -> list[gr.Column]:
    """Show a share to set for each painting, when there are several."""
    n = len(listed("paintings to mix in", mixed or []))
    return [gr.Column(visible=n > 0 and i <= n) for i in range(MAX_PAINTINGS)]


def show_start(init: Any) -> list[gr.Column]:
    """Show what a start needs: the noise's number, or a place for the image."""
    return [gr.Column(visible=init == "noise"), gr.Column(visible=init == "image")]


def repeat(file: Any) -> list[Any]:
    """Return for the controls what a picture's metadata say that it was painted with, and a note of its sources."""
    upload = Upload.of(file, "picture")
    kept = upload.settings()
    try:
        repeated = {name: kept[name] for name in REPEATED if name in kept}
        model = StyleTransfer(**repeated | {"preset": kept["preset"]})
        model._validate_params()
        sources = ", ".join(map(str, [kept["content"], *kept["style"]]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"The picture {upload.path.name} does not tell how it was painted; choose a PNG from here."
        ) from error
    init = kept.get("init", "content")
    return [
        model.preset,
        model.strength,
        min(max(model.size, SIZES[0]), SIZES[1]),
        model.pooling == "average",
        model.style_scale,
        model.colors,
        kept["where"] if kept.get("where") in [*WHERE] else "everywhere",
        init if init in ("content", "noise") else "image",
        model.random_state or 0,
        *studied(model, upload),
        parts.note(f"Set as for {upload.path.name}; now choose what it was painted from: {sources}."),
    ]


def studied(model: StyleTransfer, upload: Upload) -> list[Any]:
    """Return for the controls the layers and losses of a picture; ``ValueError`` if they can't be set there."""
    style, content = model.style_layers or STYLE_LAYERS, model.content_layers or [CONTENT_LAYER]
    plain = all(layer in RELUS for layer in (*style, *content)) and len(content) == 1
    if not plain or (isinstance(style, Mapping) and len(set(map(str, style.values()))) > 1):
        raise ValueError(
            f"The picture {upload.path.name} has layers and weights that the page can't set; styler --from can."
        )
    return [list(style), model.style_loss, next(iter(content)), model.content_loss]


def draw(steps: list[plots.Step]) -> str:
    """Return the two drawings of what happened."""
    return plots.plane(steps) + plots.by_layer(steps)


def show(
    picture: Any, note: Any, busy: bool, drawn: Any = None, files: tuple[str | None, str | None] | None = (None, None)
) -> list[Any]:
    """Return updates for the picture, the note, the drawings, Stop, what can be done with a finished picture, and all
    the buttons that start or load something. Without `files` those of the last picture wait."""
    done = files is not None and files[0] is not None
    downloads = (
        [gr.DownloadButton(value=file, interactive=done) for file in files]
        if files
        else [gr.DownloadButton(interactive=False)] * 2
    )
    return [
        as_files(*picture) if isinstance(picture, tuple) else picture,
        note,
        gr.skip() if drawn is None else drawn,
        gr.Button(interactive=busy),
        *downloads,
        *[gr.Button(interactive=done)] * len(AFTER),
        *[gr.Button(interactive=not busy)] * (2 + len(samples.PAIRS)),
    ]


def _given(pair: Any) -> list[Path]:
    """The files of before and after that are here."""
    return [path for file in (pair if isinstance(pair, list) else []) if (path := given(file))]


def _upload(file: Any, role: str) -> Upload | None:
    try:
        return Upload.of(file, role)
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _advice(photo: Upload | None, painting: Upload | None) -> str:
    try:
        return advice.words(
            photo.read(advice.LOOKED_AT) if photo else None, painting.read(advice.LOOKED_AT) if painting else None
        )
    except ValueError as error:
        return str(error)
