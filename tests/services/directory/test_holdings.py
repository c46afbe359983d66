"""What somebody who leaves holds: nothing of it may become nobody's."""

import pytest

from slamon.db.parties import Person
from slamon.errors import StillHolds
from slamon.services.directory.holdings import held_by, refuse_while_holding
from tests.installation import Installation


def test_a_manager_holds_their_project_and_cannot_just_leave(installation: Installation) -> None:
    with installation.runtime.read() as tx:
        manager = tx.session.get_one(Person, installation.cast.pm)
        assert held_by(tx, manager)
        with pytest.raises(StillHolds):
            refuse_while_holding(tx, manager)


def test_a_contact_holds_the_open_requests_that_are_with_them(installation: Installation) -> None:
    with installation.runtime.read() as tx:
        before = len(held_by(tx, tx.session.get_one(Person, installation.cast.contact)))
    installation.file()
    with installation.runtime.read() as tx:
        assert len(held_by(tx, tx.session.get_one(Person, installation.cast.contact))) == before + 1
