"""The rules of policies as a document: how a line is chosen, and the lines an installation begins with."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from slamon.domain.terms import (
    Anchor,
    ClockKind,
    Mode,
    Step,
    as_meant,
    clocks_from_json,
    ladder_from_json,
)
from slamon.services.directory.bootstrap import default_policies
from slamon.services.policies.policies import SCOPE
from slamon.wording.instants import target

_HEAD = """# Policies

A policy line names what it is for, what each clock allows and who is told when. Of the lines in force that cover a
request the most specific wins; lines are compared by what they name, in this order: {scope}.
Two lines of the same scope with overlapping dates are refused. A request keeps the terms it was filed under until an
administrator applies another line to open requests, which is shown before and written into each of them.
A changed line counts from now, or from when the change says; what it said until then stays, as a line that has ended.
`GET /v1/policies/resolve` says which line applies and why, `POST /v1/policies/what-if` what a draft would have meant.
This page is written by `slamon policy-rules`.

## The lines an installation begins with
"""


def policy_rules() -> str:
    """The whole document, as Markdown."""
    lines = default_policies()
    scope = ", ".join(column.removesuffix("_id").replace("cmo", "CMO") for column in SCOPE)
    return "\n".join([_HEAD.format(scope=scope), *_clocks(lines), *_ladders(lines)])


def _clocks(lines: list[dict[str, Any]]) -> Iterator[str]:
    yield "Target / limit; `cap` bounds what all waits for a third party may take together.\n"
    yield f"| clock | {' | '.join(line['name'] for line in lines)} |"
    yield "|---" * (len(lines) + 1) + "|"
    for kind in ClockKind:
        cells = [_cell(line["clocks"].get(kind.value)) for line in lines]
        yield f"| {kind.replace('_', ' ')}{' (ours)' if kind.is_the_sponsors else ''} | {' | '.join(cells)} |"
    yield ""


def _cell(stored: Mapping[str, Any] | None) -> str:
    if stored is None:
        return "–"
    [clock] = clocks_from_json({ClockKind.ANSWER.value: stored}).values() if stored["mode"] != Mode.DATE else [None]
    if clock is None:
        return "end of the day"
    cap = f", cap {_duration(clock.pause_cap)}" if clock.pause_cap else ""
    return f"{_duration(clock.target, clock.mode)} / {_duration(clock.limit, clock.mode)}{cap}"


def _duration(length: timedelta, mode: Mode = Mode.ELAPSED) -> str:
    return target(int(length.total_seconds()), mode.unit)


def _ladders(lines: list[dict[str, Any]]) -> Iterator[str]:
    told: dict[str, list[str]] = {}
    for line in lines:
        rungs = "\n".join(_rung(step) for step in ladder_from_json(line["ladder"]))
        told.setdefault(rungs, []).append(line["name"])
    for rungs, names in told.items():
        yield f"## Who is told: {'; '.join(names)}\n"
        yield "| clocks | step | when | who |"
        yield "|---|---|---|---|"
        yield rungs
        yield ""


def _rung(step: Step) -> str:
    clocks = ", ".join(kind.replace("_", " ") for kind in step.clocks) or "what the CMO owes by the hour"
    who = ", ".join(f"{to.role or 'a person'} ({to.channel})".replace("_", " ") for to in step.to)
    return f"| {clocks} | {_name(step)} | {_when(step)} | {who} |"


def _name(step: Step) -> str:
    """The step's own name, and what it means where that is another."""
    level = as_meant(step).level
    name = step.id.replace("_", " ")
    return name if step.id == level else f"{name} ({level.replace('_', ' ')})"


def _when(step: Step) -> str:
    if step.percent_of_target is not None:
        return f"{step.percent_of_target} % of the target"
    offset = _duration(abs(step.offset), step.mode)
    if step.offset.total_seconds() < 0:
        return f"{offset} before the {step.anchor}"
    after = f"{offset} after the {step.anchor}" if step.offset else f"the {step.anchor}"
    late = ", unless somebody has taken it" if step.unless_taken else ""
    return ("the start" if step.anchor is Anchor.START and not step.offset else after) + late
