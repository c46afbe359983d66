"""Files of a request over the API: what is taken and refused, who reads them, and one that went bad on disk."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from slamon.db.attachments import Attachment
from slamon.db.audit import AuditEntry
from slamon.domain.lifecycle import Action
from slamon.domain.scopes import Scope
from slamon.files.disk import DiskStore
from slamon.wording.message import MessageKind
from tests.callers import Api
from tests.installation import ADMIN

PDF = b"%PDF-1.7\nassay 99.2 %\n"
SHA = hashlib.sha256(PDF).hexdigest()


@pytest.fixture
def path(api: Api) -> str:
    return f"/v1/requests/{api.filed()['id']}/attachments"


def send(caller: Any, path: str, content: bytes = PDF, name: str = "CoA A17.pdf", media: str = "application/pdf",
         headers: dict[str, str] | None = None, **fields: str) -> Any:  # fmt: skip
    return caller.post(path, files={"file": (name, content, media)}, data=fields, headers=headers or {})


def blobs(api: Api) -> list[Path]:
    store = api.installation.runtime.files
    assert isinstance(store, DiskStore)
    return [found for found in store.incoming.parent.rglob("*") if found.is_file()]


def rows(api: Api) -> list[Attachment]:
    with api.installation.runtime.db.read() as session:
        return list(session.scalars(select(Attachment)))


def test_a_file_is_stored_listed_and_comes_back_as_it_was(any_api: Api) -> None:
    path = f"/v1/requests/{any_api.filed()['id']}/attachments"
    sent = send(any_api.contact, path, size=str(len(PDF)), sha256=SHA.upper())
    assert sent.status_code == 201, sent.text
    told = sent.json()
    assert (told["name"], told["media_type"], told["size"], told["sha256"]) == (
        "CoA A17.pdf", "application/pdf", len(PDF), SHA
    )  # fmt: skip
    assert (told["uploaded_by"]["name"], told["via"]) == ("Corinne Contact", "api")
    assert any_api.pm.get(path).json() == {"items": [told]}
    fetched = any_api.pm.get(sent.headers["location"])
    assert fetched.content == PDF
    assert fetched.headers["content-type"] == "application/pdf"
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert fetched.headers["content-disposition"] == (
        "attachment; filename=\"CoA A17.pdf\"; filename*=UTF-8''CoA%20A17.pdf"
    )


def test_the_same_bytes_are_kept_once_and_the_same_file_counts_once(api: Api, path: str) -> None:
    first = send(api.contact, path)
    again, renamed = send(api.contact, path), send(api.contact, path, name="copy.pdf")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert renamed.status_code == 201
    assert [blob.name for blob in blobs(api)] == [SHA]


def test_a_call_repeated_with_its_key_gets_the_first_answer(api: Api, path: str) -> None:
    key = {"Idempotency-Key": "upload-1"}
    first = send(api.contact, path, headers=key)
    again = send(api.contact, path, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert send(api.contact, path, b"%PDF-other", headers=key).status_code == 422


@pytest.mark.parametrize(
    ("content", "name", "media", "fields"),
    [
        (b"MZ\x90\x00", "setup.exe", "application/octet-stream", {}),
        (b"<html>", "page.html", "text/html", {}),
        (PDF, "CoA.pdf", "text/html", {}),
        (b"MZ\x90\x00 not a pdf", "CoA.pdf", "application/pdf", {}),
        (PDF, "CoA.csv", "text/csv", {}),
        (b"a,b\x00\n", "CoA.csv", "text/csv", {}),
        (b"PK\x03\x04 any archive", "CoA.xlsx", "application/octet-stream", {}),
        (b"", "CoA.pdf", "application/pdf", {}),
        (PDF, "../CoA.pdf", "application/pdf", {}),
        (PDF, "C:\\CoA.pdf", "application/pdf", {}),
        (PDF, ".CoA.pdf", "application/pdf", {}),
        (PDF, "x" * 197 + ".pdf", "application/pdf", {}),
        (PDF, "CoA.pdf", "application/pdf", {"size": "3"}),
        (PDF, "CoA.pdf", "application/pdf", {"size": "many"}),
        (PDF, "CoA.pdf", "application/pdf", {"sha256": "0" * 64}),
        (PDF, "CoA.pdf", "application/pdf", {"sha256": "short"}),
        (PDF, "CoA.pdf", "application/pdf", {"note": "not asked for"}),
    ],
)
def test_what_cannot_be_taken_is_refused_by_name_and_leaves_nothing(
    api: Api, path: str, content: bytes, name: str, media: str, fields: dict[str, str]
) -> None:
    refused = send(api.contact, path, content, name, media, **fields)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["field"] in ("file", *fields)
    assert (blobs(api), rows(api)) == ([], [])


def test_a_body_that_is_no_form_is_refused(api: Api, path: str) -> None:
    assert api.contact.post(path, json={"file": "x"}).status_code == 415
    broken = api.contact.post(path, content=b"nonsense", headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert broken.status_code == 422
    assert api.contact.post(path, data={"size": "3"}, files={"other": ("a.pdf", PDF)}).status_code == 422


@pytest.mark.parametrize("beyond", [1, 1_000_000])  # found while it is copied; announced by the body's length
def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(api: Api, path: str, beyond: int) -> None:
    api.installation.runtime.settings.attachment_max_megabytes = 1
    refused = send(api.contact, path, PDF.ljust(1_000_000 + beyond))
    assert (refused.status_code, refused.json()["type"]) == (413, "urn:slamon:problem:too-large")
    assert (blobs(api), rows(api)) == ([], [])
    assert send(api.contact, path, PDF.ljust(1_000_000)).status_code == 201


def test_nobody_outside_reads_or_sends_files(api: Api, path: str) -> None:
    location = send(api.contact, path).headers["location"]
    for stranger in (api.other_contact, api.nobody):
        wanted = 401 if stranger is api.nobody else 404
        assert stranger.get(path).status_code == wanted
        assert stranger.get(location).status_code == wanted
        assert send(stranger, path).status_code == wanted
    other = f"/v1/requests/{api.filed()['id']}/attachments"
    assert api.pm.get(f"{other}/{location.rpartition('/')[2]}").status_code == 404


def test_who_may_not_act_may_read_but_not_send(api: Api, path: str) -> None:
    location = send(api.contact, path).headers["location"]
    assert api.auditor.get(location).content == PDF
    assert send(api.auditor, path, name="mine.pdf").status_code == 403
    assert send(api.caller(api.installation.cast.pm, Scope.READ), path, name="mine.pdf").status_code == 403
    assert len(rows(api)) == 1


def test_a_closed_request_takes_no_files_but_shows_those_it_has(api: Api) -> None:
    filed = api.filed()
    path = f"/v1/requests/{filed['id']}/attachments"
    location = send(api.contact, path).headers["location"]
    assert api.pm.post(f"/v1/requests/{filed['id']}/actions/cancel", json={"reason": "Done"}).status_code == 200
    assert send(api.pm, path, name="late.pdf").status_code == 409
    assert api.contact.get(location).content == PDF


def test_a_flipped_byte_is_never_handed_out_and_stands_in_the_trail(api: Api) -> None:
    location = send(api.contact, f"/v1/requests/{api.filed()['id']}/attachments").headers["location"]
    (blob,) = blobs(api)
    blob.write_bytes(PDF.replace(b"99.2", b"99.9"))
    refused = api.pm.get(location)
    assert (refused.status_code, refused.json()["type"]) == (500, "urn:slamon:problem:file-damaged")
    assert b"99.9" not in refused.content
    with api.installation.runtime.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "file_damaged")).one()
    assert (entry.entity_id, entry.new and entry.new["sha256"]) == (location.rpartition("/")[2], SHA)
    api.installation.work()
    assert len(api.installation.email.sent_to(ADMIN, MessageKind.ALARM)) == 1


def test_a_lost_file_is_an_incident_and_a_store_that_is_away_is_none(api: Api, path: str) -> None:
    location = send(api.contact, path).headers["location"]
    store = blobs(api)[0].parent.parent
    store.rename(store.with_name("elsewhere"))
    assert api.pm.get(location).status_code == 503
    store.with_name("elsewhere").rename(store)
    blobs(api)[0].unlink()
    assert api.pm.get(location).status_code == 500
    assert send(api.contact, path).status_code == 200  # the same bytes mend it
    assert api.pm.get(location).content == PDF


def test_an_act_names_the_files_that_belong_to_it(api: Api) -> None:
    request = f"/v1/requests/{api.filed()['id']}"
    told = send(api.contact, f"{request}/attachments").json()
    answer = {"text": "Here it is.", "attachments": [told["id"]]}
    for _ in range(2):  # saying it again is harmless
        assert api.contact.post(f"{request}/actions/answer", json=answer).status_code == 200
    facts = api.pm.get(f"{request}/timeline").json()["facts"]
    assert [fact["content"].get("attachments") for fact in facts] == [
        None,
        [{"id": told["id"], "name": "CoA A17.pdf", "size": len(PDF), "sha256": SHA}],
    ]


def test_an_act_cannot_name_the_file_of_another_request(api: Api, path: str) -> None:
    told, other = send(api.contact, path).json(), api.installation.file()
    answer = {"text": "Here it is.", "attachments": [told["id"]]}
    refused = api.contact.post(f"/v1/requests/{other.id}/actions/{Action.ANSWER}", json=answer)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "attachments")


@pytest.mark.parametrize("attack", ["UPDATE attachment SET name = 'other.pdf'", "DELETE FROM attachment"])
def test_an_attachment_cannot_be_replaced_or_removed(any_api: Api, attack: str) -> None:
    send(any_api.contact, f"/v1/requests/{any_api.filed()['id']}/attachments")
    with pytest.raises(DBAPIError, match="append-only"), any_api.installation.runtime.db.write() as session:
        session.execute(text(attack))
