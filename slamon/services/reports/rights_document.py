"""The table of rights as a document, written from what is in force."""

from collections.abc import Iterator

from slamon.domain.catalogue import Catalogue
from slamon.domain.timeline import Role
from slamon.services.access.rights import REACH, RIGHTS, Deed, On, Right

_HEAD = """# Who may do what

Every route of the API and every page asks one table, and this page is written from it by `slamon rights`. First comes
what somebody may see: what they may not see is not found (404), whatever their roles; then what their roles allow on
that record (403). An API key has its owner's rights cut by its scopes.

## What they may see

- **Staff** read everything but restricted projects.
- A **restricted project**, with all that belongs to it, is for its manager, its lead and the leads of its CMOs, the
  deputies of these, head, quality, and auditors whose scope names it or one of its CMOs. No message about it goes to
  anybody else of the sponsor, nor into a channel.
- An **auditor** with a scope (`reads_cmo_ids`, `reads_project_ids`) reads what the scope names: the requests to these
  CMOs and of these projects, restricted or not, and the records of these CMOs and projects. Without one, all that is
  not restricted. An auditor of a CMO reads that CMO's requests.
- **People of a CMO** read the requests to their own CMO and sites, and nothing else.

## On which records they may act

| role | acts on |
|---|---|
{reach}

A deputy (the backup of somebody) counts as that person, in the roles the deputy holds as well. A service account owns
nothing and acts on all it sees; what is marked *people* is not for it.

Some fields give somebody rights, so they take a right of their own:

| field | takes the right to |
|---|---|
| `lead_id` of a CMO or project | {leads} |
| `pm_id`, `cmo_ids`, `restricted` of a project | {staffing} (1) |
| `reads_cmo_ids`, `reads_project_ids` of an auditor | {scoping} |

(1) Of the leads only those who lead the project or all its CMOs, and they add only CMOs they lead.

- A lead adds projects all of whose CMOs they lead, and may be the lead of such a project.
- Nobody changes their own roles, status or scope, and nobody names themselves manager or lead, except a lead who leads
  all of the project anyway.
- Somebody always stays who can administer: the last administrator can be neither disabled nor given other roles. An
  administrator holds no other role; whoever also takes part in the business has a second account.
- Administrators read and keep records, but do nothing in a request.
- Owners are told by mail of every API key made in their name, and revoke it themselves: on the page *Your API keys* or
  with `POST /v1/api-keys/{{id}}/revoke`.

## The table

*seen*: on what they may read. *own*: on what the table above says. *any*: on everything they see. *self*: on what is
theirs alone.
"""


def rights(catalogue: Catalogue) -> str:
    """The whole document, as Markdown."""
    reach = "\n".join(f"| {_words(role)} | {where} |" for role, where in REACH.items())
    head = _HEAD.format(reach=reach, leads=Deed.NAME_LEADS, staffing=Deed.STAFF_PROJECTS, scoping=Deed.SCOPE_AUDITORS)
    return "\n".join([head, *_table(), *_actions(catalogue), ""])


def _table() -> Iterator[str]:
    yield f"| may | scope of a key | {' | '.join(map(_words, REACH))} |"
    yield "|---" * (len(REACH) + 2) + "|"
    for deed, right in RIGHTS.items():
        scope = (right.scope or "any key") + (", people" if right.for_people else "")
        yield f"| {deed} | {scope} | {' | '.join(_cell(right, role) for role in REACH)} |"


def _actions(catalogue: Catalogue) -> Iterator[str]:
    tables = [each.rules for each in catalogue.types.values()]
    yield "\n## Actions on a request\n"
    yield "In which state, and what each needs: [life-cycles.md](life-cycles.md). Another priority is the lead's.\n"
    yield f"| action | {' | '.join(map(_words, REACH))} |"
    yield "|---" * (len(REACH) + 1) + "|"
    for action in catalogue.actions:
        rules = [rule for table in tables for (_, listed), rule in table.items() if listed == action]
        roles = frozenset[Role]().union(*(rule.who for rule in rules))
        cells = (_reach(role) if role in roles else "" for role in REACH)
        yield f"| `{action}` | {' | '.join(cells)} |"


def _cell(right: Right, role: Role) -> str:
    if role not in right.roles:
        return ""
    return {On.SEEN: "seen", On.SELF: "self", On.INSTALLATION: "yes"}.get(right.on) or _reach(role)


def _reach(role: Role) -> str:
    return "any" if REACH[role] == "any" else "own"


def _words(role: Role) -> str:
    return role.value.replace("_", " ").replace("cmo", "CMO")
