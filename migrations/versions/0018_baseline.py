"""The schema of release 0.2.0, with which every database begins: tables by noun, each with its checks and indexes.

It has the id of the last of the eighteen revisions it replaces, so a database that has them all needs nothing.
Facts, files and the audit trail are append-only: the database itself refuses to change or remove them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from slamon.errors import Conflict

revision = "0018"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = sa.MetaData(
    naming_convention={
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Instant = sa.DateTime(timezone=True)


def key(name, kind, *references) -> Column:
    return Column(name, kind, *references, primary_key=True, autoincrement=False)


def needed(name, kind, *references, default=None) -> Column:
    return Column(name, kind, *references, nullable=False, server_default=default)


def one_of(column: str, *values: str) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(map(repr, values))})", name=column)


def partial_index(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))


def stamps() -> list[Column]:
    """Columns of a record that people keep: its key, who created it when, and a version that grows with every edit."""
    created = [needed("created_at", Instant), needed("created_by", String(64))]
    return [key("id", Uuid), *created, needed("version", Integer)]


def compared_name() -> list[Column]:
    """The name as compared, and a rank above 0 for all but the oldest of rows that shared it before it was unique."""
    return [Column("name_key", String(600)), needed("name_rank", Integer, default=text("0"))]


def generation() -> Column:
    """Grows with each change of a person's address or status; links and sessions of an earlier one open nothing."""
    return needed("access_generation", Integer, default=text("0"))


# ---- who works with whom ----

Table(
    "organization", SCHEMA, *stamps(),
    needed("name", String(200)), *compared_name(),
    needed("kind", String(16)),
    needed("status", String(16)),
    Column("slack_channel", String(80)),
    Column("lead_id", Uuid, ForeignKey("person.id", use_alter=True)),  # people have organizations
    one_of("kind", "sponsor", "cmo"),
    one_of("status", "active", "inactive"),
    UniqueConstraint("name"),
    Index("uq_organization_name_key", "name_key", "name_rank", unique=True),
)  # fmt: skip
Table(
    "calendar", SCHEMA, *stamps(),
    needed("name", String(200)), *compared_name(),
    needed("weekly", JSON),
    Column("country", String(2)),
    Column("subdivision", String(10)),
    needed("closed_days", JSON),
    needed("opening_days", JSON, default=text("'[]'")),
    UniqueConstraint("name"),
    Index("uq_calendar_name_key", "name_key", "name_rank", unique=True),
)  # fmt: skip
Table(
    "site", SCHEMA, *stamps(),
    needed("organization_id", Uuid, ForeignKey("organization.id")),
    needed("name", String(200)), *compared_name(),
    Column("address", String(500)),
    needed("country", String(2)),
    needed("time_zone", String(64)),
    Column("calendar_id", Uuid, ForeignKey("calendar.id")),
    needed("kind", String(16)),
    needed("status", String(16)),
    one_of("kind", "manufacturing", "packaging", "depot", "laboratory"),
    one_of("status", "active", "inactive"),
    UniqueConstraint("organization_id", "name"),
    Index("uq_site_name_key", "organization_id", "name_key", "name_rank", unique=True),
)  # fmt: skip
Table(
    "shutdown", SCHEMA, *stamps(),
    needed("site_id", Uuid, ForeignKey("site.id")),
    needed("first_day", Date),
    needed("last_day", Date),
    needed("name", String(200)),
    needed("announced_by", String(200)),
    needed("announced_at", Instant),
    needed("status", String(16)),
    Column("decided_by", String(64)),
    Column("decided_at", Instant),
    Column("reason", Text),
    one_of("status", "announced", "agreed", "refused"),
    CheckConstraint("first_day <= last_day", name="days_in_order"),
    Index("ix_shutdown_site_id", "site_id", "last_day"),
)  # fmt: skip
Table(
    "person", SCHEMA, *stamps(),
    needed("organization_id", Uuid, ForeignKey("organization.id")),
    needed("name", String(200)),
    needed("email", String(254)),
    needed("email_key", String(254)),
    needed("roles", JSON),
    Column("slack_user_id", String(40)),
    needed("time_zone", String(64)),
    needed("status", String(16)),
    Column("backup_id", Uuid, ForeignKey("person.id")),
    Column("password_hash", String(200)),
    generation(),
    one_of("status", "invited", "active", "locked", "disabled"),
    UniqueConstraint("email_key"),
    Index("ix_person_organization_id", "organization_id"),
)  # fmt: skip
Table(
    "person_site", SCHEMA,
    key("person_id", Uuid, ForeignKey("person.id")),
    key("site_id", Uuid, ForeignKey("site.id")),
)  # fmt: skip
Table(
    "project", SCHEMA, *stamps(),
    needed("code", String(40)), *compared_name(),
    needed("name", String(200)),
    needed("product_codes", JSON),
    Column("protocol_number", String(80)),
    needed("blinded", Boolean),
    needed("restricted", Boolean, default=sa.false()),
    needed("pm_id", Uuid, ForeignKey("person.id")),
    Column("lead_id", Uuid, ForeignKey("person.id")),
    needed("status", String(16)),
    one_of("status", "active", "inactive"),
    UniqueConstraint("code"),
    Index("uq_project_name_key", "name_key", "name_rank", unique=True),
)  # fmt: skip
Table(
    "project_cmo", SCHEMA,
    key("project_id", Uuid, ForeignKey("project.id")),
    key("organization_id", Uuid, ForeignKey("organization.id")),
)  # fmt: skip
Table(
    "audited_cmo", SCHEMA,
    key("person_id", Uuid, ForeignKey("person.id")),
    key("organization_id", Uuid, ForeignKey("organization.id")),
)  # fmt: skip
Table(
    "audited_project", SCHEMA,
    key("person_id", Uuid, ForeignKey("person.id")),
    key("project_id", Uuid, ForeignKey("project.id")),
)  # fmt: skip

