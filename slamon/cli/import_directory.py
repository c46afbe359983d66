"""The `slamon import` commands: a spreadsheet in, records out, or one line for every bad row and nothing stored."""

import getpass
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from slamon.cli.replay import printable
from slamon.config import Settings
from slamon.db import schema
from slamon.domain.timeline import Actor, Role
from slamon.errors import SlamonError
from slamon.imports.directory import ImportResult, import_directory
from slamon.imports.drafts import BadRows, place_of
from slamon.imports.tables import RowProblem, read_table
from slamon.runtime import Runtime, build_runtime

import_app = typer.Typer(no_args_is_help=True, help="Bring spreadsheets in.")


@import_app.command()
def directory(
    file: Annotated[Path, typer.Argument(help="Spreadsheet: .csv, .csv.gz or .xlsx.", exists=True, dir_okay=False)],
    sheet: Annotated[str | None, typer.Option(help="Sheet of the workbook, else the first that is not hidden.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; store nothing.")] = False,
) -> None:
    """Add the CMOs, sites and contacts of a spreadsheet; all of them or, where a row is bad, none."""
    runtime = build_runtime(Settings())
    try:
        result = _import(runtime, file, sheet, dry_run=dry_run)
    except BadRows as bad:
        for problem in bad.problems:
            typer.echo(printable(line_of(problem)), err=True)
        typer.echo("slamon: nothing was imported.", err=True)
        raise typer.Exit(1) from bad
    except SlamonError as error:
        typer.echo(printable(f"slamon: {error}"), err=True)
        raise typer.Exit(1) from error
    finally:
        runtime.close()
    Console().print(_summary(result, dry_run=dry_run))
    for problem in (*result.notes, *result.differing):
        typer.echo(printable(line_of(problem)))


@import_app.command()
def template() -> None:
    """Print a spreadsheet to start from, with three example rows."""
    typer.echo((files("slamon.cli") / "directory_template.csv").read_text("utf-8"), nl=False)


def _import(runtime: Runtime, file: Path, sheet: str | None, *, dry_run: bool) -> ImportResult:
    rows = read_table(file.name, file.read_bytes(), sheet)
    refuse_other_schema(runtime)
    with runtime.db.write() as session:
        result = import_directory(session, rows, by=whoever_types(), now=runtime.clock.now())
        if dry_run:
            session.rollback()
    return result


def refuse_other_schema(runtime: Runtime) -> None:
    if refusal := schema.refusal(runtime.db):
        raise SlamonError(refusal)


def whoever_types() -> Actor:
    """The trail names the account of the operating system: whoever reaches this command administers the machine."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number only
        name = "unknown"
    return Actor(id="command-line", name=f"{name} (command line)", role=Role.ADMIN)


def line_of(problem: RowProblem) -> str:
    told = f" ('{problem.value}')" if problem.value and problem.value not in problem.reason else ""
    return f"{place_of(problem)}: {problem.reason}{told}"


def _summary(result: ImportResult, *, dry_run: bool) -> Table:
    table = Table(title="Trial run: nothing was stored" if dry_run else "Imported", title_justify="left")
    table.add_column("")
    for heading in ("would be added" if dry_run else "added", "there already"):
        table.add_column(heading, justify="right")
    for what, added in result.created.items():
        there = f"{result.unchanged[what]:,}" if what in result.unchanged else ""
        table.add_row(what, f"{added:,}", there)
    return table
