"""Digests, traces, and a vacuum that keeps up with the tables that change all day."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KINDS = (
    "'filed', 'reminder', 'target', 'limit', 'repeat', 'backup', 'step_3', 'step_4', {}'closing', 'receipt', "
    "'sponsor_acted', 'cmo_acted', 'fresh_link', 'not_reached', 'invitation', 'alarm', 'test'"
)
STATES = "'queued', 'sending', 'unknown', {}'sent', 'failed', 'suppressed'"
# Every deadline met and every message sent leaves a dead row behind in the index the loop looks at four times a second.
BUSY = ("cmo_request", "notification", "clock", "process")


def upgrade() -> None:
    _allow("'digest', ", "'folded', ")
    with op.batch_alter_table("notification") as batch_op:
        batch_op.add_column(sa.Column("digest_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("trace_id", sa.String(length=64), nullable=True))
        batch_op.create_foreign_key("fk_notification_digest_id_notification", "notification", ["digest_id"], ["id"])
    _index_waiting(["channel", "next_attempt_at"])  # a channel that hangs holds up no other
    op.create_index("ix_form_link_expires_at", "form_link", ["expires_at"])
    op.create_index("ix_notification_address", "notification", ["address", "state", "queued_at"])
    is_folded = sa.text("digest_id IS NOT NULL")
    op.create_index(
        "ix_notification_digest_id", "notification", ["digest_id"], postgresql_where=is_folded, sqlite_where=is_folded
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in BUSY:
            op.execute(
                f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, "
                "autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.02)"
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in BUSY:
            op.execute(
                f"ALTER TABLE {table} RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, "
                "autovacuum_vacuum_cost_delay, autovacuum_analyze_scale_factor)"
            )
    op.drop_index("ix_form_link_expires_at", table_name="form_link")
    op.drop_index("ix_notification_digest_id", table_name="notification")
    op.drop_index("ix_notification_address", table_name="notification")
    _index_waiting(["next_attempt_at"])
    # A digest not yet sent is taken apart again; of one that was sent, each step keeps that it was told.
    op.execute(
        "UPDATE notification SET state = 'queued' WHERE state = 'folded' AND digest_id IN "
        "(SELECT id FROM notification WHERE kind = 'digest')"
    )
    op.execute("UPDATE notification SET digest_id = NULL WHERE digest_id IS NOT NULL")
    op.execute("DELETE FROM attempt WHERE notification_id IN (SELECT id FROM notification WHERE kind = 'digest')")
    op.execute("UPDATE notification SET fallback_of = NULL WHERE kind = 'digest'")
    op.execute("DELETE FROM notification WHERE kind = 'digest'")
    with op.batch_alter_table("notification") as batch_op:
        batch_op.drop_constraint("fk_notification_digest_id_notification", type_="foreignkey")
        batch_op.drop_column("trace_id")
        batch_op.drop_column("digest_id")
    _allow("", "")


def _index_waiting(columns: list[str]) -> None:
    op.drop_index("ix_notification_waiting", table_name="notification")
    waiting = sa.text("state IN ('queued', 'unknown')")
    op.create_index("ix_notification_waiting", "notification", columns, postgresql_where=waiting, sqlite_where=waiting)


def _allow(kind: str, state: str) -> None:
    """Set which kinds and states a notification may have."""
    for name, column, values in (
        ("ck_notification_kind", "kind", KINDS.format(kind)),
        ("ck_notification_state", "state", STATES.format(state)),
    ):
        with op.batch_alter_table("notification") as batch_op:
            batch_op.drop_constraint(op.f(name), type_="check")
            batch_op.create_check_constraint(op.f(name), sa.text(f"{column} IN ({values})"))
