"""`slamon verify` finds any tampering and names the first place; an untouched record passes."""

import io
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import delete, select, text

from slamon.db.attachments import Attachment
from slamon.domain.lifecycle import Action
from slamon.domain.timeline import Via
from slamon.engine.stored_files import verify_files
from slamon.files.disk import DiskStore
from slamon.files.intake import Sent, take_in
from slamon.services.reports.verify import Difference, verify_audit, verify_requests
from slamon.services.requests.attachments import attach
from tests.installation import CONTACT, ON_BOTH_DATABASES, Installation


def findings(installation: Installation) -> list[str]:
    with installation.runtime.read() as tx:
        found = [str(step) for step in verify_requests(tx) if isinstance(step, Difference)]
        audit = verify_audit(tx.session)
    return found + ([str(audit)] if audit else [])


@pytest.fixture
def lived(chosen_installation: Installation) -> Installation:
    """Some requests with a past; the guards against changes are taken off, as somebody with the keys could."""
    first, second = chosen_installation.file(), chosen_installation.file()
    chosen_installation.act(first.id, Action.ASK, by=chosen_installation.cast.contact, text="Which lot?")
    chosen_installation.act(first.id, Action.REPLY, by=chosen_installation.cast.pm, text="Lot 7")
    chosen_installation.clock.advance(hours=50)
    chosen_installation.work()
    chosen_installation.act(second.id, Action.ANSWER, by=chosen_installation.cast.contact, text="Late but here")
    with chosen_installation.runtime.db.write() as session:
        if chosen_installation.runtime.db.is_sqlite:
            for table in ("fact", "audit_entry"):
                session.execute(text(f"DROP TRIGGER {table}_refuses_update"))
                session.execute(text(f"DROP TRIGGER {table}_refuses_delete"))
        else:
            session.execute(text("ALTER TABLE fact DISABLE TRIGGER ALL"))
            session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER ALL"))
    return chosen_installation


@ON_BOTH_DATABASES
def test_an_untouched_record_passes(lived: Installation):
    assert findings(lived) == []


@pytest.mark.parametrize(
    ("tampering", "named"),
    [
        ("UPDATE fact SET by_name = 'Nobody' WHERE sequence = 2 AND kind = 'asked'", "000001: fact 2 (asked)"),
        ("DELETE FROM fact WHERE sequence = 2 AND kind = 'asked'", "000001: fact 2 is missing"),
        ("DELETE FROM fact WHERE sequence = 3", "000001: the timeline ends at fact 2"),
        ("UPDATE cmo_request SET state = 'closed' WHERE number LIKE '%000001'", "state is stored as closed"),
        ("UPDATE cmo_request SET subject = 'Something else'", "subject is not what the facts say"),
        ("UPDATE clock SET outcome = 'met' WHERE outcome = 'breached'", "outcome is stored as met"),
        ("UPDATE crossing SET crossed_at = detected_at WHERE level = 'limit'", "does not follow from the facts"),
        ("UPDATE audit_entry SET reason = 'because' WHERE sequence = 4", "audit entry 4: does not match"),
        ("DELETE FROM audit_entry WHERE sequence = 4", "audit entry 4: is missing"),
        ("DELETE FROM audit_entry WHERE sequence > 6", "audit entry 7: is missing"),
    ],
)
def test_tampering_is_found_and_the_first_place_named(lived: Installation, tampering: str, named: str):
    with lived.runtime.db.write() as session:
        session.execute(text(tampering))
    assert any(named in finding for finding in findings(lived)), findings(lived)


@pytest.fixture
def changed(chosen_installation: Installation) -> Installation:
    """A request whose columns have been changed since the filing: each by an act of its own."""
    cast, pm = chosen_installation.cast, chosen_installation.cast.pm
    first = chosen_installation.file()
    request = chosen_installation.file(parent_id=first.id)
    chosen_installation.act(request.id, Action.ACKNOWLEDGE, by=cast.contact, expected_on=date(2026, 3, 4))
    other = {"changes": {"contact_id": str(cast.backup), "due_on": "2026-03-20"}}
    chosen_installation.act(request.id, Action.AMEND, by=pm, reason="On leave", particulars=other, expected_version=2)
    colleague = {"name": "Corinne Contact", "email": CONTACT}
    chosen_installation.act(request.id, Action.HAND_ON, by=cast.backup, particulars=colleague)
    chosen_installation.act(request.id, Action.ANSWER, by=cast.contact, text="Yes")
    chosen_installation.act(request.id, Action.REJECT, by=pm, reason="Which week?")
    chosen_installation.act(request.id, Action.ANSWER, by=cast.contact, text="Week 20", expected_on=date(2026, 3, 5))
    chosen_installation.act(request.id, Action.ACCEPT, by=pm)
    chosen_installation.act(request.id, Action.REOPEN, by=pm, reason="It is taken after all")
    return chosen_installation


