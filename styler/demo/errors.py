"""Errors: the visitor gets one sentence, and the log gets all details."""

import html
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

log = logging.getLogger("styler.demo")


def toast(error: Exception | str) -> gr.Error:
    """Return an error that pops up as a sentence; escaped, as it may hold a file's name and Gradio shows it as HTML."""
    return gr.Error(html.escape(str(error)), print_exception=False)


@contextmanager
def told(page: bool = True) -> Iterator[None]:
    """Turn any error inside into a toast: a ValueError's own sentence, or a number to look up in the log.

    A program that calls the API instead of the page gets the sentence as it is.
    """
    try:
        yield
    except gr.Error:
        raise
    except ValueError as error:
        raise toast(error) if page else gr.Error(str(error), print_exception=False) from error
    except Exception as error:
        number = uuid.uuid4().hex[:8]
        log.error("error %s", number, exc_info=error)
        raise toast(f"Something went wrong; please try again. The log has more under the number {number}.") from error
