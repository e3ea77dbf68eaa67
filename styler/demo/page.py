"""The page itself: its layout, and the function that each control calls."""

from contextlib import ExitStack
from functools import partial

import gradio as gr

from styler import samples
from styler.demo import again, api, classroom, disk, masking, parts, uploads, visit
from styler.demo.compare import compared
from styler.demo.messages import Page
from styler.demo.orders import (
    COLORS,
    CONTENT_LOSSES,
    MAX_PAINTINGS,
    RELUS,
    SIZES,
    STARTS,
    STROKES,
    STYLE_LOSSES,
    WHERE,
)
from styler.demo.parts import AT_ONCE, LOOKING, QUIET, SENT
from styler.recipe import CONTENT_LAYER, STYLE_LAYERS
from styler.schedule import PRESETS

REGION = """The marked area is the subject. Correct it with brush and eraser; or mark a part of it and tap "Find the
subject". With "A painting for each", the subject gets the painting above, and the background gets those to mix in."""
STUDY = """Which layers of VGG-19 are compared, and how. Other layers are used at every scale, as in the paper, and take
longer."""
MIXED = ["the painting", "mix-in 1", "mix-in 2", "mix-in 3"]
WHAT_HAPPENED = """
The picture walks between two points: the photo and the painting. Across: its distance from the photo's content
(VGG-19's `relu4_2`). Up: its distance from the painting's style (means and covariances of its layers). It starts near
the photo, in the painting's colours. Each step goes where both distances get shorter, from coarse to fine.

At each scale, every place of the picture is also matched to a place of the painting. The curve "places" shows how far
apart they are. At the finest scales, only shallow layers are used and content is no longer measured. So the path ends
before those scales, while the curves go on. If you choose other settings under "For study", they are measured instead,
at every scale.
"""

# Seconds between two looks of Gradio at its queue. It would look a thousand times a second, and each time a painting's
# threads would have to wait.
PAUSE = 0.01


