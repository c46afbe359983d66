"""What every table shares: names of constraints, column types, the stamp columns."""

import hashlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import uuid_utils
from sqlalchemy import JSON, CheckConstraint, DateTime, Index, MetaData, String, Text, TypeDecorator, Uuid, text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, validates

from slamon.domain.normal_form import normal_form
from slamon.errors import StaleVersion


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant. SQLite drops zones, so naive values are refused going in and made aware coming out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; slamon stores aware instants only")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads it from the class)
        datetime: UtcDateTime(),
        UUID: Uuid(),
        str: Text(),
        dict[str, Any]: JSON(),
        list[Any]: JSON(),
    }


class Stamped:
    """A record people keep: its key, who made it when, and a version that grows with every change."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=lambda: new_id())
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(default=1)

    def refuse_stale(self, expected: int | None) -> None:
        """Raise StaleVersion where the caller believes in another version; None is any."""
        if expected not in (None, self.version):
            raise StaleVersion(self.version)


class NamedOnce:
    """A record whose name no other of its kind may have, however it is typed; a table says within what.

    `name_key` is the name as compared; None of a row that a process of the release before wrote. Of rows that had the
    same name before this was enforced, all but the oldest keep it with a `name_rank` above 0.
    """

    NAMED_BY: ClassVar[str] = "name"

    name_key: Mapped[str | None] = mapped_column(String(600))
    name_rank: Mapped[int] = mapped_column(default=0, server_default=text("0"))

    @property
    def shares_name(self) -> bool:
        return self.name_rank > 0

    @validates("name", "code")
    def _keep_key(self, attribute: str, value: str) -> str:
        if attribute == self.NAMED_BY and (key := name_key(value)) != self.name_key:
            self.name_key, self.name_rank = key, 0
        return value


def name_key(name: str) -> str:
    """A name as the database compares it: its normal form, or a digest of one too long for an index."""
    form = normal_form(name)
    return form if len(form) <= 600 else f"sha256:{hashlib.sha256(form.encode()).hexdigest()}"


def new_id() -> UUID:
    """A UUIDv7: unique everywhere, and later ones sort after earlier ones."""
    return UUID(int=uuid_utils.uuid7().int)


def one_of(column: str, values: type[StrEnum] | tuple[str, ...], name: str | None = None) -> CheckConstraint:
    allowed = values if isinstance(values, tuple) else tuple(member.value for member in values)
    listed = ", ".join(f"'{value}'" for value in allowed)
    return CheckConstraint(f"{column} IN ({listed})", name=name or column)


def partial_index(name: str, *columns: str, where: str) -> Index:
    """An index over the rows that fit `where` alone, on both databases."""
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))
