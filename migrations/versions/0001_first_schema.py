"""The first schema: parties, policies, requests with their facts, the outbox, access, the trail.

Facts and trail entries can be added and never changed or removed: the database itself refuses it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.String(length=64), nullable=False),
        sa.Column("by_name", sa.String(length=200), nullable=False),
        sa.Column("by_role", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.String(length=64), nullable=False),
        sa.Column("old", sa.JSON(), nullable=True),
        sa.Column("new", sa.JSON(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_entry")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index("ix_audit_entry_entity", ["entity", "entity_id"], unique=False)

    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "calendar",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("weekly", sa.JSON(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("subdivision", sa.String(length=10), nullable=True),
        sa.Column("closed_days", sa.JSON(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar")),
        sa.UniqueConstraint("name", name=op.f("uq_calendar_name")),
    )
    op.create_table(
        "frozen_terms",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_frozen_terms")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("caller", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name=op.f("pk_idempotency_key")),
    )
    with op.batch_alter_table("idempotency_key", schema=None) as batch_op:
        batch_op.create_index("ix_idempotency_key_made_at", ["made_at"], unique=False)

    op.create_table(
        "number_counter",
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("type", "year", name=op.f("pk_number_counter")),
    )
    op.create_table(
        "organization",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("slack_channel", sa.String(length=80), nullable=True),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('sponsor', 'cmo')", name=op.f("ck_organization_kind")),
        sa.CheckConstraint("status IN ('active', 'inactive')", name=op.f("ck_organization_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization")),
        sa.UniqueConstraint("name", name=op.f("uq_organization_name")),
    )
    op.create_table(
        "process",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("release", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beats", sa.Integer(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process")),
    )
    op.create_table(
        "setting",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_setting")),
    )
    op.create_table(
        "site",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=500), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("calendar_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('manufacturing', 'packaging', 'depot', 'laboratory')", name=op.f("ck_site_kind")),
        sa.CheckConstraint("status IN ('active', 'inactive')", name=op.f("ck_site_status")),
        sa.ForeignKeyConstraint(["calendar_id"], ["calendar.id"], name=op.f("fk_site_calendar_id_calendar")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_site_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        sa.UniqueConstraint("organization_id", "name", name=op.f("uq_site_organization_id_name")),
    )
    op.create_table(
        "person",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("email_key", sa.String(length=254), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("slack_user_id", sa.String(length=40), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("backup_id", sa.Uuid(), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("failed_sign_ins", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('invited', 'active', 'locked', 'disabled')", name=op.f("ck_person_status")),
        sa.ForeignKeyConstraint(["backup_id"], ["person.id"], name=op.f("fk_person_backup_id_person")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_person_organization_id_organization")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_person_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("email_key", name=op.f("uq_person_email_key")),
    )
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.create_index("ix_person_organization_id", ["organization_id"], unique=False)

    op.create_table(
        "api_key",
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("service_name", sa.String(length=80), nullable=True),
        sa.Column("service_roles", sa.JSON(), nullable=False),
        sa.Column("prefix", sa.String(length=12), nullable=False),
        sa.Column("secret_digest", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("(person_id IS NULL) <> (service_name IS NULL)", name=op.f("ck_api_key_one_owner")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_api_key_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("secret_digest", name=op.f("uq_api_key_secret_digest")),
    )
    op.create_table(
        "one_time_link",
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_one_time_link_person_id_person")),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_one_time_link")),
    )
    op.create_table(
        "project",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("product_codes", sa.JSON(), nullable=False),
        sa.Column("protocol_number", sa.String(length=80), nullable=True),
        sa.Column("blinded", sa.Boolean(), nullable=False),
        sa.Column("pm_id", sa.Uuid(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('active', 'inactive')", name=op.f("ck_project_status")),
        sa.ForeignKeyConstraint(["lead_id"], ["person.id"], name=op.f("fk_project_lead_id_person")),
        sa.ForeignKeyConstraint(["pm_id"], ["person.id"], name=op.f("fk_project_pm_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("code", name=op.f("uq_project_code")),
    )
    op.create_table(
        "sign_in",
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_sign_in_person_id_person")),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_sign_in")),
    )
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.create_index("ix_sign_in_person_id", ["person_id"], unique=False)

    op.create_table(
        "cmo_request",
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("cmo_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("filed_by_id", sa.Uuid(), nullable=True),
        sa.Column("priority", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("gxp", sa.Boolean(), nullable=False),
        sa.Column("cmo_reference", sa.String(length=80), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reopen_count", sa.Integer(), nullable=False),
        sa.Column("terms_digest", sa.String(length=64), nullable=False),
        sa.Column("fact_count", sa.Integer(), nullable=False),
        sa.Column("head_digest", sa.String(length=64), nullable=False),
        sa.Column("urgent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_checks", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("priority IN ('routine', 'urgent', 'critical')", name=op.f("ck_cmo_request_priority")),
        sa.CheckConstraint(
            "state IN ('filed', 'acknowledged', 'awaiting_sponsor', 'answered', 'declined', 'closed', 'cancelled')",
            name=op.f("ck_cmo_request_state"),
        ),
        sa.CheckConstraint("type IN ('shipment', 'data', 'inquiry')", name=op.f("ck_cmo_request_type")),
        sa.ForeignKeyConstraint(["cmo_id"], ["organization.id"], name=op.f("fk_cmo_request_cmo_id_organization")),
        sa.ForeignKeyConstraint(["contact_id"], ["person.id"], name=op.f("fk_cmo_request_contact_id_person")),
        sa.ForeignKeyConstraint(["filed_by_id"], ["person.id"], name=op.f("fk_cmo_request_filed_by_id_person")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_cmo_request_project_id_project")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_cmo_request_site_id_site")),
        sa.ForeignKeyConstraint(
            ["terms_digest"], ["frozen_terms.digest"], name=op.f("fk_cmo_request_terms_digest_frozen_terms")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cmo_request")),
        sa.UniqueConstraint("number", name=op.f("uq_cmo_request_number")),
    )
    with op.batch_alter_table("cmo_request", schema=None) as batch_op:
        batch_op.create_index("ix_cmo_request_cmo_id", ["cmo_id", "filed_at"], unique=False)
        batch_op.create_index("ix_cmo_request_filed_at", ["filed_at", "id"], unique=False)
        batch_op.create_index("ix_cmo_request_project_id", ["project_id", "filed_at"], unique=False)
        batch_op.create_index(
            "ix_cmo_request_standing",
            ["filed_at", "id"],
            unique=False,
            postgresql_where=sa.text("urgent_at IS NULL AND state NOT IN ('closed', 'cancelled')"),
            sqlite_where=sa.text("urgent_at IS NULL AND state NOT IN ('closed', 'cancelled')"),
        )
        batch_op.create_index("ix_cmo_request_urgent_at", ["urgent_at", "id"], unique=False)
        batch_op.create_index(
            "ix_cmo_request_wake_at",
            ["wake_at"],
            unique=False,
            postgresql_where=sa.text("wake_at IS NOT NULL"),
            sqlite_where=sa.text("wake_at IS NOT NULL"),
        )

    op.create_table(
        "policy",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=True),
        sa.Column("priority", sa.String(length=16), nullable=True),
        sa.Column("cmo_id", sa.Uuid(), nullable=True),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("clocks", sa.JSON(), nullable=False),
        sa.Column("ladder", sa.JSON(), nullable=False),
        sa.Column("agreement_clause", sa.String(length=200), nullable=True),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("effective_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("priority IN ('routine', 'urgent', 'critical')", name=op.f("ck_policy_priority")),
        sa.CheckConstraint("type IN ('shipment', 'data', 'inquiry')", name=op.f("ck_policy_type")),
        sa.CheckConstraint(
            "effective_to IS NULL OR effective_to > effective_from", name=op.f("ck_policy_effective_dates")
        ),
        sa.ForeignKeyConstraint(["cmo_id"], ["organization.id"], name=op.f("fk_policy_cmo_id_organization")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_policy_project_id_project")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_policy_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy")),
    )
    op.create_table(
        "project_cmo",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_project_cmo_organization_id_organization")
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_project_cmo_project_id_project")),
        sa.PrimaryKeyConstraint("project_id", "organization_id", name=op.f("pk_project_cmo")),
    )
    op.create_table(
        "clock",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("target_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("limit_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.CheckConstraint("kind IN ('acknowledgement', 'answer')", name=op.f("ck_clock_kind")),
        sa.CheckConstraint(
            "outcome IN ('running', 'met', 'late', 'breached', 'cancelled')", name=op.f("ck_clock_outcome")
        ),
        sa.ForeignKeyConstraint(["request_id"], ["cmo_request.id"], name=op.f("fk_clock_request_id_cmo_request")),
        sa.PrimaryKeyConstraint("request_id", "kind", name=op.f("pk_clock")),
    )
    op.create_table(
        "fact",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.String(length=64), nullable=False),
        sa.Column("by_name", sa.String(length=200), nullable=False),
        sa.Column("by_role", sa.String(length=20), nullable=False),
        sa.Column("recorded_by_id", sa.String(length=64), nullable=False),
        sa.Column("recorded_by_name", sa.String(length=200), nullable=False),
        sa.Column("recorded_by_role", sa.String(length=20), nullable=False),
        sa.Column("via", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "kind IN ('filed', 'acknowledged', 'asked', 'replied', 'answered', 'declined', 'followed_up', 'accepted', 'rejected', 'cancelled', 'taken')",
            name=op.f("ck_fact_kind"),
        ),
        sa.CheckConstraint(
            "via IN ('api', 'staff_page', 'web_form', 'phone_recorded', 'email_recorded', 'replay')",
            name=op.f("ck_fact_via"),
        ),
        sa.CheckConstraint("occurred_at <= recorded_at", name=op.f("ck_fact_told_after_it_happened")),
        sa.ForeignKeyConstraint(["request_id"], ["cmo_request.id"], name=op.f("fk_fact_request_id_cmo_request")),
        sa.PrimaryKeyConstraint("request_id", "sequence", name=op.f("pk_fact")),
    )
    op.create_table(
        "form_link",
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("minted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_form_link_person_id_person")),
        sa.ForeignKeyConstraint(["request_id"], ["cmo_request.id"], name=op.f("fk_form_link_request_id_cmo_request")),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_form_link")),
    )
    with op.batch_alter_table("form_link", schema=None) as batch_op:
        batch_op.create_index("ix_form_link_request_id", ["request_id"], unique=False)

    op.create_table(
        "notification",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dedupe_key", sa.String(length=255), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("clocks", sa.JSON(), nullable=False),
        sa.Column("fact_sequence", sa.Integer(), nullable=True),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("detail", sa.String(length=500), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_by", sa.Uuid(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.String(length=255), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("fallback_of", sa.Uuid(), nullable=True),
        sa.CheckConstraint("channel IN ('slack', 'email')", name=op.f("ck_notification_channel")),
        sa.CheckConstraint(
            "kind IN ('filed', 'reminder', 'target', 'limit', 'repeat', 'backup', 'step_3', 'step_4', 'closing', 'receipt', 'sponsor_acted', 'cmo_acted', 'fresh_link', 'not_reached', 'invitation', 'alarm', 'test')",
            name=op.f("ck_notification_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'unknown', 'sent', 'failed', 'suppressed')",
            name=op.f("ck_notification_state"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_notification_attempts")),
        sa.ForeignKeyConstraint(
            ["fallback_of"], ["notification.id"], name=op.f("fk_notification_fallback_of_notification")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_notification_person_id_person")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["cmo_request.id"], name=op.f("fk_notification_request_id_cmo_request")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_notification_dedupe_key")),
    )
    with op.batch_alter_table("notification", schema=None) as batch_op:
        batch_op.create_index(
            "ix_notification_failed",
            ["queued_at"],
            unique=False,
            postgresql_where=sa.text("state = 'failed'"),
            sqlite_where=sa.text("state = 'failed'"),
        )
        batch_op.create_index("ix_notification_request_id", ["request_id"], unique=False)
        batch_op.create_index(
            "ix_notification_sending",
            ["taken_by"],
            unique=False,
            postgresql_where=sa.text("state = 'sending'"),
            sqlite_where=sa.text("state = 'sending'"),
        )
        batch_op.create_index(
            "ix_notification_waiting",
            ["next_attempt_at"],
            unique=False,
            postgresql_where=sa.text("state IN ('queued', 'unknown')"),
            sqlite_where=sa.text("state IN ('queued', 'unknown')"),
        )

    op.create_table(
        "attempt",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["notification_id"], ["notification.id"], name=op.f("fk_attempt_notification_id_notification")
        ),
        sa.PrimaryKeyConstraint("notification_id", "number", name=op.f("pk_attempt")),
    )
    op.create_table(
        "crossing",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("clock", sa.String(length=20), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("crossed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notified", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("rescinded_reason", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "level IN ('reminder', 'target', 'limit', 'repeat', 'backup', 'step_3', 'step_4')",
            name=op.f("ck_crossing_level"),
        ),
        sa.CheckConstraint("status IN ('open', 'rescinded')", name=op.f("ck_crossing_status")),
        sa.ForeignKeyConstraint(
            ["request_id", "clock"], ["clock.request_id", "clock.kind"], name=op.f("fk_crossing_request_id_clock_clock")
        ),
        sa.PrimaryKeyConstraint("request_id", "clock", "level", "crossed_at", name=op.f("pk_crossing")),
    )
    with op.batch_alter_table("organization") as batch_op:  # organizations have leads, people have organizations
        batch_op.create_foreign_key("fk_organization_lead_id_person", "person", ["lead_id"], ["id"])
    op.execute(
        sa.text("INSERT INTO audit_head (id, sequence, digest) VALUES (1, 0, :genesis)").bindparams(genesis="0" * 64)
    )
    for table in APPEND_ONLY:
        _refuse_changes(table)


APPEND_ONLY = ("fact", "audit_entry")


def _refuse_changes(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for event in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{event} BEFORE {event.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
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


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        for table in APPEND_ONLY:
            op.execute(f"DROP FUNCTION {table}_is_append_only() CASCADE")
    with op.batch_alter_table("organization") as batch_op:
        batch_op.drop_constraint("fk_organization_lead_id_person", type_="foreignkey")
    op.drop_table("crossing")
    op.drop_table("attempt")
    with op.batch_alter_table("notification", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_notification_waiting",
            postgresql_where=sa.text("state IN ('queued', 'unknown')"),
            sqlite_where=sa.text("state IN ('queued', 'unknown')"),
        )
        batch_op.drop_index(
            "ix_notification_sending",
            postgresql_where=sa.text("state = 'sending'"),
            sqlite_where=sa.text("state = 'sending'"),
        )
        batch_op.drop_index("ix_notification_request_id")
        batch_op.drop_index(
            "ix_notification_failed",
            postgresql_where=sa.text("state = 'failed'"),
            sqlite_where=sa.text("state = 'failed'"),
        )

    op.drop_table("notification")
    with op.batch_alter_table("form_link", schema=None) as batch_op:
        batch_op.drop_index("ix_form_link_request_id")

    op.drop_table("form_link")
    op.drop_table("fact")
    op.drop_table("clock")
    op.drop_table("project_cmo")
    op.drop_table("policy")
    with op.batch_alter_table("cmo_request", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_cmo_request_wake_at",
            postgresql_where=sa.text("wake_at IS NOT NULL"),
            sqlite_where=sa.text("wake_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_cmo_request_urgent_at")
        batch_op.drop_index(
            "ix_cmo_request_standing",
            postgresql_where=sa.text("urgent_at IS NULL AND state NOT IN ('closed', 'cancelled')"),
            sqlite_where=sa.text("urgent_at IS NULL AND state NOT IN ('closed', 'cancelled')"),
        )
        batch_op.drop_index("ix_cmo_request_project_id")
        batch_op.drop_index("ix_cmo_request_filed_at")
        batch_op.drop_index("ix_cmo_request_cmo_id")

    op.drop_table("cmo_request")
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.drop_index("ix_sign_in_person_id")

    op.drop_table("sign_in")
    op.drop_table("project")
    op.drop_table("one_time_link")
    op.drop_table("api_key")
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_index("ix_person_organization_id")

    op.drop_table("person")
    op.drop_table("site")
    op.drop_table("setting")
    op.drop_table("process")
    op.drop_table("organization")
    op.drop_table("number_counter")
    with op.batch_alter_table("idempotency_key", schema=None) as batch_op:
        batch_op.drop_index("ix_idempotency_key_made_at")

    op.drop_table("idempotency_key")
    op.drop_table("frozen_terms")
    op.drop_table("calendar")
    op.drop_table("audit_head")
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_entry_entity")

    op.drop_table("audit_entry")
