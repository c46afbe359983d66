"""A breach is told when it happens, withdrawn when it turns out to be none, and told again when it happens again."""

import tempfile
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select, update

from slamon.db.outbox import Notification
from slamon.db.policies import Policy
from slamon.db.requests import CmoRequest, CrossingRow
from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import Action
from slamon.domain.terms import REPETITIONS
from slamon.domain.timeline import SYSTEM, Via
from slamon.engine.watchdog import Watchdog
from slamon.errors import DeliveryError, SlamonError
from slamon.services.deadlines import policy_changes, term_changes
from slamon.services.deadlines.loading import load_request
from slamon.services.directory.bootstrap import default_policies
from slamon.services.directory.recipients import Recipients
from slamon.services.directory.records import change, create
from slamon.services.reports.verify import Difference, verify_requests
from slamon.wording.message import BREACH_KINDS, LADDER_KINDS, MessageKind
from tests.installation import (
    ADMIN,
    CMO_CHANNEL,
    CMO_LEAD,
    CONTACT,
    HEAD,
    LEAD,
    PM,
    START,
    Installation,
    open_installation,
)

K = MessageKind
ONLY_LIMIT = [{"level": "limit", "to": [{"channel": "slack", "role": "lead"}, {"channel": "email", "role": "lead"}]}]


def pass_hours(installation: Installation, *hours: float) -> None:
    """Work just after each of these hours since the start."""
    for each in hours:
        installation.clock.advance(
            seconds=(START + timedelta(hours=each, seconds=1) - installation.clock.now()).total_seconds()
        )
        installation.work()


def by_phone(installation: Installation, request: CmoRequest, action: Action, hour: float, **payload: Any) -> None:
    """The project manager writes down what the contact said on the phone at that hour."""
    installation.act(
        request.id, action, by=installation.cast.pm, on_behalf_of=installation.cast.contact, via=Via.PHONE_RECORDED,
        evidence="Corinne called Petra", occurred_at=START + timedelta(hours=hour), **payload,
    )  # fmt: skip
    installation.work()


def put_in_force(
    installation: Installation, *, hours: tuple[int, int], mode: str = "elapsed", ladder: Any = None
) -> Policy:
    """A line for the first CMO that wins from now."""
    target, limit = hours
    clock = {"target": f"PT{target}H", "limit": f"PT{limit}H", "mode": mode}
    now = installation.clock.now()
    with installation.runtime.write() as tx:
        values = {
            "clocks": dict.fromkeys(("acknowledgement", "answer", "reply"), clock),
            "ladder": ladder or default_policies(STANDARD.clocks)[0]["ladder"],
        }  # fmt: skip
        own = select(Policy).where(Policy.cmo_id == installation.cast.cmo, Policy.former_of.is_(None))
        line = tx.session.scalars(own).one_or_none()
        if line is not None:
            return change(tx, Policy, line.id, values, by=SYSTEM, reason="Agreed")
        scope = {"name": "For Rhein Fill", "cmo_id": installation.cast.cmo, "effective_from": now}
        return create(tx, Policy, {**scope, **values}, by=SYSTEM)


def apply(installation: Installation, line: Policy) -> None:
    admin = installation.caller(installation.cast.admin)
    with installation.runtime.write() as tx:
        term_changes.apply(tx, policy_changes.of_policy(tx, line.id, admin), by=SYSTEM, reason="Agreed")


def findings(installation: Installation) -> list[str]:
    with installation.runtime.read() as tx:
        return [str(f) for f in verify_requests(tx) if isinstance(f, Difference)]


def breached_and_asked_before(installation: Installation, **line: Any) -> CmoRequest:
    """Acknowledged after an hour, breached at 48 h, and then a question of the tenth hour is written down."""
    if line:
        put_in_force(installation, **line)
    request = installation.file()
    pass_hours(installation, 1)
    installation.act(request.id, Action.ACKNOWLEDGE, by=installation.cast.contact)
    pass_hours(installation, 18, 24, 48)
    assert len(installation.email.sent_to(LEAD, K.LIMIT)) == 1
    by_phone(installation, request, Action.ASK, 10, text="Which strength?")
    return request


