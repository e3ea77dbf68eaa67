"""The page's second tab: the lesson's steps one by one, each with its own address."""

import html
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gradio as gr

from styler.demo.checks import choice
from styler.demo.parts import AT_ONCE, QUIET
from styler.demo.steps import STEPS, Pick, Turn, asked, draw

NUMBERS = [str(i + 1) for i in range(len(STEPS))]
TAB = "lesson"
TO_STEP = "step => { if (step) history.replaceState(null, '', '?step=' + step) }"
NAMED = "() => new URLSearchParams(location.search).get('step')"
# Saves the figure as it is on the page, without asking the server.
KEEP = (
    "const file = new Blob([new XMLSerializer().serializeToString(this.parentNode.querySelector('svg'))], "
    "{type: 'image/svg+xml'}); this.href = window.URL.createObjectURL(file)"
)
LOOKING = "Drawing …"


def tab(page: gr.Blocks, tabs: gr.Tabs, photo: gr.Image, painting: gr.Image, painted: gr.DownloadButton) -> None:
    """Add the tab to the page that is being built.

    Parameters
    ----------
    page : gradio.Blocks
    tabs : gradio.Tabs
    photo, painting : gradio.Image
        Where the visitor chooses them.
    painted : gradio.DownloadButton
        Holds the PNG of the last painted picture.
    """
    with gr.Tab("How it works", id=TAB) as lesson:
        step = gr.Radio(
            [(f"{i} {step.title}", i) for i, step in zip(NUMBERS, STEPS, strict=True)],
            label="Step",
            elem_id="step",
        )
        with gr.Row(elem_id="lesson"):
            with gr.Column(scale=2, min_width=300):
                parts, controls = [], []
                for i, what in zip(NUMBERS, STEPS, strict=True):
                    with gr.Column(visible=i == "1") as part:
                        gr.HTML(f"<h2>{what.title}</h2><p>{html.escape(what.words)}</p>", elem_classes="words")
                        controls += [laid_out(control) for control in what.controls]
                    parts.append(part)
                following = gr.Button("Next step", size="sm")
            with gr.Column(scale=3, min_width=340):
                shown = gr.HTML(elem_id="figure")
                said = gr.HTML(status(""), elem_id="said")
    step.change(lambda step: [gr.Column(visible=i == step) for i in NUMBERS], step, parts, **AT_ONCE)
    step.change(None, step, None, js=TO_STEP)
    following.click(after, step, step, **AT_ONCE)
    turned = [c.release if isinstance(c, gr.Slider) else c.change for c in controls]
    asking = [step, photo, painting, painted, *controls]
    lesson.select(begun, step, step, **AT_ONCE)
    gr.on(
        [lesson.select, step.change, *turned],  # a visitor who comes back may have chosen another photo
        show,
        asking,
        [shown, said],
        trigger_mode="always_last",
        concurrency_limit=None,  # steps.LINE sets the limit
        **QUIET,
    )
    page.load(opened, step, [tabs, step], js=NAMED, **AT_ONCE)


def laid_out(control: Pick | Turn) -> gr.Radio | gr.Slider:
    """Return the Gradio component for a control of a step."""
    if isinstance(control, Pick):
        return gr.Radio(
            [(words, key) for key, words in control.options.items()], value=control.value, label=control.label
        )
    return gr.Slider(control.low, control.high, control.value, step=control.step, label=control.label)


def show(step: Any, photo: Any, painting: Any, painted: Any, *values: Any) -> Iterator[list[Any]]:
    """Show a step's figure as it is drawn, and the status."""
    yield [gr.skip(), status(LOOKING if step else "")]
    if not step:  # the first step is about to be chosen
        return
    with closing(draw(asked(step, photo, painting, values, painted))) as figures:
        for drawn in figures:
            if isinstance(drawn, int):
                yield [gr.skip(), status(f"Waiting in line: {drawn} ahead of you …")]
            else:
                yield [framed(drawn, str(step)), gr.skip()]
    yield [gr.skip(), status("")]


def framed(drawn: str, step: str) -> str:
    """Return a figure with a link to download it."""
    link = f'<a class="keep" download="styler-step-{step}.svg" href="#" onclick="{KEEP}">Download the figure</a>'
    return f"<figure>{drawn}{link}</figure>"


def status(words: str) -> str:
    """Return a line that screen readers read out when it changes."""
    return f'<p role="status">{html.escape(words)}</p>'


def begun(step: Any) -> str:
    """Return the chosen step, or the first if none is chosen."""
    return step if step in NUMBERS else NUMBERS[0]


def after(step: Any) -> str:
    """Return the next step; after the last, the first."""
    return NUMBERS[int(choice("step", step, NUMBERS)) % len(NUMBERS)]


def opened(step: Any) -> list[Any]:
    """Open the step that the page's address names, if any."""
    return [gr.Tabs(selected=TAB), step] if step in NUMBERS else [gr.skip(), gr.skip()]
