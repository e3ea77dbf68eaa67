import runpy
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from styler import samples

BUNDLED = [key for key, sample in samples.SAMPLES.items() if sample.url is None]
PICTURE = (samples.ASSETS / "ball.png").read_bytes()


@pytest.mark.parametrize("key", BUNDLED)
def test_every_bundled_sample_is_a_picture(key: str) -> None:
    with Image.open(samples.path(key)) as image:
        assert image.convert("RGB").size >= (256, 256)


@pytest.mark.parametrize("sample", samples.SAMPLES.values(), ids=lambda sample: sample.key)
def test_every_sample_has_a_full_label_and_one_place(sample: samples.Sample) -> None:
    assert sample.role in ("content", "style")
    assert all([sample.title, sample.maker, sample.year, sample.licence, sample.source])
    assert sum(place is not None for place in (sample.file, sample.sklearn, sample.url)) == 1
    assert sample.url is None or sample.url.startswith("https://")


def test_every_asset_is_in_the_catalogue() -> None:
    pictures = {file.name for file in samples.ASSETS.iterdir() if file.suffix in (".png", ".jpg")}
    assert pictures == {sample.file for sample in samples.SAMPLES.values() if sample.file}


def test_pairs_join_a_content_and_a_style_that_need_no_connection() -> None:
    assert len(samples.PAIRS) >= 5
    for content, style in samples.PAIRS:
        assert content in samples.keys("content") and style in samples.keys("style")
        assert {content, style} <= set(BUNDLED)


def test_unknown_key_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="no sample 'dog'; choose one of ball, "):
        samples.path("dog")


def test_a_path_needs_neither_torch_nor_scikit_learn_imported() -> None:
    code = (
        "import sys; from styler import samples; samples.path('pagoda'); print({'torch', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_ball_is_what_its_script_renders() -> None:
    render: Callable[[], np.ndarray] = runpy.run_path(str(samples.ASSETS / "make_ball.py"))["render"]
    committed = np.asarray(Image.open(samples.path("ball")))
    assert np.abs(render().astype(int) - committed).max() <= 1


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        pages = {"/picture.png": PICTURE, "/half.png": PICTURE[: len(PICTURE) // 2], "/page.html": b"<html>no</html>"}
        if self.path not in pages:
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(pages[self.path])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def fetch(url: str, target: Path, **options: int) -> None:
    """Fetch over plain http, which only a test may do."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    samples.fetch(url, target, title="The picture", opener=opener, timeout=5, **options)


def test_fetch_keeps_what_it_got(server: str, tmp_path: Path) -> None:
    target = tmp_path / "new" / "picture.png"
    fetch(f"{server}/picture.png", target)
    assert target.read_bytes() == PICTURE
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    ("page", "options", "sentence"),
    [
        ("picture.png", {"max_bytes": 1000}, "sent more than 1000 bytes"),
        ("half.png", {}, "did not send a whole image"),
        ("page.html", {}, "did not send a whole image"),
        ("missing.png", {}, "answered 404"),
    ],
)
def test_fetch_keeps_nothing_else(
    server: str, tmp_path: Path, page: str, options: dict[str, int], sentence: str
) -> None:
    with pytest.raises(ValueError, match=rf"^The picture could not be fetched: .*{sentence}") as raised:
        fetch(f"{server}/{page}", tmp_path / page, **options)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_fetch_says_where_it_may_not_write(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"could not be saved in .*; set STYLER_CACHE"):
        fetch(f"{server}/picture.png", tmp_path / "file" / "picture.png")


def test_fetch_speaks_https_only(server: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown url type: http"):
        samples.fetch(f"{server}/picture.png", tmp_path / "picture.png")


def test_without_a_connection_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STYLER_CACHE", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # a dead end, also where there is a network
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(ValueError, match=r"^The Pillars of Creation is fetched at first use and needs a connection"):
        samples.path("pillars")
    assert not list(tmp_path.iterdir())


def test_a_fetched_sample_is_read_from_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STYLER_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cached = tmp_path / "styler" / "heic1501a.jpg"
    cached.parent.mkdir()
    cached.write_bytes(PICTURE)
    assert samples.path("pillars") == cached
