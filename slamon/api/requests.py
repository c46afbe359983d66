"""Requests: file one, list them, read one with its timeline and clocks, act on it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response
from sqlalchemy import Connection

from slamon.api.act_route import ActRoute
from slamon.api.routes import camel, described, router_at
from slamon.db.parties import Organization, Project, Site
from slamon.db.requests import ClockRow, CmoRequest
from slamon.domain.calendar import CalendarError
from slamon.domain.catalogue import Catalogue
from slamon.domain.clocks.kinds import Clocks
from slamon.domain.clocks.state import ClockState
from slamon.domain.lifecycle import Rule, State
from slamon.domain.stage import possible_actions
from slamon.domain.terms import TermsError
from slamon.domain.timeline import INTERNAL, Via, stamp
from slamon.domain.types.data import DataKind
from slamon.errors import Invalid, SlamonError
from slamon.http.transaction import (
    Arriving,
    Call,
    ExpectedVersion,
    Known,
    Posted,
    Reply,
    created,
    may,
    may_on_record,
    reply,
)
from slamon.schemas.acts import Given, body_of
from slamon.schemas.clocks import clock_of
from slamon.schemas.filings import filing_of
from slamon.schemas.new_requests import any_request
from slamon.schemas.requests import (
    Fact,
    FiledApart,
    ItemTerms,
    Line,
    LinkRevocation,
    ListQuery,
    OpenAction,
    Page,
    Request,
    RevokedLinks,
    Timeline,
)
from slamon.schemas.types.base import NewRequest
from slamon.services.access import form_links, idempotency
from slamon.services.access.rights import Deed, roles_on
from slamon.services.access.visibility import find_seen, is_seen
from slamon.services.deadlines.loading import LoadedRequest, load_request
from slamon.services.policies.known_names import known_type
from slamon.services.requests import queries
from slamon.services.requests.acts import ACTED_THEMSELVES, act, load_to_act
from slamon.services.requests.filing import Filed, Filing, ReadyFiling, file_by_terms, prepare, store
from slamon.services.requests.filing_context import FilingContext, filing_context
from slamon.services.transaction import Moment, Tx
from slamon.wording.words import Words

_PREFIX = "/v1/requests"
router = router_at(_PREFIX, "Requests", route_class=ActRoute)


_NO_NUMBER = "[number]"  # placeholder for the number, which comes before any text that people wrote


def filing_router(catalogue: Catalogue) -> APIRouter:
    """The route that files; what it takes is made from the request types of the catalogue."""
    filing = router_at(_PREFIX, "Requests", route_class=ActRoute)
    new_request = any_request(catalogue)

    @filing.post(
        "",
        **described(Request | FiledApart, may(Deed.FILE), "File a request to a CMO", 409, body=True, is_new=True),
        description="Its terms are frozen, its clocks start and the contact is told. `filed_at` is the server's. If "
        "open requests of this type to this CMO name the same lot or order number: a 409 that lists them in "
        "`look_alikes`.",
    )
    def file_request(arrival: Arriving, body: new_request) -> Response:  # type: ignore[valid-type]  # of this catalogue
        asked: NewRequest = body
        wanted, split, file_anyway = filing_of(asked), getattr(asked, "split", False), asked.file_anyway
        with arrival.runtime.db.look_up() as connection:
            context = filing_context(connection, wanted, stamp(arrival.now), key_digest=arrival.key_digest)
            call = arrival.admit(context.caller())
            ready = None
            if not split:
                ready = _made_ready(call, connection, wanted, context, file_anyway=file_anyway)
            filed = call.write_at_once(partial(_file, call, ready), looked_up_over=connection) if ready else None
        return filed or call.write(
            lambda tx: file_for(call, tx, wanted, split=split, file_anyway=file_anyway), before_replay=still_seen(call)
        )

    return filing


def _made_ready(
    call: Call, connection: Connection, filing: Filing, context: FilingContext, *, file_anyway: bool
) -> ReadyFiling | None:
    """None if it was refused but may be a repeated call that has an answer already; `Call.write` finds out."""
    try:
        moment = Moment(call.now, call.real_now, call.runtime.rules)
        return prepare(moment, connection, filing, context, by=call.caller, file_anyway=file_anyway)
    except (SlamonError, TermsError, CalendarError):
        if call.once is None:
            raise
        return None


def _file(call: Call, ready: ReadyFiling, connection: Connection) -> Reply | None:
    """Store it and the answer to the call; None where the call's key is taken."""
    blank = _answered([Filed(_NO_NUMBER, ready)], call, split=False)
    keep = None
    if call.once is not None:
        keep = idempotency.to_keep(call.once, blank.to_keep(), blank=_NO_NUMBER, real_now=call.real_now)
    number = store(connection, ready, keep)
    return None if number is None else replace(blank, body=blank.body.replace(_NO_NUMBER, number, 1))


