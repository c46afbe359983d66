"""The worklist: who holds the ball, in sections that go on."""

from slamon.domain.lifecycle import Action
from slamon.services.requests.queries import RequestFilter
from slamon.services.requests.worklist import Holder, worklist
from tests.installation import Installation


def test_a_section_goes_on_behind_the_same_instant_on_both_databases(any_installation: Installation) -> None:
    for _ in range(51):
        asked = any_installation.file()
        any_installation.act(asked.id, Action.ANSWER, by=any_installation.cast.contact, text="Yes")
    reader = any_installation.caller(any_installation.cast.pm)
    with any_installation.runtime.read() as tx:
        first = worklist(tx, Holder.US, RequestFilter(), by=reader)
        second = worklist(tx, Holder.US, RequestFilter(), by=reader, after=first.after)
    assert len({row.request.id for row in [*first.rows, *second.rows]}) == 51
    assert second.after is None
