"""Measure how much waiting visitors slow a painting down, and whether the announced waiting times are right.

python -m benchmarks.waiting [CLIENTS [SIZE]] starts its own page. It paints one picture to warm up and one alone. Then
CLIENTS clients ask for a picture at once. It takes a minute, and a picture's time for each client.
"""

import json
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import numpy as np

from benchmarks.load import STYLE, ask, served
from styler import samples

PHOTO = {"path": str(samples.path("cat"))}
UNITS = {"s": 1.0, "min": 60.0}


def paint(port: int, strength: float, size: int) -> tuple[float, float, float, int]:
    """Ask for a picture and wait for it.

    Returns when it was done, how many seconds it took to paint, the median relative error of the announced waiting
    times, and how many such times were announced.
    """
    wish = {"data": [PHOTO, STYLE, "preview", strength, size, None, None]}
    event = json.loads(ask(port, "POST", "/gradio_api/call/paint", wish))["event_id"]
    line = HTTPConnection("127.0.0.1", port, timeout=900)
    line.request("GET", f"/gradio_api/call/paint/{event}")
    begun, messages, told = 0.0, 0, []
    with line.getresponse() as answer:
        for row in answer:
            now, text = time.monotonic(), row.decode()
            if not text.startswith("data: ["):
                continue
            words = json.loads(text.removeprefix("data: "))[2]
            if found := re.search(r"begins in about ([\d.]+) (s|min)", str(words)):
                told.append((now, float(found[1]) * UNITS[found[2]]))
                messages += 1
            elif not begun:
                begun = now
    done = time.monotonic()
    # Shorter waits are left out: in less than ten seconds nobody would notice an error of a third.
    wrong = [abs(seconds / (begun - now) - 1) for now, seconds in told if begun - now > 10]
    return done, done - begun, float(np.median(wrong)) if wrong else 0.0, messages


if __name__ == "__main__":
    n, size = [*map(int, sys.argv[1:]), *(12, 512)[len(sys.argv) - 1 :]]
    with tempfile.TemporaryDirectory() as folder, served(folder) as (port, _page):
        paint(port, 0.9, size)
        alone = paint(port, 0.8, size)[1]
        start = time.monotonic()
        with ThreadPoolExecutor(n) as clients:
            got = list(clients.map(lambda i: paint(port, 0.2 + i / 100, size), range(n)))
        done, took, wrong, messages = zip(*sorted(got), strict=True)
        each = np.diff([start, *done])
        print(
            f"alone {alone:.1f} s; of {n} at once the first six {np.mean(each[: n // 2]):.1f} s each, "
            f"all {np.mean(each):.1f} s each; painting alone {np.mean(took):.1f} s"
        )
        print(
            f"announced times are off by {np.median(wrong):.0%}, at worst {max(wrong):.0%}; "
            f"{np.mean(messages):.0f} messages each"
        )
