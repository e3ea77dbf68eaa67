"""The page's endpoints, through the clients that the guide shows, on a server of this process."""

import asyncio
import base64
import gc
import io
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageStat

pytest.importorskip("gradio", reason="the page needs gradio, which is not installed")

from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from styler import images, samples, saving

ROOT = Path(__file__).parents[1]
STYLE = samples.path("starry_night")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        if importable("mcp"):
            patch.setenv("GRADIO_MCP_SERVER", "true")
        from styler.demo import LAUNCH, build

        page = build(size=64)
        _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **LAUNCH)
        yield url.rstrip("/")
        page.close()
        gc.collect()  # closes the clients' event loops, or their warnings would fall on the next test


@pytest.fixture
def client(server: str, tmp_path: Path) -> Client:
    return Client(server, verbose=False, download_files=tmp_path / "got")


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the guide's examples name, in the working directory."""
    for name, key in (("photo.jpg", "cat"), ("painting.jpg", "starry_night")):
        saving.save(images.resize(images.read(samples.path(key)), 64), tmp_path / name)
    monkeypatch.chdir(tmp_path)


def importable(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def example(language: str, about: str, server: str) -> str:
    """The guide's code block in a language that contains a word, changed to use the test's server and a small size."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "guide.md").read_text(), re.DOTALL)
    (found,) = [block for block in blocks if about in block]
    assert "http://127.0.0.1:7860" in found
    return found.replace("http://127.0.0.1:7860", server).replace("512", "64")


def test_the_python_example_streams_a_picture(server: str, pictures: None, capsys: pytest.CaptureFixture[str]) -> None:
    exec(example("python", "gradio_client", server), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2 and lines[-1].startswith("100% Done")
    with Image.open(lines[-1].split()[-1]) as image:
        assert image.format == "PNG" and max(image.size) == 64


def test_the_javascript_example_streams_a_picture(server: str, pictures: None, tmp_path: Path) -> None:
    if shutil.which("node") is None or not (ROOT / "node_modules" / "@gradio" / "client").is_dir():
        pytest.skip("the JavaScript example needs node, and npm install @gradio/client here")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    (tmp_path / "paint.mjs").write_text(example("javascript", "@gradio/client", server))
    done = subprocess.run(["node", "paint.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert re.search(r"100% Done.* http\S+\.png$", done.stdout.strip()), done.stdout


def test_an_assistant_can_paint(server: str) -> None:
    pytest.importorskip("mcp", reason="the MCP server needs the package mcp")
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    def data(key: str) -> str:
        return f"data:image/png;base64,{base64.b64encode(samples.path(key).read_bytes()).decode()}"

    async def heard(*_: object) -> None:
        """Without a callback for progress, Gradio gives the last of a stream as one text."""

    async def paint() -> list[str]:
        async with (
            streamablehttp_client(f"{server}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            (name,) = [name for name in tools if name.endswith("paint")]
            assert "strength" in tools[name].inputSchema["properties"]
            arguments = {"photo": data("ball"), "painting": data("starry_night"), "size": 64}
            answer = await session.call_tool(name, arguments, progress_callback=heard)
            assert not answer.isError, answer.content
            return [content.type for content in answer.content]

    assert "image" in asyncio.run(paint())


def test_visitors_at_once_each_get_their_own_picture(server: str) -> None:
    api, painting = f"{server}/gradio_api", STYLE.read_bytes()

    def visit(red: int) -> tuple[float, bool]:
        """Send requests as `curl` would, because several of Gradio's clients in one process wait for one another."""
        photo = io.BytesIO()
        Image.new("RGB", (64, 64), (red, 128, 128)).save(photo, "PNG")
        files = [("files", ("photo.png", photo.getvalue())), ("files", ("painting.jpg", painting))]
        paths = httpx.post(f"{api}/upload", files=files, timeout=60).json()
        asked, style = ({"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths)
        data = {"data": [asked, style, "preview", 0, 64, None, None]}
        event = httpx.post(f"{api}/call/paint", json=data, timeout=60).json()["event_id"]
        answer = httpx.get(f"{api}/call/paint/{event}", timeout=120).text
        assert "event: complete" in answer, answer
        picture, progress, words = json.loads(answer.strip().splitlines()[-1].removeprefix("data: "))
        assert progress == 1 and words.startswith("Done")
        with Image.open(io.BytesIO(httpx.get(picture["url"], timeout=60).content)) as image:
            return ImageStat.Stat(image).mean[0], "Waiting in line" in answer

    asked = range(0, 240, 60)
    with ThreadPoolExecutor(len(asked)) as visitors:
        got, waited = zip(*visitors.map(visit, asked), strict=True)
    assert all(abs(a - g) < 5 for a, g in zip(asked, got, strict=True)), got
    assert any(waited)


def test_the_samples_are_listed_and_can_be_painted(client: Client) -> None:
    listed = client.predict(api_name="/samples")
    assert {sample["role"] for sample in listed} == {"content", "style"}
    ball, wave = (next(s for s in listed if s["key"] == key) for key in ("ball", "great_wave"))
    assert wave["title"] == samples.SAMPLES["great_wave"].title and wave["year"] == "c. 1831"
    *_, (picture, _, _) = client.submit(
        photo=handle_file(ball["image"]["path"] if isinstance(ball["image"], dict) else ball["image"]),
        painting=handle_file(STYLE),
        mixed=[handle_file(samples.path("great_wave"))],
        weights=[0.7, 0.3],
        size=64,
        api_name="/paint",
    )
    assert saving.settings(picture)["style_weights"] == [0.7, 0.3]


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"preset": "slow"}, "There is no preset"),
        ({"strength": 2}, "The strength is 2"),
        ({"size": 5000}, "The size is 5000 px"),
        ({"weights": [1, 2]}, "style weight"),
        ({"weights": [0]}, "shares are all 0; raise one"),
        ({"painting": None}, "Choose a painting first"),
        ({"mixed": [handle_file(STYLE)] * 4}, "4 paintings are too many to mix in"),
    ],
)
def test_an_invalid_request_is_answered_in_a_sentence(client: Client, wish: dict, sentence: str) -> None:
    asked = {"photo": handle_file(STYLE), "painting": handle_file(STYLE), "size": 64} | wish
    with pytest.raises(AppError, match=sentence):
        client.predict(**asked, api_name="/paint")


