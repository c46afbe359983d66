"""Which clocks there are is said by the catalogue, no longer by a CHECK constraint."""

import sqlalchemy as sa
from alembic import op

from slamon.errors import Conflict

revision = "0021"
down_revision = "0020"
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
    others = op.get_bind().scalar(sa.text(f"SELECT count(*) FROM clock WHERE kind NOT IN ({KINDS})"))  # noqa: S608
    if others:
        raise Conflict(f"{others} clocks are of kinds the older release does not know; restore its backup instead.")
    with op.batch_alter_table("clock") as batch_op:
        batch_op.create_check_constraint(op.f("ck_clock_kind"), f"kind IN ({KINDS})")
