"""The page in a real browser, served as app.py serves it, but with smaller pictures."""

import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from styler import images, samples, saving

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="the page is tested through playwright, which is not installed"
)
gr = pytest.importorskip("gradio", reason="the page needs gradio, which is not installed")
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
SIZE = 96
SERVE = f"""
import functools, runpy
import styler.demo
styler.demo.build = functools.partial(styler.demo.build, size={SIZE})
styler.demo.visit.SMALL = 64
runpy.run_path("app.py", run_name="__main__")
"""
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int, str]]:
    """The page's address, the server's process id and its folder of uploads; it is cut off from the internet."""
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
            yield f"http://127.0.0.1:{port}", process.pid, str(folder / "gradio")
            text = (folder / "log").read_text()
            assert text.count("Traceback") == text.count("gradio.exceptions.InvalidPathError"), text
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())


@pytest.fixture(scope="module")
def tab(server: tuple[str, int, str], browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """The tab that the tests share, as a page loaded again takes less than half the work of one in a new browser; and
    what goes wrong in it: requests to other machines, and errors."""
    tab, wrong = browser.new_context().new_page(), []
    tab.set_default_timeout(20_000)
    tab.on(
        "request",
        lambda request: None if request.url.startswith((server[0], "data:", "blob:")) else wrong.append(request.url),
    )
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    yield tab, wrong
    tab.context.close()


@pytest.fixture
def page(server: tuple[str, int, str], tab: tuple[Page, list[str]]) -> Iterator[Page]:
    """The page, loaded anew on a phone's screen; nothing may go wrong in it."""
    page, wrong = tab
    wrong.clear()
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="light")
    page.goto(server[0])
    expect(page.locator("#pairs button")).to_have_count(len(samples.PAIRS), timeout=20_000)
    yield page
    assert not wrong


def note(page: Page, words: str) -> None:
    expect(page.locator("#note")).to_contain_text(words, timeout=30_000)


def button(page: Page, name: str):
    return page.locator("#actions, #after").get_by_role("button", name=name)


def choose(page: Page, key: str) -> None:
    page.locator(f"#sample-{key}").click()


def start_long(page: Page) -> None:
    """Start a painting that is far from done when the test goes on, also on a fast machine."""
    page.get_by_role("button", name="More").click()
    page.get_by_label("Size").first.fill("1024")
    page.get_by_label("Size").first.press("Enter")
    page.get_by_label("Fine").check()
    button(page, "Paint").first.click()
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
    return {name: page.locator(name).bounding_box() for name in ("#pairs", "#picture", "#note", "#actions", "#after")}


def test_a_tap_loads_a_pair_and_another_paints_it(page: Page, tmp_path: Path) -> None:
    picture = page.locator("#picture img").last
    assert "/results/pagoda_starry_night.webp" in str(picture.get_attribute("src"))
    page.locator("#pairs button").nth(1).click()
    expect(picture).to_have_attribute("src", re.compile("/results/cat_great_wave.webp"))
    before = places(page)
    button(page, "Paint").first.click()
    note(page, "Done after")
    assert before == places(page)

    for name, kind in (("PNG", "PNG"), ("JPEG", "JPEG")):
        with page.expect_download() as download:
            button(page, name).click()
        kept = tmp_path / download.value.suggested_filename
        assert kept.stem == "chelsea-as-great-wave"
        download.value.save_as(kept)
        with Image.open(kept) as image:
            assert image.format == kind and max(image.size) == SIZE
    told = saving.settings(tmp_path / "chelsea-as-great-wave.png")
    expected = {"content": "chelsea.png", "style": ["great_wave.jpg"], "preset": "preview", "strength": 0.5}
    assert expected.items() <= told.items()
    assert not saving.settings(tmp_path / "chelsea-as-great-wave.jpg")

    page.get_by_role("button", name="What happened").click()
    expect(page.locator("#drawn svg")).to_have_count(2)
    assert page.locator("#drawn polyline").count() > 3
    expect(page.locator("#times")).to_contain_text("Balanced takes about")
    button(page, "Paint").first.click()
    note(page, "Done; painted before")
    button(page, "Use as photo").click()
    expect(page.locator("#content img")).to_have_attribute("src", re.compile("chelsea-as-great-wave.png"))


