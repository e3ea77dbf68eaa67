"""Anything image-like becomes one kind of tensor, and goes back to what it was."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from helpers import assert_image, fault
from PIL import Image, ImageCms

from styler import images

# Warnings are errors, resource warnings among them.
pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.usefixtures("nothing_left_over")]

HEIGHT, WIDTH = 24, 40


def tensor(array):
    """What `read` must return, computed another way: by indexing."""
    array = np.asarray(array, np.float32)
    return torch.tensor(np.stack([array[..., c] for c in range(3)])[None])


def encoded(image, format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


# --- reading: kinds of source


@pytest.mark.parametrize(
    "kind",
    [str, Path, lambda path: path.read_bytes(), lambda path: bytearray(path.read_bytes()), Image.open, io.FileIO],
    ids=["str", "Path", "bytes", "bytearray", "PIL", "file"],
)
def test_read_files(tmp_path, rgb, kind):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(Image.fromarray(rgb)))
    source = kind(path)
    assert_image(images.read(source), tensor(rgb / 255))
    if hasattr(source, "close"):
        source.close()


def test_read_leaves_files_open_and_where_they_stood(tmp_path, rgb):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(Image.fromarray(rgb)))
    with open(path, "rb") as file:
        file.seek(7)
        assert_image(images.read(file), tensor(rgb / 255))
        assert not file.closed and file.tell() == 7


def pipe(data, mode):
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as feed:
        feed.write(data)
    return os.fdopen(reader, mode)


def test_read_pipe(rgb):
    with pipe(encoded(Image.fromarray(rgb)), "rb") as file:
        assert_image(images.read(file), tensor(rgb / 255))


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "f2", "<f4", ">f4", "<f8", ">f8", "g", "?"])
def test_read_array_dtypes(rgb, dtype):
    dtype = np.dtype(dtype)
    exact = (rgb > 99).astype(float) if dtype.name == "bool" else rgb / 255
    peak = {"uint8": 255, "uint16": 65535}.get(dtype.name, 1)
    array = np.round(exact * peak).astype(dtype) if peak > 1 else exact.astype(dtype)
    assert_image(images.read(array), tensor(exact), atol=1e-3 if dtype == np.float16 else 1e-6)


@pytest.mark.parametrize("tail", [(), (1,), (3,), (4,)])
@pytest.mark.parametrize("lead", [None, (), (1,)], ids=["array", "tensor", "batch of one"])
def test_read_shapes(rgb, tail, lead):
    if lead == (1,) and not tail:
        pytest.skip("(1, H, W) is a tensor of one channel")
    channels = tail[0] if tail else 1
    pixels = np.dstack([rgb, np.full((HEIGHT, WIDTH), 51, np.uint8)])[..., :channels]
    expected = tensor(np.repeat(pixels, 3, axis=-1) / 255) if channels == 1 else tensor(rgb / 255)
    if channels == 4:
        expected = expected * 0.2 + 0.8
    array = pixels.reshape(HEIGHT, WIDTH, *tail)
    if lead is None:
        source = array
    else:
        source = torch.tensor(np.moveaxis(array, -1, 0) if tail else array).reshape(*lead, *tail, HEIGHT, WIDTH)
    assert_image(images.read(source), expected, atol=1e-6)


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.uint16, torch.float16, torch.bfloat16, torch.float32, torch.float64]
)
def test_read_tensor_dtypes(rgb, dtype):
    peak = {torch.uint8: 255, torch.uint16: 65535}.get(dtype, 1)
    source = (tensor(rgb / 255).double() * peak).round(decimals=9 if peak == 1 else 0).to(dtype)
    assert_image(images.read(source), tensor(rgb / 255), atol=torch.finfo(dtype).eps if peak == 1 else 1e-6)


@pytest.mark.parametrize("view", [lambda a: a[::-1, ::-2], lambda a: np.asfortranarray(a), lambda a: a[..., ::-1]])
def test_read_strided_and_read_only_arrays(rgb, view):
    array = view(np.repeat(rgb, 2, axis=1) / 255)
    array.flags.writeable = False
    assert_image(images.read(array), tensor(array))


@pytest.mark.parametrize(
    "wrap", [lambda a: a, lambda a: torch.from_numpy(np.moveaxis(a, -1, 0).copy()).requires_grad_()]
)
def test_read_shares_no_memory(rgb, wrap):
    source = wrap((rgb / 255).astype(np.float32))
    before = images.read(source)
    changed = images.read(source)
    changed.zero_()
    assert not changed.requires_grad
    assert torch.equal(images.read(source), before)


# --- reading: what files can hold


@pytest.mark.parametrize(
    ("mode", "atol"),
    [("RGB", 0), ("RGBX", 0), ("RGBA", 0), ("RGBa", 0), ("CMYK", 0), ("YCbCr", 0.02), ("HSV", 0.05), ("P", 0.2)],
)
def test_read_colour_modes(rgb, mode, atol):
    assert_image(images.read(Image.fromarray(rgb).convert(mode)), tensor(rgb / 255), atol)


@pytest.mark.parametrize("mode", ["L", "LA", "La", "PA", "I", "F", "RGB"])
def test_read_grey_modes(rgb, mode):
    image = Image.fromarray(rgb[..., 0])
    image = image.convert("LA").convert("La") if mode == "La" else image.convert(mode)
    assert_image(images.read(image), tensor(np.dstack([rgb[..., 0]] * 3) / 255))


def test_read_lab():
    lab = Image.merge("LAB", [Image.new("L", (20, 20), value) for value in (137, 209, 195)])  # CIE (53.7, 81, 67)
    red = images.read(lab)[0, :, 0, 0]
    assert red[0] > 0.95 and red[1:].max() < 0.15


def test_read_bilevel(rgb):
    image = Image.fromarray(rgb).convert("1")
    assert_image(images.read(encoded(image)), tensor(np.dstack([np.asarray(image)] * 3)))


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_read_keeps_16_bit_greys(order):
    grey = (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) + 30000).astype(order)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, grey, byteorder=order[0])
    image = images.read(buffer.getvalue())
    assert_image(image, tensor(np.dstack([grey] * 3) / 65535), atol=1e-7)
    assert len(image.unique()) == HEIGHT * WIDTH
    assert torch.equal(images.read(encoded(Image.fromarray(grey.astype("<u2")))), image)


@pytest.mark.parametrize(("mode", "peak"), [("F", 1), ("F", 255), ("F", 65535), ("I", 255), ("I", 65535)])
def test_read_finds_the_scale_of_wide_modes(rgb, mode, peak):
    values = rgb[..., 0] / 255 * peak
    image = Image.fromarray(values.astype(np.float32 if mode == "F" else np.int32))
    assert image.mode == mode
    assert_image(images.read(image), tensor(np.dstack([rgb[..., 0]] * 3) / 255), atol=1e-6)


def test_read_does_not_take_integers_for_fractions():
    assert torch.allclose(images.read(Image.new("I", (20, 20), 1)), torch.tensor(1 / 255))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.swapaxes(0, 1)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: a[::-1, ::-1].swapaxes(0, 1)),
        (8, lambda a: np.rot90(a)),
    ],
)
def test_read_honours_orientation(rgb, format, orientation, turn):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(rgb), format, exif=exif, quality=100)
    atol = {"JPEG": 0.05, "WEBP": 0.15}.get(format, 0)
    assert_image(images.read(data), tensor(turn(rgb) / 255), atol)
    image = Image.open(io.BytesIO(data))
    image.load()
    before = image.size, dict(image.getexif())
    images.read(image)
    assert (image.size, dict(image.getexif())) == before


# Where a format moves or holds several pictures, the first counts; each file holds what a phone would put there.
MORE = {"save_all": True, "append_images": [Image.new("RGB", (HEIGHT, WIDTH))]}
PHONES = {
    "HEIF": MORE | {"quality": -1, "chroma": 444},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "JPEG2000": {},
    "MPO": MORE | {"quality": 100, "subsampling": 0},
    "WEBP": {"save_all": True, "append_images": [Image.new("RGB", (WIDTH, HEIGHT))], "lossless": True},
}


@pytest.mark.parametrize("format", PHONES)
def test_read_what_phones_and_messengers_send(rgb, format):
    exif = Image.Exif()
    exif[0x0112] = 6 if format in ("HEIF", "AVIF", "MPO") else 1
    held = np.rot90(rgb) if exif[0x0112] == 6 else rgb
    data = encoded(Image.fromarray(held), format, exif=exif.tobytes(), **PHONES[format])
    assert Image.open(io.BytesIO(data)).format == format
    assert_image(images.read(data, "photo.heic"), tensor(rgb / 255), atol=0.02)


def display_p3():
    """The profile of a phone's screen: sRGB's curve, with Display P3's primaries."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.5151, 0.2412, -0.0011),
        b"gXYZ": (0.2919, 0.6922, 0.0419),
        b"bXYZ": (0.1572, 0.0666, 0.7841),
    }
    for tag, xyz in primaries.items():
        (offset,) = struct.unpack_from(">I", profile, profile.index(tag) + 4)
        struct.pack_into(">3i", profile, offset + 8, *(round(v * 65536) for v in xyz))
    return bytes(profile)


