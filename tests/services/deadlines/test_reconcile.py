"""The ladder, told through filing, time passing and the messages that leave."""

from datetime import timedelta

from sqlalchemy import delete, select

from slamon.db.outbox import Notification, NotificationState
from slamon.db.parties import Organization, Person, Project
from slamon.db.requests import ClockRow, CmoRequest, CrossingRow
from slamon.domain.lifecycle import Action
from slamon.domain.timeline import Via
from slamon.engine import cycle
from slamon.wording.facts import FACTS
from slamon.wording.message import MessageKind
from tests.installation import (
    BACKUP,
    CMO_CHANNEL,
    CMO_LEAD,
    CONTACT,
    HEAD,
    LEAD,
    NOBODY,
    PM,
    QUALITY,
    START,
    STEERING,
    Installation,
)

K = MessageKind


def kinds(channel, address):
    return [message.kind for message in channel.sent_to(address)]


def pass_hours(installation: Installation, *stops: float) -> None:
    """Let time pass, with the cycle looking in a second after each of these hours."""
    for hours in stops:
        gap = START + timedelta(hours=hours, seconds=1) - installation.clock.now()
        installation.clock.advance(seconds=gap.total_seconds())
        installation.work()


def test_silence_climbs_the_whole_ladder_and_everybody_hears_once(any_installation: Installation):
    any_installation.file()
    any_installation.work()
    pass_hours(any_installation, 18, 24, 48, 52, 56, 72, 120)

    assert kinds(any_installation.email, CONTACT) == [K.FILED, K.REMINDER, K.TARGET]
    assert kinds(any_installation.email, BACKUP) == [K.REMINDER]
    assert kinds(any_installation.email, CMO_LEAD) == [K.TARGET, K.LIMIT, K.STEP_3]
    assert kinds(any_installation.slack, CMO_CHANNEL) == [K.LIMIT, K.REPEAT, K.STEP_3]
    assert kinds(any_installation.email, LEAD) == [K.LIMIT, K.REPEAT]
    assert kinds(any_installation.email, HEAD) == kinds(any_installation.email, QUALITY) == [K.STEP_3]
    assert kinds(any_installation.email, STEERING) == [K.STEP_4]
    # No Slack account: mail instead. Nobody backs the lead up, so the manager hears that step.
    assert kinds(any_installation.email, PM) == [K.TARGET, K.LIMIT, K.BACKUP]


def test_clocks_that_pass_a_step_together_share_one_message(installation: Installation):
    installation.file()
    pass_hours(installation, 24)
    (told,) = installation.email.sent_to(CONTACT, K.TARGET)
    assert [clock.words.label for clock in told.clocks] == ["acknowledgement", "answer"]


def test_looking_again_finds_nothing_new(installation: Installation):
    request = installation.file()
    pass_hours(installation, 49)
    before = len(installation.email.sent), len(installation.slack.sent)
    cycle.check_requests(installation.runtime, NOBODY, [request.id])
    installation.work()
    assert (len(installation.email.sent), len(installation.slack.sent)) == before


def test_an_answer_silences_what_is_pending_and_closes_the_thread_once(installation: Installation):
    request = installation.file()
    pass_hours(installation, 49)
    installation.act(request.id, Action.ANSWER, by=installation.cast.contact, text="Slots in week 20")
    pass_hours(installation, 60, 200)

    assert kinds(installation.slack, CMO_CHANNEL) == [K.LIMIT, K.CLOSING]
    (closing,) = installation.slack.sent_to(CMO_CHANNEL, K.CLOSING)
    assert (closing.thread_id, closing.act) == ("slack:1", FACTS["answered"])
    assert kinds(installation.email, CONTACT)[-1] is K.RECEIPT
    assert installation.email.sent_to(PM, K.CMO_ACTED)[0].act == FACTS["answered"]
    assert not installation.email.sent_to(HEAD)


def test_after_an_outage_each_crossing_is_found_once_at_its_computed_time_and_only_the_highest_speaks(
    installation: Installation,
):
    request = installation.file()
    installation.work()
    pass_hours(installation, 60)  # nobody looked for sixty hours

    with installation.runtime.db.read() as session:
        rows = session.scalars(
            select(CrossingRow)
            .where(CrossingRow.request_id == request.id, CrossingRow.clock == "answer")
            .order_by(CrossingRow.crossed_at)
        ).all()
    hours = [(row.level, (row.crossed_at - START) / timedelta(hours=1)) for row in rows]
    assert hours == [("reminder", 18), ("target", 24), ("limit", 48), ("repeat", 52), ("backup", 56)]
    assert [row.level for row in rows if row.notified] == ["limit"]
    assert {row.detected_at - row.crossed_at for row in rows if row.level == "limit"} == {
        timedelta(hours=12, seconds=1)
    }
    assert kinds(installation.email, CONTACT) == [K.FILED]
    assert kinds(installation.email, LEAD) == [K.LIMIT]


def test_a_question_pauses_the_answer_clock_until_the_sponsor_replies(installation: Installation):
    request = installation.file()
    installation.clock.advance(hours=10)
    installation.act(request.id, Action.ASK, by=installation.cast.contact, text="Which strength?")
    pass_hours(installation, 100)
    assert kinds(installation.email, CONTACT) == [K.FILED, K.RECEIPT]
    installation.act(request.id, Action.REPLY, by=installation.cast.pm, text="5 mg")
    pass_hours(
        installation, 110, 115
    )  # ten hours were used before the question: the target lies 14 hours after the reply
    assert kinds(installation.email, CONTACT)[2:] == [K.SPONSOR_ACTED, K.REMINDER, K.TARGET]


