"""A deadline that the opening hours cannot reach gets in by no door."""

from tests.api.test_bad_input import POLICY, STEP
from tests.callers import Api, refused


def test_a_policy_line_whose_deadline_the_opening_hours_cannot_reach_is_refused_where_either_comes_in(api: Api) -> None:
    """20,000 hours pass in three years at a site that never closes, and in ten at one with an eight-hour day."""
    cast = api.installation.cast
    long = {"answer": {"target": "PT24H", "limit": "PT20000H", "mode": "calendar"}}
    at_basel = {**POLICY, "site_id": str(cast.site), "clocks": long}
    assert (
        "five years in the opening hours of Basel"
        in refused(api.admin.post("/v1/policies", json=at_basel))["clocks.answer.limit"]
    )
    later = [{**STEP, "level": "repeat", "anchor": "limit", "offset": "PT20000H", "mode": "calendar"}]
    assert "ladder.offset" in refused(api.admin.post("/v1/policies", json={**at_basel, **POLICY, "ladder": later}))
    never = {**POLICY, "site_id": str(cast.second_site), "clocks": {"answer": {"target": "PT1H", "limit": "P2100D"}}}
    assert "clocks.answer.limit" in refused(api.admin.post("/v1/policies", json=never))

    at_visp = api.admin.post("/v1/policies", json={**at_basel, "name": "At Visp", "site_id": str(cast.second_site)})
    assert at_visp.status_code == 201, at_visp.text
    body = {"calendar_id": str(cast.calendar), "reason": "Opening hours agreed"}
    refusal = refused(api.admin.patch(f"/v1/sites/{cast.second_site}", json=body))
    assert "under the policy line 'At Visp'" in refusal["calendar_id"]


def test_no_door_lets_in_what_the_opening_hours_cannot_reach(api: Api) -> None:
    """A site opened again, a line brought back into force, a CMO put on a project; of other CMOs nothing is asked."""
    cast, why = api.installation.cast, {"reason": "Agreed"}
    minute = {"name": "One minute a week", "weekly": {"mon": [["08:00", "08:01"]]}}
    tiny = api.admin.post("/v1/calendars", json=minute).json()["id"]
    short = {"answer": {"target": "PT10H", "limit": "PT20H", "mode": "calendar"}}
    line = {**POLICY, "clocks": short}
    elsewhere = {**line, "name": "Elsewhere", "project_id": str(cast.other_project)}
    ended = {**line, "name": "Ended", "site_id": str(cast.site), "effective_to": "2026-03-02T10:00:00Z"}
    of_visp = {**line, "name": "Visp", "site_id": str(cast.second_site)}
    made = {body["name"]: api.admin.post("/v1/policies", json=body).json()["id"] for body in (elsewhere, ended)}
    api.installation.clock.advance(hours=2)
    assert api.admin.patch(f"/v1/sites/{cast.site}", json={"calendar_id": tiny, **why}).status_code == 200
    visp = f"/v1/sites/{cast.second_site}"
    assert api.admin.patch(visp, json={"calendar_id": tiny, "status": "inactive", **why}).status_code == 200
    assert api.admin.post("/v1/policies", json=of_visp).status_code == 201

    assert "calendar_id" in refused(api.admin.patch(visp, json={"status": "active", **why}))
    again = {"effective_to": None, **why}
    assert "clocks.answer.target" in refused(api.admin.patch(f"/v1/policies/{made['Ended']}", json=again))
    joined = {"cmo_ids": [str(cast.cmo), str(cast.other_cmo)], **why}
    refusal = refused(api.head.patch(f"/v1/projects/{cast.other_project}", json=joined))
    assert "under the policy line 'Elsewhere'" in refusal["cmo_ids"]
    narrowed = {"weekly": minute["weekly"], **why}
    lasting = {**line, "name": "Of the other", "cmo_id": str(cast.other_cmo)}
    assert api.admin.post("/v1/policies", json=lasting).status_code == 201
    of_other = {"calendar_id": str(cast.calendar), **why}
    assert api.admin.patch(f"/v1/sites/{cast.other_site}", json=of_other).status_code == 200
    assert "weekly" in refused(api.admin.patch(f"/v1/calendars/{cast.calendar}", json=narrowed))
