"""What somebody is asked to do in each part they are named for, and whether a person may do it.

The one place that compares a named part (project manager, lead, backup, quality, contact) with the table of roles: when
somebody is named, by the roles they hold; when somebody is told, by what counts on that request.
"""

from collections.abc import Iterable, Mapping

from slamon.db.parties import Organization, Person
from slamon.domain.lifecycle import CMO, ESCALATED_TO, OWNERS, QUALITY
from slamon.domain.terms import LadderRole
from slamon.domain.timeline import Role
from slamon.services.access.callers import caller_of
from slamon.services.access.rights import Owners, roles_on

# Who may do what each part's messages ask for: of the project's manager what owners alone may do, of those escalated to
# that they take it, of quality a decision, of the CMO's that they acknowledge. Steering is asked for nothing.
ASKED_OF: Mapping[LadderRole, frozenset[Role]] = {
    LadderRole.PROJECT_MANAGER: OWNERS,
    LadderRole.LEAD: ESCALATED_TO,
    LadderRole.LEAD_BACKUP: ESCALATED_TO,
    LadderRole.HEAD: ESCALATED_TO,
    LadderRole.QUALITY: QUALITY,
    LadderRole.CMO_CONTACT: CMO,
    LadderRole.CMO_BACKUP: CMO,
    LadderRole.CMO_LEAD: CMO,
}
# What the backup of somebody with a role will be asked to do.
_BACKED_UP = {
    Role.PROJECT_MANAGER: LadderRole.PROJECT_MANAGER,
    Role.LEAD: LadderRole.LEAD_BACKUP,
    Role.HEAD: LadderRole.HEAD,
    Role.QUALITY: LadderRole.QUALITY,
}


def may_do(person: Person, organization: Organization, owners: Owners, wanted: frozenset[Role]) -> bool:
    """Whether a role that the person holds on this request is among those `wanted`; True where none is wanted."""
    return not wanted or bool(roles_on(caller_of(person, organization), owners) & wanted)


def unfit_as_backup(backup: Person, roles: Iterable[str]) -> frozenset[Role]:
    """The roles of which `backup` would need one and holds none, to stand in for somebody with `roles`.

    Empty where they fit. Raises nothing about who they work for.
    """
    held = {Role(role) for role in backup.roles}
    for role in sorted(set(roles) & set(_BACKED_UP)):
        wanted = ASKED_OF[_BACKED_UP[Role(role)]]
        if not held & wanted:
            return wanted
    return frozenset()
