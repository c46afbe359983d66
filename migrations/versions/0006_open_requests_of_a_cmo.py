"""An index over each CMO's open requests by type, for look-alikes before a filing."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_open = sa.text("state NOT IN ('closed', 'cancelled')")
    op.create_index(
        "ix_cmo_request_open_of_cmo",
        "cmo_request",
        ["cmo_id", "type", "filed_at"],
        postgresql_where=is_open,
        sqlite_where=is_open,
    )


def downgrade() -> None:
    op.drop_index("ix_cmo_request_open_of_cmo", table_name="cmo_request")
