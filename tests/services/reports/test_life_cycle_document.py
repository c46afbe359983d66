"""The document of the life cycles is the one that the tables give, of every type and action of a catalogue."""

from slamon.domain.catalogue import STANDARD
from slamon.services.reports.life_cycle_document import life_cycles
from tests.catalogue.visits import CATALOGUE
from tests.servers.plugin import ROOT


def test_the_document_shows_the_tables_that_are_in_force():
    written = (ROOT / "docs" / "life-cycles.md").read_text(encoding="utf-8")
    assert written == life_cycles(STANDARD), "run: slamon life-cycles > docs/life-cycles.md"


def test_a_new_type_stands_in_it():
    assert "isit" in life_cycles(CATALOGUE)
    assert "isit" not in life_cycles(STANDARD)
