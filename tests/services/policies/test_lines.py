"""A policy line changed through HTTP: from when the change counts, and what stays of what the line said before."""

from typing import Any

import pytest
from sqlalchemy import select

from slamon.db.audit import AuditEntry
from slamon.db.policies import Policy
from tests.callers import Api
from tests.installation import START

WIDER = {"acknowledgement": {"target": "PT30H", "limit": "PT60H"}}
WHY = {"reason": "Agreed in the business review"}


def shipped(api: Api) -> dict[str, Any]:
    """The line an installation begins with."""
    found: dict[str, Any] = api.admin.get("/v1/policies?limit=1").json()["items"][0]
    return found


def changed(api: Api, line: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = api.admin.patch(f"/v1/policies/{line['id']}", json={**WHY, **changes})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def former(api: Api, line: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.pm.get(f"/v1/policies?former_of={line['id']}").json()["items"]
    return found


def test_a_changed_line_counts_from_now_and_what_it_said_until_then_stays(any_api: Api) -> None:
    api, line, before = any_api, shipped(any_api), any_api.filed()
    api.installation.clock.advance(hours=1)
    new = changed(api, line, clocks=WIDER)
    [old] = former(api, line)
    assert (new["id"], new["version"], new["effective_from"]) == (line["id"], 2, "2026-03-02T10:00:00Z")
    dates = {"effective_to": new["effective_from"], "former_of": line["id"]}
    own = {name: old[name] for name in ("id", "created_at", "created_by")}
    assert old == {**line, **own, **dates}

    assert len(before["clocks"]) > 1
    assert [clock["limit_at"] for clock in api.filed()["clocks"]] == ["2026-03-04T22:00:00Z"]
    assert api.admin.get(f"/v1/policies/{line['id']}/preview").json()["looked_at"] == 2
    assert api.admin.get(f"/v1/policies/{old['id']}/preview").json()["looked_at"] == 0
    with api.installation.runtime.db.read() as session:
        told = session.scalars(select(AuditEntry).order_by(AuditEntry.sequence.desc()).limit(2)).all()
    assert [(entry.action, entry.entity_id, entry.reason) for entry in told] == [
        ("change", line["id"], WHY["reason"]),
        ("set_aside", old["id"], WHY["reason"]),
    ]


def test_what_is_said_again_corrected_within_a_second_or_not_yet_in_force_leaves_nothing(api: Api) -> None:
    api, line = api, shipped(api)
    settable = {name: line[name] for name in line if name not in ("id", "created_at", "created_by", "version")}
    del settable["former_of"]
    assert changed(api, line, **settable)["effective_from"] == line["effective_from"]
    changed(api, line, name="The usual", review_due_on="2027-01-15", effective_to="2030-01-01T00:00:00Z")
    assert former(api, line) == []
    api.installation.clock.advance(milliseconds=300)
    changed(api, line, clocks={"answer": WIDER["acknowledgement"]})
    api.installation.clock.advance(milliseconds=300)
    assert changed(api, line, clocks=WIDER)["effective_from"] == "2026-03-02T09:00:00.300000Z"
    assert [old["clocks"] for old in former(api, line)] == [line["clocks"]]

    body = {"name": "From May", "type": "data", "clocks": WIDER, "ladder": [], "effective_from": "2026-05-01T00:00:00Z"}
    ahead = api.admin.post("/v1/policies", json=body).json()
    assert changed(api, ahead, type="inquiry")["effective_from"] == body["effective_from"]
    assert former(api, ahead) == []


@pytest.mark.parametrize("since", ["2024-01-01T00:00:00Z", "2026-05-01T00:00:00Z"])
def test_a_change_may_say_itself_since_when_it_counts(api: Api, since: str) -> None:
    line = shipped(api)
    assert changed(api, line, clocks=WIDER, effective_from=since)["effective_from"] == since
    [old] = former(api, line)
    assert (old["effective_from"], old["effective_to"]) == (line["effective_from"], since)
    limits = [clock["limit_at"] for clock in api.filed()["clocks"]]
    assert ("2026-03-04T21:00:00Z" in limits) == (since < START.isoformat())


def test_what_a_line_that_has_ended_said_is_not_changed_from_now_on(api: Api) -> None:
    line = shipped(api)
    changed(api, line, effective_to="2026-03-01T00:00:00Z")
    refused = api.admin.patch(f"/v1/policies/{line['id']}", json={**WHY, "clocks": WIDER})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "effective_to")
    assert changed(api, line, clocks=WIDER, effective_to=None)["effective_from"] == "2026-03-02T09:00:00Z"
    assert [old["effective_to"] for old in former(api, line)] == ["2026-03-01T00:00:00Z"]


def test_a_line_stored_before_it_would_have_been_refused_can_still_be_ended(api: Api) -> None:
    never = {"type": "data", "clocks": {"order_confirmation": WIDER["acknowledgement"]}, "ladder": []}
    with api.installation.runtime.db.write() as session:
        since = {"effective_from": START, "created_at": START, "created_by": "long ago"}
        session.add(line := Policy(name="Never runs", **never, **since))
    ended = {"id": line.id}
    assert changed(api, ended, effective_to="2026-03-05T00:00:00Z")["version"] == 2
    refused = api.admin.patch(f"/v1/policies/{line.id}", json={**WHY, "priority": "urgent"})
    assert refused.json()["errors"][0]["message"].startswith("order_confirmation never runs for a request of type data")
