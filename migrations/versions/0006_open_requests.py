"""Lists that follow what is open: a CMO's open requests, and those that wait for the sponsor."""

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
    sponsors_turn = sa.text("state IN ('answered', 'awaiting_sponsor', 'declined', 'delivered', 'in_review')")
    op.create_index(
        "ix_cmo_request_sponsors_turn",
        "cmo_request",
        ["filed_at", "id"],
        postgresql_where=sponsors_turn,
        sqlite_where=sponsors_turn,
    )


def downgrade() -> None:
    op.drop_index("ix_cmo_request_sponsors_turn", table_name="cmo_request")
    op.drop_index("ix_cmo_request_open_of_cmo", table_name="cmo_request")
