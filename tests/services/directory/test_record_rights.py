"""What nobody may do for themselves, what is hidden everywhere, and keys made in somebody's name."""

import csv
import io
import threading
from typing import Any
from uuid import UUID, uuid4

import pytest

from slamon.db.parties import Person, Project
from slamon.domain.timeline import SYSTEM
from slamon.errors import Conflict
from slamon.services.directory.records import change, create
from slamon.wording.message import MessageKind
from tests.callers import Api
from tests.installation import ADMIN, LEAD, PM, STEERING, Installation
from tests.pages import Site

WHY = {"reason": "As agreed"}


def changed(caller: Any, path: str, **values: Any) -> Any:
    return caller.patch(path, json={**values, **WHY})


def new_person(installation: Installation, email: str, *roles: str) -> UUID:
    values = {
        "organization_id": installation.cast.sponsor,
        "name": email.partition("@")[0],
        "email": email,
        "roles": list(roles),
    }
    with installation.runtime.write() as tx:
        row = create(tx, Person, {**values, "status": "active"}, by=SYSTEM)
        return row.id


def restrict(installation: Installation, project: UUID) -> None:
    with installation.runtime.write() as tx:
        change(tx, Project, project, {"restricted": True}, by=SYSTEM, reason="secret")


# --- oneself


def test_nobody_changes_their_own_roles_status_or_scope(api: Api) -> None:
    own = f"/v1/people/{api.installation.cast.admin}"
    for values in ({"roles": ["quality"]}, {"status": "disabled"}, {"reads_cmo_ids": [str(api.installation.cast.cmo)]}):
        assert changed(api.admin, own, **values).status_code == 403
    assert changed(api.admin, own, name="Ada A.", roles=["admin"]).status_code == 200  # the same again gives nothing


def test_a_lead_does_not_become_the_lead_of_another_cmo_or_of_a_project_there(api: Api) -> None:
    cast = api.installation.cast
    own = {"lead_id": str(cast.lead)}
    assert changed(api.lead, f"/v1/cmos/{cast.other_cmo}", **own).status_code == 403
    assert api.lead.post("/v1/cmos", json={"name": "Mine", **own}).status_code == 403
    project = {"code": "X", "name": "X", "pm_id": str(cast.pm), **own}
    for cmo_ids in ([str(cast.other_cmo)], [str(cast.cmo), str(cast.other_cmo)], []):
        assert api.lead.post("/v1/projects", json={**project, "cmo_ids": cmo_ids}).status_code == 403
    made = api.lead.post("/v1/projects", json={**project, "cmo_ids": [str(cast.cmo)]})
    assert made.status_code == 201
    path = f"/v1/projects/{made.json()['id']}"
    assert changed(api.lead, path, cmo_ids=[str(cast.cmo), str(cast.other_cmo)]).status_code == 403
    assert changed(api.lead, path, name="Renamed").status_code == 200


def test_a_lead_keeps_nothing_of_a_cmo_they_do_not_lead(api: Api) -> None:
    cast = api.installation.cast
    contact = {"cmo_id": str(cast.other_cmo), "name": "New", "email": "new@other-cmo.example"}
    assert api.lead.post("/v1/contacts", json=contact).status_code == 403
    assert changed(api.lead, f"/v1/contacts/{cast.other_contact}", email="x@other-cmo.example").status_code == 403
    assert changed(api.lead, f"/v1/sites/{cast.other_site}", name="Mine").status_code == 403
    assert changed(api.lead, f"/v1/contacts/{cast.contact}", name="Corinne C.").status_code == 200
    stranger = api.caller(new_person(api.installation, "other-lead@sponsor.example", "lead"))
    assert stranger.post("/v1/requests", json=api.inquiry()).status_code == 403
    assert changed(stranger, f"/v1/projects/{cast.project}", name="Mine").status_code == 403


