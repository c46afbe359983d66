"""Both stores of files, the S3 one against a small real server; and what a name or a first byte may be."""

import hashlib
import hmac
import io
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from slamon.errors import FileDamaged, Invalid, SlamonError, Unavailable
from slamon.files import FileStore
from slamon.files.disk import DiskStore
from slamon.files.intake import Sent, checked, damage, take_in
from slamon.files.kinds import KINDS, kind_named, proper_name
from slamon.files.s3 import Bucket, S3Store

ACCESS, SECRET = "slamon-tests", "not-a-secret"
CONTENT = b"lot,assay\nA17,99.2\n" * 20_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class S3Server(ThreadingHTTPServer):
    """Speaks enough of S3 to keep objects; refuses what is not signed with our key, as Amazon's does."""

    objects: dict[str, bytes]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: S3Server

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._is_signed(body):
            self.server.objects[self.path] = body
            self._answer(200)

    def do_GET(self) -> None:
        if self._is_signed(b""):
            known = self.path in self.server.objects
            missing = b"<Error><Code>NoSuchKey</Code></Error>"
            self._answer(200 if known else 404, self.server.objects.get(self.path, missing))

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _is_signed(self, body: bytes) -> bool:
        """AWS Signature Version 4, worked out again from what arrived."""
        fields = dict(part.strip().split("=", 1) for part in self.headers["Authorization"].split(" ", 1)[1].split(","))
        _, day, region, service, _ = fields["Credential"].split("/")
        names = fields["SignedHeaders"].split(";")
        headers = "".join(f"{name}:{(self.headers[name] or '').strip()}\n" for name in names)
        told = self.headers["x-amz-content-sha256"]
        canonical = "\n".join((self.command, self.path, "", headers, ";".join(names), told))
        scope = f"{day}/{region}/{service}/aws4_request"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = "\n".join(("AWS4-HMAC-SHA256", self.headers["x-amz-date"], scope, hashed))
        key = f"AWS4{SECRET}".encode()
        for part in (*scope.split("/"), to_sign):
            key = hmac.digest(key, part.encode(), "sha256")
        is_body = told == hashlib.sha256(body).hexdigest()
        if key.hex() == fields["Signature"] and is_body:
            return True
        self._answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        return False

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def s3_server() -> Iterator[S3Server]:
    pytest.importorskip("botocore", reason="the extra s3 is not installed")
    with S3Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def s3_store(server: S3Server, secret: str = SECRET) -> S3Store:
    return S3Store(Bucket("files", "slamon/", server.url, access_key=ACCESS, secret_key=secret))


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    if request.param == "disk":
        return DiskStore(tmp_path / "files")
    return s3_store(request.getfixturevalue("s3_server"))


def sent(store: FileStore, content: bytes = CONTENT, name: str = "assay.csv", media: str = "text/csv") -> str:
    return take_in(store, Sent(name, media), io.BytesIO(content), most_bytes=10_000_000).sha256


def test_what_was_put_comes_back_by_its_digest(store: FileStore) -> None:
    assert sent(store) == sent(store, name="again.csv") == DIGEST
    assert damage(store, DIGEST) is None
    with checked(store, DIGEST) as copy:
        assert copy.read() == CONTENT


def test_what_is_not_there_is_damage_and_no_bytes(store: FileStore) -> None:
    sent(store)
    absent = hashlib.sha256(b"never sent").hexdigest()
    with pytest.raises(FileDamaged):
        checked(store, absent)
    assert damage(store, absent) == "is missing"


def test_a_byte_that_changed_in_the_bucket_is_found(s3_server: S3Server) -> None:
    store = s3_store(s3_server)
    sent(store)
    s3_server.objects[f"/files/slamon/{DIGEST[:2]}/{DIGEST}"] = CONTENT.replace(b"99.2", b"99.9", 1)
    with pytest.raises(FileDamaged):
        checked(store, DIGEST)


def test_a_bucket_that_refuses_our_key_or_is_away_is_unavailable(s3_server: S3Server) -> None:
    with pytest.raises(Unavailable, match="SignatureDoesNotMatch"):
        sent(s3_store(s3_server, secret="another"))
    away = S3Store(Bucket("files", endpoint_url="http://127.0.0.1:9", access_key=ACCESS, secret_key=SECRET))
    with pytest.raises(Unavailable):
        damage(away, DIGEST)


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.config", None)  # as if it were not installed
    with pytest.raises(SlamonError, match=r"slamon\[s3\]"):
        S3Store(Bucket("files"))


def test_a_full_disk_is_told_as_such_and_leaves_no_piece(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "files")
    (tmp_path / "files").write_text("a file where the folder should be")
    with pytest.raises(Unavailable):
        sent(store)


@pytest.mark.parametrize("name", ["a/b.pdf", "..", "../x.pdf", "C:\\x.pdf", "c:x.pdf", ".hidden.pdf", "x\x00.pdf", " ",
                                  "x\n.pdf", "x" * 201, "exe\u202efdp.pdf", "x\ud800.pdf"])  # fmt: skip
def test_a_name_that_could_be_a_path_or_mislead_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        proper_name(name)


@pytest.mark.parametrize("name", ["CoA A17.pdf", "Prüfbericht – Los 3.pdf", "分析報告.pdf", "x" * 200])
def test_names_people_give_are_kept(name: str) -> None:
    assert proper_name(f" {name} ") == name


HEADS: list[tuple[str, bytes]] = [
    ("pdf", b"%PDF-1.7"),
    ("png", b"\x89PNG\r\n\x1a\n"),
    ("jpg", b"\xff\xd8\xff\xe0"),
    ("xlsx", b"PK\x03\x04"),
    ("docx", b"PK\x03\x04"),
    ("csv", b"lot,assay\n"),
    ("csv", "lot;Grösse\n".encode("utf-16")),
    ("txt", b"plain"),
]


@pytest.mark.parametrize(("ending", "head"), HEADS)
def test_each_kind_takes_its_own_first_bytes_and_no_other_kinds(ending: str, head: bytes) -> None:
    begins: Callable[[bytes], bool] = kind_named(f"x.{ending.upper()}", "").begins
    assert begins(head)
    office, text = {"xlsx", "docx"}, {"csv", "txt"}
    alike = next((group for group in (office, text) if ending in group), {ending})
    assert not any(kind.begins(head) for kind in KINDS if not alike & set(kind.endings))


def test_an_office_file_must_be_one_inside(tmp_path: Path) -> None:
    store, package = DiskStore(tmp_path), b"PK\x03\x04" + b"x" * 65_525  # the name stands across two pieces
    sent(store, package + b"xl/workbook.xml", "plan.xlsx", "")
    with pytest.raises(Invalid):
        sent(store, package + b"word/document.xml", "plan.xlsx", "")
