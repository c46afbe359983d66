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


def disable(installation: Installation, *people: str) -> None:
    """As an account that was disabled before anybody asked who takes over."""
    with installation.runtime.db.write() as session:
        for person in people:
            session.get_one(Person, getattr(installation.cast, person)).status = PersonStatus.DISABLED.value


def change(installation: Installation, person: str, **values: object) -> None:
    with installation.runtime.db.write() as session:
        for name, value in values.items():
            setattr(session.get_one(Person, getattr(installation.cast, person)), name, value)


def lives_through_it(installation: Installation) -> None:
    """A question, silence of ours past every deadline, a refusal: all that only the sponsor hears."""
    request = installation.file()
    installation.act(request.id, Action.ASK, by=installation.cast.contact, text="Which strength?")
    pass_hours(installation, 19, 25, 49)
    installation.act(request.id, Action.REPLY, by=installation.cast.quality, text="5 mg")
    installation.act(request.id, Action.DECLINE, by=installation.cast.contact, reason="No slot")
    installation.work()


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
    installation: Installation, gone: tuple[str, ...], told: str
) -> None:
    disable(installation, *gone)
    lives_through_it(installation)
    heard = kinds(installation.email, told)
    assert heard.count(K.CMO_ACTED) == 2
    assert {K.REMINDER, K.TARGET} <= set(heard)
    for person in gone:
        assert not installation.email.sent_to({"pm": PM, "lead": LEAD, "head": HEAD}[person])


def test_a_backup_who_may_do_the_same_comes_first(installation: Installation) -> None:
    change(installation, "pm", backup_id=installation.cast.other_pm)
    disable(installation, "pm")
    lives_through_it(installation)
    assert kinds(installation.email, OTHER_PM).count(K.CMO_ACTED) == 2
    assert not installation.email.sent_to(LEAD, K.CMO_ACTED)
    note = installation.email.sent_to(OTHER_PM, K.CMO_ACTED)[0].instead_of
    assert note == "Petra Manager, project manager"


@pytest.mark.parametrize("lost", ["roles", "status"])
def test_whoever_lost_the_role_or_the_account_since_is_passed_over(installation: Installation, lost: str) -> None:
    deputy = {
        "organization_id": installation.cast.sponsor,
        "email": "deputy@sponsor.example",
        "name": "Dora",
        "time_zone": "UTC",
    }
    with installation.runtime.write() as tx:
        new = create(tx, Person, {**deputy, "roles": ["lead"], "status": "active"}, by=SYSTEM)
        tx.session.get_one(Person, installation.cast.lead).backup_id = new.id
        tx.session.flush()
        setattr(new, lost, ["project_manager"] if lost == "roles" else "disabled")
    installation.file()
    pass_hours(installation, 49, 53, 57)
    assert not installation.email.sent_to("deputy@sponsor.example")
    assert kinds(installation.email, HEAD) == [K.BACKUP]


def test_everybody_told_to_take_it_may_and_nobody_else_is_told_to(installation: Installation) -> None:
    request = installation.file()
    pass_hours(installation, 49, 53, 57)
    offered = {
        message.recipient_name
        for message in installation.email.sent + installation.slack.sent
        if _offers_taking(message)
    }
    assert offered == {"Leo Lead"}
    assert {K.LIMIT, K.BACKUP} <= set(kinds(installation.email, PM))
    with pytest.raises(Forbidden):
        installation.act(request.id, Action.TAKE, by=installation.cast.pm)


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
def test_no_role_of_a_ladder_is_silent(installation: Installation, gone: tuple[str, ...], role: str, told: str) -> None:
    step = {"level": "limit", "anchor": "limit", "to": [{"role": role, "channel": "email"}]}
    use_ladder(installation, step)
    installation.file()
    disable(installation, *gone)
    pass_hours(installation, 49)
    assert [m.address for m in installation.email.sent if m.kind == K.LIMIT] == [told]


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
    installation: Installation, named: str, backup: str | None, gone: tuple[str, ...], told: str
) -> None:
    person_id = str(getattr(installation.cast, named))
    use_ladder(
        installation, {"level": "limit", "anchor": "limit", "to": [{"person_id": person_id, "channel": "email"}]}
    )
    if backup:
        change(installation, named, backup_id=getattr(installation.cast, backup))
    installation.file()
    disable(installation, *gone)
    pass_hours(installation, 49)
    assert [m.address for m in installation.email.sent if m.kind == K.LIMIT] == [told]


