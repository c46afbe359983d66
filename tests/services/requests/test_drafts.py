"""Drafts through HTTP: written bit by bit, filed once or discarded, seen by their author alone."""

from uuid import uuid4

import pytest
from sqlalchemy import select

from slamon.db.audit import AuditEntry
from tests.callers import Api
from tests.installation import CONTACT


def begun(api: Api) -> str:
    """The path of a draft of the project manager that lacks its questions."""
    path = f"/v1/drafts/{uuid4()}"
    content = {**api.inquiry(), "detail": {"category": "technical"}}
    assert api.pm.put(path, json=content).status_code == 200
    return path


def test_a_draft_tells_nobody_and_is_filed_once_it_is_whole(any_api: Api) -> None:
    path = begun(any_api)
    any_api.installation.work()
    assert not any_api.installation.email.sent_to(CONTACT)
    refused = any_api.pm.post(f"{path}/file")
    assert (refused.status_code, [e["field"] for e in refused.json()["errors"]]) == (422, ["detail.questions"])

    draft = any_api.pm.get(path).json()
    whole = {**draft["content"], "detail": {"category": "technical", "questions": ["Which line?"]}}
    saved = any_api.pm.put(path, json=whole, headers={"If-Match": '"1"'})
    assert saved.json()["version"] == 2
    again = {"Idempotency-Key": "file-it"}
    filed = any_api.pm.post(f"{path}/file", headers=again)
    assert (filed.status_code, filed.json()["state"]) == (201, "filed")
    assert any_api.pm.post(f"{path}/file", headers=again).json()["number"] == filed.json()["number"]
    assert any_api.pm.get(path).status_code == 404
    any_api.installation.work()
    assert len(any_api.installation.email.sent_to(CONTACT)) == 1


def test_a_discarded_draft_is_gone_and_the_trail_keeps_what_it_said(api: Api) -> None:
    path = begun(api)
    said = api.pm.get(path).json()
    assert api.pm.post(f"{path}/discard").json()["content"] == said["content"]
    assert api.pm.get("/v1/drafts").json() == {"items": []}
    with api.installation.runtime.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.entity == "draft")).one()
        assert (entry.action, entry.entity_id, entry.old) == ("discard", said["id"], said["content"])


def test_a_draft_may_hold_any_text(api: Api) -> None:
    said = {"type": "data", "description": "A NUL is written \\u0000"}
    assert api.pm.put(f"/v1/drafts/{uuid4()}", json=said).json()["content"] == said


def test_a_draft_is_its_authors_alone(api: Api) -> None:
    path = begun(api)
    for stranger in (api.lead, api.other_pm):
        assert stranger.get(path).status_code == 404
        assert stranger.put(path, json={"type": "data"}).status_code == 404
        assert stranger.post(f"{path}/file").status_code == 404
        assert stranger.post(f"{path}/discard").status_code == 404
        assert stranger.get("/v1/drafts").json() == {"items": []}
    for no_filer in (api.contact, api.auditor, api.admin):
        assert no_filer.get("/v1/drafts").status_code == 403
    assert api.pm.get(path).json()["version"] == 1


def test_of_two_windows_with_the_same_draft_the_second_is_told(api: Api) -> None:
    path, seen = begun(api), {"If-Match": '"1"'}
    assert api.pm.put(path, json={"type": "data", "subject": "From the office"}, headers=seen).status_code == 200
    late = api.pm.put(path, json={"type": "data", "subject": "From the train"}, headers=seen)
    assert (late.status_code, late.json()["current_version"]) == (412, 2)
    assert api.pm.post(f"{path}/file", headers=seen).status_code == 412
    assert api.pm.get(path).json()["content"]["subject"] == "From the office"


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b'{"subject": "Of which type?"}', "type"),
        (b'{"type": "data", "colour": "red"}', "colour"),
        (b'{"type": "data", "project_id": "mine"}', "project_id"),
        (b'{"type": "data", "detail": {"purpose": "\\ud800"}}', "detail"),
        (b'{"type": "data", "detail": {"purpose": "\\u0000"}}', "detail"),
        (b'{"type": "data", "subject": "%s"}' % (b"x" * 100_001), "detail"),
        (b'{"type": "data", "detail": %s1%s}' % (b'{"a": ' * 400, b"}" * 400), "detail"),
    ],
)
def test_what_no_draft_can_hold_is_refused_by_name(api: Api, content: bytes, field: str) -> None:
    refused = api.pm.put(f"/v1/drafts/{uuid4()}", content=content, headers={"Content-Type": "application/json"})
    assert refused.status_code == 422, refused.text
    assert field in {error["field"].split(".")[0] for error in refused.json()["errors"]}
    assert api.pm.get("/v1/drafts").json() == {"items": []}
