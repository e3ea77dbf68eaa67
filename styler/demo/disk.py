"""How long visitors' files stay on disk, and how much space they may take."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from styler.demo.uploads import HASH

KEPT = 3600  # seconds that uploads and pictures stay on the server
ROOM = 4 << 30  # bytes that they may take in total
SWEPT = 30.0  # seconds from one sweep to the next
BLOCK = 8 << 10  # bytes that a file and its folder take beyond the content
LINKS = "deep_links/*/state.json"


def sweep(folder: Path, now: float) -> None:
    """Delete files older than an hour, then the oldest ones until the rest fit.

    Gradio misses some files: broken-off uploads, files on pages that were closed, and all from before it was killed.
    Links stay as long as there is room.

    Parameters
    ----------
    folder : pathlib.Path
        Where Gradio keeps uploads; files without one of Gradio's names are left alone.
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
            if now - empty.lstat().st_ctime > KEPT:  # a new folder is waiting for its file
                empty.rmdir()


@contextlib.asynccontextmanager
async def swept(_: Any) -> AsyncIterator[None]:
    """Sweep the uploads again and again while the server runs."""

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
    """Return when each file changed, its size and its path; `tmp` and eight characters name an unfinished upload."""
    found = []
    for path in (*folder.glob(f"{HASH}/*"), *folder.glob("tmp????????"), *folder.glob(LINKS)):
        with contextlib.suppress(OSError):
            found.append((path.lstat().st_ctime, path.lstat().st_size, path))
    return found
