"""An action that slamon does not ship: the CMO, or our quality, reports a deviation at any time. All that it takes."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from slamon.domain.actions.parts import ActionDefinition, Between, Columns, Contradiction, OneLine, Said, Standing
from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import CMO, OPEN_STATES, QUALITY, Rule
from slamon.wording.actions import ActionWords, FieldWords, FormWords
from slamon.wording.facts import CmoNews, FactWords, SponsorNews
from slamon.wording.words import ENGLISH


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDeviation(Said):
    action: ClassVar = "report_deviation"

    batch: Annotated[str, OneLine(40)] = ""
    vials: Annotated[int | None, Between(1, 500)] = None


def _check(said: ReportDeviation, standing: Standing) -> ReportDeviation:
    if said.vials and said.vials > 400:
        raise Contradiction("vials", "that is more than a batch has")
    return replace(said, batch=said.batch.upper())


REPORT = ActionDefinition(
    ReportDeviation,
    ("deviation_reported",),
    ("batch", "vials", "text"),
    check=_check,
    columns=Columns("deviation_at", {"text": "deviation_text", "batch": "deviation_batch", "vials": "deviation_vials"}),
)
_RULES = {(state, "report_deviation"): Rule(state, CMO | QUALITY, ("text", "vials")) for state in OPEN_STATES}
CATALOGUE = replace(
    STANDARD,
    actions={**STANDARD.actions, "report_deviation": REPORT},
    types={name: replace(each, rules={**each.rules, **_RULES}) for name, each in STANDARD.types.items()},
)
WORDS = replace(
    ENGLISH,
    actions={
        **ENGLISH.actions,
        "report_deviation": ActionWords(
            verb="report a deviation",
            to_contact=FormWords("Report a deviation", "Report it", "Thank you. The deviation was reported"),
            to_staff=FormWords("Note a deviation", "Note it", "The deviation is noted."),
            fields={
                "batch": FieldWords("Batch", "as on the label"),
                "vials": FieldWords("Vials affected"),
                "text": FieldWords("What happened"),
            },
        ),
    },
    facts={
        **ENGLISH.facts,
        "deviation_reported": FactWords(
            did="reported a deviation",
            of_cmo=CmoNews("reported a deviation", "report of a deviation", "Tell your quality department."),
            of_sponsor=SponsorNews("has noted a deviation", "Open the request to read it."),
        ),
    },
)
