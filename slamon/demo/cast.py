"""The people, firms and rules of the demo, founded through the same use cases an administrator has.

Sites are real (see `data/README.md`); the sponsor and everybody with a name is invented.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.db.parties import Organization, Person, PersonStatus, Project, Site
from slamon.db.policies import Policy
from slamon.demo.extract import RealSite, sites
from slamon.domain.clocks.kinds import dated
from slamon.domain.timeline import SYSTEM, Role
from slamon.imports.directory import import_directory
from slamon.imports.tables import Row
from slamon.public_holidays import NATIONWIDE
from slamon.services.access.callers import Caller, caller_of
from slamon.services.directory.bootstrap import bootstrap, default_policies
from slamon.services.directory.records import change, create
from slamon.services.transaction import Tx

SPONSOR = "Meridian Bio (demo)"
SPONSOR_ZONE = "America/New_York"
REASON = "demo cast"

PM = "maya.lindholm@meridian-bio.example"
SECOND_PM = "tomas.reyes@meridian-bio.example"
LEAD = "ingrid.voss@meridian-bio.example"
SECOND_LEAD = "samuel.okafor@meridian-bio.example"
HEAD = "helen.marsh@meridian-bio.example"
ADMIN = "ada.kovacs@meridian-bio.example"

# name, address, role, Slack user id
STAFF = (
    ("Maya Lindholm", PM, Role.PROJECT_MANAGER, "U0MAYA"),
    ("Tomás Reyes", SECOND_PM, Role.PROJECT_MANAGER, "U0TOMAS"),
    ("Ingrid Voss", LEAD, Role.LEAD, "U0INGRID"),
    ("Samuel Okafor", SECOND_LEAD, Role.LEAD, "U0SAMUEL"),
    ("Helen Marsh", HEAD, Role.HEAD, "U0HELEN"),
    ("Priya Raman", "priya.raman@meridian-bio.example", Role.QUALITY, "U0PRIYA"),
    ("Jonas Weber", "jonas.weber@meridian-bio.example", Role.STEERING, None),
    ("Ada Kovacs", ADMIN, Role.ADMIN, None),
)
OFFICE, INDIA = "Mon-Fri 08:00-17:00", "Mon-Sat 09:00-18:00"
SHARED_CHANNEL = "#cmo-escalations"  # of a visitor's own Slack, where the demo's channels do not exist


@dataclass(frozen=True, slots=True)
class Counterpart:
    """Who answers for one real site: its contact, the CMO's lead, its mail domain, its Slack channel."""

    contact: str
    lead: str
    domain: str
    channel: str
    opening_hours: str = OFFICE

    @property
    def contact_address(self) -> str:
        return _address_of(self.contact, self.domain)

    @property
    def lead_address(self) -> str:
        return _address_of(self.lead, self.domain)


COUNTERPARTS = {
    "Cipla, Goa, India": Counterpart("Anika Dessai", "Rohan Naik", "cipla-goa.example", "#cmo-cipla", INDIA),
    "Aurobindo Unit III, India": Counterpart("Kiran Vemula", "Lakshmi Rao", "auro-3.example", "#cmo-auro", INDIA),
    "Aspen-OSD, Port Elizabeth, SA": Counterpart("Thandi Mokoena", "Pieter Nel", "aspen-pe.example", "#cmo-aspen"),
    "BMS Meymac, France": Counterpart("Luc Ferrand", "Claire Besson", "bms-meymac.example", "#cmo-bms"),
    "ABBVIE Ludwigshafen Germany": Counterpart("Katrin Hauser", "Uwe Brandt", "abbvie-lu.example", "#cmo-abbvie"),
    "GSK Ware (UK)": Counterpart("Oliver Penrose", "Fiona Hale", "gsk-ware.example", "#cmo-gsk"),
    "MSD South Granville Australia": Counterpart("Bronte Wilkes", "Grant Halloran", "msd-sg.example", "#cmo-msd"),
    "Trinity Biotech, Plc": Counterpart("Aoife Brennan", "Declan Moore", "trinity-bray.example", "#cmo-trinity"),
    "Inverness Japan": Counterpart("Haruka Sato", "Kenji Mori", "inverness-jp.example", "#cmo-inverness"),
    "Chembio Diagnostics Sys. Inc.": Counterpart("Dana Whitfield", "Marcus Lee", "chembio-ny.example", "#cmo-chembio"),
    "KHB Test Kit Facility, Shanghai China": Counterpart("Lin Yating", "Zhou Wei", "khb-sh.example", "#cmo-khb"),
}  # fmt: skip
BY_WORKING_HOURS = "AbbVie"

# code, name, products, protocol, project manager, lead, firms
PROJECTS = (
    (
        "MB-101", "Antiretroviral supply", ["MB-101-TAB"], "MB101-III-04", PM, LEAD,
        ("Cipla", "Aurobindo Pharma", "Aspen Pharmacare", "Bristol-Myers Squibb", "AbbVie", "GlaxoSmithKline", "MSD"),
    ),
    (
        "MB-204", "Rapid test kits", ["MB-204-KIT"], "MB204-II-01", SECOND_PM, SECOND_LEAD,
        ("Trinity Biotech", "Inverness Medical", "Chembio Diagnostic Systems", "Shanghai Kehua Bio-engineering"),
    ),
)  # fmt: skip


