"""The `slamon what-if` command: a draft policy in, figures out. It stores nothing."""

from codecs import BOM_UTF8
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from slamon.api.policies import WhatIfAnswer, draft_of, told
from slamon.cli.replay import progress_bar
from slamon.domain.catalogue import Catalogue
from slamon.domain.terms import TermsError
from slamon.domain.timeline import Role
from slamon.domain.zones import YEARS
from slamon.errors import Invalid, SlamonError
from slamon.runtime import Runtime
from slamon.schemas.policies import policy_models
from slamon.services.access.callers import Caller
from slamon.services.policies.policies import PolicyLine
from slamon.services.reports.what_if import what_if


def try_draft(runtime: Runtime, file: Path, filed_from: date, filed_to: date, *, as_json: bool) -> None:
    """Print what the draft in `file` would have meant for requests filed from one day up to the other.

    Days are those of the sponsor's time zone. Raises SlamonError for a draft that cannot work.
    """
    for option, day in (("--from", filed_from), ("--to", filed_to)):
        if day.year not in YEARS:
            raise Invalid(option, f"must lie between the years {YEARS.start} and {YEARS.stop}")
    draft, zone = _draft(file, runtime.catalogue), ZoneInfo(runtime.settings.sponsor_time_zone)
    since, to = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (filed_from, filed_to))
    by = Caller("command-line", "command line", frozenset({Role.HEAD}))
    try:
        with runtime.read() as tx, progress_bar(file.name) as progress:
            found = what_if(
                tx, draft, filed_from=since, filed_to=to, by=by, progress=lambda done, of: progress(100 * done // of)
            )
    finally:
        runtime.close()
    answer = told(found)
    if as_json:
        typer.echo(answer.model_dump_json(indent=2))
    else:
        _show(answer)


def _draft(file: Path, catalogue: Catalogue) -> PolicyLine:
    model = policy_models(catalogue.clocks).new
    try:
        return draft_of(model.model_validate_json(file.read_bytes().removeprefix(BOM_UTF8)), catalogue)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SlamonError(f"{file.name}: {where}: {first['msg']}") from error
    except TermsError as error:
        raise SlamonError(f"{file.name}: {error}") from error


def _show(answer: WhatIfAnswer) -> None:
    console = Console()
    console.print(
        f"{answer.looked_at:,} requests were filed in the period, {answer.covered:,} would come under the draft."
    )
    cmos = Table(title="Clocks past their limit", title_justify="left")
    for heading in ("CMO", "requests", "as it was", "under the draft", "appear", "vanish"):
        cmos.add_column(heading, justify="left" if heading == "CMO" else "right")
    for cmo in answer.cmos:
        figures = cmo.requests, cmo.breaches, cmo.breaches_under_draft, cmo.appeared, cmo.vanished
        cmos.add_row(cmo.name, *(f"{figure:,}" for figure in figures))
    leads = Table(title="Escalations to each lead", title_justify="left")
    for heading in ("lead", "as it was", "under the draft", "more"):
        leads.add_column(heading, justify="left" if heading == "lead" else "right")
    for lead in answer.leads:
        more = lead.escalations_under_draft - lead.escalations
        leads.add_row(lead.name, f"{lead.escalations:,}", f"{lead.escalations_under_draft:,}", f"{more:+,}")
    console.print(cmos)
    console.print(leads)
