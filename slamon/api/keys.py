"""Ways in for programs and people: API keys, and one-time links with which a person sets a password."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from slamon.api.answers import answers
from slamon.api.call import Known, Posted, PostedSecret, Reply, Route, by_key, reply
from slamon.api.fields import Answer, Body, Line80, Reason, StaffRole
from slamon.api.records import PEOPLE, ListQuery
from slamon.db.access import ApiKey
from slamon.domain.timeline import Role
from slamon.services import access, listings
from slamon.services.access import Scope, admin_only

router = APIRouter(prefix="/v1", route_class=Route, dependencies=[by_key])
_UNKEPT = "The answer holds a secret that is shown once, so an Idempotency-Key is refused: secrets are never stored."


class NewKey(Body):
    """A key of one person, or of a service account with a name and roles of its own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"service_name": "IRT bridge", "service_roles": ["project_manager"], "scopes": ["read", "file"]}
            ]
        }
    )

    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)]
    person_id: UUID | None = None
    service_name: Line80 | None = None
    service_roles: list[StaffRole] = Field([], max_length=7)

    @model_validator(mode="after")
    def _one_owner(self) -> Self:
        if (self.person_id is None) == (self.service_name is None):
            raise ValueError("name either a person_id or a service_name")
        if (self.service_name is None) != (not self.service_roles):
            raise ValueError("a service_name needs service_roles, and a person_id has none")
        return self


class Key(Answer):
    id: UUID
    prefix: str = Field(description="How the secret begins.")
    scopes: list[Scope]
    person_id: UUID | None
    service_name: str | None
    service_roles: list[StaffRole]
    created_at: datetime
    revoked_at: datetime | None


class KeyWithSecret(Key):
    secret: str = Field(description="Shown this once.")


class KeyPage(Answer):
    items: list[Key]
    next_cursor: str | None


class Revocation(Body):
    reason: Reason


class Invitation(Answer):
    link: str = Field(description="Opens once, within a day, and sets a password. Shown this once.")


@router.post(
    "/api-keys",
    status_code=201,
    response_model=KeyWithSecret,
    operation_id="createApiKey",
    tags=["API keys"],
    summary="Make an API key",
    description=_UNKEPT,
    responses=answers(404, body=True),
)
def create_key(call: PostedSecret, body: NewKey) -> Response:
    by = admin_only(call.caller)

    def work(session: Session) -> Reply:
        key, secret = access.issue_key(
            session,
            scopes=[Scope(scope) for scope in body.scopes],
            by=by,
            now=call.real_now,
            person_id=body.person_id,
            service_name=body.service_name,
            service_roles=[Role(role) for role in body.service_roles],
        )
        answer = KeyWithSecret(**Key.model_validate(key).model_dump(), secret=secret)
        return Reply(answer.model_dump_json(), 201, {"Cache-Control": "no-store"})

    return call.write(work)


@router.get(
    "/api-keys",
    response_model=KeyPage,
    operation_id="listApiKeys",
    tags=["API keys"],
    summary="List API keys, without their secrets",
    responses=answers(),
)
def list_keys(call: Known, query: Annotated[ListQuery, Query()]) -> Response:
    admin_only(call.caller)
    with call.reading() as session:
        page = listings.page_of(session, ApiKey, filters={}, cursor=query.cursor, limit=query.limit)
        items = [Key.model_validate(row) for row in page.rows]
    return reply(KeyPage(items=items, next_cursor=page.next_cursor)).response()


@router.post(
    "/api-keys/{key_id}/revoke",
    response_model=Key,
    operation_id="revokeApiKey",
    tags=["API keys"],
    summary="End an API key at once",
    responses=answers(404, body=True),
)
def revoke_key(call: Posted, key_id: UUID, body: Revocation) -> Response:
    by = admin_only(call.caller)

    def work(session: Session) -> Reply:
        key = access.revoke_key(session, key_id, by=by, reason=body.reason, now=call.real_now)
        return reply(Key.model_validate(key))

    return call.write(work)


@router.post(
    "/people/{record_id}/invite",
    status_code=201,
    response_model=Invitation,
    operation_id="invitePerson",
    tags=["People"],
    summary="Make a one-time link with which a person sets a password",
    description=f"Earlier links of this person end. {_UNKEPT}",
    responses=answers(404),
)
def invite_person(call: PostedSecret, record_id: UUID) -> Response:
    by = admin_only(call.caller)

    def work(session: Session) -> Reply:
        PEOPLE.find(session, record_id)
        token = access.invite(session, record_id, by=by, real_now=call.real_now)
        link = f"{call.runtime.settings.base_url}/welcome/{token}"
        return Reply(Invitation(link=link).model_dump_json(), 201, {"Cache-Control": "no-store"})

    return call.write(work)
