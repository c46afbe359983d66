"""Drafts of requests, each for its author alone; and facts of which nobody but the system is the origin."""

import sqlalchemy as sa
from alembic import op

from migrations.going_back import refuse_while_any

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

VIAS = "'api', 'staff_page', 'web_form', 'phone_recorded', 'email_recorded', 'replay'{}"


def upgrade() -> None:
    op.create_table(
        "draft",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
    )
    op.create_index("ix_draft_created_by", "draft", ["created_by"])
    _allow(", 'system'")


def downgrade() -> None:
    """Refused while there are drafts, or once something came about by itself: facts are never removed."""
    refuse_while_any("fact", "facts have an origin", where="via = 'system'")
    refuse_while_any("draft", "drafts are kept, which")
    _allow("")
    op.drop_table("draft")


def _allow(further: str) -> None:
    for table in ("fact", "attachment"):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_constraint(op.f(f"ck_{table}_via"), type_="check")
            batch_op.create_check_constraint(op.f(f"ck_{table}_via"), sa.text(f"via IN ({VIAS.format(further)})"))
        if op.get_bind().dialect.name == "sqlite":  # which creates the table anew and leaves its triggers behind
            for event in ("update", "delete"):
                op.execute(
                    f"CREATE TRIGGER {table}_refuses_{event} BEFORE {event.upper()} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
