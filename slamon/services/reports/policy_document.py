"""The rules of policies as a document: how a line is chosen, and the lines an installation begins with."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from slamon.domain.catalogue import Catalogue
from slamon.domain.clocks.kinds import dated
from slamon.domain.terms import Anchor, Mode, Step, as_meant, clocks_from_json, ladder_from_json
from slamon.services.directory.bootstrap import default_policies
from slamon.services.policies.policies import SCOPE
from slamon.wording.instants import target
from slamon.wording.words import Words

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


def policy_rules(catalogue: Catalogue, words: Words) -> str:
    """The whole document, as Markdown."""
    lines = default_policies(catalogue.clocks)
    scope = ", ".join(column.removesuffix("_id").replace("cmo", "CMO") for column in SCOPE)
    return "\n".join([_HEAD.format(scope=scope), *_clocks(lines, catalogue, words), *_ladders(lines, catalogue, words)])


def _clocks(lines: list[dict[str, Any]], catalogue: Catalogue, words: Words) -> Iterator[str]:
    yield "Target / limit; `cap` bounds what all waits for a third party may take together.\n"
    yield f"| clock | {' | '.join(line['name'] for line in lines)} |"
    yield "|---" * (len(lines) + 1) + "|"
    for name, definition in catalogue.clocks.items():
        cells = [_cell(line["clocks"].get(name)) for line in lines]
        yield f"| {words.clocks[name].label}{' (ours)' if definition.is_the_sponsors else ''} | {' | '.join(cells)} |"
    yield ""


def _cell(stored: Mapping[str, Any] | None) -> str:
    if stored is None:
        return "–"
    if stored["mode"] == Mode.DATE:
        return "end of the day"
    [clock] = clocks_from_json({"": stored}).values()
    cap = f", cap {_duration(clock.pause_cap)}" if clock.pause_cap else ""
    return f"{_duration(clock.target, clock.mode)} / {_duration(clock.limit, clock.mode)}{cap}"


def _duration(length: timedelta, mode: Mode = Mode.ELAPSED) -> str:
    return target(int(length.total_seconds()), mode.unit)


def _ladders(lines: list[dict[str, Any]], catalogue: Catalogue, words: Words) -> Iterator[str]:
    by_steps: dict[str, list[str]] = {}
    on_a_day = dated(catalogue.clocks)
    for line in lines:
        ladder = [as_meant(step, on_a_day) for step in ladder_from_json(line["ladder"])]
        by_steps.setdefault("\n".join(_step(step, words) for step in ladder), []).append(line["name"])
    for steps, names in by_steps.items():
        yield f"## Who is told: {'; '.join(names)}\n"
        yield "| clocks | step | when | who |"
        yield "|---|---|---|---|"
        yield steps
        yield ""


def _step(step: Step, words: Words) -> str:
    clocks = ", ".join(words.clocks[kind].label for kind in step.clocks) or "what the CMO owes by the hour"
    who = ", ".join(f"{to.role or 'a person'} ({to.channel})".replace("_", " ") for to in step.to)
    return f"| {clocks} | {_name(step)} | {_when(step)} | {who} |"


def _name(step: Step) -> str:
    """The step's own name, and what it means where that is another."""
    name = step.id.replace("_", " ")
    return name if step.id == step.level else f"{name} ({step.level.replace('_', ' ')})"


def _when(step: Step) -> str:
    if step.percent_of_target is not None:
        return f"{step.percent_of_target} % of the target"
    offset = _duration(abs(step.offset), step.mode)
    if step.offset.total_seconds() < 0:
        return f"{offset} before the {step.anchor}"
    after = f"{offset} after the {step.anchor}" if step.offset else f"the {step.anchor}"
    late = ", unless somebody has taken it" if step.unless_taken else ""
    return ("the start" if step.anchor is Anchor.START and not step.offset else after) + late
