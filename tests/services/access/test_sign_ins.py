"""Who gets into an account and who does not: lock-outs, forgotten passwords, links that others saw."""

import io
import re
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from slamon.channels.console import ConsoleChannel
from slamon.db.access import SignInTry
from slamon.db.audit import AuditEntry
from slamon.db.outbox import Notification
from slamon.db.parties import Person, PersonStatus
from slamon.services.access import callers, one_time_links
from slamon.wording.message import MessageKind
from tests.installation import ADMIN, CONTACT, LEAD, PM, Installation, open_installation
from tests.pages import Site, text_of

PASSWORD, OTHER = "correct horse battery", "wooden lamp river"
LOCKED_HERE, LOCKED = "refused from your network for 15 minutes, even", "locked for an hour"
HOST_SAW = "Who could see this link: besides you, whoever ran the command on the host"


@pytest.fixture
def with_passwords(site: Site) -> Site:
    for person_id in (site.installation.cast.pm, site.installation.cast.admin):
        site.password(person_id, PASSWORD)
    return site


@pytest.fixture
def without_mail(installation: Installation) -> Site:
    channels = {**installation.runtime.channels, "email": ConsoleChannel("email", io.StringIO())}
    installation.runtime = replace(installation.runtime, channels=channels)
    return Site(installation)


def sign_in(site: Site, password: str = PASSWORD, *, email: str = PM, host: str = "198.51.100.7") -> Any:
    return site.browser(host).post("/sign-in", data={"email": email, "password": password})


def fail(site: Site, times: int, **where: str) -> list[Any]:
    return [sign_in(site, "a wrong password", **where) for _ in range(times)]


def set_password(site: Site, path: str, password: str) -> Any:
    return site.visitor.post(path, data={"password": password, "again": password})


def welcome_path(site: Site, person_id: UUID | None = None, shown_to: str | None = None) -> str:
    with site.installation.runtime.write() as tx:
        token = one_time_links.one_time_token(tx, person_id or site.installation.cast.pm, shown_to=shown_to)
    return f"/welcome/{token}"


def mailed_path(site: Site, address: str) -> str:
    site.installation.work()
    link = site.installation.email.sent_to(address, MessageKind.ACCOUNT_LINK)[-1].link
    assert link
    return link.removeprefix(site.installation.runtime.settings.base_url)


def entries(installation: Installation, action: str) -> list[AuditEntry]:
    with installation.runtime.db.read() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action)))


def alarms(installation: Installation) -> list[Notification]:
    with installation.runtime.db.read() as session:
        return list(session.scalars(select(Notification).where(Notification.kind == MessageKind.ALARM)))


def many_failures(site: Site, number: int, email: str = PM) -> None:
    """So many failures of an hour, each from a network of its own."""
    digest, at = callers.secret_digest(email), site.installation.clock.real_now()
    with site.installation.runtime.db.write() as session:
        session.add_all(
            SignInTry(address_digest=digest, network=f"203.0.113.{each}", kind="failed", tried_at=at)
            for each in range(number)
        )


# --- lock-outs ---------------------------------------------------------------------------------------------------


def test_five_failures_lock_their_network_out_and_no_other(with_passwords: Site) -> None:
    site, clock = with_passwords, with_passwords.installation.clock
    assert LOCKED_HERE in text_of(fail(site, 5)[-1])
    refused = sign_in(site)
    assert (refused.status_code, LOCKED_HERE in text_of(refused)) == (401, True)
    assert sign_in(site, host="198.51.100.8").status_code == 303
    assert sign_in(site, email=ADMIN).status_code == 303
    clock.advance_real(minutes=14)
    assert sign_in(site).status_code == 401
    clock.advance_real(minutes=2)
    assert sign_in(site).status_code == 303


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2:bbbb::2", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:198.51.100.7", "198.51.100.7", True),
        ("198.51.100.7", "198.51.100.8", False),
    ],
)
def test_a_network_is_an_ipv4_address_or_the_64_of_an_ipv6_one(
    with_passwords: Site, first: str, second: str, is_one: bool
) -> None:
    fail(with_passwords, 5, host=first)
    assert sign_in(with_passwords, host=second).status_code == (401 if is_one else 303)


def test_failures_that_lie_further_apart_lock_nobody_out(with_passwords: Site) -> None:
    for _ in range(6):
        fail(with_passwords, 1)
        with_passwords.installation.clock.advance_real(minutes=4)
    assert sign_in(with_passwords).status_code == 303


def test_a_lock_lasts_from_its_last_failure_and_refused_tries_do_not_lengthen_it(with_passwords: Site) -> None:
    site, clock = with_passwords, with_passwords.installation.clock
    fail(site, 4)
    clock.advance_real(minutes=14)
    fail(site, 1)
    clock.advance_real(minutes=14)
    assert LOCKED_HERE in text_of(fail(site, 1)[0])
    clock.advance_real(minutes=2)
    assert sign_in(site).status_code == 303


