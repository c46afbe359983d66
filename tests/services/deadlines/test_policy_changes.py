"""Other terms applied to open requests, through HTTP: seen before, done once, written into each request."""

from typing import Any

from slamon.services.reports.verify import Difference, verify_requests
from slamon.wording.message import MessageKind
from tests.callers import Api
from tests.installation import HEAD, LEAD
from tests.services.deadlines.test_shutdowns import AFTER_CARNIVAL, AS_IT_WAS, WHY, announced, on_thursday
from tests.services.policies.test_calendars import change_calendar


def tighter_line(api: Api, limit: str = "PT4H") -> str:
    """A narrower line than the shipped one, for requests to Basel; its id."""
    line = {
        "name": "Basel, tighter",
        "site_id": str(api.installation.cast.site),
        "clocks": {kind: {"target": "PT2H", "limit": limit} for kind in ("acknowledgement", "answer")},
        "ladder": [{"level": "limit", "to": [{"channel": "email", "role": "lead"}]}],
    }
    return str(api.admin.post("/v1/policies", json=line).json()["id"])


def limits(api: Api, request: dict[str, Any]) -> dict[str, str]:
    return {c["kind"]: c["limit_at"] for c in api.pm.get(f"/v1/requests/{request['id']}").json()["clocks"]}


def is_sound(api: Api) -> bool:
    with api.installation.runtime.read() as tx:
        return not [f for f in verify_requests(tx) if isinstance(f, Difference)]


def test_a_tighter_line_is_seen_first_then_applied_and_breaches_at_once_what_it_leaves_behind(any_api: Api) -> None:
    api, before = any_api, any_api.filed()
    api.installation.clock.advance(hours=1)
    api.contact.post(f"/v1/requests/{before['id']}/actions/acknowledge")
    api.installation.clock.advance(hours=9)
    policy = tighter_line(api)
    assert limits(api, before)["answer"] == "2026-03-04T09:00:00Z"  # a new line alone moves nothing

    [moved] = api.pm.get(f"/v1/policies/{policy}/preview").json()["moved"]
    assert (moved["clock"], moved["limit_after"], moved["breaches_at_once"]) == ("answer", "2026-03-02T13:00:00Z", True)
    assert api.pm.post(f"/v1/policies/{policy}/apply", json=WHY).status_code == 403
    assert api.admin.post(f"/v1/policies/{policy}/apply", json=WHY).json() == {"requests": 1}
    assert api.admin.post(f"/v1/policies/{policy}/apply", json=WHY).json() == {"requests": 0}  # once is enough

    assert limits(api, before) == {"acknowledgement": "2026-03-04T09:00:00Z", "answer": "2026-03-02T13:00:00Z"}
    api.installation.work()
    assert api.installation.email.sent_to(LEAD, MessageKind.LIMIT)
    fact = api.pm.get(f"/v1/requests/{before['id']}/timeline").json()["facts"][-1]
    assert (fact["kind"], fact["reason"]) == ("terms_changed", WHY["reason"])
    assert fact["content"]["policy"]["name"] == "Basel, tighter"
    assert is_sound(api)


def test_a_wider_line_takes_a_breach_back_and_says_why(api: Api) -> None:
    request = api.filed()
    api.installation.clock.advance(hours=49)
    api.installation.work()
    line = tighter_line(api, limit="PT96H")
    assert api.admin.post(f"/v1/policies/{line}/apply", json=WHY).json() == {"requests": 1}
    assert limits(api, request)["answer"] == "2026-03-06T09:00:00Z"
    assert is_sound(api)


def test_fault_38_a_ladder_edited_while_clocks_run_counts_at_once_and_repeats_no_step(api: Api) -> None:
    api, request = api, api.filed()
    api.installation.clock.advance(hours=49)
    api.installation.work()
    told = len(api.installation.email.sent_to(LEAD, MessageKind.LIMIT))
    assert told
    line = {**api.pm.get("/v1/policies?limit=1").json()["items"][0], "name": "The same, with a later third step"}
    body = {name: line[name] for name in ("name", "clocks", "ladder")} | {"site_id": str(api.installation.cast.site)}
    for step in body["ladder"]:
        if step["level"] == "step_3":
            step["offset"] = "PT30H"
    policy = api.admin.post("/v1/policies", json=body).json()["id"]
    assert api.admin.post(f"/v1/policies/{policy}/apply", json=WHY).json() == {"requests": 1}
    api.installation.clock.advance(hours=24)  # past the old third step
    api.installation.work()
    assert len(api.installation.email.sent_to(LEAD, MessageKind.LIMIT)) == told
    assert not api.installation.email.sent_to(HEAD, MessageKind.STEP_3)
    api.installation.clock.advance(hours=6)
    api.installation.work()
    assert len(api.installation.email.sent_to(HEAD, MessageKind.STEP_3)) == 1
    assert limits(api, request)["answer"] == "2026-03-04T09:00:00Z"
    assert is_sound(api)


