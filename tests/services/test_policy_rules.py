"""The document of the policy rules is the one that the shipped lines give."""

from pathlib import Path

from slamon.domain.catalogue import STANDARD
from slamon.services.reports.policy_document import policy_rules
from slamon.wording.words import ENGLISH


def test_the_document_shows_the_lines_an_installation_begins_with():
    written = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
    assert written == policy_rules(STANDARD, ENGLISH), "run: slamon policy-rules > docs/policies.md"
