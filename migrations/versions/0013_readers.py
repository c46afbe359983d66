"""For whom a message is and where it went: role, stand-in, redirect; and two kinds: taken, nobody there."""

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0013"
down_revision = "0009"
branch_labels = None
depends_on = None

KINDS = (
    "'filed', 'reminder', 'target', 'limit', 'repeat', 'backup', 'step_3', 'step_4', 'digest', {}'closing', "
    "'closing_soon', 'receipt', 'sponsor_acted', 'cmo_acted', 'fresh_link', 'not_reached', 'invitation', 'alarm', 'test'"
)
NEW = "'taken', 'nobody_there'"
COLUMNS = {"told_as": 40, "instead_of": 300, "redirected_to": 254}


def upgrade() -> None:
    with op.batch_alter_table("notification") as batch_op:
        for name, length in COLUMNS.items():
            batch_op.add_column(sa.Column(name, sa.String(length), nullable=True))
        _allow(batch_op, f"{NEW}, ")


def downgrade() -> None:
    new = f"SELECT id FROM notification WHERE kind IN ({NEW})"  # noqa: S608
    op.execute(f"DELETE FROM attempt WHERE notification_id IN ({new})")  # noqa: S608
    op.execute(f"UPDATE notification SET fallback_of = NULL WHERE fallback_of IN ({new})")  # noqa: S608
    op.execute(f"DELETE FROM notification WHERE kind IN ({NEW})")  # noqa: S608
    with op.batch_alter_table("notification") as batch_op:
        for name in COLUMNS:
            batch_op.drop_column(name)
        _allow(batch_op, "")


def _allow(batch_op: BatchOperations, kinds: str) -> None:
    """Set which kinds a notification may have."""
    batch_op.drop_constraint(op.f("ck_notification_kind"), type_="check")
    batch_op.create_check_constraint(op.f("ck_notification_kind"), sa.text(f"kind IN ({KINDS.format(kinds)})"))
