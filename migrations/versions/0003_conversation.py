"""The whole conversation: every state, act and clock, several clocks of a kind, and requests that follow another."""

import sqlalchemy as sa
from alembic import op

from migrations.going_back import refuse_while_any

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATES = "'filed', 'acknowledged', 'awaiting_sponsor', {}'answered', {}'declined', 'closed', 'cancelled'"
NEW_STATES = (
    "'partly_answered', ",
    "'confirmed', 'partly_dispatched', 'dispatched', 'partly_delivered', 'delivered', 'in_review', ",
)
FACTS = (
    "'filed', 'acknowledged', 'asked', 'replied', 'answered', 'declined', 'followed_up', 'accepted', 'rejected', "
    "'cancelled', 'taken'{}"
)
NEW_FACTS = (
    ", 'responded', 'reopened', 'order_confirmed', 'date_proposed', 'date_agreed', 'date_refused', 'packed', 'dispatched', "
    "'delivered', 'lost', 'decided', 'waiting', 'resumed', 'amended', 'corrected', 'handed_on', 'terms_changed'"
)
CLOCKS = "'acknowledgement', 'answer'{}"
NEW_CLOCKS = (
    ", 'order_confirmation', 'reply', 'dispatch_confirmation', 'delivery_confirmation', 'fulfilment', 'promise', "
    "'sponsor', 'excursion_decision'"
)


# Creating a table anew, as SQLite must to change a check, leaves its triggers behind.
_APPEND_ONLY = (
    "CREATE TRIGGER fact_refuses_{0} BEFORE {1} ON fact BEGIN SELECT RAISE(ABORT, 'fact is append-only'); END"
)


def upgrade() -> None:
    _allow(STATES.format(*NEW_STATES), FACTS.format(NEW_FACTS), CLOCKS.format(NEW_CLOCKS))
    with op.batch_alter_table("cmo_request") as batch_op:
        batch_op.add_column(sa.Column("parent_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key("fk_cmo_request_parent_id_cmo_request", "cmo_request", ["parent_id"], ["id"])
    for table, name in (("clock", "kind"), ("crossing", "clock")):
        with op.batch_alter_table(table) as batch_op:
            batch_op.add_column(sa.Column("generation", sa.Integer(), nullable=False, server_default="1"))
            batch_op.alter_column(name, type_=sa.String(24), existing_type=sa.String(20), existing_nullable=False)
        with op.batch_alter_table(table) as batch_op:
            batch_op.alter_column(
                "generation", server_default=None, existing_type=sa.Integer(), existing_nullable=False
            )
    _key(["request_id", "kind", "generation"], ["request_id", "clock", "generation"])


def downgrade() -> None:
    """Refused once something happened that an older release cannot read: facts and crossings are never removed."""
    refuse_while_any("fact", "facts are of kinds", where=f"kind NOT IN ({FACTS.format('')})")
    refuse_while_any("cmo_request", "requests are in states", where=f"state NOT IN ({STATES.format('', '')})")
    refuse_while_any("clock", "clocks are of kinds", where=f"generation <> 1 OR kind NOT IN ({CLOCKS.format('')})")
    refuse_while_any("cmo_request", "requests follow another one, which", where="parent_id IS NOT NULL")
    _key(["request_id", "kind"], ["request_id", "clock"])
    for table, name in (("clock", "kind"), ("crossing", "clock")):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_column("generation")
            batch_op.alter_column(name, type_=sa.String(20), existing_type=sa.String(24), existing_nullable=False)
    with op.batch_alter_table("cmo_request") as batch_op:
        batch_op.drop_constraint("fk_cmo_request_parent_id_cmo_request", type_="foreignkey")
        batch_op.drop_column("parent_id")
    _allow(STATES.format("", ""), FACTS.format(""), CLOCKS.format(""))


def _key(clock: list[str], crossing: list[str]) -> None:
    """Key both tables anew; `crossing` are its columns that lead to a clock."""
    with op.batch_alter_table("crossing") as batch_op:
        batch_op.drop_constraint("fk_crossing_request_id_clock_clock", type_="foreignkey")
        batch_op.drop_constraint("pk_crossing", type_="primary")
        batch_op.create_primary_key("pk_crossing", [*crossing, "level", "crossed_at"])
    with op.batch_alter_table("clock") as batch_op:
        batch_op.drop_constraint("pk_clock", type_="primary")
        batch_op.create_primary_key("pk_clock", clock)
    with op.batch_alter_table("crossing") as batch_op:
        batch_op.create_foreign_key("fk_crossing_request_id_clock_clock", "clock", crossing, clock)


def _allow(states: str, facts: str, clocks: str) -> None:
    for table, column, values in (
        ("cmo_request", "state", states), ("fact", "kind", facts), ("clock", "kind", clocks)
    ):  # fmt: skip
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_constraint(op.f(f"ck_{table}_{column}"), type_="check")
            batch_op.create_check_constraint(op.f(f"ck_{table}_{column}"), sa.text(f"{column} IN ({values})"))
    if op.get_bind().dialect.name == "sqlite":
        for event in ("update", "delete"):
            op.execute(_APPEND_ONLY.format(event, event.upper()))
