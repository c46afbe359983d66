"""Ways in for programs and people: API keys, and invitations to set a password.

No one gets a way to act in another's name unseen: a key is the caller's own or a service account's, and the link that
sets a password goes to its owner alone, or says to its owner who saw it.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from slamon.api.records import find_staff
from slamon.api.routes import described, router_at
from slamon.db import paging
from slamon.db.access import ApiKey
from slamon.domain.scopes import Scope
from slamon.domain.timeline import Actor, Role
from slamon.errors import Forbidden, Invalid
from slamon.http.transaction import (
    Call,
    Known,
    Posted,
    PostedSecret,
    Reply,
    may,
    may_on_record,
    refuse_idempotency,
    reply,
)
from slamon.schemas.access import Invitation, Key, KeyPage, KeyWithSecret, NewKey
from slamon.schemas.fields import Because
from slamon.schemas.records import ListQuery
from slamon.services.access import api_keys, callers, one_time_links
from slamon.services.access.rights import Deed, allow
from slamon.services.transaction import Tx

router = router_at("/v1")
_UNKEPT = "The answer holds a secret that is shown once, so an Idempotency-Key is refused: secrets are never stored."


@router.post(
    "/api-keys",
    **described(KeyWithSecret, may_on_record(Deed.MAKE_OWN_KEYS), "Make an API key", body=True),
    status_code=201,
    tags=["API keys"],
    description="With a person_id: for the caller's own person, with no scope their key lacks; the owner is told by "
    "mail. People of a CMO get none. With a service_name: for administrators; a service account is never one itself, "
    f"and keeps no records. {_UNKEPT}",
)
def create_api_key(call: PostedSecret, body: NewKey) -> Response:
    by = allow(call.caller, Deed.KEEP_KEYS) if body.person_id is None else _owner(call, body)

    def work(tx: Tx) -> Reply:
        key, secret = callers.issue_key(
            tx,
            scopes=[Scope(scope) for scope in body.scopes],
            by=by,
            person_id=body.person_id,
            service_name=body.service_name,
            service_roles=[Role(role) for role in body.service_roles],
        )
        api_keys.tell_owner(tx, key, by=by)
        answer = KeyWithSecret(**Key.model_validate(key).model_dump(), secret=secret)
        return Reply(answer.model_dump_json(), 201, {"Cache-Control": "no-store"})

    return call.write(work)


def _owner(call: Call, body: NewKey) -> Actor:
    """The caller who makes a key for themselves; one for somebody else would act in that person's name unseen."""
    if call.caller.is_cmo:
        raise Invalid("person_id", "people of a CMO get no API key; they answer by the link in the mail")
    if body.person_id != call.caller.person_id:
        raise Invalid("person_id", "a key is made by its owner; name your own person, or a service account")
    missing = {Scope(scope) for scope in body.scopes} - call.caller.scopes
    if missing:
        raise Forbidden(f"Your key lacks {', '.join(sorted(missing))}, so it cannot make one that has it.")
    return allow(call.caller, Deed.MAKE_OWN_KEYS)


@router.get(
    "/api-keys",
    **described(KeyPage, may(Deed.MAKE_OWN_KEYS), "List API keys, without their secrets"),
    tags=["API keys"],
    description="One's own; administrators see all.",
)
def list_api_keys(call: Known, query: Annotated[ListQuery, Query()]) -> Response:
    with call.reading() as tx:
        page = paging.page_of(
            tx.session, ApiKey, filters={}, only=api_keys.seen_by(call.caller), cursor=query.cursor, limit=query.limit
        )
        items = [Key.model_validate(row) for row in page.rows]
    return reply(KeyPage(items=items, next_cursor=page.next_cursor)).response()


@router.post(
    "/api-keys/{key_id}/revoke",
    **described(Key, may(Deed.MAKE_OWN_KEYS), "End an API key at once", 404, body=True),
    tags=["API keys"],
    description="One's own, with any key; administrators end every key.",
)
def revoke_api_key(call: Posted, key_id: UUID, body: Because) -> Response:
    def work(tx: Tx) -> Reply:
        key = api_keys.revoke(tx, key_id, by=call.caller, reason=body.reason)
        return reply(Key.model_validate(key))

    return call.write(work)


@router.post(
    "/people/{record_id}/invite",
    **described(
        Invitation,
        may_on_record(Deed.KEEP_PEOPLE),
        "Give a person a one-time link with which they set a password",
        404,
        409,
    ),
    status_code=202,
    tags=["People"],
    description="It is mailed to the person's own address and nobody else sees it. It opens once, within a day; "
    "earlier ones and open sessions of the person end. Where no mail server is set, the link of an account never used "
    "is in the answer: the trail keeps who saw it, and its owner reads so where they set their password. Then an "
    "Idempotency-Key is refused, because secrets are never stored, and an account that was used answers 409.",
)
def invite_person(call: Posted, record_id: UUID) -> Response:
    if not call.runtime.can_mail:
        return _shown_once(call, record_id)

    def work(tx: Tx) -> Reply:
        find_staff(tx, record_id, call)
        by = allow(call.caller, Deed.KEEP_PEOPLE)
        person = one_time_links.invite(tx, record_id, by=by)
        return _accepted(Invitation(sent_to=person.email))

    return call.write(work)


def _shown_once(call: Call, person_id: UUID) -> Response:
    if call.once is not None:
        refuse_idempotency()

    def work(tx: Tx) -> Reply:
        find_staff(tx, person_id, call)
        by = allow(call.caller, Deed.KEEP_PEOPLE)
        token = one_time_links.show_link(tx, person_id, to=by.name, by=by)
        link = one_time_links.welcome_address(call.runtime.settings.base_url, token)
        return _accepted(Invitation(link=link))

    return call.write(work)


def _accepted(invitation: Invitation) -> Reply:
    return Reply(invitation.model_dump_json(exclude_none=True), 202, {"Cache-Control": "no-store"})
