"""The table of rights through HTTP: role x route x record.

All callers share one installation in which nothing is committed any more: what is allowed ends in a conflict where the
commit would be. Every route is found by walking the application, so one without a line in the table fails.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from slamon.db.drafts import Draft
from slamon.db.jobs import Job, JobKind
from slamon.db.outbox import Notification
from slamon.db.parties import Organization, Person, Project, ProjectCmo
from slamon.db.policies import Policy
from slamon.db.shutdowns import Shutdown
from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import Action, RequestType
from slamon.domain.scopes import ALL_SCOPES
from slamon.domain.timeline import CMO_ROLES, SYSTEM, Role
from slamon.errors import Conflict
from slamon.http import transaction
from slamon.services.access import callers, sessions
from slamon.services.access.rights import REACH, RIGHTS, Deed, On
from slamon.services.directory.records import create
from slamon.web import session as web
from tests.callers import Api
from tests.installation import Installation, open_installation
from tests.pages import ADDRESS
from tests.services.requests.test_queries import SHIPMENT

OWN, FOREIGN, OWN_RESTRICTED, RESTRICTED = "own", "foreign", "own restricted", "foreign restricted"
KINDS = (OWN, FOREIGN, OWN_RESTRICTED, RESTRICTED)
CLOCKS = {"answer": {"target": "PT24H", "limit": "PT48H"}}
PDF = {"file": ("CoA.pdf", b"%PDF-1.7\n", "application/pdf")}

# What is open to everybody, or opened by a link or password of its own.
OPEN = {
    "/sign-in", "/sign-out", "/forgot-password", "/welcome/{token}", "/livez", "/readyz", "/metrics", "/r/{token}",
    "/r/{token}/fresh-link", "/r/{token}/files/{attachment_id}", "/r/{token}/files", "/r/{token}/clocks/{clock}",
    "/r/{token}/{action}",
}  # fmt: skip
# Which requests each caller sees; everything else follows from the table.
SEEN = {
    "pm": {OWN, FOREIGN, OWN_RESTRICTED},
    "lead": {OWN, FOREIGN, OWN_RESTRICTED},
    "head": set(KINDS),
    "quality": set(KINDS),
    "steering": {OWN, FOREIGN},
    "admin": {OWN, FOREIGN},
    "auditor": {OWN, FOREIGN},
    "scoped_auditor": {RESTRICTED},
    "contact": {OWN, OWN_RESTRICTED},
    "cmo_lead": {OWN, OWN_RESTRICTED},
    "cmo_auditor": {OWN, OWN_RESTRICTED},
}
OF_THE_CMO = {"contact", "cmo_lead", "cmo_auditor"}
ON_REQUESTS = {Deed.READ_REQUESTS, Deed.ACT, Deed.RECORD, Deed.ATTACH, Deed.WITHDRAW_LINKS, Deed.KEEP_DEAD_LETTERS}


@dataclass
class CallersAndRecords:
    """The callers and, by kind, the records they try; `ids` are by the name of a path parameter."""

    api: Api
    people: dict[str, UUID]
    ids: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallersAndRecords]:
    url = f"sqlite:///{tmp_path_factory.mktemp('rights')}/installation.db"
    with open_installation(url, api_calls_per_minute=10**9) as installation:
        built = built_in(installation)
        with nothing_committed(installation):
            yield built


@contextmanager
def nothing_committed(installation: Installation) -> Iterator[None]:
    write = installation.runtime.db.write

    @contextmanager
    def rolled_back() -> Iterator[Session]:
        with write() as session:
            yield session
            raise Conflict("Allowed, and rolled back.")

    installation.runtime.db.write = rolled_back  # type: ignore[method-assign]  # one for all who write
    yield
    installation.runtime.db.write = write  # type: ignore[method-assign]


def built_in(installation: Installation) -> CallersAndRecords:
    api, cast, now = Api(installation), installation.cast, installation.clock.now()
    with installation.runtime.write() as tx:

        def new(kept: Any, **values: Any) -> Any:
            return create(tx, kept, values, by=SYSTEM)

        def person(email: str, role: str, at: UUID, **more: Any) -> UUID:
            more = {"time_zone": "UTC", "status": "active", "name": email.partition("@")[0], **more}
            return UUID(str(new(Person, organization_id=at, email=email, roles=[role], **more).id))

        other_lead = person("other-lead@sponsor.example", "lead", cast.sponsor)
        tx.session.get_one(Organization, cast.other_cmo).lead_id = other_lead
        tx.session.execute(delete(ProjectCmo).where(ProjectCmo.project_id == cast.project))
        projects = {
            kind: new(
                Project, code=f"P{place}", name=kind, product_codes=[], restricted="restricted" in kind,
                pm_id=cast.pm if "own" in kind else cast.other_pm,
                cmo_ids=[cast.cmo if "own" in kind else cast.other_cmo],
            ).id
            for place, kind in enumerate(KINDS)
        }  # fmt: skip
        roles = ("pm", "lead", "head", "quality", "steering", "admin", "auditor", "contact", "cmo_lead")
        people = {part: getattr(cast, part) for part in roles}
        people["cmo_auditor"] = person("auditor@cmo.example", "auditor", cast.cmo)
        people["scoped_auditor"] = person(
            "scoped@sponsor.example", "auditor", cast.sponsor, reads_project_ids=[projects[RESTRICTED]]
        )
        built = CallersAndRecords(api, people)
    for kind in KINDS:
        built.ids[kind] = records(installation, api, kind, projects[kind])
    with installation.runtime.write() as tx:
        for part, person_id in people.items():
            key, built.keys[part] = callers.issue_key(tx, scopes=ALL_SCOPES, by=SYSTEM, person_id=person_id)
            built.ids[OWN].setdefault("key_id", {})[part] = key.id
            draft = Draft(id=uuid4(), content=inquiry(built.ids[OWN]), changed_at=now, created_at=now, version=1)
            draft.created_by = str(person_id)
            tx.session.add(draft)
            built.ids[OWN].setdefault("draft_id", {})[part] = draft.id
            built.ids[OWN].setdefault("job_id", {})[part] = job_of(tx.session, person_id, installation.clock.real_now())
            if part not in OF_THE_CMO:
                who = tx.session.get_one(Person, person_id)
                built.tokens[part] = sessions.begin_session(tx, who)
    return built


def job_of(session: Session, person_id: UUID, at: datetime) -> UUID:
    """A job that this person has asked for."""
    question = {"cmo_id": None, "lot": None}
    job = Job(kind=JobKind.OWED, asked_by=str(person_id), question=question, asked_at=at, wake_at=at, expires_at=at)
    session.add(job)
    session.flush()
    return job.id


def records(installation: Installation, api: Api, kind: str, project: UUID) -> dict[str, Any]:
    """What stands behind each name in a path, for one kind of project."""
    cast, is_own = installation.cast, "own" in kind
    site, contact = (cast.site, cast.contact) if is_own else (cast.other_site, cast.other_contact)
    where = {"project_id": str(project), "site_id": str(site)}
    filed = api.quality.post("/v1/requests", json=inquiry(where)).json()["id"]
    shipment = api.quality.post("/v1/requests", json={**SHIPMENT, **where}).json()["id"]
    file = api.quality.post(f"/v1/requests/{filed}/attachments", files=PDF).json()["id"]
    now = installation.clock.now()
    day = {"first_day": date(2026, 4, 1), "last_day": date(2026, 4, 2), "name": "Stocktaking", "announced_by": "X"}
    line = {"name": kind, "project_id": project, "clocks": CLOCKS, "ladder": [], "effective_from": now}
    with installation.runtime.write() as tx:
        message = tx.session.scalars(select(Notification).where(Notification.request_id == UUID(filed)).limit(1)).one()
        message.state = "failed"
        policy = create(tx, Policy, line, by=SYSTEM)
        closed = Shutdown(site_id=site, announced_at=now, created_at=now, created_by="test", **day)
        tx.session.add(closed)
        tx.session.flush()
        ids = {"policy_id": policy.id, "shutdown_id": closed.id, "message_id": message.id}
    return {
        **where,
        **ids,
        "request_id": filed,
        "shipment_id": shipment,
        "attachment_id": file,
        "calendar_id": cast.calendar,
        "clock": "acknowledgement",
        "contact_id": str(contact),
        "cmo_id": str(cast.cmo if is_own else cast.other_cmo),
        "policies": policy.id,
        "projects": project,
        "cmos": cast.cmo if is_own else cast.other_cmo,
        "sites": site,
        "contacts": contact,
        "people": cast.other_pm,
        "calendars": cast.calendar,
    }


def inquiry(where: dict[str, Any]) -> dict[str, Any]:
    detail = {"category": "schedule_capacity", "questions": ["Is week 20 free?"]}
    asked = {"type": "inquiry", "subject": "Capacity in May", "detail": detail}
    return {**asked, "project_id": where["project_id"], "site_id": where["site_id"]}


# --- what each route is sent --------------------------------------------------------------------------------------

BECAUSE = {"reason": "As agreed"}
NEW = {"name": "New", "country": "CH", "time_zone": "Europe/Zurich"}
PATCHED = {"name": "Renamed", **BECAUSE}


def body_of(route: str, ids: dict[str, Any], who: UUID) -> dict[str, Any]:
    """What httpx sends: a body that is taken from whoever may send it."""
    where = {name: ids[name] for name in ("project_id", "site_id")}
    cmo, contact, at = ids["cmo_id"], ids["contact_id"], "2026-01-01T00:00:00Z"
    line = {"name": "Line", "clocks": CLOCKS, "ladder": [], "cmo_id": cmo}
    days = {"first_day": "2026-05-01", "last_day": "2026-05-02", "name": "Stocktaking", "announced_by": "By phone"}
    bodies: dict[str, Any] = {
        "POST /v1/requests": inquiry(ids),
        "POST /v1/requests/{request_id}/revoke-links": {"person_id": contact, **BECAUSE},
        "PUT /v1/drafts/{draft_id}": {"type": "inquiry"},
        "POST /v1/sites/{site_id}/shutdowns": days,
        "POST /v1/cmos": {"name": "New CMO"},
        "POST /v1/sites": {**NEW, "cmo_id": cmo},
        "POST /v1/contacts": {"name": "New", "email": "new@cmo.example", "cmo_id": cmo},
        "POST /v1/people": {"name": "New", "email": "new@sponsor.example", "roles": ["head"]},
        "POST /v1/projects": {"name": "New", "code": "NEW", "pm_id": ids["pm"], "cmo_ids": [cmo]},
        "POST /v1/calendars": {"name": "New", "weekly": "24x7"},
        "POST /v1/policies": line,
        "POST /v1/policies/what-if": {"policy": line, "filed_from": at, "filed_to": "2027-01-01T00:00:00Z"},
        "POST /v1/api-keys": {"person_id": str(who), "scopes": ["read"]},
        "POST /v1/outgoing": {"stopped": True, **BECAUSE},
    }
    method = route.split()[0]
    if route == "POST /v1/imports/directory":
        return {"content": b"cmo,site,contact_name,contact_email\n", "headers": {"Content-Type": "text/csv"}}
    if route == "POST /v1/requests/{request_id}/attachments":
        return {"files": {"file": ("Other.pdf", b"%PDF-1.7\nother", "application/pdf")}}
    if route == "GET /v1/policies/resolve":
        return {"params": {**where, "type": "inquiry"}}
    if route == "GET /v1/calendars/{record_id}/holidays":
        return {"params": {"year": 2026}}
    if method == "GET" or route.endswith(("/invite", "/resend", "/file", "/discard")):
        return {}
    return {"json": bodies.get(route, PATCHED if method == "PATCH" else BECAUSE)}


def address_of(path: str, ids: dict[str, Any], part: str, **named: str) -> str:
    def known(found: re.Match[str]) -> str:
        name = found[1]
        if name == "record_id":
            name = path.split("/")[2]
        value = named.get(name) or ids.get(name) or "agree"
        return str(value[part] if isinstance(value, dict) else value)

    return re.sub(r"{(\w+)}", known, path)


# --- what the table says ------------------------------------------------------------------------------------------


def role_of(part: str) -> Role:
    words = {"pm": "project_manager", "contact": "cmo_contact", "scoped_auditor": "auditor", "cmo_auditor": "auditor"}
    return Role(words.get(part, part))


def expected(part: str, deed: Deed, kind: str, *, is_seen: bool, roles: frozenset[Role] | None = None) -> str:
    """`allowed`, or the status of the refusal; `roles` where they are not the deed's but those of one action."""
    right, role = RIGHTS[deed], role_of(part)
    if part in OF_THE_CMO and deed is Deed.WITHDRAW_LINKS:
        return "404"
    if part in OF_THE_CMO and not right.roles & CMO_ROLES and deed is not Deed.RECORD:
        return "403"
    if not is_seen:
        return "404"
    is_own = "own" in kind or REACH[role] == "any" or right.on is not On.OWN
    return "allowed" if role in (right.roles if roles is None else roles) and is_own else "403"


