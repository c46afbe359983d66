"""Disabling an account: refused while the person holds something, unless the call says who takes it all."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from slamon.db.audit import AuditEntry
from slamon.db.parties import Organization, Person, Project
from slamon.db.policies import Policy
from slamon.db.requests import CmoRequest
from slamon.services.reports.verify import verify_requests
from slamon.wording.message import MessageKind
from tests.callers import Api
from tests.installation import CMO_LEAD

LEFT = {"status": "disabled", "reason": "Left the company"}


def another(api: Api, kind: str = "people", **more: Any) -> str:
    """The id of one more person at the sponsor, or contact at the CMO."""
    at = {"cmo_id": str(api.installation.cast.cmo)} if kind == "contacts" else {}
    body = {"name": "Nora New", "email": "nora@new.example", "time_zone": "UTC", **at, **more}
    answer = api.admin.post(f"/v1/{kind}", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def held(answer: Any) -> set[tuple[str, str]]:
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (409, "urn:slamon:problem:still-holds"), answer.text
    return {(each["part"], each["name"]) for each in problem["holds"]}


def disable(api: Api, person: object, kind: str = "people", **more: Any) -> Any:
    return api.admin.patch(f"/v1/{kind}/{person}", json={**LEFT, **more})


def stored(api: Api, kind: type[Any], record_id: object) -> Any:
    with api.installation.runtime.db.read() as session:
        return session.get_one(kind, UUID(str(record_id)))


def name_in_a_ladder(api: Api, person: object) -> str:
    step = {"level": "limit", "to": [{"person_id": str(person), "channel": "email"}]}
    clocks = {"answer": {"target": "PT24H", "limit": "PT48H", "mode": "elapsed"}}
    project = str(api.installation.cast.project)
    line = {"name": "For one person", "clocks": clocks, "ladder": [step], "project_id": project}
    answer = api.admin.post("/v1/policies", json=line)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_whoever_holds_something_is_not_disabled_and_the_answer_lists_it(api: Api) -> None:
    cast = api.installation.cast
    api.filed()
    draft = {"type": "inquiry", "subject": "Not yet"}
    assert api.pm.put(f"/v1/drafts/{cast.sponsor}", json=draft).status_code in (200, 201)
    name_in_a_ladder(api, cast.auditor)
    assert held(disable(api, cast.pm)) == {("project_manager", "AUR-101"), ("draft", "inquiry")}
    leads = {("project_lead", "AUR-101"), ("project_lead", "ORI-202"), ("cmo_lead", "Rhein Fill AG")}
    assert held(disable(api, cast.lead)) == leads
    assert held(disable(api, cast.contact, "contacts")) == {("contact", "INQ-2026-000001")}
    assert held(disable(api, cast.backup, "contacts")) == {("backup", "Corinne Contact")}
    assert held(disable(api, cast.auditor)) == {("policy", "For one person")}
    assert stored(api, Person, cast.pm).status == "active"


def test_whoever_holds_nothing_is_disabled_at_once(api: Api) -> None:
    assert disable(api, api.installation.cast.steering).json()["status"] == "disabled"


def test_all_that_a_manager_and_a_lead_hold_is_handed_over_with_an_entry_for_each(any_api: Api) -> None:
    api, cast = any_api, any_api.installation.cast
    draft = {"type": "inquiry", "subject": "Not yet"}
    assert api.pm.put(f"/v1/drafts/{cast.sponsor}", json=draft).status_code in (200, 201)
    line = name_in_a_ladder(api, cast.lead)
    assert api.admin.patch(
        f"/v1/people/{cast.pm}", json={"backup_id": str(cast.lead), "reason": "On leave"}
    ).status_code == 200  # fmt: skip
    new = another(api, roles=["project_manager", "lead"])
    assert disable(api, cast.lead, handed_to=new).status_code == 200
    assert disable(api, cast.pm, handed_to=new).status_code == 200

    project, ladder = stored(api, Project, cast.project), stored(api, Policy, line).ladder
    assert (str(project.pm_id), str(project.lead_id), str(stored(api, Organization, cast.cmo).lead_id)) == (new,) * 3
    assert ladder[0]["to"][0]["person_id"] == new
    with api.installation.runtime.db.read() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.reason == LEFT["reason"])).all()
    changed = [(entry.entity, entry.action) for entry in entries]
    assert changed.count(("project", "change")) == 3
    assert {("organization", "change"), ("policy", "change"), ("draft", "hand_over"), ("person", "change")} <= set(
        changed
    )
    successor = api.caller(UUID(new))
    assert [each["id"] for each in successor.get("/v1/drafts").json()["items"]] == [str(cast.sponsor)]


def test_an_open_request_gets_the_fact_and_the_new_contact_a_link(api: Api) -> None:
    api, cast = api, api.installation.cast
    filed = api.filed()
    assert disable(api, cast.contact, "contacts", handed_to=str(cast.cmo_lead)).status_code == 200
    request = stored(api, CmoRequest, filed["id"])
    assert request.contact_id == cast.cmo_lead
    facts = api.pm.get(f"/v1/requests/{filed['id']}/timeline").json()["facts"]
    handed = [fact for fact in facts if fact["kind"] == "handed_on"]
    assert [(fact["by"]["name"], fact["reason"]) for fact in handed] == [("Ada Admin", "Left the company")]
    api.installation.work()
    assert [message.kind for message in api.installation.email.sent_to(CMO_LEAD)][-1] is MessageKind.FILED
    assert api.installation.email.sent_to(CMO_LEAD)[-1].link
    with api.installation.runtime.read() as tx:
        assert [found for found in verify_requests(tx) if not isinstance(found, int)] == []


def test_terms_already_frozen_that_name_the_person_reach_the_successor(api: Api) -> None:
    cast = api.installation.cast
    name_in_a_ladder(api, cast.auditor)
    api.filed()
    assert disable(api, cast.auditor, handed_to=str(cast.steering)).status_code == 200
    api.installation.clock.advance(hours=49)
    api.installation.work()
    assert api.installation.email.sent_to("steering@sponsor.example", MessageKind.LIMIT)


@pytest.mark.parametrize(
    ("who", "kind", "successor"),
    [
        ("pm", "people", "auditor"),  # may not manage
        ("pm", "people", "contact"),  # of another organization
        ("pm", "people", "pm"),
        ("lead", "people", "pm"),  # may not take an escalation
        ("contact", "contacts", "other_contact"),
    ],
)
def test_nobody_takes_what_they_may_not_do_and_nothing_is_half_handed_over(
    api: Api, who: str, kind: str, successor: str
) -> None:
    api.filed()
    cast = api.installation.cast
    answer = disable(api, getattr(cast, who), kind, handed_to=str(getattr(cast, successor)))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "handed_to"), answer.text
    assert stored(api, Person, getattr(cast, who)).status == "active"
    assert stored(api, Project, cast.project).pm_id == cast.pm


def test_a_contact_of_another_site_does_not_take_the_requests(api: Api) -> None:
    api.filed()
    elsewhere = another(api, "contacts", site_ids=[str(api.installation.cast.second_site)])
    answer = disable(api, api.installation.cast.contact, "contacts", handed_to=elsewhere)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "handed_to")


def test_a_disabled_successor_takes_nothing(api: Api) -> None:
    cast = api.installation.cast
    assert disable(api, cast.steering).status_code == 200
    assert disable(api, cast.pm, handed_to=str(cast.steering)).status_code == 422


def test_naming_a_successor_without_disabling_is_refused(api: Api) -> None:
    cast = api.installation.cast
    body = {"handed_to": str(cast.other_pm), "reason": "On leave"}
    answer = api.admin.patch(f"/v1/people/{cast.pm}", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "handed_to")


def test_what_a_person_backs_up_by_the_successor_leaves_the_successor_without(api: Api) -> None:
    cast = api.installation.cast
    assert disable(api, cast.backup, "contacts", handed_to=str(cast.contact)).status_code == 200
    assert stored(api, Person, cast.contact).backup_id is None


@pytest.mark.parametrize(
    ("path", "values", "field"),
    [
        ("people/{lead}", {"backup_id": "{pm}"}, "backup_id"),  # would be told "Take it" and may not
        ("people/{pm}", {"backup_id": "{auditor}"}, "backup_id"),
        ("people/{quality}", {"backup_id": "{pm}"}, "backup_id"),
        ("people/{pm}", {"backup_id": "{gone}"}, "backup_id"),
        ("contacts/{contact}", {"backup_id": "{other_contact}"}, "backup_id"),
        ("projects/{project}", {"pm_id": "{lead}"}, "pm_id"),
        ("projects/{project}", {"lead_id": "{pm}"}, "lead_id"),
        ("projects/{project}", {"pm_id": "{gone}"}, "pm_id"),
        ("cmos/{cmo}", {"lead_id": "{head}"}, "lead_id"),
        ("cmos/{cmo}", {"lead_id": "{contact}"}, "lead_id"),
    ],
)
def test_only_people_who_may_act_can_be_named(api: Api, path: str, values: dict[str, str], field: str) -> None:
    gone = another(api, roles=["project_manager"])
    assert disable(api, gone).status_code == 200
    ids = {name: str(getattr(api.installation.cast, name)) for name in api.installation.cast.__slots__} | {"gone": gone}
    body = {name: value.format(**ids) for name, value in values.items()}
    answer = api.admin.patch(f"/v1/{path.format(**ids)}", json={**body, "reason": "New"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text
    assert len(answer.json()["errors"][0]["message"].split()) > 5  # says what would do


@pytest.mark.parametrize("person", ["gone", "other_contact"])
def test_a_ladder_names_nobody_who_could_never_be_told(api: Api, person: str) -> None:
    gone = another(api, roles=["steering"])
    assert disable(api, gone).status_code == 200
    person_id = gone if person == "gone" else str(api.installation.cast.other_contact)
    step = {"level": "limit", "to": [{"person_id": person_id, "channel": "email"}]}
    clocks = {"answer": {"target": "PT24H", "limit": "PT48H", "mode": "elapsed"}}
    line = {"name": "For nobody", "clocks": clocks, "ladder": [step], "cmo_id": str(api.installation.cast.cmo)}
    answer = api.admin.post("/v1/policies", json=line)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "ladder.to.person_id")


def test_a_record_that_names_somebody_long_gone_can_still_be_changed(api: Api) -> None:
    cast = api.installation.cast
    with api.installation.runtime.db.write() as session:
        for person in (cast.pm, cast.lead, cast.backup):
            session.get_one(Person, person).status = "disabled"
    changes = {
        f"projects/{cast.project}": {"name": "Auriga 1"},
        f"cmos/{cast.cmo}": {"name": "Rhein Fill SA"},
        f"contacts/{cast.contact}": {"name": "Corinne Contact-Meier"},
    }
    for path, change in changes.items():
        answer = api.admin.patch(f"/v1/{path}", json={**change, "reason": "Renamed"})
        assert answer.status_code == 200, answer.text
