"""Restricted projects, what an auditor may read, and the message that tells somebody of a key made in their name."""

import sqlalchemy as sa
from alembic import op

from migrations.going_back import refuse_while_any

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


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


def downgrade() -> None:
    """Refused while a project is restricted or an auditor's scope is set: the older release would show all of it."""
    refuse_while_any("project", "projects are restricted, which", where="restricted")
    for table in ("audited_project", "audited_cmo"):
        refuse_while_any(table, "auditors' scopes are set, which")
    notices = "SELECT id FROM notification WHERE kind = 'key_made'"
    op.execute(f"DELETE FROM attempt WHERE notification_id IN ({notices})")  # noqa: S608
    op.execute("DELETE FROM notification WHERE kind = 'key_made'")
    op.drop_table("audited_project")
    op.drop_table("audited_cmo")
    op.drop_column("project", "restricted")
