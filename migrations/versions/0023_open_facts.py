"""Facts are of any kind: which kinds there are says the catalogue of the installation, not the table."""

import sqlalchemy as sa
from alembic import op

from slamon.errors import Conflict

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

KINDS = (
    "'filed', 'acknowledged', 'asked', 'replied', 'answered', 'declined', 'followed_up', 'accepted', 'rejected', "
    "'cancelled', 'taken', 'responded', 'reopened', 'order_confirmed', 'date_proposed', 'date_agreed', 'date_refused', "
    "'packed', 'dispatched', 'delivered', 'lost', 'decided', 'waiting', 'resumed', 'amended', 'corrected', "
    "'handed_on', 'terms_changed', 'address_changed'"
)


# Creating a table anew, as SQLite must to change a check, leaves its triggers behind.
_APPEND_ONLY = (
    "CREATE TRIGGER fact_refuses_{0} BEFORE {1} ON fact BEGIN SELECT RAISE(ABORT, 'fact is append-only'); END"
)


def upgrade() -> None:
    with op.batch_alter_table("fact") as batch_op:
        batch_op.drop_constraint(op.f("ck_fact_kind"), type_="check")
    _refuse_changes_again()


def downgrade() -> None:
    """Refused once there are facts of which the older release knows nothing."""
    others = op.get_bind().scalar(sa.text(f"SELECT count(*) FROM fact WHERE kind NOT IN ({KINDS})"))  # noqa: S608
    if others:
        raise Conflict(f"{others} facts are of kinds the older release does not know; restore its backup instead.")
    with op.batch_alter_table("fact") as batch_op:
        batch_op.create_check_constraint(op.f("ck_fact_kind"), f"kind IN ({KINDS})")
    _refuse_changes_again()


def _refuse_changes_again() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for event in ("update", "delete"):
            op.execute(_APPEND_ONLY.format(event, event.upper()))