# ---- who may come in ----

Table(
    "api_key", SCHEMA, *stamps(),
    Column("person_id", Uuid, ForeignKey("person.id")),
    Column("service_name", String(80)),
    needed("service_roles", JSON),
    needed("prefix", String(12)),
    needed("secret_digest", String(64)),
    needed("scopes", JSON),
    Column("revoked_at", Instant),
    CheckConstraint("(person_id IS NULL) <> (service_name IS NULL)", name="one_owner"),
    UniqueConstraint("secret_digest"),
)  # fmt: skip
Table(
    "sign_in", SCHEMA,
    key("token_digest", String(64)),
    needed("person_id", Uuid, ForeignKey("person.id")),
    needed("began_at", Instant),
    needed("seen_at", Instant),
    Column("ended_at", Instant),
    generation(),
    Index("ix_sign_in_person_id", "person_id"),
)  # fmt: skip
Table(
    "sign_in_try", SCHEMA,
    key("id", Uuid),
    needed("address_digest", String(64)),
    needed("network", String(64)),
    needed("kind", String(16)),
    needed("tried_at", Instant),
    one_of("kind", "failed", "link_asked"),
    Index("ix_sign_in_try_address_digest", "address_digest", "tried_at"),
)  # fmt: skip
Table(
    "former_password", SCHEMA,
    key("id", Uuid),
    needed("person_id", Uuid, ForeignKey("person.id")),
    needed("password_hash", String(200)),
    needed("replaced_at", Instant),
    Index("ix_former_password_person_id", "person_id"),
)  # fmt: skip
Table(
    "one_time_link", SCHEMA,
    key("token_digest", String(64)),
    needed("person_id", Uuid, ForeignKey("person.id")),
    needed("expires_at", Instant),
    Column("used_at", Instant),
    Column("shown_to", String(250)),
    generation(),
)  # fmt: skip
Table(
    "form_link", SCHEMA,
    key("token_digest", String(64)),
    needed("request_id", Uuid, ForeignKey("cmo_request.id")),
    needed("person_id", Uuid, ForeignKey("person.id")),
    needed("minted_at", Instant),
    needed("expires_at", Instant),
    Column("revoked_at", Instant),
    generation(),
    Index("ix_form_link_request_id", "request_id"),
    Index("ix_form_link_expires_at", "expires_at"),
)  # fmt: skip
Table(
    "idempotency_key", SCHEMA,
    key("caller", String(80)),
    key("key", String(255)),
    needed("fingerprint", String(64)),
    needed("status", Integer),
    needed("headers", JSON),
    needed("body", Text),
    needed("made_at", Instant),
    Index("ix_idempotency_key_made_at", "made_at"),
)  # fmt: skip

