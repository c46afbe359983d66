"""When a migration cannot be undone: what the older release does not know would be lost, or would break it."""

import sqlalchemy as sa
from alembic import op

from slamon.errors import Conflict


def refuse_while_any(table: str, what: str, *, where: str = "1 = 1") -> None:
    """Raise Conflict while `table` has rows; `what` says of them what it is that the older release does not know."""
    found = op.get_bind().execute(sa.text(f"SELECT count(*) FROM {table} WHERE {where}")).scalar()  # noqa: S608
    if found:
        raise Conflict(f"{found} {what} the older release does not know; restore its backup instead.")
