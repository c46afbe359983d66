"""What a step of a ladder says follows from when it is passed: never from its name, never from the order of writing."""

from typing import Any

import pytest
from sqlalchemy import select

from slamon.db.policies import Policy
from slamon.db.requests import CrossingRow
from slamon.services.reports.verify import Difference, verify_requests
from tests.callers import Api
from tests.installation import HEAD, LEAD, PM, QUALITY

READERS = {"lead": LEAD, "project_manager": PM, "head": HEAD, "quality": QUALITY}


def step(level: str, to: str, **more: Any) -> dict[str, Any]:
    return {"level": level, "to": [{"channel": "email", "role": to}], **more}


def posted(api: Api, ladder: list[dict[str, Any]], target: str = "PT24H", limit: str = "PT48H") -> Any:
    line = {
        "name": "Basel",
        "site_id": str(api.installation.cast.site),
        "clocks": {"acknowledgement": {"target": target, "limit": limit}},
        "ladder": ladder,
    }
    return api.admin.post("/v1/policies", json=line)


def told_after(api: Api, hours: float) -> dict[str, list[str]]:
    """What each reader is told of a request filed now, up to so many hours later."""
    api.filed()
    api.installation.clock.advance(hours=hours, seconds=1)
    api.installation.work()
    kinds = {who: [str(m.kind) for m in api.installation.email.sent_to(address)] for who, address in READERS.items()}
    return {who: found for who, found in kinds.items() if found}


def test_a_step_without_an_anchor_lies_where_its_level_says_and_leaves_the_breach_its_voice(api: Api) -> None:
    line = posted(
        api, [step("limit", "lead"), step("target", "project_manager"), step("repeat", "lead", offset="PT4H")]
    )
    assert line.status_code == 201, line.text
    found = line.json()["ladder"]
    assert [(s["id"], s["anchor"], s["unless_taken"]) for s in found] == [
        ("limit", "limit", False), ("target", "target", False), ("repeat", "limit", True),
    ]  # fmt: skip
    assert told_after(api, 25) == {"project_manager": ["target"]}
    api.installation.clock.advance(hours=24)
    api.installation.work()
    assert [str(m.kind) for m in api.installation.email.sent_to(LEAD)] == ["limit"]


@pytest.mark.parametrize(
    ("wrong", "field", "way_out"),
    [
        (step("target", "lead", anchor="limit"), "ladder.0.anchor", "say anchor target"),
        (step("target", "lead", anchor="start", offset="PT48H"), "ladder.0.anchor", "say anchor target"),
        (step("target", "lead", percent_of_target=75), "ladder.0.percent_of_target", "say anchor target"),
        (step("target", "lead", offset="-PT2H"), "ladder.0.anchor", "say anchor target"),
        (step("limit", "lead", anchor="target"), "ladder.0.anchor", "say anchor limit"),
        (step("limit", "lead", offset="-PT2H"), "ladder.0.anchor", "say anchor limit"),
        (step("limit", "lead", anchor="start", offset="PT24H"), "ladder.0.anchor", "say anchor limit"),
        (step("reminder", "lead"), "ladder.0.anchor", "percent_of_target 75"),
        (step("reminder", "lead", percent_of_target=100), "ladder.0.percent_of_target", "percent_of_target 75"),
        (step("reminder", "lead", anchor="start", offset="PT48H"), "ladder.0.anchor", "percent_of_target 75"),
        (step("step_3", "head"), "ladder.0.anchor", "an offset"),
        (step("repeat", "lead"), "ladder.0.anchor", "an offset"),
        (step("repeat", "lead", offset="PT4H", unless_taken=False), "ladder.0.unless_taken", "leave it out"),
        (step("backup", "lead", anchor="start", offset="PT60H"), "ladder.0.unless_taken", "count it from"),
        (step("reminder", "lead", percent_of_target=75, offset="PT1H"), "ladder.0.offset", "leave one of them out"),
    ],
)
def test_a_level_that_contradicts_its_instant_is_refused_with_the_way_out(
    api: Api, wrong: dict[str, Any], field: str, way_out: str
) -> None:
    answer = posted(api, [wrong])
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert (error["field"], way_out in error["message"]) == (field, True), error


def test_two_steps_of_one_level_need_ids_of_their_own_and_then_both_speak(api: Api) -> None:
    twice = [step("limit", "lead"), step("limit", "head")]
    refused = posted(api, twice)
    assert refused.status_code == 422
    assert "give each an id of its own" in refused.text
    assert posted(api, [step("limit", "lead"), step("limit", "head", id="Heads!")]).status_code == 422
    assert posted(api, [step("limit", "lead"), step("limit", "head", id="heads")]).status_code == 201
    assert told_after(api, 48) == {"lead": ["limit"], "head": ["limit"]}
    with api.installation.runtime.db.read() as session:
        assert set(session.scalars(select(CrossingRow.step))) == {"limit", "heads"}


def test_a_reader_of_two_steps_of_one_instant_is_told_once(api: Api) -> None:
    posted(api, [step("limit", "lead"), step("limit", "lead", id="again")])
    assert told_after(api, 48) == {"lead": ["limit"]}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_at_one_instant_the_gravest_step_speaks_in_whatever_order_they_are_written(
    api: Api, order: tuple[int, ...]
) -> None:
    alike = [
        step("reminder", "quality", anchor="target", offset="PT23H"),
        step("limit", "lead", anchor="start", offset="PT48H"),
        step("step_3", "head", offset="PT1H"),
        step("repeat", "project_manager", offset="PT1H"),
    ]
    assert posted(api, [alike[place] for place in order]).status_code == 201
    assert told_after(api, 48) == {"lead": ["limit"]}
    api.installation.clock.advance(hours=1)
    api.installation.work()
    assert [str(m.kind) for m in api.installation.email.sent_to(HEAD)] == ["step_3"]
    assert not api.installation.email.sent_to(PM)


def test_where_target_and_limit_are_one_the_step_of_the_target_tells_the_breach(api: Api) -> None:
    posted(api, [step("target", "project_manager"), step("limit", "lead")], "PT24H", "PT24H")
    assert told_after(api, 24) == {"lead": ["limit"], "project_manager": ["limit"]}


def test_a_reminder_between_target_and_limit_names_the_limit(api: Api) -> None:
    posted(api, [step("reminder", "quality", anchor="limit", offset="-PT6H")])
    assert told_after(api, 42) == {"quality": ["reminder"]}


def test_a_stored_step_whose_name_contradicts_its_instant_says_what_is_so(api: Api) -> None:
    """As lines were stored before the level said where a step without an anchor lies."""
    assert posted(api, [step("limit", "lead"), step("target", "project_manager")]).status_code == 201
    with api.installation.runtime.db.write() as session:
        line = session.scalars(select(Policy).where(Policy.site_id == api.installation.cast.site)).one()
        old = [{k: v for k, v in each.items() if k != "id"} | {"anchor": "limit"} for each in line.ladder]
        line.ladder = old
    assert told_after(api, 48) == {"lead": ["limit"], "project_manager": ["limit"]}
    with api.installation.runtime.read() as tx:
        found = verify_requests(tx)
        assert not [each for each in found if isinstance(each, Difference)]  # its frozen terms keep their digest
    answer = api.admin.patch(f"/v1/policies/{line.id}", json={"name": "Basel again", "reason": "A better name"})
    assert answer.status_code == 200, answer.text