@pytest.mark.parametrize("line", [{}, {"hours": (24, 48), "ladder": ONLY_LIMIT}])
def test_a_breach_after_a_withdrawn_one_is_told_like_the_first(installation: Installation, line: dict[str, Any]):
    request = breached_and_asked_before(installation, **line)
    pass_hours(installation, 50)
    installation.act(request.id, Action.REPLY, by=installation.cast.pm, text="5 mg")
    pass_hours(installation, 60, 70, 87)
    assert len(installation.email.sent_to(LEAD, K.LIMIT)) == len(installation.slack.sent_to(CMO_CHANNEL, K.LIMIT)) == 1
    pass_hours(installation, 88, 89, 90)  # ten hours before the question, 38 after the reply
    assert len(installation.email.sent_to(LEAD, K.LIMIT)) == len(installation.slack.sent_to(CMO_CHANNEL, K.LIMIT)) == 2
    second = installation.slack.sent_to(CMO_CHANNEL, K.LIMIT)[1]
    assert [(clock.words.label, clock.limit_at) for clock in second.clocks] == [
        ("answer", START + timedelta(hours=88, seconds=1))  # the second in which the reply was written
    ]
    assert findings(installation) == []


def test_a_second_breach_climbs_the_whole_ladder_and_an_old_taking_does_not_stop_its_repetition(
    installation: Installation,
):
    request = breached_and_asked_before(installation)
    installation.act(request.id, Action.TAKE, by=installation.cast.lead)
    pass_hours(installation, 50)
    installation.act(request.id, Action.REPLY, by=installation.cast.pm, text="5 mg")
    pass_hours(installation, 88.1, 92.1, 96.1, 112.1)
    of_the_answer = [m for m in installation.email.sent if m.clocks and m.clocks[0].words.label == "answer"]
    assert [m.kind for m in of_the_answer if m.address == LEAD] == [K.LIMIT, K.LIMIT, K.REPEAT]
    assert [m.kind for m in of_the_answer if m.address == HEAD] == [K.STEP_3]


def test_who_was_told_of_a_withdrawn_breach_hears_that_once_in_the_thread_where_there_is_one(
    any_installation: Installation,
):
    breached_and_asked_before(any_installation)
    pass_hours(any_installation, 49, 50)
    [first], [taken_back] = (any_installation.slack.sent_to(CMO_CHANNEL, kind) for kind in (K.LIMIT, K.WITHDRAWN))
    assert taken_back.thread_id == f"slack:{any_installation.slack.sent.index(first) + 1}"
    assert taken_back.detail == "an earlier act was recorded later"
    assert [clock.words.label for clock in taken_back.clocks] == ["answer"]
    for address in (PM, CMO_LEAD):
        assert len(any_installation.email.sent_to(address, K.WITHDRAWN)) == 1
    for address in (LEAD, HEAD, CONTACT):  # told in the thread, or never told of a breach
        assert not any_installation.email.sent_to(address, K.WITHDRAWN)
    assert not any_installation.slack.sent_to(CMO_CHANNEL, K.CLOSING)
    assert findings(any_installation) == []


def test_a_breach_undone_by_an_answer_recorded_late_is_withdrawn_and_not_closed(installation: Installation):
    request = installation.file()
    pass_hours(installation, 1)
    installation.act(request.id, Action.ACKNOWLEDGE, by=installation.cast.contact)
    pass_hours(installation, 48)
    by_phone(installation, request, Action.ANSWER, 20, text="Yes, it is free")
    assert [m.kind for m in installation.slack.sent_to(CMO_CHANNEL)] == [K.LIMIT, K.WITHDRAWN]


def test_of_several_steps_told_to_one_person_one_withdrawal_comes(installation: Installation):
    request = installation.file()
    pass_hours(installation, 1)
    installation.act(request.id, Action.ACKNOWLEDGE, by=installation.cast.contact)
    pass_hours(installation, 48, 52, 72)
    by_phone(installation, request, Action.ASK, 10, text="Which strength?")
    of_the_answer = [m for m in installation.slack.sent_to(CMO_CHANNEL) if m.clocks[0].words.label == "answer"]
    assert [m.kind for m in of_the_answer] == [K.LIMIT, K.REPEAT, K.STEP_3, K.WITHDRAWN]
    for address in (PM, CMO_LEAD):
        assert len(installation.email.sent_to(address, K.WITHDRAWN)) == 1


def test_a_breach_whose_message_never_left_is_neither_told_nor_withdrawn(installation: Installation):
    request = installation.file()
    pass_hours(installation, 1)
    installation.act(request.id, Action.ACKNOWLEDGE, by=installation.cast.contact)
    pass_hours(installation, 24)
    failing = [DeliveryError("down"), DeliveryError("down"), DeliveryError("down"), DeliveryError("down")]
    installation.slack.failures.extend(failing[:1])
    installation.email.failures.extend(failing)
    pass_hours(installation, 48)  # the first attempts fail, and all wait
    by_phone(installation, request, Action.ASK, 10, text="Which strength?")
    installation.slack.failures.clear()
    installation.email.failures.clear()
    pass_hours(installation, 49, 50)
    sent = [m.kind for channel in (installation.slack, installation.email) for m in channel.sent]
    assert not {K.LIMIT, K.WITHDRAWN}.intersection(sent)


