"""Who looks after a policy line; and kinds of messages, which grow with every release, are no longer listed."""

import sqlalchemy as sa
from alembic import op

from migrations.going_back import refuse_while_any

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KINDS_BEFORE = (
    "'filed', 'reminder', 'target', 'limit', 'repeat', 'backup', 'step_3', 'step_4', 'digest', 'closing', "
    "'closing_soon', 'receipt', 'sponsor_acted', 'cmo_acted', 'fresh_link', 'not_reached', 'invitation', 'alarm', "
    "'test'"
)


def upgrade() -> None:
    with op.batch_alter_table("notification") as batch_op:
        batch_op.drop_constraint(op.f("ck_notification_kind"), type_="check")
    with op.batch_alter_table("policy") as batch_op:
        batch_op.add_column(sa.Column("owner_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(op.f("fk_policy_owner_id_person"), "person", ["owner_id"], ["id"])


def downgrade() -> None:
    """Refused once a message of a newer kind was sent: the release before could not read it."""
    refuse_while_any("notification", "messages are of kinds", where=f"kind NOT IN ({KINDS_BEFORE})")
    with op.batch_alter_table("policy") as batch_op:
        batch_op.drop_constraint(op.f("fk_policy_owner_id_person"), type_="foreignkey")
        batch_op.drop_column("owner_id")
    with op.batch_alter_table("notification") as batch_op:
        batch_op.create_check_constraint(op.f("ck_notification_kind"), sa.text(f"kind IN ({KINDS_BEFORE})"))
