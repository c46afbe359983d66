"""What has had its time goes; what proves something stays."""

from sqlalchemy import func, select

from slamon.db.access import IdempotencyKey, SignInTry
from slamon.db.outbox import FormLink, Notification
from slamon.domain.lifecycle import Action
from slamon.engine import retention
from slamon.services.access import idempotency
from slamon.services.outbox.outbox import raise_alarm
from tests.installation import Installation


def sweep(world: Installation) -> None:
    with world.runtime.db.write() as session:
        retention.sweep(session, real_now=world.clock.real_now())


def count(world: Installation, table: type) -> int:
    with world.runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_kept_answers_go_after_a_day(any_world: Installation):
    world = any_world
    call = idempotency.Call("somebody", "key", "print")
    with world.runtime.write() as tx:
        idempotency.begin(tx, call)
    world.clock.advance(hours=23)
    sweep(world)
    assert count(world, IdempotencyKey) == 1
    world.clock.advance(hours=2)
    sweep(world)
    assert count(world, IdempotencyKey) == 0


def test_tries_to_sign_in_go_after_a_day(any_world: Installation):
    world = any_world
    with world.runtime.db.write() as session:
        session.add(SignInTry(address_digest="d", network="n", kind="failed", tried_at=world.clock.real_now()))
    world.clock.advance(hours=23)
    sweep(world)
    assert count(world, SignInTry) == 1
    world.clock.advance(hours=2)
    sweep(world)
    assert count(world, SignInTry) == 0


def test_a_contacts_links_go_once_the_request_is_long_closed(any_world: Installation):
    world = any_world
    still_open, closed = world.file(), world.file()
    world.work()
    world.act(closed.id, Action.CANCEL, by=world.cast.pm, reason="not needed")
    world.clock.advance(days=14 + 91)
    sweep(world)
    with world.runtime.db.read() as session:
        assert {link.request_id for link in session.scalars(select(FormLink))} == {still_open.id}


def test_what_was_told_about_a_request_stays_and_an_old_alarm_goes(any_world: Installation):
    world = any_world
    world.file()
    with world.runtime.write() as tx:
        raise_alarm(tx, "slack", "down")
    world.work()
    assert count(world, Notification) == 2
    world.clock.advance(days=91)
    sweep(world)
    with world.runtime.db.read() as session:
        assert [row.kind for row in session.scalars(select(Notification))] == ["filed"]