def test_a_head_who_is_a_lead_too_names_others_and_not_themselves(api: Api) -> None:
    both = new_person(api.installation, "both@sponsor.example", "head", "lead")
    path = f"/v1/cmos/{api.installation.cast.other_cmo}"
    assert changed(api.caller(both), path, lead_id=str(both)).status_code == 403
    assert changed(api.caller(both), path, lead_id=str(api.installation.cast.lead)).status_code == 200
    assert changed(api.caller(both), path, name="Renamed").status_code == 403


def test_who_managed_a_project_once_does_not_act_on_its_requests_any_more(api: Api) -> None:
    path = f"/v1/requests/{api.filed()['id']}/actions/follow_up"
    moved = changed(
        api.admin, f"/v1/projects/{api.installation.cast.project}", pm_id=str(api.installation.cast.other_pm)
    )
    assert moved.status_code == 200
    assert api.pm.post(path, json={"text": "Any news?"}).status_code == 403
    assert api.other_pm.post(path, json={"text": "Any news?"}).status_code == 200


def test_a_deputy_files_and_acts_as_the_manager_they_back_up(api: Api) -> None:
    deputy = new_person(api.installation, "deputy@sponsor.example", "project_manager")
    assert changed(api.admin, f"/v1/people/{api.installation.cast.pm}", backup_id=str(deputy)).status_code == 200
    assert api.caller(deputy).post("/v1/requests", json=api.inquiry()).status_code == 201


