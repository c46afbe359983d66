"""Answered requests that nobody objects to: the notice, the closing, and what stops it. On both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from slamon.config import Settings
from slamon.db.parties import Person
from slamon.db.requests import CmoRequest
from slamon.domain.lifecycle import Action, RequestType, State
from slamon.domain.timeline import SYSTEM, FactKind
from slamon.engine import cycle
from slamon.errors import DeliveryError
from slamon.services.outbox.outbox import stop_outgoing
from slamon.services.reports.verify import verify_requests
from slamon.services.requests.queries import facts_of
from slamon.wording.facts import FACTS
from slamon.wording.message import MessageKind
from tests.installation import CONTACT, LEAD, NOBODY, ON_BOTH_DATABASES, PM, Installation, open_installation

K = MessageKind
SWISS = {"sponsor_country": "CH", "sponsor_subdivision": "nationwide", "sponsor_time_zone": "Europe/Zurich"}
THURSDAY = datetime(2026, 3, 26, 9, 0, tzinfo=UTC)  # Good Friday and Easter Monday lie ahead
NOTICE_AT = datetime(2026, 3, 31, 7, 0, tzinfo=UTC)  # 09:00 in Zurich, in summer time by then
CLOSES_AT = datetime(2026, 4, 2, 21, 59, 59, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def swiss(database_url: str) -> Iterator[Installation]:
    with open_installation(database_url, **SWISS) as opened:
        yield opened


def go_to(installation: Installation, instant: datetime) -> None:
    installation.clock.advance(seconds=(instant - installation.clock.now()).total_seconds())
    installation.work()


def answered(installation: Installation, at: datetime = THURSDAY, **differing: object) -> CmoRequest:
    """A request filed and answered at `at`."""
    go_to(installation, at)
    request = installation.file(**differing)
    installation.act(request.id, Action.ANSWER, by=installation.cast.contact, text="Week 20 is free")
    installation.work()
    return request


def stored(installation: Installation, request: CmoRequest) -> CmoRequest:
    with installation.runtime.db.read() as session:
        return session.get_one(CmoRequest, request.id)


def state_of(installation: Installation, request: CmoRequest) -> str:
    return stored(installation, request).state


def kinds_of_facts(installation: Installation, request: CmoRequest) -> list[str]:
    with installation.runtime.db.read() as session:
        return [fact.kind for fact in facts_of(session, request.id)]


def let_weeks_pass(installation: Installation) -> None:
    """Past the notice and past the closing, whatever was promised."""
    go_to(installation, installation.clock.now() + timedelta(days=9))
    go_to(installation, installation.clock.now() + timedelta(days=9))


@ON_BOTH_DATABASES
def test_an_answer_nobody_objects_to_closes_after_a_notice_at_the_end_of_the_fifth_working_day(
    swiss: Installation,
):
    request = answered(swiss)
    assert stored(swiss, request).next_check_at == NOTICE_AT
    go_to(swiss, NOTICE_AT)
    assert not swiss.email.sent_to(PM, K.CLOSING_SOON)
    go_to(swiss, NOTICE_AT + SECOND)
    [notice] = swiss.email.sent_to(PM, K.CLOSING_SOON)
    assert notice.closes_at == stored(swiss, request).next_check_at == CLOSES_AT
    go_to(swiss, CLOSES_AT)
    assert state_of(swiss, request) == State.ANSWERED
    go_to(swiss, CLOSES_AT + SECOND)
    assert state_of(swiss, request) == State.CLOSED
    assert stored(swiss, request).next_check_at is None
    [told] = swiss.email.sent_to(CONTACT, K.SPONSOR_ACTED)
    assert (told.act, told.actor_name) == (FACTS["accepted"], None)


def test_holidays_of_the_sponsors_country_are_no_working_days(swiss: Installation):
    answered(swiss, THURSDAY + timedelta(days=5))  # the Tuesday before Easter
    go_to(swiss, datetime(2026, 4, 7, 7, 0, 1, tzinfo=UTC))  # the Tuesday after: the third working day
    [notice] = swiss.email.sent_to(PM, K.CLOSING_SOON)
    assert notice.closes_at == datetime(2026, 4, 9, 21, 59, 59, tzinfo=UTC)


def test_the_acceptance_stands_in_the_record_as_the_systems_and_the_record_verifies(swiss: Installation):
    request = answered(swiss)
    go_to(swiss, NOTICE_AT + SECOND)
    go_to(swiss, CLOSES_AT + timedelta(hours=3))  # nobody looked for a while
    with swiss.runtime.read() as tx:
        fact = facts_of(tx.session, request.id)[-1]
        assert (fact.kind, fact.by_id, fact.by_role) == (FactKind.ACCEPTED, SYSTEM.id, SYSTEM.role)
        assert (fact.occurred_at, fact.recorded_at) == (CLOSES_AT, CLOSES_AT + timedelta(hours=3))
        assert fact.reason == "no objection for 5 working days"
        assert list(verify_requests(tx)) == [1]


@ON_BOTH_DATABASES
def test_two_workers_tell_once_and_close_once(swiss: Installation):
    request = answered(swiss)
    for instant in (NOTICE_AT, CLOSES_AT):
        swiss.clock.advance(seconds=(instant + SECOND - swiss.clock.now()).total_seconds())
        for _ in range(2):
            cycle.check_requests(swiss.runtime, NOBODY, [request.id])
        swiss.clock.advance(seconds=9)  # what was leased and not done comes up again
        swiss.work()
    assert len(swiss.email.sent_to(PM, K.CLOSING_SOON)) == 1
    assert kinds_of_facts(swiss, request).count(FactKind.ACCEPTED) == 1
    assert len(swiss.email.sent_to(CONTACT, K.SPONSOR_ACTED)) == 1


def test_after_an_outage_the_notice_still_leaves_its_working_days(swiss: Installation):
    request = answered(swiss)
    late = CLOSES_AT + timedelta(days=5)  # the Tuesday after Easter, late in the evening
    go_to(swiss, late)
    [notice] = swiss.email.sent_to(PM, K.CLOSING_SOON)
    assert notice.closes_at == datetime(2026, 4, 9, 21, 59, 59, tzinfo=UTC)
    assert state_of(swiss, request) == State.ANSWERED


DATA = {"type": RequestType.DATA, "detail": {"items": [{"kind": "coa"}], "purpose": "oversight"}}


@pytest.mark.parametrize(("gxp", "state"), [(True, State.ANSWERED), (False, State.CLOSED)])
def test_a_gxp_data_request_stays_open_until_somebody_accepts_it(swiss: Installation, gxp: bool, state: State):
    request = answered(swiss, gxp=gxp, **DATA)
    let_weeks_pass(swiss)
    assert state_of(swiss, request) == state
    assert len(swiss.email.sent_to(PM, K.CLOSING_SOON)) == (0 if gxp else 1)


def test_a_rejection_stops_it_and_the_next_answer_begins_anew(swiss: Installation):
    request = answered(swiss)
    go_to(swiss, NOTICE_AT + SECOND)
    swiss.act(request.id, Action.REJECT, by=swiss.cast.pm, reason="Which week?")
    go_to(swiss, CLOSES_AT + SECOND)
    assert state_of(swiss, request) == State.ACKNOWLEDGED
    swiss.act(request.id, Action.ANSWER, by=swiss.cast.contact, text="Week 21")
    let_weeks_pass(swiss)
    assert state_of(swiss, request) == State.CLOSED
    assert len(swiss.email.sent_to(PM, K.CLOSING_SOON)) == 2


def test_a_follow_up_leaves_the_closing_to_the_sponsor(swiss: Installation):
    request = answered(swiss)
    go_to(swiss, NOTICE_AT + SECOND)
    swiss.act(request.id, Action.FOLLOW_UP, by=swiss.cast.pm, text="And week 21?")
    let_weeks_pass(swiss)
    assert state_of(swiss, request) == State.ANSWERED
    swiss.act(request.id, Action.ACCEPT, by=swiss.cast.pm)
    assert kinds_of_facts(swiss, request).count(FactKind.ACCEPTED) == 1


def test_a_corrected_answer_can_be_objected_to_for_as_long(swiss: Installation):
    request = answered(swiss)
    go_to(swiss, NOTICE_AT + SECOND)
    swiss.act(request.id, Action.CORRECT, by=swiss.cast.contact, text="Week 22", particulars={"corrects": 2})
    go_to(swiss, CLOSES_AT + SECOND)
    assert state_of(swiss, request) == State.ANSWERED
    let_weeks_pass(swiss)
    assert state_of(swiss, request) == State.CLOSED


def test_nothing_closes_while_messages_are_held_back(swiss: Installation):
    request = answered(swiss)
    with swiss.runtime.write() as tx:
        stop_outgoing(tx, True, by=SYSTEM, reason="restore")
    let_weeks_pass(swiss)
    assert state_of(swiss, request) == State.ANSWERED


def test_a_notice_that_slack_refuses_goes_by_mail_and_the_request_closes(swiss: Installation):
    swiss.address(Person, swiss.cast.pm, "slack", "U0PETRA")
    request = answered(swiss)
    swiss.slack.failures.append(DeliveryError("no such user", permanent=True))
    go_to(swiss, NOTICE_AT + SECOND)
    [notice] = swiss.email.sent_to(PM, K.CLOSING_SOON)
    go_to(swiss, CLOSES_AT + SECOND)
    assert notice.closes_at == CLOSES_AT
    assert state_of(swiss, request) == State.CLOSED


def test_the_lead_is_told_where_no_manager_is_left(swiss: Installation):
    request = answered(swiss)
    with swiss.runtime.db.write() as session:
        session.get_one(Person, swiss.cast.pm).status = "disabled"
    go_to(swiss, NOTICE_AT + SECOND)
    assert [message.number for message in swiss.email.sent_to(LEAD, K.CLOSING_SOON)] == [request.number]


def test_without_anybody_to_tell_it_stays_open_and_is_looked_at_again_a_day_later(swiss: Installation):
    request = answered(swiss)
    with swiss.runtime.db.write() as session:
        for person in (swiss.cast.pm, swiss.cast.lead):
            session.get_one(Person, person).status = "disabled"
        session.get_one(Person, swiss.cast.head).status = "disabled"
    go_to(swiss, NOTICE_AT + SECOND)
    assert stored(swiss, request).next_check_at == NOTICE_AT + SECOND + timedelta(days=1)
    go_to(swiss, CLOSES_AT + SECOND)
    assert state_of(swiss, request) == State.ANSWERED


def test_no_working_days_means_never(tmp_path: Path):
    with open_installation(f"sqlite:///{tmp_path}/installation.db", auto_close_working_days=0) as installation:
        request = answered(installation)
        assert stored(installation, request).next_check_at is None
        let_weeks_pass(installation)
        assert state_of(installation, request) == State.ANSWERED


@pytest.mark.parametrize(
    "wrong",
    [
        {"sponsor_country": "XX"},
        {"sponsor_country": "GB"},
        {"sponsor_subdivision": "BS"},
        {"sponsor_time_zone": "Basel"},
        {"sponsor_time_zone": "localtime"},
    ],
)
def test_settings_it_cannot_count_by_are_refused_at_the_start(wrong: dict[str, str]):
    with pytest.raises(ValidationError):
        Settings(_env_file=None, **wrong)
