"""Addresses are rows, one for each owner and channel; which channels there are is no longer the database's to say."""

import sqlalchemy as sa
from alembic import op

from slamon.errors import Conflict

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# owner: the column that held its address in Slack, and its length
SLACK = {"person": ("slack_user_id", 40), "organization": ("slack_channel", 80)}
KNOWN = "('slack', 'email')"


def upgrade() -> None:
    op.create_table(
        "address",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=254), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "channel", name=op.f("pk_address")),
    )
    for owner, (column, _) in SLACK.items():
        op.execute(
            f"INSERT INTO address (owner_id, channel, owner, value) SELECT id, 'slack', '{owner}', {column} "  # noqa: S608
            f"FROM {owner} WHERE {column} <> ''"
        )
        with op.batch_alter_table(owner) as batch_op:
            batch_op.drop_column(column)
    with op.batch_alter_table("notification") as batch_op:
        batch_op.drop_constraint(op.f("ck_notification_channel"), type_="check")
        batch_op.alter_column("channel", existing_type=sa.String(8), type_=sa.String(16), existing_nullable=False)


def downgrade() -> None:
    """Refused once other channels were used, which the older release does not know."""
    for table in ("address", "notification"):
        others = op.get_bind().scalar(sa.text(f"SELECT max(channel) FROM {table} WHERE channel NOT IN {KNOWN}"))  # noqa: S608
        if others is not None:
            told = f"The channel {others} was used, which the older release does not know; restore its backup instead."
            raise Conflict(told)
    with op.batch_alter_table("notification") as batch_op:
        batch_op.alter_column("channel", existing_type=sa.String(16), type_=sa.String(8), existing_nullable=False)
        batch_op.create_check_constraint(op.f("ck_notification_channel"), sa.text(f"channel IN {KNOWN}"))
    for owner, (column, length) in SLACK.items():
        op.add_column(owner, sa.Column(column, sa.String(length=length), nullable=True))
        op.execute(
            f"UPDATE {owner} SET {column} = (SELECT value FROM address WHERE owner_id = {owner}.id)"  # noqa: S608
        )
    op.drop_table("address")
