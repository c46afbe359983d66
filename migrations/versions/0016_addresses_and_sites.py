"""Links and sessions end with the address they belong to; a contact may serve several sites."""

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

from migrations.going_back import refuse_while_any

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KIND = "address_changed"  # of a fact
STAMPED = ("person", "sign_in", "one_time_link", "form_link")
# What a newer generation has ended, as the older release writes it down.
ENDED = {
    "sign_in": "ended_at = coalesce(ended_at, seen_at)",
    "one_time_link": "used_at = coalesce(used_at, expires_at)",
    "form_link": "revoked_at = coalesce(revoked_at, minted_at)",
}
# Creating a table anew, as SQLite must to change a check, leaves its triggers behind.
_APPEND_ONLY = (
    "CREATE TRIGGER fact_refuses_{0} BEFORE {1} ON fact BEGIN SELECT RAISE(ABORT, 'fact is append-only'); END"
)


def upgrade() -> None:
    _allow("fact", lambda kinds: [*kinds, KIND])
    op.create_table(
        "person_site",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_site_person_id_person")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_person_site_site_id_site")),
        sa.PrimaryKeyConstraint("person_id", "site_id", name=op.f("pk_person_site")),
    )
    op.execute("INSERT INTO person_site SELECT id, site_id FROM person WHERE site_id IS NOT NULL")
    for table in STAMPED:
        column = sa.Column("access_generation", sa.Integer(), nullable=False, server_default=sa.text("0"))
        op.add_column(table, column)
    with op.batch_alter_table("person") as batch_op:
        batch_op.drop_constraint(op.f("fk_person_site_id_site"), type_="foreignkey")
        batch_op.drop_column("site_id")


def downgrade() -> None:
    """Refused once a contact serves several sites, or an address was changed: the older release knows neither."""
    several = "(SELECT person_id FROM person_site GROUP BY person_id HAVING count(*) > 1) AS several"
    refuse_while_any(several, "contacts serve several sites, which")
    refuse_while_any("fact", "facts are of a kind", where=f"kind = '{KIND}'")
    for table, ended in ENDED.items():
        own = f"(SELECT p.access_generation FROM person p WHERE p.id = {table}.person_id)"  # noqa: S608
        op.execute(f"UPDATE {table} SET {ended} WHERE access_generation <> {own}")  # noqa: S608
    with op.batch_alter_table("person") as batch_op:
        batch_op.add_column(sa.Column("site_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(op.f("fk_person_site_id_site"), "site", ["site_id"], ["id"])
    op.execute("UPDATE person SET site_id = (SELECT s.site_id FROM person_site s WHERE s.person_id = person.id)")
    op.drop_table("person_site")
    for table in STAMPED:
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_column("access_generation")
    _allow("fact", lambda kinds: [kind for kind in kinds if kind != KIND])


def _allow(table: str, changed: Callable[[list[str]], list[str]]) -> None:
    """Set which kinds a table may hold, from those that it may hold now."""
    name = f"ck_{table}_kind"
    checks = sa.inspect(op.get_bind()).get_check_constraints(table)
    kinds = re.findall(r"'([a-z_0-9]+)'", next(check["sqltext"] for check in checks if check["name"] == name))
    listed = ", ".join(f"'{kind}'" for kind in changed(kinds))
    with op.batch_alter_table(table) as batch_op:
        batch_op.drop_constraint(op.f(name), type_="check")
        batch_op.create_check_constraint(op.f(name), sa.text(f"kind IN ({listed})"))
    if op.get_bind().dialect.name == "sqlite":
        for event in ("update", "delete"):
            op.execute(_APPEND_ONLY.format(event, event.upper()))
