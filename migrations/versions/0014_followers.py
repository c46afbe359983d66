"""Which requests follow a request is looked up on its page."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    follows = sa.text("parent_id IS NOT NULL")
    op.create_index(
        "ix_cmo_request_parent_id", "cmo_request", ["parent_id"], postgresql_where=follows, sqlite_where=follows
    )


def downgrade() -> None:
    op.drop_index("ix_cmo_request_parent_id", "cmo_request")
