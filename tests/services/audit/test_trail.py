"""The trail: who changed which record, chained so that nothing can be taken out or put in between."""

from sqlalchemy import select

from slamon.db.audit import AuditEntry
from slamon.domain.timeline import GENESIS, SYSTEM
from slamon.services.audit import trail
from tests.installation import Installation


def entries(installation: Installation) -> list[AuditEntry]:
    with installation.runtime.db.read() as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.sequence)))


def test_every_entry_holds_the_digest_of_the_one_before(installation: Installation) -> None:
    before = len(entries(installation))
    with installation.runtime.write() as tx:
        for name in ("first", "second"):
            trail.record(tx, by=SYSTEM, action="update", entity="site", entity_id=name, new={"name": name})
    kept = entries(installation)
    assert len(kept) == before + 2
    digest = GENESIS
    for entry in kept:
        digest = trail.entry_digest(entry, digest)
        assert entry.digest == digest
