"""The document of the policy rules is the one that the shipped lines give."""

from slamon.domain.catalogue import STANDARD
from slamon.services.reports.policy_document import policy_rules
from slamon.wording.words import ENGLISH
from tests.servers.plugin import ROOT


def test_the_document_shows_the_lines_an_installation_begins_with():
    written = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    assert written == policy_rules(STANDARD, ENGLISH), "run: slamon policy-rules > docs/policies.md"
