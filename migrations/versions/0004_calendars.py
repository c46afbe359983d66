"""Opening days of calendars, and shutdowns that sites announce."""

import sqlalchemy as sa
from alembic import op

from migrations.going_back import refuse_while_any

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calendar", sa.Column("opening_days", sa.JSON(), server_default=sa.text("'[]'"), nullable=False))
    op.create_table(
        "shutdown",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("announced_by", sa.String(length=200), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('announced', 'agreed', 'refused')", name=op.f("ck_shutdown_status")),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_shutdown_days_in_order")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_shutdown_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shutdown")),
    )
    op.create_index("ix_shutdown_site_id", "shutdown", ["site_id", "last_day"])


def downgrade() -> None:
    """Refused while there are shutdowns or opening days: dropping them would change what counts as working time."""
    refuse_while_any("shutdown", "shutdowns are written down, which")
    refuse_while_any("calendar", "calendars have opening days, which", where="CAST(opening_days AS TEXT) <> '[]'")
    # Terms already frozen with opening days keep them, and the release before cannot read such terms.
    op.drop_table("shutdown")
    with op.batch_alter_table("calendar") as batch_op:
        batch_op.drop_column("opening_days")
