"""How long what visitors leave on the disk stays there, and how much of it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from styler.demo.uploads import HASH

KEPT = 3600  # seconds that uploads and pictures stay on the server
ROOM = 4 << 30  # bytes that they may take, together
SWEPT = 30.0  # seconds from one sweep to the next
BLOCK = 8 << 10  # bytes that a file takes beside its own, with its folder
LINKS = "deep_links/*/state.json"


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