def test_the_endpoints_are_described(client: Client) -> None:
    told = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(told) == {"/paint", "/samples"}
    types = {p["parameter_name"]: p["python_type"]["type"] for p in told["/paint"]["parameters"]}
    assert types == {
        "photo": "filepath",
        "painting": "filepath",
        "preset": "Literal['preview', 'balanced', 'fine']",
        "strength": "float",
        "size": "float",
        "mixed": "list[filepath]",
        "weights": "list[float] | None",
    }


def test_the_health_check_answers(server: str) -> None:
    from urllib.request import urlopen

    with urlopen(f"{server}/health") as answer:
        assert answer.read() == b"ok"


def test_the_line_is_first_come_first_served_and_bounded() -> None:
    from styler.demo.line import Line

    line = Line(places=1, waiting=1)
    first, second = line.turn(lambda: 5), line.turn(lambda: 7)
    assert next(first) == (0, 0)
    place = next(second)
    assert place.ahead == 1 and 4 < place.seconds <= 5
    with pytest.raises(ValueError, match="try again in a few minutes"):
        next(line.turn(lambda: 1))
    threading.Timer(0.1, line.look_up).start()  # as when a visitor is stopped, who must hear of it at once
    assert next(second).ahead == 1
    threading.Timer(0.1, first.close).start()
    assert next(second) == (0, 0)
    second.close()
    assert next(line.turn(lambda: 1)) == (0, 0)


def test_the_estimated_time_is_learnt_from_recent_pictures() -> None:
    from styler.demo import pace
    from styler.demo.orders import order

    ball = {"path": str(samples.path("ball"))}
    asked = order(ball, [ball], None, "fine", 0.5, 65)
    expected = pace.estimate("fine", 65)
    pace.learn_pace(asked, expected, 3 * expected)
    assert pace.estimate("fine", 65) == pytest.approx(3 * expected)
    pace.learn_pace(asked, expected, 1.5 * expected)
    assert pace.estimate("fine", 65) == pytest.approx(2 * expected)  # two thirds of 1.5 and a third of 3
    assert pace.estimate("fine", 66) < 2 * expected  # nothing is known yet about other sizes


def test_the_least_recently_used_result_is_dropped() -> None:
    from styler.demo.orders import Recent

    kept: Recent[int] = Recent(2)
    for key in "ab":
        kept.keep(key, ord(key))
    assert kept.get("a") == ord("a")
    kept.keep("c", ord("c"))
    assert [kept.get(key) for key in "abc"] == [ord("a"), None, ord("c")]


def test_an_internal_error_has_a_number_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    import gradio as gr

    from styler.demo.errors import told

    with pytest.raises(gr.Error, match="under the number") as caught, told():
        _ = {}["missing"]
    number = str(caught.value).split()[-1].strip("'.")
    assert number in caplog.text and "KeyError" in caplog.text


def test_paintings_go_to_their_regions() -> None:
    from styler.demo.orders import by_region

    assert by_region("ab", (0.7, 0.3), "everywhere") == ("ab", (0.7, 0.3))
    assert by_region("ab", (0.7, 0.3), "subject") == ({"subject": "ab", "background": None}, {"subject": (0.7, 0.3)})
    assert by_region("abc", (1, 2, 3), "each") == ({"subject": "a", "background": "bc"}, {"background": (2, 3)})
