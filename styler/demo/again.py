"""Taking up what was painted before: a link that is opened, a picture whose settings are read."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from styler import samples, saving
from styler.demo import parts
from styler.demo.orders import RELUS, SIZES, WHERE
from styler.demo.uploads import Upload, given
from styler.demo.visit import AFTER, STAYS, SUIT, kept_files, show
from styler.estimator import RECIPE_PARAMS, StyleTransfer
from styler.recipe import CONTENT_LAYER, STYLE_LAYERS

# What is set again as it was for a picture.
REPEATED = ("preset", "strength", "size", "pooling", "style_scale", "colors", "random_state", *RECIPE_PARAMS)


def reopen(content: Any, style: Any, picture: Any, request: gr.Request) -> Iterator[list[Any]]:
    """Make a page that was opened by a link ready: with its picture if it is still here, else with what there is."""
    if "deep_link" not in request.query_params:
        yield [gr.skip()] * (2 + len(show(None, "", busy=False)))
        return
    kept, pair = kept_files(picture), samples.PAIRS[0]
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
            kept, note = kept_files([content, content]), "Opened from a link, with its settings. Tap Paint to paint it."
        else:
            kept = [samples.path(pair[0]), Path(parts.result(pair))]
            note = "The picture of this link is no longer here. Its settings are set; choose a photo to paint."
        updates = show(tuple(map(str, kept)), parts.note(note), busy=False, files=files)
        # Gradio keeps no words on buttons in a link, and would have them all say "Run".
        words = [*AFTER, "Paint", SUIT, *map(parts.pair_title, samples.PAIRS)]
        named = [gr.Button(name, interactive=i >= len(AFTER) or files[0] is not None) for i, name in enumerate(words)]
        yield [*sides, *updates[:3], gr.Button("Stop", interactive=False), *updates[4:6], *named]


def reuse(png: Any) -> str:
    """Return the path of a finished picture, to be the next photo."""
    return str(Upload.of(png, "picture").path)


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