def still_seen(call: Call) -> Callable[[Tx, str], object]:
    """Raises NotFound where the request in an answer kept is one that the caller may not see any more."""

    def look(tx: Tx, body: str) -> object:
        answer = json.loads(body)
        first = answer["items"][0] if "items" in answer else answer
        return find_seen(tx.session, CmoRequest, UUID(first["id"]), by=call.caller, called="request")

    return look


def file_for(call: Call, tx: Tx, filing: Filing, *, split: bool, file_anyway: bool) -> Reply:
    """File it; the answer is the request as its filer sees it, or with `split` all that were filed."""
    filed = file_by_terms(tx, filing, split=split, by=call.caller, file_anyway=file_anyway)
    return _answered(filed, call, split=split)


def _answered(filed: Sequence[Filed], call: Call, *, split: bool) -> Reply:
    requests, first = [_just_filed(each, call) for each in filed], filed[0]
    answer = FiledApart(items=requests) if split else requests[0]
    return created(answer, f"/v1/requests/{first.id}", version=requests[0].version)


@router.get("", **described(Page, may(Deed.READ_REQUESTS), "List requests"))
def list_requests(call: Known, query: Annotated[ListQuery, Query()]) -> Response:
    wanted = queries.RequestFilter(**query.model_dump(exclude={"sort"}), order=queries.Order(query.sort))
    with call.reading() as tx:
        if query.type is not None:
            known_type(tx, query.type)
        page = queries.list_requests(tx, wanted, by=call.caller)
    known = call.runtime.catalogue.clocks
    items = [
        Line(**_line(row.request, row.cmo_name, row.site.name, row.project_code, row.clocks, known))
        for row in page.rows
    ]
    return reply(Page(items=items, next_cursor=page.next_cursor)).response()


@router.get("/{request_id}", **described(Request, may_on_record(Deed.READ_REQUESTS), "Read a request", 404, etag=True))
def get_request(call: Known, request_id: UUID) -> Response:
    with call.reading() as tx:
        request = queries.visible_request(tx.session, request_id, by=call.caller)
        case = load_request(tx, request)
        return reply(_whole(tx, case, call), version=request.version).response()


@router.get(
    "/{request_id}/timeline",
    **described(Timeline, may_on_record(Deed.READ_REQUESTS), "What happened to a request", 404),
)
def get_timeline(call: Known, request_id: UUID) -> Response:
    with call.reading() as tx:
        queries.visible_request(tx.session, request_id, by=call.caller)
        hidden = INTERNAL if call.caller.is_cmo else ()
        facts = [Fact.model_validate(row) for row in queries.facts_of(tx.session, request_id) if row.kind not in hidden]
    return reply(Timeline(request_id=request_id, facts=facts)).response()


@router.post(
    "/{request_id}/revoke-links",
    **described(
        RevokedLinks, may_on_record(Deed.WITHDRAW_LINKS), "Withdraw a contact's links to a request", 404, body=True
    ),
    description="They open nothing any more; from their page the contact can have a fresh one mailed to their own "
    "address. For the project's manager, its leads and quality.",
)
def revoke_links(call: Posted, request_id: UUID, body: LinkRevocation) -> Response:
    def work(tx: Tx) -> Reply:
        revoked = form_links.revoke_links(tx, request_id, body.person_id, by=call.caller, reason=body.reason)
        return reply(RevokedLinks(revoked=revoked))

    return call.write(work)