def test_taking_an_escalation_stops_its_repetition(installation: Installation):
    request = installation.file()
    pass_hours(installation, 49)
    installation.act(request.id, Action.TAKE, by=installation.cast.lead)
    pass_hours(installation, 53, 57)
    assert kinds(installation.email, LEAD) == [K.LIMIT]


def test_a_call_written_down_late_rescinds_the_breach_and_says_why(installation: Installation):
    request = installation.file()
    pass_hours(installation, 49)
    installation.act(
        request.id,
        Action.ANSWER,
        by=installation.cast.pm,
        text="Told by phone",
        on_behalf_of=installation.cast.contact,
        via=Via.PHONE_RECORDED,
        evidence="Corinne called Petra",
        occurred_at=START + timedelta(hours=20),
    )
    with installation.runtime.db.read() as session:
        rows = session.scalars(select(CrossingRow).where(CrossingRow.clock == "answer")).all()
        clock = session.get_one(ClockRow, (request.id, "answer", 1))
    assert {row.level: row.status for row in rows} == {"reminder": "open", "target": "rescinded", "limit": "rescinded"}
    assert {row.rescinded_reason for row in rows if row.status == "rescinded"} == {"an earlier act was recorded later"}
    assert clock.outcome == "met"


def test_cancelling_silences_pending_messages_in_the_same_transaction(installation: Installation):
    request = installation.file()
    installation.work()
    installation.clock.advance(hours=25)
    cycle.check_requests(installation.runtime, NOBODY, [request.id])  # found, not yet sent
    installation.act(request.id, Action.CANCEL, by=installation.cast.pm, reason="Study on hold")
    installation.work()
    assert not installation.email.sent_to(CONTACT, K.TARGET)
    assert installation.email.sent_to(CONTACT, K.SPONSOR_ACTED)[0].act == FACTS["cancelled"]


def test_the_same_step_never_gets_a_second_row_even_if_its_crossing_is_forgotten(installation: Installation):
    request = installation.file()
    pass_hours(installation, 25)
    with installation.runtime.db.write() as session:
        session.execute(delete(CrossingRow))
        stored = session.get_one(CmoRequest, request.id)
        stored.next_check_at = stored.wake_at = START
    installation.work()
    assert len(installation.email.sent_to(CONTACT, K.TARGET)) == 1


def test_dropped_messages_are_kept_as_suppressed_not_deleted(installation: Installation):
    request = installation.file()
    installation.work()
    installation.clock.advance(hours=25)
    cycle.check_requests(installation.runtime, NOBODY, [request.id])
    installation.act(request.id, Action.ANSWER, by=installation.cast.contact, text="Here it is")
    with installation.runtime.db.read() as session:
        states = session.scalars(select(Notification.state).where(Notification.kind == K.TARGET.value)).all()
    assert set(states) == {NotificationState.SUPPRESSED}


def test_a_breach_passed_just_before_a_question_is_told_once_the_clock_runs_again(installation: Installation):
    request = installation.file()
    installation.work()
    installation.clock.advance(hours=49)  # nobody has looked yet when the CMO asks
    installation.act(request.id, Action.ASK, by=installation.cast.contact, text="Which lot?")
    installation.work()
    assert not installation.email.sent_to(LEAD)
    with installation.runtime.db.read() as session:  # whether it still matters is seen when the clock runs again
        assert not session.scalars(select(CrossingRow).where(CrossingRow.clock == "answer")).all()
    installation.act(request.id, Action.REPLY, by=installation.cast.pm, text="Lot 7")
    installation.work()
    assert kinds(installation.email, LEAD) == [K.LIMIT]


def test_a_breach_without_a_lead_goes_to_the_heads_and_the_cmos_channel(installation: Installation):
    with installation.runtime.db.write() as session:
        session.get_one(Organization, installation.cast.cmo).lead_id = None
        session.get_one(Project, installation.cast.project).lead_id = None
    installation.file()
    pass_hours(installation, 49)
    assert kinds(installation.slack, CMO_CHANNEL) == [K.LIMIT]
    assert kinds(installation.email, HEAD) == [K.LIMIT]


def test_the_leads_backup_may_take_what_comes_to_them(installation: Installation):
    with installation.runtime.db.write() as session:
        session.get_one(Person, installation.cast.lead).backup_id = installation.cast.head
        session.get_one(Person, installation.cast.head).roles = ["lead"]
    request = installation.file()
    pass_hours(installation, 49, 57)
    assert kinds(installation.email, HEAD) == [K.BACKUP]
    assert installation.act(request.id, Action.TAKE, by=installation.cast.head).fact_count == 2


def test_a_receipt_goes_to_whoever_submitted_and_never_carries_what_staff_wrote_down(installation: Installation):
    by_lead, by_phone = installation.file(), installation.file()
    installation.act(by_lead.id, Action.ANSWER, by=installation.cast.cmo_lead, text="Slots in May")
    installation.act(
        by_phone.id, Action.ANSWER, by=installation.cast.pm, text="LOT A17", on_behalf_of=installation.cast.contact,
        via=Via.PHONE_RECORDED, evidence="called",
    )  # fmt: skip
    installation.work()
    assert [message.submitted for message in installation.email.sent_to(CMO_LEAD, K.RECEIPT)] == ["Slots in May"]
    assert [message.submitted for message in installation.email.sent_to(CONTACT, K.RECEIPT)] == [None]
