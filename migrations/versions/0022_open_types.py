"""Request types are named by the catalogue: no CHECK closes their set."""

import sqlalchemy as sa
from alembic import op

from migrations.going_back import refuse_while_any

revision = "0022"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLES = ("cmo_request", "policy")
SHIPPED = "type IN ('shipment', 'data', 'inquiry')"


def upgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_constraint(op.f(f"ck_{table}_type"), type_="check")


def downgrade() -> None:
    """Refused once there are requests or policy lines of other types."""
    for table in TABLES:
        refuse_while_any(table, "rows are of request types", where=f"NOT ({SHIPPED})")
    for table in TABLES:
        with op.batch_alter_table(table) as batch_op:
            batch_op.create_check_constraint(op.f(f"ck_{table}_type"), sa.text(SHIPPED))
