"""Facts are appended to a request's chain, each holding the digest of the one before."""

from slamon.db.requests import CmoRequest
from slamon.domain.lifecycle import Action
from slamon.domain.timeline import GENESIS, FactKind
from slamon.services.audit import timelines
from tests.installation import Installation


def test_a_timeline_is_read_back_as_it_was_told_and_its_chain_holds(installation: Installation) -> None:
    request = installation.file()
    installation.clock.advance(hours=3)
    installation.act(request.id, Action.ACKNOWLEDGE, by=installation.cast.contact)
    with installation.runtime.read() as tx:
        [timeline] = timelines.load_timelines(tx.session, [request.id]).values()
        stored = tx.session.get_one(CmoRequest, request.id)
    assert [(fact.sequence, fact.kind) for fact in timeline] == [(1, FactKind.FILED), (2, FactKind.ACKNOWLEDGED)]
    digest = GENESIS
    for fact in timeline:
        digest = fact.digest(str(request.id), digest)
    assert (stored.fact_count, stored.head_digest) == (2, digest)
