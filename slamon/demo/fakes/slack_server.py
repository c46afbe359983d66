"""A small server that speaks Slack's Web API, for demo and tests. In memory, safe from any thread.

It keeps Slack's manners where our channel depends on them: bearer token, `ok: false` inside a 200, top-level
posts in `conversations.history` and replies in `conversations.replies`, metadata only when asked for, newest
first, cursors. Faults are scripted in advance and used up one a call.
"""

import json
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.datastructures import Address
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

# A server may put a callable under this name into the scope; it cuts the connection without an answer.
DROP_CONNECTION = "slamon.drop_connection"
AFTER_ACCEPT = "_after_accept"


@dataclass(frozen=True, slots=True)
class Post:
    """One accepted chat.postMessage. `key` is the notification's own, from the metadata."""

    ts: str
    channel: str
    text: str
    blocks: tuple[Mapping[str, object], ...]
    metadata: Mapping[str, object]
    thread_ts: str | None
    arrived_at: datetime

    @property
    def key(self) -> str | None:
        payload = self.metadata.get("event_payload")
        return payload.get("key") if isinstance(payload, Mapping) else None


@dataclass(slots=True)
class SlackServer:
    """The workspace. `app` is the ASGI application; mount it and point the channel at `<mount>/api/`.

    `posts` is every accepted post in order of arrival, `calls` every authorised method call, `connections` the
    addresses they came from, one a connection. `token` may be changed at any time: calls with another one get
    `invalid_auth`.
    """

    clock: Callable[[], datetime]
    token: str = "xoxb-demo"  # noqa: S105  names nobody; the server holds play messages only
    posts: list[Post] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    connections: set[Address | None] = field(default_factory=set)
    _faults: dict[str, deque[str]] = field(default_factory=dict)
    _last_ts: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/api/{method}", self._answer, methods=["POST", "GET"])])

    def script(self, faults: list[str], *, method: str = "chat.postMessage") -> None:
        """Answer the next calls of `method` so, one fault a call; afterwards all is well again.

        `429:30` (Retry-After), `500` or any status, `html`, `broken_json`, `error:channel_not_found`, `drop`,
        `timeout`, and `ok` for a call that goes well; each except `ok` also with `_after_accept`: then the
        post is stored first (`drop_after_accept`).
        """
        with self._lock:
            self._faults.setdefault(method, deque()).extend(faults)

    def forget(self) -> None:
        """Start anew: no posts, no calls, no faults."""
        with self._lock:
            self.posts.clear()
            self.calls.clear()
            self.connections.clear()
            self._faults.clear()

    def in_channel(self, channel: str) -> list[Post]:
        """The posts of one channel, oldest first, replies included."""
        with self._lock:
            return [post for post in self.posts if post.channel == channel]

    async def _answer(self, request: Request) -> Response:
        method = request.path_params["method"]
        arguments = await _arguments(request)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _failed("invalid_auth")
        with self._lock:
            self.calls.append(method)
            self.connections.add(request.client)
            queue = self._faults.get(method)
            fault = queue.popleft() if queue else "ok"
        if fault == "ok":
            return self._perform(method, arguments)
        if fault.endswith(AFTER_ACCEPT):
            self._perform(method, arguments)
        return _misbehave(fault.removesuffix(AFTER_ACCEPT))

    def _perform(self, method: str, arguments: Mapping[str, object]) -> Response:
        match method:
            case "auth.test":
                return JSONResponse({"ok": True, "team": "Demo", "user": "slamon", "bot_id": "B0SLAMON"})
            case "chat.postMessage":
                return self._post(arguments)
            case "conversations.open":
                return JSONResponse({"ok": True, "channel": {"id": f"D{str(arguments.get('users', ''))[1:]}"}})
            case "conversations.history" | "conversations.replies":
                return self._list(arguments, thread_ts=_text(arguments, "ts"))
            case _:
                return _failed("unknown_method")

    def _post(self, arguments: Mapping[str, object]) -> Response:
        channel, text = _text(arguments, "channel"), _text(arguments, "text")
        if not channel:
            return _failed("channel_not_found")
        if not text:
            return _failed("no_text")
        blocks, metadata = _parsed(arguments.get("blocks")), _parsed(arguments.get("metadata"))
        with self._lock:
            now = self.clock()
            # Slack's ts is unique in a channel: seconds with a running microsecond part.
            self._last_ts = max(self._last_ts + 1, int(now.timestamp() * 1_000_000))
            post = Post(
                ts=f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}",
                channel=channel,
                text=text,
                blocks=tuple(blocks) if isinstance(blocks, list) else (),
                metadata=metadata if isinstance(metadata, dict) else {},
                thread_ts=_text(arguments, "thread_ts") or None,
                arrived_at=now,
            )
            self.posts.append(post)
        return JSONResponse(
            {"ok": True, "channel": channel, "ts": post.ts, "message": _shown(post, with_metadata=True)}
        )

    def _list(self, arguments: Mapping[str, object], thread_ts: str) -> Response:
        oldest = float(_text(arguments, "oldest") or 0)
        limit = int(_text(arguments, "limit") or 100)
        start = int(_text(arguments, "cursor") or 0)
        posts = self.in_channel(_text(arguments, "channel"))
        if thread_ts:
            replies = [post for post in posts if post.thread_ts == thread_ts and float(post.ts) > oldest]
            found = [post for post in posts if post.ts == thread_ts] + replies
            if not found:
                return _failed("thread_not_found")
        else:
            found = [post for post in reversed(posts) if not post.thread_ts and float(post.ts) > oldest]
        with_metadata = _text(arguments, "include_all_metadata").lower() in {"1", "true"}
        has_more = len(found) > start + limit
        page: dict[str, object] = {
            "ok": True,
            "messages": [_shown(post, with_metadata=with_metadata) for post in found[start : start + limit]],
            "has_more": has_more,
            "response_metadata": {"next_cursor": str(start + limit) if has_more else ""},
        }
        return JSONResponse(page)