def test_read_brings_a_phones_wide_colours_to_srgb():
    red = Image.new("RGB", (32, 32), (234, 51, 35))  # Display P3's numbers for sRGB's red
    data = encoded(red, "HEIF", quality=-1, chroma=444, icc_profile=display_p3())
    assert torch.allclose(images.read(data)[0, :, 9, 9], torch.tensor([1.0, 0, 0]), atol=0.02)


@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff"])
@pytest.mark.filterwarnings("ignore:.*EXIF:UserWarning")
def test_read_ignores_broken_exif(rgb, exif):
    data = encoded(Image.fromarray(rgb), exif=exif)
    assert_image(images.read(data), tensor(rgb / 255))


def test_read_lays_alpha_on_white(rgb):
    alpha = (np.arange(WIDTH) * 6).astype(np.uint8)[None].repeat(HEIGHT, 0)
    share = alpha[..., None] / 255
    for colours, expected in ((rgb, rgb), (rgb[..., :1], rgb[..., [0, 0, 0]])):
        pixels = np.dstack([colours, alpha])
        expected = tensor(expected / 255 * share + 1 - share)
        assert_image(images.read(encoded(Image.fromarray(pixels))), expected, atol=1e-6)
    assert_image(images.read(np.dstack([rgb, alpha])), tensor(rgb / 255 * share + 1 - share), atol=1e-6)


