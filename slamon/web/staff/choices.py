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
from slamon.domain.timeline import CMO_ROLES
from slamon.services.access.callers import Caller
from slamon.services.access.rights import Deed, is_allowed_on, owners_at, owners_of_cmo, owners_of_project
from slamon.services.access.visibility import sees
from slamon.wording.language import Language


def chosen(text: str) -> UUID | None:
    """The record that a select's value names; None for anything else."""
    try:
        return UUID(text)
    except ValueError:
        return None


def cmos(session: Session, reader: Caller) -> Sequence[Organization]:
    statement = select(Organization).where(Organization.kind == OrganizationKind.CMO, sees(reader, Organization))
    return session.scalars(statement.order_by(Organization.name)).all()


def projects(session: Session, reader: Caller) -> Sequence[Project]:
    return session.scalars(select(Project).where(sees(reader, Project)).order_by(Project.code)).all()


def projects_to_file_for(session: Session, caller: Caller) -> list[Project]:
    """Active projects for which the caller may file to one CMO at least."""
    return [
        project
        for project in projects(session, caller)
        if project.status == Standing.ACTIVE and is_allowed_on(caller, Deed.FILE, owners_of_project(session, project))
    ]


def sites_to_file_for(session: Session, project: Project, caller: Caller) -> list[tuple[str, list[Site]]]:
    """The sites to which the caller may file for the project, grouped under the names of their CMOs."""
    statement = (
        select(Organization, Site)
        .join(ProjectCmo, ProjectCmo.organization_id == Organization.id)
        .join(Site, Site.organization_id == Organization.id)
        .where(
            ProjectCmo.project_id == project.id,
            Organization.status == Standing.ACTIVE,
            Site.status == Standing.ACTIVE,
        )
        .order_by(Organization.name, Site.name)
    )
    groups: dict[Organization, list[Site]] = {}
    for cmo, site in session.execute(statement):
        groups.setdefault(cmo, []).append(site)
    return [
        (cmo.name, sites)
        for cmo, sites in groups.items()
        if is_allowed_on(caller, Deed.FILE, owners_at(session, project, cmo))
    ]


def contacts_to_file_to(session: Session, sites: Sequence[Site]) -> list[tuple[str, list[Person]]]:
    """Who may be the contact of a request to one of these sites, grouped under the names of their CMOs."""
    cmo_ids = {site.organization_id for site in sites}
    statement = (
        select(Organization.name, Person)
        .join(Person, Person.organization_id == Organization.id)
        .where(Organization.id.in_(cmo_ids), Person.status != PersonStatus.DISABLED)
        .order_by(Organization.name, Person.name)
    )
    groups: dict[str, list[Person]] = {}
    for cmo, person in session.execute(statement):
        if CMO_ROLES.intersection(person.roles):
            groups.setdefault(cmo, []).append(person)
    return list(groups.items())


def sites_to_close(session: Session, caller: Caller) -> Sequence[tuple[str, Site]]:
    """The active sites whose shutdown the caller may write down, each behind the name of its CMO."""
    statement = (
        select(Organization, Site)
        .join(Site, Site.organization_id == Organization.id)
        .where(
            Organization.kind == OrganizationKind.CMO,
            Organization.status == Standing.ACTIVE,
            Site.status == Standing.ACTIVE,
            sees(caller, Site),
        )
        .order_by(Organization.name, Site.name)
    )
    found = session.execute(statement).all()
    own = {
        cmo.id
        for cmo in {cmo for cmo, _ in found}
        if is_allowed_on(caller, Deed.ANNOUNCE_SHUTDOWNS, owners_of_cmo(session, cmo.id))
    }
    return [(cmo.name, site) for cmo, site in found if cmo.id in own]


def leaderless(session: Session, reader: Caller, language: Language) -> list[tuple[str, str]]:
    """Active CMOs that nobody leads, and who is told of their breaches instead."""
    led = select(Person.id).where(Person.status != PersonStatus.DISABLED)
    statement = select(Organization).where(
        Organization.kind == OrganizationKind.CMO,
        Organization.status == Standing.ACTIVE,
        sees(reader, Organization),
        or_(Organization.lead_id.is_(None), Organization.lead_id.not_in(led)),
    )
    return [
        (cmo.name, _told_instead(session, cmo, language))
        for cmo in session.scalars(statement.order_by(Organization.name))
    ]


def _told_instead(session: Session, cmo: Organization, language: Language) -> str:
    gettext = language.gettext
    if cmo.lead_id is not None:
        return gettext("the lead is disabled; breaches go to the stand-in, or to the heads where there is none")
    statement = (
        select(Project.lead_id)
        .join(ProjectCmo, ProjectCmo.project_id == Project.id)
        .where(ProjectCmo.organization_id == cmo.id, Project.status == Standing.ACTIVE)
    )
    leads = session.scalars(statement).all()
    if not any(leads):
        return gettext("breaches go to the heads")
    if all(leads):
        return gettext("breaches go to the leads of its projects")
    return gettext("breaches go to the leads of its projects, or to the heads where a project has none")


def contacts_of(session: Session, request: CmoRequest) -> list[Person]:
    """Who serves the request's site: whose call or mail may be written down, and who may be its contact."""
    of_cmo = (Person.organization_id == request.cmo_id, Person.status != PersonStatus.DISABLED)
    people = session.scalars(select(Person).where(*of_cmo).order_by(Person.name))
    return [person for person in people if person.serves(request.cmo_id, request.site_id)]