def test_a_withdrawal_that_slack_refuses_comes_by_mail(installation: Installation):
    breached = installation.file()
    pass_hours(installation, 48)
    installation.slack.failures.append(DeliveryError("gone", permanent=True))
    by_phone(installation, breached, Action.ANSWER, 20, text="Yes")
    pass_hours(installation, 49)
    assert len(installation.email.sent_to(LEAD, K.WITHDRAWN)) == 1


def test_a_breach_that_other_terms_move_is_withdrawn_and_the_new_one_told_unless_it_is_the_same(
    installation: Installation,
):
    installation.file()
    pass_hours(installation, 24, 48)
    told = installation.email.sent_to
    apply(installation, put_in_force(installation, hours=(24, 40)))
    installation.work()
    assert [m.kind for m in told(LEAD) if m.kind in (K.LIMIT, K.WITHDRAWN)] == [K.LIMIT, K.LIMIT]
    assert len(installation.slack.sent_to(CMO_CHANNEL, K.WITHDRAWN)) == len(told(PM, K.WITHDRAWN)) == 1
    apply(installation, put_in_force(installation, hours=(12, 40)))  # the breach stands where it stood
    installation.work()
    assert len(told(LEAD, K.LIMIT)) == 2
    apply(
        installation, put_in_force(installation, hours=(24, 48))
    )  # and is once more what was told first and then withdrawn
    installation.work()
    assert len(told(LEAD, K.LIMIT)) == 3
    assert findings(installation) == []


def test_a_lower_step_is_told_once_the_one_that_passed_over_it_is_undone(installation: Installation):
    installation.file()
    pass_hours(installation, 73)  # found together: step 3 speaks, the breach is passed over
    assert not installation.email.sent_to(LEAD, K.LIMIT)
    later = [
        {**step, "offset": "PT90H"} if step["level"] == "step_3" else step
        for step in default_policies(STANDARD.clocks)[0]["ladder"]
    ]
    apply(installation, put_in_force(installation, hours=(24, 48), ladder=later))
    installation.work()
    assert len(installation.email.sent_to(LEAD, K.LIMIT)) == 1
    assert (
        len(installation.email.sent_to(HEAD, K.WITHDRAWN)) + len(installation.slack.sent_to(CMO_CHANNEL, K.WITHDRAWN))
        >= 1
    )


@pytest.mark.parametrize("lost", ["message", "telling"])
def test_a_standing_breach_that_nobody_was_told_of_is_alarmed_and_found_by_verify(
    any_installation: Installation, lost: str
):
    request = any_installation.file()
    pass_hours(any_installation, 48, 48.2)
    assert findings(any_installation) == []
    with any_installation.runtime.db.write() as session:
        if lost == "telling":
            values = {"notified": False, "untold": True}
            session.execute(update(CrossingRow).where(CrossingRow.level == "limit").values(**values))
        else:  # of another instant there is one, as when an earlier breach was told
            limits = update(Notification).where(Notification.kind == K.LIMIT)
            session.execute(limits.values(crossed_at=START + timedelta(hours=40)))
    assert len(findings(any_installation)) == 1
    assert f"{request.number}: nobody was told of crossing" in findings(any_installation)[0]
    auditor = Watchdog(any_installation.runtime)
    auditor.look()
    assert any(
        "escalations have no message" in (m.detail or "") for m in any_installation.email.sent_to(ADMIN, K.ALARM)
    )