@pytest.mark.parametrize(("mode", "key"), [("P", 0), ("P", b"\0"), ("L", 0), ("RGB", (0, 0, 0))])
def test_read_lays_a_transparent_colour_on_white(mode, key):
    image = Image.new("L", (20, 20), 0).convert(mode)
    image.paste(Image.new("L", (10, 20), 200).convert(mode), (10, 0))
    key = image.getpixel((0, 0)) if key == 0 else key
    row = images.read(encoded(image, transparency=key))[0, :, 5].T
    assert torch.equal(row[:10], torch.ones(10, 3))
    assert torch.allclose(row[10:], torch.full((10, 3), 200 / 255))


def swapped_profile():
    """sRGB with the primaries red and green exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"swap").replace(b"gXYZ", b"rXYZ").replace(b"swap", b"gXYZ")


def linear_grey_profile():
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)  # D50
    curve = b"curv\0\0\0\0" + struct.pack(">I", 0)
    tags = struct.pack(">I4sII4sII", 2, b"wtpt", 156, len(white), b"kTRC", 156 + len(white), len(curve))
    header = struct.pack(
        ">I4sI4s4s4s12x4s", 156 + len(white + curve), b"lcms", 0x02100000, b"mntr", b"GRAY", b"XYZ ", b"acsp"
    )
    return header.ljust(68, b"\0") + white[8:] + bytes(48) + tags + white + curve


@pytest.mark.parametrize("format", ["PNG", "TIFF", "JPEG"])
def test_read_converts_profiles_to_srgb(format):
    data = encoded(Image.new("RGB", (20, 20), (255, 0, 0)), format, icc_profile=swapped_profile())
    pixel = images.read(data)[0, :, 9, 9]
    assert torch.allclose(pixel, torch.tensor([0.0, 1, 0]), atol=0.01)


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_read_converts_profiles_beside_alpha_and_palette(mode):
    image = Image.new("RGBA", (20, 20), (255, 0, 0, 51 if mode == "RGBA" else 255)).convert(mode)
    pixel = images.read(encoded(image, icc_profile=swapped_profile()))[0, :, 9, 9]
    expected = torch.tensor([0.8, 1, 0.8]) if mode == "RGBA" else torch.tensor([0.0, 1, 0])
    assert torch.allclose(pixel, expected, atol=0.01)


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_read_converts_grey_profiles(mode):
    image = Image.new("L", (20, 20), 55).convert(mode)  # 55 / 255 in linear light is 0.50 in sRGB
    pixel = images.read(encoded(image, icc_profile=linear_grey_profile()))[0, :, 9, 9]
    assert torch.allclose(pixel, torch.tensor(0.50), atol=0.01)


# A profile holds the time when it was made, which would give the test another name in each worker.
@pytest.mark.parametrize(
    "profile", [b"nonsense", linear_grey_profile(), swapped_profile()[:200]], ids=["nonsense", "grey", "cut"]
)
def test_read_ignores_broken_profiles(rgb, profile):
    assert_image(images.read(encoded(Image.fromarray(rgb), icc_profile=profile)), tensor(rgb / 255))


def test_read_takes_the_first_frame(tmp_path):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime")]
    path = tmp_path / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert_image(images.read(path), torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand(1, 3, 20, 20))


# --- reading: what can't be read


def png_header(width, height):
    """A PNG that claims a size and holds no pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = encoded(Image.new("RGB", (20, 20)))
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8))
BAD_FILES = {
    "missing.png": (None, "does not exist"),
    "notes.jpg": (b"Dear diary, this is no picture.\n" * 20, "not an image file or is broken"),
    "empty.png": (b"", "empty (0 bytes)"),
    "dot.png": (encoded(Image.new("L", (1, 1))), "1 x 1 px"),
    "small.png": (encoded(Image.new("L", (15, 200))), "15 x 200 px"),
    "line.png": (encoded(Image.new("L", (1, 20000))), "1 x 20000 px"),
    "strip.png": (encoded(Image.new("L", (16, 321))), "20 times"),
    "bomb.png": (png_header(20000, 20000), "200 megapixels"),
    "heavy.png": (png_header(20001, 10000), "200 megapixels"),
    "cut.jpg": (encoded(NOISE, "JPEG")[:-900], "damaged or cut short"),
    "cut.png": (encoded(NOISE)[:-900], "damaged or cut short"),
    "cut.webp": (encoded(NOISE, "WEBP")[:-900], "damaged or cut short"),
    "cut.tif": (encoded(NOISE, "TIFF")[:-900], "damaged or cut short"),
    "headless.jpg": (encoded(NOISE, "JPEG")[:60], "damaged or cut short"),
    "cut.heic": (encoded(NOISE, "HEIF")[:-900], "damaged or cut short"),
    "cut.gif": (encoded(NOISE, "GIF")[:-900], "damaged or cut short"),
    "flipped.png": (encoded(NOISE).replace(b"IDAT", b"IDAT\xff", 1), "damaged or cut short"),
}


