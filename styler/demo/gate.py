"""A filter on requests: it limits their size, closes routes that the page does not need, and keeps visitors apart.

Browsers choose the names of their sessions, and Gradio gives a session's results to anyone who sends its name. So each
name is combined here with a secret that the browser got from the server as a cookie. The same name from another browser
is then another session.
"""

import hashlib
import json
import re
import secrets
from urllib.parse import parse_qsl, urlencode

from gradio.route_utils import FnIndexInferError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "styler"
NAMES = {"session_hash", "upload_id"}  # a browser's names for its session and for an upload that it watches
HEARTBEAT = re.compile("(?<=/gradio_api/heartbeat/).+")
# Gradio's routes that the page does not use: they fetch URLs, run programs on files, or keep what they are sent.
CLOSED = re.compile(
    "/gradio_api/(file[=/]https?:|proxy=|process_recording|component_server|stream/|custom_component/|vibe)|/monitoring"
)
MB = 1 << 20
MOST = {"/gradio_api/upload": 121 * MB, "/gradio_api/mcp": 32 * MB}  # four files of 30 MB; pictures as text
LIMIT = 64 << 10  # bytes that any other message may have; the page's own have a few thousand


def gate(app: ASGIApp) -> ASGIApp:
    """Put the filter in front of a server."""

    async def enter(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        request = Request(scope, receive)
        path, visitor = scope["path"], request.cookies.get(COOKIE, "")  # not `request.url`, which contains Host
        begun, came = False, 0
        most = next((most for way, most in MOST.items() if way in path), LIMIT)

        async def refuse(status: int, sentence: str) -> None:
            if not begun:
                await JSONResponse({"error": sentence}, status)(scope, receive, send)

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            return message if came <= most else {"type": "http.disconnect"}

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message["headers"], *([] if visitor else welcome(request, message))]
            await send(message)

        try:
            if CLOSED.search(path):
                return await refuse(404, "There is nothing at this address; open the page itself.")
            here = dict(scope) | {
                "path": HEARTBEAT.sub(lambda found: own(visitor, found[0]), path),
                "query_string": own_query(scope["query_string"].decode("latin-1"), visitor),
            }
            if request.method != "POST" or most > LIMIT:
                return await app(here, counted, answer)
            body = own_body(await Request(scope, counted).body(), visitor)
            await app(here, replayed(body, receive), answer)
        except ClientDisconnect:
            if came > most:
                await refuse(413, f"The message has more than {most} bytes; send less.")
        except RuntimeError as error:
            if not isinstance(error.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body"})  # Gradio has already answered that there is no such session
        except (FnIndexInferError, KeyError):
            await refuse(404, "There is no such function; /gradio_api/info lists them.")
        except TypeError as error:
            if "/call/v2/" not in path:
                raise
            await refuse(422, f"{str(error).split('. ')[0]}; /gradio_api/info lists the arguments.")

    return enter


def own(visitor: str, name: str) -> str:
    """Return the name that the server uses in place of a visitor's name for a session or an upload."""
    return hashlib.sha256(f"{visitor} {name}".encode(errors="replace")).hexdigest()[:32]


def own_query(text: str, visitor: str) -> bytes:
    """Return a query with its names replaced by the visitor's own; see `own`."""
    pairs = parse_qsl(text, keep_blank_values=True)
    return urlencode([(key, own(visitor, value) if key in NAMES else value) for key, value in pairs]).encode()


def own_body(body: bytes, visitor: str) -> bytes:
    """Return a message's body with its names replaced; see `own`. What is not JSON is left for Gradio to refuse."""
    try:
        said = json.loads(body)
    except (RecursionError, ValueError):
        return body
    if not isinstance(said, dict):
        return body
    mine = {key: own(visitor, said[key]) for key in NAMES & said.keys() if isinstance(said[key], str)}
    return json.dumps(said | mine).encode() if mine else body


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that repeats a body already read, and then passes on whatever follows it."""
    left = [body]

    async def again() -> Message:
        return {"type": "http.request", "body": left.pop()} if left else await receive()

    return again


def welcome(request: Request, answer: Message) -> list[tuple[bytes, bytes]]:
    """Return the header that gives a new visitor a secret, if the answer is a page."""
    if not dict(answer["headers"]).get(b"content-type", b"").startswith(b"text/html"):
        return []
    encrypted = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
    shared = "SameSite=None; Secure; Partitioned" if encrypted else "SameSite=Lax"  # allows frames, as on Spaces
    return [(b"set-cookie", f"{COOKIE}={secrets.token_urlsafe(24)}; Path=/; HttpOnly; {shared}".encode())]
