"""Who may put what into the records that administrators and leads keep: asked by field, and never for oneself.

Here, not in `rights`, as it reads the records themselves; what each deed takes stands in the table there.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from slamon.db.base import Stamped
from slamon.db.outbox import Notification
from slamon.db.parties import Organization, Person, Project, Site
from slamon.db.requests import CmoRequest
from slamon.domain.timeline import Actor
from slamon.errors import Forbidden, Invalid
from slamon.services.access.callers import Caller
from slamon.services.access.rights import (
    Deed,
    Owners,
    admit,
    allow,
    allow_on,
    backed_up,
    owners_of,
    owners_of_cmo,
    owners_of_project,
)
from slamon.services.access.visibility import find_seen, is_seen
from slamon.services.directory.records import LINKS, links_of

# Fields that give somebody rights, each with the right it takes to fill it in.
GIVING: Mapping[type[Stamped], Mapping[str, Deed]] = {
    Organization: {"lead_id": Deed.NAME_LEADS},
    Project: {
        "lead_id": Deed.NAME_LEADS,
        "pm_id": Deed.STAFF_PROJECTS,
        "cmo_ids": Deed.STAFF_PROJECTS,
        "restricted": Deed.STAFF_PROJECTS,
    },
    Person: {"reads_cmo_ids": Deed.SCOPE_AUDITORS, "reads_project_ids": Deed.SCOPE_AUDITORS},
}
OWN_RIGHTS = ("roles", "status", "reads_cmo_ids", "reads_project_ids")


def allow_new(session: Session, kept: type[Stamped], values: Mapping[str, Any], deed: Deed, *, by: Caller) -> Actor:
    """The caller as who may add such a record. Raises Forbidden, and Invalid for a record named that they may not see.

    A lead adds sites and contacts of CMOs they lead, and projects all of whose CMOs they lead: of such a project they
    may be the lead themselves, since they lead all of it anyway.
    """
    _refuse_unseen(session, values, by)
    if kept is Project:
        return allow_on(by, deed, Owners(lead_ids=_leads_of_all(session, values["cmo_ids"])))
    if kept in (Site, Person):
        return allow_on(by, deed, owners_of_cmo(session, values["organization_id"]))
    return allow(by, deed)


def allow_change(
    session: Session, row: Stamped, values: Mapping[str, Any], deed: Deed, *, by: Caller
) -> tuple[Actor, dict[str, Any]]:
    """The caller as who may change these fields of a record they see, and the values as they are to be stored.

    `deed` is what it takes for fields that give nobody rights; of the others only those count that change. Raises
    Forbidden, and Invalid for a record named that they may not see.
    """
    wanted = {**values, **_with_unseen(session, row, values, by)}
    changed = {name: value for name, value in wanted.items() if _plain(value) != _plain(_current(session, row, name))}
    deeds = {GIVING.get(type(row), {}).get(name, deed) for name in changed} or {deed}
    actors = [allow_on(by, each, _owners(session, row, each)) for each in sorted(deeds)]
    _refuse_unseen(session, {name: values[name] for name in changed}, by)
    _refuse_own_rights(row, changed, by)
    if added := set(changed.get("cmo_ids", ())) - set(_current(session, row, "cmo_ids") or ()):
        allow_on(by, Deed.STAFF_PROJECTS, Owners(lead_ids=_leads_of_all(session, added)))
    if by.person_id is not None and by.person_id in map(changed.get, ("lead_id", "pm_id", "backup_id")):
        _refuse_own_gain(session, row, changed, by)
    return actors[0], wanted


def keeper_of_message(session: Session, message_id: UUID, *, by: Caller) -> Actor:
    """The caller as who may send a message again or dismiss it. Raises NotFound, Forbidden.

    What is about no request, such as an invitation, belongs to nobody's project.
    """
    admit(by, Deed.KEEP_DEAD_LETTERS)
    message = find_seen(session, Notification, message_id, by=by, called="message")
    request = session.get(CmoRequest, message.request_id) if message.request_id else None
    return allow_on(by, Deed.KEEP_DEAD_LETTERS, owners_of(session, request) if request else Owners())


def _current(session: Session, row: Stamped, name: str) -> Any:
    if name not in LINKS:
        return getattr(row, name, None)
    return links_of(session, name, [row.id])[row.id] if isinstance(row, LINKS[name].of) else None


def _plain(value: Any) -> Any:
    """Lists of roles and records mean the same in any order."""
    return sorted(value, key=str) if isinstance(value, list) else value


def _owners(session: Session, row: Stamped, deed: Deed) -> Owners:
    if isinstance(row, Organization):
        return owners_of_cmo(session, row.id)
    if isinstance(row, Site | Person):
        return owners_of_cmo(session, row.organization_id)
    if isinstance(row, Project):
        return _owners_of_all(session, row) if deed is Deed.STAFF_PROJECTS else owners_of_project(session, row)
    return Owners()


def _owners_of_all(session: Session, project: Project) -> Owners:
    """Who leads all of a project: its own lead, or who leads every one of its CMOs."""
    cmo_ids = links_of(session, "cmo_ids", [project.id])[project.id]
    return Owners(lead_ids=backed_up(session, [project.lead_id]) | _leads_of_all(session, cmo_ids))


def _leads_of_all(session: Session, cmo_ids: Iterable[UUID]) -> frozenset[UUID]:
    """Who leads each of these CMOs; nobody where there is none."""
    leads = [backed_up(session, [cmo.lead_id]) for cmo_id in cmo_ids if (cmo := session.get(Organization, cmo_id))]
    return frozenset.intersection(*leads) if leads else frozenset()


def _refuse_own_rights(row: Stamped, changed: Iterable[str], by: Caller) -> None:
    own = [name for name in OWN_RIGHTS if name in changed]
    if isinstance(row, Person) and row.id == by.person_id and own:
        raise Forbidden(f"Nobody changes their own rights ({', '.join(own)}); somebody else must do this.")


def _refuse_own_gain(session: Session, row: Stamped, changed: Mapping[str, Any], by: Caller) -> None:
    """Naming oneself is refused, unless it gives nothing: who leads all of a project may also manage it."""
    leads_all = isinstance(row, Project) and by.person_id in _owners_of_all(session, row).lead_ids
    if not leads_all or changed.get("lead_id") == by.person_id:
        raise Forbidden("Nobody names themselves; somebody else must do this.")


def _refuse_unseen(session: Session, values: Mapping[str, Any], by: Caller) -> None:
    named = [("project_id", values.get("project_id"))]
    named += [("reads_project_ids", each) for each in values.get("reads_project_ids") or ()]
    for field, project_id in named:
        if project_id is not None and not is_seen(session, Project, project_id, by=by):
            raise Invalid(field, f"no project {project_id}")


def _with_unseen(session: Session, row: Stamped, values: Mapping[str, Any], by: Caller) -> dict[str, Any]:
    """Lists of projects as given, with those the caller cannot see, and so cannot have meant to leave out."""
    if "reads_project_ids" not in values:
        return {}
    kept = [each for each in _current(session, row, "reads_project_ids") if not is_seen(session, Project, each, by=by)]
    return {"reads_project_ids": [*values["reads_project_ids"], *kept]}
