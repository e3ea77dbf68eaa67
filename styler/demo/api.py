"""Two named endpoints for programs and assistants (MCP): /paint streams a picture, /samples lists the samples."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.components.api_component import Api
from gradio_client.utils import python_type_to_json_schema

from styler import samples
from styler.demo import painting as work
from styler.demo.checks import listed
from styler.demo.orders import MAX_PAINTINGS, SIZES, order
from styler.schedule import PRESETS

FILES: Any = python_type_to_json_schema(list[gr.FileData])
NUMBERS: Any = {"oneOf": [{"type": "array", "items": {"type": "number"}}, {"type": "null"}]}


def endpoints() -> None:
    """Add the endpoints to the page that is being built; their components only declare the types."""
    with gr.Row(visible=False):
        inputs = [
            gr.Image(label="The photo", type="filepath"),
            gr.Image(label="The painting", type="filepath"),
            gr.Radio(list(PRESETS), value="preview", label="Quality; better takes longer"),
            gr.Slider(0, 1, 0.5, label="0 keeps the photo, 1 is all painting"),
            gr.Slider(*SIZES, 512, step=1, label="Longest side in px"),
            Api(None, FILES, label=f"Paintings to mix in (up to {MAX_PAINTINGS - 1})"),
            Api(None, NUMBERS, label="The share of each painting; null for equal shares"),
        ]
        outputs = [
            gr.Image(label="The picture so far; the last one is a PNG with its settings inside", format="jpeg"),
            gr.Number(label="Progress, from 0 to 1"),
            gr.Textbox(label="Status, in words"),
        ]
        listed = gr.JSON(label="Key, role (content or style), title, maker, year, licence and image of each sample")
        gr.Button().click(paint, inputs, outputs, api_name="paint", concurrency_limit=None)
        gr.Button().click(catalogue, None, listed, api_name="samples", queue=False)


def paint(
    photo: dict[str, Any],
    painting: dict[str, Any],
    preset: str = "preview",
    strength: float = 0.5,
    size: int = 512,
    mixed: list[dict[str, Any]] | None = None,
    weights: list[float] | None = None,
    request: gr.Request = None,  # type: ignore[assignment]  # Gradio fills it in
) -> Iterator[tuple[Any, float, str]]:
    """Paint a photo in the style of a painting, or of several mixed; yield the picture as it forms.

    Args:
        photo: The photo to paint: PNG, JPEG, WebP or TIFF; from an assistant, as a data: URL.
        painting: The painting whose style to use.
        preset: preview, balanced or fine; a finer one takes longer.
        strength: From 0, the photo, to 1, all painting.
        size: The longest side of the picture in px.
        mixed: More paintings, to mix their styles with the first one's.
        weights: The share of each painting, such as [0.7, 0.3]; leave it out for equal shares.

    Returns:
        The picture so far, the progress from 0 to 1, and the status in words.
    """
    paintings = [painting, *listed("paintings to mix in", mixed or [])]
    for view in work.paint(order(photo, paintings, weights, preset, strength, size), str(request.session_hash)):
        yield view.picture, view.progress or 0.0, view.note


def catalogue() -> list[dict[str, Any]]:
    """List the sample photos and paintings that come with the page, with their files.

    Returns:
        A list of samples: key, role, title, maker, year, licence, and image, which /paint takes.
    """
    return [
        {
            "key": s.key,
            "role": s.role,
            "title": s.title,
            "maker": s.maker,
            "year": s.year,
            "licence": s.licence,
            "image": {"path": str(samples.path(s.key)), "meta": {"_type": "gradio.FileData"}},
        }
        for s in samples.SAMPLES.values()
        if s.url is None
    ]
