"""Pictures as files: written whole or not at all, with their settings."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from helpers import assert_image, fault
from PIL import Image

from styler import images, saving

# Warnings are errors, resource warnings among them.
pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.usefixtures("nothing_left_over")]

SETTINGS = {
    "style": "König.jpg",
    "strength": 0.5,
    "size": 512,
    "weights": [0.7, 0.3],
    "device": None,
    "nested": {"a": 1},
}


@pytest.mark.parametrize(
    ("file", "format", "atol"),
    [
        ("a.png", "PNG", 0.5 / 255),
        ("a.jpg", "JPEG", 0.06),
        ("a.JPEG", "JPEG", 0.06),
        ("a.webp", "WEBP", 0.12),
        ("a.tif", "TIFF", 1 / 255),
        ("a.tiff", "TIFF", 1 / 255),
    ],
)
def test_save_and_settings(tmp_path, rgb, file, format, atol):
    image, path = images.read(rgb / 255.0 * 0.99), tmp_path / file
    saving.save(image, path, SETTINGS)
    with Image.open(path) as written:
        assert written.format == format
    assert_image(images.read(path), image, atol + 1e-6)
    assert saving.settings(path) == SETTINGS
    saving.save(image, str(path))
    assert saving.settings(str(path)) == {}
    assert os.listdir(tmp_path) == [file]


def test_save_tiff_holds_16_bits(tmp_path):
    image = torch.linspace(0, 1, 40000).reshape(1, 1, 200, 200).repeat(1, 3, 1, 1)
    saving.save(image, tmp_path / "fine.tif")
    pixels = tifffile.imread(tmp_path / "fine.tif")
    assert pixels.dtype == np.uint16 and pixels.shape == (200, 200, 3)
    assert_image(images.read(pixels), image, atol=0.5001 / 65535)


def test_settings_takes_numbers_of_numpy_and_things_json_lacks(tmp_path):
    odd = {"loss": np.float32(0.5), "weights": np.array([1, 2]), "path": Path("a.png"), "tensor": torch.tensor([1.0])}
    saving.save(torch.zeros(1, 3, 16, 16), tmp_path / "a.png", odd)
    assert saving.settings(tmp_path / "a.png") == {"loss": 0.5, "weights": [1, 2], "path": "a.png", "tensor": [1.0]}


@pytest.mark.parametrize("text", ["a holiday picture", '{"by": "another program"}', "[1, 2]", '{"styler": 3}'])
def test_settings_of_other_programs_are_ignored(tmp_path, text):
    exif = Image.Exif()
    exif[0x010E] = text
    Image.new("L", (20, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert saving.settings(tmp_path / "a.jpg") == {}


@pytest.mark.parametrize(
    ("file", "data", "words"),
    [
        ("missing.png", None, "does not exist"),
        ("notes.jpg", b"no image", "not an image file or is broken"),
        ("empty.png", b"", "is empty (0 bytes)"),
    ],
)
def test_settings_refuses_files(tmp_path, monkeypatch, file, data, words):
    monkeypatch.chdir(tmp_path)
    if data is not None:
        Path(file).write_bytes(data)
    with pytest.raises(ValueError) as error:
        saving.settings(file)
    assert words in fault(error, file)


def test_save_goes_through_links_and_minds_the_umask(tmp_path):
    (tmp_path / "link.png").symlink_to("real.png")
    umask = os.umask(0o027)
    try:
        saving.save(torch.zeros(1, 3, 16, 16), tmp_path / "link.png")
    finally:
        os.umask(umask)
    assert (tmp_path / "link.png").is_symlink()
    assert stat.S_IMODE((tmp_path / "real.png").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("file", "shape", "settings", "words"),
    [
        ("wide.webp", (16, 16384), None, "can't be stored as WebP"),
        ("wide.jpg", (16, 65536), None, "can't be stored as JPEG"),
        ("long.jpg", (16, 16), {"words": "x" * 70000}, "can't be stored as JPEG"),
        ("a.bmp", (16, 16), None, "no extension that can be written"),
    ],
)
def test_save_refuses_and_keeps_the_old_file(tmp_path, monkeypatch, file, shape, settings, words):
    monkeypatch.chdir(tmp_path)
    Path(file).write_text("old")
    with pytest.raises(ValueError) as error:
        saving.save(torch.zeros(1, 3, *shape), file, settings)
    assert words in fault(error, file)
    assert Path(file).read_text() == "old" and os.listdir() == [file]


def locked_folder(tmp_path):
    """A folder in which nobody, not even root, can make a file."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    return Path("/proc") if os.access(folder, os.W_OK) else folder


BAD_OUTPUTS = {
    "nowhere/a.png": "create it first",
    "photo.png/a.png": "create it first",
    "folder": "is a folder; add a file name, such as folder",
    "folder.png": "is a folder; add a file name",
    "plain": "no extension that can be written; use one of .png, .jpg",
    "a.gif": "no extension that can be written",
    ".png": "no extension that can be written",
    "n" * 300 + ".png": "can't be written (File name too long)",
}


@pytest.mark.parametrize("check", [saving.check_output, lambda path: saving.save(torch.zeros(1, 3, 16, 16), path)])
@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("path", BAD_OUTPUTS)
def test_outputs_that_cannot_be_written(tmp_path, monkeypatch, path, kind, check):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("folder.png").mkdir()
    Path("photo.png").touch()
    with pytest.raises(ValueError) as error:
        check(kind(path))
    words = BAD_OUTPUTS[path]
    sentence = fault(error, path)
    assert words in sentence or check is not saving.check_output
    assert sorted(os.listdir()) == ["folder", "folder.png", "photo.png"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
@pytest.mark.parametrize("check", [saving.check_output, lambda path: saving.save(torch.zeros(1, 3, 16, 16), path)])
def test_outputs_in_a_locked_folder(tmp_path, check):
    path = locked_folder(tmp_path) / "a.png"
    with pytest.raises(ValueError) as error:
        check(path)
    assert "can't be written" in fault(error, path)


@pytest.mark.parametrize("file", ["new.png", "old.tif", "new.WEBP"])
def test_check_output_leaves_no_trace(tmp_path, file):
    (tmp_path / "old.tif").write_text("old")
    saving.check_output(tmp_path / file)
    assert os.listdir(tmp_path) == ["old.tif"] and (tmp_path / "old.tif").read_text() == "old"