def found_sponsor(tx: Tx, *, own_slack: bool) -> None:
    """The sponsor with its people, each other's backups named; `own_slack` is true for a visitor's workspace."""
    sponsor = bootstrap(tx, SPONSOR)
    people: dict[str, Person] = {}
    for name, address, role, slack_user in STAFF:
        values = {
            "organization_id": sponsor.id,
            "name": name,
            "email": address,
            "roles": [role.value],
            "slack_user_id": None if own_slack else slack_user,
            "time_zone": SPONSOR_ZONE,
            "status": PersonStatus.ACTIVE.value,
        }
        people[address] = create(tx, Person, values, by=SYSTEM, reason=REASON)
    for lead, backup in ((LEAD, SECOND_LEAD), (SECOND_LEAD, LEAD)):
        backed = {"backup_id": people[backup].id}
        change(tx, Person, people[lead].id, backed, by=SYSTEM, reason=REASON)


def found_cmos(tx: Tx, *, own_slack: bool) -> None:
    """The firms with sites, working calendars and contacts, as rows of a spreadsheet; the projects; one more policy."""
    lead_of = {firm: lead for *_, lead, firms in PROJECTS for firm in firms}
    rows = [row for site in sites() for row in _rows_of(site, lead_of[site.cmo])]
    import_directory(tx, [Row(number, cells) for number, cells in enumerate(rows, start=2)], by=SYSTEM)
    firm_ids = {firm.name: firm.id for firm in tx.session.scalars(select(Organization))}
    for site in sites():
        counterpart = COUNTERPARTS[site.name]
        channel = {"slack_channel": SHARED_CHANNEL if own_slack else counterpart.channel}
        change(tx, Organization, firm_ids[site.cmo], channel, by=SYSTEM, reason=REASON)
        contact, lead = (person(tx.session, each) for each in (counterpart.contact_address, counterpart.lead_address))
        change(tx, Person, contact.id, {"backup_id": lead.id}, by=SYSTEM, reason=REASON)
    for code, name, products, protocol, pm, project_lead, firms in PROJECTS:
        values = {
            "code": code,
            "name": name,
            "product_codes": products,
            "protocol_number": protocol,
            "pm_id": person(tx.session, pm).id,
            "lead_id": person(tx.session, project_lead).id,
            "cmo_ids": [firm_ids[firm] for firm in firms],
        }
        create(tx, Project, values, by=SYSTEM, reason=REASON)
    _policy_by_working_hours(tx, firm_ids[BY_WORKING_HOURS])


def _rows_of(site: RealSite, lead: str) -> Iterator[dict[str, str]]:
    """A site with its contact, and the lead of its firm."""
    counterpart = COUNTERPARTS[site.name]
    firm = {"cmo": site.cmo, "contact_time_zone": site.time_zone}
    yield firm | {
        "lead_email": lead,
        "site": site.name,
        "country": site.country,
        "subdivision": site.subdivision or NATIONWIDE,
        "time_zone": site.time_zone,
        "opening_hours": counterpart.opening_hours,
        "contact_name": counterpart.contact,
        "contact_email": counterpart.contact_address,
    }
    yield firm | {
        "contact_name": counterpart.lead,
        "contact_email": counterpart.lead_address,
        "contact_role": "lead",
    }


def _address_of(name: str, domain: str) -> str:
    return f"{name.lower().replace(' ', '.')}@{domain}"


def person(session: Session, address: str) -> Person:
    return session.scalars(select(Person).where(Person.email_key == address)).one()


def caller(session: Session, address: str) -> Caller:
    """That person, as the use cases want to know who calls."""
    found_person = person(session, address)
    return caller_of(found_person, session.get_one(Organization, found_person.organization_id))


def site_and_project(session: Session, site_name: str) -> tuple[UUID, UUID]:
    """The ids of a site and of the project its firm works on."""
    firm = next(site.cmo for site in sites() if site.name == site_name)
    code = next(code for code, *_, firms in PROJECTS if firm in firms)
    site = session.scalars(select(Site).where(Site.name == site_name)).one()
    return site.id, session.scalars(select(Project).where(Project.code == code)).one().id


def pm_for(site_name: str) -> str:
    """The address of the project manager who files to this site."""
    firm = next(site.cmo for site in sites() if site.name == site_name)
    return next(pm for *_, pm, _, firms in PROJECTS if firm in firms)


def _policy_by_working_hours(tx: Tx, firm_id: UUID) -> None:
    """One firm whose agreement counts the site's open hours: 9 of them are one working day."""
    routine = default_policies(tx.rules.catalogue.clocks)[0]
    on_a_day = dated(tx.rules.catalogue.clocks)
    by_hours = {"target": "PT9H", "limit": "PT18H", "mode": "calendar"}
    clocks = {kind: line if kind in on_a_day else {**line, **by_hours} for kind, line in routine["clocks"].items()}
    values = {
        **routine,
        "name": f"{BY_WORKING_HOURS}: one to two working days, counted in the site's open hours",
        "cmo_id": firm_id,
        "clocks": clocks,
        "agreement_clause": "Quality agreement (demo), § 7.2",
        "effective_from": tx.business_now,
    }
    create(tx, Policy, values, by=SYSTEM, reason=REASON)
