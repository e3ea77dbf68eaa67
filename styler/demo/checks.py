"""What came as JSON, and may be anything, taken for what it has to be, or refused in one sentence."""

import reprlib
from collections.abc import Collection, Sequence
from typing import Any


def number(name: str, value: Any, low: float, high: float, unit: str = "") -> float:
    """Take a number of a range, or tell what is wrong with it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"The {name} is {brief(value)}{unit}; choose one from {low} to {high}{unit}.")
    return float(value)


def choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Take one of several words, or tell which there are."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"There is no {name} {brief(value)}; choose one of {', '.join(choices)}.")
    return value


def listed(name: str, value: Any) -> Sequence[Any]:
    """Take a list, or tell that it is none."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"The {name} are no list; give one.")
    return value


def brief(value: Any) -> str:
    """Return a value in a few letters, whatever it is."""
    text = f"{value:g}" if isinstance(value, float) else reprlib.repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
