"""Restricted projects, what an auditor may read, and the message that tells somebody of a key made in their name."""

import sqlalchemy as sa
from alembic import op

from migrations.going_back import refuse_while_any

revision = "0017"
down_revision = "0009"
branch_labels = None
depends_on = None

KINDS = (
    "'filed', 'reminder', 'target', 'limit', 'repeat', 'backup', 'step_3', 'step_4', 'digest', 'closing', "
    "'closing_soon', 'receipt', 'sponsor_acted', 'cmo_acted', 'fresh_link', 'not_reached', 'invitation', {}'alarm', "
    "'test'"
)


def upgrade() -> None:
    op.add_column("project", sa.Column("restricted", sa.Boolean(), nullable=False, server_default=sa.false()))
    for table, column, of in (
        ("audited_cmo", "organization_id", "organization"),
        ("audited_project", "project_id", "project"),
    ):
        op.create_table(
            table,
            sa.Column("person_id", sa.Uuid(), nullable=False),
            sa.Column(column, sa.Uuid(), nullable=False),
            sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f(f"fk_{table}_person_id_person")),
            sa.ForeignKeyConstraint([column], [f"{of}.id"], name=op.f(f"fk_{table}_{column}_{of}")),
            sa.PrimaryKeyConstraint("person_id", column, name=op.f(f"pk_{table}")),
        )
    _allow("'key_made', ")


def downgrade() -> None:
    """Refused while a project is restricted or an auditor's scope is set: the older release would show all of it."""
    refuse_while_any("project", "projects are restricted, which", where="restricted")
    for table in ("audited_project", "audited_cmo"):
        refuse_while_any(table, "auditors' scopes are set, which")
    notices = "SELECT id FROM notification WHERE kind = 'key_made'"
    op.execute(f"DELETE FROM attempt WHERE notification_id IN ({notices})")  # noqa: S608
    op.execute("DELETE FROM notification WHERE kind = 'key_made'")
    _allow("")
    op.drop_table("audited_project")
    op.drop_table("audited_cmo")
    op.drop_column("project", "restricted")


def _allow(kind: str) -> None:
    """Set which kinds a notification may have."""
    with op.batch_alter_table("notification") as batch_op:
        batch_op.drop_constraint(op.f("ck_notification_kind"), type_="check")
        batch_op.create_check_constraint(op.f("ck_notification_kind"), sa.text(f"kind IN ({KINDS.format(kind)})"))
