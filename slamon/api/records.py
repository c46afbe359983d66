"""The records administrators keep: one table of resources, and one set of routes for each line of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, create_model
from sqlalchemy.orm import Session

from slamon.api.routes import described, router_at
from slamon.channels import Channels
from slamon.db import paging, parties
from slamon.db.parties import OrganizationKind, PersonStatus
from slamon.db.policies import Policy
from slamon.domain.timeline import Actor
from slamon.engine.channel_test import tested
from slamon.errors import Invalid, NotFound, StillHolds
from slamon.http.transaction import Call, ExpectedVersion, Known, Posted, created, may, may_on_record, reply
from slamon.schemas import directory
from slamon.schemas.fields import Answer
from slamon.schemas.policies import PolicyModels
from slamon.schemas.records import CmoQuery, ContactQuery, ListQuery, PersonQuery, PolicyQuery, SiteQuery
from slamon.services.access.rights import Deed
from slamon.services.access.visibility import find_seen, seen_among, sees
from slamon.services.directory import leaving, records
from slamon.services.directory.holdings import as_seen
from slamon.services.directory.record_rights import allow_change, allow_new
from slamon.services.outbox.addresses import Addresses, address_kinds
from slamon.services.transaction import Tx

Values = dict[str, Any]
Row = Any  # a row of the resource's table; the table of resources below says which


def _as_asked(_session: Session, values: Values, _call: Call) -> Values:
    return values


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of record: its table, what the API takes and gives, and who keeps it.

    `side` narrows organizations and people to the sponsor's or the CMOs'. `complete` adds what a new record has
    without being asked for. `tested` asks the outside about what was sent, before the transaction and only
    for those who may store it.
    """

    one: str
    many: str
    kept: type[Any]
    new: type[BaseModel]
    change: type[directory.Change]
    read: type[directory.Record]
    query: type[ListQuery]
    creating: Deed
    changing: Deed
    side: OrganizationKind | None = None
    complete: Callable[[Session, Values, Call], Values] = _as_asked
    tested: Callable[[Values, Call], Values] | None = None

    @property
    def path(self) -> str:
        return f"/v1/{self.many}"

    @property
    def operation(self) -> str:
        return self.one.capitalize()

    def find(self, tx: Tx, record_id: UUID, call: Call) -> Row:
        """Raises NotFound, also where the caller may not see it or it belongs to another resource of the same table."""
        row = find_seen(tx.session, self.kept, record_id, by=call.caller, called=self.one)
        if self.side is not None and not paging.belongs_to(tx.session, row, self.side):
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
    return {**values, "organization_id": records.the_sponsor(session).id}


def _with_tested_places(values: Values, call: Call) -> Values:
    kinds = address_kinds(parties.Organization, call.runtime.registered)
    named = {kind.field: (channel, kind) for channel, kind in kinds.items() if values.get(kind.field)}
    return {**values, **{field: tested(call.runtime, *each, values[field]) for field, each in named.items()}}


def _a_cmo(_session: Session, values: Values, _call: Call) -> Values:
    return {**values, "kind": OrganizationKind.CMO.value}


def _in_force_and_owned(_session: Session, values: Values, call: Call) -> Values:
    owner_id = values["owner_id"] or call.caller.person_id
    return {**values, "effective_from": values["effective_from"] or call.now, "owner_id": owner_id}


_CMO, _SPONSOR = OrganizationKind.CMO, OrganizationKind.SPONSOR


def _cmos(models: directory.PartyModels) -> Resource:
    return Resource(
        "cmo", "cmos", parties.Organization, models.new_cmo, models.cmo_change, models.cmo, CmoQuery,
        Deed.CREATE_CMOS, Deed.CHANGE_CMOS, _CMO, complete=_a_cmo, tested=_with_tested_places,
    )  # fmt: skip


