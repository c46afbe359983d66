"""One pass of the cycle: what is due is leased and decided once, whatever stands in its way."""

from datetime import timedelta

from slamon.db import claims
from slamon.db.policies import FrozenTerms
from slamon.db.requests import CmoRequest
from slamon.domain.lifecycle import Action
from slamon.engine import cycle
from slamon.engine.cycle import InlineDispatcher, tick
from slamon.engine.heartbeat import Watch
from slamon.wording.message import MessageKind
from tests.installation import (
    CMO_CHANNEL,
    CMO_LEAD,
    LEAD,
    NOBODY,
    Installation,
)
from tests.services.deadlines.test_reconcile import kinds, pass_hours

K = MessageKind


def test_several_tickers_over_the_same_requests_tell_once(postgres_installation: Installation):
    for _ in range(5):
        postgres_installation.file()
    postgres_installation.clock.advance(hours=49)
    carriers = [(InlineDispatcher(postgres_installation.runtime), Watch(8)) for _ in range(3)]
    for _ in range(3):
        for carrier, watch in carriers:
            tick(postgres_installation.runtime, carrier, watch)
    assert len(postgres_installation.slack.sent_to(CMO_CHANNEL, K.LIMIT)) == 5


def test_a_request_handed_out_comes_again_when_its_lease_ends_and_not_before(any_installation: Installation):
    request = any_installation.file()
    any_installation.clock.advance(hours=25)
    now, lease = any_installation.clock.now(), timedelta(seconds=8)
    handed = []
    for seconds in (0, 7, 9):
        at = now + timedelta(seconds=seconds)
        with any_installation.runtime.db.write() as session:
            handed.append(claims.lease_requests(session, now=at, again_at=at + lease, most=10))
    assert handed == [[request.id], [], [request.id]]


def test_a_poisonous_request_is_set_aside_and_the_others_go_on(any_installation: Installation):
    sick, well = any_installation.file(), any_installation.file(site_id=any_installation.cast.second_site)
    with any_installation.runtime.db.write() as session:
        session.get_one(CmoRequest, sick.id).terms_digest = "0" * 64
        session.add(FrozenTerms(digest="0" * 64, content={"policy": "unreadable"}))
    pass_hours(any_installation, 49)
    assert any_installation.email.sent_to(CMO_LEAD, K.LIMIT)[0].number == well.number
    with any_installation.runtime.db.read() as session:
        stored = session.get_one(CmoRequest, sick.id)
        assert stored.failed_checks == 1
        assert stored.wake_at == any_installation.clock.now() + cycle.POISON_PAUSE


def test_a_question_does_not_swallow_a_breach_already_queued(installation: Installation):
    request = installation.file()
    installation.clock.advance(hours=49)
    cycle.check_requests(installation.runtime, NOBODY, [request.id])
    installation.act(request.id, Action.ASK, by=installation.cast.contact, text="Which lot?")
    installation.clock.advance(seconds=9)  # what was leased and not done comes up again
    installation.work()
    assert kinds(installation.email, LEAD) == [K.LIMIT]


def test_a_worker_whose_clock_is_behind_hands_the_request_back_at_once(installation: Installation):
    request = installation.file()
    with installation.runtime.db.write() as session:
        session.get_one(CmoRequest, request.id).wake_at = installation.clock.now() + timedelta(
            hours=100
        )  # as a claim leaves it
    cycle.check_requests(installation.runtime, NOBODY, [request.id])
    with installation.runtime.db.read() as session:
        stored = session.get_one(CmoRequest, request.id)
        assert stored.wake_at == stored.next_check_at
