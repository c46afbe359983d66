"""Small real servers for tests, each on a free port: Slack's Web API on uvicorn, and the demo's mailbox."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from slamon.demo.fakes.mailbox import Mailbox
from slamon.demo.fakes.slack_server import DROP_CONNECTION, SlackServer

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TOKEN = "xoxb-test"


def at_noon() -> datetime:
    """A clock that stands still."""
    return NOON


class CuttableProtocol(AutoHTTPProtocol):
    """HTTP that lets the application cut the connection, which ASGI has no word for."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        app = self.app

        async def cuttable(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, DROP_CONNECTION: transport.abort}, receive, send)

        self.app = cuttable


@contextmanager
def running_slack(
    clock: Callable[[], datetime] = at_noon, *, certificate: Path | None = None
) -> Iterator[tuple[SlackServer, str]]:
    """A workspace and the base URL of its Web API; with a certificate for `localhost` and its key, by https."""
    slack = SlackServer(clock, token=TOKEN)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sets it on its own sockets only
        config = uvicorn.Config(
            slack.app,
            http=CuttableProtocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=certificate,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            origin = "https://localhost" if certificate else "http://127.0.0.1"
            yield slack, f"{origin}:{listener.getsockname()[1]}/api/"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def running_mailbox(
    clock: Callable[[], datetime] = at_noon,
    *,
    login: tuple[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Mailbox]:
    """A mail server that keeps what it is given; its `url` says never to use STARTTLS."""
    with Mailbox(clock, login=login, tls=tls) as mailbox:
        yield mailbox


def closed_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