class _Dropped(Response):
    """No answer: the connection is cut, or where the server offers no way to cut it, the answer is."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cut: Callable[[], None] | None = scope.get(DROP_CONNECTION)
        if cut is None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"512")]})
            await send({"type": "http.response.body", "body": b"{", "more_body": True})
            return
        cut()
        await _gone(receive)


class _Silent(Response):
    """No answer until the caller hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _gone(receive)


async def _gone(receive: Callable[[], Awaitable[Mapping[str, object]]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _misbehave(fault: str) -> Response:
    name, _, value = fault.partition(":")
    match name:
        case "429":
            return JSONResponse({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": value or "1"})
        case "error":
            return _failed(value)
        case "html":
            return HTMLResponse("<!doctype html><title>Sign in to the network</title>")
        case "broken_json":
            return PlainTextResponse('{"ok": tr', media_type="application/json")
        case "drop":
            return _Dropped()
        case "timeout":
            return _Silent()
        case _:
            return PlainTextResponse("Server trouble", int(name))


def _failed(error: str) -> Response:
    return JSONResponse({"ok": False, "error": error})


def _shown(post: Post, *, with_metadata: bool) -> dict[str, object]:
    shown: dict[str, object] = {
        "type": "message",
        "bot_id": "B0SLAMON",
        "ts": post.ts,
        "text": post.text,
        "blocks": list(post.blocks),
    }
    if post.thread_ts:
        shown["thread_ts"] = post.thread_ts
    if with_metadata and post.metadata:
        shown["metadata"] = dict(post.metadata)
    return shown


async def _arguments(request: Request) -> dict[str, object]:
    """Query, form or JSON: the SDK uses all three."""
    arguments: dict[str, object] = dict(request.query_params)
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        sent = json.loads(body or b"{}")
        arguments.update(sent if isinstance(sent, dict) else {})
    else:
        arguments.update(parse_qsl(body.decode()))
    return arguments


def _text(arguments: Mapping[str, object], name: str) -> str:
    value = arguments.get(name)
    return "" if value is None else str(value)


def _parsed(value: object) -> object:
    return json.loads(value) if isinstance(value, str) and value else value