def test_the_picture_is_whole_and_can_be_compared_and_enlarged(page: Page) -> None:
    page.locator("#pairs button").nth(2).click()
    photo, picture = page.locator("#picture img").all()
    expect(picture).to_have_attribute("alt", "The picture: astronaut composition viii")
    page.wait_for_function("document.querySelector('#picture .frame').offsetHeight == 390")  # a square, as the photo
    slider, box = page.get_by_label("Compare"), picture.bounding_box()
    assert box == photo.bounding_box() and (box["x"], box["width"]) == (0, 390)

    def seen() -> str:
        return picture.evaluate("e => getComputedStyle(e).clipPath")

    assert seen() == "inset(0px 0px 0px 0%)"
    slider.press("ArrowRight")
    assert seen() == "inset(0px 0px 0px 1%)"
    for share in (0, 100):
        page.locator("#picture .frame").click()
        assert (slider.input_value(), seen()) == (str(share), f"inset(0px 0px 0px {share}%)")
    page.get_by_role("button", name="Look closer").click()
    assert page.locator("dialog img").bounding_box()["width"] >= 2 * 390
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)


def test_a_link_reopens_the_page_as_it_was(page: Page) -> None:
    choose(page, "coffee")
    page.get_by_label("Balanced").check()
    expect(page.locator("#content img")).to_have_attribute("src", re.compile("coffee.png"))
    page.evaluate("navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve() }")
    time.sleep(0.5)  # until the server has heard of the choice
    button(page, "Copy link").click()
    page.wait_for_function("window.copied")
    other = page.context.new_page()
    other.goto(page.evaluate("window.copied"))
    expect(other.locator("#content img")).to_have_attribute("src", re.compile("coffee.png"))
    expect(other.get_by_label("Balanced")).to_be_checked()
    for name in ("Paint", "Stop", "Send", "Making of", "Use as photo", "Paint finer"):
        expect(button(other, name).first).to_be_visible()
    expect(other.locator("#pairs button").first).to_contain_text("The Starry Night")
    other.close()


@pytest.mark.slow
def test_a_link_brings_back_a_picture_of_ones_own(
    page: Page, browser: Browser, server: tuple[str, int, str], tmp_path: Path
) -> None:
    Image.radial_gradient("L").resize((96, 64)).save(tmp_path / "mine.png")
    clear(page, "content")
    page.locator("#content input[type=file]").set_input_files(tmp_path / "mine.png")
    note(page, "Tap Paint to paint this photo")
    page.get_by_label("Strength").first.fill("0.7")
    page.get_by_label("Strength").first.press("Enter")
    button(page, "Paint").first.click()
    note(page, "Done after")
    with page.expect_download() as download:
        button(page, "Making of").click()
    download.value.save_as(tmp_path / "film.webp")
    with Image.open(tmp_path / "film.webp") as film:
        assert film.n_frames > 3 and download.value.suggested_filename == "mine-as-starry-night.webp"
    page.evaluate("navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve() }")
    button(page, "Copy link").click()
    page.wait_for_function("window.copied")
    link = page.evaluate("window.copied")

    other = browser.new_context().new_page()
    other.goto(link)
    note(other, "Opened from a link. A link to it works for an hour")
    expect(other.locator("#picture img").last).to_have_attribute("alt", "The picture: mine as starry night")
    expect(other.get_by_label("Strength").first).to_have_value("0.7")
    for name, kind in (("PNG", "PNG"), ("Send", "JPEG")):
        with other.expect_download() as download:
            button(other, name).click()
        download.value.save_as(tmp_path / name)
        with Image.open(tmp_path / name) as image:
            assert image.format == kind and not image.getexif() and max(image.size) == SIZE

    for uploaded in Path(server[2]).glob("*/*mine*"):
        uploaded.unlink()  # as after an hour
    other.goto(link)
    note(other, "This link's picture is no longer available")
    expect(other.locator("#picture img").last).to_have_attribute("alt", "The picture: pagoda starry night")
    expect(other.get_by_label("Strength").first).to_have_value("0.7")
    expect(other.locator("#content img")).to_have_attribute("src", re.compile("china.jpg"))
    other.context.close()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 860)])
