"""Attacks on the running page: reading its files, using other visitors' sessions, and breaking it."""

import asyncio
import importlib.util
import io
import json
import re
import struct
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio", reason="the page needs gradio, which is not installed")

from styler import samples

PINK = (200, 30, 160)  # the colour of the private picture, and of nothing else here
META = {"meta": {"_type": "gradio.FileData"}}
# Serves as a photo, a painting, and a drawing over the left half.
HALF = Image.new("RGBA", (64, 64), (20, 90, 40, 255))
HALF.paste((0, 0, 0, 0), (32, 0, 64, 64))
# With these settings each file is read, and nothing is painted for long.
CHOSEN = {"Where to paint": "subject", "Start from": "image", "Strength": 0, "0 keeps the photo, 1 is all painting": 0}


@dataclass
class Place:
    """A running page, the private files beside it, and a record of what was opened and fetched."""

    address: str
    uploads: Path
    outside: Path
    trap: str
    fetched: list[str]
    opened: set[str] = field(default_factory=set)
    seen: set[tuple[Path, int]] = field(default_factory=set)

    def send(self, path: str, said: Any = None, **headers: str) -> tuple[int, str]:
        """Send a request as a program that keeps to no rules would."""
        line = HTTPConnection(self.address, timeout=60)
        body = said if isinstance(said, bytes | None) else json.dumps(said).encode()
        line.request("GET" if said is None else "POST", path, body, {"Content-Type": "application/json"} | headers)
        with line.getresponse() as answer:
            return answer.status, answer.read().decode(errors="replace")

    def upload(self, picture: Image.Image | bytes, name: str) -> dict[str, Any]:
        """Upload a picture, or a file of these bytes, and return it as a browser names it."""
        data = io.BytesIO(picture if isinstance(picture, bytes) else b"")
        if isinstance(picture, Image.Image):
            picture.save(data, "PNG")
        head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
        body = head + data.getvalue() + b"\r\n--x--\r\n"
        status, text = self.send("/gradio_api/upload", body, **{"Content-Type": "multipart/form-data; boundary=x"})
        assert status == 200, text
        return {"path": json.loads(text)[0]} | META

    def ask(self, dependency: dict[str, Any], values: list[Any], session: str = "door") -> str:
        """Call a function as the page does, and return all that it answers."""
        message = {"fn_index": dependency["id"], "data": values, "session_hash": session}
        if not dependency["queue"]:
            return self.send("/gradio_api/run/predict", message)[1]
        self.send("/gradio_api/queue/join", message)
        return self.send(f"/gradio_api/queue/data?session_hash={session}")[1]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    outside, uploads = tmp_path_factory.mktemp("outside"), tmp_path_factory.mktemp("uploads")
    Image.new("RGB", (96, 64), PINK).save(outside / "private.jpg")
    for link, to in (("a" * 64 + "/private.jpg", outside / "private.jpg"), ("b" * 64, outside)):
        (uploads / link).parent.mkdir(exist_ok=True)
        (uploads / link).symlink_to(to)
    fetched: list[str] = []

    class Trap(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fetched.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write((outside / "private.jpg").read_bytes())

        do_HEAD = do_GET

    with pytest.MonkeyPatch.context() as patch, ThreadingHTTPServer(("127.0.0.1", 0), Trap) as trap:
        threading.Thread(target=trap.serve_forever, daemon=True).start()
        patch.setenv("GRADIO_TEMP_DIR", str(uploads))
        patch.setenv("GRADIO_MCP_SERVER", str(importlib.util.find_spec("mcp") is not None))
        if importlib.util.find_spec("matplotlib") is None:
            patch.setitem(sys.modules, "matplotlib", None)  # Gradio would search for it everywhere at every call
        from styler.demo import LAUNCH, build

        patch.setattr("styler.demo.visit.SMALL", 64)
        patch.setattr("styler.demo.visit.SUGGESTED", 1)
        page = build(size=64)
        _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **LAUNCH)
        found = Place(urlsplit(url).netloc, uploads, outside, f"http://127.0.0.1:{trap.server_port}", fetched)
        sys.addaudithook(lambda event, about: found.opened.add(str(about[0])) if event == "open" else None)
        yield found
        page.close()
        trap.shutdown()