@pytest.mark.filterwarnings("ignore:Truncated File Read:UserWarning")
@pytest.mark.parametrize("kind", [str, Path, bytes, io.BytesIO])
@pytest.mark.parametrize("file", BAD_FILES)
def test_read_refuses_files(tmp_path, monkeypatch, file, kind):
    data, words = BAD_FILES[file]
    monkeypatch.chdir(tmp_path)
    if data is not None:
        Path(file).write_bytes(data)
    elif kind in (bytes, io.BytesIO):
        pytest.skip("bytes are never missing")
    limit = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ValueError) as error:
        images.read(kind(file if kind in (str, Path) else data), "the photo")
    assert words in fault(error, file if kind in (str, Path) else "the photo")
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("folder", "is a folder"),
        (".", "is a folder"),
        ("photo.png/more.png", "can't be read (Not a directory)"),
        ("a\0b.png", "null"),
        ("n" * 300 + ".png", "can't be read (File name too long)"),
    ],
)
def test_read_refuses_paths(tmp_path, monkeypatch, path, words):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("photo.png").touch()
    with pytest.raises(ValueError) as error:
        images.read(path)
    assert words in fault(error, path)


def test_read_names_an_empty_path():
    with pytest.raises(ValueError) as error:
        images.read("", "the photo")
    assert "does not exist" in fault(error, "the photo")