def use_ladder(installation: Installation, *steps: dict[str, object]) -> None:
    hours = {"target": "PT24H", "limit": "PT48H", "mode": "elapsed"}
    values = {
        "name": "One step",
        "clocks": {"answer": hours},
        "ladder": list(steps),
        "project_id": installation.cast.project,
    }
    with installation.runtime.write() as tx:
        values["effective_from"] = installation.clock.now() - timedelta(days=1)
        create(tx, Policy, values, by=SYSTEM)


@pytest.mark.parametrize("how", ["people", "cmo"])
def test_the_manager_hears_once_that_nobody_at_the_cmo_can_be_told(installation: Installation, how: str) -> None:
    request = installation.file()
    installation.work()
    if how == "people":
        disable(installation, "contact", "backup", "cmo_lead")
    else:
        with installation.runtime.db.write() as session:
            session.get_one(Organization, installation.cast.cmo).status = "inactive"
    installation.act(request.id, Action.FOLLOW_UP, by=installation.cast.pm, text="Any news?")
    pass_hours(installation, 18, 24, 48)
    assert kinds(installation.email, PM).count(K.NOBODY_THERE) == 1
    assert kinds(installation.email, PM)[:2] == [K.NOBODY_THERE, K.REMINDER]
    reminder = put_into_words(installation.email.sent_to(PM, K.REMINDER)[0])
    assert "A reminder has gone" not in " ".join(reminder.sentences)
    assert kinds(installation.email, CONTACT) == [K.FILED]


def test_another_cmos_people_are_told_nothing_whoever_is_missing(installation: Installation) -> None:
    installation.file()
    disable(installation, "pm", "lead", "contact", "backup", "cmo_lead")
    pass_hours(installation, 18, 24, 48, 72, 120)
    assert not installation.email.sent_to(OTHER_CONTACT)


def test_a_receipt_for_somebody_who_has_left_goes_to_who_stands_in(installation: Installation) -> None:
    request = installation.file()
    disable(installation, "contact")
    installation.act(
        request.id,
        Action.ACKNOWLEDGE,
        by=installation.cast.pm,
        on_behalf_of=installation.cast.contact,
        via=Via.PHONE_RECORDED,
        evidence="Corinne called before she left",
    )
    installation.work()
    assert kinds(installation.email, CONTACT) == []
    assert K.RECEIPT in kinds(installation.email, BACKUP)


def test_a_message_that_still_waits_when_its_reader_is_disabled_goes_to_who_stands_in(
    installation: Installation,
) -> None:
    request = installation.file()
    installation.work()
    installation.act(request.id, Action.ASK, by=installation.cast.contact, text="Which strength?")
    installation.act(request.id, Action.FOLLOW_UP, by=installation.cast.pm, text="Any news?")
    disable(installation, "pm", "contact")
    installation.work()
    assert not installation.email.sent_to(PM)
    assert kinds(installation.email, LEAD) == [K.CMO_ACTED]
    assert {K.RECEIPT, K.SPONSOR_ACTED} <= set(kinds(installation.email, BACKUP))
    with installation.runtime.db.read() as session:
        left = session.scalars(select(Notification.state).where(Notification.person_id == installation.cast.pm)).all()
    assert set(left) == {NotificationState.SUPPRESSED}


def test_a_digest_whose_reader_is_disabled_before_it_leaves_goes_to_who_stands_in(installation: Installation) -> None:
    for _ in range(8):
        installation.file()
    installation.work()
    installation.clock.advance(hours=49)
    installation.email.failures += [DeliveryError("try later")] * 80
    installation.work()
    disable(installation, "lead")
    installation.email.failures.clear()
    for _ in range(4):
        installation.clock.advance(minutes=20)
        installation.work()
    heard = {line.number for message in installation.email.sent_to(HEAD) for line in message.lines or (message,)}
    assert len(heard) == 8
    assert not installation.email.sent_to(LEAD)


