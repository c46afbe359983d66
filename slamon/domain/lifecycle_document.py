"""The life cycles as a document: a diagram and a table of each, written from the tables that are in force."""

from collections.abc import Iterable, Iterator

from slamon.domain.lifecycle import LIFE_CYCLE, OPEN_STATES, RequestType, State, Table
from slamon.domain.timeline import CMO_ROLES, Role

_HEAD = """# Life cycles

What may be done with a request, by whom, what it needs and where it leads. Anything that is not in a table is refused
with 409 and changes nothing; the answer says what is possible. This page is written by `slamon life-cycles`.
"""


def life_cycles() -> str:
    """The whole document, as Markdown with Mermaid diagrams; types that share a table share a section."""
    sections: list[tuple[Table, list[RequestType]]] = []
    for request_type, table in LIFE_CYCLE.items():
        alike = next((types for known, types in sections if known is table), None)
        if alike is None:
            sections.append((table, [request_type]))
        else:
            alike.append(request_type)
    return "\n".join([_HEAD, *(line for table, types in sections for line in _section(table, types))])


def _section(table: Table, types: Iterable[RequestType]) -> Iterator[str]:
    yield f"## {', '.join(types).capitalize()}"
    yield "\n```mermaid\nstateDiagram-v2"
    yield f"    [*] --> {State.FILED}: file"
    ways: dict[tuple[State, State], list[str]] = {}
    for (state, action), rule in table.items():
        if rule.to is not state:
            ways.setdefault((state, rule.to), []).append(action)
    yield from (f"    {state} --> {to}: {', '.join(actions)}" for (state, to), actions in ways.items())
    yield from (f"    {state} --> [*]" for state in State if state not in OPEN_STATES)
    yield "```\n"
    yield "| action | who | from | leads to | needs |"
    yield "|---|---|---|---|---|"
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for (state, action), rule in table.items():
        leads_to = "unchanged" if rule.to is state else rule.to.value
        needs = ", ".join(f"`{field}`" for field in rule.needs)
        rows.setdefault((action, _who(rule.who), leads_to, needs), []).append(state)
    for (name, who, leads_to, needs), states in rows.items():
        yield f"| `{name}` | {who} | {', '.join(states)} | {leads_to} | {needs} |"
    yield ""


def _who(roles: frozenset[Role]) -> str:
    return "CMO" if roles == CMO_ROLES else ", ".join(role.value.replace("_", " ") for role in Role if role in roles)
