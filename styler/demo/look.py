"""How the page looks, and how it has to be launched to look so: Gradio takes both at launch."""

from typing import Any

import gradio as gr

from styler import samples

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
)

CSS = """
.gradio-container { width: 100%; max-width: 1240px !important; margin: 0 auto; }
.gradio-container :is(.main, .wrap, main) { min-width: 0 !important; max-width: 100%; }
.gradio-container .main { padding: 16px clamp(12px, 3vw, 32px) !important; }
#head h1 { margin: 0; font-weight: 600; letter-spacing: -0.01em; }
#head p { margin: 0; opacity: 0.75; }

#pairs { flex-wrap: nowrap; max-width: 100%; overflow-x: auto; gap: 10px; padding-bottom: 4px; align-items: stretch; }
#pairs button { flex: 1 0 132px; flex-direction: column; justify-content: flex-start; align-items: stretch; gap: 6px;
  padding: 0 0 8px; overflow: hidden; white-space: pre-line; font-size: 0.8rem; font-weight: 400; line-height: 1.3; }
#pairs img { width: 100%; height: auto; aspect-ratio: 2; object-fit: cover; margin: 0; border-radius: 0; }

#picture { height: min(60vh, 720px); }
#picture img { width: 100%; height: 100%; object-fit: contain; }
#note { height: 40px; overflow: hidden; }
#note p { margin: 6px 0 0; line-height: 1.4; font-variant-numeric: tabular-nums; }
#note progress { display: block; width: 100%; height: 4px; appearance: none; border: 0; }
#note progress::-webkit-progress-bar { background: rgba(128, 128, 128, 0.25); }
#note progress::-webkit-progress-value { background: currentcolor; }
#note progress::-moz-progress-bar { background: currentcolor; }
#actions, #choice { flex-wrap: nowrap; }
#choice input[role="combobox"] { margin-right: 1.2em; text-overflow: ellipsis; }

@media (max-width: 767px) {
  #picture { height: min(88vw, 56vh); }
}
"""

LAUNCH: dict[str, Any] = {
    "theme": THEME,
    "css": CSS,
    "footer_links": [],
    "run_history": False,
    "ssr_mode": False,
    "max_file_size": "30mb",
    "allowed_paths": [str(samples.ASSETS), str(samples.path("pagoda").parent), str(samples.cache_dir())],
}
