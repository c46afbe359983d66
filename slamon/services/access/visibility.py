"""What a caller may read, as a condition in SQL: lists are filtered by the database, and what is left out is not there.

Staff read all but restricted projects; of those only their manager, the leads of their CMOs, head and quality. An
auditor reads what their scope names, or without one all that is not restricted. People of a CMO read its requests.
"""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, false, or_, select, true
from sqlalchemy.orm import Session

from slamon.db.base import Base
from slamon.db.outbox import Notification
from slamon.db.parties import (
    AuditedCmo,
    AuditedProject,
    Calendar,
    Organization,
    OrganizationKind,
    Person,
    Project,
    ProjectCmo,
    Site,
)
from slamon.db.policies import Policy
from slamon.db.requests import CmoRequest
from slamon.db.shutdowns import Shutdown
from slamon.domain.timeline import Role
from slamon.errors import NotFound
from slamon.services.access.callers import Caller
from slamon.services.access.rights import STAFF

Kept = TypeVar("Kept", bound=Base)
_UNBOUND = frozenset({Role.HEAD, Role.QUALITY})
_COMMON = STAFF - {Role.AUDITOR}


def sees(by: Caller, kept: type[Base]) -> ColumnElement[bool]:
    """The condition for rows of this table that the caller may read."""
    if kept is CmoRequest:
        return _sees_own_cmos(by) if by.is_cmo else _sees_requests(by)
    if by.is_cmo:
        return false()
    if kept is Project:
        return _sees_projects(by)
    if kept is Notification:
        # Looked up for each message: a list of all requests they may read would be as long as the table.
        its_request = select(CmoRequest.id).where(CmoRequest.id == Notification.request_id, _sees_requests(by))
        return or_(Notification.request_id.is_(None), its_request.correlate(Notification).exists())
    if kept is Shutdown:
        return Shutdown.site_id.in_(select(Site.id).where(sees(by, Site)))
    if kept is Policy:
        sites = or_(Policy.site_id.is_(None), Policy.site_id.in_(select(Site.id).where(sees(by, Site))))
        projects = or_(Policy.project_id.is_(None), Policy.project_id.in_(select(Project.id).where(_sees_projects(by))))
        return and_(projects, or_(Policy.cmo_id.is_(None), _sees_cmos(by, Policy.cmo_id)), sites)
    if kept is Organization:
        return _sees_cmos(by, Organization.id)
    if kept is Site:
        return _sees_cmos(by, Site.organization_id)
    if kept is Person:
        sponsor = select(Organization.id).where(Organization.kind == OrganizationKind.SPONSOR)
        return or_(Person.organization_id.in_(sponsor), _sees_cmos(by, Person.organization_id))
    if kept is Calendar:
        return true()
    raise TypeError(kept.__name__)


def find_seen(session: Session, kept: type[Kept], record_id: UUID, *, by: Caller, called: str) -> Kept:
    """Raises NotFound, whether it is not there or not for them."""
    key: Any = kept.__table__.c.id
    row = session.scalars(select(kept).where(key == record_id, sees(by, kept))).one_or_none()
    if row is None:
        raise NotFound(called, record_id)
    return row


def seen_among(session: Session, kept: type[Base], ids: Sequence[UUID], *, by: Caller) -> frozenset[UUID]:
    """Those of these records that they may read."""
    key: Any = kept.__table__.c.id
    return frozenset(session.scalars(select(key).where(key.in_(ids), sees(by, kept))))


def is_seen(reader: Session | Connection, kept: type[Base], record_id: UUID, *, by: Caller) -> bool:
    key: Any = kept.__table__.c.id
    return reader.scalar(select(exists().where(key == record_id, sees(by, kept)))) is True