def _people(models: directory.PartyModels) -> Resource:
    return Resource(
        "person", "people", parties.Person, models.new_person, models.person_change, models.person, PersonQuery,
        Deed.KEEP_PEOPLE, Deed.KEEP_PEOPLE, _SPONSOR, complete=_at_the_sponsor,
    )  # fmt: skip


SITES = Resource(
    "site", "sites", parties.Site, directory.NewSite, directory.SiteChange, directory.Site, SiteQuery,
    Deed.KEEP_SITES, Deed.KEEP_SITES, complete=_at_a_cmo,
)  # fmt: skip
CONTACTS = Resource(
    "contact", "contacts", parties.Person, directory.NewContact, directory.ContactChange, directory.Contact,
    ContactQuery,
    Deed.KEEP_CONTACTS, Deed.KEEP_CONTACTS, _CMO, complete=_reachable_at_a_cmo,
)  # fmt: skip
PROJECTS = Resource(
    "project", "projects", parties.Project, directory.NewProject, directory.ProjectChange, directory.Project, CmoQuery,
    Deed.CREATE_PROJECTS, Deed.CHANGE_PROJECTS,
)  # fmt: skip
CALENDARS = Resource(
    "calendar", "calendars", parties.Calendar, directory.NewCalendar, directory.CalendarChange, directory.Calendar,
    ListQuery, Deed.KEEP_CALENDARS, Deed.KEEP_CALENDARS,
)  # fmt: skip


@cache
def record_routers(channels: Channels) -> list[APIRouter]:
    """The routes of every kind of record; made once for the same channels, however many applications there are."""
    models = directory.party_models(channels)
    resources = (_cmos(models), SITES, CONTACTS, _people(models), PROJECTS, CALENDARS)
    return [routes_of(resource) for resource in resources]


def find_staff(tx: Tx, person_id: UUID, call: Call) -> Row:
    """A person of the sponsor. Raises NotFound, also where the caller may not see them."""
    return _people(directory.party_models(call.runtime.registered)).find(tx, person_id, call)


def policy_lines(models: PolicyModels) -> Resource:
    return Resource(
        "policy", "policies", Policy, models.new, models.change, models.read, PolicyQuery,
        Deed.KEEP_POLICIES, Deed.KEEP_POLICIES, complete=_in_force_and_owned,
    )  # fmt: skip


def shown(session: Session, resource: Resource, rows: list[Row], call: Call) -> list[directory.Record]:
    """Rows as the API gives them to this caller."""
    channels = call.runtime.registered
    linked = [name for name in records.LINKS if name in resource.read.model_fields]
    links = {name: records.links_of(session, name, [row.id for row in rows]) for name in linked}
    if projects := links.get("reads_project_ids"):
        seen = seen_among(session, parties.Project, [each for ids in projects.values() for each in ids], by=call.caller)
        links["reads_project_ids"] = {row: [each for each in ids if each in seen] for row, ids in projects.items()}
    has_addresses = any(
        kind.field in resource.read.model_fields for kind in address_kinds(resource.kept, channels).values()
    )
    kept = Addresses.of(session, [row.id for row in rows] if has_addresses else [])
    columns = [(name, field.validation_alias or name) for name, field in resource.read.model_fields.items()]
    found = []
    for row in rows:
        apart = (kept.fields(row, channels) if has_addresses else {}) | {name: links[name][row.id] for name in links}
        values = {key: apart[name] if name in apart else getattr(row, str(key)) for name, key in columns}
        found.append(resource.read.model_validate(values))
    return found


