"""Names as they are compared, each once; rows that look alike today are kept and ranked."""

import sqlalchemy as sa
from alembic import op

from slamon.db.base import name_key

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# What names a record, and within what it must be the only one.
_NAMED = {
    "organization": ("name", ()),
    "calendar": ("name", ()),
    "site": ("name", ("organization_id",)),
    "project": ("code", ()),
}


def upgrade() -> None:
    for table, (named_by, within) in _NAMED.items():
        op.add_column(table, sa.Column("name_key", sa.String(length=600), nullable=True))
        op.add_column(table, sa.Column("name_rank", sa.Integer(), server_default=sa.text("0"), nullable=False))
        _fill(table, named_by, within)
        op.create_index(f"uq_{table}_name_key", table, [*within, "name_key", "name_rank"], unique=True)


def _fill(table: str, named_by: str, within: tuple[str, ...]) -> None:
    """Give every row the form of its name; the oldest of those that look alike has rank 0."""
    columns = [sa.column(name) for name in ("id", named_by, *within, "name_key", "name_rank", "created_at")]
    rows = sa.table(table, *columns)
    seen: dict[tuple[object, ...], int] = {}
    found = op.get_bind().execute(
        sa.select(rows.c.id, rows.c[named_by], *(rows.c[name] for name in within)).order_by(
            rows.c.created_at, rows.c.id
        )
    )
    for row_id, name, *place in found.all():
        key = (*place, name_key(name))
        seen[key] = seen.get(key, -1) + 1
        values = {"name_key": key[-1], "name_rank": seen[key]}
        op.get_bind().execute(sa.update(rows).where(rows.c.id == row_id).values(values))


def downgrade() -> None:
    for table in _NAMED:
        op.drop_index(f"uq_{table}_name_key", table_name=table)
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_column("name_rank")
            batch_op.drop_column("name_key")
