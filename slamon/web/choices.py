"""What the selects on staff pages offer: CMOs, projects, sites, contacts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from slamon.db.parties import (
    Organization,
    OrganizationKind,
    Person,
    PersonStatus,
    Project,
    ProjectCmo,
    Site,
    Standing,
)
from slamon.db.requests import CmoRequest
from slamon.domain.lifecycle import FILERS
from slamon.domain.timeline import Role
from slamon.services.access import Caller


def chosen(text: str) -> UUID | None:
    """The record that a select's value names; None for anything else."""
    try:
        return UUID(text)
    except ValueError:
        return None


def cmos(session: Session) -> Sequence[Organization]:
    statement = select(Organization).where(Organization.kind == OrganizationKind.CMO)
    return session.scalars(statement.order_by(Organization.name)).all()


def projects(session: Session) -> Sequence[Project]:
    return session.scalars(select(Project).order_by(Project.code)).all()


def projects_to_file_for(session: Session, caller: Caller) -> list[Project]:
    """Active projects; of a project manager only their own, since filing for others is refused."""
    own_only = not caller.roles & (FILERS - {Role.PROJECT_MANAGER})
    return [
        project
        for project in projects(session)
        if project.status == Standing.ACTIVE and (not own_only or project.pm_id == caller.person_id)
    ]


def sites_of(session: Session, project_id: UUID) -> list[tuple[str, list[Site]]]:
    """The sites a project's requests can go to, grouped under the names of their CMOs."""
    statement = (
        select(Organization.name, Site)
        .join(ProjectCmo, ProjectCmo.organization_id == Organization.id)
        .join(Site, Site.organization_id == Organization.id)
        .where(
            ProjectCmo.project_id == project_id,
            Organization.status == Standing.ACTIVE,
            Site.status == Standing.ACTIVE,
        )
        .order_by(Organization.name, Site.name)
    )
    groups: dict[str, list[Site]] = {}
    for cmo, site in session.execute(statement):
        groups.setdefault(cmo, []).append(site)
    return list(groups.items())


def every_site(session: Session) -> Sequence[tuple[str, Site]]:
    """The active sites of active CMOs, each behind the name of its CMO."""
    statement = (
        select(Organization.name, Site)
        .join(Site, Site.organization_id == Organization.id)
        .where(
            Organization.kind == OrganizationKind.CMO,
            Organization.status == Standing.ACTIVE,
            Site.status == Standing.ACTIVE,
        )
        .order_by(Organization.name, Site.name)
    )
    return [(cmo, site) for cmo, site in session.execute(statement)]


def leaderless(session: Session) -> list[tuple[str, str]]:
    """Active CMOs that nobody leads, and who is told of their breaches instead."""
    led = select(Person.id).where(Person.status != PersonStatus.DISABLED)
    statement = select(Organization).where(
        Organization.kind == OrganizationKind.CMO,
        Organization.status == Standing.ACTIVE,
        or_(Organization.lead_id.is_(None), Organization.lead_id.not_in(led)),
    )
    return [(cmo.name, _told_instead(session, cmo)) for cmo in session.scalars(statement.order_by(Organization.name))]


def _told_instead(session: Session, cmo: Organization) -> str:
    if cmo.lead_id is not None:
        return "the lead is disabled; breaches go to the stand-in, or to the heads where there is none"
    statement = (
        select(Project.lead_id)
        .join(ProjectCmo, ProjectCmo.project_id == Project.id)
        .where(ProjectCmo.organization_id == cmo.id, Project.status == Standing.ACTIVE)
    )
    leads = session.scalars(statement).all()
    if not any(leads):
        return "breaches go to the heads"
    if all(leads):
        return "breaches go to the leads of its projects"
    return "breaches go to the leads of its projects, or to the heads where a project has none"


def contacts_of(session: Session, request: CmoRequest) -> list[Person]:
    """Who serves the request's site: whose call or mail may be written down, and who may be its contact."""
    of_cmo = (Person.organization_id == request.cmo_id, Person.status != PersonStatus.DISABLED)
    people = session.scalars(select(Person).where(*of_cmo).order_by(Person.name))
    return [person for person in people if person.serves(request.cmo_id, request.site_id)]
