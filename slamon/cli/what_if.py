"""`slamon what-if`: a draft policy in, figures out. It stores nothing."""

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from slamon.cli.console import figures_table, out, progress_bar

if TYPE_CHECKING:
    from slamon.domain.catalogue import Catalogue
    from slamon.runtime import Runtime
    from slamon.schemas.jobs import WhatIfAnswer
    from slamon.services.policies.policies import PolicyLine


def what_if(
    file: Annotated[Path, typer.Argument(help="A policy line as JSON, as POST /v1/policies takes it.", exists=True)],
    filed_from: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of filing.")],
    filed_to: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The day after the last one.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Judge the requests of a past period under a draft policy: which breaches appear, which vanish?

    Days are those of the sponsor's time zone.
    """
    from slamon.cli.runtime import open_runtime

    runtime = open_runtime()
    try:
        answer = _try_draft(runtime, file, filed_from.date(), filed_to.date())
    finally:
        runtime.close()
    if as_json:
        typer.echo(answer.model_dump_json(indent=2))
    else:
        _show(answer)


def _try_draft(runtime: "Runtime", file: Path, filed_from: date, filed_to: date) -> "WhatIfAnswer":
    from slamon.api.jobs import by_name
    from slamon.domain.timeline import Role
    from slamon.domain.zones import YEARS
    from slamon.errors import Invalid
    from slamon.services.access.callers import Caller
    from slamon.services.reports.what_if import Question, what_if

    for option, day in (("--from", filed_from), ("--to", filed_to)):
        if day.year not in YEARS:
            raise Invalid(option, f"must lie between the years {YEARS.start} and {YEARS.stop}")
    draft = _draft(file, runtime.catalogue)
    zone = ZoneInfo(runtime.settings.sponsor_time_zone)
    since, to = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (filed_from, filed_to))
    by = Caller("command-line", "command line", frozenset({Role.HEAD}))
    with runtime.read() as tx, progress_bar(file.name) as progress:
        found = what_if(tx, Question(draft, since, to), by=by, progress=lambda done, of: progress(100 * done // of))
        return by_name(found)


def _draft(file: Path, catalogue: "Catalogue") -> "PolicyLine":
    from codecs import BOM_UTF8

    from pydantic import ValidationError

    from slamon.api.policies import draft_of
    from slamon.domain.terms import TermsError
    from slamon.errors import SlamonError
    from slamon.schemas.policies import policy_models

    try:
        model = policy_models(catalogue.clocks).new
        return draft_of(model.model_validate_json(file.read_bytes().removeprefix(BOM_UTF8)), catalogue)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SlamonError(f"{file.name}: {where}: {first['msg']}") from error
    except TermsError as error:
        raise SlamonError(f"{file.name}: {error}") from error


def _show(answer: "WhatIfAnswer") -> None:
    out.print(f"{answer.looked_at:,} requests were filed in the period, {answer.covered:,} would come under the draft.")
    headings = "requests", "as it was", "under the draft", "appear", "vanish"
    cmos = figures_table("Clocks past their limit", "CMO", *headings)
    for cmo in answer.cmos:
        figures = cmo.requests, cmo.breaches, cmo.breaches_under_draft, cmo.appeared, cmo.vanished
        cmos.add_row(cmo.name, *(f"{figure:,}" for figure in figures))
    leads = figures_table("Escalations to each lead", "lead", "as it was", "under the draft", "more")
    for lead in answer.leads:
        more = lead.escalations_under_draft - lead.escalations
        leads.add_row(lead.name, f"{lead.escalations:,}", f"{lead.escalations_under_draft:,}", f"{more:+,}")
    out.print(cmos)
    out.print(leads)
