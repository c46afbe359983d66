"""The records administrators keep: one table of resources, and one set of routes for each line of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, create_model
from sqlalchemy.orm import Session

from slamon.api import models
from slamon.api.answers import answers
from slamon.api.call import Call, ExpectedVersion, Known, Posted, Route, by_key, created, reply
from slamon.api.fields import Answer, Body
from slamon.db import parties
from slamon.db.parties import OrganizationKind, PersonStatus
from slamon.db.policies import Policy
from slamon.domain.timeline import Actor, Role
from slamon.errors import Invalid, NotFound
from slamon.services import calendars, directory, listings
from slamon.services.access import Scope, staff_only

Values = dict[str, Any]
Row = Any  # a row of the resource's table; the table of resources below says which


class ListQuery(Body):
    """What every list takes."""

    cursor: Annotated[str | None, Field(max_length=200, description="`next_cursor` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=listings.MOST_A_PAGE)] = 50


class CmoQuery(ListQuery):
    status: parties.Standing | None = None


class SiteQuery(CmoQuery):
    cmo_id: Annotated[UUID | None, Field(serialization_alias="organization_id")] = None


class PersonQuery(ListQuery):
    status: PersonStatus | None = None


class ContactQuery(PersonQuery):
    cmo_id: Annotated[UUID | None, Field(serialization_alias="organization_id")] = None
    site_id: UUID | None = None


class PolicyQuery(ListQuery):
    former_of: UUID | None = Field(None, description="What this line said before it was changed.")


def _nothing(_session: Session, _row: Row, _call: Call) -> None:
    """No rule beyond those of the use case."""


def _as_asked(_session: Session, values: Values, _call: Call) -> Values:
    return values


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of record: its table, what the API takes and gives, and who keeps it.

    `side` narrows organizations and people to the sponsor's or the CMOs'. `complete` adds what a new record has
    without being asked for; `check` looks at the stored row.
    """

    one: str
    many: str
    kept: type[Any]
    new: type[BaseModel]
    change: type[models.Change]
    read: type[models.Record]
    query: type[ListQuery]
    keepers: frozenset[Role]
    side: OrganizationKind | None = None
    complete: Callable[[Session, Values, Call], Values] = _as_asked
    check: Callable[[Session, Row, Call], None] = _nothing

    @property
    def path(self) -> str:
        return f"/v1/{self.many}"

    @property
    def operation(self) -> str:
        return self.one.capitalize()

    def keeper(self, call: Call) -> Actor:
        call.caller.needs(Scope.ADMIN)
        return call.caller.as_actor(self.keepers)

    def find(self, session: Session, record_id: UUID) -> Row:
        """Raises NotFound, also for a record of the same table that belongs to another resource."""
        row = session.get(self.kept, record_id)
        if row is None or (self.side is not None and not listings.belongs_to(session, row, self.side)):
            raise NotFound(self.one, record_id)
        return row


def _at_a_cmo(session: Session, values: Values, _call: Call) -> Values:
    cmo = session.get(parties.Organization, values["organization_id"])
    if cmo is None or cmo.kind != OrganizationKind.CMO:
        raise Invalid("cmo_id", f"no CMO {values['organization_id']}")
    return values


def _reachable_at_a_cmo(session: Session, values: Values, call: Call) -> Values:
    """Contacts have no account to open, so they are active from the start."""
    return {**_at_a_cmo(session, values, call), "status": PersonStatus.ACTIVE.value}


def _at_the_sponsor(session: Session, values: Values, _call: Call) -> Values:
    return {**values, "organization_id": directory.the_sponsor(session).id}


def _a_cmo(_session: Session, values: Values, _call: Call) -> Values:
    return {**values, "kind": OrganizationKind.CMO.value}


def _in_force(_session: Session, values: Values, call: Call) -> Values:
    return {**values, "effective_from": values["effective_from"] or call.now}


def _opens(_session: Session, row: Row, call: Call) -> None:
    calendars.refuse_never_open(row, call.now)


_ADMIN = frozenset({Role.ADMIN})
_ADMIN_OR_LEAD = frozenset({Role.ADMIN, Role.LEAD})
_CMO, _SPONSOR = OrganizationKind.CMO, OrganizationKind.SPONSOR

