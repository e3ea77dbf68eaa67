"""The catalogue of sample images. ``assets/samples.json`` says what each one is, who made it and where it is from."""

import contextlib
import importlib.util
import io
import json
import os
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError

from PIL import Image

MAX_BYTES = 8 << 20
TIMEOUT = 20.0


@dataclass(frozen=True)
class Sample:
    """One image of the catalogue. One of `file`, `sklearn` and `url` says where its file is.

    Attributes
    ----------
    key : str
        Its name in code and on the command line.
    role : str
        "content" or "style".
    title, maker, year, licence, source : str
        The text of the picture's caption.
    file : str or None
        File name in the folder of assets.
    sklearn : str or None
        File name among the images that scikit-learn installs.
    url : str or None
        Address from which the file is fetched at first use.
    """

    key: str
    role: str
    title: str
    maker: str
    year: str
    licence: str
    source: str
    file: str | None = None
    sklearn: str | None = None
    url: str | None = None


def path(key: str) -> Path:
    """Return the local file of a sample. It is fetched first if necessary.

    Parameters
    ----------
    key : str
        A key of `SAMPLES`.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        If there is no such sample, or it can't be fetched.
    """
    if key not in SAMPLES:
        raise ValueError(f"there is no sample {key!r}; choose one of {', '.join(SAMPLES)}.")
    sample, file = SAMPLES[key], place(key)
    if sample.url is not None and not file.is_file():
        fetch(sample.url, file, title=sample.title)
    return file


def place(key: str) -> Path:
    """Return the path of a sample's file, even if it has not been fetched yet."""
    sample = SAMPLES[key]
    if sample.url is not None:
        return cache_dir() / Path(sample.url).name
    if sample.sklearn is not None:
        return _sklearn_images() / sample.sklearn
    return ASSETS / str(sample.file)


def result(pair: tuple[str, str]) -> Path:
    """Return the path of the finished picture of a pair."""
    return ASSETS / "results" / f"{'_'.join(pair)}.webp"


def keys(role: str) -> list[str]:
    """Return the keys of all samples with a role, "content" or "style", in catalogue order."""
    return [key for key, sample in SAMPLES.items() if sample.role == role]


def cache_dir() -> Path:
    """Return the folder for fetched samples: $STYLER_CACHE, else ``styler`` in $XDG_CACHE_HOME or in ``~/.cache``."""
    own = os.environ.get("STYLER_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "styler"


def https_only() -> urllib.request.OpenerDirector:
    """Return an opener that uses https only, even if a redirect or a proxy points to another protocol."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def fetch(
    url: str,
    target: Path,
    *,
    title: str = "this image",
    opener: urllib.request.OpenerDirector | None = None,
    max_bytes: int = MAX_BYTES,
    timeout: float = TIMEOUT,
) -> None:
    """Fetch an image to `target`. The file appears only when the image is complete and checked.

    Parameters
    ----------
    url : str
        An https address.
    target : pathlib.Path
        The file to write. Its folder is created if it is missing.
    title : str
        Name of the image in error messages.
    opener : urllib.request.OpenerDirector, optional
        Opens `url`. By default `https_only()`.
    max_bytes : int
        Largest file to accept.
    timeout : float
        Seconds to wait for the answer, and as many again for the whole file.

    Raises
    ------
    ValueError
        If the image can't be fetched, is too large, is not an image, or can't be saved.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "styler"})
    try:
        with contextlib.closing((opener or https_only()).open(request, timeout=timeout)) as answer:
            data = _read(answer, max_bytes, time.monotonic() + timeout)
    except HTTPError as error:
        raise ValueError(f"{title} could not be fetched: {url} answered {error.code}; try again later.") from error
    except (OSError, HTTPException) as error:
        raise ValueError(
            f"{title} is fetched at first use and needs a connection to the internet, which failed "
            f"({getattr(error, 'reason', error)}); connect and try again, or choose another image."
        ) from error
    if len(data) > max_bytes:
        raise ValueError(f"{title} could not be fetched: {url} sent more than {max_bytes} bytes; choose another image.")
    try:
        Image.open(io.BytesIO(data)).load()
    except Exception as error:  # Pillow's decoders fail in many ways
        raise ValueError(
            f"{title} could not be fetched: {url} did not send a whole image; choose another image."
        ) from error
    try:
        _write(data, target)
    except OSError as error:
        raise ValueError(
            f"{title} could not be saved in {target.parent} ({error.strerror or error}); "
            "set STYLER_CACHE to a writable folder."
        ) from error


def _read(answer: BinaryIO, max_bytes: int, deadline: float) -> bytes:
    data = b""
    while len(data) <= max_bytes and (chunk := answer.read(1 << 16)):
        if time.monotonic() > deadline:
            raise TimeoutError("timed out")
        data += chunk
    return data


def _write(data: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as part:
        part.write(data)
    os.replace(part.name, target)


def _sklearn_images() -> Path:
    spec = importlib.util.find_spec("sklearn")  # finds the package without importing it
    if spec is None or not spec.submodule_search_locations:
        raise ValueError("this sample comes with scikit-learn, which is not installed; run pip install scikit-learn.")
    return Path(spec.submodule_search_locations[0]) / "datasets" / "images"


_HERE = Path(__file__).parent
ASSETS = _HERE / "assets" if (_HERE / "assets").is_dir() else _HERE.parent / "assets"  # in a wheel, in a checkout
_CATALOGUE = json.loads((ASSETS / "samples.json").read_text(encoding="utf-8"))
SAMPLES: dict[str, Sample] = {key: Sample(key, **fields) for key, fields in _CATALOGUE["samples"].items()}
PAIRS: list[tuple[str, str]] = [(content, style) for content, style in _CATALOGUE["pairs"]]
