"""Questions about calendars and policies: which days are closed, which line applies."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from slamon.api import models
from slamon.api.answers import answers
from slamon.api.call import Known, Route, by_key, reply
from slamon.api.details import DataKind, InquiryCategory
from slamon.api.fields import Body
from slamon.api.records import CALENDARS
from slamon.db.parties import Site
from slamon.db.policies import Policy
from slamon.db.requests import Priority
from slamon.domain.lifecycle import RequestType
from slamon.errors import Invalid
from slamon.services import calendars, policies
from slamon.services.access import staff_only

router = APIRouter(prefix="/v1", route_class=Route, dependencies=[by_key])


class HolidaysQuery(Body):
    year: Annotated[int, Field(ge=1950, le=2150)]


@router.get(
    "/calendars/{record_id}/holidays",
    response_model=models.Holidays,
    operation_id="listHolidays",
    tags=["Calendars"],
    summary="The closed days of a year, public holidays resolved",
    responses=answers(404),
)
def list_holidays(call: Known, record_id: UUID, query: Annotated[HolidaysQuery, Query()]) -> Response:
    staff_only(call.caller)
    with call.reading() as session:
        days = calendars.closed_days(CALENDARS.find(session, record_id), query.year)
    shown = [models.Holiday.model_validate(day) for day in days]
    return reply(models.Holidays(year=query.year, days=shown)).response()


class ResolveQuery(Body):
    """The request about to be filed."""

    project_id: UUID
    site_id: UUID
    type: RequestType
    kind: DataKind | InquiryCategory | None = None
    priority: Priority = Priority.ROUTINE


@router.get(
    "/policies/resolve",
    response_model=models.ResolvedPolicy,
    operation_id="resolvePolicy",
    tags=["Policies"],
    summary="Which policy line applies to such a request now",
    responses=answers(409),
)
def resolve_policy(call: Known, query: Annotated[ResolveQuery, Query()]) -> Response:
    staff_only(call.caller)
    with call.reading() as session:
        site = session.get(Site, query.site_id)
        if site is None:
            raise Invalid("site_id", f"no site {query.site_id}")
        wanted = policies.Wanted(
            query.type, query.kind, query.priority, site.organization_id, query.site_id, query.project_id
        )
        line = policies.resolve(session, wanted, call.now)
        policy = session.get_one(Policy, line.id)
    named = [column for column, is_named in zip(policies.SCOPE, policies.specificity(line), strict=True) if is_named]
    answer = models.ResolvedPolicy(policy=models.Policy.model_validate(policy), matched_by=named)
    return reply(answer).response()
