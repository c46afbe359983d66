"""Shutdowns through HTTP: announced by the CMO, decided on by its lead, and what they mean for deadlines."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from slamon.db.audit import AuditEntry
from tests.callers import Api
from tests.services.policies.test_calendars import MAKE_UP, change_calendar, limit_of, working_hours

# Filed on Thursday 5 March, 24 open hours end on Monday the 9th; with these days closed, on Wednesday the 11th.
CARNIVAL = {"first_day": "2026-03-06", "last_day": "2026-03-09", "name": "Carnival", "announced_by": "C. Contact"}
AS_IT_WAS, AFTER_CARNIVAL = "2026-03-09T13:00:00Z", "2026-03-11T13:00:00Z"
WHY = {"reason": "Foreseen by the agreement"}


def on_thursday(api: Api) -> None:
    working_hours(api, "PT16H", "PT24H")
    api.installation.clock.advance(days=3)


def announced(api: Api, **differing: Any) -> dict[str, Any]:
    answer = api.pm.post(f"/v1/sites/{api.installation.cast.site}/shutdowns", json={**CARNIVAL, **differing})
    assert answer.status_code == 201, answer.text
    shutdown: dict[str, Any] = answer.json()
    return shutdown


def test_an_agreed_shutdown_closes_its_days_for_requests_filed_later_and_for_no_other(any_api: Api) -> None:
    on_thursday(any_api)
    before = any_api.filed()
    shutdown = announced(any_api)
    agreed = any_api.lead.post(f"/v1/shutdowns/{shutdown['id']}/agree", json=WHY).json()
    assert (agreed["status"], agreed["decided_by"]) == ("agreed", str(any_api.installation.cast.lead))
    later = any_api.filed()
    assert limit_of(later) == AFTER_CARNIVAL
    assert limit_of(any_api.pm.get(f"/v1/requests/{before['id']}").json()) == limit_of(before) == AS_IT_WAS
    told = any_api.pm.get(f"/v1/requests/{later['id']}/clocks/answer/explain").json()
    assert "Carnival" in [part["name"] for part in told["parts"] if part["kind"] == "holiday"]


def test_a_shutdown_that_is_only_announced_or_was_refused_closes_nothing(api: Api) -> None:
    on_thursday(api)
    shutdown = announced(api)
    assert limit_of(api.filed()) == AS_IT_WAS
    assert api.lead.post(f"/v1/shutdowns/{shutdown['id']}/refuse", json=WHY).json()["status"] == "refused"
    assert limit_of(api.filed()) == AS_IT_WAS


def test_a_shutdown_of_one_site_leaves_other_sites_with_the_same_calendar_open(api: Api) -> None:
    cast = api.installation.cast
    working_hours(api, "PT16H", "PT24H")
    share = {"calendar_id": str(cast.calendar), "reason": "Same week"}
    assert api.admin.patch(f"/v1/sites/{cast.second_site}", json=share).status_code == 200
    shutdown = api.pm.post(f"/v1/sites/{cast.second_site}/shutdowns", json=CARNIVAL).json()
    assert api.lead.post(f"/v1/shutdowns/{shutdown['id']}/agree", json=WHY).status_code == 200
    api.installation.clock.advance(days=3)
    assert limit_of(api.filed()) == AS_IT_WAS


def test_a_shutdown_wins_over_an_opening_day(api: Api) -> None:
    on_thursday(api)
    change_calendar(api, opening_days=[MAKE_UP])
    shutdown = announced(api)
    assert api.lead.post(f"/v1/shutdowns/{shutdown['id']}/agree", json=WHY).status_code == 200
    assert limit_of(api.filed()) == AFTER_CARNIVAL


def test_announcing_tells_which_deadlines_of_open_requests_would_move(api: Api) -> None:
    on_thursday(api)
    moved, answered, elsewhere = api.filed(), api.filed(), str(api.installation.cast.second_site)
    api.contact.post(f"/v1/requests/{answered['id']}/actions/answer", json={"text": "Yes."})
    api.filed(site_id=elsewhere)
    shutdown = announced(api)
    assert shutdown["preview"]["moved"] == [
        {
            "request_id": moved["id"],
            "number": moved["number"],
            "clock": "answer",
            "target_before": "2026-03-06T15:00:00Z",
            "target_after": "2026-03-10T15:00:00Z",
            "limit_before": AS_IT_WAS,
            "limit_after": AFTER_CARNIVAL,
            "breaches_at_once": False,
        }
    ]
    assert api.pm.get(f"/v1/shutdowns/{shutdown['id']}/preview").json() == shutdown["preview"]


def test_a_preview_shows_nothing_where_the_days_are_closed_already_or_every_hour_counts(api: Api) -> None:
    api.filed()  # under the default policy
    shutdown = announced(api)
    api.lead.post(f"/v1/shutdowns/{shutdown['id']}/agree", json=WHY)
    on_thursday(api)
    api.filed()
    found = api.pm.get(f"/v1/shutdowns/{shutdown['id']}/preview").json()
    assert found == {"in_scope": 2, "looked_at": 1, "moved": [], "next_cursor": None}


@pytest.mark.parametrize("who", ["pm", "contact"])
def test_nobody_but_the_lead_of_the_cmo_decides(api: Api, who: str) -> None:
    shutdown = announced(api)
    assert getattr(api, who).post(f"/v1/shutdowns/{shutdown['id']}/agree", json=WHY).status_code == 403


def test_the_lead_of_another_cmo_does_not_decide(api: Api) -> None:
    shutdown = announced(api)
    api.admin.patch(f"/v1/cmos/{api.installation.cast.cmo}", json={"lead_id": None, "reason": "Left the alliance"})
    assert api.lead.post(f"/v1/shutdowns/{shutdown['id']}/refuse", json=WHY).status_code == 403


def test_who_backs_up_the_lead_decides_as_well(api: Api) -> None:
    shutdown = announced(api)
    deputy = {"name": "Dora Deputy", "email": "deputy@sponsor.example", "roles": ["lead"]}
    backup = UUID(api.admin.post("/v1/people", json=deputy).json()["id"])
    path = f"/v1/shutdowns/{shutdown['id']}/agree"
    assert api.caller(backup).post(path, json=WHY).status_code == 403
    api.admin.patch(f"/v1/people/{api.installation.cast.lead}", json={"backup_id": str(backup), "reason": "On leave"})
    assert api.caller(backup).post(path, json=WHY).json()["decided_by"] == str(backup)


def test_a_decision_keeps_the_first_word_until_the_opposite_is_said(api: Api) -> None:
    path = f"/v1/shutdowns/{announced(api)['id']}"
    first = api.lead.post(f"{path}/agree", json=WHY).json()
    assert api.lead.post(f"{path}/agree", json={"reason": "Again"}).json() == first
    stale = api.lead.post(f"{path}/refuse", json=WHY, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["current_version"]) == (412, 2)
    withdrawn = api.lead.post(f"{path}/refuse", json={"reason": "Called off"}).json()
    assert (withdrawn["status"], withdrawn["reason"], withdrawn["version"]) == ("refused", "Called off", 3)
    assert api.pm.get(f"/v1/sites/{api.installation.cast.site}/shutdowns").json()["items"] == [withdrawn]


def test_the_trail_keeps_who_announced_and_who_agreed_and_why(api: Api) -> None:
    shutdown = announced(api)
    api.lead.post(f"/v1/shutdowns/{shutdown['id']}/agree", json=WHY)
    with api.installation.runtime.db.read() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.entity_id == shutdown["id"]).order_by(AuditEntry.sequence)
        ).all()
    assert [(e.action, e.by_role, e.reason) for e in entries] == [
        ("announce", "project_manager", None),
        ("agree", "lead", WHY["reason"]),
    ]


@pytest.mark.parametrize(
    ("days", "field"),
    [
        ({"last_day": None}, "last_day"),
        ({"last_day": "2026-03-05"}, "last_day"),
        ({"last_day": "2026-05-07"}, "last_day"),  # the 63rd day
        ({"first_day": "2026-02-23", "last_day": "2026-03-01"}, "last_day"),
        ({"announced_at": "2026-03-02T09:00:01Z"}, "announced_at"),
    ],
)
def test_days_that_cannot_be_are_refused(api: Api, days: dict[str, Any], field: str) -> None:
    answer = api.pm.post(f"/v1/sites/{api.installation.cast.site}/shutdowns", json={**CARNIVAL, **days})
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])


def test_a_site_that_never_closes_announces_no_shutdown(api: Api) -> None:
    answer = api.pm.post(f"/v1/sites/{api.installation.cast.second_site}/shutdowns", json=CARNIVAL)
    assert (answer.status_code, "open all the time" in answer.json()["detail"]) == (409, True)


def test_shutdowns_may_not_close_a_site_for_a_year(api: Api) -> None:
    firsts = [date(2026, 3, 2) + timedelta(days=62 * n) for n in range(6)]
    ids = [announced(api, first_day=str(day), last_day=str(day + timedelta(days=61)))["id"] for day in firsts]
    answers = [api.lead.post(f"/v1/shutdowns/{one}/agree", json=WHY).status_code for one in ids]
    assert answers == [200, 200, 200, 200, 200, 409]
    assert api.pm.get(f"/v1/shutdowns/{ids[-1]}").json()["status"] == "announced"