@pytest.mark.parametrize("mode", ["r", "w", "wb", "closed"])
def test_read_refuses_files_not_open_for_reading_bytes(tmp_path, mode):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(Image.new("L", (20, 20))))
    with open(path, "rb" if mode == "closed" else mode) as file:
        if mode == "closed":
            file.close()
        with pytest.raises((TypeError, ValueError)) as error:
            images.read(file)
    assert "mode 'rb'" in fault(error, "image")


@pytest.mark.parametrize("file", [lambda: io.StringIO("no bytes"), lambda: pipe(b"no bytes", "r")])
def test_read_refuses_text(file):
    with file() as source, pytest.raises(TypeError) as error:
        images.read(source)
    assert "mode 'rb'" in fault(error, "image")


def test_read_refuses_a_closed_image(tmp_path, rgb):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(Image.fromarray(rgb)))
    with Image.open(path) as image:
        pass
    with pytest.raises(ValueError) as error:
        images.read(image)
    fault(error, "image")


GREY = np.full((20, 20), 0.5)
BAD_PIXELS = {
    "NaN": (np.where(np.eye(20), np.nan, GREY), ValueError, "NaN or infinite"),
    "inf": (np.where(np.eye(20), np.inf, GREY), ValueError, "NaN or infinite"),
    "NaN in a PIL image": (Image.fromarray(np.full((20, 20), np.nan, np.float32)), ValueError, "NaN or infinite"),
    "NaN in a tensor": (torch.full((3, 20, 20), torch.nan), ValueError, "NaN or infinite"),
    "0 to 255": (GREY * 510, ValueError, "from 255 to 255, outside [0, 1]; divide by 255"),
    "-1 to 1": (GREY * np.linspace(-2, 2, 20), ValueError, "from -1 to 1, outside [0, 1]"),
    "tensor of 0 to 255": (torch.full((20, 20), 255.0), ValueError, "divide by 255"),
    "PIL image above 16 bits": (Image.fromarray(np.full((20, 20), 70000, np.int32)), ValueError, "outside"),
    "complex": (GREY + 0j, TypeError, "complex128"),
    "complex tensor": (torch.zeros(20, 20, dtype=torch.complex64), TypeError, "complex64"),
    "object": (GREY.astype(object), TypeError, "object"),
    "str": (GREY.astype(str), TypeError, "type <U"),
    "int64": ((GREY * 255).astype(np.int64), TypeError, "int64"),
    "int64 tensor": (torch.zeros(3, 20, 20, dtype=torch.int64), TypeError, "int64"),
    "records": (np.zeros((20, 20), "u1,u1"), TypeError, "u1"),
    "0-d": (np.array(0.5), ValueError, "shape ()"),
    "1-d": (GREY[0], ValueError, "shape (20,)"),
    "two channels": (np.zeros((20, 20, 2)), ValueError, "shape (20, 20, 2)"),
    "channels first": (np.zeros((3, 20, 20)), ValueError, "np.moveaxis"),
    "4-d": (np.zeros((1, 20, 20, 3)), ValueError, "shape (1, 20, 20, 3)"),
    "channels last": (torch.zeros(20, 20, 3), ValueError, ".permute(2, 0, 1)"),
    "batch of two": (torch.zeros(2, 3, 20, 20), ValueError, "shape (2, 3, 20, 20)"),
    "no pixels": (np.zeros((0, 0, 3)), ValueError, "0 x 0 px"),
    "narrow": (np.zeros((20000, 1, 3), np.uint8), ValueError, "1 x 20000 px"),
    "strip": (torch.zeros(3, 16, 330), ValueError, "330 x 16 px"),
    "vast": (np.broadcast_to(np.uint8(0), (20000, 20000)), ValueError, "200 megapixels"),
    "None": (None, TypeError, "NoneType"),
    "list": ([[0, 1], [1, 0]], TypeError, "list"),
    "number": (3.5, TypeError, "float"),
}


@pytest.mark.parametrize("case", BAD_PIXELS)
def test_read_refuses_pixels(case):
    source, kind, words = BAD_PIXELS[case]
    with pytest.raises(kind) as error:
        images.read(source, "the photo")
    assert error.type is kind
    assert words in fault(error, "the photo")


