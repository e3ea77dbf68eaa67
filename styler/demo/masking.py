"""Where the subject is: found in the photo automatically, or painted over it by the visitor."""

from typing import Any

import gradio as gr
import numpy as np
import torch
from PIL import Image

from styler import images
from styler.demo.orders import DRAWN, drawn_on
from styler.demo.uploads import Upload
from styler.subject import find_subject

# The found subject is translucent and brush strokes are opaque, which tells the two apart.
INK, SEEN_THROUGH, OPAQUE = (255, 90, 60), 160, 208


def find(content: Any, drawing: Any) -> gr.ImageEditor:
    """Show the photo in the editor with its subject painted over; the visitor's own marks guide the search."""
    upload = Upload.of(content, "photo")
    photo, marked = upload.read(DRAWN), drawn_on(drawing, upload, OPAQUE)
    mask = find_subject(photo, None if marked is None else marked.painted(OPAQUE))
    layer = np.zeros((*mask.shape, 4), np.uint8)
    layer[..., :3], layer[..., 3] = INK, np.where(mask > 0.5, SEEN_THROUGH, 0)
    return editor(photo, Image.fromarray(layer))


def prepare(where: Any, content: Any, drawing: Any) -> gr.ImageEditor:
    """Show the found subject in the editor, unless something is painted there already or no subject is needed."""
    try:
        if where == "everywhere" or drawn_on(drawing, Upload.of(content, "photo")):
            return gr.skip()
        return find(content, None)
    except ValueError:
        return canvas(content)


def canvas(content: Any, visible: bool = True) -> gr.ImageEditor:
    """Show only the photo in the editor, to paint on; a bad photo is reported later, when it is to be painted."""
    try:
        return editor(Upload.of(content, "photo").read(DRAWN), visible=visible)
    except ValueError:
        return gr.ImageEditor(None)


def new_canvas(content: Any) -> gr.ImageEditor:
    """Do the same for another photo, and hide the editor: it takes the new size when it is shown again."""
    return canvas(content, visible=False)


def size_on_canvas(photo: str) -> tuple[int, int]:
    """Return the width and height of a photo's canvas in px. The editor has to start with it; see `editor`."""
    height, width = images.resize(images.read(photo), DRAWN).shape[-2:]
    return width, height


def editor(photo: torch.Tensor, *layers: Image.Image, visible: bool = True) -> gr.ImageEditor:
    """Return a canvas as large as the photo.

    The editor lays layers in the middle of the canvas that it was first shown with. So they may come only when that has
    the photo's size already.
    """
    background = images.like(photo, "a path")
    value: Any = {"background": background, "layers": list(layers), "composite": None}
    return gr.ImageEditor(value, canvas_size=background.size, visible=visible)
