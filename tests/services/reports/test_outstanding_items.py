"""The register of what CMOs owe, item by item."""

from slamon.domain.lifecycle import Action
from slamon.services.reports.outstanding_items import OutstandingFilter, is_long, outstanding_items
from tests.installation import Installation
from tests.services.requests.test_conversations import FIVE_ITEMS


def owed(installation: Installation, *, by: str = "pm") -> list[int]:
    caller = installation.caller(getattr(installation.cast, by))
    with installation.runtime.read() as tx:
        assert not is_long(tx, OutstandingFilter(), by=caller)
        return [item.item for item in outstanding_items(tx, OutstandingFilter(), by=caller).items]


def test_what_was_supplied_is_owed_no_longer_and_another_cmo_sees_nothing_of_it(installation: Installation) -> None:
    request = installation.file(**FIVE_ITEMS)
    assert owed(installation) == [1, 2, 3, 4, 5]
    said = {"items": [{"item": 2, "text": "Attached"}]}
    installation.act(request.id, Action.ANSWER, by=installation.cast.contact, particulars=said)
    assert owed(installation) == owed(installation, by="contact") == [1, 3, 4, 5]
    assert owed(installation, by="other_contact") == []
