ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT pk_api_key PRIMARY KEY (id);
ALTER TABLE ONLY public.attachment
    ADD CONSTRAINT pk_attachment PRIMARY KEY (id);
ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT pk_attempt PRIMARY KEY (notification_id, number);
ALTER TABLE ONLY public.audit_entry
    ADD CONSTRAINT pk_audit_entry PRIMARY KEY (sequence);
ALTER TABLE ONLY public.audit_head
    ADD CONSTRAINT pk_audit_head PRIMARY KEY (id);
ALTER TABLE ONLY public.audited_cmo
    ADD CONSTRAINT pk_audited_cmo PRIMARY KEY (person_id, organization_id);
ALTER TABLE ONLY public.audited_project
    ADD CONSTRAINT pk_audited_project PRIMARY KEY (person_id, project_id);
ALTER TABLE ONLY public.calendar
    ADD CONSTRAINT pk_calendar PRIMARY KEY (id);
ALTER TABLE ONLY public.clock
    ADD CONSTRAINT pk_clock PRIMARY KEY (request_id, kind, generation);
ALTER TABLE ONLY public.cmo_request
    ADD CONSTRAINT pk_cmo_request PRIMARY KEY (id);
ALTER TABLE ONLY public.crossing
    ADD CONSTRAINT pk_crossing PRIMARY KEY (request_id, clock, generation, step, crossed_at);
ALTER TABLE ONLY public.draft
    ADD CONSTRAINT pk_draft PRIMARY KEY (id);
ALTER TABLE ONLY public.fact
    ADD CONSTRAINT pk_fact PRIMARY KEY (request_id, sequence);
ALTER TABLE ONLY public.form_link
    ADD CONSTRAINT pk_form_link PRIMARY KEY (token_digest);
ALTER TABLE ONLY public.former_password
    ADD CONSTRAINT pk_former_password PRIMARY KEY (id);
ALTER TABLE ONLY public.frozen_terms
    ADD CONSTRAINT pk_frozen_terms PRIMARY KEY (digest);
ALTER TABLE ONLY public.idempotency_key
    ADD CONSTRAINT pk_idempotency_key PRIMARY KEY (caller, key);
ALTER TABLE ONLY public.notification
    ADD CONSTRAINT pk_notification PRIMARY KEY (id);
ALTER TABLE ONLY public.number_counter
    ADD CONSTRAINT pk_number_counter PRIMARY KEY (type, year);
ALTER TABLE ONLY public.one_time_link
    ADD CONSTRAINT pk_one_time_link PRIMARY KEY (token_digest);
ALTER TABLE ONLY public.organization
    ADD CONSTRAINT pk_organization PRIMARY KEY (id);
ALTER TABLE ONLY public.person
    ADD CONSTRAINT pk_person PRIMARY KEY (id);
ALTER TABLE ONLY public.person_site
    ADD CONSTRAINT pk_person_site PRIMARY KEY (person_id, site_id);
ALTER TABLE ONLY public.policy
    ADD CONSTRAINT pk_policy PRIMARY KEY (id);
ALTER TABLE ONLY public.process
    ADD CONSTRAINT pk_process PRIMARY KEY (id);
ALTER TABLE ONLY public.project
    ADD CONSTRAINT pk_project PRIMARY KEY (id);
ALTER TABLE ONLY public.project_cmo
    ADD CONSTRAINT pk_project_cmo PRIMARY KEY (project_id, organization_id);
ALTER TABLE ONLY public.setting
    ADD CONSTRAINT pk_setting PRIMARY KEY (name);
ALTER TABLE ONLY public.shutdown
    ADD CONSTRAINT pk_shutdown PRIMARY KEY (id);
ALTER TABLE ONLY public.sign_in
    ADD CONSTRAINT pk_sign_in PRIMARY KEY (token_digest);
ALTER TABLE ONLY public.sign_in_try
    ADD CONSTRAINT pk_sign_in_try PRIMARY KEY (id);
ALTER TABLE ONLY public.site
    ADD CONSTRAINT pk_site PRIMARY KEY (id);
ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT uq_api_key_secret_digest UNIQUE (secret_digest);
ALTER TABLE ONLY public.attachment
    ADD CONSTRAINT uq_attachment_request_id_sha256_name UNIQUE (request_id, sha256, name);
