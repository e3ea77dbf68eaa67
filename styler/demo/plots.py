"""Plots of how a painting was made: pure functions from its steps to SVG, in the page's own colours."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, groupby

from styler.painting import Stage
from styler.recipe import PIXELS

WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 14, 34
MOST = 120  # points in a line; more would not be visible
# The mean squared distance between two unrelated standardised maps.
UNRELATED = 2.0
HUES = ("#c2710c", "#b0457b", "#7a5cc9", "#2f7cc0", "#1d8a6b")


@dataclass(frozen=True)
class Step:
    """Where a picture stands after a step.

    Attributes
    ----------
    scale : int
        Longest side in px at which the step was painted.
    content : float or None
        Distance from the photo's content: 0 is the photo, 2 is unrelated to it. None where it is not measured.
    style : dict of str to float
        Distance from the painting's style by layer: 0 is the painting's style, 1 is no style at all.
    places : float or None
        Distance of the picture's places from their matches in the painting: 0 is the same, 1 has nothing in common.
    """

    scale: int
    content: float | None
    style: dict[str, float]
    places: float | None = None

    @property
    def distance(self) -> float:
        """Mean of the distances of the layers."""
        return sum(self.style.values()) / len(self.style)


def step_of(stage: Stage, weights: Mapping[str, Mapping[str, float]]) -> Step:
    """Divide a stage's losses by `Recipe.weights`; a loss without a weight, or not finite, is left out."""
    held = {k: v for k, v in stage.losses.get("content", {}).items() if weights["content"][k]}
    content = sum(held.values()) / sum(weights["content"][k] for k in held) if held else None
    shares = {k: weight for k, weight in weights["style"].items() if weight and k != PIXELS}
    style = {k: v / shares[k] for k, v in stage.losses.get("style", {}).items() if k in shares and math.isfinite(v)}
    places = [
        v / weights["neighbors"][k] for k, v in stage.losses.get("neighbors", {}).items() if weights["neighbors"][k]
    ]
    known = content if content is None or math.isfinite(content) else None
    return Step(stage.scale, known, style, places[0] if places else None)


def plane(steps: Sequence[Step]) -> str:
    """Draw the path from the photo's corner towards the painting's, with a line for each scale."""
    path = [step for step in steps if step.content is not None and step.style]
    high = max([1.0, *(step.distance for step in path)]) * 1.08
    wide = max([UNRELATED, *(step.content or 0 for step in path)]) * 1.08

    def at(step: Step) -> tuple[float, float]:
        return _x((step.content or 0) / wide), _y(step.distance / high)

    body = [*_axes("distance from the photo's content", "distance from the painting's style")]
    for tick in (0.5, 1.0, 1.5, 2.0):
        body.append(_text(_x(tick / wide), HEIGHT - BOTTOM + 14, f"{tick:g}", "middle"))
        if tick <= high:
            body.append(_text(LEFT - 6, _y(tick / high) + 4, f"{tick:g}", "end"))
    body += [_dot(_x(0), _y(1 / high)), _text(_x(0) + 10, _y(1 / high) + 4, "the photo")]
    body += [_dot(_x(UNRELATED / wide), _y(0)), _text(_x(UNRELATED / wide) - 6, _y(0) - 10, "the painting", "end")]
    for i, (scale, run) in enumerate(groupby(path, key=lambda step: step.scale)):
        points = [at(step) for step in run]
        body.append(_line(points, HUES[i % len(HUES)]))
        body.append(_text(points[-1][0] + 7, points[-1][1] + 4, f"{scale} px", colour=HUES[i % len(HUES)]))
    if path:
        body.append(_dot(*at(path[-1]), 5))
    return _svg("The path of the picture between the photo and the painting", body)


def by_layer(steps: Sequence[Step]) -> str:
    """Draw each layer's style distance, and the distances of content and places, by step on a log scale."""
    layers = sorted({layer for step in steps for layer in step.style})
    lines = {layer: [step.style.get(layer) for step in steps] for layer in layers}
    lines = {"content": [step.content for step in steps], "places": [step.places for step in steps], **lines}
    seen = [v for line in lines.values() for v in line if v]
    low = math.floor(math.log10(max(min(seen, default=0.1), 1e-4)))
    top = max(0.0, math.log10(max(seen, default=1.0)))
    body = [*_axes(f"steps ({len(steps)})", "distance, log scale")]
    for power in range(low, math.floor(top) + 1):
        y = _y((power - low) / (top - low + 0.05))
        body += [_text(LEFT - 6, y + 4, f"{10.0**power:g}", "end"), _rule(y)]
    ends = []
    for (name, line), colour in zip(lines.items(), chain(["currentColor"], cycle(HUES)), strict=False):
        points = [
            (_x(0.86 * i / max(1, len(line) - 1)), _y((math.log10(max(v, 10.0**low)) - low) / (top - low + 0.05)))
            for i, v in enumerate(line)
            if v
        ]
        if points:
            body.append(_line(points, colour, "5 3" if name == "content" else ""))
            ends.append((points[-1], name, colour))
    lowest = 0.0
    for (x, y), name, colour in sorted(ends, key=lambda end: end[0][1]):
        lowest = max(y + 4, lowest + 12)  # moves a name down if it would overlap another
        body.append(_text(x + 5, lowest, name, colour=colour))
    return _svg("The distances by layer, step by step", body)


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _axes(across: str, up: str) -> Iterator[str]:
    yield f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="currentColor" opacity=".5"/>'
    yield _text(WIDTH - RIGHT, HEIGHT - 4, across + " →", "end")
    yield _text(LEFT + 8, TOP + 2, "↑ " + up)


def _rule(y: float) -> str:
    return f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="currentColor" opacity=".12"/>'


def _dot(x: float, y: float, r: float = 4) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="currentColor"/>'


def _line(points: Sequence[tuple[float, float]], colour: str, dashes: str = "") -> str:
    thin = [*points[:: 1 + len(points) // MOST], points[-1]]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in thin)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>'


def _text(x: float, y: float, words: str, anchor: str = "start", colour: str = "currentColor") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="12">{words}</text>'


def _svg(title: str, body: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">{"".join(body)}</svg>'