def in_scope(session: Session, by: Caller) -> list[ColumnElement[bool]]:
    """Conditions of which each request that an auditor's scope names meets one or more; for anybody else one that all
    meet.

    A list joins what each of them finds: no index serves the condition of `sees`, which asks for all of them at once.
    """
    if Role.AUDITOR not in by.roles or by.roles & (_COMMON | _UNBOUND) or by.is_cmo:
        return [true()]
    ways: list[ColumnElement[bool]] = [CmoRequest.cmo_id == each for each in session.scalars(_audited_cmos(by))]
    ways += [CmoRequest.project_id == each for each in session.scalars(_audited_projects(by))]
    return ways or [true()]


def _sees_own_cmos(by: Caller) -> ColumnElement[bool]:
    """What people of a CMO see: requests to their own CMO and site, the one place where that is said."""
    own = CmoRequest.cmo_id == by.cmo_id
    return and_(own, CmoRequest.site_id.in_(by.site_ids)) if by.site_ids else own


def _sees_requests(by: Caller) -> ColumnElement[bool]:
    if by.roles & _UNBOUND:
        return true()
    ways: list[ColumnElement[bool]] = []
    if by.roles & _COMMON:
        # The few projects that are hidden, so that whoever reads a list pays nothing for the many that are not.
        ways.append(CmoRequest.project_id.not_in(select(Project.id).where(Project.restricted, ~_sees_projects(by))))
    if Role.AUDITOR in by.roles:
        ways.append(CmoRequest.cmo_id.in_(_audited_cmos(by)))
        ways.append(CmoRequest.project_id.in_(_audited_projects(by)))
        open_to_all = select(Project.id).where(Project.restricted.is_(False))
        ways.append(and_(_reads_everything(by), CmoRequest.project_id.in_(open_to_all)))
    return or_(false(), *ways)


def _sees_projects(by: Caller) -> ColumnElement[bool]:
    if by.roles & _UNBOUND:
        return true()
    ways: list[ColumnElement[bool]] = []
    if by.roles & _COMMON:
        ways.append(Project.restricted.is_(False))
    stood_in_for = select(Person.id).where(or_(Person.id == by.person_id, Person.backup_id == by.person_id))
    if Role.PROJECT_MANAGER in by.roles and by.person_id:
        ways.append(Project.pm_id.in_(stood_in_for))
    if Role.LEAD in by.roles and by.person_id:
        led = select(Organization.id).where(Organization.lead_id.in_(stood_in_for))
        # Said of NULL as well: the condition is also used the other way round.
        ways.append(and_(Project.lead_id.is_not(None), Project.lead_id.in_(stood_in_for)))
        ways.append(Project.id.in_(_projects_with(led)))
    if Role.AUDITOR in by.roles:
        ways.append(and_(_reads_everything(by), Project.restricted.is_(False)))
        ways.append(Project.id.in_(_audited_projects(by)))
        ways.append(Project.id.in_(_projects_with(_audited_cmos(by))))
    return or_(false(), *ways)


def _sees_cmos(by: Caller, cmo_id: Any) -> ColumnElement[bool]:
    """CMOs are no secret among the staff; an auditor with a scope sees those of their scope."""
    if by.roles & _COMMON:
        return true()
    if Role.AUDITOR not in by.roles:
        return false()
    of_projects = select(ProjectCmo.organization_id).where(ProjectCmo.project_id.in_(_audited_projects(by)))
    return or_(_reads_everything(by), cmo_id.in_(_audited_cmos(by)), cmo_id.in_(of_projects))


def _projects_with(cmo_ids: Select[UUID]) -> Select[UUID]:
    return select(ProjectCmo.project_id).where(ProjectCmo.organization_id.in_(cmo_ids))


def _audited_cmos(by: Caller) -> Select[UUID]:
    return select(AuditedCmo.organization_id).where(AuditedCmo.person_id == by.person_id)


def _audited_projects(by: Caller) -> Select[UUID]:
    return select(AuditedProject.project_id).where(AuditedProject.person_id == by.person_id)


def _reads_everything(by: Caller) -> ColumnElement[bool]:
    """An auditor without a scope reads all that is not restricted."""
    return and_(~_audited_cmos(by).exists(), ~_audited_projects(by).exists())
