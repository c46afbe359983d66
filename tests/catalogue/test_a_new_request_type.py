"""A request type added from one file: every page, the API, imports and messages take it with no other edit."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from slamon.db.requests import CmoRequest
from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import OPEN_STATES, SPONSORS_TURN, State
from slamon.domain.timeline import Actor, Role
from slamon.imports.mappings import read_mapping
from slamon.imports.requests import import_requests
from slamon.imports.tables import read_sheet
from slamon.schemas.new_requests import detail_shapes, model_of
from slamon.schemas.shapes import Shape, Widget, shapes_of
from slamon.services.reports.verify import Difference, verify_requests
from slamon.wording.message import MessageKind
from slamon.wording.words import ENGLISH
from tests.callers import Api
from tests.catalogue.visits import CATALOGUE, WORDS
from tests.installation import CONTACT, LEAD, ON_BOTH_DATABASES, Installation
from tests.pages import Site, text_of

DETAIL = {"visit_on": "2026-03-20", "scope": "Aseptic filling", "questions": ["Who is trained?", "Where is the log?"]}
TYPES = [*CATALOGUE.types.values()]


@pytest.fixture
def visited(chosen_world: Installation) -> Installation:
    """An installation that knows visits."""
    chosen_world.runtime = replace(chosen_world.runtime, catalogue=CATALOGUE, words=WORDS)
    return chosen_world


def body(world: Installation, **more: Any) -> dict[str, Any]:
    cast = world.cast
    parties = {"project_id": str(cast.project), "site_id": str(cast.site)}
    return {**parties, "type": "visit", "subject": "Visit of line 3", "detail": DETAIL, **more}


def test_the_api_takes_a_visit_and_describes_it(visited: Installation) -> None:
    api = Api(visited)
    filed = api.pm.post("/v1/requests", json=body(visited))
    assert (filed.status_code, filed.json()["number"], filed.json()["type"]) == (201, "VIS-2026-000001", "visit")
    assert [each["number"] for each in api.pm.get("/v1/requests?type=visit").json()["items"]] == ["VIS-2026-000001"]
    wrong = api.pm.post("/v1/requests", json=body(visited, detail={**DETAIL, "visit_on": "soon"}))
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "detail.visit_on")
    again = api.pm.post("/v1/requests", json=body(visited))
    assert (again.status_code, again.json()["look_alikes"][0]["same"]) == (409, "visit day")
    document = api.pm.get("/v1/openapi.json").json()
    assert document["components"]["schemas"]["RequestType"]["enum"] == ["shipment", "data", "inquiry", "visit"]
    assert "scope" in document["components"]["schemas"]["VisitDetail"]["properties"]


def test_a_visit_is_filed_amended_answered_and_closed_on_the_pages(visited: Installation) -> None:
    site = Site(visited)
    staff, cast = site.staff(visited.cast.pm), visited.cast
    assert "A visit, with questions to prepare" in staff.get("/requests/new").text
    form = staff.get(f"/requests/new?type=visit&project={cast.project}").text
    for words in ("Announce a visit", "Day of the visit", "Scope of the visit", "Visit question 1", "What to prepare"):
        assert words in form
    key = re.search(r'name="key" value="([^"]+)"', form)
    assert key
    typed = {
        "key": key[1], "type": "visit", "project_id": str(cast.project), "site_id": str(cast.site),
        "subject": "Visit of line 3", "detail.visit_on": "2026-03-20", "detail.scope": "Aseptic filling",
        "detail.questions.0": "Who is trained?",
    }  # fmt: skip
    more = staff.post("/requests/new", **typed, more="detail.questions").text
    assert "Visit question 2" in more
    assert "Aseptic filling" in more
    missing = staff.post("/requests/new", **{**typed, "detail.questions.0": ""})
    assert (missing.status_code, "Write at least one visit question" in text_of(missing)) == (422, True)
    address = staff.post("/requests/new", **{**typed, "detail.questions.1": "Where is the log?"}).headers["location"]
    page = text_of(staff.get(address))
    for words in ("VIS-2026-000001", "Visit", "Day of the visit", "Fri 20 Mar 2026", "Who is trained?"):
        assert words in page
    assert "VIS-2026-000001" in text_of(staff.get("/requests?tab=all&type=visit"))
    request_id = address.removeprefix("/requests/").partition("?")[0]
    changed = staff.post(
        f"/requests/{request_id}/amend", version="1", reason="Moved", **{"changes.due_on": "2026-03-27"}
    )
    assert changed.status_code == 303, text_of(changed)
    assert "Needed on: Fri 27 Mar 2026" in text_of(staff.get(f"/requests/{request_id}"))
    link = site.link(UUID(request_id))
    contact = text_of(site.visitor.get(link))
    assert "Scope of the visit" in contact
    assert "1. Who is trained? open" in contact
    assert site.visitor.post(f"{link}/answer", data={"text": "All of it is in the annex."}).status_code == 303
    assert "Answered: accept or send back" in text_of(staff.get(f"/requests/{request_id}"))
    assert staff.post(f"/requests/{request_id}/accept", version="3").status_code == 303


@ON_BOTH_DATABASES
def test_a_visit_has_messages_a_ladder_a_policy_of_its_own_and_stands_up_to_verify(visited: Installation) -> None:
    api = Api(visited)
    line = {
        "name": "Visits", "type": "visit", "clocks": {"answer": {"target": "PT2H", "limit": "PT4H"}},
        "ladder": [{"level": "limit", "to": [{"channel": "email", "role": "lead"}]}],
    }  # fmt: skip
    made = api.admin.post("/v1/policies", json=line)
    assert made.status_code == 201, made.text
    unknown = api.admin.post("/v1/policies", json={**line, "type": "inspection"})
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "type")
    request = visited.file(type="visit", detail=DETAIL, subject="Visit of line 3")
    visited.work()
    assert visited.email.sent_to(CONTACT, MessageKind.FILED)[0].number == request.number
    visited.clock.advance(hours=5)
    visited.work()
    assert visited.email.sent_to(LEAD, MessageKind.LIMIT)[0].number == request.number
    with visited.runtime.read() as tx:
        assert [step for step in verify_requests(tx) if isinstance(step, Difference)] == []


def test_visits_of_a_spreadsheet_are_brought_in_by_a_mapping(visited: Installation, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        '[columns]\nsite = "Plant"\nsubject = "Title"\nfiled_at = "Sent"\nvisit_on = "Day"\nvisit_scope = "Scope"\n'
        'answered_at = "Answered"\n[constants]\ntype = "visit"\nproject = "AUR-101"\n'
    )
    header, row = "Plant,Title,Sent,Day,Scope,Answered", "Basel,Visit of 2025,2026-02-24 10:00,2026-03-03,Filling,"
    keeper = Actor("command-line", "ada (command line)", Role.ADMIN)
    _, rows = read_sheet("past.csv", f"{header}\n{row}2026-02-25 10:00\n".encode())
    with visited.runtime.write() as tx:
        import_requests(tx, rows, read_mapping(mapping, CATALOGUE), by=keeper)
    with visited.runtime.db.read() as session:
        request = session.scalars(select(CmoRequest)).one()
    assert (request.number, request.state) == ("VIS-2026-000001", "answered")
    assert request.detail == {"visit_on": "2026-03-03", "scope": "Filling", "questions": ["Visit of 2025"]}


@pytest.mark.parametrize("request_type", TYPES, ids=lambda each: each.name)
def test_every_field_code_group_and_state_of_a_type_has_its_words(request_type: Any) -> None:
    own = WORDS.types[request_type.name]

    def all_of(shapes: Any) -> Iterator[Shape]:
        for shape in shapes:
            yield shape
            yield from all_of(shape.fields)

    shapes = list(all_of(detail_shapes(request_type)))
    assert {shape.place for shape in shapes} == set(own.fields)
    assert {shape.shown.group for shape in detail_shapes(request_type)} == set(own.groups)
    assert {code for shape in shapes for code in shape.options} | set(request_type.kinds) == set(own.codes)
    assert {shape.place for shape in shapes if shape.widget in (Widget.ROWS, Widget.TEXTS)} == set(own.rows)
    assert f"detail.{request_type.parts}" in own.rows
    shared = {shape.name for shape in shapes_of(model_of(request_type))} - {"detail", "file_anyway", "split"}
    assert shared == set(WORDS.request_fields)
    assert set(request_type.states) <= set(WORDS.states)


def test_every_state_has_words_for_both_sides_and_says_whose_turn_it_is() -> None:
    assert set(ENGLISH.states) == set(State)
    for state, words in ENGLISH.states.items():
        assert words.to_staff
        assert words.to_contact
        assert bool(words.our_turn and words.sponsor_now) == (state in SPONSORS_TURN)
        assert bool(words.next_for_contact) == (state in OPEN_STATES - SPONSORS_TURN)


def test_the_shipped_catalogue_knows_nothing_of_visits() -> None:
    assert (list(STANDARD.types), list(ENGLISH.types)) == (["shipment", "data", "inquiry"],) * 2