# ---- what was agreed ----

Table(
    "policy", SCHEMA, *stamps(),
    needed("name", String(200)),
    Column("type", String(16)),
    Column("kind", String(32)),
    Column("priority", String(16)),
    Column("cmo_id", Uuid, ForeignKey("organization.id")),
    Column("site_id", Uuid, ForeignKey("site.id")),
    Column("project_id", Uuid, ForeignKey("project.id")),
    needed("clocks", JSON),
    needed("ladder", JSON),
    Column("agreement_clause", String(200)),
    needed("effective_from", Instant),
    Column("effective_to", Instant),
    Column("review_due_on", Date),
    Column("owner_id", Uuid, ForeignKey("person.id")),
    Column("former_of", Uuid, ForeignKey("policy.id")),
    one_of("type", "shipment", "data", "inquiry"),
    one_of("priority", "routine", "urgent", "critical"),
    CheckConstraint("effective_to IS NULL OR effective_to > effective_from", name="effective_dates"),
)  # fmt: skip
Table("frozen_terms", SCHEMA, key("digest", String(64)), needed("content", JSON))

# ---- requests, their facts, and what evaluating them gave ----

VIA = ("api", "staff_page", "web_form", "phone_recorded", "email_recorded", "replay", "system")
IS_OPEN = "state NOT IN ('closed', 'cancelled')"
Table(
    "cmo_request", SCHEMA, *stamps(),
    needed("number", String(16)),
    needed("type", String(16)),
    needed("project_id", Uuid, ForeignKey("project.id")),
    needed("cmo_id", Uuid, ForeignKey("organization.id")),
    needed("site_id", Uuid, ForeignKey("site.id")),
    needed("contact_id", Uuid, ForeignKey("person.id")),
    Column("filed_by_id", Uuid, ForeignKey("person.id")),
    needed("priority", String(16)),
    needed("subject", String(200)),
    needed("description", Text),
    needed("gxp", Boolean),
    Column("cmo_reference", String(80)),
    Column("due_on", Date),
    Column("expected_on", Date),
    Column("parent_id", Uuid, ForeignKey("cmo_request.id")),
    needed("detail", JSON),
    needed("state", String(20)),
    needed("filed_at", Instant),
    needed("reopen_count", Integer),
    needed("terms_digest", String(64), ForeignKey("frozen_terms.digest")),
    needed("fact_count", Integer),
    needed("head_digest", String(64)),
    Column("urgent_at", Instant),
    Column("next_check_at", Instant),
    Column("wake_at", Instant),
    needed("failed_checks", Integer),
    one_of("type", "shipment", "data", "inquiry"),
    one_of("priority", "routine", "urgent", "critical"),
    one_of(
        "state",
        "filed", "acknowledged", "awaiting_sponsor", "partly_answered", "answered",
        "confirmed", "partly_dispatched", "dispatched", "partly_delivered", "delivered", "in_review",
        "declined", "closed", "cancelled",
    ),
    UniqueConstraint("number"),
    Index("ix_cmo_request_filed_at", "filed_at", "id"),
    Index("ix_cmo_request_cmo_id", "cmo_id", "filed_at"),
    Index("ix_cmo_request_project_id", "project_id", "filed_at"),
    Index("ix_cmo_request_urgent_at", "urgent_at", "id"),
    partial_index("ix_cmo_request_wake_at", "wake_at", where="wake_at IS NOT NULL"),
    partial_index("ix_cmo_request_parent_id", "parent_id", where="parent_id IS NOT NULL"),
    partial_index("ix_cmo_request_open_of_cmo", "cmo_id", "type", "filed_at", where=IS_OPEN),
    partial_index("ix_cmo_request_standing", "filed_at", "id", where=f"urgent_at IS NULL AND {IS_OPEN}"),
    partial_index(
        "ix_cmo_request_sponsors_turn", "filed_at", "id",
        where="state IN ('answered', 'awaiting_sponsor', 'declined', 'delivered', 'in_review')",
    ),
)  # fmt: skip
Table(
    "fact", SCHEMA,
    key("request_id", Uuid, ForeignKey("cmo_request.id")),
    key("sequence", Integer),
    needed("kind", String(20)),
    needed("occurred_at", Instant),
    needed("recorded_at", Instant),
    needed("by_id", String(64)),
    needed("by_name", String(200)),
    needed("by_role", String(20)),
    needed("recorded_by_id", String(64)),
    needed("recorded_by_name", String(200)),
    needed("recorded_by_role", String(20)),
    needed("via", String(20)),
    Column("reason", Text),
    needed("content", JSON),
    needed("digest", String(64)),
    one_of("via", *VIA),
    one_of(
        "kind",
        "filed", "acknowledged", "asked", "replied", "answered", "declined", "followed_up", "accepted", "rejected",
        "cancelled", "taken", "responded", "reopened", "order_confirmed", "date_proposed", "date_agreed",
        "date_refused", "packed", "dispatched", "delivered", "lost", "decided", "waiting", "resumed", "amended",
        "corrected", "handed_on", "terms_changed", "address_changed",
    ),
    CheckConstraint("occurred_at <= recorded_at", name="told_after_it_happened"),
)  # fmt: skip
Table(
    "clock", SCHEMA,
    key("request_id", Uuid, ForeignKey("cmo_request.id")),
    key("kind", String(24)),
    key("generation", Integer),
    needed("started_at", Instant),
    Column("target_at", Instant),
    Column("limit_at", Instant),
    Column("paused_since", Instant),
    Column("stopped_at", Instant),
    needed("outcome", String(16)),
    one_of(
        "kind",
        "acknowledgement", "answer", "order_confirmation", "reply", "dispatch_confirmation", "delivery_confirmation",
        "fulfilment", "promise", "sponsor", "excursion_decision",
    ),
    one_of("outcome", "running", "met", "late", "breached", "cancelled"),
)  # fmt: skip
Table(
    "crossing", SCHEMA,
    key("request_id", Uuid),
    key("clock", String(24)),
    key("generation", Integer),
    key("step", String(40)),
    key("crossed_at", Instant),
    needed("level", String(16)),
    needed("detected_at", Instant),
    needed("notified", Boolean),
    needed("untold", Boolean),
    needed("status", String(16)),
    Column("rescinded_reason", String(200)),
    one_of("level", "reminder", "target", "limit", "repeat", "backup", "step_3", "step_4"),
    one_of("status", "open", "rescinded"),
    sa.ForeignKeyConstraint(
        ["request_id", "clock", "generation"], ["clock.request_id", "clock.kind", "clock.generation"],
        name="fk_crossing_request_id_clock_clock",
    ),
)  # fmt: skip
Table(
    "attachment", SCHEMA,
    key("id", Uuid),
    needed("request_id", Uuid, ForeignKey("cmo_request.id")),
    needed("name", String(200)),
    needed("media_type", String(100)),
    needed("size", Integer),
    needed("sha256", String(64)),
    needed("uploaded_by_id", String(64)),
    needed("uploaded_by_name", String(200)),
    needed("uploaded_by_role", String(20)),
    needed("via", String(20)),
    needed("created_at", Instant),
    one_of("via", *VIA),
    CheckConstraint("size > 0", name="size"),
    UniqueConstraint("request_id", "sha256", "name"),
)  # fmt: skip
Table(
    "draft", SCHEMA, *stamps(),
    needed("content", JSON),
    needed("changed_at", Instant),
    Index("ix_draft_created_by", "created_by"),
)  # fmt: skip
Table("number_counter", SCHEMA, key("type", String(16)), key("year", Integer), needed("last", Integer))

