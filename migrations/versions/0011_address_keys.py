"""Addresses are compared by the ASCII form of their domain, so that `faß.example` is no longer `fass.example`."""

import sqlalchemy as sa
from alembic import op

from slamon.addresses import address_key

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

PERSON = sa.table(
    "person", sa.column("id", sa.Uuid()), sa.column("email", sa.String()), sa.column("email_key", sa.String())
)


def upgrade() -> None:
    _compare_by(address_key)


def downgrade() -> None:
    _compare_by(str.casefold)


def _compare_by(key) -> None:  # type: ignore[no-untyped-def]
    connection = op.get_bind()
    for person_id, email in connection.execute(sa.select(PERSON.c.id, PERSON.c.email)).all():
        if not email.isascii():
            connection.execute(sa.update(PERSON).where(PERSON.c.id == person_id).values(email_key=key(email.strip())))
