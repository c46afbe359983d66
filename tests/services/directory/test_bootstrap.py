"""The first records of an installation, made once however often it is asked for."""

import pytest
from sqlalchemy import func, select

from slamon.db.parties import Organization, Person
from slamon.db.policies import Policy
from slamon.domain.catalogue import STANDARD
from slamon.domain.timeline import Role
from slamon.errors import Conflict
from slamon.services.directory.bootstrap import bootstrap, default_policies, first_admin
from tests.installation import PM, Installation


def counts(installation: Installation) -> list[int]:
    with installation.runtime.db.read() as session:
        return [
            session.scalar(select(func.count()).select_from(table)) or 0 for table in (Organization, Person, Policy)
        ]


def test_founding_again_changes_nothing(installation: Installation) -> None:
    before = counts(installation)
    with installation.runtime.write() as tx:
        assert bootstrap(tx, "Another Name").id == installation.cast.sponsor
    assert counts(installation) == before


def test_the_first_administrator_is_invited_once(installation: Installation) -> None:
    with installation.runtime.write() as tx:
        first = first_admin(tx, "Ann Admin", "ann@sponsor.example")
        assert Role.ADMIN in first.roles
        assert first_admin(tx, "Ann Admin", " ANN@sponsor.example ").id == first.id


def test_an_address_of_somebody_else_makes_no_administrator(installation: Installation) -> None:
    with installation.runtime.write() as tx, pytest.raises(Conflict, match="who is no administrator"):
        first_admin(tx, "Ann Admin", PM)


def test_every_shipped_line_says_how_long_each_clock_of_the_cmo_may_run() -> None:
    lines = default_policies(STANDARD.clocks)
    assert lines[0]["name"] == "Routine: answer within 24 to 48 hours"
    assert {clock for line in lines for clock in line["clocks"]} == set(STANDARD.clocks)
    assert (lines[0]["clocks"]["answer"]["target"], lines[0]["clocks"]["answer"]["limit"]) == ("PT24H", "PT48H")
