"""Runs the HTTP application under uvicorn, with a deadline on everything a client sends."""

import asyncio
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from slamon.config import Settings

STOP_SECONDS = 4


class DeadlineProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, for clients that send at a fair pace; uvicorn waits for the others for ever.

    A head must be there, and small enough, within `head_seconds`. A body gets `body_seconds`, and longer only for as
    long as it keeps to `slowest_bytes_per_second` on average. Time in which the application does not read counts for
    neither. Who is slower is cut off.
    """

    head_seconds = 20.0
    head_bytes = 64 * 1024
    body_seconds = 30.0
    slowest_bytes_per_second = 8_000.0
    look_seconds = 5.0  # between two looks at a body

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._head_received = 0
        self._body_received = 0
        self._body_waited = 0.0
        self._is_in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        is_head = not self._is_in_body
        if is_head and self._timer is None:
            self._wait_for_head()
        super().data_received(data)
        if is_head and not self._is_in_body and self._timer is not None:
            self._head_received += len(data)
            if self._head_received > self.head_bytes:
                self._cut_off()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._stop_waiting()
        self._is_in_body, self._body_received, self._body_waited = True, 0, 0.0
        self._timer = self.loop.call_later(self.look_seconds, self._look_at_body)

    def on_body(self, body: bytes) -> None:
        self._body_received += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._stop_waiting()
        super().on_message_complete()

    def _wait_for_head(self) -> None:
        self._head_received = 0
        self._timer = self.loop.call_later(self.head_seconds, self._cut_off)

    def _look_at_body(self) -> None:
        if not self.flow.read_paused:
            self._body_waited += self.look_seconds
        if self._body_waited > self.body_seconds + self._body_received / self.slowest_bytes_per_second:
            self._cut_off()
        else:
            self._timer = self.loop.call_later(self.look_seconds, self._look_at_body)

    def _stop_waiting(self) -> None:
        self._is_in_body = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut_off(self) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.close()


def run_server(app: FastAPI, settings: Settings, *, host: str, port: int) -> None:
    """Serve until stopped. One process: in embedded mode the broker lives in its memory."""
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=DeadlineProtocol,
        log_level="warning",
        access_log=False,  # paths of form links are secrets; the API writes its own line without them
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=STOP_SECONDS,
        server_header=False,
    )
