"""Request types are named by the catalogue: no CHECK closes their set."""

import sqlalchemy as sa
from alembic import op

from slamon.errors import Conflict

revision = "0022"
down_revision = "0021"
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
        found = op.get_bind().execute(sa.text(f"SELECT count(*) FROM {table} WHERE NOT ({SHIPPED})")).scalar()  # noqa: S608
        if found:
            told = f"{found} rows of {table} are of request types that the older release does not know"
            raise Conflict(f"{told}; restore its backup instead.")
    for table in TABLES:
        with op.batch_alter_table(table) as batch_op:
            batch_op.create_check_constraint(op.f(f"ck_{table}_type"), sa.text(SHIPPED))