@pytest.fixture(autouse=True)
def nothing_comes_out(place: Place) -> Iterator[None]:
    """Whatever a test sends, nothing outside is opened or fetched, and no visitor can ask for it afterwards."""
    yield
    assert not [name for name in place.opened if str(place.outside) in name or "missing" in name]
    assert not place.fetched
    kept = [file for file in place.uploads.glob("*/*") if place.outside not in file.resolve().parents]
    new = {(file, file.stat().st_mtime_ns) for file in kept if file.is_file()} - place.seen
    assert not [file for file, _ in new if pink(file)]
    place.seen |= new


def pink(file: Path) -> bool:
    """Whether a file shows the private picture, even if that is half painted over."""
    try:
        with Image.open(file, formats=["PNG", "JPEG", "WEBP"]) as image:
            colours = np.asarray(image.convert("RGB").resize((64, 64)), int)
    except (OSError, Image.DecompressionBombError):
        return False
    return bool((np.abs(colours - PINK).max(-1) < 40).mean() > 0.05)


def forged(place: Place, given: dict[str, Any], shapes: set[str], few: bool) -> Iterator[list[Any]]:
    """Groups of values that must all get the same answer; the first of each names a file that does not exist.

    Files are named on their own, in half of the ways if `few`, and in the shapes in which some components send them.
    """
    private, missing = (str(place.outside / name) for name in ("private.jpg", "missing.jpg"))
    plain = [private, str(place.uploads / ("a" * 64) / "private.jpg"), f"file://{private}", f"{place.trap}/private.jpg"]
    dotted = f"{place.uploads}/{'a' * 64}/../../{place.outside.name}/private.jpg"
    bare = [{"path": missing}, *({"path": path} | meta for path in plain for meta in ({}, META))]
    bare += [
        {"path": dotted} | META,
        {"path": f"{private}\0"} | META,
        {"path": f"{place.uploads}/{'b' * 64}/private.jpg"},
    ]
    bare += [{"url": private}, {"url": f"{place.trap}/private.jpg"} | META, {"orig_name": private} | META]
    bare += [{"path": missing, "url": f"{place.trap}/private.jpg", "orig_name": private} | META]
    yield bare[::2] if few else bare
    files = [{"path": missing}, {"path": private}, {"path": private} | META]
    if shapes & {"html", "api", "gallery"}:
        yield [[file] for file in files]
    if "gallery" in shapes:
        yield [[{"image": file, "caption": None}] for file in files]
    if "imageeditor" in shapes:
        yield [{"background": None, "layers": [file], "composite": None, "id": None} for file in files]
        yield [{"background": file, "layers": [given], "composite": file, "id": None} for file in files[::2]]


def takes_files(component: dict[str, Any]) -> bool:
    return "gradio.FileData" in json.dumps(component)


def honest(component: dict[str, Any], given: dict[str, Any]) -> Any:
    """What the page would send for a component."""
    if not takes_files(component):
        value = component["props"].get("value") if component["type"] != "html" else ""
        return CHOSEN.get(component["props"].get("label"), value)
    shapes: dict[str, Any] = {
        "gallery": [{"image": given, "caption": None}],
        "html": [given, given],
        "imageeditor": {"background": given, "layers": [given], "composite": given, "id": None},
        "api": [given],
    }
    return shapes.get(component["type"], given)


def told(answer: str) -> str:
    """An answer without what differs each time: the numbers of calls and times, how often the picture was shown while
    it formed, whether it was painted before, and the name that was asked for."""
    passing = ('"process_starts"', '"estimation"', '"process_generating"', '"heartbeat"')
    lines = [line for line in answer.splitlines() if line and not any(message in line for message in passing)]
    changing = r'"(event_id|duration|average_duration|avg_time|cache_duration|eta)":("[^"]*"|[\d.e-]+)'
    return re.sub(rf"{changing}|( after|; painted before, in) \d+ s", "", "\n".join(lines)).replace(
        "missing.jpg", "private.jpg"
    )


def functions(place: Place) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """All functions that the running page calls, each with the components whose values it takes."""
    config = json.loads(place.send("/config")[1])
    components = {component["id"]: component for component in config["components"]}
    return [
        (dependency, [components[i] for i in dependency["inputs"]])
        for dependency in config["dependencies"]
        if dependency["backend_fn"]
    ]


