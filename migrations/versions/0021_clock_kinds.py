"""Which clocks there are is said by the catalogue, no longer by a CHECK constraint."""

from alembic import op

from migrations.going_back import refuse_while_any

revision = "0021"
down_revision = "0018"
branch_labels = None
depends_on = None

KINDS = (
    "'acknowledgement', 'answer', 'order_confirmation', 'reply', 'dispatch_confirmation', 'delivery_confirmation', "
    "'fulfilment', 'promise', 'sponsor', 'excursion_decision'"
)


def upgrade() -> None:
    with op.batch_alter_table("clock") as batch_op:
        batch_op.drop_constraint(op.f("ck_clock_kind"), type_="check")


def downgrade() -> None:
    """Refused once there are clocks that the older release does not know."""
    refuse_while_any("clock", "clocks are of other kinds, which", where=f"kind NOT IN ({KINDS})")
    with op.batch_alter_table("clock") as batch_op:
        batch_op.create_check_constraint(op.f("ck_clock_kind"), f"kind IN ({KINDS})")