ALTER TABLE ONLY public.calendar
    ADD CONSTRAINT uq_calendar_name UNIQUE (name);
ALTER TABLE ONLY public.cmo_request
    ADD CONSTRAINT uq_cmo_request_number UNIQUE (number);
ALTER TABLE ONLY public.notification
    ADD CONSTRAINT uq_notification_dedupe_key UNIQUE (dedupe_key);
ALTER TABLE ONLY public.organization
    ADD CONSTRAINT uq_organization_name UNIQUE (name);
ALTER TABLE ONLY public.person
    ADD CONSTRAINT uq_person_email_key UNIQUE (email_key);
ALTER TABLE ONLY public.project
    ADD CONSTRAINT uq_project_code UNIQUE (code);
ALTER TABLE ONLY public.site
    ADD CONSTRAINT uq_site_organization_id_name UNIQUE (organization_id, name);
CREATE INDEX ix_audit_entry_entity ON public.audit_entry USING btree (entity, entity_id);
CREATE INDEX ix_cmo_request_cmo_id ON public.cmo_request USING btree (cmo_id, filed_at);
CREATE INDEX ix_cmo_request_filed_at ON public.cmo_request USING btree (filed_at, id);
CREATE INDEX ix_cmo_request_open_of_cmo ON public.cmo_request USING btree (cmo_id, type, filed_at) WHERE ((state)::text <> ALL ((ARRAY['closed'::character varying, 'cancelled'::character varying])::text[]));
CREATE INDEX ix_cmo_request_parent_id ON public.cmo_request USING btree (parent_id) WHERE (parent_id IS NOT NULL);
CREATE INDEX ix_cmo_request_project_id ON public.cmo_request USING btree (project_id, filed_at);
CREATE INDEX ix_cmo_request_sponsors_turn ON public.cmo_request USING btree (filed_at, id) WHERE ((state)::text = ANY ((ARRAY['answered'::character varying, 'awaiting_sponsor'::character varying, 'declined'::character varying, 'delivered'::character varying, 'in_review'::character varying])::text[]));
CREATE INDEX ix_cmo_request_standing ON public.cmo_request USING btree (filed_at, id) WHERE ((urgent_at IS NULL) AND ((state)::text <> ALL ((ARRAY['closed'::character varying, 'cancelled'::character varying])::text[])));
CREATE INDEX ix_cmo_request_urgent_at ON public.cmo_request USING btree (urgent_at, id);
CREATE INDEX ix_cmo_request_wake_at ON public.cmo_request USING btree (wake_at) WHERE (wake_at IS NOT NULL);
CREATE INDEX ix_draft_created_by ON public.draft USING btree (created_by);
CREATE INDEX ix_form_link_expires_at ON public.form_link USING btree (expires_at);
CREATE INDEX ix_form_link_request_id ON public.form_link USING btree (request_id);
CREATE INDEX ix_former_password_person_id ON public.former_password USING btree (person_id);
CREATE INDEX ix_idempotency_key_made_at ON public.idempotency_key USING btree (made_at);
CREATE INDEX ix_notification_address ON public.notification USING btree (address, state, queued_at);
CREATE INDEX ix_notification_digest_id ON public.notification USING btree (digest_id) WHERE (digest_id IS NOT NULL);
CREATE INDEX ix_notification_failed ON public.notification USING btree (queued_at) WHERE ((state)::text = 'failed'::text);
CREATE INDEX ix_notification_request_id ON public.notification USING btree (request_id);
CREATE INDEX ix_notification_sending ON public.notification USING btree (taken_by) WHERE ((state)::text = 'sending'::text);
CREATE INDEX ix_notification_waiting ON public.notification USING btree (channel, next_attempt_at) WHERE ((state)::text = ANY ((ARRAY['queued'::character varying, 'unknown'::character varying])::text[]));
CREATE INDEX ix_notification_withdrawn_by ON public.notification USING btree (withdrawn_by) WHERE (withdrawn_by IS NOT NULL);
CREATE INDEX ix_person_organization_id ON public.person USING btree (organization_id);
CREATE INDEX ix_shutdown_site_id ON public.shutdown USING btree (site_id, last_day);
CREATE INDEX ix_sign_in_person_id ON public.sign_in USING btree (person_id);
CREATE INDEX ix_sign_in_try_address_digest ON public.sign_in_try USING btree (address_digest, tried_at);
CREATE UNIQUE INDEX uq_calendar_name_key ON public.calendar USING btree (name_key, name_rank);
CREATE UNIQUE INDEX uq_organization_name_key ON public.organization USING btree (name_key, name_rank);
CREATE UNIQUE INDEX uq_project_name_key ON public.project USING btree (name_key, name_rank);
CREATE UNIQUE INDEX uq_site_name_key ON public.site USING btree (organization_id, name_key, name_rank);
CREATE TRIGGER attachment_refuses_changes BEFORE DELETE OR UPDATE ON public.attachment FOR EACH ROW EXECUTE FUNCTION public.attachment_is_append_only();
CREATE TRIGGER attachment_refuses_truncate BEFORE TRUNCATE ON public.attachment FOR EACH STATEMENT EXECUTE FUNCTION public.attachment_is_append_only();
CREATE TRIGGER audit_entry_refuses_changes BEFORE DELETE OR UPDATE ON public.audit_entry FOR EACH ROW EXECUTE FUNCTION public.audit_entry_is_append_only();
CREATE TRIGGER audit_entry_refuses_truncate BEFORE TRUNCATE ON public.audit_entry FOR EACH STATEMENT EXECUTE FUNCTION public.audit_entry_is_append_only();
CREATE TRIGGER fact_refuses_changes BEFORE DELETE OR UPDATE ON public.fact FOR EACH ROW EXECUTE FUNCTION public.fact_is_append_only();
CREATE TRIGGER fact_refuses_truncate BEFORE TRUNCATE ON public.fact FOR EACH STATEMENT EXECUTE FUNCTION public.fact_is_append_only();
ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT fk_api_key_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.attachment
    ADD CONSTRAINT fk_attachment_request_id_cmo_request FOREIGN KEY (request_id) REFERENCES public.cmo_request(id);
ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT fk_attempt_notification_id_notification FOREIGN KEY (notification_id) REFERENCES public.notification(id);
ALTER TABLE ONLY public.audited_cmo
    ADD CONSTRAINT fk_audited_cmo_organization_id_organization FOREIGN KEY (organization_id) REFERENCES public.organization(id);