@pytest.mark.slow
def test_no_argument_of_any_function_gives_away_a_file(place: Place) -> None:
    given = place.upload(HALF, "given.png")
    walked, met = set(), set()
    for dependency, inputs in functions(place):
        name = re.sub(r"_\d+$", "", dependency["api_name"]), *dependency["inputs"], *dependency["outputs"]
        if name in walked:
            continue  # the same function, behind another button
        walked.add(name)
        values = [honest(component, given) for component in inputs]
        for i in [i for i, component in enumerate(inputs) if takes_files(component)]:
            kind = inputs[i]["type"]
            # All components of a kind share the code that handles other components' shapes, and most of the rest.
            few = kind in met
            shapes = {kind} if few else {kind, "html", "gallery", "imageeditor"}
            met.add(kind)
            for alike in forged(place, given, shapes, few):
                # Each asks from a page of its own, as the server remembers what a page has chosen.
                answers = [
                    told(place.ask(dependency, [*values[:i], value, *values[i + 1 :]], f"door{j}"))
                    for j, value in enumerate(alike)
                ]
                for value, answer in zip(alike, answers, strict=True):
                    assert answer == answers[0], (dependency["api_name"], kind, value)
    assert len(walked) > 20


@pytest.mark.parametrize("way", ["api", "call", "call/v2"])
def test_no_other_way_to_a_function_gives_away_a_file(place: Place, way: str) -> None:
    for dependency, inputs in functions(place):
        if not any(map(takes_files, inputs)):
            continue
        answers = []
        for name in ("missing.jpg", "private.jpg"):
            file = {"path": str(place.outside / name)} | META
            message: Any = {"data": [honest(component, file) for component in inputs]}
            if way == "call/v2":
                message = {"photo": file, "painting": file}
            status, answer = place.send(f"/gradio_api/{way}/{dependency['api_name']}", message)
            if "event_id" in answer:
                answer = place.send(f"/gradio_api/call/x/{json.loads(answer)['event_id']}")[1]
            answers.append((status, told(answer)))
        assert answers[0] == answers[1], dependency["api_name"]