def test_news_that_a_managers_mail_server_refuses_reaches_who_stands_in(installation: Installation) -> None:
    request = installation.file()
    installation.work()
    installation.act(request.id, Action.ASK, by=installation.cast.contact, text="Which strength?")
    installation.email.send = refusing(installation, PM)  # type: ignore[method-assign]
    installation.work()
    installation.work()
    assert kinds(installation.email, LEAD) == [K.CMO_ACTED]
    installation.email.send = refusing(installation, PM, LEAD)  # type: ignore[method-assign]
    installation.act(request.id, Action.REPLY, by=installation.cast.quality, text="5 mg")
    installation.act(request.id, Action.DECLINE, by=installation.cast.contact, reason="No slot")
    installation.work()
    installation.work()
    assert kinds(installation.email, ADMIN) == [K.ALARM]


def refusing(installation: Installation, *addresses: str):
    """Sending as it is, but for these addresses."""
    send = type(installation.email).send

    def refuse(message):
        if message.address in addresses:
            raise DeliveryError("550 no such user", permanent=True)
        return send(installation.email, message)

    return refuse


def test_an_alarm_has_a_reader_while_anybody_is_left(installation: Installation) -> None:
    disable(installation, "admin")
    with installation.runtime.write() as tx:
        raise_alarm(tx, "slack", "Slack refuses us.")
    installation.work()
    assert kinds(installation.email, HEAD) == [K.ALARM]


def test_a_refused_mail_to_the_contact_is_told_to_whoever_is_left(installation: Installation) -> None:
    disable(installation, "pm")
    installation.email.failures.append(DeliveryError("550 no such user", permanent=True))
    installation.file()
    installation.work()
    assert kinds(installation.email, LEAD) == [K.NOT_REACHED]


def test_a_closing_that_nobody_could_object_to_is_not_promised(installation: Installation) -> None:
    request = installation.file()
    installation.act(request.id, Action.ANSWER, by=installation.cast.contact, text="Week 20")
    disable(installation, "pm", "lead", "head")
    pass_hours(installation, 24 * 7, 24 * 14)
    [notice] = installation.email.sent_to(ADMIN, K.CLOSING_SOON)
    assert notice.closes_at is None
    assert "nobody who may accept it" in put_into_words(notice).headline
    with installation.runtime.db.read() as session:
        assert session.get_one(type(request), request.id).state == "answered"
    change(installation, "pm", status="active")
    pass_hours(installation, 24 * 16, 24 * 30)
    assert installation.email.sent_to(PM, K.CLOSING_SOON)
    with installation.runtime.db.read() as session:
        assert session.get_one(type(request), request.id).state == "closed"


def test_a_manager_without_the_role_is_passed_over(installation: Installation) -> None:
    request = installation.file()
    change(installation, "pm", roles=["auditor"])
    installation.act(request.id, Action.ASK, by=installation.cast.contact, text="Which strength?")
    installation.work()
    assert not installation.email.sent_to(PM)
    assert kinds(installation.email, LEAD) == [K.CMO_ACTED]


def test_a_post_in_the_cmos_channel_names_for_whom_it_stands_there(installation: Installation) -> None:
    disable(installation, "lead")
    installation.file()
    pass_hours(installation, 49)
    [post] = installation.slack.sent_to(CMO_CHANNEL, K.LIMIT)
    assert post.instead_of == "Leo Lead, lead"
    with installation.runtime.db.read() as session:
        row = session.scalars(select(Notification).where(Notification.channel == "slack")).one()
    assert (row.told_as, row.instead_of) == ("head", "Leo Lead, lead")


def test_looking_twice_tells_a_stand_in_once(installation: Installation) -> None:
    disable(installation, "pm", "lead")
    request = installation.file()
    pass_hours(installation, 49)
    before = len(installation.email.sent)
    cycle.check_requests(installation.runtime, NOBODY, [request.id])
    installation.work()
    assert len(installation.email.sent) == before