def test_once_signed_in_ones_own_slips_are_forgotten(with_passwords: Site) -> None:
    for _ in range(3):
        fail(with_passwords, 4)
        assert sign_in(with_passwords).status_code == 303


def test_a_lock_out_is_one_alert_and_an_entry_without_the_password(with_passwords: Site) -> None:
    site, installation = with_passwords, with_passwords.installation
    for host in ("198.51.100.7", "198.51.100.8"):
        fail(site, 7, host=host)
    found = entries(installation, "locked")
    assert [entry.entity_id for entry in found] == [str(installation.cast.pm)] * 2
    assert [(entry.new or {})["network"] for entry in found] == ["198.51.100.7", "198.51.100.8"]
    assert "a wrong password" not in str(site.everything())
    assert len(alarms(installation)) == 1
    installation.work()
    assert "Petra Manager" in str(installation.email.sent_to(ADMIN, MessageKind.ALARM)[0].detail)


def test_an_address_nobody_has_is_locked_out_alike_and_alarms_nobody(with_passwords: Site) -> None:
    site, unknown = with_passwords, "nobody@sponsor.example"
    many_failures(site, 50)
    many_failures(site, 50, unknown)
    for _ in range(6):
        known, other = fail(site, 1)[0], fail(site, 1, email=unknown)[0]
        assert other.status_code == known.status_code
        assert other.text.replace(unknown, "") == known.text.replace(PM, "")
    assert len(alarms(site.installation)) == 1


def test_many_networks_lock_the_account_and_its_owner_gets_a_link_past_it(any_installation: Installation) -> None:
    site, installation = Site(any_installation), any_installation
    for person_id in (installation.cast.pm, installation.cast.admin):
        site.password(person_id, PASSWORD)
    many_failures(site, 50)
    assert LOCKED in text_of(fail(site, 1)[0])
    assert LOCKED in text_of(sign_in(site, host="192.0.2.1"))
    assert sign_in(site, email=ADMIN).status_code == 303
    assert set_password(site, mailed_path(site, PM), OTHER).status_code == 303
    assert sign_in(site, OTHER, host="192.0.2.1").status_code == 303
    assert len(alarms(installation)) == 1
    assert [(entry.new or {})["network"] for entry in entries(installation, "locked")] == ["every network"]


def test_fifty_failures_an_hour_do_not_lock_the_account(with_passwords: Site) -> None:
    many_failures(with_passwords, 50)
    assert sign_in(with_passwords).status_code == 303


def test_a_locked_account_opens_by_itself_after_an_hour(with_passwords: Site) -> None:
    many_failures(with_passwords, 51)
    assert LOCKED in text_of(sign_in(with_passwords))
    with_passwords.installation.clock.advance_real(minutes=61)
    assert sign_in(with_passwords).status_code == 303


def test_no_stranger_keeps_the_only_administrator_from_a_link_made_on_the_host(with_passwords: Site) -> None:
    site, installation = with_passwords, with_passwords.installation
    many_failures(site, 51, ADMIN)
    for _ in range(21):
        site.visitor.post("/sign-in", data={"email": ADMIN, "password": "x"})
    with installation.runtime.write() as tx:
        token = one_time_links.new_link(tx, ADMIN)
    site.visitor.post("/forgot-password", data={"email": ADMIN})
    mailed_path(site, ADMIN)
    assert HOST_SAW in text_of(site.visitor.get(f"/welcome/{token}"))
    assert set_password(site, f"/welcome/{token}", OTHER).status_code == 303
    assert sign_in(site, OTHER, email=ADMIN, host="192.0.2.1").status_code == 303


def test_an_outsiders_tries_do_not_slow_anything_but_their_own_network(with_passwords: Site) -> None:
    tries = [sign_in(with_passwords, email="x").status_code for _ in range(21)]
    assert tries == [401] * 20 + [429]
    assert sign_in(with_passwords, host="192.0.2.1").status_code == 303


# --- forgotten passwords -----------------------------------------------------------------------------------------


def ask(site: Site, email: str, host: str = "198.51.100.7") -> Any:
    return site.browser(host).post("/forgot-password", data={"email": email})


def test_whoever_forgot_their_password_gets_a_link_by_mail(with_passwords: Site) -> None:
    site = with_passwords
    assert 'href="/forgot-password"' in site.visitor.get("/sign-in").text
    staff = site.staff(site.installation.cast.pm)
    answer = ask(site, f"  {PM.upper()} ")
    assert "a link is on its way" in text_of(site.visitor.get(answer.headers["location"]))
    path = mailed_path(site, PM)
    assert staff.get("/status").status_code == 200  # a stranger who asks ends nobody's session
    page = site.visitor.get(path)
    assert (page.status_code, "Who could see" in page.text) == (200, False)
    assert set_password(site, path, OTHER).status_code == 303
    assert staff.get("/status").status_code == 303
    assert (sign_in(site).status_code, sign_in(site, OTHER).status_code) == (401, 303)
    assert set_password(site, path, PASSWORD).status_code == 410


