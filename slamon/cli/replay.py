"""The `slamon replay` commands: a file in, figures out. They read no database and store nothing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slamon.cli.console import out, printable, progress_bar, refusing, say_speed
from slamon.clock import Clock

if TYPE_CHECKING:
    from rich.table import Table

    from slamon.imports.incidents import Replay
    from slamon.imports.logs import Example
    from slamon.imports.shipments import ShipmentReplay

replay_app = typer.Typer(no_args_is_help=True, help="Run real records through the clocks; nothing is stored.")


class ReplayCalendar(StrEnum):
    ALWAYS = "24x7"
    WEEKDAYS = "weekdays"


@replay_app.command()
def incidents(
    file: Annotated[Path, typer.Argument(help="Request log, .csv or .csv.gz.", exists=True, dir_okay=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
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
    clock = Clock()
    begun = clock.monotonic()
    with refusing(), progress_bar(file.name) as progress:
        result = replay(file, STANDARD.clocks, weekdays_only=weekdays_only, progress=progress)
    if as_json:
        typer.echo(json.dumps(asdict(result), indent=2))
        return
    out.print(_figures(result))
    if result.flagged:
        out.print(oddities(f"Flagged in {result.flagged_requests:,} requests", result.flagged, result.examples))
    say_speed(out, result.requests, "requests", clock.monotonic() - begun)


@replay_app.command()
def shipments(
    file: Annotated[Path, typer.Argument(help="Shipment log, .csv or .csv.gz.", exists=True, dir_okay=False)],
    sites: Annotated[Path, typer.Option(help="Its manufacturing sites, with country and time zone.", exists=True)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    explain: Annotated[str | None, typer.Option(help="Tell one order in words instead: its number.")] = None,
) -> None:
    """Replay a log of deliveries: which lines came after their due date, and how long after?"""
    from slamon.domain.catalogue import STANDARD
    from slamon.imports.shipments import replay_shipments
    from slamon.imports.stories import tell_order

    if explain is not None:
        _tell(tell_order(file, sites, explain, STANDARD))
        return
    clock = Clock()
    begun = clock.monotonic()
    with refusing(), progress_bar(file.name) as progress:
        result = replay_shipments(file, sites, STANDARD.clocks, progress=progress)
    if as_json:
        typer.echo(json.dumps(asdict(result), indent=2, ensure_ascii=False))
        return
    out.print(_delivery_figures(result))
    out.print(_site_figures(result))
    if result.flagged:
        out.print(oddities(f"Flagged in {result.flagged_orders:,} orders", result.flagged, result.examples))
    say_speed(out, result.lines, "lines", clock.monotonic() - begun)


def _tell(sentences: Iterable[str]) -> None:
    with refusing():
        for sentence in sentences:
            typer.echo(printable(sentence))


def _figures(result: "Replay") -> "Table":
    from rich.table import Table

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


def _share(count: int, result: "Replay") -> str:
    return f"{count / result.requests:.2%}" if result.requests else "-"


def _delivery_figures(result: "ShipmentReplay") -> "Table":
    from rich.table import Table

    judged = result.late_lines + result.on_the_day + result.early
    title = f"{result.lines:,} lines in {result.shipments:,} shipments of {result.orders:,} orders"
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
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
        table.add_row(name, f"{count:,}", f"{count / of:.2%}" if of else "-")
    for name, days in (
        ("days late, median", result.days_late_median),
        ("days late, 90th percentile", result.days_late_p90),
        ("days late, largest", result.days_late_largest),
        ("days from filing to delivery, median", result.days_to_delivery_median),
    ):
        table.add_row(name, "-" if days is None else f"{days:,}", "")
    table.caption = f"{result.sites:,} sites, {result.destinations:,} destinations, {result.vendors:,} vendors"
    table.caption_justify = "left"
    return table


def _site_figures(result: "ShipmentReplay") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Busiest sites", title_justify="left")
    table.add_column("site")
    for heading in ("country", "lines", "late", "share", "direct drop", "late"):
        table.add_column(heading, justify="right")
    for site in result.busiest_sites:
        counts = (f"{site.lines:,}", f"{site.late:,}", f"{site.late / site.lines:.1%}")
        direct = (f"{site.direct_drop:,}", f"{site.direct_drop_late:,}")
        table.add_row(Text(printable(site.site)), Text(printable(site.country)), *counts, *direct)
    return table


def oddities(title: str, flagged: Mapping[str, int], examples: "Sequence[Example]") -> "Table":
    """How many oddities of each kind there are, with the first of it."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    table.add_column("oddity", no_wrap=True)
    table.add_column("count", justify="right")
    table.add_column("for example")
    for oddity, count in flagged.items():
        example = next(example for example in examples if example.oddity == oddity)
        text = f"{example.number or 'row'} (line {example.row}): {example.reason}"
        # The file's own words: Text reads no markup in them.
        table.add_row(oddity.replace("_", " "), f"{count:,}", Text(printable(text)))
    return table
