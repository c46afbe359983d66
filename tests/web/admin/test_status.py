"""The status page, through HTTP: failed and retried messages, the switch, what stands still."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from slamon.db.outbox import Notification, Process
from slamon.db.parties import Organization, Person, Project
from slamon.engine import heartbeat
from slamon.errors import DeliveryError
from tests.installation import open_installation
from tests.pages import Site, text_of


@pytest.fixture
def dead_letter(site: Site) -> UUID:
    site.installation.email.failures.append(DeliveryError("550 5.1.1 user unknown", permanent=True))
    site.installation.file()
    site.installation.work()
    with site.installation.runtime.db.read() as session:
        return session.scalars(select(Notification.id).where(Notification.state == "failed")).one()


def state_of(site: Site, message_id: UUID) -> str:
    with site.installation.runtime.db.read() as session:
        return session.get_one(Notification, message_id).state


def test_a_failed_message_is_shown_and_can_be_sent_again(site: Site, dead_letter: UUID) -> None:
    staff = site.staff(site.installation.cast.pm)
    page = text_of(staff.get("/status"))
    assert "New request to Corinne Contact by e-mail" in page
    assert "550 5.1.1 user unknown" in page
    assert staff.post(f"/status/messages/{dead_letter}/resend").status_code == 303
    site.installation.work()
    assert state_of(site, dead_letter) == "sent"


def test_messages_being_retried_show_their_error_and_next_attempt(site: Site) -> None:
    site.installation.email.failures += [DeliveryError("535 authentication failed")]
    site.installation.file()
    staff = site.staff(site.installation.cast.pm)
    assert "Messages being retried" not in text_of(staff.get("/status"))
    site.installation.work()
    page = text_of(staff.get("/status"))
    retried = page[page.index("Messages being retried") :]
    assert "New request to Corinne Contact by e-mail" in retried
    assert "1 attempt · 535 authentication failed" in retried
    assert "next attempt in" in retried
    site.installation.clock.advance(minutes=10)
    assert "next attempt due now" in text_of(staff.get("/status"))


def test_a_message_of_which_nobody_knows_is_listed(site: Site) -> None:
    site.installation.email.failures += [DeliveryError("connection lost", ambiguous=True)]
    site.installation.file()
    site.installation.work()
    page = text_of(site.staff(site.installation.cast.pm).get("/status"))
    assert "nobody can say yet whether it arrived" in page[page.index("Messages being retried") :]


def test_a_cmo_without_a_lead_is_named_with_who_is_told_instead(site: Site) -> None:
    cast = site.installation.cast
    with site.installation.runtime.db.write() as session:
        session.get_one(Organization, cast.cmo).lead_id = cast.lead
        session.get_one(Organization, cast.other_cmo).lead_id = None
        for project in session.scalars(select(Project)):
            project.lead_id = None
        name, other = (session.get_one(Organization, each).name for each in (cast.cmo, cast.other_cmo))
    staff = site.staff(cast.pm)
    page = text_of(staff.get("/status"))
    assert f"{other}: breaches go to the heads" in page
    assert f"{name}:" not in page
    with site.installation.runtime.db.write() as session:
        session.get_one(Project, cast.project).lead_id = cast.lead
    assert "or to the heads where a project has none" in text_of(staff.get("/status"))
    with site.installation.runtime.db.write() as session:
        session.get_one(Project, cast.other_project).lead_id = cast.lead
        session.get_one(Organization, cast.cmo).lead_id = None
    assert f"{other}: breaches go to the leads of its projects" in text_of(staff.get("/status"))
    with site.installation.runtime.db.write() as session:
        session.get_one(Organization, cast.cmo).lead_id = cast.other_pm
        session.get_one(Person, cast.other_pm).status = "disabled"
    assert f"{name}: the lead is disabled" in text_of(staff.get("/status"))


def test_status_says_where_processes_or_hosts_have_other_zone_data(site: Site) -> None:
    real_now = site.installation.runtime.clock.real_now()
    with site.installation.runtime.db.write() as session:
        for host, state in (("a", {"zone_data": "tzdata 2026a"}), ("b", {"zone_data": "tzdata 2026b"}),
                            ("c", {"zone_data": "tzdata 2026b", "newer_zone_data": "2026c"})):  # fmt: skip
            process = {"host": host, "kind": "worker", "release": "0.1.0", "started_at": real_now, "beat_at": real_now}
            session.add(Process(id=uuid4(), **process, beats=1, state=state))
    page = text_of(site.staff(site.installation.cast.pm).get("/status"))
    assert "(tzdata 2026a: worker on a; tzdata 2026b: worker on b, worker on c)" in page
    assert "c has newer time-zone data (tzdata 2026c)" in page
    assert "python -m pip install --upgrade tzdata" in page


def test_a_failed_message_is_dismissed_with_a_reason_only(site: Site, dead_letter: UUID) -> None:
    staff = site.staff(site.installation.cast.admin)
    assert staff.post(f"/status/messages/{dead_letter}/dismiss", reason="").status_code == 422
    assert staff.post(f"/status/messages/{dead_letter}/dismiss", reason="Called her").status_code == 303
    assert state_of(site, dead_letter) == "suppressed"
    assert staff.post(f"/status/messages/{dead_letter}/resend").status_code == 409


def test_an_auditor_only_reads_the_status(site: Site, dead_letter: UUID) -> None:
    staff = site.staff(site.installation.cast.auditor)
    assert "Send again" not in staff.get("/status").text
    assert staff.post(f"/status/messages/{dead_letter}/resend").status_code == 403


def test_an_administrator_stops_all_messages_and_every_page_says_so(site: Site) -> None:
    admin, pm = site.staff(site.installation.cast.admin), site.staff(site.installation.cast.pm)
    asked = site.installation.file()
    assert admin.post("/status/outgoing", stop="yes", reason=" ").status_code == 422
    assert admin.post("/status/outgoing", stop="yes", reason="Restore").status_code == 303
    for path in ("/requests", f"/requests/{asked.id}", "/requests/new", "/status"):
        assert "Outgoing messages are stopped." in text_of(pm.get(path))
    site.installation.work()
    assert not site.installation.email.sent
    assert admin.post("/status/outgoing", stop="no", reason="Restored").status_code == 303
    assert "Outgoing messages are stopped." not in text_of(pm.get("/requests"))


def test_only_an_administrator_has_the_switch(site: Site) -> None:
    staff = site.staff(site.installation.cast.pm)
    assert "Stop all outgoing" not in staff.get("/status").text
    assert staff.post("/status/outgoing", stop="yes", reason="x").status_code == 403


def test_a_redirection_shows_on_every_page(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with open_installation(f"sqlite:///{tmp_path}/w.db", redirect_all_to="test@sponsor.example") as installation:
        staff = Site(installation).staff(installation.cast.pm)
        for path in ("/requests", "/status", "/requests/new"):
            assert "All messages go to test@sponsor.example" in text_of(staff.get(path))


def test_silence_of_all_processes_is_called_out(site: Site) -> None:
    assert "deadlines are not being watched" in text_of(site.staff(site.installation.cast.pm).get("/status"))


def test_a_loop_that_stands_still_is_red_and_says_what_to_do(site: Site) -> None:
    installation, staff = site.installation, site.staff(site.installation.cast.pm)
    installation.runtime.vitals.passed_at = installation.clock.monotonic()
    heartbeat.beat(installation.runtime, "embedded", 1)
    page = staff.get("/status")
    assert "stands still" not in text_of(page)
    assert "0 s ago" in text_of(page)
    installation.clock.advance(seconds=75)
    heartbeat.beat(installation.runtime, "embedded", 1)
    page = staff.get("/status")
    assert "The cycle stands still: no ticker has finished a pass for 75 s" in text_of(page)
    assert "Start the ticker, or slamon serve" in text_of(page)
    assert '<p class="notice bad" role="alert">' in page.text
