"""What the host sets by environment variables, and the health check that it reads."""

import importlib.util
import os
from collections.abc import Callable
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.routing import Route


def from_environment(name: str, default: int) -> int:
    """Return a whole number of 1 or more from an environment variable; raise a ``ValueError`` on anything else."""
    text = os.environ.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{name} is {text!r}; set it to a whole number of 1 or more, or leave it out.")
    return int(text)


CONCURRENCY = from_environment("STYLER_CONCURRENCY", 1)
# Hugging Face's ZeroGPU lends a GPU to a function, and runs that function in a separate process.
LENT = importlib.util.find_spec("spaces") is not None and os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "true")
DEVICE = "cpu" if LENT else None  # of this process, in which ZeroGPU only pretends that there is a GPU


def gpu(seconds: Callable[..., float]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Lend a function a GPU if the host has one to lend; `seconds` computes for how long from its arguments."""
    if not LENT:
        return lambda function: function
    import spaces

    return spaces.GPU(duration=seconds)


async def health(_: Any) -> PlainTextResponse:
    """Answer that the server is running, even while it paints and all its threads are busy."""
    return PlainTextResponse("ok")


ROUTES = [Route("/health", health)]
