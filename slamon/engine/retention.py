"""What is kept for a while only. Never a request, a fact, a crossing, the trail, or what was told about a request."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, exists, select, tuple_
from sqlalchemy.orm import Session

from slamon.db.access import IdempotencyKey, OneTimeLink, SignIn, SignInTry
from slamon.db.base import Base
from slamon.db.jobs import Job, JobLine
from slamon.db.outbox import Attempt, FormLink, Notification, NotificationState
from slamon.db.requests import CmoRequest
from slamon.db.statements import change_rows
from slamon.domain.lifecycle import ENDED
from slamon.services.access.idempotency import KEPT_FOR
from slamon.services.access.sign_ins import TRIES_COUNT_FOR

KEPT = timedelta(days=90)  # after which a door that is closed is forgotten, and a message about no request
AT_ONCE = 5000  # rows of a table; a heart-beat a minute keeps up with 80 calls a second


def sweep(session: Session, *, real_now: datetime) -> int:
    """Remove what has had its time; returns how many rows. Several may sweep at once."""
    long_ago = real_now - KEPT
    its_request = CmoRequest.id == FormLink.request_id
    has_ended = select(CmoRequest.id).where(its_request, CmoRequest.state.in_(ENDED)).correlate(FormLink).exists()
    about_no_request = (
        Notification.request_id.is_(None),
        Notification.state.in_((NotificationState.SENT, NotificationState.SUPPRESSED)),
        Notification.next_attempt_at < long_ago,
    )
    removed = _remove(session, IdempotencyKey, IdempotencyKey.made_at < real_now - KEPT_FOR)
    removed += _remove(session, FormLink, FormLink.expires_at < long_ago, has_ended)
    removed += _remove(session, OneTimeLink, OneTimeLink.expires_at < long_ago)
    removed += _remove(session, SignIn, SignIn.seen_at < long_ago)
    removed += _remove(session, SignInTry, SignInTry.tried_at < real_now - TRIES_COUNT_FOR)
    expired = Job.expires_at < real_now
    removed += _remove(session, JobLine, JobLine.job_id.in_(select(Job.id).where(expired)))
    removed += _remove(session, Job, expired, ~exists().where(JobLine.job_id == Job.id))
    removed += _remove(session, Attempt, Attempt.notification_id.in_(select(Notification.id).where(*about_no_request)))
    return removed + _remove(session, Notification, *about_no_request)


def _remove(session: Session, table: type[Base], *which: Any) -> int:
    key = list(table.__mapper__.primary_key)
    some: Select[Any] = select(*key).where(*which).limit(AT_ONCE).with_for_update(skip_locked=True)
    return change_rows(session, delete(table).where(tuple_(*key).in_(some)))
