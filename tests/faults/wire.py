"""A wire to PostgreSQL that a test cuts at the worst moment: around a COMMIT, or a statement that commits by itself."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum

from sqlalchemy import make_url

# The results of a message and a filing are one statement each, which commits by itself.
COMMITS = (b"COMMIT\x00", b"INSERT INTO attempt", b"WITH counter AS")


class Loss(StrEnum):
    COMMIT = "the server never hears of it"
    ANSWER = "the server has done it and cannot say so"


class Wire:
    """Carries every connection to the server. Set `loses`, and the next commit is the end of its connection."""

    def __init__(self, listener: socket.socket, server: tuple[str, int]) -> None:
        self.loses: Loss | None = None
        self._listener, self._server = listener, server

    def serve(self) -> None:
        """Accept connections until the listener is closed."""
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._server)
                for carry in (self._carry_there, self._carry_back):
                    threading.Thread(target=carry, args=(near, far), daemon=True).start()

    def _carry_there(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while said := near.recv(65536):
                loses, self.loses = (self.loses, None) if any(end in said for end in COMMITS) else (None, self.loses)
                if loses is Loss.COMMIT:
                    break
                if loses is Loss.ANSWER:
                    near.shutdown(socket.SHUT_WR)  # what comes back finds nobody
                far.sendall(said)
        _hang_up(far)

    def _carry_back(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while said := far.recv(65536):
                near.sendall(said)
        _hang_up(near)


@contextmanager
def wire_to(database_url: str) -> Iterator[tuple[Wire, str]]:
    """A wire to the server of this database, and the database's URL at its near end."""
    url = make_url(database_url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = Wire(listener, (url.host or "127.0.0.1", url.port or 5432))
        threading.Thread(target=wire.serve, daemon=True).start()
        try:
            yield wire, url.set(host="127.0.0.1", port=listener.getsockname()[1]).render_as_string(hide_password=False)
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes `serve`


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
