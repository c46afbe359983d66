"""Terms say by which time-zone data they were made."""

import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest
import tzdata
from sqlalchemy import select

from slamon.db.policies import FrozenTerms
from slamon.domain.terms import Terms, terms_digest
from slamon.services.zone_data import zone_data_of
from tests.world import World


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the system keeps its zones: one of them."""
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Zurich").touch()
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    zone_data_of.cache_clear()
    yield tmp_path
    zoneinfo.reset_tzpath(to=before)
    zone_data_of.cache_clear()


def test_a_zone_is_of_the_release_of_the_folder_it_is_read_from(folder: Path) -> None:
    (folder / "tzdata.zi").write_text("# version 2031a\n# ddeps backzone\n", encoding="utf-8")
    assert zone_data_of("Europe/Zurich") == "tzdata 2031a"
    assert zone_data_of("Europe/Dublin") == f"tzdata {tzdata.IANA_VERSION}"  # which only the package has


def test_a_folder_that_does_not_say_its_release_is_not_taken_for_another(folder: Path) -> None:
    assert zone_data_of("Europe/Zurich") == "tzdata of an unknown release"


def test_terms_keep_the_zone_data_and_those_of_before_keep_their_digest(world: World) -> None:
    world.file()
    with world.runtime.db.read() as session:
        content = session.scalars(select(FrozenTerms)).one().content
    assert content["zone_data"] == zone_data_of("Europe/Zurich")
    of_before = {name: value for name, value in content.items() if name != "zone_data"}
    terms = Terms.from_json(of_before)
    assert (terms.zone_data, terms_digest(terms.to_json())) == (None, terms_digest(of_before))
    assert terms_digest(of_before) != terms_digest(content)
