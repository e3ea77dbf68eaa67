"""Going back to an earlier painting: from a link, or from the settings inside a picture."""

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

# The settings that are restored from a picture.
REPEATED = ("preset", "strength", "size", "pooling", "style_scale", "colors", "random_state", *RECIPE_PARAMS)


def reopen(content: Any, style: Any, picture: Any, request: gr.Request) -> Iterator[list[Any]]:
    """Set up a page opened from a link: with its picture if the server still has it, else with what is left."""
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
            note = "This link's picture is no longer available. Its settings are restored; choose a photo to paint."
        updates = show(tuple(map(str, kept)), parts.note(note), busy=False, files=files)
        # A link does not store the words on buttons, and Gradio would label them all "Run".
        words = [*AFTER, "Paint", SUIT, *map(parts.pair_title, samples.PAIRS)]
        named = [gr.Button(name, interactive=i >= len(AFTER) or files[0] is not None) for i, name in enumerate(words)]
        yield [*sides, *updates[:3], gr.Button("Stop", interactive=False), *updates[4:6], *named]


def reuse(png: Any) -> str:
    """Return the path of a finished picture, to use as the next photo."""
    return str(Upload.of(png, "picture").path)


def repeat(file: Any) -> list[Any]:
    """Return the settings in a picture's metadata, for the controls, and a note that names its photo and paintings."""
    upload = Upload.of(file, "picture")
    kept = upload.settings()
    try:
        repeated = {name: kept[name] for name in REPEATED if name in kept}
        model = StyleTransfer(**repeated | {"preset": kept["preset"]})
        model._validate_params()
        sources = ", ".join(map(str, [kept["content"], *kept["style"]]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"The picture {upload.path.name} has no settings to restore; choose a PNG that was painted here."
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
        parts.note(f"Settings restored from {upload.path.name}. Now choose what it was painted from: {sources}."),
    ]


def studied(model: StyleTransfer, upload: Upload) -> list[Any]:
    """Return a picture's layers and losses, for the controls; ``ValueError`` if the controls can't hold them."""
    style, content = model.style_layers or STYLE_LAYERS, model.content_layers or [CONTENT_LAYER]
    plain = all(layer in RELUS for layer in (*style, *content)) and len(content) == 1
    if not plain or (isinstance(style, Mapping) and len(set(map(str, style.values()))) > 1):
        raise ValueError(
            f"The picture {upload.path.name} has layers and weights that this page can't set; use styler --from."
        )
    return [list(style), model.style_loss, next(iter(content)), model.content_loss]
