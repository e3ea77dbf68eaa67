"""Measure the page under load, and whether it recovers afterwards: python -m benchmarks.load [CLIENTS].

It starts its own page on this machine, and takes some minutes.
"""

import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from multiprocessing import Process, Queue
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from styler import samples
from styler.demo import disk

SIDE = 7000  # px; 49 megapixels, just below the limit of 50
MB = 1 << 20
STYLE = {"path": str(samples.path("starry_night"))}


def ask(port: int, method: str, path: str, body: Any = None, kind: str = "application/json") -> bytes:
    """Send one request and return its answer."""
    line = HTTPConnection("127.0.0.1", port, timeout=600)
    line.request(method, path, body if isinstance(body, bytes | None) else json.dumps(body), {"Content-Type": kind})
    with line.getresponse() as answer:
        return answer.read()


def upload(port: int, picture: bytes) -> dict[str, str]:
    """Upload a picture as a browser does."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="photo.jpg"\r\n\r\n'
    answer = ask(
        port, "POST", "/gradio_api/upload", head + picture + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"
    )
    return {"path": json.loads(answer)[0]}


def join(port: int, photo: dict[str, str], strength: float) -> str:
    """Ask for a small painting and return the address of its stream. Each strength makes a different painting."""
    wish = {"data": [photo, STYLE, "preview", strength, 64, None, None]}
    event = json.loads(ask(port, "POST", "/gradio_api/call/paint", wish))["event_id"]
    return f"/gradio_api/call/paint/{event}"


def paint(port: int, photo: dict[str, str], strength: float) -> str:
    """Ask for a small painting, wait until it is done, and return the last message about it."""
    return ask(port, "GET", join(port, photo, strength)).decode().strip().splitlines()[-1]


def listen(port: int, address: str) -> socket.socket:
    """Open a stream and never read from it."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", port))
    line.sendall(f"GET {address} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return line


def break_off(port: int, picture: bytes) -> None:
    """Upload two thirds of a picture, then close the connection."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: {len(picture)}\r\n"
        part = (
            'Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\nContent-Disposition: form-data; name="files"; '
        )
        line.sendall((head + part + 'filename="photo.jpg"\r\n\r\n').encode() + picture[: len(picture) * 2 // 3])


def photo_of(megabytes: int) -> bytes:
    """A photo of 49 megapixels and about so many megabytes."""
    rows = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    for quality in range(80, 0, -1):
        data = io.BytesIO()
        Image.fromarray(rows).save(data, "JPEG", quality=quality)
        if data.tell() < megabytes * MB:
            break
    return data.getvalue()


@contextmanager
def served(folder: str) -> Iterator[tuple[int, int]]:
    """Run a page; yields its port and the id of its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"GRADIO_TEMP_DIR": folder}
    with subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)], env=environment, stdout=subprocess.DEVNULL
    ) as page:
        try:
            for _ in range(600):
                time.sleep(0.2)
                try:
                    ask(port, "GET", "/health")
                    break
                except OSError:
                    continue
            yield port, page.pid
        finally:
            page.terminate()


def resident(pid: int) -> float:
    """Memory of a process in MB."""
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def taken(folder: str) -> float:
    """Size of all files in a folder, in MB."""
    return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / MB


def watch(port: int, pid: int, seen: "Queue[tuple[float, float]]") -> None:
    """Ask for /health about ten times a second; report how long it took and how much memory the page has then."""
    while True:
        begun = time.monotonic()
        assert ask(port, "GET", "/health") == b"ok"
        seen.put((time.monotonic() - begun, resident(pid)))
        time.sleep(0.1)


@contextmanager
def phase(name: str, seen: "Queue[tuple[float, float]]", folder: str) -> Iterator[None]:
    """Print a phase's duration, the times of /health, the memory at its start, peak and end, and the disk."""
    begun = time.monotonic()
    yield
    lasted, looks = time.monotonic() - begun, [seen.get()]
    while not seen.empty():
        looks.append(seen.get())
    waits, memory = zip(*looks, strict=True)
    print(
        f"{name}: {lasted:.0f} s; /health {np.median(waits) * 1000:.0f} ms, at most {max(waits) * 1000:.0f}; "
        f"memory {memory[0]:.0f} MB, at most {max(memory):.0f}, then {memory[-1]:.0f}; disk {taken(folder):.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    large = photo_of(30)
    photos = [large + bytes([i]) for i in range(n)]  # different files, but the same picture
    with tempfile.TemporaryDirectory() as folder, served(folder) as (port, pid):
        seen: "Queue[tuple[float, float]]" = Queue()
        # A process of its own, so that the clients do not delay it.
        watcher = Process(target=watch, args=(port, pid, seen), daemon=True)
        watcher.start()
        clients = ThreadPoolExecutor(n)

        def at_once(function: Callable[..., Any], *each: Any) -> list[Any]:
            return list(clients.map(function, [port] * n, *each))

        with phase("one small painting", seen, folder):
            paint(port, STYLE, 0.5)
        with phase(f"{n} uploads of {len(large) / MB:.0f} MB", seen, folder):
            given = at_once(upload, photos)
        with phase(f"{n} interrupted uploads", seen, folder):
            at_once(break_off, photos)
        with phase(f"{n} large photos to paint", seen, folder):
            said = at_once(paint, given, [i / 100 for i in range(n)])
            print(sum("Done" in words for words in said), "of them finished")
        with phase(f"{n} streams that are never read", seen, folder):
            lines = at_once(listen, [join(port, STYLE, 0.2 + i / 1000) for i in range(n)])
            time.sleep(30)
            for line in lines:
                line.close()
        with phase(f"{n} clients that disconnect while they wait", seen, folder):
            lines = at_once(listen, [join(port, STYLE, 0.6 + i / 1000) for i in range(n)])
            time.sleep(1)
            for line in lines:
                line.close()
            gone = time.monotonic()
            while "Done" not in paint(port, STYLE, 0.9):
                time.sleep(0.5)
            print(f"the next client has a painting {time.monotonic() - gone:.0f} s later")
        with phase("a minute without requests", seen, folder):
            time.sleep(60)
        watcher.terminate()
        disk.sweep(Path(folder), time.time() + disk.KEPT)
        print(f"an hour later: disk {taken(folder):.0f} MB")