def routes_of(resource: Resource) -> APIRouter:
    """Create, list, read and change one kind of record."""
    router = router_at(resource.path, resource.many.capitalize())
    one, location = resource.operation, resource.path + "/{}"
    kept = resource.kept

    def create_one(call: Posted, body: BaseModel) -> Response:
        call.ask()
        asked = body.model_dump(by_alias=True)

        def allowed(tx: Tx) -> tuple[Actor, Values]:
            values = resource.complete(tx.session, asked, call)
            return allow_new(tx.session, kept, values, resource.creating, by=call.caller), values

        if resource.tested is not None:
            with call.reading() as tx:
                allowed(tx)
            asked = resource.tested(asked, call)

        def work(tx: Tx) -> Any:
            by, values = allowed(tx)
            row = records.create(tx, kept, values, by=by)
            [record] = shown(tx.session, resource, [row], call)
            return created(record, location.format(row.id), version=row.version)

        def still_seen(tx: Tx, answer: str) -> object:
            return resource.find(tx, UUID(json.loads(answer)["id"]), call)

        return call.write(work, before_replay=still_seen)

    def list_some(call: Known, query: ListQuery) -> Response:
        filters = query.model_dump(by_alias=True, exclude={"cursor", "limit"})
        with call.reading() as tx:
            page = paging.page_of(
                tx.session, kept, filters=filters, only=sees(call.caller, kept), organizations=resource.side,
                cursor=query.cursor, limit=query.limit,
            )  # fmt: skip
            rows = shown(tx.session, resource, list(page.rows), call)
        return reply(listed(items=rows, next_cursor=page.next_cursor)).response()

    def get_one(call: Known, record_id: UUID) -> Response:
        with call.reading() as tx:
            row = resource.find(tx, record_id, call)
            [record] = shown(tx.session, resource, [row], call)
        return reply(record, version=row.version).response()

    def change_one(call: Known, record_id: UUID, body: directory.Change, expected: ExpectedVersion) -> Response:
        call.ask()
        said = body.model_dump(by_alias=True, exclude_unset=True, exclude={"reason", "handed_to"})

        def allowed(tx: Tx) -> tuple[Actor, Values]:
            found = resource.find(tx, record_id, call)
            by, values = allow_change(tx.session, found, said, resource.changing, by=call.caller)
            found.refuse_stale(expected)
            return by, values

        if resource.tested is not None:
            with call.reading() as tx:
                allowed(tx)
            said = resource.tested(said, call)

        def work(tx: Tx) -> Any:
            by, values = allowed(tx)
            if kept is parties.Person:
                try:
                    row = leaving.change_person(
                        tx,
                        record_id,
                        values,
                        handed_to=getattr(body, "handed_to", None),
                        by=by,
                        reason=body.reason,
                        expected_version=expected,
                    )
                except StillHolds as held:
                    raise StillHolds(held.name, as_seen(tx.session, held.holds, by=call.caller)) from held
            else:
                row = records.change(tx, kept, record_id, values, by=by, reason=body.reason, expected_version=expected)
            [record] = shown(tx.session, resource, [row], call)
            return reply(record, version=row.version)

        return call.write(work)

    listed = create_model(f"{one}Page", __base__=Answer, items=list[resource.read], next_cursor=(str | None, None))  # type: ignore[name-defined]
    create_one.__annotations__["body"] = resource.new  # FastAPI reads the models from the annotations
    change_one.__annotations__["body"] = resource.change
    list_some.__annotations__["query"] = Annotated[resource.query, Query()]
    reading, changing = may_on_record(Deed.READ_RECORDS), may_on_record(resource.changing)
    router.post(
        "", operation_id=f"create{one}",
        **described(resource.read, may(resource.creating), f"Add a {resource.one}", 409, body=True, is_new=True),
    )(create_one)  # fmt: skip
    router.get(
        "", operation_id=f"list{resource.many.capitalize()}",
        **described(listed, may(Deed.READ_RECORDS), f"List {resource.many}, oldest first"),
    )(list_some)  # fmt: skip
    router.get(
        "/{record_id}", operation_id=f"get{one}",
        **described(resource.read, reading, f"Read a {resource.one}", 404, etag=True),
    )(get_one)  # fmt: skip
    router.patch(
        "/{record_id}", operation_id=f"change{one}",
        description="Fields left out stay as they are. Open requests keep the terms they were filed under.",
        **described(resource.read, changing, f"Change a {resource.one}", 404, 409, 412, body=True, etag=True),
    )(change_one)  # fmt: skip
    return router
