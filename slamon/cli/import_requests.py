"""The `slamon import requests` command: a spreadsheet of past requests and its mapping in, requests out."""

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import IntegrityError

from slamon.cli.import_directory import line_of, refuse_other_schema, whoever_types
from slamon.cli.replay import printable, progress_bar, say_speed
from slamon.clock import Clock
from slamon.config import Settings
from slamon.errors import Conflict, SlamonError
from slamon.imports.drafts import BadRows
from slamon.imports.tables import RowProblem, read_sheet
from slamon.runtime import Runtime, build_runtime

if TYPE_CHECKING:
    from slamon.imports.requests import ImportedRequests


def _show_template(is_asked: bool) -> None:
    if is_asked:
        typer.echo((files("slamon.cli") / "requests_template.toml").read_text("utf-8"), nl=False)
        raise typer.Exit


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
    clock = Clock()
    begun = clock.monotonic()
    runtime = build_runtime(Settings())
    try:
        result = _import(runtime, file, mapping, sheet, dry_run=dry_run, notify=notify, skip_bad=skip_bad)
    except BadRows as bad:
        _tell(bad.problems)
        typer.echo("slamon: nothing was imported.", err=True)
        raise typer.Exit(1) from bad
    except SlamonError as error:
        typer.echo(printable(f"slamon: {error}"), err=True)
        raise typer.Exit(1) from error
    finally:
        runtime.close()
    _tell((*result.flags, *result.left_out))
    console = Console()
    console.print(_summary(result, dry_run=dry_run))
    say_speed(console, result.requests + len(result.left_out), "rows", clock.monotonic() - begun)


def _import(
    runtime: Runtime, file: Path, mapping_file: Path, sheet: str | None, *, dry_run: bool, notify: bool, skip_bad: bool
) -> "ImportedRequests":
    # Not before: the models of the API take their time, and every command would wait for them.
    from slamon.imports.mappings import read_mapping, refuse_missing
    from slamon.imports.requests import import_requests

    mapping = read_mapping(mapping_file, runtime.catalogue)
    names, rows = read_sheet(file.name, file.read_bytes(), sheet or mapping.sheet)
    refuse_missing(mapping, names)
    mapping = mapping.as_in(names)
    refuse_other_schema(runtime)
    try:
        with progress_bar(file.name) as progress, runtime.write() as tx:
            result = import_requests(
                tx, rows, mapping, by=whoever_types(), notify=notify, skip_bad=skip_bad, progress=progress
            )
            if dry_run:
                tx.session.rollback()
    except IntegrityError as error:  # the ids follow from the rows: somebody else brought the same in meanwhile
        raise Conflict("Somebody imported the same rows just now; nothing was imported by this run.") from error
    return result


def _tell(problems: tuple[RowProblem, ...]) -> None:
    for problem in problems:
        typer.echo(printable(line_of(problem)), err=True)


def _summary(result: "ImportedRequests", *, dry_run: bool) -> Table:
    table = Table(title="Trial run: nothing was stored" if dry_run else "Imported", title_justify="left")
    table.add_column("")
    table.add_column("would be stored" if dry_run else "stored", justify="right")
    table.add_row("requests", f"{result.requests:,}")
    for state, count in result.states.items():
        table.add_row(f"  {state.value.replace('_', ' ')}", f"{count:,}")
    table.add_row("facts", f"{result.facts:,}")
    table.add_row("steps of the ladder passed before", f"{result.crossings:,}")
    table.add_row("rows left out", f"{len(result.left_out):,}")
    table.add_row("remarks on how it was read", f"{len(result.flags):,}")
    if result.numbers and not dry_run:
        table.caption = f"{result.numbers[0]} to {result.numbers[-1]}"
        table.caption_justify = "left"
    return table
