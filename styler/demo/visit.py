"""What each control does: the functions take values from the page and return updates for it."""

import html
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from styler import images, samples
from styler.demo import advice, painting, parts, plots
from styler.demo.checks import brief, choice, listed, number
from styler.demo.compare import as_files
from styler.demo.errors import told
from styler.demo.orders import DRAWN, MAX_PAINTINGS, SIZES, Order, Recent, order
from styler.demo.uploads import Upload, given
from styler.making import save_making_of
from styler.schedule import PRESETS

SUGGESTED, SMALL = 3, 128  # how many paintings are suggested, and the px of their pictures
READY = "A finished example. Tap Paint to watch it form, or choose your own photo and painting."
STAYS = "A link to it works for an hour after it was painted."
SUIT = "What suits this photo?"
AFTER = ("Send", "Making of", "Use as photo", "Paint finer")  # what can be done with a finished picture
CHOSEN: Recent[str] = Recent(1000)  # the photo that each session chose last
BEGUN, AGAIN = "One moment …", "Tap Paint to try again."


def load(pair: tuple[str, str]) -> list[Any]:
    """Return updates that show a pair with its finished picture: for the photo, the painting and all of `show`."""
    content, style = (str(samples.path(key)) for key in pair)
    return [content, style, *show((content, parts.result(pair)), parts.note(READY), busy=False, drawn=draw([]))]


def begin(request: gr.Request) -> list[Any]:
    """Show at once that the painting is about to begin."""
    painting.expect(str(request.session_hash))
    return show(gr.skip(), parts.note(BEGUN, 0), busy=True, files=None)


