"""Kept connections to one HTTP server. A call is made once; whoever makes it judges what a broken one means."""

import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage, HTTPSConnection
from select import POLLIN, poll
from urllib.error import URLError
from urllib.parse import urlsplit

MOST_KEPT = 8
KEPT_SECONDS = 4.0  # many servers close a connection after five seconds of silence


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    reason: str
    headers: HTTPMessage
    body: bytes


@dataclass(slots=True)
class HttpConnectionPool:
    """Posts to the server of `url` over connections kept for a few seconds; safe from any thread.

    `timeout` in seconds bounds each wait for the network, `monotonic` is a clock in seconds. `tls` is needed for https.
    """

    url: str
    timeout: float
    tls: ssl.SSLContext | None
    monotonic: Callable[[], float]
    _kept: list[tuple[HTTPConnection, float]] = field(default_factory=list)  # the one used last stands last
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def post(self, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """The answer, whatever its status; redirects are not followed.

        As from urllib, URLError is raised for what fails while connecting and writing. OSError and HTTPException mean
        that the server may have the whole request.
        """
        connection = self._take()
        try:
            try:
                connection.request("POST", path, body, dict(headers))
            except OSError as err:
                raise URLError(err) from err
            response = connection.getresponse()
            answer = Answer(response.status, response.reason, response.headers, response.read())
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._keep(connection)
        return answer

    def _take(self) -> HTTPConnection:
        """A connection for this call alone: one used a moment ago that the server has not closed, or a new one."""
        oldest = self.monotonic() - KEPT_SECONDS
        with self._lock:
            stale = [connection for connection, used_at in self._kept if used_at < oldest]
            self._kept = [kept for kept in self._kept if kept[1] >= oldest]
            found = self._kept.pop()[0] if self._kept else None
        for connection in stale:
            connection.close()
        if found is not None and not _is_open(found):
            found.close()
            found = None
        return found or self._new()

    def _new(self) -> HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme == "https":
            return HTTPSConnection(parts.hostname or "", parts.port, timeout=self.timeout, context=self.tls)
        return HTTPConnection(parts.hostname or "", parts.port, timeout=self.timeout)

    def _keep(self, connection: HTTPConnection) -> None:
        with self._lock:
            has_room = len(self._kept) < MOST_KEPT
            if has_room:
                self._kept.append((connection, self.monotonic()))
        if not has_room:
            connection.close()


def _is_open(connection: HTTPConnection) -> bool:
    """Whether the server has not closed it: an idle connection has nothing to read but its end."""
    socket = poll()
    socket.register(connection.sock.fileno(), POLLIN)
    return not socket.poll(0)