def test_asking_for_a_link_does_not_tell_who_has_an_account(with_passwords: Site) -> None:
    site, installation = with_passwords, with_passwords.installation
    with installation.runtime.db.write() as session:
        session.get_one(Person, installation.cast.lead).status = PersonStatus.DISABLED.value
    answers = [ask(site, email) for email in (PM, LEAD, CONTACT, "nobody@sponsor.example", "", "no address")]
    assert len({(answer.status_code, answer.headers["location"], answer.text) for answer in answers}) == 1
    installation.work()
    assert [message.address for message in installation.email.sent] == [PM]


def test_links_are_asked_for_every_five_minutes_and_five_times_a_day(with_passwords: Site) -> None:
    site, installation = with_passwords, with_passwords.installation
    for minutes in (0, 1, 5, 5, 5, 5, 5, 5):
        installation.clock.advance_real(minutes=minutes)
        assert ask(site, PM).status_code == 303
    installation.work()
    mails = installation.email.sent_to(PM, MessageKind.ACCOUNT_LINK)
    assert len(mails) == 5
    first, last = (
        str(mail.link).removeprefix(installation.runtime.settings.base_url) for mail in (mails[0], mails[-1])
    )
    assert site.visitor.get(first).status_code == 200  # they all open until one of them is used
    assert set_password(site, first, OTHER).status_code == 303
    assert site.visitor.get(last).status_code == 410


def test_a_link_that_was_asked_for_ends_after_a_day(with_passwords: Site) -> None:
    ask(with_passwords, PM)
    path = mailed_path(with_passwords, PM)
    with_passwords.installation.clock.advance_real(hours=24)
    assert set_password(with_passwords, path, OTHER).status_code == 410


def test_asking_for_links_is_limited_for_each_network(with_passwords: Site) -> None:
    answers = [ask(with_passwords, f"{each}@x.example").status_code for each in range(11)]
    assert answers == [303] * 10 + [429]
    assert ask(with_passwords, PM, host="192.0.2.1").status_code == 303


def test_without_a_mail_server_a_forgotten_password_is_told_the_way_out(without_mail: Site) -> None:
    for page in (without_mail.visitor.get("/forgot-password"), ask(without_mail, PM)):
        assert "slamon new-link" in text_of(page)
        assert "<form" not in page.text
    without_mail.installation.work()
    assert without_mail.everything()["notification"] == []


# --- links that others saw ---------------------------------------------------------------------------------------


def test_the_welcome_page_says_who_saw_its_link_and_says_so_again_with_a_refused_password(site: Site) -> None:
    path = welcome_path(site, shown_to="Ada Admin")
    for page in (site.visitor.get(path), set_password(site, path, "short")):
        assert "Who could see this link: besides you, Ada Admin." in text_of(page)


def test_an_invitation_that_cannot_be_sent_is_never_called_sent(without_mail: Site) -> None:
    installation = without_mail.installation
    with installation.runtime.write() as tx:
        by = installation.caller(installation.cast.admin).as_actor()
        one_time_links.invite(tx, installation.cast.pm, by=by)
    installation.work()
    page = text_of(without_mail.staff(installation.cast.admin).get("/status"))
    assert "Invitation to Petra Manager by e-mail" in page
    assert "No mail server is set, so this link reached nobody" in page


# --- sessions and looks ------------------------------------------------------------------------------------------


def test_how_long_a_session_may_idle_is_a_setting(tmp_path: Any) -> None:
    with open_installation(f"sqlite:///{tmp_path}/w.db", session_idle_minutes=60) as installation:
        staff = Site(installation).staff(installation.cast.pm)
        for minutes, status in ((59, 200), (61, 303)):
            installation.clock.advance_real(minutes=minutes)
            assert staff.get("/status").status_code == status


def test_looks_of_a_scanner_take_nothing_from_the_reader_of_a_link(site: Site) -> None:
    """Of a one-time link as of a request's: what is read counts apart from what is sent, for each network."""
    one_time, form = welcome_path(site), site.link(site.installation.file().id)
    for path in (one_time, form):
        looks = [site.visitor.get(path).status_code for _ in range(41)]
        assert looks == [200] * 40 + [429]
        assert site.browser("192.0.2.1").get(path).status_code == 200
    assert site.visitor.post(f"{form}/acknowledge", data={"seen": "1"}).status_code == 303
    assert set_password(site, one_time, PASSWORD).status_code == 303
    assert re.search("Please confirm|Thank you|So far", site.browser("192.0.2.1").get(form).text)