def test_the_last_administrator_stays(any_installation: Installation) -> None:
    second = new_person(any_installation, "second-admin@sponsor.example", "admin")
    pair, refused = (any_installation.cast.admin, second), []
    start = threading.Barrier(2)

    def disable(person_id: UUID, values: dict[str, Any]) -> None:
        start.wait()
        try:
            with any_installation.runtime.write() as tx:
                change(tx, Person, person_id, values, by=SYSTEM, reason="leaves")
        except Conflict as conflict:
            refused.append(str(conflict))

    each = zip(pair, ({"status": "disabled"}, {"roles": ["head"]}), strict=True)
    threads = [threading.Thread(target=disable, args=one) for one in each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert "the last administrator" in refused[0]


def test_a_service_account_keeps_no_records_people_or_keys(api: Api) -> None:
    cast, roles = api.installation.cast, ["lead", "head", "quality", "project_manager"]
    body = {"service_name": "Bridge", "service_roles": roles, "scopes": ["read", "file", "act", "admin"]}
    bridge = api.with_key(api.admin.post("/v1/api-keys", json=body).json()["secret"])
    assert changed(bridge, f"/v1/cmos/{cast.other_cmo}", lead_id=str(cast.lead)).status_code == 403
    assert changed(bridge, f"/v1/people/{cast.auditor}", reads_cmo_ids=[str(cast.cmo)]).status_code == 403
    assert changed(bridge, f"/v1/contacts/{cast.contact}", name="X").status_code == 403
    assert bridge.post("/v1/api-keys", json=body).status_code == 403
    assert bridge.get("/v1/api-keys").status_code == 403
    assert bridge.post("/v1/requests", json=api.inquiry()).status_code == 201


# --- keys


def test_owners_are_told_of_keys_in_their_name_and_revoke_them(api: Api) -> None:
    mine = {"person_id": str(api.installation.cast.pm), "scopes": ["read"]}
    made = api.pm.post("/v1/api-keys", json=mine).json()
    api.installation.work()
    [told] = api.installation.email.sent_to(PM, MessageKind.KEY_MADE)
    assert made["secret"] not in str(told)
    assert (told.link or "").endswith("/keys")
    assert "read" in (told.detail or "")
    assert api.lead.post(f"/v1/api-keys/{made['id']}/revoke", json=WHY).status_code == 404
    assert [key["id"] for key in api.lead.get("/v1/api-keys").json()["items"] if key["id"] == made["id"]] == []
    reader = api.with_key(made["secret"])
    assert reader.post(f"/v1/api-keys/{made['id']}/revoke", json=WHY).status_code == 200  # whatever its scopes
    assert reader.get("/v1/requests").status_code == 401


def test_a_key_is_revoked_on_the_page_of_its_owner(installation: Installation) -> None:
    site = Site(installation)
    secret = installation.key(installation.cast.steering)
    staff, other = site.staff(installation.cast.steering), site.staff(installation.cast.pm)
    page = staff.get("/keys")
    assert secret[:12] in page.text
    assert secret[:12] not in other.get("/keys").text
    path = page.text.split('action="/keys/')[1].split('"')[0]
    assert other.post(f"/keys/{path}", reason="not mine").status_code == 404
    assert staff.post(f"/keys/{path}", reason="").status_code == 422
    assert staff.post(f"/keys/{path}", reason="Lost the laptop").status_code == 303
    assert "Revoked" in staff.get("/keys").text


# --- what may not be seen


@pytest.fixture
def hidden(api: Api) -> dict[str, Any]:
    """A data request of a project that is restricted since, and so is nothing to the other manager."""
    items = [{"kind": "coa", "lots": ["A17"]}]
    filed = api.filed(type="data", detail={"purpose": "oversight", "items": items}, cmo_reference="PO-77")
    restrict(api.installation, api.installation.cast.project)
    return filed


def test_a_restricted_project_is_in_no_list_page_or_spreadsheet_of_others(api: Api, hidden: dict[str, Any]) -> None:
    site, cast = Site(api.installation), api.installation.cast
    for part, is_seen in (("pm", True), ("quality", True), ("other_pm", False), ("steering", False), ("admin", False)):
        caller, staff = getattr(api, part), site.staff(getattr(cast, part))
        found = {
            "requests": hidden["id"] in caller.get("/v1/requests").text,
            "projects": str(cast.project) in caller.get("/v1/projects").text,
            "owed": hidden["id"] in caller.get("/v1/owed").text,
            "board": hidden["number"] in staff.get("/requests?tab=all").text,
            "page of what is owed": hidden["number"] in staff.get("/owed").text,
            "spreadsheet": any(hidden["number"] in row for row in csv.reader(io.StringIO(staff.get("/owed.csv").text))),
        }
        assert set(found.values()) == {is_seen}, (part, found)
        assert ("AUR-101" in staff.get("/requests").text) == is_seen


def test_what_is_hidden_counts_nowhere(api: Api, hidden: dict[str, Any]) -> None:
    line = {"name": "Draft", "clocks": {"answer": {"target": "PT1H", "limit": "PT2H"}}, "ladder": []}
    asked = {"policy": line, "filed_from": "2026-01-01T00:00:00Z", "filed_to": "2027-01-01T00:00:00Z"}
    policy = api.admin.post("/v1/policies", json={**line, "cmo_id": str(api.installation.cast.cmo)}).json()["id"]
    for part, count in (("pm", 1), ("steering", 0)):
        caller = getattr(api, part)
        assert caller.post("/v1/policies/what-if", json=asked).json()["looked_at"] == count
        assert caller.get(f"/v1/policies/{policy}/preview").json()["looked_at"] == count


def test_a_hidden_request_is_no_parent_and_no_look_alike(api: Api, hidden: dict[str, Any]) -> None:
    cast = api.installation.cast
    other = api.inquiry(project_id=str(cast.other_project), site_id=str(cast.other_site))
    named = api.other_pm.post("/v1/requests", json={**other, "parent_id": hidden["id"]})
    unknown = api.other_pm.post("/v1/requests", json={**other, "parent_id": str(uuid4())})
    assert named.status_code == unknown.status_code == 422
    assert changed(api.admin, f"/v1/projects/{cast.other_project}", cmo_ids=[str(cast.cmo)]).status_code == 200
    items = {"purpose": "oversight", "items": [{"kind": "coa", "lots": ["A17"]}]}
    same = {**other, "site_id": str(cast.site), "type": "data", "detail": items}
    assert api.other_pm.post("/v1/requests", json=same).status_code == 201
    assert api.quality.post("/v1/requests", json=same).status_code == 409


def test_a_hidden_project_is_unknown_wherever_it_is_named(api: Api, hidden: dict[str, Any]) -> None:
    cast, line = (
        api.installation.cast,
        {"name": "X", "clocks": {"answer": {"target": "PT1H", "limit": "PT2H"}}, "ladder": []},
    )

    def answers(project: str) -> list[tuple[int, str]]:
        where = {"project_id": project, "site_id": str(cast.site)}
        made = [
            api.other_pm.post("/v1/requests", json=api.inquiry(**where)),
            api.other_pm.get("/v1/policies/resolve", params={**where, "type": "inquiry"}),
            api.admin.post("/v1/policies", json={**line, "project_id": project}),
            changed(api.admin, f"/v1/people/{cast.auditor}", reads_project_ids=[project]),
        ]
        return [(each.status_code, str(each.json()["errors"]).replace(project, "it")) for each in made]

    assert answers(str(cast.project)) == answers(str(uuid4()))


def test_an_answer_kept_is_not_given_again_to_who_may_not_read_it_any_more(api: Api) -> None:
    once = {"Idempotency-Key": "order-1"}
    filed = api.pm.post("/v1/requests", json=api.inquiry(), headers=once)
    cast = api.installation.cast
    assert api.pm.post("/v1/requests", json=api.inquiry(), headers=once).json() == filed.json()
    assert changed(api.admin, f"/v1/projects/{cast.project}", pm_id=str(cast.other_pm)).status_code == 200
    restrict(api.installation, cast.project)
    assert api.pm.post("/v1/requests", json=api.inquiry(), headers=once).status_code == 404


def test_messages_about_a_restricted_project_reach_only_who_may_read_it(installation: Installation) -> None:
    restrict(installation, installation.cast.project)
    installation.file()
    for hours in (25, 24, 24, 48):
        installation.clock.advance(hours=hours)
        installation.work()
    addressed = {message.address for message in [*installation.email.sent, *installation.slack.sent]}
    assert {PM, LEAD} <= addressed
    assert not {STEERING, ADMIN, "C0CMOESC"} & addressed


# --- auditors


def test_an_auditor_reads_what_their_scope_names_restricted_or_not(api: Api, hidden: dict[str, Any]) -> None:
    cast, path = api.installation.cast, f"/v1/people/{api.installation.cast.auditor}"
    other = api.inquiry(project_id=str(cast.other_project), site_id=str(cast.other_site))
    foreign = api.quality.post("/v1/requests", json=other).json()["id"]

    def read() -> set[str]:
        return {row["id"] for row in api.auditor.get("/v1/requests?sort=filed").json()["items"]}

    assert read() == {foreign}
    assert changed(api.head, path, reads_project_ids=[str(cast.project)]).status_code == 200
    assert read() == {hidden["id"]}
    assert api.auditor.get(f"/v1/cmos/{cast.cmo}").status_code == 200
    # The administrator does not see that project, and takes nothing away by what they do not name.
    assert changed(api.admin, path, reads_cmo_ids=[str(cast.other_cmo)], reads_project_ids=[]).status_code == 200
    assert api.admin.get(path).json()["reads_project_ids"] == []
    assert read() == {hidden["id"], foreign}
    assert changed(api.lead, path, reads_project_ids=[]).status_code == 403
    assert changed(api.admin, f"/v1/people/{cast.steering}", reads_cmo_ids=[str(cast.cmo)]).status_code == 422


def test_an_auditor_of_a_cmo_reads_its_requests_and_does_nothing(api: Api) -> None:
    cast = api.installation.cast
    who = {"cmo_id": str(cast.cmo), "name": "Aud", "email": "aud@cmo.example", "roles": ["auditor"]}
    auditor = UUID(api.admin.post("/v1/contacts", json=who).json()["id"])
    mine, caller = api.filed(), api.caller(auditor)
    other = api.inquiry(project_id=str(cast.other_project), site_id=str(cast.other_site))
    api.quality.post("/v1/requests", json=other)
    assert [row["id"] for row in caller.get("/v1/requests").json()["items"]] == [mine["id"]]
    assert caller.post(f"/v1/requests/{mine['id']}/actions/acknowledge").status_code == 403
    assert caller.get("/v1/cmos").status_code == 403
    assert api.pm.post("/v1/requests", json=api.inquiry(contact_id=str(auditor))).status_code == 422