def sees(part: str, name: str, asked: transaction.May | web.May, kind: str) -> bool:
    """Whether the record in the path of this route is there for the caller."""
    if not asked.on_record:
        return True
    if asked.deed in ON_REQUESTS or "{policy_id}" in name or "/policies/" in name or "/projects/" in name:
        return kind in SEEN[part]
    of_cmo = ("/cmos/", "/sites/", "/contacts/", "/shutdowns/")
    return part != "scoped_auditor" or "own" not in kind or not any(each in name for each in of_cmo)


def outcome(status: int) -> str:
    return str(status) if status in (403, 404) else "allowed"


def gate(route: APIRoute) -> transaction.May | web.May | None:
    return next((d.dependency for d in route.dependencies if isinstance(d.dependency, transaction.May | web.May)), None)


def routes(api: Api) -> Iterator[tuple[str, APIRoute]]:
    for route in api.app.routes:
        if isinstance(route, APIRoute):
            for method in sorted(route.methods - {"HEAD"}):
                yield f"{method} {route.path}", route


def test_every_route_has_its_line_in_the_table(house: CallersAndRecords) -> None:
    without = {route.path for _, route in routes(house.api) if gate(route) is None}
    assert without <= OPEN


@pytest.mark.parametrize("part", sorted(SEEN))
def test_the_api_does_what_the_table_says(house: CallersAndRecords, part: str) -> None:
    caller, wrong = house.api.with_key(house.keys[part]), []
    for name, route in routes(house.api):
        asked = gate(route)
        if asked is None or not route.path.startswith("/v1/") or asked.deed is Deed.ACT:
            continue
        for kind in kinds_for(name, asked):
            ids = {**house.ids[OWN], **house.ids[kind], "pm": str(house.people["pm"])}
            path = address_of(route.path, ids, part)
            answer = caller.request(name.split()[0], path, **body_of(name, ids, house.people[part]))
            want = expected(part, asked.deed, kind, is_seen=sees(part, name, asked, kind))
            if name == "POST /v1/api-keys" and part in OF_THE_CMO:
                want = "allowed" if answer.status_code == 422 else "refused with 422"
            if outcome(answer.status_code) != want:
                wrong.append((name, kind, want, answer.status_code, answer.text[:200]))
    assert wrong == []


