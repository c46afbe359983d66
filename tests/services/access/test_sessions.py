"""Somebody signed in stays so while they work, and no longer."""

from datetime import timedelta

import pytest

from slamon.db.parties import Person
from slamon.errors import NotSignedIn
from slamon.services.access import sessions
from tests.installation import PM, Installation

IDLE = timedelta(minutes=30)


@pytest.fixture
def token(installation: Installation) -> str:
    with installation.runtime.write() as tx:
        return sessions.begin_session(tx, tx.session.get_one(Person, installation.cast.pm))


def who(installation: Installation, token: str) -> str:
    with installation.runtime.write() as tx:
        caller = sessions.signed_in(tx, token, idle=IDLE)
        sessions.keep_session(tx, token)
        return tx.session.get_one(Person, caller.person_id).email


def test_a_session_lasts_while_it_is_used(installation: Installation, token: str) -> None:
    for _ in range(3):
        installation.clock.advance(minutes=29)
        assert who(installation, token) == PM


def test_a_session_that_rests_too_long_ends(installation: Installation, token: str) -> None:
    installation.clock.advance(minutes=31)
    with pytest.raises(NotSignedIn):
        who(installation, token)


def test_signing_out_ends_this_session_and_ending_all_ends_the_others(installation: Installation, token: str) -> None:
    with installation.runtime.write() as tx:
        other = sessions.begin_session(tx, tx.session.get_one(Person, installation.cast.pm))
        sessions.sign_out(tx, token)
    with pytest.raises(NotSignedIn):
        who(installation, token)
    assert who(installation, other) == PM
    with installation.runtime.write() as tx:
        sessions.end_sessions(tx, installation.cast.pm)
    with pytest.raises(NotSignedIn):
        who(installation, other)