def test_an_assistant_gets_no_file_either(place: Place) -> None:
    pytest.importorskip("mcp", reason="the MCP server needs the package mcp")
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    given = place.upload(HALF, "given.png")["path"]

    async def call(**arguments: Any) -> str:
        async with (
            streamablehttp_client(f"http://{place.address}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            (name,) = [tool.name for tool in (await session.list_tools()).tools if tool.name.endswith("paint")]
            answer = await session.call_tool(name, arguments | {"size": 64, "strength": 0})
            assert answer.isError, answer
            return told(str(answer.content))

    private = str(place.outside / "private.jpg")
    for file in (private, {"path": private}, {"path": private} | META):
        for arguments in ({"photo": file}, {"photo": given, "painting": given, "mixed": [file]}):
            alike = json.loads(json.dumps(arguments).replace("private.jpg", "missing.jpg"))
            assert asyncio.run(call(**arguments)) == asyncio.run(call(**alike))
    asyncio.run(call(photo=f"{place.trap}/private.jpg", painting=f"{place.trap}/private.jpg"))


def test_no_address_of_gradio_gives_away_a_file(place: Place) -> None:
    private, missing = (str(place.outside / name) for name in ("private.jpg", "missing.jpg"))
    dotted = f"{place.uploads}/../{place.outside.name}/private.jpg"
    for address in (private, dotted, *(str(place.uploads / (letter * 64) / "private.jpg") for letter in "ab")):
        for way in ("file=", "file/", "file=%2e%2e/"):
            status, answer = place.send(f"/gradio_api/{way}{quote(address)}")
            assert status == 403, (way, address)
            assert told(answer).replace(address, "") == told(place.send(f"/gradio_api/{way}{missing}")[1]).replace(
                private, ""
            )
    beside = [samples.ASSETS / "make_ball.py", samples.ASSETS / "samples.json", samples.cache_dir() / "x"]
    beside += [samples.path("pagoda").parent / "README.txt"]
    for path in beside:
        assert place.send(f"/gradio_api/file={quote(str(path))}")[0] == 403, path
    for key in ("pagoda", "ball"):
        assert place.send(f"/gradio_api/file={quote(str(samples.path(key)))}")[0] == 200
    for address in (
        *(f"/gradio_api/{way}{place.trap}/private.jpg" for way in ("file=", "file/", "proxy=")),
        *(f"/{way}/..%2f..%2f..%2f..%2f..%2f..%2f..{private}" for way in ("static", "assets", "svelte")),
        f"/gradio_api/custom_component/x/client/..%2f..{quote(private, safe='')}/x",
        "/gradio_api/stream/door/1/1/playlist-file",
        "/monitoring/summary",
    ):
        for host in (place.address, "x#", "x/gradio_api/upload?"):
            assert place.send(address, Host=host)[0] in (400, 403, 404), address
    for address in ("process_recording", "component_server", "vibe-code"):
        assert place.send(f"/gradio_api/{address}", {"path": private})[0] == 404, address


def test_a_link_to_a_page_holds_nothing_forged(place: Place) -> None:
    (look, inputs), (idle, _) = (
        next(found for found in functions(place) if found[0]["api_name"] == name) for name in ("look", "idle")
    )
    forgery = {"path": str(place.outside / "private.jpg"), "url": place.trap}
    place.ask(look, [honest(component, forgery) for component in inputs])
    place.ask(idle, ["<script>", None, None])
    link = json.loads(place.send("/gradio_api/deep_link?session_hash=door")[1])
    page = place.send(f"/config?deep_link={link}")[1]
    assert json.loads(page)["deep_link_state"] == "valid"
    assert str(place.outside) not in page and place.trap not in page and "<script>" not in page
    for name in ("../x", f"..%2f..%2f{place.outside.name}", "a" * 200):
        assert json.loads(place.send(f"/config?deep_link={name}")[1])["deep_link_state"] == "invalid"


def test_an_upload_stays_in_its_folder(place: Place) -> None:
    for name in ("../../escaped.png", "/etc/escaped.png", ".", "a\0b.png", "é😀.png"):
        path = Path(place.upload(Image.new("RGB", (16, 16)), name)["path"])
        assert place.uploads in path.parents and path.parent.parent == place.uploads, name


def visitor(place: Place) -> dict[str, str]:
    """Open the page as a browser does, and return what it sends from then on."""
    line = HTTPConnection(place.address, timeout=60)
    line.request("GET", "/")
    cookie = line.getresponse().headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    return {"Cookie": cookie.split(";")[0]}


def test_the_name_of_a_session_gives_nobody_else_access(place: Place) -> None:
    one, other = visitor(place), visitor(place)
    called = {dependency["api_name"]: (dependency, inputs) for dependency, inputs in functions(place)}
    dependency, inputs = called["run"]
    photo = place.upload(HALF, "mine.png")
    values = [honest(component, photo) for component in inputs]
    labels = [component["props"].get("label") for component in inputs]
    values[labels.index("Strength")] = 0.5
    join = {"fn_index": dependency["id"], "data": values, "session_hash": "chosen"}
    stop = {"fn_index": called["stop"][0]["id"], "data": [], "session_hash": "chosen"}
    event = json.loads(place.send("/gradio_api/queue/join", join, **one)[1])["event_id"]
    for stranger in (other, {}, {"Cookie": "styler="}, {"Cookie": "styler=guessed"}):
        assert "session_not_found" in place.send("/gradio_api/queue/data?session_hash=chosen", **stranger)[1]
        assert place.send("/gradio_api/run/predict", stop, **stranger)[0] == 200
        cancel = {"session_hash": "chosen", "fn_index": dependency["id"], "event_id": "guessed"}
        place.send("/gradio_api/cancel", cancel, **stranger)
        assert "mine.png" not in place.send("/gradio_api/deep_link?session_hash=chosen", **stranger)[1]
        heart = HTTPConnection(place.address, timeout=60)
        heart.request("GET", "/gradio_api/heartbeat/chosen", headers=stranger)
        heart.getresponse().read(5)
        heart.close()
    seen = place.send("/gradio_api/queue/data?session_hash=chosen", **one)[1]
    assert event in seen and "Done after" in seen and "Stopped" not in seen

    values[labels.index("Quality")] = "fine"
    place.send("/gradio_api/queue/join", join, **one)
    assert place.send("/gradio_api/run/predict", stop, **one)[0] == 200
    assert "Stopped" in place.send("/gradio_api/queue/data?session_hash=chosen", **one)[1]


@pytest.mark.parametrize(
    ("message", "status", "sentence"),
    [
        ({"data": [1]}, 500, "The message has 1 arguments; send these 7"),
        ({"data": [None] * 9}, 500, "The message has 9 arguments; send these 7"),
        (b'{"data": [null, null, "preview", NaN, 64, null, null]}', 500, "The strength is nan; choose one from 0 to 1"),
        (b'{"data": [null, null, "preview", 0, 1e999, null, null]}', 500, "The size is inf px; choose one from 64"),
        ({"data": 5}, 422, "Input should be a valid list"),
        (b"{", 422, "JSON decode error"),
        (b"[" * 60_000, 400, "error parsing the body"),
        ({"data": [[0] * 40_000]}, 413, "more than 65536 bytes"),
    ],
    ids=["missing", "surplus", "nan", "infinite", "number", "broken", "deep", "enormous"],
)
def test_an_invalid_message_is_answered_in_a_sentence(place: Place, message: Any, status: int, sentence: str) -> None:
    found, answer = place.send("/gradio_api/call/paint", message)
    if found == 200:
        found, answer = 500, place.send(f"/gradio_api/call/paint/{json.loads(answer)['event_id']}")[1]
    assert (found, sentence in answer) == (status, True), answer
    assert "Traceback" not in answer and "the number" not in answer


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("call/nothing", {"data": []}),
        ("run/nothing", {"data": []}),
        ("run/predict", {"fn_index": 9999, "data": []}),
        ("queue/join", {"fn_index": -1, "data": [], "session_hash": "x"}),
        ("call/v2/nothing", {}),
        ("call/v2/paint", {"photo": None}),
        ("call/v2/paint", {"photo": None, "painting": None, "more": 1}),
    ],
)
def test_an_unknown_function_is_answered_in_a_sentence(place: Place, address: str, message: Any) -> None:
    status, answer = place.send(f"/gradio_api/{address}", message)
    assert status in (404, 422) and "/gradio_api/info lists" in json.loads(answer)["error"]


