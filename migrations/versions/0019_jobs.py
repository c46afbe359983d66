"""Long questions are worked out in the background; and lists that are narrowed read no more than they show."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


RUNNING = "urgent_at IS NOT NULL"
OPEN = "state NOT IN ('closed', 'cancelled')"
NOT_ROUTINE = "priority <> 'routine'"
SENDING = "state = 'sending'"
SPONSORS_TURN = "state IN ('answered', 'awaiting_sponsor', 'declined', 'delivered', 'in_review')"
# The same, as what it is not: for a list of states SQLite would read the new index over states, and sort.
NOT_THE_CMOS = (
    "state NOT IN ('acknowledged', 'cancelled', 'closed', 'confirmed', 'dispatched', 'filed', 'partly_answered', "
    "'partly_delivered', 'partly_dispatched')"
)
INDEXES = {
    "ix_cmo_request_urgent_of_cmo": (["cmo_id", "urgent_at", "id"], RUNNING),
    "ix_cmo_request_urgent_of_site": (["site_id", "urgent_at", "id"], RUNNING),
    "ix_cmo_request_urgent_of_project": (["project_id", "urgent_at", "id"], RUNNING),
    "ix_cmo_request_urgent_of_state": (["state", "urgent_at", "id"], RUNNING),
    "ix_cmo_request_urgent_of_type": (["type", "urgent_at", "id"], RUNNING),
    "ix_cmo_request_urgent_of_priority": (["priority", "urgent_at", "id"], f"{RUNNING} AND {NOT_ROUTINE}"),
    "ix_cmo_request_site_id": (["site_id", "filed_at", "id"], None),
    "ix_cmo_request_state": (["state", "filed_at", "id"], None),
    "ix_cmo_request_type": (["type", "filed_at", "id"], None),
    "ix_cmo_request_priority": (["priority", "filed_at", "id"], NOT_ROUTINE),
    "ix_cmo_request_open": (["id"], OPEN),
    "ix_cmo_request_open_of_site": (["site_id", "id"], OPEN),
    "ix_cmo_request_open_of_type": (["type", "id"], OPEN),
}


def upgrade() -> None:
    _define_again("ix_cmo_request_sponsors_turn", ["filed_at", "id"], NOT_THE_CMOS)
    _define_again("ix_cmo_request_urgent_at", ["urgent_at", "id"], RUNNING)
    _define_again("ix_notification_sending", ["taken_by", "state"], SENDING, table="notification")
    _create("ix_notification_fallback_of", ["fallback_of"], "fallback_of IS NOT NULL", table="notification")
    for name, (columns, which) in INDEXES.items():
        _create(name, columns, which)
    op.create_table(
        "job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("question", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name=op.f("ck_job_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index(
        "ix_job_wake_at",
        "job",
        ["wake_at"],
        postgresql_where=sa.text("wake_at IS NOT NULL"),
        sqlite_where=sa.text("wake_at IS NOT NULL"),
    )
    op.create_index("ix_job_asked_by", "job", ["asked_by", "id"])
    op.create_index("ix_job_expires_at", "job", ["expires_at"])
    op.create_table(
        "job_line",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_line_job_id_job")),
        sa.PrimaryKeyConstraint("job_id", "number", name=op.f("pk_job_line")),
    )


def downgrade() -> None:
    """What was asked is lost; it can be asked again."""
    op.drop_table("job_line")
    op.drop_table("job")
    for name in INDEXES:
        op.drop_index(name, "cmo_request")
    _define_again("ix_cmo_request_sponsors_turn", ["filed_at", "id"], SPONSORS_TURN)
    _define_again("ix_cmo_request_urgent_at", ["urgent_at", "id"], None)
    _define_again("ix_notification_sending", ["taken_by"], SENDING, table="notification")
    op.drop_index("ix_notification_fallback_of", "notification")


def _define_again(name: str, columns: list[str], which: str | None, table: str = "cmo_request") -> None:
    op.drop_index(name, table)
    _create(name, columns, which, table)


def _create(name: str, columns: list[str], which: str | None, table: str = "cmo_request") -> None:
    where = sa.text(which) if which else None
    op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)
