"""What strange clients send: odd encodings, nonsense as headers, halves of requests; and how they are answered."""

import io
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
import uvicorn

from slamon.http.server import DeadlineProtocol
from slamon.logs import configure_logging
from tests.callers import Api
from tests.installation import Installation

Logged = Callable[[], str]
FREE_TEXT = "The kit for arm B is broken"
MULTIPART = "multipart/form-data; boundary=b; charset="
FORM = f'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n{FREE_TEXT} \\N{{x\r\n--b--\r\n'.encode()


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Logged]:
    """What this process has written to its log so far."""
    factory, stream = logging.getLogRecordFactory(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging("info")
    yield stream.getvalue
    structlog.reset_defaults()
    logging.setLogRecordFactory(factory)


@pytest.mark.parametrize(
    ("path", "charset"),
    [
        ("/sign-in", "unicode_escape"),
        ("/sign-in", "utf-16"),
        ("/sign-in", "no-such"),
        ("/sign-in", '"hex"'),
        ("/r/none/ask", "utf-8; charset=utf-7"),
    ],
)
def test_text_in_another_encoding_than_utf_8_is_refused(logged: Logged, api: Api, path: str, charset: str) -> None:
    answer = api.nobody.post(path, content=FORM, headers={"Content-Type": MULTIPART + charset})
    assert answer.status_code == 415, answer.text
    assert FREE_TEXT not in logged()


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/x-www-form-urlencoded", b"text=M%FCller"),
        ("application/x-www-form-urlencoded", b"text=M\xfcller"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nM\xfc\r\n--b--\r\n',
        ),
    ],
)
def test_a_form_that_is_not_utf_8_is_refused_and_never_guessed_at(api: Api, media: str, body: bytes) -> None:
    for path in ("/sign-in", f"/r/{'a' * 43}/ask"):
        refused = api.nobody.post(path, content=body, headers={"Content-Type": media})
        assert refused.status_code == 422, path
        assert "not UTF-8" in refused.text


def test_json_in_another_encoding_than_utf_8_is_refused(api: Api) -> None:
    for headers, body in (
        ({"Content-Type": "application/json; charset=utf-16"}, b"{}"),
        ({"Content-Type": "application/json"}, '{"a": 1}'.encode("utf-16")),
        ({"Content-Type": "application/json"}, '{"a": 1}'.encode("utf-32")),
    ):
        assert api.pm.post("/v1/requests", content=body, headers=headers).status_code in (400, 415)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Origin", "http://["), ("Origin", "\udcff"), ("Host", "["), ("Content-Length", "-1"),
        ("Cookie", "slamon_session=\udcff; =;;"), ("Authorization", "Bearer \udcff"), ("If-Match", '"9' + "9" * 300),
        ("Content-Type", ";;=;charset"), ("X-Forwarded-For", "[, ]"), ("Range", "bytes=9-1,-"),
        ("X-Request-Id", "\udcff"), ("Idempotency-Key", "\udcff"),
    ],
)  # fmt: skip
def test_a_header_that_is_nonsense_is_no_defect(api: Api, header: str, value: str) -> None:
    raw = {header: value.encode("utf-8", "surrogateescape")}
    for method, path in (
        ("GET", "/requests"), ("GET", "/sign-in"), ("POST", "/sign-in"), ("POST", "/r/none/ask"), ("GET", "/r/none"),
        ("GET", "/v1/requests"), ("POST", "/v1/requests"), ("GET", "/static/site.css"), ("GET", "/nowhere"),
    ):  # fmt: skip
        answer = api.nobody.request(method, path, headers=raw, follow_redirects=False)
        assert answer.status_code < 500, (header, value, method, path)


@pytest.mark.parametrize("path", ["/requests/", "/v1/requests/", "/static", "/sign-in/", "/requests", "/"])
def test_no_redirect_leads_to_the_host_that_the_client_names(api: Api, path: str) -> None:
    answer = api.nobody.get(path, headers={"Host": "evil.example"}, follow_redirects=False)
    assert "evil" not in answer.headers.get("location", "")


@pytest.mark.parametrize("path", ["/static/site.css", "/sign-in", "/v1/requests", "/livez", "/nowhere"])
def test_no_answer_may_be_read_as_something_else(api: Api, path: str) -> None:
    assert api.nobody.get(path).headers["x-content-type-options"] == "nosniff"


def test_a_defect_is_logged_without_the_values_it_met(logged: Logged, api: Api) -> None:
    def breaks() -> None:
        try:
            int(FREE_TEXT)
        except ValueError as error:
            raise RuntimeError(f"cannot read {FREE_TEXT}") from error

    api.app.add_api_route("/breaks", breaks)
    assert api.nobody.get("/breaks").status_code == 500
    told = logged()
    assert "test_middleware.py" in told
    assert "ValueError" in told
    assert "RuntimeError" in told
    assert FREE_TEXT not in told


def test_the_database_file_is_for_its_owner_alone(installation: Installation) -> None:
    path = Path(str(installation.runtime.db.url.database))
    assert {each.name: oct(each.stat().st_mode & 0o777) for each in path.parent.glob(f"{path.name}*")} == dict.fromkeys(
        [each.name for each in path.parent.glob(f"{path.name}*")], "0o600"
    )


class Hasty(DeadlineProtocol):
    """The same deadlines, a hundred times shorter."""

    head_seconds, body_seconds, look_seconds, slowest_bytes_per_second = 0.2, 0.3, 0.05, 8_000.0


@contextmanager
def serving(app: Any) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=Hasty, lifespan="off", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


HEAD = b"POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n"


@pytest.mark.parametrize(
    ("sent", "is_answered"),
    [
        (b"", False),
        (b"GET /livez HTTP/1.1\r\nHo", False),
        (b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * 20_000, False),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n\r\n", True),
        (b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nemail=", False),
        (b"POST /sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nemail\r\n", False),
    ],
)
def test_half_a_request_does_not_stay_open_for_ever(logged: Logged, api: Api, sent: bytes, is_answered: bool) -> None:
    with serving(api.app) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        received = b""
        try:
            client.sendall(sent)
            while piece := client.recv(65_536):  # until the server hangs up; 20 seconds of silence fail the test
                received += piece
        except ConnectionError:
            pass
    assert (b" 200 OK" in received) == is_answered
    assert "defect" not in logged()


def test_a_client_that_breaks_off_is_no_defect(logged: Logged, api: Api) -> None:
    key = api.pm.headers["authorization"].encode()
    with serving(api.app) as port:
        for head in (
            HEAD + b"Authorization: " + key + b"\r\nIdempotency-Key: k1\r\n\r\n{",
            b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 1000\r\n\r\nemail=a",
            b"POST /r/none/ask HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: 1000\r\n\r\n--b",
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
                client.sendall(head)
    told = logged()
    assert "client_left" in told or not told
    assert "defect" not in told
    assert "Traceback" not in told
