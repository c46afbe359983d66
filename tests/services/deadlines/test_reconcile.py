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


def pass_hours(world: Installation, *stops: float) -> None:
    """Let time pass, with the cycle looking in a second after each of these hours."""
    for hours in stops:
        gap = START + timedelta(hours=hours, seconds=1) - world.clock.now()
        world.clock.advance(seconds=gap.total_seconds())
        world.work()


def test_silence_climbs_the_whole_ladder_and_everybody_hears_once(any_world: Installation):
    any_world.file()
    any_world.work()
    pass_hours(any_world, 18, 24, 48, 52, 56, 72, 120)

    assert kinds(any_world.email, CONTACT) == [K.FILED, K.REMINDER, K.TARGET]
    assert kinds(any_world.email, BACKUP) == [K.REMINDER]
    assert kinds(any_world.email, CMO_LEAD) == [K.TARGET, K.LIMIT, K.STEP_3]
    assert kinds(any_world.slack, CMO_CHANNEL) == [K.LIMIT, K.REPEAT, K.STEP_3]
    assert kinds(any_world.email, LEAD) == [K.LIMIT, K.REPEAT]
    assert kinds(any_world.email, HEAD) == kinds(any_world.email, QUALITY) == [K.STEP_3]
    assert kinds(any_world.email, STEERING) == [K.STEP_4]
    # No Slack account: mail instead. Nobody backs the lead up, so the manager hears that step.
    assert kinds(any_world.email, PM) == [K.TARGET, K.LIMIT, K.BACKUP]


def test_clocks_that_pass_a_rung_together_share_one_message(world: Installation):
    world.file()
    pass_hours(world, 24)
    (told,) = world.email.sent_to(CONTACT, K.TARGET)
    assert [clock.words.label for clock in told.clocks] == ["acknowledgement", "answer"]


def test_looking_again_finds_nothing_new(world: Installation):
    request = world.file()
    pass_hours(world, 49)
    before = len(world.email.sent), len(world.slack.sent)
    cycle.check_requests(world.runtime, NOBODY, [request.id])
    world.work()
    assert (len(world.email.sent), len(world.slack.sent)) == before


def test_an_answer_silences_what_is_pending_and_closes_the_thread_once(world: Installation):
    request = world.file()
    pass_hours(world, 49)
    world.act(request.id, Action.ANSWER, by=world.cast.contact, text="Slots in week 20")
    pass_hours(world, 60, 200)

    assert kinds(world.slack, CMO_CHANNEL) == [K.LIMIT, K.CLOSING]
    (closing,) = world.slack.sent_to(CMO_CHANNEL, K.CLOSING)
    assert (closing.thread_id, closing.act) == ("slack:1", FACTS["answered"])
    assert kinds(world.email, CONTACT)[-1] is K.RECEIPT
    assert world.email.sent_to(PM, K.CMO_ACTED)[0].act == FACTS["answered"]
    assert not world.email.sent_to(HEAD)


def test_after_an_outage_each_crossing_is_found_once_at_its_computed_time_and_only_the_highest_speaks(
    world: Installation,
):
    request = world.file()
    world.work()
    pass_hours(world, 60)  # nobody looked for sixty hours

    with world.runtime.db.read() as session:
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
    assert kinds(world.email, CONTACT) == [K.FILED]
    assert kinds(world.email, LEAD) == [K.LIMIT]


def test_a_question_pauses_the_answer_clock_until_the_sponsor_replies(world: Installation):
    request = world.file()
    world.clock.advance(hours=10)
    world.act(request.id, Action.ASK, by=world.cast.contact, text="Which strength?")
    pass_hours(world, 100)
    assert kinds(world.email, CONTACT) == [K.FILED, K.RECEIPT]
    world.act(request.id, Action.REPLY, by=world.cast.pm, text="5 mg")
    pass_hours(world, 110, 115)  # ten hours were used before the question: the target lies 14 hours after the reply
    assert kinds(world.email, CONTACT)[2:] == [K.SPONSOR_ACTED, K.REMINDER, K.TARGET]


def test_taking_an_escalation_stops_its_repetition(world: Installation):
    request = world.file()
    pass_hours(world, 49)
    world.act(request.id, Action.TAKE, by=world.cast.lead)
    pass_hours(world, 53, 57)
    assert kinds(world.email, LEAD) == [K.LIMIT]


