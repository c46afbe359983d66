"""Questions about calendars and policies: which days are closed, which line applies, what another would have meant."""

from dataclasses import fields
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from slamon.api.jobs import accepted, by_name
from slamon.api.records import CALENDARS
from slamon.api.routes import described, router_at
from slamon.db.base import new_id
from slamon.db.parties import Project, Site
from slamon.db.policies import Policy
from slamon.domain.catalogue import Catalogue
from slamon.domain.clocks.ladder import refuse_contradictions
from slamon.domain.terms import clocks_from_json, ladder_from_json
from slamon.domain.timeline import stamp
from slamon.errors import Invalid
from slamon.http.transaction import Call, Known, Reply, may, may_on_record, reply
from slamon.schemas import directory
from slamon.schemas.jobs import WhatIfAnswer
from slamon.schemas.policies import CoveringLine, HolidaysQuery, NewPolicy, PolicyModels, ResolveQuery, WhatIfQuestion
from slamon.services.access.jobs import AT_ONCE
from slamon.services.access.rights import Deed
from slamon.services.access.visibility import is_seen
from slamon.services.policies import calendars, policies
from slamon.services.policies.known_names import known_type
from slamon.services.policies.lines import refuse_unworkable
from slamon.services.reports import what_if
from slamon.services.reports.what_if import Question
from slamon.services.transaction import Tx

router = router_at("/v1")


@router.get(
    "/calendars/{record_id}/holidays",
    **described(
        directory.Holidays,
        may_on_record(Deed.READ_RECORDS),
        "The closed days of a year, public holidays resolved, and its opening days",
        404,
    ),
    tags=["Calendars"],
)
def list_holidays(call: Known, record_id: UUID, query: Annotated[HolidaysQuery, Query()]) -> Response:
    with call.reading() as tx:
        calendar = CALENDARS.find(tx, record_id, call)
        closed, opened = calendars.closed_days(calendar, query.year), calendars.opening_days(calendar, query.year)
    answer = directory.Holidays(
        year=query.year,
        days=[directory.Holiday.model_validate(day) for day in closed],
        openings=[directory.Opening.model_validate(day) for day in opened],
    )
    return reply(answer).response()


def _why(named: list[str], also: list[CoveringLine]) -> str:
    own = f"It names {' and '.join(named)}" if named else "It names nothing, so it covers every request"
    if not also:
        return f"{own}; no other line in force covers this request."
    next_best = also[0]
    theirs = " and ".join(next_best.names) or "nothing"
    return f"{own}; the next best, '{next_best.name}', names {theirs}."


def policy_routes(models: PolicyModels) -> APIRouter:
    """Which line applies, and what a draft would have meant."""
    router = router_at("/v1/policies", "Policies")

    def resolve_policy(call: Known, query: Annotated[ResolveQuery, Query()]) -> Response:
        with call.reading() as tx:
            line, *others = policies.covering(tx.session, _wanted(tx, query, call), call.now)
            policy = tx.session.get_one(Policy, line.id)
        also = [CoveringLine(id=each.id, name=each.name, names=policies.named_scope(each)) for each in others]
        named = policies.named_scope(line)
        answer = models.resolved(
            policy=models.read.model_validate(policy), matched_by=named, why=_why(named, also), also_cover=also
        )
        return reply(answer).response()

    def ask_what_if(call: Known, body: WhatIfQuestion) -> Response:
        question = Question(draft_of(body.policy, call.runtime.catalogue), stamp(body.filed_from), stamp(body.filed_to))
        with call.reading() as tx:
            if not what_if.is_long(tx.session, question, by=call.caller):
                return reply(by_name(what_if.what_if(tx, question, by=call.caller))).response()

        def work(tx: Tx) -> Reply:
            return accepted(what_if.ask(tx, question, by=call.caller))

        return call.write(work)

    ask_what_if.__annotations__["body"] = models.question  # FastAPI reads the model from the annotation
    may_read = may(Deed.READ_RECORDS)
    which = "Which policy line applies to such a request now"
    router.get("/resolve", **described(models.resolved, may_read, which, 409))(resolve_policy)
    router.post(
        "/what-if",
        operation_id="whatIf",
        **described(
            WhatIfAnswer, may_read, "What a draft policy would have meant for a past period", 409, body=True, job=True
        ),
        description="Judges the requests filed from `filed_from` up to `filed_to` as if the draft had been in force "
        f"then. Changes nothing. For more than {AT_ONCE} requests the answer is a job that works it out in the "
        "background: see `GET /v1/jobs/{id}`.",
    )(ask_what_if)
    return router


def _wanted(tx: Tx, query: ResolveQuery, call: Call) -> policies.PolicyQuery:
    """What a line must cover. Raises Invalid for an unknown type, a site or a project that the caller does not see."""
    known_type(tx, query.type)
    site = tx.session.get(Site, query.site_id)
    if site is None or not is_seen(tx.session, Site, query.site_id, by=call.caller):
        raise Invalid("site_id", f"no site {query.site_id}")
    if not is_seen(tx.session, Project, query.project_id, by=call.caller):
        raise Invalid("project_id", f"no project {query.project_id}")
    return policies.PolicyQuery(
        query.type, query.kind, query.priority, site.organization_id, query.site_id, query.project_id
    )


def draft_of(policy: NewPolicy, catalogue: Catalogue) -> policies.PolicyLine:
    """A line that nobody lives under yet. Raises TermsError or Invalid for one that cannot work."""
    content = policy.model_dump(include={column.name for column in fields(policies.PolicyLine)})
    draft = policies.PolicyLine(id=new_id(), version=1, **content)
    refuse_unworkable(draft, catalogue)
    refuse_contradictions(ladder_from_json(draft.ladder), clocks_from_json(draft.clocks), catalogue.clocks)
    return draft
