"""`slamon import`: a spreadsheet in, records or requests out, or one line for every bad row and nothing stored."""

import getpass
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slamon.cli.console import figures_table, out, printable, progress_bar, refusing, say_speed

if TYPE_CHECKING:
    from rich.table import Table

    from slamon.domain.timeline import Actor
    from slamon.imports.directory import ImportResult
    from slamon.imports.past_requests import ImportedRequests
    from slamon.imports.tables import RowProblem
    from slamon.runtime import Runtime
    from slamon.services.transaction import Tx

import_app = typer.Typer(no_args_is_help=True, help="Bring spreadsheets in.")


@import_app.command()
def directory(
    file: Annotated[Path, typer.Argument(help="Spreadsheet: .csv, .csv.gz or .xlsx.", exists=True, dir_okay=False)],
    sheet: Annotated[str | None, typer.Option(help="Sheet of the workbook, else the first that is not hidden.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; store nothing.")] = False,
) -> None:
    """Add the CMOs, sites and contacts of a spreadsheet; all of them or, where a row is bad, none."""
    from slamon.imports.directory import import_directory
    from slamon.imports.tables import read_table

    with _importing() as runtime:
        rows = read_table(file.name, file.read_bytes(), sheet)
        with _writing(runtime, dry_run=dry_run) as tx:
            result = import_directory(tx, rows, by=_whoever_types())
    out.print(_directory_summary(result, dry_run=dry_run))
    for problem in (*result.notes, *result.differing):
        typer.echo(printable(_line_of(problem)))


@import_app.command()
def template() -> None:
    """Print a spreadsheet to start from, with three example rows."""
    typer.echo((files("slamon.cli") / "directory_template.csv").read_text("utf-8"), nl=False)


@contextmanager
def _importing() -> "Iterator[Runtime]":
    """The runtime of one import; bad rows end the command, one line each, and nothing was stored."""
    from slamon.config import Settings
    from slamon.imports.drafts import BadRows
    from slamon.runtime import build_runtime

    with closing(build_runtime(Settings())) as runtime, refusing():
        try:
            yield runtime
        except BadRows as bad:
            _tell(bad.problems)
            typer.echo("slamon: nothing was imported.", err=True)
            raise typer.Exit(1) from bad


@contextmanager
def _writing(runtime: "Runtime", *, dry_run: bool) -> "Iterator[Tx]":
    """The transaction of one import, undone again if it was a trial."""
    from slamon.cli.runtime import refuse_other_schema

    refuse_other_schema(runtime)
    with runtime.write() as tx:
        yield tx
        if dry_run:
            tx.session.rollback()


def _summary(*figures: str, dry_run: bool) -> "Table":
    return figures_table("Trial run: nothing was stored" if dry_run else "Imported", "", *figures)


def _directory_summary(result: "ImportResult", *, dry_run: bool) -> "Table":
    table = _summary("would be added" if dry_run else "added", "there already", dry_run=dry_run)
    for what, added in result.created.items():
        there = f"{result.unchanged[what]:,}" if what in result.unchanged else ""
        table.add_row(what, f"{added:,}", there)
    return table


def _show_template(is_asked: bool) -> None:
    if is_asked:
        typer.echo((files("slamon.cli") / "requests_template.toml").read_text("utf-8"), nl=False)
        raise typer.Exit


@import_app.command()
def requests(
    file: Annotated[Path, typer.Argument(help="Spreadsheet: .csv, .csv.gz or .xlsx.", exists=True, dir_okay=False)],
    mapping: Annotated[Path, typer.Option(help="Which column is what: .toml or .json.", exists=True, dir_okay=False)],
    sheet: Annotated[
        str | None, typer.Option(help="Sheet of the workbook, else the mapping's, else the first not hidden.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything; store nothing.")] = False,
    notify: Annotated[bool, typer.Option("--notify", help="Tell people of what is due now; else nobody.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad rows out; else none is imported.")] = False,
    _template: Annotated[
        bool,
        typer.Option("--template", help="Print a mapping to start from.", is_eager=True, callback=_show_template),
    ] = False,
) -> None:
    """Bring in past and open requests with all that happened to them; all of them or, where a row is bad, none."""
    from sqlalchemy.exc import IntegrityError

    from slamon.clock import Clock
    from slamon.errors import Conflict
    from slamon.imports.mappings import read_mapping, refuse_missing
    from slamon.imports.requests import import_requests
    from slamon.imports.tables import read_sheet

    clock = Clock()
    begun = clock.monotonic()
    with _importing() as runtime:
        columns = read_mapping(mapping, runtime.catalogue)
        names, rows = read_sheet(file.name, file.read_bytes(), sheet or columns.sheet)
        refuse_missing(columns, names)
        columns = columns.as_in(names)
        try:
            with progress_bar(file.name) as progress, _writing(runtime, dry_run=dry_run) as tx:
                result = import_requests(
                    tx, rows, columns, by=_whoever_types(), notify=notify, skip_bad=skip_bad, progress=progress
                )
        except IntegrityError as error:  # the ids follow from the rows: somebody else brought the same in meanwhile
            raise Conflict("Somebody imported the same rows just now; nothing was imported by this run.") from error
    _tell((*result.flags, *result.left_out))
    out.print(_requests_summary(result, dry_run=dry_run))
    say_speed(out, result.requests + len(result.left_out), "rows", clock.monotonic() - begun)


def _tell(problems: "Iterable[RowProblem]") -> None:
    for problem in problems:
        typer.echo(printable(_line_of(problem)), err=True)


def _requests_summary(result: "ImportedRequests", *, dry_run: bool) -> "Table":
    table = _summary("would be stored" if dry_run else "stored", dry_run=dry_run)
    table.add_row("requests", f"{result.requests:,}")
    for state, count in result.states.items():
        table.add_row(f"  {state.value.replace('_', ' ')}", f"{count:,}")
    table.add_row("facts", f"{result.facts:,}")
    table.add_row("steps of the ladder passed before", f"{result.crossings:,}")
    table.add_row("rows left out", f"{len(result.left_out):,}")
    table.add_row("remarks on how it was read", f"{len(result.flags):,}")
    if result.numbers and not dry_run:
        table.caption = f"{result.numbers[0]} to {result.numbers[-1]}"
    return table


def _whoever_types() -> "Actor":
    """The trail names the account of the operating system: whoever reaches this command administers the machine."""
    from slamon.domain.timeline import Actor, Role

    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number only
        name = "unknown"
    return Actor(id="command-line", name=f"{name} (command line)", role=Role.ADMIN)


def _line_of(problem: "RowProblem") -> str:
    from slamon.imports.drafts import place_of

    value = f" ('{problem.value}')" if problem.value and problem.value not in problem.reason else ""
    return f"{place_of(problem)}: {problem.reason}{value}"
