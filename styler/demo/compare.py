"""The large picture: shown whole, in its own shape, with the photo under it to compare, and enlarged on demand."""

from typing import Any

import gradio as gr
from gradio import image_utils
from gradio.utils import get_upload_folder

# Fixed HTML: the script below sets properties, so that a file's name is never parsed as HTML.
TEMPLATE = """
<div class="frame">
  <img class="photo" alt="The photo"><img class="painted" alt="The picture">
</div>
<div class="handles">
  <input type="range" min="0" max="100" value="0" aria-label="Compare: how much of the photo to show">
  <button type="button" class="closer" aria-label="Look closer">Look closer</button>
</div>
"""
SCRIPT = """
const [photo, painted] = element.querySelectorAll('img'), range = element.querySelector('input');
const frame = element.querySelector('.frame');
const turn = share => { range.value = share; frame.style.setProperty('--photo', share + '%'); };
const shape = () => {  // a tiny change is only rounding to pixels
  const now = photo.naturalWidth / photo.naturalHeight, before = frame.style.getPropertyValue('--ratio') || 1e9;
  if (now && Math.abs(now / before - 1) > 0.03) frame.style.setProperty('--ratio', now);
};
const show = () => {
  const [before, after] = props.value || [];
  if (!before?.url || !after?.url) return;
  if (photo.src != new URL(before.url, location)) { turn(0); photo.src = before.url; }
  painted.src = after.url;
  const name = decodeURIComponent(after.url.split('/').pop()).replace(/[.][a-z]+$/i, '').replace(/[-_]+/g, ' ');
  const called = name == 'image' ? 'The picture as it forms' : 'The picture: ' + name;
  painted.alt = after.url == before.url ? 'The photo' : called;
};
const closer = () => {
  const dialog = document.createElement('dialog'), image = painted.cloneNode();
  dialog.className = 'closer';
  dialog.ariaLabel = 'The picture, enlarged; tap it or press Escape to go back';
  dialog.tabIndex = 0;
  dialog.append(image);
  dialog.onclick = () => dialog.close();
  dialog.onclose = () => dialog.remove();
  element.append(dialog);
  image.style.width = Math.max(2 * window.innerWidth, 2 * image.naturalWidth) + 'px';
  dialog.showModal();
  dialog.scrollTo((dialog.scrollWidth - dialog.clientWidth) / 2, (dialog.scrollHeight - dialog.clientHeight) / 2);
};
photo.onload = shape;
range.oninput = () => turn(range.value);
frame.onclick = () => turn(range.value > 0 ? 0 : 100);
element.querySelector('button').onclick = closer;
watch('value', show);
show();
"""
CSS = """
#picture, #picture > div { padding: 0 !important; overflow: visible; }
#picture .frame { position: relative; margin: 0 auto; aspect-ratio: var(--ratio, 1.5); cursor: pointer; --photo: 0%;
  width: min(100%, max(260px, 100svh - 510px) * var(--ratio, 1.5)); }  /* Paint shows without scrolling */
#picture .frame img { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; border-radius: 4px; }
#picture .painted { clip-path: inset(0 0 0 var(--photo)); }
#picture .handles { display: flex; gap: 12px; align-items: center; min-height: 40px; }
#picture input { flex: 1; min-width: 0; height: 40px; accent-color: currentcolor; }
#picture .handles button { font-size: 0.85rem; min-height: 40px; padding: 0 4px; text-decoration: underline; }
@media (max-width: 767px) {  /* a phone: from edge to edge */
  #picture .frame { --half: min(50vw, 40svh * var(--ratio, 1.5)); width: calc(2 * var(--half));
    margin-left: calc(50% - var(--half)); }
  #picture .frame img { border-radius: 0; }
}
dialog.closer { max-width: none; max-height: none; width: 100vw; height: 100svh; padding: 0; border: 0; margin: 0;
  overflow: auto; background: #111; cursor: zoom-out; }
dialog.closer img { display: block; max-width: none; margin: 0 auto; clip-path: none; }
"""


def compared(photo: Any, picture: Any) -> gr.HTML:
    """Lay out a photo and its picture: a tap swaps them, and a slider shows part of each."""
    return gr.HTML(
        as_files(photo, picture), html_template=TEMPLATE, js_on_load=SCRIPT, apply_default_css=False, elem_id="picture"
    )


def as_files(photo: Any, picture: Any) -> list[Any]:
    """Return the two files that the large picture shows, made from paths or PIL images."""
    kept = (image_utils.postprocess_image(image, get_upload_folder(), "jpeg") for image in (photo, picture))
    return [file.model_dump() for file in kept if file]
