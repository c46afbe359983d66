"""Every action and every kind of fact has all its words, and none is left over."""

from dataclasses import fields
from typing import get_type_hints

import pytest

from slamon.domain.actions.parts import Group, Said
from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import CMO, SPONSOR
from slamon.domain.timeline import FactKind, Role
from slamon.schemas.acts import body_of
from slamon.services.directory.notifications import UNTOLD
from slamon.wording.words import ENGLISH

BESIDE_ACTIONS = {FactKind.FILED, FactKind.TERMS_CHANGED, FactKind.ADDRESS_CHANGED}
WHO = {
    action: frozenset[Role]().union(
        *(
            rule.who
            for request_type in STANDARD.types.values()
            for (_, name), rule in request_type.rules.items()
            if name == action
        )
    )
    for action in STANDARD.actions
}


def test_words_and_catalogue_name_the_same_actions_and_facts() -> None:
    assert ENGLISH.actions.keys() == STANDARD.actions.keys()
    assert set(ENGLISH.facts) == set(STANDARD.action_of) | BESIDE_ACTIONS


@pytest.mark.parametrize("name", STANDARD.actions)
def test_a_side_that_may_take_an_action_has_words_for_its_form_and_for_every_field(name: str) -> None:
    action, words = STANDARD.actions[name], ENGLISH.actions[name]
    assert (words.to_contact is not None) == bool(WHO[name] & CMO)
    assert (words.to_staff is not None) == bool(WHO[name] - CMO)
    hints = get_type_hints(action.says, include_extras=True).values()
    notes = [note for hint in hints for note in getattr(hint, "__metadata__", ())]
    assert set(words.fields) == {*action.asks, *(note.name for note in notes if isinstance(note, Group))}
    assert set(action.takes) - {"lots_or_kits"} <= set(action.asks)  # that is asked for line by line


@pytest.mark.parametrize("kind", STANDARD.action_of)
def test_whoever_is_told_of_a_fact_is_told_in_words(kind: str) -> None:
    who, words, is_told = WHO[STANDARD.action_of[kind]], ENGLISH.facts[kind], kind not in UNTOLD
    assert (words.of_cmo is not None) == (is_told and bool(who & CMO))
    assert (words.of_sponsor is not None) == (is_told and bool(who & SPONSOR))


def test_every_action_has_a_body_that_refuses_the_fields_of_others() -> None:
    shared = {each.name for each in fields(Said)}
    for action in STANDARD.actions.values():
        own = set(body_of(STANDARD, action.name).__origin__.model_fields)
        assert own == shared | set(action.takes) | {"on_behalf_of", "via", "evidence", "occurred_at"}
