"""Who may do what is asked of a reader: roles count on the requests that are theirs."""

from slamon.db.parties import Person
from slamon.domain.timeline import Role
from slamon.services.directory.duties import unfit_as_backup
from tests.installation import Installation


def test_a_backup_holds_a_role_of_whoever_they_stand_in_for(installation: Installation) -> None:
    with installation.runtime.read() as tx:
        lead, contact = (
            tx.session.get_one(Person, each) for each in (installation.cast.lead, installation.cast.contact)
        )
        assert unfit_as_backup(lead, [Role.LEAD]) == frozenset()
        assert unfit_as_backup(contact, [Role.LEAD])
