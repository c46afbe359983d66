"""The `slamon replay` commands: a file in, figures out. They read no database and store nothing."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from slamon.clock import Clock
from slamon.errors import Invalid
from slamon.imports.incidents import Replay, replay

replay_app = typer.Typer(no_args_is_help=True, help="Run real records through the clocks; nothing is stored.")


class ReplayCalendar(StrEnum):
    ALWAYS = "24x7"
    WEEKDAYS = "weekdays"


@replay_app.callback()
def _group() -> None:
    """Run real records through the clocks; nothing is stored."""
    # Without a callback Typer takes a group of one command for that command.


@replay_app.command()
def incidents(
    file: Annotated[Path, typer.Argument(help="Request log, .csv or .csv.gz.", exists=True, dir_okay=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    calendar: Annotated[
        ReplayCalendar, typer.Option(help="What counts: every hour, or no Saturdays and Sundays (UTC).")
    ] = ReplayCalendar.ALWAYS,
) -> None:
    """Replay a help desk's request log: how many would have been late by flat 24 and 48 hours?"""
    clock = Clock()
    begun = clock.monotonic()
    try:
        with progress_bar(file.name) as progress:
            result = replay(file, weekdays_only=calendar is ReplayCalendar.WEEKDAYS, progress=progress)
    except Invalid as err:
        typer.echo(f"slamon: {err}", err=True)
        raise typer.Exit(1) from err
    if as_json:
        typer.echo(json.dumps(result.to_json(), indent=2))
        return
    seconds = max(clock.monotonic() - begun, 0.001)
    console = Console()
    console.print(_figures(result))
    if result.flagged:
        console.print(_oddities(result))
    console.print(f"{result.requests / seconds:,.0f} requests a second ({seconds:.1f} s)", highlight=False)


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[int], None]]:
    """A bar on stderr that fills to 100; nothing at all where stderr is no terminal."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(name, total=100)
        yield lambda percent: progress.update(task, completed=percent)


def _figures(result: Replay) -> Table:
    counted = "Saturdays and Sundays not counted, but for gross" if result.weekdays_only else "every hour counts"
    table = Table(title=f"{result.requests:,} requests ({counted})", title_justify="left")
    table.add_column("")
    for heading in ("after 24 h", "share", "after 48 h", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, late, breached in (
        ("acknowledged", result.acknowledged_after_24h, result.acknowledged_after_48h),
        ("answered, gross", result.answered_after_24h, result.answered_after_48h),
        ("answered, net of waiting", result.net_answer_after_24h, result.net_answer_after_48h),
    ):
        cells = (f"{late:,}", _share(late, result), f"{breached:,}", _share(breached, result))
        table.add_row(name, *cells)
    rest = {
        "not acknowledged": result.not_acknowledged,
        "not answered": result.not_answered,
        "left out": result.left_out,
    }
    table.caption = "; ".join(f"{name}: {count:,}" for name, count in rest.items() if count) or None
    table.caption_justify = "left"
    return table


def _share(count: int, result: Replay) -> str:
    return f"{count / result.requests:.2%}" if result.requests else "-"


def _oddities(result: Replay) -> Table:
    table = Table(title=f"Flagged in {result.flagged_requests:,} requests", title_justify="left")
    table.add_column("oddity", no_wrap=True)
    table.add_column("count", justify="right")
    table.add_column("for example")
    for oddity, count in result.flagged.items():
        example = next(example for example in result.examples if example.oddity == oddity)
        text = f"{example.number or 'row'} (line {example.row}): {example.reason}"
        # The file's own words: Text reads no markup in them, and control characters stay out of the terminal.
        printable = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
        table.add_row(oddity.replace("_", " "), f"{count:,}", Text(printable))
    return table
