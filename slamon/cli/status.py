"""How the installation stands, for people and programs."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slamon import __version__
from slamon.cli.console import out

if TYPE_CHECKING:
    from slamon.engine.heartbeat import ProcessStatus


def status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Say how the installation stands: what stands still, messages, processes, clocks, channels; exit 1 if not well."""
    from slamon.cli.runtime import open_runtime
    from slamon.db import schema
    from slamon.engine import health

    runtime = open_runtime()
    with runtime.db.read() as session:
        seen = health.look(session, runtime)
    broker = health.broker_answers(runtime.settings)
    facts = {
        "well": not seen.troubles,
        "troubles": [trouble.words for trouble in seen.troubles],
        "degraded": [*([health.BROKER_AWAY] if broker is False else []), *seen.warnings],
        "release": __version__,
        "schema": schema.current_revision(runtime.db),
        "channels": {name: type(channel).__name__ for name, channel in runtime.channels.items()},
        "outgoing_stopped": seen.is_stopped,
        "redirected_to": runtime.settings.redirect_all_to,
        "messages": seen.messages,
        "oldest_waiting_seconds": _seconds(seen.oldest_waiting),
        "due_lag_seconds": _seconds(seen.due_lag),
        "cycle_age_seconds": _seconds(seen.since_pass),
        "processes": [_process(pulse) for pulse in seen.pulses],
    }
    if as_json:
        out.print_json(json.dumps(facts))
    else:
        _say(facts)
    if seen.troubles:
        raise typer.Exit(1)


def _say(facts: dict[str, Any]) -> None:
    from rich.table import Table

    troubles, degraded = facts.pop("troubles"), facts.pop("degraded")
    for words in troubles:
        out.print(words, style="bold red", highlight=False)
    for words in degraded:
        out.print(words, style="yellow", highlight=False)
    if facts.pop("well"):
        out.print("What is due is being done.", style="green")
    table = Table("what", "now", show_header=False)
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), _in_words(value))
    out.print(table)


def _process(pulse: "ProcessStatus") -> dict[str, Any]:
    known = {
        "kind": pulse.kind,
        "host": pulse.host,
        "release": pulse.release,
        "alive": pulse.is_alive,
        "seconds_since_beat": _seconds(pulse.since_beat),
        "clock_skew_seconds": pulse.clock_skew_seconds,
        "zone_data": pulse.zone_data,
    }
    return known if pulse.since_pass is None else {**known, "seconds_since_pass": _seconds(pulse.since_pass)}


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds(), 1)


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_in_words(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "\n".join(map(_in_words, value)) or "none"
    return "no" if value is None or value is False else "yes" if value is True else str(value)
