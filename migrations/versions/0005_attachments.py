"""Attachments of requests, added and never changed."""

import sqlalchemy as sa
from alembic import op

from migrations.going_back import refuse_while_any

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

VIAS = "'api', 'staff_page', 'web_form', 'phone_recorded', 'email_recorded', 'replay'"


def upgrade() -> None:
    op.create_table(
        "attachment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("uploaded_by_id", sa.String(length=64), nullable=False),
        sa.Column("uploaded_by_name", sa.String(length=200), nullable=False),
        sa.Column("uploaded_by_role", sa.String(length=20), nullable=False),
        sa.Column("via", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"via IN ({VIAS})", name=op.f("ck_attachment_via")),
        sa.CheckConstraint("size > 0", name=op.f("ck_attachment_size")),
        sa.ForeignKeyConstraint(["request_id"], ["cmo_request.id"], name=op.f("fk_attachment_request_id_cmo_request")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint("request_id", "sha256", "name", name=op.f("uq_attachment_request_id_sha256_name")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for event in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER attachment_refuses_{event} BEFORE {event.upper()} ON attachment "
                "BEGIN SELECT RAISE(ABORT, 'attachment is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION attachment_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'attachment is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER attachment_refuses_changes BEFORE UPDATE OR DELETE ON attachment "
        "FOR EACH ROW EXECUTE FUNCTION attachment_is_append_only()"
    )
    op.execute(
        "CREATE TRIGGER attachment_refuses_truncate BEFORE TRUNCATE ON attachment "
        "FOR EACH STATEMENT EXECUTE FUNCTION attachment_is_append_only()"
    )


def downgrade() -> None:
    """Refused once a file was sent: files are never removed."""
    refuse_while_any("attachment", "files are attached to requests, which")
    op.drop_table("attachment")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION attachment_is_append_only() CASCADE")