def test_an_agreed_shutdown_moves_open_deadlines_only_once_it_is_applied(api: Api) -> None:
    on_thursday(api)
    request = api.filed()
    shutdown = announced(api)
    assert api.lead.post(f"/v1/shutdowns/{shutdown['id']}/apply", json=WHY).status_code == 409
    api.lead.post(f"/v1/shutdowns/{shutdown['id']}/agree", json=WHY)
    assert limits(api, request)["answer"] == AS_IT_WAS
    assert api.pm.post(f"/v1/shutdowns/{shutdown['id']}/apply", json=WHY).status_code == 403
    assert api.lead.post(f"/v1/shutdowns/{shutdown['id']}/apply", json=WHY).json() == {"requests": 1}
    assert limits(api, request)["answer"] == AFTER_CARNIVAL
    assert is_sound(api)


def test_an_added_holiday_moves_open_deadlines_only_once_it_is_applied(api: Api) -> None:
    on_thursday(api)
    request, calendar = api.filed(), api.installation.cast.calendar
    nothing = {"in_scope": 1, "looked_at": 1, "moved": [], "next_cursor": None}
    assert api.pm.get(f"/v1/calendars/{calendar}/preview").json() == nothing
    change_calendar(api, closed_days=[{"date": "2026-03-06", "name": "Inventory"}])
    assert limits(api, request)["answer"] == AS_IT_WAS

    [moved] = api.pm.get(f"/v1/calendars/{calendar}/preview").json()["moved"]
    assert (moved["limit_before"], moved["limit_after"]) == (AS_IT_WAS, "2026-03-10T13:00:00Z")
    assert api.pm.post(f"/v1/calendars/{calendar}/apply", json=WHY).status_code == 403
    assert api.admin.post(f"/v1/calendars/{calendar}/apply", json=WHY).json() == {"requests": 1}
    assert api.admin.post(f"/v1/calendars/{calendar}/apply", json=WHY).json() == {"requests": 0}  # once is enough

    told = api.pm.get(f"/v1/requests/{request['id']}/clocks/answer/explain").json()
    assert "Inventory" in [part["name"] for part in told["parts"]]
    fact = api.pm.get(f"/v1/requests/{request['id']}/timeline").json()["facts"][-1]
    assert (fact["kind"], fact["content"]["calendar"]["name"]) == ("terms_changed", "Basel week")
    assert is_sound(api)


def test_applying_a_calendar_moves_nothing_where_every_hour_counts(api: Api) -> None:
    request, calendar = api.filed(), api.installation.cast.calendar
    change_calendar(api, closed_days=[{"date": "2026-03-03", "name": "Inventory"}])
    assert api.admin.post(f"/v1/calendars/{calendar}/apply", json=WHY).json() == {"requests": 0}
    assert limits(api, request)["answer"] == "2026-03-04T09:00:00Z"


def test_a_site_that_moves_to_another_zone_ends_no_day_anew(api: Api) -> None:
    on_thursday(api)
    request, cast = api.filed(), api.installation.cast
    acts = f"/v1/requests/{request['id']}/actions"
    assert api.contact.post(f"{acts}/acknowledge", json={"expected_on": "2026-03-05"}).status_code == 200
    api.installation.clock.advance(hours=13)  # late in the evening in Basel, the next day in Auckland
    assert api.contact.post(f"{acts}/answer", json={"text": "Yes"}).status_code == 200
    moved = api.admin.patch(f"/v1/sites/{cast.site}", json={"time_zone": "Pacific/Auckland", **WHY})
    assert moved.status_code == 200, moved.text
    change_calendar(api, closed_days=[{"date": "2026-03-06", "name": "Inventory"}])
    assert api.admin.post(f"/v1/calendars/{cast.calendar}/apply", json=WHY).status_code == 200
    clocks = api.pm.get(f"/v1/requests/{request['id']}/clocks").json()["clocks"]
    assert {clock["outcome"] for clock in clocks} == {"met"}
    assert is_sound(api)


def test_what_comes_after_several_changes_of_terms_in_one_second_is_judged_by_the_last(api: Api) -> None:
    request = api.filed()
    api.installation.clock.advance(hours=30)
    path = f"/v1/requests/{request['id']}/actions"
    for priority in ("critical", "routine", "critical", "urgent"):
        version = api.pm.get(f"/v1/requests/{request['id']}").headers["etag"]
        said = {"changes": {"priority": priority}, **WHY}
        assert api.lead.post(f"{path}/amend", json=said, headers={"If-Match": version}).status_code == 200
    assert api.contact.post(f"{path}/answer", json={"text": "Yes"}).status_code == 200
    clocks = {c["clock"]: c["outcome"] for c in api.pm.get(f"/v1/requests/{request['id']}/clocks").json()["clocks"]}
    assert (clocks["acknowledgement"], clocks["answer"]) == ("breached", "breached")  # an urgent one had 24 hours
    facts = api.pm.get(f"/v1/requests/{request['id']}/timeline").json()["facts"]
    assert [fact["sequence"] for fact in facts] == sorted(fact["sequence"] for fact in facts)
    assert is_sound(api)
