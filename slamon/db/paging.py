"""Records in keyset pages: oldest first by id, without OFFSET, so that a page costs the same wherever it lies."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from slamon.db.base import Base
from slamon.db.outbox import Notification, NotificationState, in_state
from slamon.db.parties import Organization, OrganizationKind, Person, PersonSite
from slamon.db.requests import CmoRequest
from slamon.errors import Invalid

MOST_A_PAGE = 200
Listed = TypeVar("Listed")


@dataclass(frozen=True, slots=True)
class Page(Generic[Listed]):
    rows: Sequence[Listed]
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
    return Page(rows[:size], cursor_after(rows[size - 1].id) if len(rows) > size else None)


def failed_messages(
    session: Session, *, only: ColumnElement[bool], cursor: str | None = None, limit: int = 50
) -> Page[tuple[Notification, str | None, str | None]]:
    """Dead letters with the number of their request and the reader's name, newest first."""
    statement = (
        select(Notification, CmoRequest.number, Person.name)
        .outerjoin(CmoRequest, CmoRequest.id == Notification.request_id)
        .outerjoin(Person, Person.id == Notification.person_id)
        .where(in_state(NotificationState.FAILED), only)
        .order_by(Notification.id.desc())
    )
    if cursor is not None:
        statement = statement.where(Notification.id < id_behind(cursor))
    size = min(max(limit, 1), MOST_A_PAGE)
    rows = list(session.execute(statement.limit(size + 1)))
    return Page(rows[:size], cursor_after(rows[size - 1][0].id) if len(rows) > size else None)


def belongs_to(session: Session, row: Base, organizations: OrganizationKind) -> bool:
    """Whether an organization or a person is on that side."""
    owner = session.get(Organization, row.organization_id) if isinstance(row, Person) else row
    return isinstance(owner, Organization) and owner.kind == organizations


def cursor_after(record_id: UUID) -> str:
    return base64.urlsafe_b64encode(record_id.bytes).decode().rstrip("=")


def id_behind(cursor: str) -> UUID:
    """The record a cursor names. Raises Invalid for one this API never gave out."""
    try:
        return UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise Invalid("cursor", "is not one this list gave out; start again without it") from None


def _on_side(kept: type[Any], organizations: OrganizationKind) -> ColumnElement[bool]:
    if kept is Organization:
        return Organization.kind == organizations
    members = select(Organization.id).where(Organization.kind == organizations)
    wanted: ColumnElement[bool] = kept.organization_id.in_(members)
    return wanted
