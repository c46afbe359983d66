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
from slamon.schemas.amendments import detail_changes
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
def visited(chosen_installation: Installation) -> Installation:
    """An installation that knows visits."""
    chosen_installation.runtime = replace(chosen_installation.runtime, catalogue=CATALOGUE, words=WORDS)
    return chosen_installation


def body(installation: Installation, **more: Any) -> dict[str, Any]:
    cast = installation.cast
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
    assert document["components"]["schemas"]["RequestType"]["enum"] == [*STANDARD.types, "visit"]
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
    same = {f"changes.detail.{name}": DETAIL[name] for name in ("visit_on", "scope")}
    changed = staff.post(
        f"/requests/{request_id}/amend", version="1", reason="Moved", **same, **{"changes.due_on": "2026-03-27"}
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


VISITORS = [{"name": "Ada", "hours": "6.0"}, {"name": "Ben", "hours": "2"}]


@ON_BOTH_DATABASES
def test_over_the_api_a_visit_is_amended_in_its_own_fields_and_no_others(visited: Installation) -> None:
    api = Api(visited)
    request = api.pm.post("/v1/requests", json=body(visited, detail={**DETAIL, "visitors": VISITORS})).json()
    address = f"/v1/requests/{request['id']}/actions/amend"

    def amended(**detail: Any) -> Any:
        said = {"reason": "Moved", "changes": {"detail": detail}}
        return api.pm.post(address, json=said, headers={"If-Match": f'"{request["version"]}"'})

    for wrong, field in (
        ({"visit_on": "soon"}, "changes.detail.visit_on"),
        ({"visit_on": "2026-02-27"}, "changes.detail.visit_on"),
        ({"questions": ["Why?"]}, "changes.detail.questions"),
        ({"requested_ship_date": "2026-04-01"}, "changes.detail.requested_ship_date"),
        ({"visitors": [{"number": 3, "name": "Cid"}]}, "changes.detail.visitors"),
        ({"visitors": [{"number": 1, "hours": "0"}]}, "changes.detail.visitors.0.hours"),
        ({"visitors": [{"number": 1, "hours": "6.00"}]}, "changes"),  # as it was
    ):
        answer = amended(**wrong)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text
    silent = {"visit_on": None, "scope": None, "route": None, "country": None, "zone": None, "visitors": None}
    for nothing in ({}, silent, {"visitors": [{"number": 1, "name": None, "hours": None}]}):  # null changes nothing
        answer = amended(**nothing)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "changes"), answer.text
    changes = {"visit_on": "2026-03-27", "route": "remote", "visitors": [{"number": 2, "name": "Cid", "hours": "4"}]}
    answer = amended(**changes)
    assert answer.status_code == 200, answer.text
    visitors = [VISITORS[0], {"name": "Cid", "hours": "4"}]
    assert answer.json()["detail"] == {**request["detail"], **changes, "visitors": visitors}
    with visited.runtime.read() as tx:
        assert [step for step in verify_requests(tx) if isinstance(step, Difference)] == []


def test_on_the_page_every_field_of_a_visit_that_may_be_amended_is_filled_in_and_told_of(visited: Installation) -> None:
    staff = Site(visited).staff(visited.cast.pm)
    detail = {**DETAIL, "visitors": VISITORS, "zone": "US/Eastern"}  # which no list offers
    request = visited.file(type="visit", detail=detail, subject="Visit of line 3")
    form = staff.get(f"/requests/{request.id}").text
    assert re.search(r'<legend>Visitor 2</legend>.{1,900}name="changes.detail.visitors.2.hours" value="2"', form, re.S)
    assert '<option value="US/Eastern" selected>US/Eastern</option>' in form
    changed = staff.post(
        f"/requests/{request.id}/amend",
        version="1",
        reason="Moved",
        **{
            "changes.detail.zone": "US/Eastern",
            "changes.detail.visit_on": "2026-03-27",
            "changes.detail.scope": "Aseptic filling",
            "changes.detail.route": "on_site",
            "changes.detail.country": "CH",
            "changes.detail.visitors.1.name": "Ada",
            "changes.detail.visitors.1.hours": "6",
            "changes.detail.visitors.2.name": "Cid",
            "changes.detail.visitors.2.hours": "2.5",
        },
    )
    assert changed.status_code == 303, text_of(changed)
    page = text_of(staff.get(f"/requests/{request.id}"))
    for words in (
        "Day of the visit: Fri 27 Mar 2026, was Fri 20 Mar 2026",
        "How they come: on site",
        "Country of the visit: CH",
        "Visitor 2, visitor’s name: Cid, was Ben",
        "Visitor 2, hours on site: 2.5, was 2",
    ):
        assert words in page
    assert "Scope of the visit: " not in page
    assert "Zone of the visit: " not in page
    assert "Visitor 1, " not in page


@pytest.mark.parametrize(
    ("amendable", "words"),
    [
        ({"questions": ()}, "type 'visit': 'questions' cannot be amended that way"),
        ({"visitors": ()}, "type 'visit': 'visitors' cannot be amended that way"),
        ({"visitors": ("badge",)}, "type 'visit': 'visitors' cannot be amended that way"),
    ],
)
def test_what_no_form_could_ask_for_is_refused_when_the_catalogue_is_made(
    amendable: dict[str, tuple[str, ...]], words: str
) -> None:
    types = {**CATALOGUE.types, "visit": replace(CATALOGUE.types["visit"], amendable=amendable)}
    with pytest.raises(TypeError, match=words):
        detail_changes(replace(CATALOGUE, types=types))


def test_two_types_mean_the_same_by_a_field_to_be_amended() -> None:
    other = replace(CATALOGUE.types["visit"], name="other", amendable={"visitors": ("name",)})
    with pytest.raises(TypeError, match="'visit' and 'other' mean different things by an amendment of 'visitors'"):
        detail_changes(replace(CATALOGUE, types={**CATALOGUE.types, "other": other}))


def test_the_due_date_of_a_visit_is_its_own_day_and_a_later_one_does_not_forgive(visited: Installation) -> None:
    api = Api(visited)
    request = api.pm.post("/v1/requests", json=body(visited)).json()

    def due() -> list[str]:
        clocks = api.pm.get(f"/v1/requests/{request['id']}").json()["clocks"]
        return [clock["limit_at"] for clock in clocks if clock["kind"] == "fulfilment"]

    assert due() == ["2026-03-20T23:59:59Z"]
    said = {"reason": "Moved", "changes": {"detail": {"visit_on": "2026-03-27"}}}
    api.pm.post(f"/v1/requests/{request['id']}/actions/amend", json=said, headers={"If-Match": '"1"'})
    assert due() == ["2026-03-20T23:59:59Z"]


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
    said = {"visit_on": "2026-03-03", "scope": "Filling", "questions": ["Visit of 2025"]}
    assert request.detail == {**said, "visitors": []}


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
    assert list(STANDARD.types) == list(ENGLISH.types)
    assert "visit" not in STANDARD.types