# ---- outgoing messages and who sends them ----

Table(
    "notification", SCHEMA,
    key("id", Uuid),
    needed("dedupe_key", String(255)),
    Column("request_id", Uuid, ForeignKey("cmo_request.id")),
    Column("person_id", Uuid, ForeignKey("person.id")),
    needed("kind", String(16)),  # no check: kinds grow with every release
    needed("clocks", JSON),
    Column("crossed_at", Instant),
    Column("fact_sequence", Integer),
    needed("channel", String(8)),
    needed("address", String(254)),
    Column("detail", String(500)),
    Column("closes_at", Instant),
    Column("told_as", String(40)),
    Column("instead_of", String(300)),
    Column("redirected_to", String(254)),
    needed("state", String(12)),
    needed("attempts", Integer),
    needed("queued_at", Instant),
    needed("next_attempt_at", Instant),
    Column("first_attempt_at", Instant),
    Column("taken_by", Uuid),
    Column("sent_at", Instant),
    Column("provider_id", String(255)),
    Column("error", String(500)),
    Column("fallback_of", Uuid, ForeignKey("notification.id")),
    Column("digest_id", Uuid, ForeignKey("notification.id")),
    Column("withdrawn_by", Uuid, ForeignKey("notification.id")),
    Column("trace_id", String(64)),
    one_of("channel", "slack", "email"),
    one_of("state", "queued", "sending", "unknown", "folded", "sent", "failed", "suppressed"),
    CheckConstraint("attempts >= 0", name="attempts"),
    UniqueConstraint("dedupe_key"),
    Index("ix_notification_request_id", "request_id"),
    Index("ix_notification_address", "address", "state", "queued_at"),
    partial_index("ix_notification_waiting", "channel", "next_attempt_at", where="state IN ('queued', 'unknown')"),
    partial_index("ix_notification_sending", "taken_by", where="state = 'sending'"),
    partial_index("ix_notification_failed", "queued_at", where="state = 'failed'"),
    partial_index("ix_notification_digest_id", "digest_id", where="digest_id IS NOT NULL"),
    partial_index("ix_notification_withdrawn_by", "withdrawn_by", where="withdrawn_by IS NOT NULL"),
)  # fmt: skip
Table(
    "attempt", SCHEMA,
    key("notification_id", Uuid, ForeignKey("notification.id")),
    key("number", Integer),
    needed("began_at", Instant),
    Column("ended_at", Instant),
    Column("outcome", String(20)),
    Column("error", String(500)),
)  # fmt: skip
Table(
    "process", SCHEMA,
    key("id", Uuid),
    needed("kind", String(16)),
    needed("host", String(255)),
    needed("release", String(32)),
    needed("started_at", Instant),
    needed("beat_at", Instant),
    needed("beats", Integer),
    needed("state", JSON),
)  # fmt: skip
Table("setting", SCHEMA, key("name", String(40)), needed("value", JSON))

