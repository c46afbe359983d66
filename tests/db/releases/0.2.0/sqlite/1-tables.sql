CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE api_key (
	id CHAR(32) NOT NULL, 
	created_at DATETIME NOT NULL, 
	created_by VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	person_id CHAR(32), 
	service_name VARCHAR(80), 
	service_roles JSON NOT NULL, 
	prefix VARCHAR(12) NOT NULL, 
	secret_digest VARCHAR(64) NOT NULL, 
	scopes JSON NOT NULL, 
	revoked_at DATETIME, 
	CONSTRAINT pk_api_key PRIMARY KEY (id), 
	CONSTRAINT ck_api_key_one_owner CHECK ((person_id IS NULL) <> (service_name IS NULL)), 
	CONSTRAINT uq_api_key_secret_digest UNIQUE (secret_digest), 
	CONSTRAINT fk_api_key_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE attachment (
	id CHAR(32) NOT NULL, 
	request_id CHAR(32) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	media_type VARCHAR(100) NOT NULL, 
	size INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	uploaded_by_id VARCHAR(64) NOT NULL, 
	uploaded_by_name VARCHAR(200) NOT NULL, 
	uploaded_by_role VARCHAR(20) NOT NULL, 
	via VARCHAR(20) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_attachment PRIMARY KEY (id), 
	CONSTRAINT ck_attachment_via CHECK (via IN ('api', 'staff_page', 'web_form', 'phone_recorded', 'email_recorded', 'replay', 'system')), 
	CONSTRAINT ck_attachment_size CHECK (size > 0), 
	CONSTRAINT uq_attachment_request_id_sha256_name UNIQUE (request_id, sha256, name), 
	CONSTRAINT fk_attachment_request_id_cmo_request FOREIGN KEY(request_id) REFERENCES cmo_request (id)
);
CREATE TABLE attempt (
	notification_id CHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	began_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	outcome VARCHAR(20), 
	error VARCHAR(500), 
	CONSTRAINT pk_attempt PRIMARY KEY (notification_id, number), 
	CONSTRAINT fk_attempt_notification_id_notification FOREIGN KEY(notification_id) REFERENCES notification (id)
);
CREATE TABLE audit_entry (
	sequence INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	by_id VARCHAR(64) NOT NULL, 
	by_name VARCHAR(200) NOT NULL, 
	by_role VARCHAR(20) NOT NULL, 
	action VARCHAR(32) NOT NULL, 
	entity VARCHAR(40) NOT NULL, 
	entity_id VARCHAR(64) NOT NULL, 
	old JSON, 
	new JSON, 
	reason TEXT, 
	digest VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_audit_entry PRIMARY KEY (sequence)
);
CREATE TABLE audit_head (
	id INTEGER NOT NULL, 
	sequence INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_audit_head PRIMARY KEY (id)
);
CREATE TABLE audited_cmo (
	person_id CHAR(32) NOT NULL, 
	organization_id CHAR(32) NOT NULL, 
	CONSTRAINT pk_audited_cmo PRIMARY KEY (person_id, organization_id), 
	CONSTRAINT fk_audited_cmo_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_audited_cmo_organization_id_organization FOREIGN KEY(organization_id) REFERENCES organization (id)
);
CREATE TABLE audited_project (
	person_id CHAR(32) NOT NULL, 
	project_id CHAR(32) NOT NULL, 
	CONSTRAINT pk_audited_project PRIMARY KEY (person_id, project_id), 
	CONSTRAINT fk_audited_project_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_audited_project_project_id_project FOREIGN KEY(project_id) REFERENCES project (id)
);
CREATE TABLE calendar (
	id CHAR(32) NOT NULL, 
	created_at DATETIME NOT NULL, 
	created_by VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	name_key VARCHAR(600), 
	name_rank INTEGER DEFAULT 0 NOT NULL, 
	weekly JSON NOT NULL, 
	country VARCHAR(2), 
	subdivision VARCHAR(10), 
	closed_days JSON NOT NULL, 
	opening_days JSON DEFAULT '[]' NOT NULL, 
	CONSTRAINT pk_calendar PRIMARY KEY (id), 
	CONSTRAINT uq_calendar_name UNIQUE (name)
);
CREATE TABLE clock (
	request_id CHAR(32) NOT NULL, 
	kind VARCHAR(24) NOT NULL, 
	generation INTEGER NOT NULL, 
	started_at DATETIME NOT NULL, 
	target_at DATETIME, 
	limit_at DATETIME, 
	paused_since DATETIME, 
	stopped_at DATETIME, 
	outcome VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_clock PRIMARY KEY (request_id, kind, generation), 
	CONSTRAINT ck_clock_kind CHECK (kind IN ('acknowledgement', 'answer', 'order_confirmation', 'reply', 'dispatch_confirmation', 'delivery_confirmation', 'fulfilment', 'promise', 'sponsor', 'excursion_decision')), 
	CONSTRAINT ck_clock_outcome CHECK (outcome IN ('running', 'met', 'late', 'breached', 'cancelled')), 
	CONSTRAINT fk_clock_request_id_cmo_request FOREIGN KEY(request_id) REFERENCES cmo_request (id)
);
CREATE TABLE cmo_request (
	id CHAR(32) NOT NULL, 
	created_at DATETIME NOT NULL, 
	created_by VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	number VARCHAR(16) NOT NULL, 
	type VARCHAR(16) NOT NULL, 
	project_id CHAR(32) NOT NULL, 
	cmo_id CHAR(32) NOT NULL, 
	site_id CHAR(32) NOT NULL, 
	contact_id CHAR(32) NOT NULL, 
	filed_by_id CHAR(32), 
	priority VARCHAR(16) NOT NULL, 
	subject VARCHAR(200) NOT NULL, 
	description TEXT NOT NULL, 
	gxp BOOLEAN NOT NULL, 
	cmo_reference VARCHAR(80), 
	due_on DATE, 
	expected_on DATE, 
	parent_id CHAR(32), 
	detail JSON NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	filed_at DATETIME NOT NULL, 
	reopen_count INTEGER NOT NULL, 
	terms_digest VARCHAR(64) NOT NULL, 
	fact_count INTEGER NOT NULL, 
	head_digest VARCHAR(64) NOT NULL, 
	urgent_at DATETIME, 
	next_check_at DATETIME, 
	wake_at DATETIME, 
	failed_checks INTEGER NOT NULL, 
	CONSTRAINT pk_cmo_request PRIMARY KEY (id), 
	CONSTRAINT ck_cmo_request_type CHECK (type IN ('shipment', 'data', 'inquiry')), 
	CONSTRAINT ck_cmo_request_priority CHECK (priority IN ('routine', 'urgent', 'critical')), 
	CONSTRAINT ck_cmo_request_state CHECK (state IN ('filed', 'acknowledged', 'awaiting_sponsor', 'partly_answered', 'answered', 'confirmed', 'partly_dispatched', 'dispatched', 'partly_delivered', 'delivered', 'in_review', 'declined', 'closed', 'cancelled')), 
	CONSTRAINT uq_cmo_request_number UNIQUE (number), 
	CONSTRAINT fk_cmo_request_project_id_project FOREIGN KEY(project_id) REFERENCES project (id), 
	CONSTRAINT fk_cmo_request_cmo_id_organization FOREIGN KEY(cmo_id) REFERENCES organization (id), 
	CONSTRAINT fk_cmo_request_site_id_site FOREIGN KEY(site_id) REFERENCES site (id), 
	CONSTRAINT fk_cmo_request_contact_id_person FOREIGN KEY(contact_id) REFERENCES person (id), 
	CONSTRAINT fk_cmo_request_filed_by_id_person FOREIGN KEY(filed_by_id) REFERENCES person (id), 
	CONSTRAINT fk_cmo_request_parent_id_cmo_request FOREIGN KEY(parent_id) REFERENCES cmo_request (id), 
	CONSTRAINT fk_cmo_request_terms_digest_frozen_terms FOREIGN KEY(terms_digest) REFERENCES frozen_terms (digest)
);
CREATE TABLE crossing (
	request_id CHAR(32) NOT NULL, 
	clock VARCHAR(24) NOT NULL, 
	generation INTEGER NOT NULL, 
	step VARCHAR(40) NOT NULL, 
	crossed_at DATETIME NOT NULL, 
	level VARCHAR(16) NOT NULL, 
	detected_at DATETIME NOT NULL, 
	notified BOOLEAN NOT NULL, 
	untold BOOLEAN NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	rescinded_reason VARCHAR(200), 
	CONSTRAINT pk_crossing PRIMARY KEY (request_id, clock, generation, step, crossed_at), 
	CONSTRAINT ck_crossing_level CHECK (level IN ('reminder', 'target', 'limit', 'repeat', 'backup', 'step_3', 'step_4')), 
	CONSTRAINT ck_crossing_status CHECK (status IN ('open', 'rescinded')), 
	CONSTRAINT fk_crossing_request_id_clock_clock FOREIGN KEY(request_id, clock, generation) REFERENCES clock (request_id, kind, generation)
);
CREATE TABLE draft (
	id CHAR(32) NOT NULL, 
	created_at DATETIME NOT NULL, 
	created_by VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	content JSON NOT NULL, 
	changed_at DATETIME NOT NULL, 
	CONSTRAINT pk_draft PRIMARY KEY (id)
);
CREATE TABLE fact (
	request_id CHAR(32) NOT NULL, 
	sequence INTEGER NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	occurred_at DATETIME NOT NULL, 
	recorded_at DATETIME NOT NULL, 
	by_id VARCHAR(64) NOT NULL, 
	by_name VARCHAR(200) NOT NULL, 
	by_role VARCHAR(20) NOT NULL, 
	recorded_by_id VARCHAR(64) NOT NULL, 
	recorded_by_name VARCHAR(200) NOT NULL, 
	recorded_by_role VARCHAR(20) NOT NULL, 
	via VARCHAR(20) NOT NULL, 
	reason TEXT, 
	content JSON NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_fact PRIMARY KEY (request_id, sequence), 
	CONSTRAINT ck_fact_via CHECK (via IN ('api', 'staff_page', 'web_form', 'phone_recorded', 'email_recorded', 'replay', 'system')), 
	CONSTRAINT ck_fact_kind CHECK (kind IN ('filed', 'acknowledged', 'asked', 'replied', 'answered', 'declined', 'followed_up', 'accepted', 'rejected', 'cancelled', 'taken', 'responded', 'reopened', 'order_confirmed', 'date_proposed', 'date_agreed', 'date_refused', 'packed', 'dispatched', 'delivered', 'lost', 'decided', 'waiting', 'resumed', 'amended', 'corrected', 'handed_on', 'terms_changed', 'address_changed')), 
	CONSTRAINT ck_fact_told_after_it_happened CHECK (occurred_at <= recorded_at), 
	CONSTRAINT fk_fact_request_id_cmo_request FOREIGN KEY(request_id) REFERENCES cmo_request (id)
);
CREATE TABLE form_link (
	token_digest VARCHAR(64) NOT NULL, 
	request_id CHAR(32) NOT NULL, 
	person_id CHAR(32) NOT NULL, 
	minted_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	revoked_at DATETIME, 
	access_generation INTEGER DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_form_link PRIMARY KEY (token_digest), 
	CONSTRAINT fk_form_link_request_id_cmo_request FOREIGN KEY(request_id) REFERENCES cmo_request (id), 
	CONSTRAINT fk_form_link_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE former_password (
	id CHAR(32) NOT NULL, 
	person_id CHAR(32) NOT NULL, 
	password_hash VARCHAR(200) NOT NULL, 
	replaced_at DATETIME NOT NULL, 
	CONSTRAINT pk_former_password PRIMARY KEY (id), 
	CONSTRAINT fk_former_password_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE frozen_terms (
	digest VARCHAR(64) NOT NULL, 
	content JSON NOT NULL, 
	CONSTRAINT pk_frozen_terms PRIMARY KEY (digest)
);
CREATE TABLE idempotency_key (
	caller VARCHAR(80) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	status INTEGER NOT NULL, 
	headers JSON NOT NULL, 
	body TEXT NOT NULL, 
	made_at DATETIME NOT NULL, 
	CONSTRAINT pk_idempotency_key PRIMARY KEY (caller, "key")
);
CREATE TABLE notification (
	id CHAR(32) NOT NULL, 
	dedupe_key VARCHAR(255) NOT NULL, 
	request_id CHAR(32), 
	person_id CHAR(32), 
	kind VARCHAR(16) NOT NULL, 
	clocks JSON NOT NULL, 
	crossed_at DATETIME, 
	fact_sequence INTEGER, 
	channel VARCHAR(8) NOT NULL, 
	address VARCHAR(254) NOT NULL, 
	detail VARCHAR(500), 
	closes_at DATETIME, 
	told_as VARCHAR(40), 
	instead_of VARCHAR(300), 
	redirected_to VARCHAR(254), 
	state VARCHAR(12) NOT NULL, 
	attempts INTEGER NOT NULL, 
	queued_at DATETIME NOT NULL, 
	next_attempt_at DATETIME NOT NULL, 
	first_attempt_at DATETIME, 
	taken_by CHAR(32), 
	sent_at DATETIME, 
	provider_id VARCHAR(255), 
	error VARCHAR(500), 
	fallback_of CHAR(32), 
	digest_id CHAR(32), 
	withdrawn_by CHAR(32), 
	trace_id VARCHAR(64), 
	CONSTRAINT pk_notification PRIMARY KEY (id), 
	CONSTRAINT ck_notification_channel CHECK (channel IN ('slack', 'email')), 
	CONSTRAINT ck_notification_state CHECK (state IN ('queued', 'sending', 'unknown', 'folded', 'sent', 'failed', 'suppressed')), 
	CONSTRAINT ck_notification_attempts CHECK (attempts >= 0), 
	CONSTRAINT uq_notification_dedupe_key UNIQUE (dedupe_key), 
	CONSTRAINT fk_notification_request_id_cmo_request FOREIGN KEY(request_id) REFERENCES cmo_request (id), 
	CONSTRAINT fk_notification_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_notification_fallback_of_notification FOREIGN KEY(fallback_of) REFERENCES notification (id), 
	CONSTRAINT fk_notification_digest_id_notification FOREIGN KEY(digest_id) REFERENCES notification (id), 
	CONSTRAINT fk_notification_withdrawn_by_notification FOREIGN KEY(withdrawn_by) REFERENCES notification (id)
);
CREATE TABLE number_counter (
	type VARCHAR(16) NOT NULL, 
	year INTEGER NOT NULL, 
	last INTEGER NOT NULL, 
	CONSTRAINT pk_number_counter PRIMARY KEY (type, year)
);
CREATE TABLE one_time_link (
	token_digest VARCHAR(64) NOT NULL, 
	person_id CHAR(32) NOT NULL, 
	expires_at DATETIME NOT NULL, 
	used_at DATETIME, 
	shown_to VARCHAR(250), 
	access_generation INTEGER DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_one_time_link PRIMARY KEY (token_digest), 
	CONSTRAINT fk_one_time_link_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE organization (
	id CHAR(32) NOT NULL, 
	created_at DATETIME NOT NULL, 
	created_by VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	name_key VARCHAR(600), 
	name_rank INTEGER DEFAULT 0 NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	slack_channel VARCHAR(80), 
	lead_id CHAR(32), 
	CONSTRAINT pk_organization PRIMARY KEY (id), 
	CONSTRAINT ck_organization_kind CHECK (kind IN ('sponsor', 'cmo')), 
	CONSTRAINT ck_organization_status CHECK (status IN ('active', 'inactive')), 
	CONSTRAINT uq_organization_name UNIQUE (name), 
	CONSTRAINT fk_organization_lead_id_person FOREIGN KEY(lead_id) REFERENCES person (id)
);
CREATE TABLE person (
	id CHAR(32) NOT NULL, 
	created_at DATETIME NOT NULL, 
	created_by VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	organization_id CHAR(32) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	email VARCHAR(254) NOT NULL, 
	email_key VARCHAR(254) NOT NULL, 
	roles JSON NOT NULL, 
	slack_user_id VARCHAR(40), 
	time_zone VARCHAR(64) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	backup_id CHAR(32), 
	password_hash VARCHAR(200), 
	access_generation INTEGER DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_person PRIMARY KEY (id), 
	CONSTRAINT ck_person_status CHECK (status IN ('invited', 'active', 'locked', 'disabled')), 
	CONSTRAINT uq_person_email_key UNIQUE (email_key), 
	CONSTRAINT fk_person_organization_id_organization FOREIGN KEY(organization_id) REFERENCES organization (id), 
	CONSTRAINT fk_person_backup_id_person FOREIGN KEY(backup_id) REFERENCES person (id)
);
CREATE TABLE person_site (
	person_id CHAR(32) NOT NULL, 
	site_id CHAR(32) NOT NULL, 
	CONSTRAINT pk_person_site PRIMARY KEY (person_id, site_id), 
	CONSTRAINT fk_person_site_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_person_site_site_id_site FOREIGN KEY(site_id) REFERENCES site (id)
);
CREATE TABLE policy (
	id CHAR(32) NOT NULL, 
	created_at DATETIME NOT NULL, 
	created_by VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	type VARCHAR(16), 
	kind VARCHAR(32), 
	priority VARCHAR(16), 
	cmo_id CHAR(32), 
	site_id CHAR(32), 
	project_id CHAR(32), 
	clocks JSON NOT NULL, 
	ladder JSON NOT NULL, 
	agreement_clause VARCHAR(200), 
	effective_from DATETIME NOT NULL, 
	effective_to DATETIME, 
	review_due_on DATE, 
	owner_id CHAR(32), 
	former_of CHAR(32), 
	CONSTRAINT pk_policy PRIMARY KEY (id), 
	CONSTRAINT ck_policy_type CHECK (type IN ('shipment', 'data', 'inquiry')), 
	CONSTRAINT ck_policy_priority CHECK (priority IN ('routine', 'urgent', 'critical')), 
	CONSTRAINT ck_policy_effective_dates CHECK (effective_to IS NULL OR effective_to > effective_from), 
	CONSTRAINT fk_policy_cmo_id_organization FOREIGN KEY(cmo_id) REFERENCES organization (id), 
	CONSTRAINT fk_policy_site_id_site FOREIGN KEY(site_id) REFERENCES site (id), 
	CONSTRAINT fk_policy_project_id_project FOREIGN KEY(project_id) REFERENCES project (id), 
	CONSTRAINT fk_policy_owner_id_person FOREIGN KEY(owner_id) REFERENCES person (id), 
	CONSTRAINT fk_policy_former_of_policy FOREIGN KEY(former_of) REFERENCES policy (id)
);
CREATE TABLE process (
	id CHAR(32) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	release VARCHAR(32) NOT NULL, 
	started_at DATETIME NOT NULL, 
	beat_at DATETIME NOT NULL, 
	beats INTEGER NOT NULL, 
	state JSON NOT NULL, 
	CONSTRAINT pk_process PRIMARY KEY (id)
);
CREATE TABLE project (
	id CHAR(32) NOT NULL, 
	created_at DATETIME NOT NULL, 
	created_by VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	code VARCHAR(40) NOT NULL, 
	name_key VARCHAR(600), 
	name_rank INTEGER DEFAULT 0 NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	product_codes JSON NOT NULL, 
	protocol_number VARCHAR(80), 
	blinded BOOLEAN NOT NULL, 
	restricted BOOLEAN DEFAULT 0 NOT NULL, 
	pm_id CHAR(32) NOT NULL, 
	lead_id CHAR(32), 
	status VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_project PRIMARY KEY (id), 
	CONSTRAINT ck_project_status CHECK (status IN ('active', 'inactive')), 
	CONSTRAINT uq_project_code UNIQUE (code), 
	CONSTRAINT fk_project_pm_id_person FOREIGN KEY(pm_id) REFERENCES person (id), 
	CONSTRAINT fk_project_lead_id_person FOREIGN KEY(lead_id) REFERENCES person (id)
);
CREATE TABLE project_cmo (
	project_id CHAR(32) NOT NULL, 
	organization_id CHAR(32) NOT NULL, 
	CONSTRAINT pk_project_cmo PRIMARY KEY (project_id, organization_id), 
	CONSTRAINT fk_project_cmo_project_id_project FOREIGN KEY(project_id) REFERENCES project (id), 
	CONSTRAINT fk_project_cmo_organization_id_organization FOREIGN KEY(organization_id) REFERENCES organization (id)
);
CREATE TABLE setting (
	name VARCHAR(40) NOT NULL, 
	value JSON NOT NULL, 
	CONSTRAINT pk_setting PRIMARY KEY (name)
);
CREATE TABLE shutdown (
	id CHAR(32) NOT NULL, 
	created_at DATETIME NOT NULL, 
	created_by VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	site_id CHAR(32) NOT NULL, 
	first_day DATE NOT NULL, 
	last_day DATE NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	announced_by VARCHAR(200) NOT NULL, 
	announced_at DATETIME NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	decided_by VARCHAR(64), 
	decided_at DATETIME, 
	reason TEXT, 
	CONSTRAINT pk_shutdown PRIMARY KEY (id), 
	CONSTRAINT ck_shutdown_status CHECK (status IN ('announced', 'agreed', 'refused')), 
	CONSTRAINT ck_shutdown_days_in_order CHECK (first_day <= last_day), 
	CONSTRAINT fk_shutdown_site_id_site FOREIGN KEY(site_id) REFERENCES site (id)
);
CREATE TABLE sign_in (
	token_digest VARCHAR(64) NOT NULL, 
	person_id CHAR(32) NOT NULL, 
	began_at DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	access_generation INTEGER DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_sign_in PRIMARY KEY (token_digest), 
	CONSTRAINT fk_sign_in_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE sign_in_try (
	id CHAR(32) NOT NULL, 
	address_digest VARCHAR(64) NOT NULL, 
	network VARCHAR(64) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	tried_at DATETIME NOT NULL, 
	CONSTRAINT pk_sign_in_try PRIMARY KEY (id), 
	CONSTRAINT ck_sign_in_try_kind CHECK (kind IN ('failed', 'link_asked'))
);
CREATE TABLE site (
	id CHAR(32) NOT NULL, 
	created_at DATETIME NOT NULL, 
	created_by VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	organization_id CHAR(32) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	name_key VARCHAR(600), 
	name_rank INTEGER DEFAULT 0 NOT NULL, 
	address VARCHAR(500), 
	country VARCHAR(2) NOT NULL, 
	time_zone VARCHAR(64) NOT NULL, 
	calendar_id CHAR(32), 
	kind VARCHAR(16) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_site PRIMARY KEY (id), 
	CONSTRAINT ck_site_kind CHECK (kind IN ('manufacturing', 'packaging', 'depot', 'laboratory')), 
	CONSTRAINT ck_site_status CHECK (status IN ('active', 'inactive')), 
	CONSTRAINT uq_site_organization_id_name UNIQUE (organization_id, name), 
	CONSTRAINT fk_site_organization_id_organization FOREIGN KEY(organization_id) REFERENCES organization (id), 
	CONSTRAINT fk_site_calendar_id_calendar FOREIGN KEY(calendar_id) REFERENCES calendar (id)
);
