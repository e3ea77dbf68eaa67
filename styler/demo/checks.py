"""Checks of values that came as JSON and may be anything: each is returned as valid or refused in one sentence."""

import reprlib
from collections.abc import Collection, Sequence
from typing import Any


def number(name: str, value: Any, low: float, high: float, unit: str = "") -> float:
    """Return a number that is within a range; raise a ``ValueError`` on anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"The {name} is {brief(value)}{unit}; choose one from {low} to {high}{unit}.")
    return float(value)


def choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Return one of several words; raise a ``ValueError`` that lists them on anything else."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"There is no {name} {brief(value)}; choose one of {', '.join(choices)}.")
    return value


def listed(name: str, value: Any) -> Sequence[Any]:
    """Return a list; raise a ``ValueError`` on anything else."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"The {name} are not a list; give a list.")
    return value


def brief(value: Any) -> str:
    """Return any value as text of at most 40 characters."""
    text = f"{value:g}" if isinstance(value, float) else reprlib.repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
