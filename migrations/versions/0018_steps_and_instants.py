"""Steps have ids of their own; messages say which crossing they are about, and which message withdraws them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations.going_back import refuse_while_any

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

LEVELS = "'reminder', 'target', 'limit', 'repeat', 'backup', 'step_3', 'step_4'"
KEY = ["request_id", "clock", "generation"]
# Until now the name of a level was the name of the step, and each was told once for a clock.
CROSSED_AT = f"""
    UPDATE notification SET crossed_at = (
        SELECT max(crossing.crossed_at) FROM crossing
        WHERE crossing.request_id = notification.request_id AND crossing.level = notification.kind
        AND crossing.notified AND CAST(notification.clocks AS TEXT) LIKE '%"' || crossing.clock
        || CASE WHEN crossing.generation = 1 THEN '' ELSE '-' || CAST(crossing.generation AS TEXT) END || '"%'
    ) WHERE kind IN ({LEVELS})
"""  # noqa: S608
# What was passed over, and what stayed silent because an earlier crossing of that level had been told. A clock of which
# nothing was told was brought in as history.
UNTOLD = """
    UPDATE crossing SET untold = TRUE WHERE NOT notified AND level NOT IN ('repeat', 'backup') AND EXISTS (
        SELECT 1 FROM crossing AS other
        WHERE other.request_id = crossing.request_id AND other.clock = crossing.clock
        AND other.generation = crossing.generation AND other.notified
    )
"""
# Looked at by the next cycle, so that it speaks now.
SILENT = """
    UPDATE cmo_request SET next_check_at = filed_at, wake_at = filed_at WHERE id IN (
        SELECT crossing.request_id FROM crossing
        JOIN clock ON clock.request_id = crossing.request_id AND clock.kind = crossing.clock
        AND clock.generation = crossing.generation AND clock.stopped_at IS NULL AND clock.paused_since IS NULL
        JOIN crossing AS former ON former.request_id = crossing.request_id AND former.clock = crossing.clock
        AND former.generation = crossing.generation AND former.level = crossing.level
        AND former.notified AND former.status = 'rescinded'
        WHERE crossing.untold AND crossing.status = 'open'
    )
"""


def upgrade() -> None:
    with op.batch_alter_table("crossing") as batch_op:
        batch_op.add_column(sa.Column("step", sa.String(40), nullable=True))
        batch_op.add_column(sa.Column("untold", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE crossing SET step = level")
    _key("step")
    with op.batch_alter_table("crossing") as batch_op:
        batch_op.alter_column("untold", server_default=None)
    with op.batch_alter_table("notification") as batch_op:
        batch_op.add_column(sa.Column("crossed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("withdrawn_by", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_notification_withdrawn_by_notification"), "notification", ["withdrawn_by"], ["id"]
        )
    op.create_index(
        "ix_notification_withdrawn_by",
        "notification",
        ["withdrawn_by"],
        postgresql_where=sa.text("withdrawn_by IS NOT NULL"),
        sqlite_where=sa.text("withdrawn_by IS NOT NULL"),
    )
    for statement in (CROSSED_AT, UNTOLD, SILENT):
        op.execute(statement)


def downgrade() -> None:
    """Refused once steps have names of their own, which the older release cannot tell apart."""
    refuse_while_any("crossing", "crossings are of steps", where=f"step NOT IN ({LEVELS})")
    refuse_while_any(
        "frozen_terms", "terms name their steps, which", where='CAST(content AS TEXT) LIKE \'%", "level": %\''
    )
    lines = _lines_without_ids()
    op.drop_index("ix_notification_withdrawn_by", "notification")
    notices = "SELECT id FROM notification WHERE kind = 'withdrawn'"
    op.execute("UPDATE notification SET withdrawn_by = NULL")
    op.execute(f"UPDATE notification SET fallback_of = NULL WHERE fallback_of IN ({notices})")  # noqa: S608
    op.execute(f"DELETE FROM attempt WHERE notification_id IN ({notices})")  # noqa: S608
    op.execute("DELETE FROM notification WHERE kind = 'withdrawn'")
    with op.batch_alter_table("notification") as batch_op:
        batch_op.drop_constraint(op.f("fk_notification_withdrawn_by_notification"), type_="foreignkey")
        batch_op.drop_column("withdrawn_by")
        batch_op.drop_column("crossed_at")
    op.execute("UPDATE crossing SET level = step")
    _key("level")
    with op.batch_alter_table("crossing") as batch_op:
        batch_op.drop_column("untold")
        batch_op.drop_column("step")
    for line_id, ladder in lines:
        op.get_bind().execute(_POLICY.update().where(_POLICY.c.id == line_id).values(ladder=ladder))


_POLICY = sa.table("policy", sa.column("id", sa.Uuid()), sa.column("ladder", sa.JSON()))


def _lines_without_ids() -> list[tuple[Any, list[dict[str, Any]]]]:
    """The policy lines as the older release writes them. Raises Conflict where an id is not the level's name."""
    refuse = "CAST(ladder AS TEXT)"
    found = []
    for line_id, ladder in op.get_bind().execute(sa.select(_POLICY.c.id, _POLICY.c.ladder)).all():
        if any(step.get("id", step["level"]) != step["level"] for step in ladder):
            refuse_while_any("policy", "lines name their steps, which", where=f"{refuse} LIKE '%\"id\": %'")
        if any("id" in step for step in ladder):
            found.append((line_id, [{key: step[key] for key in step if key != "id"} for step in ladder]))
    return found


def _key(step: str) -> None:
    """Key the crossings by this name of the step passed."""
    with op.batch_alter_table("crossing") as batch_op:
        batch_op.alter_column(step, nullable=False, existing_type=sa.String(40 if step == "step" else 16))
        batch_op.drop_constraint("pk_crossing", type_="primary")
        batch_op.create_primary_key("pk_crossing", [*KEY, step, "crossed_at"])
