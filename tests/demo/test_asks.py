"""What the cast asks for would be taken by the API as well."""

from datetime import date
from itertools import chain
from typing import Any
from uuid import UUID

from slamon.demo.asks import Ask, filing_of
from slamon.demo.scenes import SILENT_SITES, Star, later, opening
from slamon.domain.catalogue import STANDARD
from slamon.domain.priority import Priority
from slamon.schemas.filings import read_filing

SCRIPT = [*opening(), *later()]
ID = UUID(int=1)


def body_of(ask: Ask) -> dict[str, Any]:
    """What the API would be sent for it."""
    filing = filing_of(ask, site_id=ID, project_id=ID, today=date(2026, 11, 24))
    return {
        "type": filing.type,
        "project_id": str(ID),
        "site_id": str(ID),
        "subject": filing.subject,
        "description": filing.description,
        "priority": filing.priority.value,
        "gxp": filing.gxp,
        "cmo_reference": filing.cmo_reference,
        "detail": filing.detail,
    }


def test_every_ask_of_the_script_passes_the_check_of_the_api() -> None:
    for ask in {scene.ask for scene in SCRIPT}:
        assert read_filing(STANDARD, body_of(ask)), ask


def test_the_script_has_all_types_and_more_than_one_priority() -> None:
    assert {scene.ask.type for scene in opening()} == set(STANDARD.types)
    assert {scene.ask.priority for scene in opening()} > {Priority.ROUTINE}


def test_the_same_seed_gives_the_same_script() -> None:
    assert [*opening(), *later()] == SCRIPT


def test_scenes_to_come_are_in_order_of_time() -> None:
    filed = [scene.at for scene in chain(opening(), later()) if scene.at > 0]
    assert filed == sorted(filed)


def test_silent_sites_never_play_and_the_silent_star_is_one_of_them() -> None:
    silent = [scene for scene in SCRIPT if scene.ask.site in SILENT_SITES]
    assert [scene.acts for scene in silent] == [()] * len(silent)
    assert next(scene for scene in SCRIPT if scene.star is Star.SILENT).ask.site in SILENT_SITES
