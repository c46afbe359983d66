"""What a policy line said before it was changed, as a line of its own."""

import sqlalchemy as sa
from alembic import op

from migrations.going_back import refuse_while_any

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("policy") as batch_op:
        batch_op.add_column(sa.Column("former_of", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(op.f("fk_policy_former_of_policy"), "policy", ["former_of"], ["id"])


def downgrade() -> None:
    """Refused once a line was changed: what it said before would be taken for a line of its own."""
    refuse_while_any("policy", "lines are what others said before, which", where="former_of IS NOT NULL")
    with op.batch_alter_table("policy") as batch_op:
        batch_op.drop_constraint(op.f("fk_policy_former_of_policy"), type_="foreignkey")
        batch_op.drop_column("former_of")
