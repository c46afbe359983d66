"""The `slamon replay` commands: a file in, figures out. They read no database and store nothing."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from slamon.cli.console import figures_table, out, printable, progress_bar, refusing, say_speed
from slamon.clock import Clock

if TYPE_CHECKING:
    from rich.table import Table

    from slamon.imports.incidents import Replay
    from slamon.imports.shipments import ShipmentReplay

replay_app = typer.Typer(no_args_is_help=True, help="Run real records through the clocks; nothing is stored.")
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
Result = TypeVar("Result", "Replay", "ShipmentReplay")


class ReplayCalendar(StrEnum):
    ALWAYS = "24x7"
    WEEKDAYS = "weekdays"


@replay_app.command()
def incidents(
    file: Annotated[Path, typer.Argument(help="Request log, .csv or .csv.gz.", exists=True, dir_okay=False)],
    as_json: AsJson = False,
    calendar: Annotated[
        ReplayCalendar, typer.Option(help="What counts: every hour, or no Saturdays and Sundays (UTC).")
    ] = ReplayCalendar.ALWAYS,
    explain: Annotated[str | None, typer.Option(help="Tell one request in words instead: its number.")] = None,
) -> None:
    """Replay a help desk's request log: how many would have been late by flat 24 and 48 hours?"""
    from slamon.domain.catalogue import STANDARD
    from slamon.imports.incidents import replay
    from slamon.imports.stories import tell_incident
    from slamon.wording.words import ENGLISH

    weekdays_only = calendar is ReplayCalendar.WEEKDAYS
    if explain is not None:
        _tell(tell_incident(file, explain, STANDARD, ENGLISH, weekdays_only=weekdays_only))
        return
    replayed = partial(replay, file, STANDARD.clocks, weekdays_only=weekdays_only)
    _show(file, replayed, _incident_tables, "requests", as_json=as_json)


@replay_app.command()
def shipments(
    file: Annotated[Path, typer.Argument(help="Shipment log, .csv or .csv.gz.", exists=True, dir_okay=False)],
    sites: Annotated[Path, typer.Option(help="Its manufacturing sites, with country and time zone.", exists=True)],
    as_json: AsJson = False,
    explain: Annotated[str | None, typer.Option(help="Tell one order in words instead: its number.")] = None,
) -> None:
    """Replay a log of deliveries: which lines came after their due date, and how long after?"""
    from slamon.domain.catalogue import STANDARD
    from slamon.imports.shipments import replay_shipments
    from slamon.imports.stories import tell_order

    if explain is not None:
        _tell(tell_order(file, sites, explain, STANDARD))
        return
    replayed = partial(replay_shipments, file, sites, STANDARD.clocks)
    _show(file, replayed, _shipment_tables, "lines", as_json=as_json)


def _tell(sentences: Iterable[str]) -> None:
    with refusing():
        for sentence in sentences:
            typer.echo(printable(sentence))


def _show(
    file: Path,
    replayed: "Callable[..., Result]",
    tables: Callable[[Result], Iterable["Table"]],
    what: str,
    *,
    as_json: bool,
) -> None:
    """Replay, and print the figures: as JSON, or as tables with what is odd and how fast it went."""
    clock = Clock()
    begun = clock.monotonic()
    with refusing(), progress_bar(file.name) as progress:
        result = replayed(progress=progress)
    if as_json:
        typer.echo(json.dumps(asdict(result), indent=2, ensure_ascii=False))
        return
    for table in tables(result):
        out.print(table)
    say_speed(out, getattr(result, what), what, clock.monotonic() - begun)


def _incident_tables(result: "Replay") -> Iterator["Table"]:
    counted = "Saturdays and Sundays not counted, but for gross" if result.weekdays_only else "every hour counts"
    title = f"{result.requests:,} requests ({counted})"
    table = figures_table(title, "", "after 24 h", "share", "after 48 h", "share")
    for name, late, breached in (
        ("acknowledged", result.acknowledged_after_24h, result.acknowledged_after_48h),
        ("answered, gross", result.answered_after_24h, result.answered_after_48h),
        ("answered, net of waiting", result.net_answer_after_24h, result.net_answer_after_48h),
    ):
        shares = (_share(each, result.requests, 2) for each in (late, breached))
        table.add_row(name, f"{late:,}", next(shares), f"{breached:,}", next(shares))
    rest = (
        ("not acknowledged", result.not_acknowledged),
        ("not answered", result.not_answered),
        ("left out", result.left_out),
    )
    table.caption = "; ".join(f"{name}: {count:,}" for name, count in rest if count) or None
    yield table
    yield from _oddities(result, f"Flagged in {result.flagged_requests:,} requests")


def _shipment_tables(result: "ShipmentReplay") -> Iterator["Table"]:
    from rich.text import Text

    judged = result.late_lines + result.on_the_day + result.early
    title = f"{result.lines:,} lines in {result.shipments:,} shipments of {result.orders:,} orders"
    table = figures_table(title, "", "", "")
    table.show_header = False
    for name, count, of in (
        ("late lines", result.late_lines, judged),
        ("on the day", result.on_the_day, judged),
        ("early", result.early, judged),
        ("late of direct drop", result.direct_drop_late, result.direct_drop),
        ("late of depot stock", result.from_depot_late, result.from_depot),
        ("orders late as a whole", result.late_orders, result.orders),
        ("lines with a filing date", result.filed_lines, result.lines),
        ("not delivered", result.not_delivered, result.lines),
        ("not judged, without a due date", result.not_judged, result.lines),
    ):
        table.add_row(name, f"{count:,}", _share(count, of, 2))
    for name, days in (
        ("days late, median", result.days_late_median),
        ("days late, 90th percentile", result.days_late_p90),
        ("days late, largest", result.days_late_largest),
        ("days from filing to delivery, median", result.days_to_delivery_median),
    ):
        table.add_row(name, "-" if days is None else f"{days:,}", "")
    table.caption = f"{result.sites:,} sites, {result.destinations:,} destinations, {result.vendors:,} vendors"
    yield table
    busiest = figures_table("Busiest sites", "site", "country", "lines", "late", "share", "direct drop", "late")
    for site in result.busiest_sites:
        counts = (f"{site.lines:,}", f"{site.late:,}", _share(site.late, site.lines, 1))
        direct = (f"{site.direct_drop:,}", f"{site.direct_drop_late:,}")
        busiest.add_row(Text(printable(site.site)), Text(printable(site.country)), *counts, *direct)
    yield busiest
    yield from _oddities(result, f"Flagged in {result.flagged_orders:,} orders")


def _share(count: int, of: int, digits: int) -> str:
    return f"{count / of:.{digits}%}" if of else "-"


def _oddities(result: "Replay | ShipmentReplay", title: str) -> Iterator["Table"]:
    """How many oddities of each kind there are, with the first of it; no table where there are none."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    table.add_column("oddity", no_wrap=True)
    table.add_column("count", justify="right")
    table.add_column("for example")
    for oddity, count in result.flagged.items():
        example = next(example for example in result.examples if example.oddity == oddity)
        text = f"{example.number or 'row'} (line {example.row}): {example.reason}"
        # The file's own words: Text reads no markup in them.
        table.add_row(oddity.replace("_", " "), f"{count:,}", Text(printable(text)))
    if result.flagged:
        yield table
