"""The document of the rights is the one that the tables give, of every action of a catalogue."""

from slamon.domain.catalogue import STANDARD
from slamon.services.reports.rights_document import rights
from tests.catalogue.deviation import CATALOGUE
from tests.servers.plugin import ROOT


def test_the_document_says_what_is_in_force():
    written = (ROOT / "docs" / "rights.md").read_text(encoding="utf-8")
    assert written == rights(STANDARD), "run: slamon rights > docs/rights.md"


def test_a_new_action_stands_in_it():
    [new] = CATALOGUE.actions.keys() - STANDARD.actions.keys()
    assert f"| `{new}` |" in rights(CATALOGUE)