def build(size: int = 512) -> gr.Blocks:
    """Return the page, to be launched with the options in `styler.demo.LAUNCH`.

    Parameters
    ----------
    size : int
        Longest side in px of the pictures that it paints, unless the visitor chooses another.

    Returns
    -------
    gradio.Blocks
    """
    # Served in place: copies by Gradio would be deleted along with old pictures.
    gr.set_static_paths(uploads.shown())
    first = samples.PAIRS[0]
    photo, style_file = (str(samples.path(key)) for key in first)
    page = Page(title="Styler", analytics_enabled=False, delete_cache=(int(disk.SWEPT), disk.KEPT))
    with page, gr.Tabs() as tabs, ExitStack() as within:
        within.enter_context(gr.Tab("Paint"))
        gr.HTML("<h1>Styler</h1><p>Your photo, in the style of a painting.</p>", elem_id="head")
        with gr.Row(elem_id="pairs", elem_classes="shelf"):
            pairs = [
                gr.Button(parts.pair_title(pair), icon=parts.icon(parts.before_after(pair)), min_width=132)
                for pair in samples.PAIRS
            ]
        with gr.Row(elem_id="sides"):
            with gr.Column(scale=3, min_width=340, elem_id="shown"):
                picture = compared(photo, parts.result(first))
                note = gr.HTML(parts.note(visit.READY), elem_id="note")
                with gr.Row(elem_id="actions"):
                    paint = gr.Button("Paint", variant="primary", min_width=90)
                    stop = gr.Button("Stop", interactive=False, min_width=90)
                with gr.Row(elem_id="after"):
                    png = gr.DownloadButton("PNG", size="sm", interactive=False)
                    jpeg = gr.DownloadButton("JPEG", size="sm", interactive=False)
                    send, making, reuse, finer = (gr.Button(name, size="sm", interactive=False) for name in visit.AFTER)
                    gr.DeepLinkButton("Copy link", "Copied", size="sm", icon=None)
                film = gr.DownloadButton("Film", visible="hidden", elem_id="film")
                hint = gr.HTML(elem_id="hint")
                suit = gr.Button(visit.SUIT, size="sm", elem_id="suit")
                with gr.Row(elem_id="suited", elem_classes="shelf"):
                    tiles = [gr.Button(visible=False, min_width=92) for _ in range(visit.SUGGESTED)]
            with gr.Column(scale=2, min_width=300):
                preset = gr.Radio([(name.capitalize(), name) for name in PRESETS], value="preview", label="Quality")
                times = gr.HTML(parts.times(size), elem_id="times")
                strength = gr.Slider(
                    0, 1, 0.5, step=0.05, label="Strength", info="0 keeps the photo, 1 is all painting."
                )
                content = parts.chooser("Photo", "content", photo, note)
                style = parts.chooser("Painting", "style", style_file, note)
                with gr.Accordion("More", open=False):
                    longest = gr.Slider(
                        *SIZES, size, step=32, label="Size", info="Longest side in px. Larger takes longer."
                    )
                    smooth = gr.Checkbox(label="Smoother, bolder shapes")
                    scale = gr.Slider(
                        *STROKES,
                        1,
                        step=0.25,
                        label="Stroke size",
                        info="Higher gives larger strokes, as seen from closer up.",
                    )
                    colors = gr.Radio(labelled(COLORS), value="painting", label="Colours")
                    init = gr.Radio(
                        labelled(STARTS),
                        value="content",
                        label="Start from",
                        info="Noise keeps less of the photo. Noise and images need more steps: choose Fine.",
                    )
                    with gr.Column(visible=False) as noise:
                        seed = gr.Number(
                            0, label="Seed of the noise", info="Another number gives another picture.", precision=0
                        )
                    with gr.Column(visible=False) as other:
                        start_image = gr.Image(
                            label="Starting image", sources=["upload"], buttons=[], height=160, elem_id="start"
                        )
                    where = gr.Radio(labelled(WHERE), value="everywhere", label="Where to paint")
                    with gr.Column(visible=False) as region:
                        gr.HTML(parts.hint(REGION))
                        drawing = gr.ImageEditor(
                            label="The subject",
                            canvas_size=masking.size_on_canvas(photo),
                            brush=gr.Brush(default_size=24, colors=["rgb(255, 90, 60)"], color_mode="fixed"),
                            sources=(),
                            transforms=(),
                            layers=False,
                            buttons=[],
                            height=300,
                            elem_id="drawing",
                        )
                        find = gr.Button("Find the subject", size="sm")
                    with gr.Accordion("For study", open=False, elem_id="study"):
                        gr.HTML(parts.hint(STUDY))
                        style_layers = gr.Dropdown(
                            RELUS, value=list(STYLE_LAYERS), multiselect=True, label="Style layers"
                        )
                        style_loss = gr.Radio(labelled(STYLE_LOSSES), value="neighbors", label="Style loss")
                        content_layer = gr.Dropdown(RELUS, value=CONTENT_LAYER, label="Content layer")
                        content_loss = gr.Radio(labelled(CONTENT_LOSSES), value="standardised", label="Content loss")
                    mixed = gr.Gallery(
                        label=f"Paintings to mix in (up to {MAX_PAINTINGS - 1})",
                        type="filepath",
                        file_types=["image"],
                        columns=3,
                        height=240,
                        sources=["upload"],
                        elem_id="mixed",
                    )
                    shares: list[gr.Slider] = []
                    rows: list[gr.Column] = []
                    for name in MIXED:
                        with gr.Column(visible=False) as row:
                            shares.append(gr.Slider(0, 1, 0.5, step=0.05, label=f"Share of {name}"))
                        rows.append(row)
                    repeat = gr.UploadButton("Load settings from a PNG painted here", size="sm", elem_id="repeat")
        with gr.Accordion("What happened", open=False):
            gr.Markdown(WHAT_HAPPENED)
            drawn = gr.HTML(visit.draw([]), elem_id="drawn")
        with gr.Accordion("About the samples", open=False):
            gr.Markdown(parts.credits())

        api.endpoints()

        live = [picture, note, drawn, stop, png, jpeg, send, making, reuse, finer, paint, suit, *pairs]
        # A link stores the values of these, but not of one that an update has replaced: so their labels never change.
        asked = [content, style, mixed, *shares, preset, strength, longest, smooth, colors, scale, where, drawing]
        studied = [style_layers, style_loss, content_layer, content_loss]
        asked += [init, start_image, seed, *studied]
        for button, pair in zip(pairs, samples.PAIRS, strict=True):
            button.click(partial(visit.load, pair), None, [content, style, *live], **AT_ONCE)
        onward = finer.click(visit.begin_finer, [preset, longest], [preset, longest, *live], **AT_ONCE)
        starts = [(paint.click(visit.begin, None, live, **AT_ONCE), visit.run), (onward, visit.run_finer)]
        for i, tile in enumerate(tiles):
            starts.append((tile.click(visit.choose(i), content, [style, *live], **AT_ONCE), visit.run))
        tried = suit.click(visit.begin, None, live, **AT_ONCE).then(
            visit.suggest, [content, png, jpeg], [*tiles, *live], **SENT
        )
        tried.failure(visit.idle, [note, png, jpeg], live, **AT_ONCE)
        content.change(lambda: [gr.Button(visible=False)] * len(tiles), None, tiles, **AT_ONCE)
        gr.on([button.click for button in (paint, *tiles)], None, None, None, js=parts.SEE_IT, api_visibility="private")
        for start, paints in starts:
            run = start.then(paints, asked, live, concurrency_limit=None, **QUIET)  # painting.LINE sets the limit
            run.failure(visit.idle, [note, png, jpeg], live, **AT_ONCE)
        stop.click(visit.stop, None, stop, **AT_ONCE)
        reuse.click(again.reuse, png, content, **AT_ONCE)
        send.click(None, jpeg, None, js=parts.SEND, api_visibility="private")
        made = making.click(visit.making, png, film, **SENT)
        made.success(None, film, None, js=parts.SEND, api_visibility="private")
        start_image.upload(partial(parts.drawable, "starting image"), start_image, start_image, **SENT)
        mixed.upload(partial(parts.all_drawable, "painting"), mixed, mixed, **SENT)
        mixed.change(visit.show_shares, mixed, rows, **AT_ONCE)
        kept = [preset, strength, longest, smooth, scale, colors, where, init, seed, *studied]
        # In the queue, because Gradio shows no toast for errors outside it.
        repeat.upload(again.repeat, repeat, [*kept, note], concurrency_limit=None, **QUIET)
        init.change(visit.show_start, init, [noise, other], **AT_ONCE)
        where.change(lambda where: gr.Column(visible=where != "everywhere"), where, region, **AT_ONCE)
        where.change(masking.prepare, [where, content, drawing], drawing, **LOOKING)
        drawing.clear(masking.canvas, content, drawing, **AT_ONCE)
        anew = content.change(masking.new_canvas, content, drawing, **AT_ONCE)
        anew.then(lambda: gr.ImageEditor(visible=True), None, drawing, **AT_ONCE)
        content.change(visit.fresh, [content, picture], [picture, note], **AT_ONCE)
        find.click(masking.find, [content, drawing], drawing, **LOOKING)
        sized = [longest, style_layers, content_layer]
        gr.on([longest.release, style_layers.change, content_layer.change], parts.times, sized, times, **AT_ONCE)
        # It takes the values of all controls, so that a link stores everything chosen so far.
        changes = [page.load, content.change, style.change, mixed.change, preset.change, longest.change, smooth.change]
        changes += [style_layers.change, style_loss.change, content_layer.change, content_loss.change]
        changes += [colors.change, where.change, init.change, start_image.change, seed.change]
        changes += [*(slider.release for slider in (strength, scale, *shares))]
        gr.on(changes, visit.look, asked, hint, trigger_mode="always_last", **AT_ONCE)
        page.load(again.reopen, [content, style, picture], [content, style, *live], **SENT)
        page.load(parts.times, sized, times, **AT_ONCE)  # a link may have set another size
        within.close()
        classroom.tab(page, tabs, content, style, png)
    page.queue(api_open=False)  # else a direct call would bypass the limits of the queue
    page._queue.sleep_when_free = PAUSE
    return page


def labelled(choices: dict[str, str]) -> list[tuple[str, str]]:
    """Return choices as Gradio wants them, words first."""
    return [(words, key) for key, words in choices.items()]