ALTER TABLE ONLY public.audited_cmo
    ADD CONSTRAINT fk_audited_cmo_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.audited_project
    ADD CONSTRAINT fk_audited_project_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.audited_project
    ADD CONSTRAINT fk_audited_project_project_id_project FOREIGN KEY (project_id) REFERENCES public.project(id);
ALTER TABLE ONLY public.clock
    ADD CONSTRAINT fk_clock_request_id_cmo_request FOREIGN KEY (request_id) REFERENCES public.cmo_request(id);
ALTER TABLE ONLY public.cmo_request
    ADD CONSTRAINT fk_cmo_request_cmo_id_organization FOREIGN KEY (cmo_id) REFERENCES public.organization(id);
ALTER TABLE ONLY public.cmo_request
    ADD CONSTRAINT fk_cmo_request_contact_id_person FOREIGN KEY (contact_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.cmo_request
    ADD CONSTRAINT fk_cmo_request_filed_by_id_person FOREIGN KEY (filed_by_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.cmo_request
    ADD CONSTRAINT fk_cmo_request_parent_id_cmo_request FOREIGN KEY (parent_id) REFERENCES public.cmo_request(id);
ALTER TABLE ONLY public.cmo_request
    ADD CONSTRAINT fk_cmo_request_project_id_project FOREIGN KEY (project_id) REFERENCES public.project(id);
ALTER TABLE ONLY public.cmo_request
    ADD CONSTRAINT fk_cmo_request_site_id_site FOREIGN KEY (site_id) REFERENCES public.site(id);
ALTER TABLE ONLY public.cmo_request
    ADD CONSTRAINT fk_cmo_request_terms_digest_frozen_terms FOREIGN KEY (terms_digest) REFERENCES public.frozen_terms(digest);
ALTER TABLE ONLY public.crossing
    ADD CONSTRAINT fk_crossing_request_id_clock_clock FOREIGN KEY (request_id, clock, generation) REFERENCES public.clock(request_id, kind, generation);
ALTER TABLE ONLY public.fact
    ADD CONSTRAINT fk_fact_request_id_cmo_request FOREIGN KEY (request_id) REFERENCES public.cmo_request(id);
ALTER TABLE ONLY public.form_link
    ADD CONSTRAINT fk_form_link_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.form_link
    ADD CONSTRAINT fk_form_link_request_id_cmo_request FOREIGN KEY (request_id) REFERENCES public.cmo_request(id);
ALTER TABLE ONLY public.former_password
    ADD CONSTRAINT fk_former_password_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.notification
    ADD CONSTRAINT fk_notification_digest_id_notification FOREIGN KEY (digest_id) REFERENCES public.notification(id);
ALTER TABLE ONLY public.notification
    ADD CONSTRAINT fk_notification_fallback_of_notification FOREIGN KEY (fallback_of) REFERENCES public.notification(id);
ALTER TABLE ONLY public.notification
    ADD CONSTRAINT fk_notification_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.notification
    ADD CONSTRAINT fk_notification_request_id_cmo_request FOREIGN KEY (request_id) REFERENCES public.cmo_request(id);
ALTER TABLE ONLY public.notification
    ADD CONSTRAINT fk_notification_withdrawn_by_notification FOREIGN KEY (withdrawn_by) REFERENCES public.notification(id);
ALTER TABLE ONLY public.one_time_link
    ADD CONSTRAINT fk_one_time_link_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.organization
    ADD CONSTRAINT fk_organization_lead_id_person FOREIGN KEY (lead_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.person
    ADD CONSTRAINT fk_person_backup_id_person FOREIGN KEY (backup_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.person
    ADD CONSTRAINT fk_person_organization_id_organization FOREIGN KEY (organization_id) REFERENCES public.organization(id);
ALTER TABLE ONLY public.person_site
    ADD CONSTRAINT fk_person_site_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.person_site
    ADD CONSTRAINT fk_person_site_site_id_site FOREIGN KEY (site_id) REFERENCES public.site(id);
ALTER TABLE ONLY public.policy
    ADD CONSTRAINT fk_policy_cmo_id_organization FOREIGN KEY (cmo_id) REFERENCES public.organization(id);
ALTER TABLE ONLY public.policy
    ADD CONSTRAINT fk_policy_former_of_policy FOREIGN KEY (former_of) REFERENCES public.policy(id);
ALTER TABLE ONLY public.policy
    ADD CONSTRAINT fk_policy_owner_id_person FOREIGN KEY (owner_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.policy
    ADD CONSTRAINT fk_policy_project_id_project FOREIGN KEY (project_id) REFERENCES public.project(id);
ALTER TABLE ONLY public.policy
    ADD CONSTRAINT fk_policy_site_id_site FOREIGN KEY (site_id) REFERENCES public.site(id);
ALTER TABLE ONLY public.project_cmo
    ADD CONSTRAINT fk_project_cmo_organization_id_organization FOREIGN KEY (organization_id) REFERENCES public.organization(id);
ALTER TABLE ONLY public.project_cmo
    ADD CONSTRAINT fk_project_cmo_project_id_project FOREIGN KEY (project_id) REFERENCES public.project(id);
ALTER TABLE ONLY public.project
    ADD CONSTRAINT fk_project_lead_id_person FOREIGN KEY (lead_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.project
    ADD CONSTRAINT fk_project_pm_id_person FOREIGN KEY (pm_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.shutdown
    ADD CONSTRAINT fk_shutdown_site_id_site FOREIGN KEY (site_id) REFERENCES public.site(id);
ALTER TABLE ONLY public.sign_in
    ADD CONSTRAINT fk_sign_in_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.site
    ADD CONSTRAINT fk_site_calendar_id_calendar FOREIGN KEY (calendar_id) REFERENCES public.calendar(id);
ALTER TABLE ONLY public.site
    ADD CONSTRAINT fk_site_organization_id_organization FOREIGN KEY (organization_id) REFERENCES public.organization(id);
