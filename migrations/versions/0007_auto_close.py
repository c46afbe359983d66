"""The notice that a request is about to close by itself, the instant it names, and when a policy is due for review."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KINDS = (
    "'filed', 'reminder', 'target', 'limit', 'repeat', 'backup', 'step_3', 'step_4', 'digest', 'closing', {}'receipt', "
    "'sponsor_acted', 'cmo_acted', 'fresh_link', 'not_reached', 'invitation', 'alarm', 'test'"
)


def upgrade() -> None:
    _allow("'closing_soon', ")
    with op.batch_alter_table("notification") as batch_op:
        batch_op.add_column(sa.Column("closes_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("policy", sa.Column("review_due_on", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("policy", "review_due_on")
    notices = "SELECT id FROM notification WHERE kind = 'closing_soon'"
    op.execute(f"DELETE FROM attempt WHERE notification_id IN ({notices})")  # noqa: S608
    op.execute("UPDATE notification SET fallback_of = NULL WHERE kind = 'closing_soon'")
    op.execute("DELETE FROM notification WHERE kind = 'closing_soon'")
    with op.batch_alter_table("notification") as batch_op:
        batch_op.drop_column("closes_at")
    _allow("")


def _allow(kind: str) -> None:
    """Set which kinds a notification may have."""
    with op.batch_alter_table("notification") as batch_op:
        batch_op.drop_constraint(op.f("ck_notification_kind"), type_="check")
        batch_op.create_check_constraint(op.f("ck_notification_kind"), sa.text(f"kind IN ({KINDS.format(kind)})"))
