"""Calendars through HTTP: what their hours, opening days and changes mean for deadlines."""

from typing import Any

from tests.callers import Api

MAKE_UP = {"date": "2026-03-07", "name": "Makes up for carnival", "hours": [["08:00", "18:00"]]}  # a Saturday


def working_hours(api: Api, target: str, limit: str) -> None:
    """Put Basel under a policy that counts its open hours."""
    line = {
        "name": "Office hours",
        "site_id": str(api.installation.cast.site),
        "clocks": {"answer": {"target": target, "limit": limit, "mode": "calendar"}},
        "ladder": [],
    }
    assert api.admin.post("/v1/policies", json=line).status_code == 201


def change_calendar(api: Api, **change: Any) -> dict[str, Any]:
    answer = api.admin.patch(
        f"/v1/calendars/{api.installation.cast.calendar}", json={**change, "reason": "Told by the plant"}
    )
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


def limit_of(request: dict[str, Any]) -> str:
    return str(request["clocks"][0]["limit_at"])


def test_a_deadline_falls_into_an_opening_day_and_its_explanation_names_it(api: Api) -> None:
    working_hours(api, "PT16H", "PT24H")
    assert change_calendar(api, opening_days=[MAKE_UP])["opening_days"] == [MAKE_UP]
    api.installation.clock.advance(days=3)  # Thursday, 10:00 at the site
    request = api.filed()
    assert limit_of(request) == "2026-03-07T13:00:00Z"
    told = api.contact.get(f"/v1/requests/{request['id']}/clocks/answer/explain").json()["sentences"]
    day = "Opening day, its hours counted: Makes up for carnival, from Sat 7 Mar 2026, 08:00 Zurich"
    assert any(sentence.startswith(day) for sentence in told)


def test_a_change_of_a_calendar_moves_no_deadline_of_a_request_already_filed(api: Api) -> None:
    working_hours(api, "PT16H", "PT24H")
    api.installation.clock.advance(days=3)
    before = api.filed()
    change_calendar(api, opening_days=[MAKE_UP])
    again = api.pm.get(f"/v1/requests/{before['id']}").json()
    assert limit_of(again) == limit_of(before) == "2026-03-09T13:00:00Z"
    assert limit_of(api.filed()) == "2026-03-07T13:00:00Z"


def test_several_spans_a_day_and_a_night_shift_count_hour_by_hour(api: Api) -> None:
    working_hours(api, "PT3H", "PT8H")
    shifts = {"mon": [["06:00", "12:00"], ["13:00", "14:00"], ["22:00", "06:00"]]}
    assert change_calendar(api, weekly=shifts)["weekly"] == shifts
    [clock] = api.filed()["clocks"]  # on Monday at 10:00: two hours, one, and five of the night
    assert (clock["target_at"], clock["limit_at"]) == ("2026-03-02T13:00:00Z", "2026-03-03T02:00:00Z")


def test_the_opening_days_of_a_year_stand_beside_its_closed_days(api: Api) -> None:
    change_calendar(api, opening_days=[{**MAKE_UP, "date": "2027-03-06"}, MAKE_UP])
    found = api.pm.get(f"/v1/calendars/{api.installation.cast.calendar}/holidays?year=2026").json()
    assert found["openings"] == [{"day": "2026-03-07", "name": MAKE_UP["name"], "hours": [["08:00", "18:00"]]}]
