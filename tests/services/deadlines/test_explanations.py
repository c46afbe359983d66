"""A deadline explained through HTTP, to both sides."""

from datetime import timedelta
from typing import Any

from slamon.services.policies.zone_data import zone_data
from tests.callers import Api


def filed_before_easter(api: Api) -> dict[str, Any]:
    """An inquiry under 16 to 24 working hours at Basel, filed on the Thursday before Easter at 11:00 there."""
    line = {
        "name": "Office hours",
        "site_id": str(api.installation.cast.site),
        "agreement_clause": "7.2",
        "clocks": {"answer": {"target": "PT16H", "limit": "PT24H", "mode": "calendar"}},
        "ladder": [],
    }
    assert api.admin.post("/v1/policies", json=line).status_code == 201
    api.installation.clock.advance(days=31)
    return api.filed()


def test_a_deadline_is_explained_span_by_span_and_the_spans_add_up(api: Api) -> None:
    request = filed_before_easter(api)
    told = api.pm.get(f"/v1/requests/{request['id']}/clocks/answer/explain").json()
    assert (told["rule"]["name"], told["rule"]["agreement_clause"], told["mode"]) == ("Office hours", "7.2", "calendar")
    counted = [part["seconds"] for part in told["parts"] if part["kind"] == "counted"]
    assert sum(counted) == told["limit_seconds"] == 24 * 3600
    before = [p["seconds"] for p in told["parts"] if p["kind"] == "counted" and p["until"] <= told["target_at"]]
    assert sum(before) == told["target_seconds"] == 16 * 3600
    assert [part["name"] for part in told["parts"] if part["kind"] == "holiday"] == ["Good Friday", "Easter Monday"]
    assert told["holiday_source"].startswith("holidays ")
    assert told["zone_data"] == zone_data()


def test_each_side_is_told_in_its_own_zone_with_the_others_beside(api: Api) -> None:
    request = filed_before_easter(api)
    path = f"/v1/requests/{request['id']}/clocks/answer/explain"
    to_sponsor = " ".join(api.pm.get(path).json()["sentences"])
    to_cmo = " ".join(api.contact.get(path).json()["sentences"])
    assert "16 working hours to the target" in to_sponsor
    assert "Thu 2 Apr 2026, 09:00 UTC = 11:00 Zurich (UTC+02:00)" in to_sponsor
    assert "Thu 2 Apr 2026, 11:00 Zurich (UTC+02:00) = 09:00 UTC" in to_cmo
    assert "Closed, not counted: Good Friday" in to_cmo


def test_a_clock_that_waits_for_us_says_so_and_names_no_deadline(api: Api) -> None:
    request = api.filed()
    api.contact.post(f"/v1/requests/{request['id']}/actions/ask", json={"text": "Which lot?"})
    api.installation.clock.advance(hours=3)
    told = api.pm.get(f"/v1/requests/{request['id']}/clocks/answer/explain").json()
    assert (told["target_at"], told["limit_at"]) == (None, None)
    assert [(part["kind"], timedelta(seconds=part["seconds"])) for part in told["parts"]][-1] == (
        "paused",
        timedelta(hours=3),
    )
    assert "Until the clock runs again nobody can say" in " ".join(told["sentences"])


def test_what_is_not_there_or_not_for_the_caller_is_not_found(api: Api) -> None:
    request = filed_before_easter(api)
    path = f"/v1/requests/{request['id']}/clocks"
    assert api.pm.get(f"{path}/acknowledgement/explain").status_code == 404
    assert api.pm.get(f"{path}/nothing/explain").status_code == 404
    assert api.other_contact.get(f"{path}/answer/explain").status_code == 404
