"""The life cycles as a document: a diagram and a table of each, written from the tables that are in force."""

from collections.abc import Iterator, Set

from slamon.domain.catalogue import Catalogue
from slamon.domain.lifecycle import ENDED, OF_A_DRAFT, RequestTypeDefinition, Rule, State, When
from slamon.domain.timeline import CMO_ROLES, Role

_HEAD = """# Life cycles

What may be done with a request, by whom, what it needs and where it leads. Anything that is not in a table is refused
with 409 and changes nothing; the answer says what is possible. This page is written by `slamon life-cycles`.

A call or mail of the CMO may be recorded late, also on a request that has ended since: it must have been possible in
the state in which the request was **then**. Clocks follow as if it had been recorded in time; what was done since stays
done.
"""

_UNOPPOSED = "no objection for 5 working days (a setting)"


def life_cycles(catalogue: Catalogue) -> str:
    """The whole document, as Markdown with Mermaid diagrams."""
    return "\n".join([_HEAD, *(line for each in catalogue.types.values() for line in _section(each))])


def _section(request_type: RequestTypeDefinition) -> Iterator[str]:
    table = request_type.rules
    unopposed = _UNOPPOSED if request_type.closes_gxp_by_itself else f"{_UNOPPOSED}; never for a GxP request"
    yield f"## {request_type.name.capitalize()}"
    yield "\n```mermaid\nstateDiagram-v2"
    yield f"    [*] --> {State.FILED}: file\n    [*] --> draft: write"
    yield from (f"    draft --> {to or '[*]'}: {act}" for act, to in OF_A_DRAFT.items())
    ways: dict[tuple[State, State], list[str]] = {}
    for (state, action), rule in table.items():
        for to in rule.states:
            if to is not state:
                ways.setdefault((state, to), []).append(action)
    yield from (f"    {state} --> {to}: {', '.join(actions)}" for (state, to), actions in ways.items())
    yield from (f"    {state} --> [*]" for state in State if state in ENDED)
    yield "```\n"
    yield "| action | who | from | leads to | needs |"
    yield "|---|---|---|---|---|"
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for (state, action), rule in table.items():
        needs = ", ".join(" or ".join(f"`{field}`" for field in need.split("|")) for need in rule.needs)
        rows.setdefault((action, _who(rule), _leads_to(state, rule), needs), []).append(_from(state, rule))
    for act, filed in OF_A_DRAFT.items():
        end, needs = (filed.value, "what filing asks for") if filed else ("deleted; the trail keeps it", "")
        yield f"| `{act}` | its author | draft | {end} | {needs} |"
    for (name, who, leads_to, needs), states in rows.items():
        yield f"| `{name}` | {who} | {', '.join(states)} | {leads_to} | {needs} |"
    for (state, action), rule in request_type.by_itself.items():
        yield f"| `{action}` | {_who(rule)} | {state} | {_leads_to(state, rule)} | {unopposed} |"
    yield ""


def _from(state: State, rule: Rule) -> str:
    return state.value if rule.only is None else f"{state.value} (while {rule.only})"


def _leads_to(state: State, rule: Rule) -> str:
    if rule.to is state:
        return "unchanged"
    if isinstance(rule.to, State):
        return rule.to.value
    return "; ".join(f"{to} when {when}" if when is not When.OTHERWISE else f"otherwise {to}" for when, to in rule.to)


def _who(rule: Rule) -> str:
    sponsors = _named(rule.who - CMO_ROLES)
    cmo = "CMO" if rule.who >= CMO_ROLES else _named(rule.who & CMO_ROLES)
    return ", ".join(filter(None, (cmo, sponsors))) + (
        f" (these while {rule.sponsor_only})" if rule.sponsor_only else ""
    )


def _named(roles: Set[Role]) -> str:
    return ", ".join(role.value.replace("_", " ") for role in Role if role in roles)
