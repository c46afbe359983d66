"""Around every HTTP request: its id, its one log line, its largest body, and the answer to what nobody expected."""

import re

import structlog
from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slamon.db.base import new_id
from slamon.http import problems
from slamon.runtime import Runtime

log = structlog.get_logger()
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
_TEXT_CODECS = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class Middleware:
    """ASGI middleware; the outermost but for the framework's own."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app = app
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else str(new_id())
        request.state.request_id = request_id
        began = self._runtime.clock.monotonic()
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message.get("headers", [])
                if not any(name == _NO_SNIFFING[0] for name, _ in headers):
                    headers = [*headers, _NO_SNIFFING]
                message["headers"] = [*headers, (b"x-request-id", request_id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                if request.method in ("GET", "HEAD"):  # nobody reads a body there
                    await self._app(scope, receive, send_named)
                elif _is_other_text(request):
                    refused = HTTPException(415, "Text is taken as UTF-8 only; leave the charset out, or say utf-8.")
                    await problems.answer(request, refused)(scope, receive, send_named)
                else:
                    await self._app(scope, self._limited(request, receive), send_named)
            except ClientDisconnect:
                log.info("client_left", route=_template(scope))  # before it had sent or read everything: no defect
            except Exception as error:
                log.exception("defect", route=_template(scope))
                if status:
                    raise  # half an answer is out; only breaking off tells the reader
                await problems.answer(request, error)(scope, receive, send_named)
            finally:
                # The template, never the path: /r/<token> is a secret. The query may hold one as well.
                milliseconds = round((self._runtime.clock.monotonic() - began) * 1000, 1)
                log.info("request", method=scope["method"], route=_template(scope), status=status, ms=milliseconds)

    def _limited(self, request: Request, receive: Receive) -> Receive:
        """Refuse a body that is too large, by what it says of itself or, sent in chunks, once it has grown too large.

        Raised from within the application's own reading, so that it is answered like every other error. A route that
        knows its caller may lay another `body_limit` on the request before it reads.
        """
        request.state.body_limit = self._runtime.settings.request_limit_bytes
        announced = request.headers.get("content-length", "")
        seen = int(announced) if announced.isascii() and announced.isdigit() and len(announced) < 19 else 0
        counted = 0

        async def receive_limited() -> Message:
            nonlocal counted
            most: int = request.state.body_limit
            if seen <= most:
                message = await receive()
                counted += len(message.get("body", b""))
                if counted <= most:
                    return message
            raise HTTPException(413, f"The body is larger than {most:,} bytes.", {"Connection": "close"})

        return receive_limited


def _is_other_text(request: Request) -> bool:
    """Whether a charset is named that a parser would read the body by; a codec of the sender's choice never does."""
    charset = parse_options_header(request.headers.get("content-type", ""))[1].get(b"charset")
    return charset is not None and charset.lower() not in _TEXT_CODECS


def _template(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "unmatched")
