"""Whether a message may name a request's subject: by the sponsor's setting, in mails, never in a blinded project."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from slamon.db.parties import Project
from slamon.wording.message import Message
from slamon.wording.messages import put_into_words
from tests.installation import Installation, open_installation

SUBJECT = "Capacity in May"


@pytest.fixture(params=[True, False])
def naming(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Installation, bool]]:
    """An installation, and whether its mails may name subjects."""
    with open_installation(f"sqlite:///{tmp_path}/installation.db", mail_subjects=request.param) as opened:
        yield opened, request.param


def says(message: Message) -> bool:
    return SUBJECT in str(put_into_words(message))


def test_mails_name_the_subject_where_the_sponsor_wants_it_and_slack_never_does(
    naming: tuple[Installation, bool],
) -> None:
    installation, is_on = naming
    installation.file(subject=SUBJECT)
    installation.work()
    installation.clock.advance(hours=49)
    installation.work()
    assert {says(mail) for mail in installation.email.sent} == {is_on}
    assert {says(post) for post in installation.slack.sent} == {False}


def test_messages_about_a_blinded_project_never_name_the_subject(naming: tuple[Installation, bool]) -> None:
    installation, _ = naming
    with installation.runtime.db.write() as session:
        session.execute(update(Project).values(blinded=True))
    installation.file(subject=SUBJECT)
    installation.work()
    installation.clock.advance(hours=49)
    installation.work()
    assert {says(message) for message in (*installation.email.sent, *installation.slack.sent)} == {False}
