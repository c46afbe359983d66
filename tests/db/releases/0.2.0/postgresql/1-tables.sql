COMMENT ON SCHEMA public IS '';
CREATE FUNCTION public.attachment_is_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'attachment is append-only'; END $$;
CREATE FUNCTION public.audit_entry_is_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'audit_entry is append-only'; END $$;
CREATE FUNCTION public.fact_is_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'fact is append-only'; END $$;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.api_key (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by character varying(64) NOT NULL,
    version integer NOT NULL,
    person_id uuid,
    service_name character varying(80),
    service_roles json NOT NULL,
    prefix character varying(12) NOT NULL,
    secret_digest character varying(64) NOT NULL,
    scopes json NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT ck_api_key_one_owner CHECK (((person_id IS NULL) <> (service_name IS NULL)))
);
CREATE TABLE public.attachment (
    id uuid NOT NULL,
    request_id uuid NOT NULL,
    name character varying(200) NOT NULL,
    media_type character varying(100) NOT NULL,
    size integer NOT NULL,
    sha256 character varying(64) NOT NULL,
    uploaded_by_id character varying(64) NOT NULL,
    uploaded_by_name character varying(200) NOT NULL,
    uploaded_by_role character varying(20) NOT NULL,
    via character varying(20) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_attachment_size CHECK ((size > 0)),
    CONSTRAINT ck_attachment_via CHECK (((via)::text = ANY ((ARRAY['api'::character varying, 'staff_page'::character varying, 'web_form'::character varying, 'phone_recorded'::character varying, 'email_recorded'::character varying, 'replay'::character varying, 'system'::character varying])::text[])))
);
CREATE TABLE public.attempt (
    notification_id uuid NOT NULL,
    number integer NOT NULL,
    began_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    outcome character varying(20),
    error character varying(500)
);
CREATE TABLE public.audit_entry (
    sequence integer NOT NULL,
    at timestamp with time zone NOT NULL,
    by_id character varying(64) NOT NULL,
    by_name character varying(200) NOT NULL,
    by_role character varying(20) NOT NULL,
    action character varying(32) NOT NULL,
    entity character varying(40) NOT NULL,
    entity_id character varying(64) NOT NULL,
    old json,
    new json,
    reason text,
    digest character varying(64) NOT NULL
);
CREATE TABLE public.audit_head (
    id integer NOT NULL,
    sequence integer NOT NULL,
    digest character varying(64) NOT NULL
);
CREATE TABLE public.audited_cmo (
    person_id uuid NOT NULL,
    organization_id uuid NOT NULL
);
CREATE TABLE public.audited_project (
    person_id uuid NOT NULL,
    project_id uuid NOT NULL
);
CREATE TABLE public.calendar (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by character varying(64) NOT NULL,
    version integer NOT NULL,
    name character varying(200) NOT NULL,
    name_key character varying(600),
    name_rank integer DEFAULT 0 NOT NULL,
    weekly json NOT NULL,
    country character varying(2),
    subdivision character varying(10),
    closed_days json NOT NULL,
    opening_days json DEFAULT '[]'::json NOT NULL
);
CREATE TABLE public.clock (
    request_id uuid NOT NULL,
    kind character varying(24) NOT NULL,
    generation integer NOT NULL,
    started_at timestamp with time zone NOT NULL,
    target_at timestamp with time zone,
    limit_at timestamp with time zone,
    paused_since timestamp with time zone,
    stopped_at timestamp with time zone,
    outcome character varying(16) NOT NULL,
    CONSTRAINT ck_clock_kind CHECK (((kind)::text = ANY ((ARRAY['acknowledgement'::character varying, 'answer'::character varying, 'order_confirmation'::character varying, 'reply'::character varying, 'dispatch_confirmation'::character varying, 'delivery_confirmation'::character varying, 'fulfilment'::character varying, 'promise'::character varying, 'sponsor'::character varying, 'excursion_decision'::character varying])::text[]))),
    CONSTRAINT ck_clock_outcome CHECK (((outcome)::text = ANY ((ARRAY['running'::character varying, 'met'::character varying, 'late'::character varying, 'breached'::character varying, 'cancelled'::character varying])::text[])))
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0', autovacuum_analyze_scale_factor='0.02');
CREATE TABLE public.cmo_request (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by character varying(64) NOT NULL,
    version integer NOT NULL,
    number character varying(16) NOT NULL,
    type character varying(16) NOT NULL,
    project_id uuid NOT NULL,
    cmo_id uuid NOT NULL,
    site_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    filed_by_id uuid,
    priority character varying(16) NOT NULL,
    subject character varying(200) NOT NULL,
    description text NOT NULL,
    gxp boolean NOT NULL,
    cmo_reference character varying(80),
    due_on date,
    expected_on date,
    parent_id uuid,
    detail json NOT NULL,
    state character varying(20) NOT NULL,
    filed_at timestamp with time zone NOT NULL,
    reopen_count integer NOT NULL,
    terms_digest character varying(64) NOT NULL,
    fact_count integer NOT NULL,
    head_digest character varying(64) NOT NULL,
    urgent_at timestamp with time zone,
    next_check_at timestamp with time zone,
    wake_at timestamp with time zone,
    failed_checks integer NOT NULL,
    CONSTRAINT ck_cmo_request_priority CHECK (((priority)::text = ANY ((ARRAY['routine'::character varying, 'urgent'::character varying, 'critical'::character varying])::text[]))),
    CONSTRAINT ck_cmo_request_state CHECK (((state)::text = ANY ((ARRAY['filed'::character varying, 'acknowledged'::character varying, 'awaiting_sponsor'::character varying, 'partly_answered'::character varying, 'answered'::character varying, 'confirmed'::character varying, 'partly_dispatched'::character varying, 'dispatched'::character varying, 'partly_delivered'::character varying, 'delivered'::character varying, 'in_review'::character varying, 'declined'::character varying, 'closed'::character varying, 'cancelled'::character varying])::text[]))),
    CONSTRAINT ck_cmo_request_type CHECK (((type)::text = ANY ((ARRAY['shipment'::character varying, 'data'::character varying, 'inquiry'::character varying])::text[])))
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0', autovacuum_analyze_scale_factor='0.02');
CREATE TABLE public.crossing (
    request_id uuid NOT NULL,
    clock character varying(24) NOT NULL,
    generation integer NOT NULL,
    step character varying(40) NOT NULL,
    crossed_at timestamp with time zone NOT NULL,
    level character varying(16) NOT NULL,
    detected_at timestamp with time zone NOT NULL,
    notified boolean NOT NULL,
    untold boolean NOT NULL,
    status character varying(16) NOT NULL,
    rescinded_reason character varying(200),
    CONSTRAINT ck_crossing_level CHECK (((level)::text = ANY ((ARRAY['reminder'::character varying, 'target'::character varying, 'limit'::character varying, 'repeat'::character varying, 'backup'::character varying, 'step_3'::character varying, 'step_4'::character varying])::text[]))),
    CONSTRAINT ck_crossing_status CHECK (((status)::text = ANY ((ARRAY['open'::character varying, 'rescinded'::character varying])::text[])))
);
CREATE TABLE public.draft (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by character varying(64) NOT NULL,
    version integer NOT NULL,
    content json NOT NULL,
    changed_at timestamp with time zone NOT NULL
);
CREATE TABLE public.fact (
    request_id uuid NOT NULL,
    sequence integer NOT NULL,
    kind character varying(20) NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    by_id character varying(64) NOT NULL,
    by_name character varying(200) NOT NULL,
    by_role character varying(20) NOT NULL,
    recorded_by_id character varying(64) NOT NULL,
    recorded_by_name character varying(200) NOT NULL,
    recorded_by_role character varying(20) NOT NULL,
    via character varying(20) NOT NULL,
    reason text,
    content json NOT NULL,
    digest character varying(64) NOT NULL,
    CONSTRAINT ck_fact_kind CHECK (((kind)::text = ANY ((ARRAY['filed'::character varying, 'acknowledged'::character varying, 'asked'::character varying, 'replied'::character varying, 'answered'::character varying, 'declined'::character varying, 'followed_up'::character varying, 'accepted'::character varying, 'rejected'::character varying, 'cancelled'::character varying, 'taken'::character varying, 'responded'::character varying, 'reopened'::character varying, 'order_confirmed'::character varying, 'date_proposed'::character varying, 'date_agreed'::character varying, 'date_refused'::character varying, 'packed'::character varying, 'dispatched'::character varying, 'delivered'::character varying, 'lost'::character varying, 'decided'::character varying, 'waiting'::character varying, 'resumed'::character varying, 'amended'::character varying, 'corrected'::character varying, 'handed_on'::character varying, 'terms_changed'::character varying, 'address_changed'::character varying])::text[]))),
    CONSTRAINT ck_fact_told_after_it_happened CHECK ((occurred_at <= recorded_at)),
    CONSTRAINT ck_fact_via CHECK (((via)::text = ANY ((ARRAY['api'::character varying, 'staff_page'::character varying, 'web_form'::character varying, 'phone_recorded'::character varying, 'email_recorded'::character varying, 'replay'::character varying, 'system'::character varying])::text[])))
);
CREATE TABLE public.form_link (
    token_digest character varying(64) NOT NULL,
    request_id uuid NOT NULL,
    person_id uuid NOT NULL,
    minted_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    access_generation integer DEFAULT 0 NOT NULL
);
CREATE TABLE public.former_password (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    password_hash character varying(200) NOT NULL,
    replaced_at timestamp with time zone NOT NULL
);
CREATE TABLE public.frozen_terms (
    digest character varying(64) NOT NULL,
    content json NOT NULL
);
CREATE TABLE public.idempotency_key (
    caller character varying(80) NOT NULL,
    key character varying(255) NOT NULL,
    fingerprint character varying(64) NOT NULL,
    status integer NOT NULL,
    headers json NOT NULL,
    body text NOT NULL,
    made_at timestamp with time zone NOT NULL
);
CREATE TABLE public.notification (
    id uuid NOT NULL,
    dedupe_key character varying(255) NOT NULL,
    request_id uuid,
    person_id uuid,
    kind character varying(16) NOT NULL,
    clocks json NOT NULL,
    crossed_at timestamp with time zone,
    fact_sequence integer,
    channel character varying(8) NOT NULL,
    address character varying(254) NOT NULL,
    detail character varying(500),
    closes_at timestamp with time zone,
    told_as character varying(40),
    instead_of character varying(300),
    redirected_to character varying(254),
    state character varying(12) NOT NULL,
    attempts integer NOT NULL,
    queued_at timestamp with time zone NOT NULL,
    next_attempt_at timestamp with time zone NOT NULL,
    first_attempt_at timestamp with time zone,
    taken_by uuid,
    sent_at timestamp with time zone,
    provider_id character varying(255),
    error character varying(500),
    fallback_of uuid,
    digest_id uuid,
    withdrawn_by uuid,
    trace_id character varying(64),
    CONSTRAINT ck_notification_attempts CHECK ((attempts >= 0)),
    CONSTRAINT ck_notification_channel CHECK (((channel)::text = ANY ((ARRAY['slack'::character varying, 'email'::character varying])::text[]))),
    CONSTRAINT ck_notification_state CHECK (((state)::text = ANY ((ARRAY['queued'::character varying, 'sending'::character varying, 'unknown'::character varying, 'folded'::character varying, 'sent'::character varying, 'failed'::character varying, 'suppressed'::character varying])::text[])))
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0', autovacuum_analyze_scale_factor='0.02');
CREATE TABLE public.number_counter (
    type character varying(16) NOT NULL,
    year integer NOT NULL,
    last integer NOT NULL
);
CREATE TABLE public.one_time_link (
    token_digest character varying(64) NOT NULL,
    person_id uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    shown_to character varying(250),
    access_generation integer DEFAULT 0 NOT NULL
);
CREATE TABLE public.organization (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by character varying(64) NOT NULL,
    version integer NOT NULL,
    name character varying(200) NOT NULL,
    name_key character varying(600),
    name_rank integer DEFAULT 0 NOT NULL,
    kind character varying(16) NOT NULL,
    status character varying(16) NOT NULL,
    slack_channel character varying(80),
    lead_id uuid,
    CONSTRAINT ck_organization_kind CHECK (((kind)::text = ANY ((ARRAY['sponsor'::character varying, 'cmo'::character varying])::text[]))),
    CONSTRAINT ck_organization_status CHECK (((status)::text = ANY ((ARRAY['active'::character varying, 'inactive'::character varying])::text[])))
);
CREATE TABLE public.person (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by character varying(64) NOT NULL,
    version integer NOT NULL,
    organization_id uuid NOT NULL,
    name character varying(200) NOT NULL,
    email character varying(254) NOT NULL,
    email_key character varying(254) NOT NULL,
    roles json NOT NULL,
    slack_user_id character varying(40),
    time_zone character varying(64) NOT NULL,
    status character varying(16) NOT NULL,
    backup_id uuid,
    password_hash character varying(200),
    access_generation integer DEFAULT 0 NOT NULL,
    CONSTRAINT ck_person_status CHECK (((status)::text = ANY ((ARRAY['invited'::character varying, 'active'::character varying, 'locked'::character varying, 'disabled'::character varying])::text[])))
);
CREATE TABLE public.person_site (
    person_id uuid NOT NULL,
    site_id uuid NOT NULL
);
CREATE TABLE public.policy (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by character varying(64) NOT NULL,
    version integer NOT NULL,
    name character varying(200) NOT NULL,
    type character varying(16),
    kind character varying(32),
    priority character varying(16),
    cmo_id uuid,
    site_id uuid,
    project_id uuid,
    clocks json NOT NULL,
    ladder json NOT NULL,
    agreement_clause character varying(200),
    effective_from timestamp with time zone NOT NULL,
    effective_to timestamp with time zone,
    review_due_on date,
    owner_id uuid,
    former_of uuid,
    CONSTRAINT ck_policy_effective_dates CHECK (((effective_to IS NULL) OR (effective_to > effective_from))),
    CONSTRAINT ck_policy_priority CHECK (((priority)::text = ANY ((ARRAY['routine'::character varying, 'urgent'::character varying, 'critical'::character varying])::text[]))),
    CONSTRAINT ck_policy_type CHECK (((type)::text = ANY ((ARRAY['shipment'::character varying, 'data'::character varying, 'inquiry'::character varying])::text[])))
);
CREATE TABLE public.process (
    id uuid NOT NULL,
    kind character varying(16) NOT NULL,
    host character varying(255) NOT NULL,
    release character varying(32) NOT NULL,
    started_at timestamp with time zone NOT NULL,
    beat_at timestamp with time zone NOT NULL,
    beats integer NOT NULL,
    state json NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0', autovacuum_analyze_scale_factor='0.02');
CREATE TABLE public.project (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by character varying(64) NOT NULL,
    version integer NOT NULL,
    code character varying(40) NOT NULL,
    name_key character varying(600),
    name_rank integer DEFAULT 0 NOT NULL,
    name character varying(200) NOT NULL,
    product_codes json NOT NULL,
    protocol_number character varying(80),
    blinded boolean NOT NULL,
    restricted boolean DEFAULT false NOT NULL,
    pm_id uuid NOT NULL,
    lead_id uuid,
    status character varying(16) NOT NULL,
    CONSTRAINT ck_project_status CHECK (((status)::text = ANY ((ARRAY['active'::character varying, 'inactive'::character varying])::text[])))
);
CREATE TABLE public.project_cmo (
    project_id uuid NOT NULL,
    organization_id uuid NOT NULL
);
CREATE TABLE public.setting (
    name character varying(40) NOT NULL,
    value json NOT NULL
);
CREATE TABLE public.shutdown (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by character varying(64) NOT NULL,
    version integer NOT NULL,
    site_id uuid NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    name character varying(200) NOT NULL,
    announced_by character varying(200) NOT NULL,
    announced_at timestamp with time zone NOT NULL,
    status character varying(16) NOT NULL,
    decided_by character varying(64),
    decided_at timestamp with time zone,
    reason text,
    CONSTRAINT ck_shutdown_days_in_order CHECK ((first_day <= last_day)),
    CONSTRAINT ck_shutdown_status CHECK (((status)::text = ANY ((ARRAY['announced'::character varying, 'agreed'::character varying, 'refused'::character varying])::text[])))
);
CREATE TABLE public.sign_in (
    token_digest character varying(64) NOT NULL,
    person_id uuid NOT NULL,
    began_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    access_generation integer DEFAULT 0 NOT NULL
);
CREATE TABLE public.sign_in_try (
    id uuid NOT NULL,
    address_digest character varying(64) NOT NULL,
    network character varying(64) NOT NULL,
    kind character varying(16) NOT NULL,
    tried_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_sign_in_try_kind CHECK (((kind)::text = ANY ((ARRAY['failed'::character varying, 'link_asked'::character varying])::text[])))
);
CREATE TABLE public.site (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by character varying(64) NOT NULL,
    version integer NOT NULL,
    organization_id uuid NOT NULL,
    name character varying(200) NOT NULL,
    name_key character varying(600),
    name_rank integer DEFAULT 0 NOT NULL,
    address character varying(500),
    country character varying(2) NOT NULL,
    time_zone character varying(64) NOT NULL,
    calendar_id uuid,
    kind character varying(16) NOT NULL,
    status character varying(16) NOT NULL,
    CONSTRAINT ck_site_kind CHECK (((kind)::text = ANY ((ARRAY['manufacturing'::character varying, 'packaging'::character varying, 'depot'::character varying, 'laboratory'::character varying])::text[]))),
    CONSTRAINT ck_site_status CHECK (((status)::text = ANY ((ARRAY['active'::character varying, 'inactive'::character varying])::text[])))
);
