"""The page itself: what lies where, and what a touch does."""

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from styler import samples
from styler.demo import painting, parts
from styler.optimize import PRESETS

WAITING = 12  # visitors who may queue; the next one is asked to come back
KEPT = 3600  # seconds that uploads and pictures stay on the server


def build(size: int = 512) -> gr.Blocks:
    """Return the page, to be launched with the options in `styler.demo.LAUNCH`.

    Parameters
    ----------
    size : int
        Longest side of the pictures that it paints, in px.

    Returns
    -------
    gradio.Blocks
    """
    with gr.Blocks(title="Styler", analytics_enabled=False, delete_cache=(KEPT, KEPT)) as page:
        gr.HTML("<h1>Styler</h1><p>Your photo, in the style of a painting.</p>", elem_id="head")
        with gr.Row(elem_id="pairs"):
            pairs = [
                gr.Button(parts.pair_title(pair), icon=parts.thumbnail(pair), min_width=132) for pair in samples.PAIRS
            ]
        with gr.Row():
            with gr.Column(scale=3, min_width=340):
                picture = gr.Image(
                    label="Picture",
                    format="jpeg",
                    interactive=False,
                    buttons=["fullscreen"],
                    elem_id="picture",
                    alt_text="The picture as it is painted",
                )
                note = gr.HTML(parts.note("Tap a pair, or choose two pictures."), elem_id="note")
                with gr.Row(elem_id="actions"):
                    paint = gr.Button("Paint", variant="primary", min_width=90)
                    stop = gr.Button("Stop", interactive=False, min_width=90)
                    download = gr.DownloadButton("Download", interactive=False, min_width=90)
            with gr.Column(scale=2, min_width=300):
                with gr.Row(elem_id="choice"):
                    content, content_sample = parts.chooser("Photo", "content")
                    style, style_sample = parts.chooser("Painting", "style")
                preset = gr.Radio(
                    [(name.capitalize(), name) for name in PRESETS],
                    value="preview",
                    label="Care",
                    info="More care takes longer.",
                )
                strength = gr.Slider(
                    0, 1, 0.5, step=0.05, label="Strength", info="0 keeps the photo, 1 is all painting."
                )
                with gr.Accordion("About the samples", open=False):
                    gr.Markdown(parts.credits())

        starters = [paint, *pairs]
        live = [picture, note, stop, download, *starters]
        chosen = [content, style, content_sample, style_sample]
        quick: Any = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        for starter, pair in zip(starters, [None, *samples.PAIRS], strict=True):
            begun = starter.click(_begin(pair), None, [*chosen, *live] if pair else live, **quick)
            run = begun.then(
                _run,
                [content, style, preset, strength, gr.State(size)],
                live,
                preprocess=False,  # or Gradio would open the pictures, and fail on a broken one in words of its own
                concurrency_id="paint",
                concurrency_limit=1,
                show_progress="hidden",
                api_visibility="private",
            )
            run.failure(_idle, None, live, **quick)
        stop.click(_stop, None, stop, **quick)
    return page.queue(max_size=WAITING)


def _begin(pair: tuple[str, str] | None) -> Callable[[gr.Request], list[Any]]:
    """Return what a starter does at once: choose its pair, if it has one, and tell that the rest will follow."""

    def begin(request: gr.Request) -> list[Any]:
        painting.expect(str(request.session_hash))
        chosen = [*(str(samples.path(key)) for key in pair), *pair] if pair else []
        return [*chosen, *_show(gr.skip(), parts.note("Waiting for a free place …"), painting=True)]

    return begin


def _run(
    content: dict[str, Any] | None,
    style: dict[str, Any] | None,
    preset: str,
    strength: float,
    size: int,
    request: gr.Request,
) -> Iterator[list[Any]]:
    if not content or not style:
        raise parts.toast(f"Choose a {'painting' if content else 'photo'} first.")
    try:
        for view in painting.paint(content["path"], style["path"], preset, strength, size, str(request.session_hash)):
            yield _show(view.picture, parts.note(view.note, view.progress), painting=view.file is None, file=view.file)
    except ValueError as error:
        raise parts.toast(error) from error


def _stop(request: gr.Request) -> gr.Button:
    painting.stop(str(request.session_hash))
    return gr.Button(interactive=False)


def _idle() -> list[Any]:
    return _show(gr.skip(), parts.note("Nothing painted."), painting=False)


def _show(picture: Any, note: str, painting: bool, file: str | None = None) -> list[Any]:
    """Return updates for the picture, the note, Stop, Download, and all the buttons that start a painting."""
    download = gr.DownloadButton(value=file, interactive=file is not None)
    starters = [gr.Button(interactive=not painting)] * (1 + len(samples.PAIRS))
    return [picture, note, gr.Button(interactive=painting), download, *starters]
