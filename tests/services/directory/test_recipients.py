"""Who is told: holder, backup, then up, never silence. Only those are asked who may do what is asked."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from slamon.db.outbox import Notification, NotificationState
from slamon.db.parties import Organization, Person, PersonStatus
from slamon.db.policies import Policy
from slamon.domain.lifecycle import Action
from slamon.domain.timeline import SYSTEM, Via
from slamon.engine import cycle
from slamon.errors import DeliveryError, Forbidden
from slamon.services.directory.records import create
from slamon.services.outbox.outbox import raise_alarm
from slamon.wording.message import MessageKind
from slamon.wording.messages import put_into_words
from tests.installation import (
    ADMIN,
    BACKUP,
    CMO_CHANNEL,
    CMO_LEAD,
    CONTACT,
    HEAD,
    LEAD,
    NOBODY,
    OTHER_CONTACT,
    OTHER_PM,
    PM,
    QUALITY,
    Installation,
)
from tests.services.deadlines.test_reconcile import kinds, pass_hours

K = MessageKind


def disable(world: Installation, *people: str) -> None:
    """As an account that was disabled before anybody asked who takes over."""
    with world.runtime.db.write() as session:
        for person in people:
            session.get_one(Person, getattr(world.cast, person)).status = PersonStatus.DISABLED.value


def change(world: Installation, person: str, **values: object) -> None:
    with world.runtime.db.write() as session:
        for name, value in values.items():
            setattr(session.get_one(Person, getattr(world.cast, person)), name, value)


def lives_through_it(world: Installation) -> None:
    """A question, silence of ours past every deadline, a refusal: all that only the sponsor hears."""
    request = world.file()
    world.act(request.id, Action.ASK, by=world.cast.contact, text="Which strength?")
    pass_hours(world, 19, 25, 49)
    world.act(request.id, Action.REPLY, by=world.cast.quality, text="5 mg")
    world.act(request.id, Action.DECLINE, by=world.cast.contact, reason="No slot")
    world.work()


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ((), PM),
        (("pm",), LEAD),
        (("pm", "lead"), HEAD),
        (("pm", "lead", "head"), ADMIN),
    ],
)
def test_what_only_the_manager_hears_goes_up_to_the_first_who_is_left(
    world: Installation, gone: tuple[str, ...], told: str
) -> None:
    disable(world, *gone)
    lives_through_it(world)
    heard = kinds(world.email, told)
    assert heard.count(K.CMO_ACTED) == 2
    assert {K.REMINDER, K.TARGET} <= set(heard)
    for person in gone:
        assert not world.email.sent_to({"pm": PM, "lead": LEAD, "head": HEAD}[person])


def test_a_backup_who_may_do_the_same_comes_first(world: Installation) -> None:
    change(world, "pm", backup_id=world.cast.other_pm)
    disable(world, "pm")
    lives_through_it(world)
    assert kinds(world.email, OTHER_PM).count(K.CMO_ACTED) == 2
    assert not world.email.sent_to(LEAD, K.CMO_ACTED)
    note = world.email.sent_to(OTHER_PM, K.CMO_ACTED)[0].instead_of
    assert note == "Petra Manager, project manager"


@pytest.mark.parametrize("lost", ["roles", "status"])
def test_whoever_lost_the_role_or_the_account_since_is_passed_over(world: Installation, lost: str) -> None:
    deputy = {
        "organization_id": world.cast.sponsor,
        "email": "deputy@sponsor.example",
        "name": "Dora",
        "time_zone": "UTC",
    }
    with world.runtime.write() as tx:
        new = create(tx, Person, {**deputy, "roles": ["lead"], "status": "active"}, by=SYSTEM)
        tx.session.get_one(Person, world.cast.lead).backup_id = new.id
        tx.session.flush()
        setattr(new, lost, ["project_manager"] if lost == "roles" else "disabled")
    world.file()
    pass_hours(world, 49, 53, 57)
    assert not world.email.sent_to("deputy@sponsor.example")
    assert kinds(world.email, HEAD) == [K.BACKUP]


def test_everybody_told_to_take_it_may_and_nobody_else_is_told_to(world: Installation) -> None:
    request = world.file()
    pass_hours(world, 49, 53, 57)
    offered = {message.recipient_name for message in world.email.sent + world.slack.sent if _offers_taking(message)}
    assert offered == {"Leo Lead"}
    assert {K.LIMIT, K.BACKUP} <= set(kinds(world.email, PM))
    with pytest.raises(Forbidden):
        world.act(request.id, Action.TAKE, by=world.cast.pm)


def _offers_taking(message) -> bool:
    words = put_into_words(message)
    return words.button == "Take it" or any("Take it" in sentence for sentence in words.sentences)


@pytest.mark.parametrize(
    ("gone", "role", "told"),
    [
        ((), "quality", QUALITY),
        (("quality",), "quality", HEAD),
        (("quality", "head"), "quality", ADMIN),
        (("head",), "head", ADMIN),
        (("steering",), "steering", HEAD),
        (("steering", "head"), "steering", ADMIN),
        (("lead",), "lead", HEAD),
        (("lead",), "lead_backup", PM),  # nobody was ever named, so the step goes to the manager
        (("cmo_lead",), "cmo_lead", CONTACT),
        (("contact",), "cmo_contact", BACKUP),
        (("contact", "backup"), "cmo_contact", CMO_LEAD),
    ],
)
def test_no_role_of_a_ladder_is_silent(world: Installation, gone: tuple[str, ...], role: str, told: str) -> None:
    step = {"level": "limit", "anchor": "limit", "to": [{"role": role, "channel": "email"}]}
    use_ladder(world, step)
    world.file()
    disable(world, *gone)
    pass_hours(world, 49)
    assert [m.address for m in world.email.sent if m.kind == K.LIMIT] == [told]


@pytest.mark.parametrize(
    ("named", "backup", "gone", "told"),
    [
        ("auditor", None, (), "auditor@sponsor.example"),
        ("auditor", "steering", ("auditor",), "steering@sponsor.example"),
        ("auditor", None, ("auditor",), LEAD),
        ("cmo_lead", None, ("cmo_lead",), CONTACT),
        ("other_contact", None, (), PM),  # of another CMO, so this is none of their business
    ],
)
def test_a_person_whom_the_ladder_names_is_replaced_once_they_are_disabled(
    world: Installation, named: str, backup: str | None, gone: tuple[str, ...], told: str
) -> None:
    person_id = str(getattr(world.cast, named))
    use_ladder(world, {"level": "limit", "anchor": "limit", "to": [{"person_id": person_id, "channel": "email"}]})
    if backup:
        change(world, named, backup_id=getattr(world.cast, backup))
    world.file()
    disable(world, *gone)
    pass_hours(world, 49)
    assert [m.address for m in world.email.sent if m.kind == K.LIMIT] == [told]


def use_ladder(world: Installation, *steps: dict[str, object]) -> None:
    hours = {"target": "PT24H", "limit": "PT48H", "mode": "elapsed"}
    values = {"name": "One step", "clocks": {"answer": hours}, "ladder": list(steps), "project_id": world.cast.project}
    with world.runtime.write() as tx:
        values["effective_from"] = world.clock.now() - timedelta(days=1)
        create(tx, Policy, values, by=SYSTEM)


@pytest.mark.parametrize("how", ["people", "cmo"])
def test_the_manager_hears_once_that_nobody_at_the_cmo_can_be_told(world: Installation, how: str) -> None:
    request = world.file()
    world.work()
    if how == "people":
        disable(world, "contact", "backup", "cmo_lead")
    else:
        with world.runtime.db.write() as session:
            session.get_one(Organization, world.cast.cmo).status = "inactive"
    world.act(request.id, Action.FOLLOW_UP, by=world.cast.pm, text="Any news?")
    pass_hours(world, 18, 24, 48)
    assert kinds(world.email, PM).count(K.NOBODY_THERE) == 1
    assert kinds(world.email, PM)[:2] == [K.NOBODY_THERE, K.REMINDER]
    reminder = put_into_words(world.email.sent_to(PM, K.REMINDER)[0])
    assert "A reminder has gone" not in " ".join(reminder.sentences)
    assert kinds(world.email, CONTACT) == [K.FILED]


def test_another_cmos_people_are_told_nothing_whoever_is_missing(world: Installation) -> None:
    world.file()
    disable(world, "pm", "lead", "contact", "backup", "cmo_lead")
    pass_hours(world, 18, 24, 48, 72, 120)
    assert not world.email.sent_to(OTHER_CONTACT)


def test_a_receipt_for_somebody_who_has_left_goes_to_who_stands_in(world: Installation) -> None:
    request = world.file()
    disable(world, "contact")
    world.act(
        request.id, Action.ACKNOWLEDGE, by=world.cast.pm, on_behalf_of=world.cast.contact, via=Via.PHONE_RECORDED,
        evidence="Corinne called before she left",
    )  # fmt: skip
    world.work()
    assert kinds(world.email, CONTACT) == []
    assert K.RECEIPT in kinds(world.email, BACKUP)


def test_a_message_that_still_waits_when_its_reader_is_disabled_goes_to_who_stands_in(world: Installation) -> None:
    request = world.file()
    world.work()
    world.act(request.id, Action.ASK, by=world.cast.contact, text="Which strength?")
    world.act(request.id, Action.FOLLOW_UP, by=world.cast.pm, text="Any news?")
    disable(world, "pm", "contact")
    world.work()
    assert not world.email.sent_to(PM)
    assert kinds(world.email, LEAD) == [K.CMO_ACTED]
    assert {K.RECEIPT, K.SPONSOR_ACTED} <= set(kinds(world.email, BACKUP))
    with world.runtime.db.read() as session:
        left = session.scalars(select(Notification.state).where(Notification.person_id == world.cast.pm)).all()
    assert set(left) == {NotificationState.SUPPRESSED}


def test_a_digest_whose_reader_is_disabled_before_it_leaves_goes_to_who_stands_in(world: Installation) -> None:
    for _ in range(8):
        world.file()
    world.work()
    world.clock.advance(hours=49)
    world.email.failures += [DeliveryError("try later")] * 80
    world.work()
    disable(world, "lead")
    world.email.failures.clear()
    for _ in range(4):
        world.clock.advance(minutes=20)
        world.work()
    heard = {line.number for message in world.email.sent_to(HEAD) for line in message.lines or (message,)}
    assert len(heard) == 8
    assert not world.email.sent_to(LEAD)


def test_news_that_a_managers_mail_server_refuses_reaches_who_stands_in(world: Installation) -> None:
    request = world.file()
    world.work()
    world.act(request.id, Action.ASK, by=world.cast.contact, text="Which strength?")
    world.email.send = refusing(world, PM)  # type: ignore[method-assign]
    world.work()
    world.work()
    assert kinds(world.email, LEAD) == [K.CMO_ACTED]
    world.email.send = refusing(world, PM, LEAD)  # type: ignore[method-assign]
    world.act(request.id, Action.REPLY, by=world.cast.quality, text="5 mg")
    world.act(request.id, Action.DECLINE, by=world.cast.contact, reason="No slot")
    world.work()
    world.work()
    assert kinds(world.email, ADMIN) == [K.ALARM]


def refusing(world: Installation, *addresses: str):
    """Sending as it is, but for these addresses."""
    send = type(world.email).send

    def refuse(message):
        if message.address in addresses:
            raise DeliveryError("550 no such user", permanent=True)
        return send(world.email, message)

    return refuse


def test_an_alarm_has_a_reader_while_anybody_is_left(world: Installation) -> None:
    disable(world, "admin")
    with world.runtime.write() as tx:
        raise_alarm(tx, "slack", "Slack refuses us.")
    world.work()
    assert kinds(world.email, HEAD) == [K.ALARM]


def test_a_refused_mail_to_the_contact_is_told_to_whoever_is_left(world: Installation) -> None:
    disable(world, "pm")
    world.email.failures.append(DeliveryError("550 no such user", permanent=True))
    world.file()
    world.work()
    assert kinds(world.email, LEAD) == [K.NOT_REACHED]


def test_a_closing_that_nobody_could_object_to_is_not_promised(world: Installation) -> None:
    request = world.file()
    world.act(request.id, Action.ANSWER, by=world.cast.contact, text="Week 20")
    disable(world, "pm", "lead", "head")
    pass_hours(world, 24 * 7, 24 * 14)
    [notice] = world.email.sent_to(ADMIN, K.CLOSING_SOON)
    assert notice.closes_at is None
    assert "nobody who may accept it" in put_into_words(notice).headline
    with world.runtime.db.read() as session:
        assert session.get_one(type(request), request.id).state == "answered"
    change(world, "pm", status="active")
    pass_hours(world, 24 * 16, 24 * 30)
    assert world.email.sent_to(PM, K.CLOSING_SOON)
    with world.runtime.db.read() as session:
        assert session.get_one(type(request), request.id).state == "closed"


def test_a_manager_without_the_role_is_passed_over(world: Installation) -> None:
    request = world.file()
    change(world, "pm", roles=["auditor"])
    world.act(request.id, Action.ASK, by=world.cast.contact, text="Which strength?")
    world.work()
    assert not world.email.sent_to(PM)
    assert kinds(world.email, LEAD) == [K.CMO_ACTED]


def test_a_post_in_the_cmos_channel_names_for_whom_it_stands_there(world: Installation) -> None:
    disable(world, "lead")
    world.file()
    pass_hours(world, 49)
    [post] = world.slack.sent_to(CMO_CHANNEL, K.LIMIT)
    assert post.instead_of == "Leo Lead, lead"
    with world.runtime.db.read() as session:
        row = session.scalars(select(Notification).where(Notification.channel == "slack")).one()
    assert (row.told_as, row.instead_of) == ("head", "Leo Lead, lead")


def test_looking_twice_tells_a_stand_in_once(world: Installation) -> None:
    disable(world, "pm", "lead")
    request = world.file()
    pass_hours(world, 49)
    before = len(world.email.sent)
    cycle.check_requests(world.runtime, NOBODY, [request.id])
    world.work()
    assert len(world.email.sent) == before