def begin_finer(preset: Any, size: Any, request: gr.Request) -> list[Any]:
    """Choose the next finer preset, or after the last one a larger size, and begin."""
    names = list(PRESETS)
    preset, size = choice("preset", preset, names), int(number("size", size, *SIZES, " px"))
    if preset != names[-1]:
        preset = names[names.index(preset) + 1]
    else:
        size = min(SIZES[1], size * 3 // 2)
    return [preset, size, *begin(request)]


def run(request: gr.Request, *asked: Any) -> Iterator[list[Any]]:
    """Paint an order, see `wanted`, and show the picture as it forms; an error message stays in the note."""
    yield from _run(request, False, *asked)


def run_finer(request: gr.Request, *asked: Any) -> Iterator[list[Any]]:
    """Do the same, but continue from the picture that is there."""
    yield from _run(request, True, *asked)


def _run(request: gr.Request, finer: bool, *asked: Any) -> Iterator[list[Any]]:
    try:
        with told():
            views = painting.paint(replace(wanted(*asked), finer=finer), str(request.session_hash))
            for i, view in enumerate(views):
                yield show(
                    (view.photo, view.picture),
                    parts.note(view.note, view.progress),
                    busy=None if i and not view.last else not view.last,
                    drawn=draw(view.steps) if view.steps else gr.skip(),
                    files=(view.png, view.jpeg),
                )
    except gr.Error as error:
        yield show(gr.skip(), parts.note(html.unescape(error.message)), busy=True, files=None)
        raise


def wanted(content: Any, style: Any, mixed: Any, *rest: Any) -> Order:
    """Return the order that the page's controls make, given their values as `asked` lists them in `page.build`."""
    items = listed("paintings to mix in", mixed or [])
    *usual, layers, style_loss, content_layer, content_loss = rest
    *shares, preset, strength, size, smooth, colors, scale, where, drawing, init, start, seed = usual
    if not isinstance(smooth, bool):
        raise ValueError(f"The choice of smoother shapes is {brief(smooth)}; choose true or false.")
    paintings = [style, *map(parts.image_of, items)]
    pooling = "average" if smooth else "max"
    shares = shares[: len(paintings)]
    more = (pooling, colors, scale, where, drawing, init, start, seed, layers, content_layer, style_loss, content_loss)
    return order(content, paintings, shares, preset, strength, size, *more)


def stop(request: gr.Request) -> gr.Button:
    """Stop the visitor's painting at its next step."""
    painting.stop(str(request.session_hash))
    return gr.Button(interactive=False)


def idle(note: Any, *files: Any) -> list[Any]:
    """Make the page ready again after a failure, and keep the PNG and the JPEG of the last picture."""
    return show(gr.skip(), parts.note(AGAIN) if BEGUN in str(note) else gr.skip(), busy=False, files=here(*files))


def here(png: Any, jpeg: Any) -> tuple[str | None, str | None]:
    """Return the paths of a finished picture's files, or None for those that are no longer here."""
    kept = [str(path) if (path := given(file)) else None for file in (png, jpeg)]
    return kept[0], kept[1]


def look(content: Any, style: Any, *_: Any) -> str:
    """Return advice on the pair, or what is wrong with one of its images."""
    return parts.hint(_advice(_upload(content, "photo"), _upload(style, "painting")))


def fresh(content: Any, picture: Any, request: gr.Request) -> list[Any]:
    """Return updates that show a newly chosen photo and its note, unless the page shows that photo already.

    While the visitor's last order is being painted, its picture stays. The browser may report the same choice again,
    even after the picture is done, and then nothing changes.
    """
    session, chosen = str(request.session_hash), given(content)
    known = CHOSEN.get(session) == str(chosen)
    CHOSEN.keep(session, str(chosen))
    if known or not chosen or chosen in kept_files(picture)[:1] or session in painting.AT_WORK:
        return [gr.skip(), gr.skip()]
    try:
        photo = images.like(Upload.of(content, "photo").read(DRAWN), "a path")
    except ValueError as error:
        return [gr.skip(), parts.note(str(error))]
    return [as_files(photo, photo), parts.note("Tap Paint to paint this photo.")]


def suggest(content: Any, png: Any, jpeg: Any, request: gr.Request) -> Iterator[list[Any]]:
    """Paint small versions of a photo, one for each painting that suits it, and show them side by side."""
    tiles: list[Any] = [gr.skip()] * SUGGESTED
    for i, key in enumerate(suitable(Upload.of(content, "photo"))):
        wish = order(content, [{"path": str(samples.path(key))}], None, "preview", 0.5, SMALL)
        for view in painting.paint(wish, str(request.session_hash)):
            if view.png:
                tiles[i] = gr.Button(visible=True, **parts.tile(key, Path(view.png)))
            words = f"{i + 1} of {SUGGESTED}: {view.note}"
            yield [*tiles, *show(gr.skip(), parts.note(words, view.progress), busy=True, files=None)]
        if view.note.startswith("Stopped"):
            break
    shown = show(
        gr.skip(), parts.note("Tap one of the small pictures to paint it large."), busy=False, files=here(png, jpeg)
    )
    yield [*tiles, *shown]


def choose(place: int) -> Callable[..., list[Any]]:
    """Return a function that chooses one of the suggested paintings and begins."""

    def chosen(content: Any, request: gr.Request) -> list[Any]:
        return [str(samples.path(suitable(Upload.of(content, "photo"))[place])), *begin(request)]

    return chosen


@lru_cache(maxsize=64)
def suitable(photo: Upload) -> list[str]:
    """Return the keys of the sample paintings that suit a photo; those that must be fetched are left out."""
    shelf = {key: samples.path(key) for key in samples.keys("style") if samples.SAMPLES[key].url is None}
    paintings = {key: images.resize(images.read(path), advice.LOOKED_AT) for key, path in shelf.items()}
    return advice.suited(photo.read(advice.LOOKED_AT), paintings, SUGGESTED)


def making(png: Any) -> Iterator[Any]:
    """Return the making-of film of the picture that is shown, as a file to send or save."""
    upload = Upload.of(png, "picture")
    frames = painting.MAKINGS.get(upload.digest)
    if frames is None:
        raise ValueError("The making-of film of this picture is no longer available; paint the picture again.")
    with tempfile.TemporaryDirectory(prefix="styler-") as folder:
        film = Path(folder, f"{upload.path.stem}.webp")
        save_making_of(frames, film)
        yield gr.DownloadButton(value=str(film))


def show_shares(mixed: Any) -> list[gr.Column]:
    """Show a share slider for each painting if there are several."""
    n = len(listed("paintings to mix in", mixed or []))
    return [gr.Column(visible=n > 0 and i <= n) for i in range(MAX_PAINTINGS)]


def show_start(init: Any) -> list[gr.Column]:
    """Show what the starting point needs: the seed of the noise, or an upload area for the image."""
    return [gr.Column(visible=init == "noise"), gr.Column(visible=init == "image")]


def draw(steps: list[plots.Step]) -> str:
    """Return the two plots of what happened."""
    return plots.plane(steps) + plots.by_layer(steps)


def show(
    picture: Any,
    note: Any,
    busy: bool | None,
    drawn: Any = None,
    files: tuple[str | None, str | None] | None = (None, None),
) -> list[Any]:
    """Return updates for the picture, the note, the plots, Stop, the buttons for a finished picture, and all buttons
    that start or load something. If `files` is None, the last picture's files are kept but can't be downloaded yet.
    If `busy` is None, all buttons stay as they are: each update of one costs Gradio a millisecond or more."""
    shown = [as_files(*picture) if isinstance(picture, tuple) else picture, note, gr.skip() if drawn is None else drawn]
    if busy is None:
        return [*shown, *[gr.skip()] * (1 + 2 + len(AFTER) + 2 + len(samples.PAIRS))]
    done = files is not None and files[0] is not None
    downloads = (
        [gr.DownloadButton(value=file, interactive=done) for file in files]
        if files
        else [gr.DownloadButton(interactive=False)] * 2
    )
    return [
        *shown,
        gr.Button(interactive=busy),
        *downloads,
        *[gr.Button(interactive=done)] * len(AFTER),
        *[gr.Button(interactive=not busy)] * (2 + len(samples.PAIRS)),
    ]


def kept_files(pair: Any) -> list[Path]:
    """Return those of the two files, photo and picture, that are still here."""
    return [path for file in (pair if isinstance(pair, list) else []) if (path := given(file))]


def _upload(file: Any, role: str) -> Upload | None:
    try:
        return Upload.of(file, role)
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _advice(photo: Upload | None, painting: Upload | None) -> str:
    try:
        return advice.words(
            photo.read(advice.LOOKED_AT) if photo else None, painting.read(advice.LOOKED_AT) if painting else None
        )
    except ValueError as error:
        return str(error)
