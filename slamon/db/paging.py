"""Records in keyset pages: oldest first by id, without OFFSET, so that a page costs the same wherever it lies."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, exists, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from slamon.db.base import Base
from slamon.db.outbox import Notification, NotificationState, in_state
from slamon.db.parties import Organization, OrganizationKind, Person, PersonSite
from slamon.db.requests import CmoRequest
from slamon.errors import Invalid

MOST_A_PAGE = 200
_LONGEST_CURSOR = 300  # characters
Listed = TypeVar("Listed")


@dataclass(frozen=True, slots=True)
class Page(Generic[Listed]):
    rows: list[Listed]
    next_cursor: str | None


def page_of(
    session: Session,
    kept: type[Any],
    *,
    filters: Mapping[str, object],
    only: ColumnElement[bool],
    organizations: OrganizationKind | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Any]:
    """Records of one table in the order in which they were made; `filters` name columns and the value wanted,
    `only` is what the reader may see.

    `organizations` narrows organizations, and people by where they belong, to one side. Of people the filter `site_id`
    finds those named for that site.
    """
    plain = dict(filters)
    wanted: list[ColumnElement[bool]] = [only]
    if kept is Person and (site_id := plain.pop("site_id", None)) is not None:
        wanted.append(exists().where(PersonSite.person_id == Person.id, PersonSite.site_id == site_id))
    wanted += [getattr(kept, column) == value for column, value in plain.items() if value is not None]
    if organizations is not None:
        wanted.append(_on_side(kept, organizations))
    if cursor is not None:
        wanted.append(kept.id > id_behind(cursor))
    size = min(max(limit, 1), MOST_A_PAGE)
    rows = session.scalars(select(kept).where(*wanted).order_by(kept.id).limit(size + 1)).all()
    return Page(list(rows[:size]), cursor_after(rows[size - 1].id) if len(rows) > size else None)


def failed_messages(
    session: Session, *, only: ColumnElement[bool], cursor: str | None = None, limit: int = 50
) -> Page[tuple[Notification, str | None, str | None]]:
    """Dead letters with the number of their request and the reader's name, newest first."""
    statement = (
        select(Notification, CmoRequest.number, Person.name)
        .outerjoin(CmoRequest, CmoRequest.id == Notification.request_id)
        .outerjoin(Person, Person.id == Notification.person_id)
        .where(in_state(NotificationState.FAILED), only)
    )
    return newest_first(session, statement, Notification.id, cursor=cursor, limit=limit)


def newest_first(
    session: Session, statement: Select[*tuple[Any, ...]], key: Any, *, cursor: str | None, limit: int = MOST_A_PAGE
) -> Page[Any]:
    """Rows of several tables, the last made first; the record that is first in each has the `key`."""
    if cursor is not None:
        statement = statement.where(key < id_behind(cursor))
    size = min(max(limit, 1), MOST_A_PAGE)
    rows = [tuple(row) for row in session.execute(statement.order_by(key.desc()).limit(size + 1))]
    return Page(rows[:size], cursor_after(rows[size - 1][0].id) if len(rows) > size else None)


def belongs_to(session: Session, row: Base, organizations: OrganizationKind) -> bool:
    """Whether an organization or a person is on that side."""
    owner = session.get(Organization, row.organization_id) if isinstance(row, Person) else row
    return isinstance(owner, Organization) and owner.kind == organizations


def cursor_after(*place: object) -> str:
    """A cursor for what comes after the row with these values: an id, before it whatever the list is ordered by."""
    values = [each.isoformat() if isinstance(each, datetime) else str(each) for each in place]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def id_behind(cursor: str) -> UUID:
    """The record a cursor names. Raises Invalid for one this API never gave out."""
    record_id: UUID = place_behind(cursor, UUID)[0]
    return record_id


def place_behind(cursor: str, *kinds: Callable[[str], Any]) -> list[Any]:
    """The values a cursor was made of, each read by its kind. Raises Invalid for one this API never gave out."""
    try:
        if len(cursor) > _LONGEST_CURSOR:
            raise ValueError("longer than any cursor")
        values = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        return [kind(value) for kind, value in zip(kinds, values, strict=True)]
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise Invalid("cursor", "is not one this list gave out; start again without it") from None


def instant(text: str) -> datetime:
    """Raises ValueError for one without an offset, OverflowError near the first and the last year."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return moment.astimezone(UTC)


def after(
    columns: Sequence[InstrumentedAttribute[Any]], values: Sequence[Any], *, is_descending: bool = False
) -> ColumnElement[bool]:
    """The condition for rows behind these values, in a list that is ordered by these columns."""
    place = tuple_(*(bindparam(None, value, type_=column.type) for column, value in zip(columns, values, strict=True)))
    return tuple_(*columns) < place if is_descending else tuple_(*columns) > place


def _on_side(kept: type[Any], organizations: OrganizationKind) -> ColumnElement[bool]:
    if kept is Organization:
        return Organization.kind == organizations
    members = select(Organization.id).where(Organization.kind == organizations)
    wanted: ColumnElement[bool] = kept.organization_id.in_(members)
    return wanted
