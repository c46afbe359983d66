"""A clock made in this file alone: policies, requests, ladder, messages, pages, API document and `verify` take it."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from slamon.domain.catalogue import STANDARD
from slamon.domain.clocks.kinds import ClockDefinition, PausedBy
from slamon.domain.clocks.spells import Spell, TimelineView
from slamon.domain.lifecycle import Action
from slamon.domain.timeline import FactKind
from slamon.services.reports.verify import verify_requests
from slamon.wording.clocks import ClockWords
from slamon.wording.message import MessageKind
from slamon.wording.messages import put_into_words
from slamon.wording.words import ENGLISH
from tests.callers import Api
from tests.installation import LEAD, ON_BOTH_DATABASES, Installation, open_installation
from tests.pages import Site, text_of


def file_closure(view: TimelineView) -> Iterator[Spell]:
    """From the answer to the next follow-up, with which the sponsor asks how the site file was closed."""
    if view.answered is not None:
        since = view.answered.occurred_at
        asked = next((fact for fact in view.facts.of(FactKind.FOLLOWED_UP) if fact.occurred_at > since), None)
        yield view.spell(since, asked)


CLOCK = ClockDefinition(
    "file_closure",
    file_closure,
    paused_by=PausedBy.THIRD_PARTIES,
    presses_always=True,
    types=frozenset({"inquiry"}),
)
WORDS = ClockWords(
    name="closure of the site file",
    label="Site file closure",
    duty="close the site file",
    undone="closed the site file",
    headline="Please close the site file",
    starts="when the inquiry was answered",
)
CATALOGUE = replace(STANDARD, clocks={**STANDARD.clocks, CLOCK.name: CLOCK})
ENGLISH_WITH_IT = replace(ENGLISH, clocks={**ENGLISH.clocks, CLOCK.name: WORDS})
LINE = {
    "name": "Site file within two days",
    "clocks": {"file_closure": {"target": "PT24H", "limit": "PT48H", "pause_cap": "PT12H"}},
    "ladder": [
        {"level": "reminder", "clocks": ["file_closure"], "percent_of_target": 50,
         "to": [{"channel": "email", "role": "cmo_contact"}]},
        {"level": "limit", "clocks": ["file_closure"],
         "to": [{"channel": "slack", "role": "lead"}, {"channel": "email", "role": "lead"}]},
    ],
}  # fmt: skip


@pytest.fixture
def installation(database_url: str) -> Iterator[Installation]:
    with open_installation(database_url, catalogue=CATALOGUE, words=ENGLISH_WITH_IT) as opened:
        yield opened


@ON_BOTH_DATABASES
def test_a_new_clock_runs_from_its_policy_line_to_its_breach(installation: Installation) -> None:
    api, site = Api(installation), Site(installation)
    made = api.admin.post("/v1/policies", json={**LINE, "site_id": str(installation.cast.site)})
    assert made.status_code == 201, made.text
    assert made.json()["clocks"]["file_closure"]["limit"] == "PT48H"

    filed = api.filed()
    assert filed["clocks"] == []  # it has not started
    request_id, request = UUID(filed["id"]), f"/requests/{filed['id']}"
    installation.act(request_id, Action.ANSWER, by=installation.cast.contact, text="Yes.")
    [clock] = api.pm.get(f"/v1{request}").json()["clocks"]
    assert (clock["clock"], clock["outcome"], clock["is_the_sponsors"]) == ("file_closure", "running", False)

    installation.clock.advance(hours=12, seconds=1)
    installation.work()
    [reminder] = [mail for mail in installation.email.sent if mail.kind == MessageKind.REMINDER]
    assert put_into_words(reminder).headline.startswith("Reminder: please close the site file by")

    installation.clock.advance(hours=36)
    installation.work()
    [post], [mail] = (
        [each for each in channel.sent if each.kind == MessageKind.LIMIT]
        for channel in (installation.slack, installation.email)
    )
    assert mail.address == LEAD
    assert {put_into_words(each).headline for each in (post, mail)} == {
        "Rhein Fill AG has not closed the site file within 48 hours"
    }
    assert ("Clock", "Site file closure (target 24 hours, limit 48 hours)") in [
        (fact.label, fact.value) for fact in put_into_words(mail).facts
    ]

    staff, form = site.staff(installation.cast.pm), site.link(request_id)
    assert "Closure of the site file" in text_of(staff.get(request))
    assert "closure of the site file clock)" in text_of(staff.get(request))  # in what happened
    assert "closure of the site file limit breached" in text_of(staff.get("/requests?tab=all"))
    assert "Please close the site file; it was due by" in text_of(site.visitor.get(form))
    for page in (staff.get(f"{request}/clocks/file_closure"), site.visitor.get(f"{form}/clocks/file_closure")):
        assert "The clock started when the inquiry was answered" in text_of(page)
    assert api.pm.get(f"/v1{request}/clocks/file_closure/explain").json()["limit_seconds"] == 48 * 3600

    installation.act(request_id, Action.FOLLOW_UP, by=installation.cast.pm, text="How was it closed?")
    [clock] = api.pm.get(f"/v1{request}/clocks").json()["clocks"]
    assert (clock["outcome"], bool(clock["stopped_at"])) == ("breached", True)
    with installation.runtime.read() as tx:
        assert list(verify_requests(tx)) == [1]


def test_the_api_document_names_the_new_clock_and_a_policy_with_another_is_refused(installation: Installation) -> None:
    api = Api(installation)
    schemas = api.admin.get("/v1/openapi.json").json()["components"]["schemas"]
    assert "file_closure" in schemas["PolicyClocks"]["properties"]
    assert "file_closure" in schemas["ClockKind"]["enum"]
    unknown = {**LINE["ladder"][0], "clocks": ["file_opening"]}  # type: ignore[call-overload, dict-item]
    refused = api.admin.post("/v1/policies", json={**LINE, "ladder": [unknown]})
    assert (refused.status_code, [each["field"] for each in refused.json()["errors"]]) == (422, ["ladder.0.clocks.0"])


def test_a_policy_tried_out_under_the_new_clock_says_what_would_have_been(installation: Installation) -> None:
    api = Api(installation)
    api.filed()
    period = {"filed_from": "2026-03-01T00:00:00Z", "filed_to": "2026-04-01T00:00:00Z"}
    asked = api.admin.post("/v1/policies/what-if", json={"policy": LINE, **period})
    assert asked.status_code == 200, asked.text
    assert asked.json()["covered"] == 1
