"""Texts that look the same are the same; a text of which nothing is seen says nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slamon.domain.normal_form import invisible_in, is_blank, listed, normal_form, visible


@pytest.mark.parametrize(
    "typed",
    ["Rhein\u00a0Fill AG", "rhein  fill\tAG", "Rhein\u200b Fill\u2060 AG\u200f", "\ufeffRHEIN FILL \uff21\uff27",
     "Rhein\u3000Fill\u202fAG", "Rh\u00adein Fill AG\ufe0f", "Rhein\r\nFill AG "],
)  # fmt: skip
def test_what_looks_the_same_has_one_form(typed: str) -> None:
    assert normal_form(typed) == "rhein fill ag"


def test_hyphens_apostrophes_and_compositions_are_one() -> None:
    assert normal_form("A\u201117") == normal_form("A\u201317") == normal_form("A\u221217") == "a-17"
    assert normal_form("L\u2019Oréal") == normal_form("l'Ore\u0301al")
    assert normal_form("A17") != normal_form("A18")


@given(st.text())
def test_the_form_of_a_form_is_itself(text: str) -> None:
    assert normal_form(normal_form(text)) == normal_form(text)


@given(st.text(alphabet="\u200b\u200d\u2060\ufeff\u00ad\u3164\u2800\u00a0\u3000\u034f\ufe0f \t\n\x00\x1f"))
def test_what_cannot_be_seen_is_blank(text: str) -> None:
    assert is_blank(text)
    assert visible(text) is None
    assert listed(f"A17,{text};B2".replace(f",{text};", f",{text.replace(chr(10), '')};")) == ["A17", "B2"]


def test_what_is_typed_stays_but_for_the_spaces_around_it() -> None:
    assert visible("  A\u200b17 ") == "A\u200b17"
    assert invisible_in("A\u200b17") == "ZERO WIDTH SPACE"
    assert invisible_in("山田　太郎") is None
