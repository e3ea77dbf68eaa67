"""The page's theme, its CSS and its launch options; Gradio takes all of them at launch."""

from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from styler.demo import compare
from styler.demo.disk import swept
from styler.demo.gate import gate
from styler.demo.hosting import CONCURRENCY, ROUTES
from styler.demo.painting import WAITING
from styler.demo.steps import LEARNING

THEME = gr.themes.Base(
    primary_hue="neutral",
    neutral_hue="stone",
    radius_size="sm",
    font=["system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
).set(
    button_primary_background_fill="*neutral_900",
    button_primary_background_fill_hover="*neutral_700",
    button_primary_text_color="white",
    button_primary_background_fill_dark="*neutral_100",
    button_primary_background_fill_hover_dark="*neutral_300",
    button_primary_text_color_dark="*neutral_900",
    block_background_fill="*neutral_50",
    block_border_width="0",
    block_shadow="none",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_300",
    block_title_text_color="*neutral_700",
    block_title_text_color_dark="*neutral_200",
    block_label_text_color="*neutral_700",
    block_label_text_color_dark="*neutral_200",
)

CSS = (
    compare.CSS
    + """
.gradio-container { width: 100%; max-width: 1240px !important; margin: 0 auto;
  overflow: clip !important; }  /* with "hidden", nothing inside could be sticky */
.gradio-container :is(.main, .wrap, main) { min-width: 0 !important; max-width: 100%; }
.gradio-container .main { padding: 16px clamp(12px, 3vw, 32px) !important; }
[role="tab"][aria-selected="true"] { color: var(--body-text-color) !important; }  /* Gradio's is too dim in dark mode */
#head h1 { margin: 0; font-weight: 600; letter-spacing: -0.01em; }
#head p { margin: 0; opacity: 0.75; }

.shelf { flex-wrap: nowrap; max-width: 100%; overflow-x: auto; gap: 10px; padding-bottom: 4px; align-items: stretch; }
.shelf button { flex: 0 0 124px; flex-direction: column; justify-content: flex-start; align-items: stretch; gap: 6px;
  padding: 0 0 8px; overflow: hidden; white-space: pre-line; font-size: 0.75rem; font-weight: 400; line-height: 1.3; }
.shelf img { width: 100%; height: auto; aspect-ratio: 1; object-fit: cover; margin: 0; border-radius: 0; }
.shelf { mask-image: linear-gradient(to left, transparent, #000 36px); padding-right: 36px; }  /* hints at more */
:is(.toast-wrap, .toast-messages) > :not(:last-child), .toast-count { display: none; }  /* one message at a time */
#pairs button { flex: 1 0 132px; font-size: 0.8rem; }
#pairs img { aspect-ratio: 4 / 3; object-position: top; }  /* where faces are in portraits */

#note { min-height: 70px; }
#note p { margin: 6px 0 0; line-height: 1.4; font-variant-numeric: tabular-nums; }
#note progress { display: block; width: 100%; height: 4px; appearance: none; border: 0; }
#note progress::-webkit-progress-bar { background: rgba(128, 128, 128, 0.25); }
#note progress::-webkit-progress-value { background: currentcolor; }
#note progress::-moz-progress-bar { background: currentcolor; }
#actions { flex-wrap: nowrap; }
#after { display: grid; grid-template-columns: repeat(auto-fit, minmax(84px, 1fr)); gap: 8px; }
#after button { width: 100%; min-height: 40px; padding: 0 2px; font-size: 0.75rem; white-space: nowrap; }
#suit { min-height: 40px; }
#suited { display: grid; grid-template-columns: repeat(3, minmax(0, 160px)); mask-image: none; padding: 0; }
#times { min-height: 2.8em; }
#times p { margin: 0; font-size: 0.85rem; }
#hint { min-height: 3.6em; }
#hint p { margin: 0; font-size: 0.9rem; line-height: 1.4; }
#drawn > div, #drawn .prose { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 16px; }
#drawn svg { width: 100%; height: auto; }

#step .wrap { gap: 6px; }
.words h2 { margin: 0 0 4px; font-weight: 600; }
.words p { margin: 0; font-size: 1.05rem; line-height: 1.5; }
#figure { min-height: 360px; }
#figure figure { margin: 0; }
#figure svg { display: block; width: 100%; height: auto; }
#figure .keep { display: inline-block; padding: 10px 0; }
#said { min-height: 2em; }

@media (max-width: 767px) {
  #actions { position: fixed; inset: auto 0 0; z-index: 100; padding: 8px 12px calc(8px + env(safe-area-inset-bottom));
    background: var(--body-background-fill); }
  .gradio-container .main { padding-bottom: 88px !important; }
}
@media (min-width: 768px) {
  #pairs img { aspect-ratio: 2; }
  #shown { position: sticky; top: 12px; align-self: flex-start; }
}
@media (pointer: coarse) {  /* a finger needs more room than Gradio's icons give */
  :is(.icon-button, .icon, .quite-round, .reset-button) { min-width: 36px !important; min-height: 36px !important; }
  :is(.label-wrap, .checkbox-container, button.sm) { min-height: 40px !important; }
}
"""
)

# Some browsers don't know that an iPhone's photo, in HEIC, is an image, and Gradio's page would then refuse it.
HEIC = """() => {
  const type = Object.getOwnPropertyDescriptor(Blob.prototype, 'type').get;
  const named = file => /[.]hei[cf]$/i.test(file.name) ? 'image/heic' : '';
  Object.defineProperty(File.prototype, 'type', {get() { return type.call(this) || named(this); }, configurable: true});
}"""

LAUNCH: dict[str, Any] = {
    "theme": THEME,
    "css": CSS,
    "js": HEIC,
    "footer_links": [],
    "run_history": False,
    "ssr_mode": False,
    "max_file_size": "30mb",
    "max_threads": CONCURRENCY + WAITING + LEARNING + 16,  # each visitor who waits or paints holds one
    "state_session_capacity": 500,  # of 0.2 MB each
    "app_kwargs": {"routes": ROUTES, "middleware": [Middleware(gate)], "lifespan": swept},
}
