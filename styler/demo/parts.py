"""The small parts of the page, each a function of the catalogue of samples."""

import base64
import html
import io
from typing import Any

import gradio as gr
from PIL import Image, ImageOps

from styler import samples


def chooser(label: str, role: str) -> tuple[gr.Image, gr.Dropdown]:
    """Lay out an upload over a list of the samples of a role."""
    with gr.Column(min_width=130):
        upload = gr.Image(
            label=label, sources=["upload"], height=180, buttons=[], placeholder=f"Your own {label.lower()}"
        )
        titles = [(samples.SAMPLES[key].title, key) for key in samples.keys(role)]
        choice = gr.Dropdown(titles, value=None, label=f"Sample {label.lower()}s")
    quiet: Any = {"show_progress": "hidden", "api_visibility": "private"}
    choice.select(sample, choice, upload, concurrency_limit=None, **quiet)  # a failure is only told from the queue
    upload.input(lambda: None, None, choice, queue=False, **quiet)
    return upload, choice


def sample(key: str) -> str:
    """Return the path of a sample, or tell the visitor why there is none."""
    try:
        return str(samples.path(key))
    except ValueError as error:
        raise toast(error) from error


def toast(error: Exception | str) -> gr.Error:
    """Return what to raise for a sentence to pop up; Gradio would take it for HTML, and it may hold a file's name."""
    return gr.Error(html.escape(str(error)), print_exception=False)


def pair_title(pair: tuple[str, str]) -> str:
    """Return the words on the button of a pair."""
    content, style = (samples.SAMPLES[key].title for key in pair)
    return f"{content}\n{style}"


def thumbnail(pair: tuple[str, str], height: int = 120) -> Any:
    """Return a content and a style side by side, 2:1, as the file data that Gradio makes of a button's icon."""
    image = Image.new("RGB", (2 * height, height))
    for i, key in enumerate(pair):
        with Image.open(samples.path(key)) as half:
            image.paste(ImageOps.fit(half.convert("RGB"), (height, height)), (i * height, 0))
    buffer = io.BytesIO()
    image.save(buffer, "WebP", quality=80)
    url = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {"path": "pair.webp", "url": url}  # no file, which Gradio would sweep away with old pictures


def note(words: str, progress: float | None = None) -> str:
    """Return the line under the picture, with a bar over it while there is progress to show."""
    bar = "" if progress is None else f'<progress value="{progress:.3f}" aria-label="Progress"></progress>'
    return f"{bar}<p>{html.escape(words)}</p>"


def credits() -> str:
    """Return, as Markdown, who made each sample and what may be done with it."""
    return "\n".join(
        f"- *{s.title}*, {s.maker}, {s.year}. Licence: {s.licence}. Source: {s.source}."
        for s in samples.SAMPLES.values()
    )