def kinds_for(name: str, asked: transaction.May | web.May) -> tuple[str, ...]:
    """The records worth trying: those that somebody may see and another not, or may act on."""
    if asked.on_record and (asked.deed in ON_REQUESTS or "policies/" in name or "/projects/" in name):
        return KINDS
    if asked.on_record or (RIGHTS[asked.deed].on is On.OWN and name.startswith("POST")):
        return (OWN, FOREIGN)
    return (OWN,)


@pytest.mark.parametrize("part", sorted(SEEN))
def test_acts_are_for_whom_the_table_says(house: CallersAndRecords, part: str) -> None:
    caller, wrong = house.api.with_key(house.keys[part]), []
    for action in STANDARD.actions:
        kind_of = RequestType.INQUIRY if action in by_type(RequestType.INQUIRY) else RequestType.SHIPMENT
        for kind in (OWN, FOREIGN, RESTRICTED):
            request = house.ids[kind]["request_id" if kind_of is RequestType.INQUIRY else "shipment_id"]
            said = {"text": "Yes", "reason": "As agreed"}
            answer = caller.post(f"/v1/requests/{request}/actions/{action}", json=said)
            want = expected(part, Deed.ACT, kind, is_seen=kind in SEEN[part], roles=by_type(kind_of)[action])
            if outcome(answer.status_code) != want:
                wrong.append((action, kind, want, answer.status_code, answer.text[:200]))
    assert wrong == []


