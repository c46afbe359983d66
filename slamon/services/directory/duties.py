"""What somebody is asked to do in each part they are named for, and whether a person may do it.

The one place that compares a named part (project manager, lead, backup, quality, contact) with the table of roles: when
somebody is named, by the roles they hold; when somebody is told, by what counts on that request.
"""

from collections.abc import Iterable, Mapping

from slamon.db.parties import Organization, Person
from slamon.domain.lifecycle import Action
from slamon.domain.terms import LadderRole
from slamon.domain.timeline import Role
from slamon.services.access.callers import caller_of
from slamon.services.access.rights import ROLES_OF_ACTIONS, Owners, roles_on

# The action that each part's messages ask for. Steering is asked for nothing; the CMO's parts are asked to acknowledge.
_ASKED: Mapping[LadderRole, Action] = {
    LadderRole.PROJECT_MANAGER: Action.CANCEL,  # of what owners alone may do
    LadderRole.LEAD: Action.TAKE,
    LadderRole.LEAD_BACKUP: Action.TAKE,
    LadderRole.HEAD: Action.TAKE,
    LadderRole.QUALITY: Action.DECIDE,
    LadderRole.CMO_CONTACT: Action.ACKNOWLEDGE,
    LadderRole.CMO_BACKUP: Action.ACKNOWLEDGE,
    LadderRole.CMO_LEAD: Action.ACKNOWLEDGE,
}
ASKED_OF: Mapping[LadderRole, frozenset[Role]] = {part: ROLES_OF_ACTIONS[action] for part, action in _ASKED.items()}
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
