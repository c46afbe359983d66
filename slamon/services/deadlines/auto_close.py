"""Closing answered requests nobody objects to: the notice first, then the acceptance, in the system's own name."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.config import Settings
from slamon.db.database import note
from slamon.db.outbox import Notification, NotificationState
from slamon.db.requests import CmoRequest
from slamon.domain.clocks.auto_close import ClosingRule, counted_from
from slamon.domain.fold import after
from slamon.domain.lifecycle import Action, State
from slamon.domain.timeline import SYSTEM, Fact, FactKind, Via, stamp
from slamon.public_holidays import public_holidays
from slamon.services.audit.timelines import append
from slamon.services.deadlines.loading import LoadedRequest
from slamon.services.directory.notifications import closing_soon_rows, fact_rows
from slamon.services.directory.recipients import Recipients
from slamon.services.outbox.outbox import queue
from slamon.services.transaction import Tx
from slamon.wording.message import MessageKind

LOOK_AGAIN = timedelta(days=1)  # where nobody who may object was told, or nobody can say whether the notice arrived
NOT_GOING = frozenset({NotificationState.FAILED, NotificationState.SUPPRESSED})


def closing_rule(settings: Settings) -> ClosingRule:
    """The rule as set: the sponsor's working days, in its time zone and with the public holidays of its country."""
    country, region = settings.sponsor_country, settings.sponsor_subdivision
    return ClosingRule(
        working_days=settings.auto_close_working_days,
        notice_days=settings.auto_close_notice_days,
        zone=ZoneInfo(settings.sponsor_time_zone),
        holidays_of=lambda year: public_holidays(country, region, (year,)) if country else (),
    )


@dataclass(frozen=True, slots=True)
class Closing:
    """A request about to close by itself: the act its days are counted from, and the notices of it so far."""

    case: LoadedRequest
    counted: Fact
    notices: Sequence[Notification]

    def look_at(self, rule: ClosingRule, now: datetime) -> datetime | None:
        """When it next has to be looked at, all that was due being done; None where its notice does not arrive."""
        at = self.closes_at if self.notices else rule.notice_at(self.counted.recorded_at)
        return now + LOOK_AGAIN if at is not None and at < now else at

    @property
    def closes_at(self) -> datetime | None:
        """The instant that was promised; None where no notice of it arrives."""
        promised = (row.closes_at for row in self.notices if row.closes_at and row.state not in NOT_GOING)
        return max(promised, default=None)

    @property
    def is_known(self) -> bool:
        return any(row.state == NotificationState.SENT for row in self.notices)


def _closings(session: Session, cases: Sequence[LoadedRequest], rule: ClosingRule) -> Mapping[UUID, Closing]:
    """Those of `cases` that close by themselves unless somebody objects, by the id of the request."""
    answered = [
        case for case in cases if rule.is_on and (State(case.request.state), Action.ACCEPT) in case.type.by_itself
    ]
    counted = {
        case.request.id: counted_from(case.catalogue, case.type, case.timeline, gxp=case.request.gxp)
        for case in answered
    }
    told = _notices(session, [request_id for request_id, fact in counted.items() if fact])
    return {
        case.request.id: Closing(case, fact, told[case.request.id, fact.sequence])
        for case in answered
        if (fact := counted[case.request.id]) is not None
    }


def close_unopposed(
    tx: Tx, cases: Sequence[LoadedRequest], recipients: Recipients, rule: ClosingRule
) -> tuple[list[LoadedRequest], Mapping[UUID, datetime | None]]:
    """Tell of closings that are near and close what nobody objected to.

    Gives the cases as they are then, in their order, and when those that close by themselves are to be looked at
    next. The requests are locked by the caller. Nothing closes without a notice that has left: one that was held back
    or did not arrive leaves the request to the sponsor. Doing it again changes nothing.
    """
    closed: dict[UUID, LoadedRequest] = {}
    looks: dict[UUID, datetime | None] = {}
    for request_id, closing in _closings(tx.session, cases, rule).items():
        closes_at = closing.closes_at
        if not closing.notices and rule.notice_at(closing.counted.recorded_at) < tx.business_now:
            looks[request_id] = _tell(tx, closing, recipients, rule)
        elif closes_at is not None and closes_at < tx.business_now and closing.is_known:
            fact = _acceptance(closing.case.request, rule, closes_at, tx.business_now)
            closed[request_id] = _close(tx.session, closing.case, fact)
            queue(tx.session, fact_rows(tx, closing.case.request, fact, recipients))
        else:
            looks[request_id] = closing.look_at(rule, tx.business_now)
    return [closed.get(case.request.id, case) for case in cases], looks


def _tell(tx: Tx, closing: Closing, recipients: Recipients, rule: ClosingRule) -> datetime:
    """Queue the notice; when to look again."""
    counted, request = closing.counted, closing.case.request
    closes_at = rule.closes_at(counted.recorded_at, tx.business_now)
    rows = closing_soon_rows(tx, request, counted.sequence, closes_at, recipients)
    queue(tx.session, rows)
    return closes_at if any(row["closes_at"] for row in rows) else tx.business_now + LOOK_AGAIN


def _close(session: Session, case: LoadedRequest, fact: Fact) -> LoadedRequest:
    request, rule = case.request, case.type.by_itself[State(case.request.state), Action.ACCEPT]
    append(session, request, fact)
    request.state = rule.state_after(after(case.progress(), fact)).value
    note(session, "closed_by_itself", number=request.number, sequence=fact.sequence)
    return replace(case, timeline=case.timeline.with_fact(fact))


def _acceptance(request: CmoRequest, rule: ClosingRule, closes_at: datetime, now: datetime) -> Fact:
    """It counts from the instant that was promised, whenever somebody looked."""
    return Fact(
        sequence=request.fact_count + 1,
        kind=FactKind.ACCEPTED,
        occurred_at=closes_at,
        recorded_at=stamp(now),
        by=SYSTEM,
        recorded_by=SYSTEM,
        via=Via.SYSTEM,
        reason=rule.reason,
    )


def _notices(session: Session, ids: Sequence[UUID]) -> Mapping[tuple[UUID, int], list[Notification]]:
    """By request and by the number of the fact from which the days are counted."""
    told: defaultdict[tuple[UUID, int], list[Notification]] = defaultdict(list)
    if ids:
        statement = select(Notification).where(
            Notification.request_id.in_(ids), Notification.kind == MessageKind.CLOSING_SOON
        )
        for row in session.scalars(statement.execution_options(populate_existing=True)):
            if row.request_id and row.fact_sequence and row.closes_at:  # one that promises nothing is no notice
                told[row.request_id, row.fact_sequence].append(row)
    return told
