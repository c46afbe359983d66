"""Whatever the catalogue has, there are words for; and there are no others."""

from dataclasses import astuple

from slamon.domain.catalogue import STANDARD
from slamon.wording.words import ENGLISH


def test_every_clock_has_all_its_words_and_no_words_are_without_a_clock() -> None:
    assert list(ENGLISH.clocks) == list(STANDARD.clocks)
    assert all(all(astuple(words)) for words in ENGLISH.clocks.values())


def test_a_clock_stands_under_its_own_name() -> None:
    assert [clock.name for clock in STANDARD.clocks.values()] == list(STANDARD.clocks)
