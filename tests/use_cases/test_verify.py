"""`slamon verify` finds any tampering and names the first place; an untouched record passes."""

import io

import pytest
from sqlalchemy import text

from slamon.domain.lifecycle import Action
from slamon.domain.timeline import Via
from slamon.engine.files import verify_files
from slamon.files.disk import DiskStore
from slamon.files.intake import Sent, take_in
from slamon.services.attachments import attach
from slamon.services.verify import Difference, verify_audit, verify_requests
from tests.world import World


def findings(world: World) -> list[str]:
    with world.runtime.db.read() as session:
        found = [str(step) for step in verify_requests(session, now=world.clock.now()) if isinstance(step, Difference)]
        audit = verify_audit(session)
    return found + ([str(audit)] if audit else [])


@pytest.fixture
def lived(any_world: World) -> World:
    """Some requests with a past; the guards against changes are taken off, as somebody with the keys could."""
    first, second = any_world.file(), any_world.file()
    any_world.act(first.id, Action.ASK, by=any_world.cast.contact, text="Which lot?")
    any_world.act(first.id, Action.REPLY, by=any_world.cast.pm, text="Lot 7")
    any_world.clock.advance(hours=50)
    any_world.work()
    any_world.act(second.id, Action.ANSWER, by=any_world.cast.contact, text="Late but here")
    with any_world.runtime.db.write() as session:
        if any_world.runtime.db.is_sqlite:
            for table in ("fact", "audit_entry"):
                session.execute(text(f"DROP TRIGGER {table}_refuses_update"))
                session.execute(text(f"DROP TRIGGER {table}_refuses_delete"))
        else:
            session.execute(text("ALTER TABLE fact DISABLE TRIGGER ALL"))
            session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER ALL"))
    return any_world


def test_an_untouched_record_passes(lived: World):
    assert findings(lived) == []


@pytest.mark.parametrize(
    ("tampering", "named"),
    [
        ("UPDATE fact SET by_name = 'Nobody' WHERE sequence = 2 AND kind = 'asked'", "000001: fact 2 (asked)"),
        ("DELETE FROM fact WHERE sequence = 2 AND kind = 'asked'", "000001: fact 2 is missing"),
        ("DELETE FROM fact WHERE sequence = 3", "000001: the timeline ends at fact 2"),
        ("UPDATE cmo_request SET state = 'closed' WHERE number LIKE '%000001'", "state is stored as closed"),
        ("UPDATE cmo_request SET subject = 'Something else'", "subject is not what was filed"),
        ("UPDATE clock SET outcome = 'met' WHERE outcome = 'breached'", "outcome is stored as met"),
        ("UPDATE crossing SET crossed_at = detected_at WHERE level = 'limit'", "does not follow from the facts"),
        ("UPDATE audit_entry SET reason = 'because' WHERE sequence = 4", "audit entry 4: does not match"),
        ("DELETE FROM audit_entry WHERE sequence = 4", "audit entry 4: is missing"),
        ("DELETE FROM audit_entry WHERE sequence > 6", "audit entry 7: is missing"),
    ],
)
def test_tampering_is_found_and_the_first_place_named(lived: World, tampering: str, named: str):
    with lived.runtime.db.write() as session:
        session.execute(text(tampering))
    assert any(named in finding for finding in findings(lived)), findings(lived)


PDF = b"%PDF-1.7\nassay 99.2 %\n"


@pytest.fixture
def with_files(any_world: World) -> World:
    """Two requests that share the bytes of one file, without the guard against changes."""
    runtime, by = any_world.runtime, any_world.caller(any_world.cast.contact)
    stored = take_in(runtime.files, Sent("CoA.pdf", "application/pdf"), io.BytesIO(PDF), most_bytes=1000)
    for request in (any_world.file(), any_world.file()):
        with runtime.db.write() as session:
            attach(session, request.id, stored, by=by, via=Via.API, now=any_world.clock.now())
    with runtime.db.write() as session:
        guard = "DROP TRIGGER attachment_refuses_update"
        session.execute(text(guard if runtime.db.is_sqlite else "ALTER TABLE attachment DISABLE TRIGGER ALL"))
    return any_world


def test_files_that_are_as_they_came_are_counted(with_files: World):
    assert list(verify_files(with_files.runtime)) == [2]
    assert findings(with_files) == []


def test_a_file_that_changed_on_disk_is_found(with_files: World):
    store = with_files.runtime.files
    assert isinstance(store, DiskStore)
    (blob,) = (path for path in store.incoming.parent.rglob("*") if path.is_file())
    blob.write_bytes(PDF.replace(b"99.2", b"99.9"))
    found = next(verify_files(with_files.runtime))
    assert str(found).startswith("INQ-2026-00000")
    assert str(found).endswith("is not what was uploaded")
    blob.unlink()
    assert str(next(verify_files(with_files.runtime))).endswith("is missing")


def test_a_row_that_names_another_file_is_found(with_files: World):
    with with_files.runtime.db.write() as session:
        session.execute(text("UPDATE attachment SET name = 'other.pdf'"))
    assert "is not what the trail says was uploaded" in str(next(verify_files(with_files.runtime)))