def test_read_forgives_rounding():
    image = images.read(np.where(np.eye(20), 1.0005, -0.0005))
    assert image.min() == 0 and image.max() == 1


def test_read_puts_its_own_limit_in_the_place_of_pillows(rgb, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for format in ("PNG", "GIF", "TIFF", "JPEG", "WEBP", "BMP"):
        assert images.read(encoded(Image.fromarray(rgb), format)).shape == (1, 3, HEIGHT, WIDTH)
    assert Image.MAX_IMAGE_PIXELS == 100


# --- resizing


@pytest.mark.parametrize(
    ("size", "shape"),
    [(20, (12, 20)), (80, (48, 80)), (13, (8, 13)), (1, (1, 1)), ((7, 30), (7, 30)), ((HEIGHT, 9), (HEIGHT, 9))],
)
def test_resize_shapes(rgb, size, shape):
    resized = images.resize(images.read(rgb), size)
    assert resized.shape[-2:] == shape and resized.dtype == torch.float32 and resized.is_contiguous()


@pytest.mark.parametrize("size", [WIDTH, (HEIGHT, WIDTH)])
def test_resize_to_the_same_size_is_the_same_image(rgb, size):
    image = images.read(rgb)
    assert images.resize(image, size) is image


@pytest.mark.parametrize("size", [16, 100])
def test_resize_keeps_a_ramp_finer_than_8_bits(size):
    ramp = torch.linspace(0.4, 0.41, 64).expand(1, 3, 64, 64).contiguous()
    step = 0.01 / 63
    expected = 0.4 + ((torch.arange(size) + 0.5) * 64 / size - 0.5) * step
    inside = slice(size // 8, -size // 8)
    assert torch.allclose(
        images.resize(ramp, size)[0, :, :, inside], expected[inside].expand(3, size, -1), atol=step / 20
    )


def test_resize_filters_before_it_drops_pixels_and_stays_in_range():
    board = ((torch.arange(64)[:, None] + torch.arange(64)) % 2).float().expand(1, 3, 64, 64).contiguous()
    assert (images.resize(board, 8)[..., 1:-1, 1:-1] - 0.5).abs().max() < 0.01
    edge = (torch.arange(64) > 31).float().expand(1, 3, 64, 64).contiguous()
    larger = images.resize(edge, 200)
    assert larger.min() == 0 and larger.max() == 1


# --- handing back


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "f2", "f4", ">f8"])
@pytest.mark.parametrize("tail", [(), (1,), (3,), (4,)])
def test_like_arrays(rgb, dtype, tail):
    result = images.like(images.read(rgb), np.zeros((16, 16, *tail), dtype))
    assert result.dtype == np.dtype(dtype) and result.shape == (HEIGHT, WIDTH, 3) and result.flags.c_contiguous
    assert torch.allclose(images.read(result), images.read(rgb), atol=1e-3 if dtype == "f2" else 1e-6)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("shape", [(16, 16), (1, 16, 16), (3, 16, 16), (1, 3, 16, 16), (1, 1, 16, 16)])
def test_like_tensors(rgb, dtype, shape):
    result = images.like(images.read(rgb), torch.zeros(shape, dtype=dtype))
    assert result.dtype == dtype and result.shape == (1, 3, HEIGHT, WIDTH)[4 - max(3, len(shape)) :]
    assert torch.allclose(images.read(result), images.read(rgb), atol=4e-3 if dtype == torch.bfloat16 else 1e-3)


@pytest.mark.parametrize("source", ["photo.png", Path("photo.png"), b"", io.BytesIO(), Image.new("LA", (16, 16))])
def test_like_all_else_is_a_pil_image(rgb, source):
    result = images.like(images.read(rgb), source)
    assert result.mode == "RGB"
    assert np.array_equal(np.asarray(result), rgb)


def test_like_rounds_clips_and_makes_bytes_of_booleans():
    image = torch.tensor([-0.5, 0.4999 / 255, 0.5001 / 255, 1.5]).expand(1, 3, 1, 4)
    assert images.like(image, np.zeros((16, 16), bool))[0, :, 0].tolist() == [0, 0, 1, 255]
    assert images.like(image, torch.zeros(16, 16, dtype=torch.bool))[0, 0].tolist() == [0, 0, 1, 255]