CMOS = Resource(
    "cmo", "cmos", parties.Organization, models.NewCmo, models.CmoChange, models.Cmo, CmoQuery,
    _ADMIN_OR_LEAD, _CMO, complete=_a_cmo,
)  # fmt: skip
SITES = Resource(
    "site", "sites", parties.Site, models.NewSite, models.SiteChange, models.Site, SiteQuery,
    _ADMIN_OR_LEAD, complete=_at_a_cmo,
)  # fmt: skip
CONTACTS = Resource(
    "contact", "contacts", parties.Person, models.NewContact, models.ContactChange, models.Contact, ContactQuery,
    _ADMIN_OR_LEAD, _CMO, complete=_reachable_at_a_cmo,
)  # fmt: skip
PEOPLE = Resource(
    "person", "people", parties.Person, models.NewPerson, models.PersonChange, models.Person, PersonQuery,
    _ADMIN, _SPONSOR, complete=_at_the_sponsor,
)  # fmt: skip
PROJECTS = Resource(
    "project", "projects", parties.Project, models.NewProject, models.ProjectChange, models.Project, CmoQuery,
    _ADMIN_OR_LEAD,
)  # fmt: skip
CALENDARS = Resource(
    "calendar", "calendars", parties.Calendar, models.NewCalendar, models.CalendarChange, models.Calendar, ListQuery,
    _ADMIN, check=_opens,
)  # fmt: skip
POLICIES = Resource(
    "policy", "policies", Policy, models.NewPolicy, models.PolicyChange, models.Policy, PolicyQuery,
    _ADMIN, complete=_in_force,
)  # fmt: skip
_RESOURCES = (CMOS, SITES, CONTACTS, PEOPLE, PROJECTS, CALENDARS, POLICIES)


def shown(session: Session, resource: Resource, rows: list[Row]) -> list[models.Record]:
    """Rows as the API gives them."""
    if resource is not PROJECTS:
        return [resource.read.model_validate(row) for row in rows]
    cmos = listings.cmos_by_project(session, [row.id for row in rows])
    columns = [name for name in models.Project.model_fields if name != "cmo_ids"]
    return [models.Project(**{name: getattr(row, name) for name in columns}, cmo_ids=cmos[row.id]) for row in rows]


def _routes_of(resource: Resource) -> APIRouter:
    """Create, list, read and change one kind of record."""
    router = APIRouter(
        prefix=resource.path, tags=[resource.many.capitalize()], route_class=Route, dependencies=[by_key]
    )
    one, location = resource.operation, resource.path + "/{}"

    def create_one(call: Posted, body: BaseModel) -> Response:
        def work(session: Session) -> Any:
            by = resource.keeper(call)
            values = resource.complete(session, body.model_dump(by_alias=True), call)
            row = directory.create(session, resource.kept, values, by=by, now=call.now)
            resource.check(session, row, call)
            [record] = shown(session, resource, [row])
            return created(record, location.format(row.id), version=row.version)

        return call.write(work)

    def list_some(call: Known, query: ListQuery) -> Response:
        staff_only(call.caller)
        filters = query.model_dump(by_alias=True, exclude={"cursor", "limit"})
        with call.reading() as session:
            page = listings.page_of(
                session, resource.kept, filters=filters, organizations=resource.side,
                cursor=query.cursor, limit=query.limit,
            )  # fmt: skip
            rows = shown(session, resource, list(page.rows))
        return reply(listed(items=rows, next_cursor=page.next_cursor)).response()

    def get_one(call: Known, record_id: UUID) -> Response:
        staff_only(call.caller)
        with call.reading() as session:
            row = resource.find(session, record_id)
            [record] = shown(session, resource, [row])
        return reply(record, version=row.version).response()

    def change_one(call: Known, record_id: UUID, body: models.Change, expected: ExpectedVersion) -> Response:
        def work(session: Session) -> Any:
            by = resource.keeper(call)
            resource.find(session, record_id)
            values = body.model_dump(by_alias=True, exclude_unset=True, exclude={"reason"})
            row = directory.change(
                session, resource.kept, record_id, values,
                by=by, now=call.now, real_now=call.real_now, reason=body.reason, expected_version=expected,
            )  # fmt: skip
            resource.check(session, row, call)
            [record] = shown(session, resource, [row])
            return reply(record, version=row.version)

        return call.write(work)

    listed = create_model(f"{one}Page", __base__=Answer, items=list[resource.read], next_cursor=(str | None, None))  # type: ignore[name-defined]
    create_one.__annotations__["body"] = resource.new  # FastAPI reads the models from the annotations
    change_one.__annotations__["body"] = resource.change
    list_some.__annotations__["query"] = Annotated[resource.query, Query()]
    router.post(
        "", status_code=201, response_model=resource.read, operation_id=f"create{one}", summary=f"Add a {resource.one}",
        responses=answers(409, body=True, etag=201, location=True),
    )(create_one)  # fmt: skip
    router.get(
        "", response_model=listed, operation_id=f"list{resource.many.capitalize()}", responses=answers(),
        summary=f"List {resource.many}, oldest first",
    )(list_some)  # fmt: skip
    router.get(
        "/{record_id}", response_model=resource.read, operation_id=f"get{one}", summary=f"Read a {resource.one}",
        responses=answers(404, etag=200),
    )(get_one)  # fmt: skip
    router.patch(
        "/{record_id}", response_model=resource.read, operation_id=f"change{one}", summary=f"Change a {resource.one}",
        description="Fields left out stay as they are. Open requests keep the terms they were filed under.",
        responses=answers(404, 409, 412, body=True, etag=200),
    )(change_one)  # fmt: skip
    return router


ROUTERS = [_routes_of(resource) for resource in _RESOURCES]  # made once, however many applications there are
