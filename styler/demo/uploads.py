"""The files that the page was given: which of them a visitor may name, and how long they stay."""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from styler import samples

KEPT = 3600  # seconds that uploads and pictures stay on the server
ROOM = 4 << 30  # bytes that they may take, together
SWEPT = 30.0  # seconds from one sweep to the next
BLOCK = 8 << 10  # bytes that a file takes beside its own, with its folder
HASH = "[0-9a-f]" * 64  # names the folder of a file after what is in it
LINKS = "deep_links/*/state.json"


def shown() -> list[Path]:
    """Return the files that the page shows of itself: the samples, and the finished pictures of the pairs."""
    return [*map(samples.place, samples.SAMPLES), *map(samples.result, samples.PAIRS)]


def given(file: Any) -> Path | None:
    """Return the file that a message names, if the server was given it.

    Parameters
    ----------
    file : object
        What came where a file belongs; a mapping with a "path", if all is well.

    Returns
    -------
    pathlib.Path or None
        An upload, a picture from here or a sample. None for everything else, be it there or not: it is not looked for.
    """
    named = file.get("path") if isinstance(file, Mapping) else None
    if not isinstance(named, str):
        return None
    if named in map(str, shown()):
        return Path(named)
    parent, name = os.path.split(os.path.abspath(named))
    folder, hashed = os.path.split(parent)
    if not re.fullmatch(HASH, hashed):
        return None
    uploads = os.path.realpath(get_upload_folder())
    if folder not in (uploads, os.path.abspath(get_upload_folder())):
        return None
    path = os.path.join(uploads, hashed, name)
    try:
        return Path(path) if os.path.realpath(path) == path and os.path.isfile(path) else None
    except ValueError:  # no name of a file: it holds NUL or half a character
        return None


def sweep(folder: Path, now: float) -> None:
    """Delete what has been there for an hour, and then the oldest until there is room.

    Gradio forgets some: uploads broken off, what a page holds that was left, and all that it had before it was killed.
    Links stay as long as there is room.

    Parameters
    ----------
    folder : pathlib.Path
        Where Gradio keeps uploads; what Gradio does not name is left alone.
    now : float
        Seconds since the epoch.
    """
    taken = 0
    for changed, size, path in sorted(_files(folder), reverse=True):
        taken += size + BLOCK
        if taken > ROOM or (now - changed > KEPT and not path.match(LINKS)):
            with contextlib.suppress(OSError):
                path.unlink()
    for empty in (*folder.glob(HASH), *folder.glob("deep_links/*")):
        with contextlib.suppress(OSError):
            if now - empty.lstat().st_ctime > KEPT:  # a fresh one waits for its file
                empty.rmdir()


@contextlib.asynccontextmanager
async def swept(_: Any) -> AsyncIterator[None]:
    """Sweep the uploads as long as the server lives."""

    async def forever() -> None:
        while True:
            await asyncio.to_thread(sweep, Path(get_upload_folder()), time.time())
            await asyncio.sleep(SWEPT)

    task = asyncio.create_task(forever())
    try:
        yield
    finally:
        task.cancel()


def _files(folder: Path) -> list[tuple[float, int, Path]]:
    """When each file changed, its size and its path; `tmp` and eight characters is an upload on its way."""
    found = []
    for path in (*folder.glob(f"{HASH}/*"), *folder.glob("tmp????????"), *folder.glob(LINKS)):
        with contextlib.suppress(OSError):
            found.append((path.lstat().st_ctime, path.lstat().st_size, path))
    return found