def by_type(kind: RequestType) -> dict[Action, frozenset[Role]]:
    who: dict[Action, frozenset[Role]] = {}
    for (_, action), rule in STANDARD.types[kind].rules.items():
        who[action] = who.get(action, frozenset()) | rule.who
    return who


@pytest.mark.parametrize("part", sorted(set(SEEN) - OF_THE_CMO))
def test_the_pages_do_what_the_table_says(house: CallersAndRecords, part: str) -> None:
    client, wrong = TestClient(house.api.app, base_url=ADDRESS, follow_redirects=False), []
    client.cookies.set(web.COOKIE, house.tokens[part])
    csrf = house.api.app.state.pages.signer.get_signature(house.tokens[part]).decode()
    for name, route in routes(house.api):
        asked, method = gate(route), name.split()[0]
        if asked is None or route.path.startswith("/v1/"):
            continue
        for kind in kinds_for(name, asked) if asked.on_record else (OWN,):
            ids = {**house.ids[OWN], **house.ids[kind]}
            action = "follow_up" if asked.deed is Deed.ACT else "acknowledge"
            typed = {"csrf": csrf, "text": "x", "key": str(uuid4()), "type": "inquiry", **BECAUSE}
            typed |= {} if route.path == "/drafts" else {"version": "1"}
            typed |= {name: ids[name] for name in ("project_id", "site_id")} | {"person_id": ids["contact_id"]}
            sent = {"data": typed} if method == "POST" else {}
            if route.path.endswith("/files") and method == "POST":
                sent["files"] = PDF
            answer = client.request(method, address_of(route.path, ids, part, action=action), **sent)
            roles = by_type(RequestType.INQUIRY)[Action.FOLLOW_UP] if asked.deed is Deed.ACT else None
            want = expected(part, asked.deed, kind, is_seen=sees(part, name, asked, kind), roles=roles)
            if outcome(answer.status_code) != want:
                wrong.append((name, kind, want, answer.status_code, answer.text[-900:-300]))
    assert wrong == []
