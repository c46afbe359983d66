"""For whom a message is and where it went: role, stand-in, redirect."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

COLUMNS = {"told_as": 40, "instead_of": 300, "redirected_to": 254}


def upgrade() -> None:
    with op.batch_alter_table("notification") as batch_op:
        for name, length in COLUMNS.items():
            batch_op.add_column(sa.Column(name, sa.String(length), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("notification") as batch_op:
        for name in COLUMNS:
            batch_op.drop_column(name)
