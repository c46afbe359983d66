"""The conversation on a request as the CMO's contact reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from slamon.db.attachments import Attachment
from slamon.domain.timeline import CMO_ROLES, Fact, Role, Via
from slamon.web.uploads import sent_alone, told_with
from slamon.web.view.fact_details import Telling, corrected_by, particulars, quoted
from slamon.web.view.instants import Moment


@dataclass(frozen=True, slots=True)
class Said:
    """One entry of the conversation as the contact reads it; `kind` is None for a file sent by itself."""

    name: str
    is_cmo: bool
    kind: str | None
    at: Moment
    told: str | None = None
    text: str | None = None
    expected_on: date | None = None
    files: Sequence[Attachment] = ()
    particulars: Sequence[str] = ()
    about: str | None = None  # what it corrects


def conversation(facts: Sequence[Fact], files: Sequence[Attachment], about: Telling) -> list[Said]:
    """What both sides said and sent, in order of time; `facts` are those the contact may read."""
    told, zones = told_with(facts, files), about.zones
    dated = [
        (
            fact.occurred_at,
            Said(
                name=fact.by.name,
                is_cmo=fact.by.is_cmo,
                kind=fact.kind,
                at=zones.at(fact.occurred_at),
                told=_how_told(fact, about),
                text=fact.words or None,
                expected_on=fact.remarks.expected_on,
                files=told[fact.sequence],
                particulars=particulars(fact, about),
                about=quoted(corrects, about) if (corrects := corrected_by(fact)) else None,
            ),
        )
        for fact in facts
    ]
    for file in sent_alone(files, told):
        is_cmo, at = Role(file.uploaded_by_role) in CMO_ROLES, zones.at(file.created_at)
        dated.append((file.created_at, Said(file.uploaded_by_name, is_cmo, None, at, files=[file])))
    return [said for _, said in sorted(dated, key=lambda each: each[0])]


def _how_told(fact: Fact, about: Telling) -> str | None:
    """How an act of the CMO reached the sponsor, where staff wrote it down."""
    if fact.recorded_by.id == fact.by.id:
        return None
    gettext, name = about.language.gettext, fact.recorded_by.name
    if fact.via == Via.PHONE_RECORDED:
        return gettext("written down by {name} after a phone call", name=name)
    return gettext("written down by {name} after a mail", name=name)
