"""What has had its time goes; what proves something stays."""

from sqlalchemy import func, select

from slamon.db.access import IdempotencyKey, SignInTry
from slamon.db.outbox import FormLink, Notification
from slamon.domain.lifecycle import Action
from slamon.engine import retention
from slamon.services.access import idempotency
from slamon.services.outbox.outbox import raise_alarm
from tests.installation import Installation


def sweep(installation: Installation) -> None:
    with installation.runtime.db.write() as session:
        retention.sweep(session, real_now=installation.clock.real_now())


def count(installation: Installation, table: type) -> int:
    with installation.runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_kept_answers_go_after_a_day(any_installation: Installation):
    installation = any_installation
    call = idempotency.Call("somebody", "key", "print")
    with installation.runtime.write() as tx:
        idempotency.begin(tx, call)
    installation.clock.advance(hours=23)
    sweep(installation)
    assert count(installation, IdempotencyKey) == 1
    installation.clock.advance(hours=2)
    sweep(installation)
    assert count(installation, IdempotencyKey) == 0


def test_tries_to_sign_in_go_after_a_day(any_installation: Installation):
    installation = any_installation
    with installation.runtime.db.write() as session:
        session.add(SignInTry(address_digest="d", network="n", kind="failed", tried_at=installation.clock.real_now()))
    installation.clock.advance(hours=23)
    sweep(installation)
    assert count(installation, SignInTry) == 1
    installation.clock.advance(hours=2)
    sweep(installation)
    assert count(installation, SignInTry) == 0


def test_a_contacts_links_go_once_the_request_is_long_closed(any_installation: Installation):
    installation = any_installation
    still_open, closed = installation.file(), installation.file()
    installation.work()
    installation.act(closed.id, Action.CANCEL, by=installation.cast.pm, reason="not needed")
    installation.clock.advance(days=14 + 91)
    sweep(installation)
    with installation.runtime.db.read() as session:
        assert {link.request_id for link in session.scalars(select(FormLink))} == {still_open.id}


def test_what_was_told_about_a_request_stays_and_an_old_alarm_goes(any_installation: Installation):
    installation = any_installation
    installation.file()
    with installation.runtime.write() as tx:
        raise_alarm(tx, "slack", "down")
    installation.work()
    assert count(installation, Notification) == 2
    installation.clock.advance(days=91)
    sweep(installation)
    with installation.runtime.db.read() as session:
        assert [row.kind for row in session.scalars(select(Notification))] == ["filed"]
