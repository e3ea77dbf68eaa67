"""The page in a real browser, served as app.py serves it, only smaller pictures."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from PIL import Image

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="the page is tested through playwright, which is not installed"
)
pytest.importorskip("gradio", reason="the page needs gradio, which is not installed")
CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("the page is tested in chromium, which is not installed", allow_module_level=True)
if not Path("/proc/self/stat").exists():
    pytest.skip("the server's processor time is read from /proc, which this system lacks", allow_module_level=True)

from playwright.sync_api import Browser, Page, expect  # noqa: E402

FLAGS = (
    "--no-sandbox --headless --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
SERVE = """
import functools, runpy
import styler.demo
styler.demo.build = functools.partial(styler.demo.build, size=128)
runpy.run_path("app.py", run_name="__main__")
"""
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """The page's address and the server's process id, cut off from the internet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    environment = os.environ | {
        "STYLER_CACHE": str(folder / "cache"),
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "127.0.0.1,localhost",
    }
    command = [sys.executable, "-c", SERVE, "--port", str(port)]
    with (
        (folder / "log").open("w+") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        try:
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", process.pid
            text = (folder / "log").read_text()
            assert text.count("Traceback") == text.count("gradio.exceptions.InvalidPathError"), text
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())


@pytest.fixture
def page(server: tuple[str, int], browser: Browser) -> Iterator[Page]:
    """The page on a phone, which must stay on this machine and raise no errors of its own."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(20_000)
    away, errors = [], []
    page.on(
        "request",
        lambda request: None if request.url.startswith((server[0], "data:", "blob:")) else away.append(request.url),
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server[0])
    expect(page.locator("#pairs button")).to_have_count(5)
    yield page
    page.close()
    assert not away
    assert not errors


def note(page: Page, words: str) -> None:
    expect(page.locator("#note")).to_contain_text(words, timeout=30_000)


def button(page: Page, name: str):
    return page.locator("#actions").get_by_role("button", name=name)


def choose(page: Page, samples: str, title: str) -> None:
    page.get_by_label(f"Sample {samples}").click()
    page.get_by_role("option", name=title).click()


def start_long(page: Page) -> None:
    """Start a painting that is far from done when the test goes on."""
    page.get_by_label("Fine").check()
    page.locator("#pairs button").first.click()
    note(page, "Painting")


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(pid: int) -> float:
    """The cores that a process keeps busy, on average over half a second."""
    before = processor_seconds(pid)
    time.sleep(0.5)
    return 2 * (processor_seconds(pid) - before)


def assert_idle(pid: int) -> None:
    """Assert that the server is at rest within seconds; a step takes less than one."""
    assert any(load(pid) < 0.1 for _ in range(8))


def places(page: Page) -> dict[str, dict[str, float] | None]:
    return {name: page.locator(name).bounding_box() for name in ("#pairs", "#picture", "#note", "#actions", "#choice")}


def test_a_tap_on_a_pair_paints_a_picture_to_keep(page: Page, tmp_path: Path) -> None:
    before = places(page)
    began = time.monotonic()
    page.locator("#pairs button").first.click()
    page.locator("#picture img").wait_for()
    assert time.monotonic() - began < 3  # a second, and slack for busy machines
    note(page, "Painting")
    for starter in (button(page, "Paint"), page.locator("#pairs button").last):
        expect(starter).to_be_disabled()
    during = places(page)
    live = page.locator("#picture img").get_attribute("src")
    note(page, "Done after")
    assert page.locator("#picture img").get_attribute("src") != live
    assert before == during == places(page)

    with page.expect_download() as download:
        button(page, "Download").click()
    assert download.value.suggested_filename == "china-as-starry-night.png"
    kept = tmp_path / "kept.png"
    download.value.save_as(kept)
    with Image.open(kept) as image:
        assert image.format == "PNG" and max(image.size) == 128
        told = json.loads(image.info["Description"])["styler"]
    expected = {"content": "china.jpg", "style": "starry_night.jpg", "preset": "preview", "strength": 0.5, "size": 128}
    assert expected.items() <= told.items()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 860)])
def test_the_page_fits_and_the_picture_is_the_largest_thing(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    areas = {name: box["width"] * box["height"] for name, box in places(page).items() if box}
    assert max(areas, key=lambda name: areas[name]) == "#picture"
    assert page.locator("#picture").bounding_box()["y"] < height / 2


def test_every_control_has_a_name(page: Page) -> None:
    controls = page.locator("#pairs, #actions, .gradio-container").locator("button:visible, input:visible")
    assert controls.count() > 10
    for control in controls.all():
        name = control.evaluate(
            "e => e.ariaLabel || e.innerText || e.title || [...(e.labels || [])].map(l => l.innerText).join()"
        )
        assert name.strip(), control.evaluate("e => e.outerHTML")


def test_stop_keeps_the_picture_and_frees_the_core(page: Page, server: tuple[str, int]) -> None:
    start_long(page)
    assert load(server[1]) > 0.3
    button(page, "Stop").click()
    note(page, "Stopped after")
    assert_idle(server[1])
    expect(button(page, "Download")).to_be_enabled()
    assert page.locator("#picture img").get_attribute("src").endswith(".png")
    page.get_by_label("Preview").check()
    page.locator("#pairs button").nth(1).click()
    note(page, "Done after")
    with page.expect_download() as download:
        button(page, "Download").click()
    assert download.value.suggested_filename == "chelsea-as-great-wave.png"


def test_closing_the_tab_frees_the_core(browser: Browser, server: tuple[str, int]) -> None:
    page = browser.new_page()
    page.goto(server[0])
    start_long(page)
    assert load(server[1]) > 0.3
    page.close()
    assert_idle(server[1])


def test_a_bad_upload_is_told_in_one_sentence(page: Page, tmp_path: Path) -> None:
    (tmp_path / "my <b>.jpg").write_text("not a picture")
    choose(page, "paintings", "The Starry Night")
    page.locator("#choice img").wait_for()
    page.locator("#choice input[type=file]").first.set_input_files(tmp_path / "my <b>.jpg")
    expect(page.locator("#choice img")).to_have_count(2)
    button(page, "Paint").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("The photo my")
    expect(button(page, "Paint")).to_be_enabled()


def test_paint_without_pictures_asks_for_them(page: Page) -> None:
    button(page, "Paint").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("Choose a photo first.")
    expect(button(page, "Paint")).to_be_enabled()


def test_without_a_connection_only_the_fetched_sample_is_missing(page: Page) -> None:
    choose(page, "paintings", "The Pillars of Creation")
    expect(page.get_by_test_id("toast-body")).to_contain_text("needs a connection to the internet, which failed (")
    choose(page, "paintings", "Composition VIII")
    page.locator("#choice img").wait_for()


def test_a_forged_path_reads_no_file_of_the_server(server: tuple[str, int]) -> None:
    with urlopen(f"{server[0]}/config") as answer:
        events = json.load(answer)["dependencies"]
    forged = {"path": str(ROOT / "assets" / "ball.png"), "meta": {"_type": "gradio.FileData"}}
    body = {
        "data": [forged, forged, "preview", 0.5, None],
        "fn_index": next(event["id"] for event in events if len(event["inputs"]) == 5),
        "session_hash": "forger",
    }
    url = f"{server[0]}/gradio_api/queue/"
    urlopen(Request(f"{url}join", json.dumps(body).encode(), {"Content-Type": "application/json"})).close()
    with urlopen(f"{url}data?session_hash=forger", timeout=20) as answer:
        told = next(line for line in answer if b"process_completed" in line)
    assert json.loads(told.removeprefix(b"data: "))["success"] is False
