"""Orders and all functions of the page accept any JSON, or refuse it in one sentence."""

import asyncio
import html
import inspect
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("hypothesis", reason="orders are made up by hypothesis, which is not installed")
pytest.importorskip("gradio", reason="the page needs gradio, which is not installed")

import gradio as gr
from gradio.state_holder import SessionState
from hypothesis import given, settings
from hypothesis import strategies as st

from styler import samples
from styler.demo import build, masking, painting, visit
from styler.demo.orders import Order, order
from styler.demo.sights import painter_for
from styler.demo.uploads import Upload

PHOTO = {"path": str(samples.path("ball"))}
# What each argument is called in the sentence that refuses it.
NAMES = {
    "photo": "photo",
    "paintings": "painting",
    "shares": "share|weight",
    "preset": "preset",
    "strength": "strength",
    "size": "size",
    "pooling": "pooling",
    "colors": "colours",
    "style_scale": "strokes",
    "where": "place",
    "drawing": "drawing",
    "init": "start",
    "start": "starting image",
    "seed": "noise",
    "style_layers": "style layer",
    "content_layer": "content layer",
    "style_loss": "style loss",
    "content_loss": "content loss",
}
ODD = [
    *(float("nan"), float("inf"), -float("inf"), -1, 0, 10**400, -(10**400), 1e308, 1e-308, 2**63, 0.1, True, False),
    *("", "x", "0.5", "content", "\0", "\ud800", "<b>", "é" * 9000, "[" * 9000, "..", "file:///etc/passwd"),
    *([], {}, [[]], [None], [{}], [[PHOTO]], [0] * 9000, ["relu1_1"] * 9000, [PHOTO] * 9),
    *({"layers": [PHOTO] * 9}, {"layers": {}}, {"layers": None}, {"image": PHOTO}),
    *({"path": 1}, {"path": [PHOTO]}, {"path": "/"}, {"path": "a" * 9000}, {"path": "\0"}, {"path": "\ud800"}),
]
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["path", "layers"])
NAMED = st.sampled_from(["path", "image", "layers", "x"])
JSON = st.sampled_from(ODD) | st.recursive(PLAIN, lambda x: st.lists(x) | st.dictionaries(NAMED, x), max_leaves=8)
MANY = 100 * int(os.environ.get("MORE_ORDERS", "1"))
BOUNDED = settings(derandomize=True, deadline=1000, database=None, max_examples=MANY)


def one_sentence(words: str) -> bool:
    """Whether words are one sentence of our own, and not one of Python's or one for the log."""
    return bool(re.fullmatch(r"[A-Z0-9][^\n]{10,400}\.", words)) and not re.search("Traceback|went wrong|object", words)


def test_every_argument_of_an_order_is_tried() -> None:
    assert NAMES.keys() == inspect.signature(order).parameters.keys()


@BOUNDED
@given(name=st.sampled_from([*NAMES]), value=JSON)
def test_an_order_is_taken_or_refused_in_a_sentence_that_names_what_is_wrong(name: str, value: Any) -> None:
    wish = {
        "photo": PHOTO,
        "paintings": [PHOTO, PHOTO],
        "shares": None,
        "preset": "preview",
        "strength": 0.5,
        "size": 64,
    }
    wish |= {
        "where": "each",
        "drawing": {"layers": []},
        "init": "image" if name == "start" else "noise",
        "start": PHOTO,
    }
    wish[name] = [PHOTO, value] if name == "paintings" else value
    try:
        assert isinstance(order(**wish), Order)
    except ValueError as error:
        words = str(error)
        assert one_sentence(words), words
        assert any(called in words for called in NAMES[name].split("|")), words


def other(block: Any, value: Any) -> Any:
    """Another value of a control."""
    if isinstance(block, gr.Slider):
        return block.minimum if value != block.minimum else block.maximum
    if isinstance(block, gr.Checkbox):
        return not value
    if isinstance(block, gr.Number):
        return value + 1
    words = [choice[1] for choice in block.choices if choice[1] != value and choice[1] != "image"]
    return words[:2] if isinstance(value, list) else words[0]


@pytest.fixture(scope="module")
def run() -> tuple[list[Any], list[Any]]:
    """What Paint sends: the page's components, and values by which each of them matters."""
    function = next(f for f in build(size=64).fns.values() if f.fn is visit.run)
    special = {gr.Image: PHOTO, gr.Gallery: [{"image": PHOTO}] * 3}
    values = [
        "noise" if block.label == "Start from" else special.get(type(block), getattr(block, "value", None))
        for block in function.inputs
    ]
    return function.inputs, values


def test_every_control_of_the_page_reaches_the_order_and_every_part_of_that_the_painter(
    run: tuple[list[Any], list[Any]],
) -> None:
    blocks, values = run
    usual = visit.wanted(*values)
    painters = {"as it is": painter_for(usual).get_params()}
    turned = set()
    for i, block in enumerate(blocks):
        if isinstance(block, gr.Slider | gr.Checkbox | gr.Number | gr.Radio | gr.Dropdown):
            wish = visit.wanted(*values[:i], other(block, values[i]), *values[i + 1 :])
            changed = {name for name in vars(usual) if getattr(wish, name) != getattr(usual, name)}
            assert changed, f"turning {block.label!r} changes nothing of the order"
            turned |= changed
            if changed - {"shares", "where"}:  # which go to fit and to the mask
                assert painter_for(wish).get_params() != painters["as it is"], f"{changed} does not reach the painter"
    # Files have tests of their own, and so has going on from a coarser picture.
    assert turned | {"photo", "paintings", "drawing", "finer"} == {*vars(usual)}


def any_suits(photo: Upload) -> list[str]:
    photo.read(64)
    return ["starry_night"] * visit.SUGGESTED


@pytest.fixture(scope="module")
def page() -> Iterator[gr.Blocks]:
    """The page, but nothing is painted, no subject is searched for and no paintings are compared."""
    stopped = painting.View(PHOTO["path"], PHOTO["path"], "Stopped before it began.", last=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(painting, "paint", lambda order, session: iter([stopped]))
        patch.setattr(visit, "suitable", any_suits)
        patch.setattr(masking, "find_subject", lambda photo, strokes=None: np.zeros(photo.shape[-2:], np.float32))
        yield build(size=64)


@pytest.fixture(scope="module")
def state(page: gr.Blocks) -> SessionState:
    return SessionState(page)


@BOUNDED
@given(data=st.data())
def test_each_function_of_the_page_answers_anything_in_a_sentence(
    page: gr.Blocks, state: SessionState, data: st.DataObject
) -> None:
    function = data.draw(st.sampled_from([f for f in page.fns.values() if f.fn and f.inputs]), "function")
    values: list[Any] = [getattr(block, "value", None) for block in function.inputs]
    values[data.draw(st.integers(0, len(values) - 1), "argument")] = data.draw(JSON, "value")
    if data.draw(st.sampled_from([False] * 9 + [True]), "surplus"):
        values = data.draw(st.lists(JSON), "values")
    request = gr.Request(session_hash="anybody", query_params={"deep_link": "x"})
    try:
        asyncio.run(page.process_api(function, values, state, request))
    except gr.Error as error:
        assert one_sentence(html.unescape(error.message)), error.message