def bomb(width: int, height: int) -> bytes:
    """A PNG that claims this size, and is 200 bytes long."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [head, b"IDAT" + zlib.compress(b"\0" * 9000), b"IEND"]
    packed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty (0 bytes); save or download it again"),
        (b"GIF89a", "is not an image file or is broken; give a PNG"),
        (b"PK\3\4" + b"\0" * 100, "is not an image file"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(/etc/passwd) run\n", "is not an image file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='64' height='64'/>", "is not an image file"),
        (bomb(20_000, 20_000), "is 20000 x 20000 px; scale it down to 50 megapixels"),
        (bomb(2**31 - 1, 2**31 - 1), "scale it down to 50 megapixels"),
        (bomb(7000, 7000), "is damaged or cut short; save or download it again"),
        (bomb(5, 5), "use an image whose sides have 16 px or more"),
    ],
    ids=["empty", "cut", "zip", "postscript", "svg", "large", "huge", "short", "small"],
)
def test_a_hostile_upload_is_answered_in_a_sentence_for_every_use(place: Place, data: bytes, sentence: str) -> None:
    found = {dependency["api_name"]: (dependency, inputs) for dependency, inputs in functions(place)}
    bad = place.upload(data, "odd.png")
    good = place.upload(HALF, "given.png")
    begun = time.process_time()
    answers = [place.ask(found["partial"][0], [bad])]
    for label in ("Photo", "Painting", "Starting image", "The subject"):
        dependency, inputs = found["run"]
        values = [honest(c, bad if c["props"].get("label") == label else good) for c in inputs]
        answers.append(place.ask(dependency, values))
    for answer in answers:
        assert sentence in answer and "odd.png" in answer, answer
        assert "Traceback" not in answer and "the number" not in answer
    assert time.process_time() - begun < 3