class AnyLife(RuleBasedStateMachine):
    """One request of any life, through rows and messages: facts told late, pauses, other terms, priorities, time."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.installation = self.stack.enter_context(
            open_installation(f"sqlite:///{Path(folder)}/life.db", digest_above=1000)
        )

    def teardown(self) -> None:
        self.stack.close()

    @initialize(mode=st.sampled_from(("elapsed", "calendar")))
    def file(self, mode: str) -> None:
        put_in_force(self.installation, hours=(12, 30), mode=mode)
        self.request = self.installation.file()
        self.installation.work()

    @rule(hours=st.integers(1, 40))
    def time_passes(self, hours: int) -> None:
        self.installation.clock.advance(hours=hours, seconds=1)
        self.installation.work()

    @rule(action=st.sampled_from((Action.ASK, Action.ACKNOWLEDGE, Action.ANSWER, Action.WAIT)), late=st.integers(0, 60))
    def the_cmo_acted(self, action: Action, late: int) -> None:
        at = max(self.installation.clock.now() - timedelta(hours=late), START)
        until = (
            {"until": (self.installation.clock.now() + timedelta(hours=9)).isoformat()} if action == Action.WAIT else {}
        )
        with_words = {"reason": "The laboratory"} if action == Action.WAIT else {"text": "Said"}
        self._try(
            action, by=self.installation.cast.pm, on_behalf_of=self.installation.cast.contact, via=Via.PHONE_RECORDED,
            evidence="A call", occurred_at=at, particulars=until, **with_words,
        )  # fmt: skip

    @rule(action=st.sampled_from((Action.REPLY, Action.FOLLOW_UP, Action.REJECT, Action.TAKE, Action.RESUME)))
    def the_sponsor_acts(self, action: Action) -> None:
        self._try(action, by=self.installation.cast.lead, text="Said", reason="Said")

    @rule(priority=st.sampled_from(("routine", "urgent")))
    def the_priority_changes(self, priority: str) -> None:
        with self.installation.runtime.db.read() as session:
            version = session.get_one(CmoRequest, self.request.id).version
        self._try(
            Action.AMEND,
            by=self.installation.cast.lead,
            reason="Agreed",
            particulars={"changes": {"priority": priority}},
            expected_version=version,
        )

    @rule(
        hours=st.integers(4, 30), more=st.integers(0, 40), mode=st.sampled_from(("elapsed", "calendar")),
        is_short=st.booleans(),
    )  # fmt: skip
    def other_terms_are_applied(self, hours: int, more: int, mode: str, is_short: bool) -> None:
        ladder = ONLY_LIMIT if is_short else None
        apply(self.installation, put_in_force(self.installation, hours=(hours, hours + more), mode=mode, ladder=ladder))
        self.installation.work()

    def _try(self, action: Action, **said: Any) -> None:
        try:
            self.installation.act(self.request.id, action, **said)
        except SlamonError:
            return
        self.installation.work()

    @invariant()
    def every_standing_step_that_none_passed_over_has_reached_its_readers_once(self) -> None:
        if not hasattr(self, "request"):
            return
        with self.installation.runtime.read() as tx:
            session = tx.session
            case = load_request(tx, session.get_one(CmoRequest, self.request.id))
            outcome = case.evaluate(self.installation.clock.now())
            sent = select(Notification).where(Notification.state == "sent").order_by(Notification.id)
            told = [row for row in session.scalars(sent) if row.kind in LADDER_KINDS]
            withdrawn = {row.id: row.clocks for row in session.scalars(sent) if row.kind == K.WITHDRAWN}
            recipients = Recipients(tx, [case.request])
            for clock in {crossing.clock for crossing in outcome.due}:
                own = [c for c in outcome.due if c.clock == clock and c.level not in REPETITIONS]
                for last in (c for c in own if c.order == max(each.order for each in own)):
                    about = [
                        row for row in told
                        if (row.kind, row.crossed_at) == (last.level, last.crossed_at) and str(clock) in row.clocks
                        and str(clock) not in withdrawn.get(row.withdrawn_by, ())
                    ]  # fmt: skip
                    addresses = [row.address for row in about]
                    readers = {reader.address for to in last.step.to for reader in recipients.readers(case.request, to)}
                    assert readers <= set(addresses), f"{last} reached {addresses} alone"
                    assert len(set(addresses)) == len(addresses), f"{last} was told twice"
            self._withdrawn_once(session.scalars(select(Notification)).all(), told, outcome.crossings)
        assert findings(self.installation) == []

    def _withdrawn_once(self, rows: Any, told: Any, crossings: Any) -> None:
        by_id = {row.id: row for row in rows}
        standing = {(str(c.clock), c.level.value, c.crossed_at) for c in crossings}
        for row in told:
            holds = all((clock, row.kind, row.crossed_at) in standing for clock in row.clocks)
            if row.kind in BREACH_KINDS and not holds:
                assert row.withdrawn_by, f"{row.dedupe_key} holds no more and was not withdrawn"
            if row.withdrawn_by:
                assert by_id[row.withdrawn_by].state == "sent"


AnyLife.TestCase.settings = settings(max_examples=15, stateful_step_count=16, deadline=None)
TestAnyLife = AnyLife.TestCase