# ---- the audit trail of everything that is not a request ----

Table(
    "audit_entry", SCHEMA,
    key("sequence", Integer),
    needed("at", Instant),
    needed("by_id", String(64)),
    needed("by_name", String(200)),
    needed("by_role", String(20)),
    needed("action", String(32)),
    needed("entity", String(40)),
    needed("entity_id", String(64)),
    Column("old", JSON),
    Column("new", JSON),
    Column("reason", Text),
    needed("digest", String(64)),
    Index("ix_audit_entry_entity", "entity", "entity_id"),
)  # fmt: skip
Table("audit_head", SCHEMA, key("id", Integer), needed("sequence", Integer), needed("digest", String(64)))

APPEND_ONLY = ("fact", "attachment", "audit_entry")
# Every deadline met and every message sent leaves a dead row behind in the indexes the cycle reads four times a second.
BUSY = ("cmo_request", "notification", "clock", "process")


def upgrade() -> None:
    SCHEMA.create_all(op.get_bind(), checkfirst=False)
    op.execute(SCHEMA.tables["audit_head"].insert().values(id=1, sequence=0, digest="0" * 64))
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in APPEND_ONLY:
        (_refuse_changes if is_postgresql else _refuse_changes_in_sqlite)(table)
    if is_postgresql:
        for table in BUSY:
            op.execute(
                f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, "
                "autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.02)"
            )


def _refuse_changes(table: str) -> None:
    op.execute(
        f"CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_refuses_changes BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_is_append_only()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_append_only()"
    )


def _refuse_changes_in_sqlite(table: str) -> None:
    for event in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER {table}_refuses_{event} BEFORE {event.upper()} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def downgrade() -> None:
    raise Conflict("Every database begins with schema 0018; to start anew, name an empty database.")
