"""The folder of uploads: what may be named in it, and how it is kept small."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("gradio", reason="the page needs gradio, which is not installed")

from styler import samples
from styler.demo import disk, own_folder, uploads
from styler.demo.uploads import Upload

ONE, OTHER = "1" * 64, "2" * 64


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of uploads, with all that Gradio leaves there and a file from somebody else."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    for name in (f"{ONE}/old.png", f"{OTHER}/new.png", "tmpabcd_123", "deep_links/x/state.json", "notes/diary.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(1000))
        time.sleep(0.02)  # so that one is older than the next
    return tmp_path


def there(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_an_hour_later_uploads_are_gone_and_links_stay(folder: Path) -> None:
    now = time.time()
    disk.sweep(folder, now)
    assert there(folder) == {"old.png", "new.png", "tmpabcd_123", "state.json", "diary.txt"}
    disk.sweep(folder, now + disk.KEPT + 60)
    assert there(folder) == {"state.json", "diary.txt"}
    disk.sweep(folder, now + 2 * disk.KEPT)
    assert {path.name for path in folder.iterdir()} == {"deep_links", "notes"}


def test_where_there_is_no_room_the_oldest_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "ROOM", 3 * (1000 + disk.BLOCK))
    disk.sweep(folder, time.time())
    assert there(folder) == {"new.png", "tmpabcd_123", "state.json", "diary.txt"}

    async def lives() -> None:
        async with disk.swept(None):
            await asyncio.sleep(0.5)

    monkeypatch.setattr(disk, "ROOM", 0)
    asyncio.run(lives())
    assert there(folder) == {"diary.txt"}


def test_only_uploads_and_samples_may_be_named(folder: Path) -> None:
    upload = folder / ONE / "old.png"
    assert uploads.given({"path": str(upload)}) == upload
    assert uploads.given({"path": f"{folder}/{OTHER}/../{ONE}//old.png", "meta": None}) == upload
    for key in samples.SAMPLES:
        place = samples.place(key)
        assert uploads.given({"path": str(place)}) == (place if place.is_file() else None)
    (folder / OTHER / "link.png").symlink_to(upload)
    (folder / OTHER / "pipe").mkdir()
    os.mkfifo(folder / OTHER / "pipe.png")
    for name in (f"{OTHER}/link.png", f"{OTHER}/pipe", f"{OTHER}/pipe.png", ONE, f"{ONE}/none.png", "tmpabcd_123"):
        assert uploads.given({"path": str(folder / name)}) is None, name
    for name in ("deep_links/x/state.json", "notes/diary.txt", "", f"{ONE}/old.png\0", f"{ONE}/\ud800"):
        assert uploads.given({"path": str(folder / name)}) is None, name
    for odd in (None, "", str(upload), [str(upload)], {"path": [str(upload)]}, {"path": upload}, {"url": str(upload)}):
        assert uploads.given(odd) is None


def test_what_browsers_can_not_draw_is_copied(folder: Path) -> None:
    files = [(folder / ONE / f"photo.{kind}") for kind in ("webp", "heic", "tif")]
    for file in files:
        Image.new("RGB", (uploads.COPY + 100, 128), "teal").save(file)
    drawn, *copies = (Upload.of({"path": str(file)}, "photo").drawable(folder / OTHER) for file in files)
    assert drawn == files[0] and copies == [folder / OTHER / "photo.jpg"] * 2
    with Image.open(copies[0]) as copy:
        assert copy.format == "JPEG" and copy.width == uploads.COPY and not copy.getexif()


def test_nobody_learns_what_another_calls_the_same_picture(folder: Path) -> None:
    for name in ("mine.png", "yours.png"):
        Image.new("RGB", (64, 64)).save(folder / ONE / name)
    mine, yours = (Upload.of({"path": str(folder / ONE / name)}, "photo") for name in ("mine.png", "yours.png"))
    assert mine.digest == yours.digest and mine != yours
    assert mine == Upload.of({"path": str(mine.path)}, "painting")


def test_where_the_home_is_read_only_uploads_are_temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("STYLER_CACHE", str(tmp_path / "file"))  # where no folder can be made
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = Path(own_folder())
    assert made.parent == tmp_path and not list(made.iterdir())
    monkeypatch.setenv("STYLER_CACHE", str(tmp_path / "cache"))
    assert own_folder() == str(tmp_path / "cache" / "uploads")