@ON_BOTH_DATABASES
def test_what_acts_have_changed_since_the_filing_passes(changed: Installation):
    assert findings(changed) == []


@pytest.mark.parametrize(
    ("column", "other"),
    [
        ("filed_at", "'2026-03-01 09:00:00'"),
        ("contact_id", "(SELECT id FROM person WHERE email_key = 'backup@cmo.example')"),
        ("parent_id", "NULL"),
        ("expected_on", "'2026-03-04'"),
        ("expected_on", "NULL"),
        ("reopen_count", "1"),
    ],
)
def test_a_column_that_the_facts_contradict_is_found(changed: Installation, column: str, other: str):
    with changed.runtime.db.write() as session:
        session.execute(text(f"UPDATE cmo_request SET {column} = {other} WHERE reopen_count = 2"))
    assert findings(changed) == [f"INQ-2026-000002: {column} is not what the facts say"]


PDF = b"%PDF-1.7\nassay 99.2 %\n"


@pytest.fixture
def with_files(chosen_installation: Installation) -> Installation:
    """Two requests that share the bytes of one file, which each answer names, without the guard against changes."""
    runtime, by = chosen_installation.runtime, chosen_installation.caller(chosen_installation.cast.contact)
    stored = take_in(runtime.files, Sent("CoA.pdf", "application/pdf"), io.BytesIO(PDF), most_bytes=1000)
    for request in (chosen_installation.file(), chosen_installation.file()):
        with runtime.write() as tx:
            file_id = attach(tx, request.id, stored, by=by, via=Via.API)[0].id
        chosen_installation.act(request.id, Action.ANSWER, by=chosen_installation.cast.contact, attachments=(file_id,))
    with runtime.db.write() as session:
        if runtime.db.is_sqlite:
            session.execute(text("DROP TRIGGER attachment_refuses_update"))
            session.execute(text("DROP TRIGGER attachment_refuses_delete"))
        else:
            session.execute(text("ALTER TABLE attachment DISABLE TRIGGER ALL"))
    return chosen_installation


@ON_BOTH_DATABASES
def test_files_that_are_as_they_came_are_counted(with_files: Installation):
    assert list(verify_files(with_files.runtime)) == [2]
    assert findings(with_files) == []


def test_a_file_that_changed_on_disk_is_found(with_files: Installation):
    store = with_files.runtime.files
    assert isinstance(store, DiskStore)
    (blob,) = (path for path in store.incoming.parent.rglob("*") if path.is_file())
    blob.write_bytes(PDF.replace(b"99.2", b"99.9"))
    found = next(verify_files(with_files.runtime))
    assert str(found).startswith("INQ-2026-00000")
    assert str(found).endswith("is not what was uploaded")
    blob.unlink()
    assert str(next(verify_files(with_files.runtime))).endswith("is missing")


def test_a_row_that_names_another_file_is_found(with_files: Installation):
    with with_files.runtime.db.write() as session:
        session.execute(text("UPDATE attachment SET name = 'other.pdf'"))
    assert "is not what the trail says was uploaded" in str(next(verify_files(with_files.runtime)))


def without_the_newest_file(installation: Installation) -> UUID:
    with installation.runtime.db.write() as session:
        file_id = session.scalars(select(Attachment.id).order_by(Attachment.id.desc()).limit(1)).one()
        session.execute(delete(Attachment).where(Attachment.id == file_id))
    return file_id


def test_a_file_that_is_gone_is_found_by_the_fact_and_by_the_entry_that_name_it(with_files: Installation):
    file_id = without_the_newest_file(with_files)
    in_the_timeline, in_the_trail = findings(with_files)
    assert in_the_timeline == f"INQ-2026-000002: fact 2 (answered) names file {file_id}, which is gone"
    assert in_the_trail.startswith("audit entry")
    assert in_the_trail.endswith(f"names file {file_id}, which is gone")


def test_a_file_that_was_put_in_the_place_of_another_is_found(with_files: Installation):
    with with_files.runtime.db.write() as session:
        session.execute(text(f"UPDATE attachment SET sha256 = '{'0' * 64}'"))
    assert all(finding.endswith("is stored as another") for finding in findings(with_files))
    assert len(findings(with_files)) == 2