def test_the_page_fits_and_the_picture_is_the_largest_thing(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    areas = {name: box["width"] * box["height"] for name, box in places(page).items() if box}
    assert max(areas, key=lambda name: areas[name]) == "#picture"
    assert page.locator("#picture").bounding_box()["y"] < height / 2
    expect(button(page, "Paint").first).to_be_in_viewport(ratio=1)
    page.emulate_media(color_scheme="dark")
    page.reload()
    tab = page.locator("[role=tab][aria-selected=true]:visible").first
    expect(tab).to_have_css("color", "rgb(245, 245, 244)")  # as bright as other text


@pytest.mark.slow
def test_three_paintings_are_suggested_and_one_tap_paints_one(page: Page) -> None:
    tiles = page.locator("#suited button:visible")
    page.get_by_role("button", name="What suits this photo?").click()
    note(page, "Tap one of the small pictures")
    expect(tiles).to_have_count(3)
    assert len({tile.locator("img").get_attribute("src") for tile in tiles.all()}) == 3
    title = tiles.nth(1).inner_text().strip()
    (key,) = [key for key, sample in samples.SAMPLES.items() if sample.title == title]
    tiles.nth(1).click()
    note(page, "Done after")
    expect(page.locator("#style img")).to_have_attribute("src", re.compile(samples.path(key).name))
    choose(page, "coffee")
    expect(tiles).to_have_count(0)


def test_a_finer_picture_goes_on_from_the_one_that_is_there(page: Page, tmp_path: Path) -> None:
    choose(page, "rocket")
    note(page, "Tap Paint to paint this photo")
    button(page, "Paint").first.click()
    note(page, "Done after")
    picture = page.locator("#picture img").last
    button(page, "Paint finer").click()
    expect(button(page, "Stop")).to_be_enabled()
    note(page, "Done after")
    expect(picture).to_have_attribute("src", re.compile("[.]png$"))
    expect(page.get_by_label("Balanced")).to_be_checked()
    with page.expect_download() as download:
        button(page, "PNG").click()
    download.value.save_as(tmp_path / "kept.png")
    told = saving.settings(tmp_path / "kept.png")
    assert (told["preset"], told["finer"]) == ("balanced", True)


def test_while_a_picture_is_painted_nothing_moves_and_the_rest_waits(page: Page) -> None:
    start_long(page)
    for starter in (button(page, "Paint").first, page.locator("#pairs button").last, button(page, "PNG")):
        expect(starter).to_be_disabled()
    for _ in range(3):
        page.wait_for_event("response", lambda answer: answer.url.endswith(".jpeg"))  # a picture on the way
    choose(page, "coffee")
    expect(page.locator("#content img")).to_have_attribute("src", re.compile("coffee.png"))
    time.sleep(0.5)
    note(page, "Painting")
    during = places(page)
    button(page, "Stop").click()
    note(page, "Stopped after")
    assert during == places(page)
    expect(page.locator("#picture img").last).to_have_attribute("alt", re.compile("china as starry night"))


def test_paint_is_in_reach_on_a_phone(page: Page) -> None:
    choose(page, "great_wave")
    expect(button(page, "Paint").first).to_be_in_viewport(ratio=1)
    button(page, "Paint").first.click()
    expect(page.locator("#picture .frame")).to_be_in_viewport()
    note(page, "Done after")


def assert_found_on_the_photo(page: Page) -> None:
    """Wait until the found subject is shown, and nothing of it beside the photo."""
    around = page.get_by_role("button", name="Find the subject").locator("..")  # the editor itself comes and goes
    for _ in range(40):
        shot = Image.open(io.BytesIO(around.screenshot())).convert("RGB")
        r, g, b = np.moveaxis(np.asarray(shot, int), -1, 0)
        found = ((r > 180) & (r - g > 90)).mean() > 0.05
        beside = (abs(r - 255) + abs(g - 152) + abs(b - 133)) < 6  # the brush's colour over white
        if found and beside.sum() < 500:
            return
        time.sleep(0.5)
    raise AssertionError(f"of the found subject {beside.sum()} px lie beside the photo" if found else "none is found")


@pytest.mark.slow
def test_the_subject_stays_a_photo(page: Page, tmp_path: Path) -> None:
    page.get_by_role("button", name="More").click()
    page.get_by_label("Only the background").check()
    assert_found_on_the_photo(page)
    choose(page, "astronaut")  # a photo of another shape
    expect(page.locator("#content img")).to_have_attribute("src", re.compile(samples.path("astronaut").name))
    page.get_by_role("button", name="Find the subject").click()
    time.sleep(1)  # until the editor has the photo
    assert_found_on_the_photo(page)
    button(page, "Paint").first.click()
    note(page, "Done after")
    clear(page, "style")
    button(page, "Paint").first.click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("Choose a painting first")
    note(page, "Choose a painting first")
    expect(button(page, "Use as photo")).to_be_enabled()
    with page.expect_download() as download:
        button(page, "PNG").click()
    download.value.save_as(tmp_path / "kept.png")
    change = (images.read(tmp_path / "kept.png") - images.resize(images.read(samples.path("astronaut")), SIZE)).abs()
    assert change[..., 15:28, 39:46].mean() < 0.03 < change[..., 4:22, 60:82].mean()  # her face, the wall


def test_a_picture_from_noise_and_its_settings_again(page: Page, tmp_path: Path) -> None:
    page.get_by_role("button", name="More").click()
    expect(page.get_by_label("Seed of the noise")).to_be_hidden()
    page.get_by_label("Noise", exact=True).check()
    page.get_by_label("Seed of the noise").fill("7")
    page.get_by_label("Seed of the noise").blur()
    page.get_by_role("button", name="For study").click()
    page.get_by_label("Gram matrices").check()
    page.get_by_label("Content layer").click()
    page.get_by_role("option", name="relu2_2").click()
    button(page, "Paint").first.click()
    note(page, "Done after")
    with page.expect_download() as download:
        button(page, "PNG").click()
    download.value.save_as(tmp_path / "kept.png")
    told = saving.settings(tmp_path / "kept.png")
    assert (told["init"], told["random_state"]) == ("noise", 7)
    assert (told["style_loss"], told["content_layers"], told["style_layers"]) == ("gram", ["relu2_2"], None)

    page.reload()
    page.get_by_role("button", name="More").click()
    for file in (samples.path("cat"), tmp_path / "kept.png"):
        with page.expect_file_chooser() as chooser:
            page.locator("#repeat").click()
        chooser.value.set_files(file)
        expect(page.get_by_test_id("toast-body")).to_contain_text("has no settings to restore")
    note(page, "Settings restored from kept.png")
    expect(page.get_by_label("Noise", exact=True)).to_be_checked()
    expect(page.get_by_label("Seed of the noise")).to_have_value("7")
    page.get_by_role("button", name="For study").click()
    expect(page.get_by_label("Gram matrices")).to_be_checked()
    expect(page.get_by_label("Content layer")).to_have_value("relu2_2")


def test_layers_and_losses_of_a_picture_are_restored_where_the_page_can() -> None:
    from styler.demo import again
    from styler.demo.orders import Upload, named
    from styler.estimator import StyleTransfer
    from styler.recipe import CONTENT_LAYER, STYLE_LAYERS

    upload = Upload(Path("kept.png"), "picture", "")
    usual = again.studied(StyleTransfer(), upload)
    assert usual == [list(STYLE_LAYERS), "neighbors", CONTENT_LAYER, "standardised"]
    assert named(usual[0][::-1], usual[2]) == (None, None)
    assert named(["relu2_1", "relu1_1"], "relu1_2") == (("relu1_1", "relu2_1"), ("relu1_2",))
    assert again.studied(StyleTransfer(style_layers={"relu2_1": 2}), upload)[0] == ["relu2_1"]
    with pytest.raises(ValueError, match="use styler --from"):
        again.studied(StyleTransfer(style_layers={"relu2_1": 2, "relu3_1": 1}), upload)
    with pytest.raises(ValueError, match="There is no style layer"):
        named([], "relu1_2")


def test_a_start_from_an_image(page: Page) -> None:
    page.get_by_role("button", name="More").click()
    page.get_by_label("An image", exact=True).check()
    button(page, "Paint").first.click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("Choose a starting image first")
    page.locator("#start input[type=file]").set_input_files(samples.path("ball"))
    page.locator("#start img").wait_for()
    button(page, "Paint").first.click()
    note(page, "Done after")


def test_a_choice_that_is_reported_again_changes_nothing() -> None:
    from styler.demo import visit

    request = gr.Request(session_hash="somebody")
    coffee, cat = ({"path": str(samples.path(key))} for key in ("coffee", "cat"))
    assert "Tap Paint" in visit.fresh(coffee, None, request)[1]
    assert visit.fresh(coffee, None, request) == [gr.skip(), gr.skip()]
    assert "Tap Paint" in visit.fresh(cat, None, request)[1]
    assert "Tap Paint" in visit.fresh(coffee, None, request)[1]


def test_a_found_subject_comes_back_as_it_was_found() -> None:
    from styler.demo import masking
    from styler.demo.orders import drawn_on
    from styler.demo.uploads import Upload

    ball, cat = ({"path": str(samples.path(key))} for key in ("ball", "cat"))
    found, photo = masking.find(ball, None).value, Upload.of(ball, "photo")
    upload = drawn_on(found, photo)
    assert upload is not None and set(upload.painted().unique().tolist()) == {0.0, 1.0}
    assert 0.1 < upload.painted().mean() < 0.3
    assert drawn_on({"layers": []}, photo) is None and drawn_on(None, photo) is None
    assert drawn_on(found, Upload.of(cat, "photo")) is None  # it was drawn on the ball
    again = masking.find(ball, found).value  # what was found does not count as a stroke
    assert images.read(again["layers"][0]["path"]).equal(images.read(found["layers"][0]["path"]))
    assert masking.prepare("background", ball, found) == gr.skip()
    assert masking.prepare("background", ball, None).value["layers"]


def test_every_control_has_a_name(page: Page) -> None:
    controls = page.locator("#pairs, #actions, .gradio-container").locator("button:visible, input:visible")
    assert controls.count() > 10
    for control in controls.all():
        name = control.evaluate(
            "e => e.ariaLabel || e.innerText || e.title || [...(e.labels || [])].map(l => l.innerText).join()"
        )
        assert name.strip(), control.evaluate("e => e.outerHTML")


@pytest.mark.slow
def test_stop_keeps_the_picture_and_frees_the_core_for_the_next_visitor(
    page: Page, server: tuple[str, int, str]
) -> None:
    second, third = (page.context.new_page() for _ in range(2))
    for place, visitor in ((4, second), (5, third)):
        visitor.goto(server[0])
        visitor.locator("#pairs button").nth(place).click()  # pairs that no other test has painted
        expect(visitor.locator("#picture img").last).to_have_attribute(
            "src", re.compile(samples.result(samples.PAIRS[place]).name)
        )
    start_long(page)
    for visitor, ahead in ((second, "One painting is ahead"), (third, "2 paintings are ahead")):
        button(visitor, "Paint").first.click()
        note(visitor, ahead)
    button(third, "Stop").click()
    note(third, "Stopped before it began")
    expect(button(third, "Paint").first).to_be_enabled()
    button(page, "Stop").click()
    note(page, "Stopped after")
    note(second, "Done after")
    assert_idle(server[1])
    expect(button(page, "PNG")).to_be_enabled()
    assert str(page.locator("#picture img").last.get_attribute("src")).endswith(".png")
    for visitor in (second, third):
        visitor.close()


def test_closing_the_tab_frees_the_core(tab: tuple[Page, list[str]], server: tuple[str, int, str]) -> None:
    page = tab[0].context.new_page()
    page.goto(server[0])
    start_long(page)
    page.close()
    assert_idle(server[1])


def test_a_bad_upload_is_reported_in_one_sentence(page: Page, tmp_path: Path) -> None:
    (tmp_path / "my <b>.jpg").write_text("not a picture")
    clear(page, "content")
    page.locator("#content input[type=file]").set_input_files(tmp_path / "my <b>.jpg")
    expect(page.get_by_test_id("toast-body")).to_contain_text("The photo my")
    note(page, "The photo my")
    expect(page.locator("#content")).to_contain_text("Your own photo")  # there is room for another
    button(page, "Paint").first.click()
    note(page, "Choose a photo first")
    expect(page.locator(".toast-message-item:visible")).to_have_count(1)
    expect(button(page, "Paint").first).to_be_enabled()


# Chooses a file as a browser does that does not know its type.
CHOOSE = """(input, bytes) => {
  const chosen = new DataTransfer();
  chosen.items.add(new File([new Uint8Array(bytes)], 'mine.heic'));
  input.files = chosen.files;
  input.dispatchEvent(new Event('change'));
}"""


def test_a_photo_from_a_phone_is_shown_and_painted(page: Page, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "mine.heic")
    clear(page, "content")
    button(page, "Paint").first.click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("Choose a photo first")
    page.locator("#content input[type=file]").evaluate(CHOOSE, list((tmp_path / "mine.heic").read_bytes()))
    expect(page.locator("#content img")).to_have_attribute("src", re.compile("mine.jpg"))  # which a browser can draw
    page.wait_for_function("document.querySelector('#content img').naturalWidth == 300")
    note(page, "Tap Paint to paint this photo")
    button(page, "Paint").first.click()
    note(page, "Done after")


def clear(page: Page, role: str) -> None:
    page.locator(f"#{role}").get_by_role("button", name="Remove Image").click()
    page.locator(f"#{role} input[type=file]").wait_for(state="attached")


def test_without_a_connection_only_the_fetched_sample_is_missing(page: Page) -> None:
    choose(page, "pillars")
    expect(page.get_by_test_id("toast-body")).to_contain_text("needs a connection to the internet, which failed (")
    choose(page, "composition_viii")
    expect(page.locator("#style img")).to_have_attribute("src", re.compile("composition_viii.jpg"))


def test_a_forged_path_reads_no_file_of_the_server(server: tuple[str, int, str]) -> None:
    forged = {"path": str(ROOT / "README.md"), "meta": {"_type": "gradio.FileData"}}
    url = f"{server[0]}/gradio_api/call/paint"
    body = json.dumps({"data": [forged, forged, "preview", 0.5, 64, None, None]}).encode()
    with urlopen(Request(url, body, {"Content-Type": "application/json"})) as answer:
        event = json.load(answer)["event_id"]
    with urlopen(f"{url}/{event}", timeout=20) as answer:
        told = answer.read()
    assert b"event: error" in told and b"event: complete" not in told


def test_a_step_of_the_lesson_has_an_address_and_its_figure_can_be_kept(
    page: Page, server: tuple[str, int], tmp_path: Path
) -> None:
    page.goto(f"{server[0]}/?step=1")
    maps = page.locator("#figure .spot")
    expect(maps).to_have_count(12, timeout=30_000)
    place = maps.nth(3).locator(".where")
    expect(place).to_be_hidden()
    maps.nth(3).locator("image").first.click()
    expect(place).to_be_visible()
    with page.expect_download() as download:
        page.locator("#figure .keep").click()
    download.value.save_as(tmp_path / "figure.svg")
    assert ElementTree.parse(tmp_path / "figure.svg").getroot().get("viewBox")
    page.get_by_role("button", name="Next step").click()
    expect(page.locator("#figure svg")).to_have_attribute("aria-label", re.compile("content distance"), timeout=30_000)
    assert page.url == f"{server[0]}/?step=2"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
