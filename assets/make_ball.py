"""Render ``ball.png``, a ball and its shadow: about the simplest content a picture can have.

Run ``python assets/make_ball.py`` to write it anew. A matte ball of radius one rests on a pale floor under a round lamp
and an even sky. Each pass takes one ray through every pixel to one point of the lamp, and the mean of the passes gives
smooth edges and a soft shadow without noise. The sky's part has a closed form: a ball at rest on the floor hides
(d² + 1)^(-3/2) of the sky, weighted by the cosine, from a floor point at distance d from the point of contact.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float64]  # shape (3, 1, 1) or (3, H, W) for a vector or a colour


def vector(x: float, y: float, z: float) -> Array:
    """Return a point, a direction or a linear RGB colour that broadcasts over a picture."""
    return np.array([x, y, z]).reshape(3, 1, 1)


SIZE = 512
PASSES = 64
BALL = vector(0.80, 0.16, 0.06)  # share of light thrown back
FLOOR = vector(0.80, 0.78, 0.75)
LAMP = vector(1.10, 1.04, 0.93)  # light falling on a surface that faces it, at the ball
SKY = vector(0.20, 0.23, 0.28)
BACKDROP = vector(0.46, 0.47, 0.48)
CENTRE = vector(0, 1, 0)
EYE = vector(0, 2.6, 8.6)
LOOK_AT = vector(0.32, 0.82, 0)
LAMP_AT = vector(-7.2, 11.0, 5.4)
LAMP_RADIUS = 1.8
FOCAL = 3.3  # in half widths of the picture
HAZE = 16.0  # distance at which a share 1/e of the floor still shows before the backdrop


def dot(a: Array, b: Array) -> Array:
    """Return the scalar product over the first axis."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def unit(a: Array) -> Array:
    """Scale to length one."""
    return a / np.sqrt(dot(a, a))


def basis(forward: Array) -> tuple[Array, Array]:
    """Return the two unit vectors, right and up, that are perpendicular to `forward`."""
    right = unit(np.cross(forward, vector(0, 1, 0), axis=0))
    return right, np.cross(right, forward, axis=0)


def to_ball(origin: Array, direction: Array) -> Array:
    """Return the distance along each ray to the ball, infinite where the ray misses it."""
    offset = CENTRE - origin
    along = dot(offset, direction)
    inside = along**2 - dot(offset, offset) + 1
    distance = along - np.sqrt(np.maximum(inside, 0))
    return np.where((inside > 0) & (distance > 0), distance, np.inf)


def ball_light(point: Array, ray: Array, lamp: Array) -> Array:
    """Return the light that the ball sends back along `ray` from `point`: matte, with a little sheen."""
    normal = point - CENTRE
    to_lamp = unit(lamp - point)
    facing = np.maximum(dot(normal, to_lamp), 0)
    sky = (1 + normal[1]) / 2  # the share of sky above a point of the ball; the floor fills the rest
    near_floor = np.sqrt(np.clip(point[1] / 2, 0, 1))  # where the ball sees little but its own shadow
    matte = BALL * (LAMP * facing + SKY * sky + 0.8 * FLOOR * near_floor * (1 - sky))
    return matte + 0.10 * LAMP * np.maximum(dot(normal, unit(to_lamp - ray)), 0) ** 50


def floor_light(point: Array, depth: Array, lamp: Array) -> Array:
    """Return the light that the floor, and the haze before it, send back from `point` at distance `depth`."""
    offset = lamp - point
    distance = np.sqrt(dot(offset, offset))
    to_lamp = offset / distance
    fall_off = dot(LAMP_AT - CENTRE, LAMP_AT - CENTRE) / distance**2
    lit = np.isinf(to_ball(point, to_lamp))
    hidden = (point[0] ** 2 + point[2] ** 2 + 1) ** -1.5
    bounced = 0.25 * BALL * hidden  # the ball's colour, thrown back on the floor
    light = FLOOR * (LAMP * fall_off * np.maximum(to_lamp[1], 0) * lit + SKY * (1 - hidden) + bounced)
    clear = np.exp(-((depth / HAZE) ** 4))
    return clear * light + (1 - clear) * BACKDROP


def render(size: int = SIZE, passes: int = PASSES) -> NDArray[np.uint8]:
    """Return the picture, uint8, shape (size, size, 3), sRGB."""
    forward = unit(LOOK_AT - EYE)
    right, up = basis(forward)
    lamp_right, lamp_up = basis(unit(CENTRE - LAMP_AT))
    rows, columns = np.mgrid[:size, :size]
    total = np.zeros((3, size, size))
    for i in range(passes):
        radius, angle = LAMP_RADIUS * np.sqrt((i + 0.5) / passes), 2.399963 * i  # Vogel's spiral fills a disc evenly
        lamp = LAMP_AT + radius * (np.cos(angle) * lamp_right + np.sin(angle) * lamp_up)
        x = 2 * (columns + 0.7548777 * i % 1) / size - 1  # Roberts's R2 sequence fills a pixel evenly
        y = 1 - 2 * (rows + 0.5698403 * i % 1) / size
        ray = unit(FOCAL * forward + x * right + y * up)
        depth = EYE[1] / np.maximum(-ray[1], 1e-3)
        light = floor_light(EYE + depth * ray, depth, lamp)
        ball = to_ball(EYE, ray)
        seen = np.isfinite(ball)
        light[:, seen] = ball_light((EYE + np.where(seen, ball, 0) * ray)[:, seen, None], ray[:, seen, None], lamp)[
            ..., 0
        ]
        total += light / passes
    total = np.clip(total, 0, 1)
    encoded = np.where(total <= 0.0031308, 12.92 * total, 1.055 * total ** (1 / 2.4) - 0.055)
    return np.round(255 * encoded).astype(np.uint8).transpose(1, 2, 0)


if __name__ == "__main__":
    Image.fromarray(render()).save(Path(__file__).with_name("ball.png"), optimize=True)
