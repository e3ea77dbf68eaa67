"""The small parts of the page: uploads, sample buttons, notes and hints."""

import base64
import html
import io
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image, ImageOps

from styler import samples
from styler.demo.checks import listed, number
from styler.demo.orders import SIZES, named
from styler.demo.pace import about, estimate
from styler.demo.uploads import Upload
from styler.recipe import CONTENT_LAYER, STYLE_LAYERS
from styler.schedule import PRESETS

QUIET: Any = {"show_progress": "hidden", "api_visibility": "private"}
AT_ONCE: Any = QUIET | {"queue": False}
SENT: Any = QUIET | {"concurrency_limit": None}
LOOKING: Any = QUIET | {"show_progress": "full", "concurrency_limit": 1}
# On a phone the Paint button is always in view, but the picture is not.
SEE_IT = "() => document.querySelector('#picture').scrollIntoView({block: 'nearest'})"
# Opens a phone's share sheet if it accepts the file; else downloads the file.
SEND = """async file => {
  const name = file.orig_name || decodeURIComponent(file.url.split('/').pop());
  if (matchMedia('(pointer: coarse)').matches && navigator.canShare) {
    const blob = await (await fetch(file.url)).blob();
    const shared = {files: [new File([blob], name, {type: blob.type})]};
    if (navigator.canShare(shared)) return navigator.share(shared).catch(() => {});
  }
  const link = document.createElement('a');
  link.href = file.url;
  link.download = name;
  link.click();
}"""


def chooser(label: str, role: str, file: str, said: gr.HTML) -> gr.Image:
    """Lay out an upload area above a shelf with the samples of a role; `said` shows what is wrong with an upload."""
    upload = gr.Image(
        value=file,
        label=label,
        sources=["upload", "webcam", "clipboard"],
        height=200,
        buttons=[],
        placeholder=f"Your own {label.lower()}: tap, drop or paste",
        alt_text=f"The chosen {label.lower()}",
        elem_id=role,
    )
    upload.upload(partial(taken, label.lower()), upload, [upload, said], **SENT)
    with gr.Row(elem_classes="shelf"):
        for key in samples.keys(role):
            button = gr.Button(caption(key), icon=icon(thumbnail(key)), min_width=92, elem_id=f"sample-{key}")
            button.click(lambda key=key: sample(key), None, upload, concurrency_limit=None, **QUIET)
    return upload


def drawable(role: str, file: Any) -> Iterator[Any]:
    """Show an upload, or tell the visitor what is wrong with it. If browsers can't draw its format, show a copy.

    The copy lives until the loop continues, and by then Gradio has copied it. The same holds for `all_drawable`.
    """
    upload = Upload.of(file, role)
    with tempfile.TemporaryDirectory(prefix="styler-") as folder:
        shown = upload.drawable(Path(folder))
        yield gr.skip() if shown == upload.path else str(shown)


def taken(role: str, file: Any) -> Iterator[list[Any]]:
    """Do the same for a chooser: the message about a bad file stays, and the file makes room for another."""
    try:
        for shown in drawable(role, file):
            yield [shown, gr.skip()]
    except ValueError as error:
        yield [None, note(str(error))]
        raise


def all_drawable(role: str, items: Any) -> Iterator[Any]:
    """Do the same for the images of a gallery."""
    uploads = [Upload.of(image_of(item), role) for item in listed(f"{role}s", items or [])]
    with tempfile.TemporaryDirectory(prefix="styler-") as folder:
        shown = [upload.drawable(Path(tempfile.mkdtemp(dir=folder))) for upload in uploads]
        yield gr.skip() if shown == [upload.path for upload in uploads] else [*map(str, shown)]


def image_of(item: Any) -> Any:
    """Return the file of a gallery's image."""
    return item.get("image") if isinstance(item, Mapping) else item


def sample(key: str) -> str:
    """Return the path of a sample, or tell the visitor why there is none."""
    return str(samples.path(key))


def result(pair: tuple[str, str]) -> str:
    """Return the path of a pair's finished picture, or of its photo if there is none."""
    file = samples.result(pair)
    return str(file if file.is_file() else samples.path(pair[0]))


def pair_title(pair: tuple[str, str]) -> str:
    """Return the words on the button of a pair."""
    content, style = (samples.SAMPLES[key].title for key in pair)
    return f"{content}\n{style}"


def caption(key: str) -> str:
    """Return title, maker and year of a sample."""
    s = samples.SAMPLES[key]
    return f"{s.title}\n{s.maker}" + ("" if s.year == "undated" else f", {s.year}")


def before_after(pair: tuple[str, str], height: int = 150) -> Image.Image:
    """Return an image: the left half of a pair's photo beside the right half of its finished picture."""
    image = Image.new("RGB", (height * 4 // 3, height))
    for left, path in ((0, samples.path(pair[0])), (image.width // 2 + 1, Path(result(pair)))):
        whole = _fit(path, image.size)
        image.paste(whole.crop((left, 0, image.width, height)), (left, 0))
    return image


def thumbnail(key: str, height: int = 112) -> Image.Image:
    """Return a sample cut square, or a plain tile if it has not been fetched yet."""
    if not samples.place(key).is_file():
        return Image.new("RGB", (height, height), "#57534e")
    return _fit(samples.path(key), (height, height))


def tile(key: str, picture: Path) -> dict[str, Any]:
    """Return what the button of a suggestion shows: a small picture over the painting's title."""
    return {"value": samples.SAMPLES[key].title, "icon": icon(_fit(picture, (224, 224)))}


def icon(image: Image.Image) -> Any:
    """Return an image in the form of file data that Gradio uses for a button's icon."""
    buffer = io.BytesIO()
    image.save(buffer, "WebP", quality=80)
    url = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {"path": "icon.webp", "url": url}  # a data URL, as Gradio would delete a file along with old pictures


def note(words: str, progress: float | None = None) -> str:
    """Return the line under the picture with a progress bar above it. An unused bar is hidden but keeps its space."""
    shown = 'style="visibility: hidden"' if progress is None else f'value="{progress:.3f}"'
    return f'<progress {shown} aria-label="Progress"></progress><p role="status">{html.escape(words)}</p>'


def hint(words: str) -> str:
    """Return words of advice as an HTML paragraph."""
    return f"<p>{html.escape(words)}</p>"


def times(size: Any, style_layers: Any = STYLE_LAYERS, content_layer: Any = CONTENT_LAYER) -> str:
    """Return about how long each preset takes on this machine."""
    pixels, layers = int(number("size", size, *SIZES, " px")), named(style_layers or STYLE_LAYERS, content_layer)
    seconds = {name: estimate(name, pixels, *layers) for name in PRESETS}
    return f"<p>{', '.join(f'{name.capitalize()} takes {about(seconds[name])}' for name in PRESETS)}.</p>"


def credits() -> str:
    """Return, as Markdown, who made each sample, its licence and its source."""
    return "\n".join(
        f"- *{s.title}*, {s.maker}, {s.year}. Licence: {s.licence}. Source: {s.source}."
        for s in samples.SAMPLES.values()
    )


def _fit(path: Path, size: tuple[int, int]) -> Image.Image:
    with Image.open(path) as image:
        return ImageOps.fit(image.convert("RGB"), size)