def test_a_call_written_down_late_rescinds_the_breach_and_says_why(world: Installation):
    request = world.file()
    pass_hours(world, 49)
    world.act(
        request.id,
        Action.ANSWER,
        by=world.cast.pm,
        text="Told by phone",
        on_behalf_of=world.cast.contact,
        via=Via.PHONE_RECORDED,
        evidence="Corinne called Petra",
        occurred_at=START + timedelta(hours=20),
    )
    with world.runtime.db.read() as session:
        rows = session.scalars(select(CrossingRow).where(CrossingRow.clock == "answer")).all()
        clock = session.get_one(ClockRow, (request.id, "answer", 1))
    assert {row.level: row.status for row in rows} == {"reminder": "open", "target": "rescinded", "limit": "rescinded"}
    assert {row.rescinded_reason for row in rows if row.status == "rescinded"} == {"an earlier act was recorded later"}
    assert clock.outcome == "met"


def test_cancelling_silences_pending_messages_in_the_same_transaction(world: Installation):
    request = world.file()
    world.work()
    world.clock.advance(hours=25)
    cycle.check_requests(world.runtime, NOBODY, [request.id])  # found, not yet sent
    world.act(request.id, Action.CANCEL, by=world.cast.pm, reason="Study on hold")
    world.work()
    assert not world.email.sent_to(CONTACT, K.TARGET)
    assert world.email.sent_to(CONTACT, K.SPONSOR_ACTED)[0].act == FACTS["cancelled"]


def test_the_same_rung_never_gets_a_second_row_even_if_its_crossing_is_forgotten(world: Installation):
    request = world.file()
    pass_hours(world, 25)
    with world.runtime.db.write() as session:
        session.execute(delete(CrossingRow))
        stored = session.get_one(CmoRequest, request.id)
        stored.next_check_at = stored.wake_at = START
    world.work()
    assert len(world.email.sent_to(CONTACT, K.TARGET)) == 1


def test_dropped_messages_are_kept_as_suppressed_not_deleted(world: Installation):
    request = world.file()
    world.work()
    world.clock.advance(hours=25)
    cycle.check_requests(world.runtime, NOBODY, [request.id])
    world.act(request.id, Action.ANSWER, by=world.cast.contact, text="Here it is")
    with world.runtime.db.read() as session:
        states = session.scalars(select(Notification.state).where(Notification.kind == K.TARGET.value)).all()
    assert set(states) == {NotificationState.SUPPRESSED}


def test_a_breach_passed_just_before_a_question_is_told_once_the_clock_runs_again(world: Installation):
    request = world.file()
    world.work()
    world.clock.advance(hours=49)  # nobody has looked yet when the CMO asks
    world.act(request.id, Action.ASK, by=world.cast.contact, text="Which lot?")
    world.work()
    assert not world.email.sent_to(LEAD)
    with world.runtime.db.read() as session:  # whether it still matters is seen when the clock runs again
        assert not session.scalars(select(CrossingRow).where(CrossingRow.clock == "answer")).all()
    world.act(request.id, Action.REPLY, by=world.cast.pm, text="Lot 7")
    world.work()
    assert kinds(world.email, LEAD) == [K.LIMIT]


def test_a_breach_without_a_lead_goes_to_the_heads_and_the_cmos_channel(world: Installation):
    with world.runtime.db.write() as session:
        session.get_one(Organization, world.cast.cmo).lead_id = None
        session.get_one(Project, world.cast.project).lead_id = None
    world.file()
    pass_hours(world, 49)
    assert kinds(world.slack, CMO_CHANNEL) == [K.LIMIT]
    assert kinds(world.email, HEAD) == [K.LIMIT]


def test_the_leads_backup_may_take_what_comes_to_them(world: Installation):
    with world.runtime.db.write() as session:
        session.get_one(Person, world.cast.lead).backup_id = world.cast.head
        session.get_one(Person, world.cast.head).roles = ["lead"]
    request = world.file()
    pass_hours(world, 49, 57)
    assert kinds(world.email, HEAD) == [K.BACKUP]
    assert world.act(request.id, Action.TAKE, by=world.cast.head).fact_count == 2


def test_a_receipt_goes_to_whoever_submitted_and_never_carries_what_staff_wrote_down(world: Installation):
    by_lead, by_phone = world.file(), world.file()
    world.act(by_lead.id, Action.ANSWER, by=world.cast.cmo_lead, text="Slots in May")
    world.act(
        by_phone.id, Action.ANSWER, by=world.cast.pm, text="LOT A17", on_behalf_of=world.cast.contact,
        via=Via.PHONE_RECORDED, evidence="called",
    )  # fmt: skip
    world.work()
    assert [message.submitted for message in world.email.sent_to(CMO_LEAD, K.RECEIPT)] == ["Slots in May"]
    assert [message.submitted for message in world.email.sent_to(CONTACT, K.RECEIPT)] == [None]
