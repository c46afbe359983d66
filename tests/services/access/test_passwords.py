"""Passwords through the pages: which are taken, and how slowly they are hashed."""

from collections.abc import Iterator
from dataclasses import replace
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import select

from slamon.db.parties import Person
from slamon.services.access.passwords import Passwords
from tests.installation import PM, Installation
from tests.pages import Site, text_of
from tests.services.access.test_sign_ins import OTHER, PASSWORD, set_password, sign_in, welcome_path


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("password12345", "It is a common password"),
        ("ｐａｓｓｗｏｒｄ１２３４５", "It is a common password"),
        (PM, "It is made of your name, your address or the company"),
        ("Petra-Manager-2026", "It is made of your name, your address or the company"),
        ("Auriga Bio 2026!", "It is made of your name, your address or the company"),
        ("slamon slamon 26", "It is made of your name, your address or the company"),
        ("abcdefghijklmnop", "Much of it is a plain sequence"),
        ("lalalalalalalala", "It repeats itself"),
        ("eleven char", "Must have at least 12 characters"),
        ("p\u200ba\u200bs\u200bs\u200bw\u200bo\u200br\u200bd", "Must have at least 12 characters"),
        ("kumquat " * 26, "Must have at most 200 characters"),
    ],
)
def test_a_password_others_would_guess_is_refused_with_the_reason(site: Site, password: str, why: str) -> None:
    page = set_password(site, welcome_path(site), password)
    assert page.status_code == 422
    assert why in text_of(page)
    assert "at most" in why or "three or four words that do not belong together" in text_of(page)
    assert password not in page.text.replace(f'readonly value="{PM}"', "")


@pytest.mark.parametrize("password", [PASSWORD, "k7#pQ9!vLm2x", "Zürich-Regen-Tasse", "lamp river auriga wood " * 5])
def test_a_password_nobody_guesses_is_taken(site: Site, password: str) -> None:
    assert set_password(site, welcome_path(site), password).status_code == 303
    assert sign_in(site, password).status_code == 303


def test_none_of_the_last_five_passwords_is_taken_again_and_the_one_before_is(site: Site) -> None:
    six = [f"{word} lamp river wood" for word in ("first", "second", "third", "fourth", "fifth", "sixth")]
    for password in six:
        assert set_password(site, welcome_path(site), password).status_code == 303
    for password in (six[5], six[4], six[1]):
        refused = set_password(site, welcome_path(site), password)
        assert "one of your last 5" in text_of(refused)
    assert set_password(site, welcome_path(site), six[0]).status_code == 303


def test_the_database_holds_slow_hashes_only(installation: Installation) -> None:
    installation.runtime = replace(installation.runtime, passwords=Passwords())  # the product's own
    site = Site(installation)
    site.password(installation.cast.pm, PASSWORD)
    set_password(site, welcome_path(site), OTHER)
    rows, slow = site.everything(), "$argon2id$v=19$m=65536,t=3,p=4$"
    assert PASSWORD not in str(rows)
    assert [row[2].startswith(slow) for row in rows["former_password"]] == [True]
    with installation.runtime.db.read() as session:
        kept = session.scalars(select(Person.password_hash).where(Person.password_hash.is_not(None))).all()
    assert [each.startswith(slow) for each in kept] == [True]


class Writing(Passwords):
    """Writes to the database wherever something is hashed: impossible while the caller holds SQLite's one writer."""

    def __init__(self, installation: Installation) -> None:
        super().__init__()
        self._installation = installation
        self.hashed = 0

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        self._installation.file()
        self.hashed += 1
        return super()._run(*args, **kwargs)


def test_nothing_is_hashed_while_a_transaction_is_open(installation: Installation) -> None:
    probe = Writing(installation)
    installation.runtime = replace(installation.runtime, passwords=probe)
    site = Site(installation)
    site.password(installation.cast.pm, PASSWORD)
    assert sign_in(site, "a wrong password").status_code == 401
    assert sign_in(site, email="nobody@sponsor.example").status_code == 401
    assert sign_in(site).status_code == 303
    assert probe.hashed == 4


class Slow(Passwords):
    """One thread, nobody may wait, and each hash takes until it is let go."""

    def __init__(self) -> None:
        super().__init__(threads=1, waiting=0)
        self.begun, self.go_on = Event(), Event()

    def _matches(self, password: str, password_hash: str | None) -> bool:
        self.begun.set()
        self.go_on.wait(20)
        return super()._matches(password, password_hash)


@pytest.fixture
def busy(installation: Installation) -> Iterator[Site]:
    """An installation whose one hashing thread is busy with a stranger."""
    slow = Slow()
    installation.runtime = replace(installation.runtime, passwords=slow)
    site = Site(installation)
    stranger = Thread(target=sign_in, args=(site, "a wrong password"))
    stranger.start()
    assert slow.begun.wait(20)
    try:
        yield site
    finally:
        slow.go_on.set()
        stranger.join(20)


def test_more_sign_ins_than_can_be_hashed_are_told_to_come_back(busy: Site) -> None:
    answer = sign_in(busy, host="203.0.113.9")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "Too many people are signing in" in text_of(answer)
    assert busy.installation.file().number