@cache
def action_router(catalogue: Catalogue, words: Words) -> APIRouter:
    """One address an action: each takes that action's own fields, and those of a recorded call or mail.

    Made once for the same actions and words, however many applications there are.
    """
    acting = router_at(_PREFIX, "Requests", route_class=ActRoute)
    may_act = may_on_record(Deed.ACT)
    for name in catalogue.actions:
        verb = words.actions[name].verb
        acting.post(
            f"/{{request_id}}/actions/{name}", operation_id=camel(name) + "OnRequest",
            description="Saying again what was said is harmless. Not possible in this state: a 409 that says what is.",
            **described(Request, may_act, verb[:1].upper() + verb[1:], 404, 409, 412, body=True, etag=True),
        )(_acting(catalogue, name))  # fmt: skip

    @acting.post("/{request_id}/actions/{action}", include_in_schema=False, dependencies=[may_act])
    def refuse_action(action: str) -> Response:
        raise Invalid("action", f"'{action}' is none of {', '.join(catalogue.actions)}")

    return acting


def _acting(catalogue: Catalogue, name: str) -> Callable[..., Response]:
    nothing = Given(catalogue.actions[name].says(), ACTED_THEMSELVES)

    def act_on_request(call: Posted, request_id: UUID, expected: ExpectedVersion, given: Any = None) -> Response:
        said: Given = given or nothing

        def work(tx: Tx) -> Reply:
            loaded = act(
                tx,
                load_to_act(tx, request_id, by=call.caller),
                said.said,
                by=call.caller,
                via=Via.API,
                recorded=said.recorded,
                expected_version=expected,
            )
            return reply(_whole(tx, loaded, call), version=loaded.request.version)

        return call.write(work, before_replay=still_seen(call))

    act_on_request.__annotations__["given"] = Annotated[body_of(catalogue, name), Body()]
    return act_on_request


def _whole(tx: Tx, case: LoadedRequest, call: Call) -> Request:
    """The request as this caller sees it."""
    session, request = tx.session, case.request
    line = _line(
        request,
        session.get_one(Organization, request.cmo_id).name,
        session.get_one(Site, request.site_id).name,
        session.get_one(Project, request.project_id).code,
        queries.clocks_of(tx, request.id),
        tx.rules.catalogue.clocks,
    )
    actions = _open_actions(case.catalogue, queries.actions_open_to(session, case, call.caller))
    own = {name: getattr(request, name) for name in ("description", "parent_id", "detail")}
    if request.parent_id and not is_seen(session, CmoRequest, request.parent_id, by=call.caller):
        own["parent_id"] = None
    return Request(**line, **own, actions=actions, **_item_terms(request.detail, case.item_clocks()))


def _just_filed(filed: Filed, call: Call) -> Request:
    """The same of a request just filed, without reading again what filing it has read and written."""
    parties, columns = filed.ready.parties, filed.ready.rows.request
    roles = roles_on(call.caller, parties.owners)
    request_type, state = filed.ready.type, State(columns["state"])
    return Request.model_validate(
        {
            **columns,
            "number": filed.number,
            "expected_on": None,
            "cmo_name": parties.cmo_name,
            "site_name": parties.site_name,
            "project_code": parties.project_code,
            "clocks": [clock_of(clock, call.runtime.catalogue.clocks) for clock in filed.clocks],
            "actions": _open_actions(
                call.runtime.catalogue,
                possible_actions(call.runtime.catalogue, request_type, state, filed.ready.progress, roles),
            ),
            **_item_terms(columns["detail"], filed.ready.items),
        }
    )


def _item_terms(detail: Mapping[str, Any], clocks: Mapping[int, ClockState]) -> dict[str, Any]:
    kinds = {number: DataKind(detail["items"][number - 1]["kind"]) for number in clocks}
    told = [
        ItemTerms(item=number, kind=kinds[number], target_at=clock.target_at, limit_at=clock.limit_at)
        for number, clock in clocks.items()
    ]
    return {"terms_differ": bool(told), "item_terms": told}


def _open_actions(catalogue: Catalogue, rules: Mapping[str, Rule]) -> list[OpenAction]:
    return [
        OpenAction(action=action, needs=list(rule.needs), takes=catalogue.actions[action].takes)
        for action, rule in rules.items()
    ]


def _line(
    request: CmoRequest, cmo: str, site: str, project: str, clocks: Sequence[ClockRow], known: Clocks
) -> dict[str, Any]:
    joined = {"cmo_name", "site_name", "project_code", "clocks"}
    own = {name: getattr(request, name) for name in Line.model_fields if name not in joined}
    shown = [clock_of(row, known) for row in clocks]
    return {**own, "cmo_name": cmo, "site_name": site, "project_code": project, "clocks": shown}
