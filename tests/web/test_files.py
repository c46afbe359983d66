"""Files on the pages: sent with an answer or by themselves, listed, fetched, and refused with a reason."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from slamon.db.attachments import Attachment
from slamon.db.requests import CmoRequest
from slamon.files.disk import DiskStore
from slamon.services.requests.queries import facts_of
from tests.pages import Site, Staff, text_of

PDF = b"%PDF-1.7\nassay 99.2 %\n"
FILE = ("CoA A17.pdf", PDF, "application/pdf")


@pytest.fixture
def asked(site: Site) -> CmoRequest:
    return site.installation.file()


@pytest.fixture
def path(site: Site, asked: CmoRequest) -> str:
    return site.link(asked.id)


def kept(site: Site) -> list[Attachment]:
    with site.installation.runtime.db.read() as session:
        return list(session.scalars(select(Attachment).order_by(Attachment.id)))


def said(site: Site, asked: CmoRequest) -> list[dict[str, Any]]:
    with site.installation.runtime.db.read() as session:
        return [fact.content for fact in facts_of(session, asked.id)][1:]


def upload(staff: Staff, request_id: UUID, **fields: str) -> Any:
    return staff.client.post(
        f"/requests/{request_id}/files", files={"file": FILE}, data={"csrf": staff.csrf(), **fields}
    )


def test_a_contact_sends_a_file_with_the_answer_and_both_are_one_act(site: Site, asked: CmoRequest, path: str) -> None:
    for _ in range(2):  # the same form sent twice counts once
        sent = site.visitor.post(f"{path}/answer", data={"text": "Here it is."}, files={"file": FILE})
        assert sent.status_code == 303, sent.text
    (file,), (answer,) = kept(site), said(site, asked)
    assert (answer["text"], answer["attachments"][0]["id"]) == ("Here it is.", str(file.id))
    assert (file.via, file.uploaded_by_name) == ("web_form", "Corinne Contact")
    assert "CoA A17.pdf 22 Bytes" in text_of(site.visitor.get(path))


def test_an_answer_without_a_file_is_an_answer(site: Site, asked: CmoRequest, path: str) -> None:
    empty = {"file": ("", b"", "application/octet-stream")}  # what a browser sends where none was chosen
    assert site.visitor.post(f"{path}/answer", data={"text": "Yes"}, files=empty).status_code == 303
    assert (kept(site), said(site, asked)) == ([], [{"text": "Yes", "items": [{"item": 1, "status": "supplied"}]}])


def test_a_file_by_itself_appears_and_changes_no_clock(site: Site, asked: CmoRequest, path: str) -> None:
    before = text_of(site.visitor.get(path))
    sent = site.visitor.post(f"{path}/files", files={"file": FILE})
    page = text_of(site.visitor.get(sent.headers["location"]))
    assert "Thank you. Your file was sent" in page
    assert "Corinne Contact sent a file CoA A17.pdf" in page
    assert before.partition("Received")[0].split("Please")[1] in page
    assert said(site, asked) == []


def test_files_are_fetched_through_the_link_and_by_staff(site: Site, asked: CmoRequest, path: str) -> None:
    site.visitor.post(f"{path}/files", files={"file": FILE})
    (file,) = kept(site)
    pages: list[tuple[Any, str]] = [
        (site.visitor, f"{path}/files/{file.id}"),
        (site.staff(site.installation.cast.auditor), f"/requests/{asked.id}/files/{file.id}"),
    ]
    for reader, address in pages:
        fetched = reader.get(address)
        assert fetched.content == PDF
        assert fetched.headers["content-disposition"].startswith("attachment;")
        assert fetched.headers["x-content-type-options"] == "nosniff"


def test_a_link_fetches_no_other_requests_files(site: Site, asked: CmoRequest, path: str) -> None:
    site.visitor.post(f"{path}/files", files={"file": FILE})
    (file,) = kept(site)
    others = site.link(site.installation.file(subject="Something else").id)
    foreign = site.link(asked.id, site.installation.cast.other_contact)
    for link in (others, foreign):
        assert site.visitor.get(f"{link}/files/{file.id}").status_code == 404
    assert site.visitor.post(f"{foreign}/files", files={"file": FILE}).status_code == 404
    assert len(kept(site)) == 1


@pytest.mark.parametrize("form", ["files", "answer"])
def test_a_refused_file_comes_back_with_the_reason_and_what_was_typed(
    site: Site, asked: CmoRequest, path: str, form: str
) -> None:
    page = site.visitor.post(
        f"{path}/{form}", data={"text": "Two hours of work"}, files={"file": ("a.exe", b"MZ", "application/pdf")}
    )
    assert page.status_code == 422
    assert "The file is of a type that is not taken; send one of pdf" in text_of(page)
    assert ("Two hours of work" in page.text) == (form == "answer")
    assert (kept(site), said(site, asked)) == ([], [])


def test_a_file_alone_is_an_answer_where_it_is_sent_as_one(site: Site, asked: CmoRequest, path: str) -> None:
    assert site.visitor.post(f"{path}/answer", data={"text": " "}, files={"file": FILE}).status_code == 303
    assert [file["name"] for file in said(site, asked)[0]["attachments"]] == [FILE[0]]


def test_an_answer_that_is_refused_takes_its_file_along(site: Site, asked: CmoRequest, path: str) -> None:
    refused = site.visitor.post(f"{path}/answer", data={"text": "x" * 10_001}, files={"file": FILE})
    assert refused.status_code == 422
    assert (kept(site), said(site, asked)) == ([], [])


def test_a_file_that_is_too_large_is_refused_before_and_after_it_was_read(site: Site, path: str) -> None:
    site.installation.runtime.settings.attachment_max_megabytes = 1
    for beyond, status in ((1, 422), (1_000_000, 413)):
        large = ("large.pdf", PDF.ljust(1_000_000 + beyond), "application/pdf")
        assert site.visitor.post(f"{path}/files", files={"file": large}).status_code == status
    assert kept(site) == []


def test_two_files_at_once_are_not_taken(site: Site, asked: CmoRequest, path: str) -> None:
    page = site.visitor.post(f"{path}/answer", data={"text": "Yes"}, files=[("file", FILE), ("file", FILE)])
    assert page.status_code == 422
    assert (kept(site), said(site, asked)) == ([], [])


def test_a_link_that_opens_nothing_takes_no_file(site: Site, path: str) -> None:
    large = ("large.pdf", PDF.ljust(2_000_000), "application/pdf")
    site.installation.clock.advance_real(days=15)
    assert site.visitor.post("/r/unknown/files", files={"file": large}).status_code == 413
    assert site.visitor.post(f"{path}/files", files={"file": FILE}).status_code == 410
    store = site.installation.runtime.files
    assert isinstance(store, DiskStore)
    assert not list(store.incoming.iterdir())
    assert kept(site) == []


def test_staff_add_a_file_that_both_sides_see(site: Site, asked: CmoRequest, path: str) -> None:
    staff = site.staff(site.installation.cast.pm)
    assert upload(staff, asked.id).headers["location"] == f"/requests/{asked.id}?done=file"
    page = text_of(staff.get(f"/requests/{asked.id}?done=file"))
    assert "The file was added." in page
    assert "Petra Manager sent a file CoA A17.pdf" in page
    assert "Petra Manager (Auriga Bio) sent a file CoA A17.pdf" in text_of(site.visitor.get(path))


def test_staff_send_files_only_with_their_own_form_and_role(site: Site, asked: CmoRequest) -> None:
    assert upload(site.staff(site.installation.cast.pm), asked.id, csrf="forged").status_code == 403
    assert upload(site.staff(site.installation.cast.auditor), asked.id).status_code == 403
    staff = site.staff(site.installation.cast.pm)
    nothing = staff.client.post(f"/requests/{asked.id}/files", data={"csrf": staff.csrf()})
    assert nothing.status_code == 422
    assert "The file is missing; choose one first" in text_of(nothing)
    assert kept(site) == []
