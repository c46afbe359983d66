"""A changed address, a disabled account, another site: what was sent before opens nothing, what is open comes again."""

import re
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from slamon.db.audit import AuditEntry
from slamon.errors import DeliveryError
from slamon.services.reports.verify import Difference, verify_requests
from slamon.wording.message import MessageKind
from tests.installation import BACKUP, CONTACT, PM, QUALITY, Installation
from tests.pages import ADDRESS, Site, text_of

NEW = "corinne@right.example"
SOUND_PASSWORD = "eleven walruses in Ulm"


class Desk:
    """An installation with its pages, and an administrator who changes its records over the API."""

    def __init__(self, site: Site) -> None:
        self.site, self.installation, self.cast = site, site.installation, site.installation.cast
        self.admin = site.browser()
        self.admin.headers["Authorization"] = f"Bearer {self.installation.key(self.cast.admin)}"

    def change(self, record: str, record_id: UUID, **fields: Any) -> dict[str, Any]:
        changed = self.admin.patch(f"/v1/{record}/{record_id}", json={"reason": "Told by phone", **fields})
        assert changed.status_code == 200, changed.text
        answered: dict[str, Any] = changed.json()
        return answered

    def mailed(self, address: str, kind: MessageKind) -> list[str]:
        """The paths of the links mailed there."""
        sent = self.installation.email.sent_to(address, kind)
        return [message.link.removeprefix(ADDRESS) for message in sent if message.link]

    def timeline(self, request_id: UUID) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.admin.get(f"/v1/requests/{request_id}/timeline").json()["facts"]
        return found


@pytest.fixture
def desk(site: Site) -> Desk:
    return Desk(site)


@pytest.fixture
def any_desk(any_installation: Installation) -> Desk:
    return Desk(Site(any_installation))


def invited(desk: Desk, address: str) -> tuple[UUID, str]:
    """Somebody of the sponsor, invited at this address, and the path of their link."""
    new = {"name": "Nora New", "email": address, "roles": ["head"]}
    person = UUID(desk.admin.post("/v1/people", json=new).json()["id"])
    desk.admin.post(f"/v1/people/{person}/invite")
    desk.installation.work()
    return person, desk.mailed(address, MessageKind.INVITATION)[0]


def set_password(desk: Desk, path: str) -> int:
    browser = desk.site.browser()
    return browser.post(path, data={"password": SOUND_PASSWORD, "again": SOUND_PASSWORD}).status_code


def test_a_form_link_ends_with_the_address_and_the_open_request_goes_to_the_new_one(any_desk: Desk) -> None:
    desk = any_desk
    asked = desk.installation.file()
    desk.installation.work()
    [old] = desk.mailed(CONTACT, MessageKind.FILED)
    desk.change("contacts", desk.cast.contact, email=NEW)
    page = desk.site.visitor.get(old)
    assert (page.status_code, "fresh-link" in page.text, NEW in page.text) == (410, False, False)
    assert "has been changed since" in text_of(page)
    assert desk.site.visitor.post(f"{old}/acknowledge").status_code == 410
    assert desk.site.visitor.post(f"{old}/fresh-link").status_code == 410
    desk.installation.work()
    [new] = desk.mailed(NEW, MessageKind.FRESH_LINK)
    assert desk.site.visitor.post(f"{new}/acknowledge").status_code == 303
    assert [fact["kind"] for fact in desk.timeline(asked.id)] == ["filed", "address_changed", "acknowledged"]
    assert desk.site.visitor.get(old).status_code == 410
    with desk.installation.runtime.read() as tx:
        found = verify_requests(tx)
        assert not [each for each in found if isinstance(each, Difference)]


def test_going_back_to_an_old_address_revives_no_link(desk: Desk) -> None:
    desk.installation.file()
    desk.installation.work()
    [old] = desk.mailed(CONTACT, MessageKind.FILED)
    for address in (NEW, CONTACT):
        desk.change("contacts", desk.cast.contact, email=address)
    assert desk.site.visitor.get(old).status_code == 410


def test_another_spelling_of_the_same_address_is_no_change_of_address(desk: Desk) -> None:
    desk.installation.file()
    desk.installation.work()
    [old] = desk.mailed(CONTACT, MessageKind.FILED)
    desk.change("contacts", desk.cast.contact, email=CONTACT.capitalize())
    assert desk.site.visitor.get(old).status_code == 200


def test_a_message_that_waits_goes_to_the_new_address_alone(desk: Desk) -> None:
    desk.installation.file()
    desk.change("contacts", desk.cast.contact, email=NEW)
    desk.installation.work()
    assert not desk.installation.email.sent_to(CONTACT, MessageKind.FILED)
    [path] = desk.mailed(NEW, MessageKind.FILED)
    assert desk.site.visitor.get(path).status_code == 200
    assert not desk.installation.email.sent_to(NEW, MessageKind.FRESH_LINK)


@pytest.mark.parametrize("ambiguous", [False, True])
def test_a_message_tried_again_goes_to_the_new_address(desk: Desk, ambiguous: bool) -> None:
    desk.installation.email.failures.append(DeliveryError("451 later", ambiguous=ambiguous))
    desk.installation.file()
    desk.installation.work()
    desk.change("contacts", desk.cast.contact, email=NEW)
    desk.installation.clock.advance_real(hours=1)
    desk.installation.work()
    assert not desk.installation.email.sent_to(CONTACT, MessageKind.FILED)
    assert len(desk.mailed(NEW, MessageKind.FILED)) == 1


def test_a_message_under_way_carries_a_dead_link_and_the_form_comes_again(desk: Desk) -> None:
    desk.installation.file()

    def change_once() -> None:
        desk.installation.email.meanwhile = lambda: None
        desk.change("contacts", desk.cast.contact, email=NEW)

    desk.installation.email.meanwhile = change_once
    desk.installation.work()
    [old] = desk.mailed(CONTACT, MessageKind.FILED)
    [new] = desk.mailed(NEW, MessageKind.FRESH_LINK)
    assert [desk.site.visitor.get(path).status_code for path in (old, new)] == [410, 200]


def test_a_message_composed_with_others_but_not_yet_sent_is_composed_anew(desk: Desk) -> None:
    """The change comes while another message of the same batch is on its way."""
    desk.installation.file(contact_id=desk.cast.backup)
    desk.installation.file()

    def change_once() -> None:
        desk.installation.email.meanwhile = lambda: None
        desk.change("contacts", desk.cast.contact, email=NEW)

    desk.installation.email.meanwhile = change_once
    desk.installation.work()
    assert not desk.installation.email.sent_to(CONTACT, MessageKind.FILED)
    [path] = desk.mailed(NEW, MessageKind.FILED)
    assert desk.site.visitor.get(path).status_code == 200


def test_links_of_an_escalation_come_again_to_a_cmo_lead_who_moved(desk: Desk) -> None:
    asked = desk.installation.file()
    old = desk.site.link(asked.id, desk.cast.cmo_lead)
    desk.change("contacts", desk.cast.cmo_lead, email="bodo@right.example")
    desk.installation.work()
    [new] = desk.mailed("bodo@right.example", MessageKind.FRESH_LINK)
    assert [desk.site.visitor.get(path).status_code for path in (old, new)] == [410, 200]
    assert len(desk.timeline(asked.id)) == 1


def test_an_invitation_mailed_to_a_wrong_address_sets_no_password_and_comes_again(desk: Desk) -> None:
    person, old = invited(desk, "nora@wrong.example")
    desk.installation.clock.advance(days=3)
    desk.change("people", person, email="nora@right.example")
    assert set_password(desk, old) == 410
    desk.installation.work()
    [new] = desk.mailed("nora@right.example", MessageKind.INVITATION)
    assert set_password(desk, old) == 410
    assert set_password(desk, new) == 303


def test_an_invitation_still_waiting_goes_to_the_new_address_once(desk: Desk) -> None:
    new = {"name": "Nora New", "email": "nora@wrong.example", "roles": ["head"]}
    person = UUID(desk.admin.post("/v1/people", json=new).json()["id"])
    desk.admin.post(f"/v1/people/{person}/invite")
    desk.change("people", person, email="nora@right.example")
    desk.installation.work()
    assert not desk.mailed("nora@wrong.example", MessageKind.INVITATION)
    assert len(desk.mailed("nora@right.example", MessageKind.INVITATION)) == 1


def test_a_password_once_set_needs_no_new_link(desk: Desk) -> None:
    desk.site.password(desk.cast.pm, SOUND_PASSWORD)
    desk.change("people", desk.cast.pm, email="petra@right.example")
    desk.installation.work()
    assert not desk.mailed("petra@right.example", MessageKind.INVITATION)


def test_a_session_ends_with_the_address(desk: Desk) -> None:
    staff = desk.site.staff(desk.cast.pm)
    assert staff.get("/requests").status_code == 200
    desk.change("people", desk.cast.pm, email="petra@right.example")
    assert staff.get("/requests").status_code == 303


def test_what_was_given_out_before_an_account_was_disabled_stays_dead_when_it_is_enabled(desk: Desk) -> None:
    desk.installation.file()
    desk.installation.work()
    [link] = desk.mailed(CONTACT, MessageKind.FILED)
    staff, api = desk.site.staff(desk.cast.quality), TestClient(desk.site.app)
    api.headers["Authorization"] = f"Bearer {desk.installation.key(desk.cast.quality)}"
    person, invitation = invited(desk, "nora@sponsor.example")
    people = (("contacts", desk.cast.contact), ("people", desk.cast.quality), ("people", person))
    for status in ("disabled", "active"):
        for record, record_id in people:
            handed = {"handed_to": str(desk.cast.backup)} if (record, status) == ("contacts", "disabled") else {}
            desk.change(record, record_id, status=status, **handed)
        assert desk.site.visitor.get(link).status_code == 410
        assert desk.site.visitor.post(f"{link}/fresh-link").status_code == 410
        assert staff.get("/requests").status_code == 303
        assert api.get("/v1/requests").status_code == 401
        assert set_password(desk, invitation) == 410
    assert desk.site.staff(desk.cast.quality).get("/requests").status_code == 200


def test_the_old_address_is_told_also_where_the_account_is_disabled_at_once(desk: Desk) -> None:
    desk.change("people", desk.cast.steering, email="first@else.example", status="disabled")
    desk.change("people", desk.cast.quality, email="second@else.example")
    desk.change("people", desk.cast.quality, status="disabled")
    desk.installation.work()
    for address in ("steering@sponsor.example", QUALITY):
        assert desk.installation.email.sent_to(address, MessageKind.ADDRESS_CHANGED)


def test_a_disabled_contacts_waiting_mail_goes_to_the_backup(desk: Desk) -> None:
    desk.installation.file()
    desk.change("contacts", desk.cast.contact, status="disabled", handed_to=str(desk.cast.backup))
    desk.installation.work()
    assert not desk.installation.email.sent_to(CONTACT)
    [path] = desk.mailed(BACKUP, MessageKind.FILED)
    assert desk.site.visitor.get(path).status_code == 200


@pytest.mark.parametrize(
    ("record", "part", "fields", "status"),
    [
        ("contacts", "contact", {"site_ids": "second"}, 404),
        ("contacts", "contact", {"status": "disabled"}, 410),
        ("cmos", "cmo", {"status": "inactive"}, 410),
        ("sites", "site", {"status": "inactive"}, 410),
    ],
)
def test_a_link_opens_what_its_contact_may_do_now(
    desk: Desk, record: str, part: str, fields: dict[str, Any], status: int
) -> None:
    asked = desk.installation.file()
    path = desk.site.link(asked.id)
    if "site_ids" in fields:
        fields = {"site_ids": [str(desk.cast.second_site)], "backup_id": None}
    leaves = fields.get("status") == "disabled"
    desk.change(record, getattr(desk.cast, part), **fields, **({"handed_to": str(desk.cast.backup)} if leaves else {}))
    page = desk.site.visitor.get(path)
    assert (page.status_code, "fresh-link" in page.text) == (status, False)
    assert desk.site.visitor.post(f"{path}/acknowledge").status_code == status
    assert desk.site.visitor.post(f"{path}/fresh-link").status_code in (404, 410)
    desk.installation.work()
    assert not desk.mailed(CONTACT, MessageKind.FILED)
    assert [fact["kind"] for fact in desk.timeline(asked.id)] == ["filed", *(["handed_on"] if leaves else [])]


def test_a_link_ends_with_no_change_of_role_and_opens_again_with_the_site(desk: Desk) -> None:
    asked = desk.installation.file()
    path = desk.site.link(asked.id, desk.cast.cmo_lead)
    desk.change("contacts", desk.cast.cmo_lead, roles=["cmo_contact"], site_ids=[str(desk.cast.second_site)])
    assert desk.site.visitor.get(path).status_code == 404
    desk.change("contacts", desk.cast.cmo_lead, roles=["cmo_lead"])
    assert desk.site.visitor.get(path).status_code == 200


def test_the_old_address_is_told_who_changed_it_and_the_trail_says_so(desk: Desk) -> None:
    desk.change("contacts", desk.cast.contact, email=NEW)
    desk.change("people", desk.cast.pm, email="petra@right.example")
    desk.installation.work()
    for old in (CONTACT, PM):
        [told] = desk.installation.email.sent_to(old)
        assert (told.kind, told.detail, told.link) == (MessageKind.ADDRESS_CHANGED, "Ada Admin", None)
    trail = [entry for entry in audit(desk) if "told_at_old_address" in entry["new"]]
    assert [(entry["old"]["email"], entry["new"]["told_at_old_address"]) for entry in trail] == [
        (CONTACT, [CONTACT]),
        (PM, [PM]),
    ]


def audit(desk: Desk) -> list[dict[str, Any]]:
    with desk.installation.runtime.db.read() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "change").order_by(AuditEntry.sequence))
        return [{"old": entry.old or {}, "new": entry.new or {}} for entry in entries]


def test_a_change_of_address_stands_on_open_requests_for_both_sides_and_moves_no_clock(desk: Desk) -> None:
    asked, closed = desk.installation.file(), desk.installation.file()
    cancel = {"reason": "Done otherwise"}
    pm = TestClient(desk.site.app, headers={"Authorization": f"Bearer {desk.installation.key(desk.cast.pm)}"})
    pm.post(f"/v1/requests/{closed.id}/actions/cancel", json=cancel)
    clocks = pm.get(f"/v1/requests/{asked.id}").json()["clocks"]
    desk.installation.clock.advance(minutes=5)
    desk.change("contacts", desk.cast.contact, email=NEW)
    assert pm.get(f"/v1/requests/{asked.id}").json()["clocks"] == clocks
    told = desk.timeline(asked.id)[-1]
    assert (told["kind"], told["by"]["name"]) == ("address_changed", "Ada Admin")
    assert [fact["kind"] for fact in desk.timeline(closed.id)] == ["filed", "cancelled"]
    staff = text_of(desk.site.staff(desk.cast.pm).get(f"/requests/{asked.id}"))
    contact = text_of(desk.site.visitor.get(desk.site.link(asked.id)))
    for page in (staff, contact):
        assert "changed the contact's address" in page
        assert f"Corinne Contact: {NEW}, was {CONTACT}" in page


def test_a_message_to_an_old_slack_account_goes_to_the_new_one_or_by_mail(desk: Desk) -> None:
    desk.change("people", desk.cast.pm, slack_user_id="U0OLD")
    for new in ("U0NEW", None):
        asked = desk.installation.file()
        desk.site.visitor.post(f"{desk.site.link(asked.id)}/acknowledge")
        desk.change("people", desk.cast.pm, slack_user_id=new)
        desk.installation.work()
    acts = [(m.address, m.kind) for m in desk.installation.slack.sent]
    assert acts.count(("U0NEW", MessageKind.CMO_ACTED)) == 1
    assert ("U0OLD", MessageKind.ADDRESS_CHANGED) in acts
    assert ("U0OLD", MessageKind.CMO_ACTED) not in acts
    assert len(desk.installation.email.sent_to(PM, MessageKind.CMO_ACTED)) == 1


def test_an_escalation_that_waits_goes_to_the_cmos_new_channel(desk: Desk) -> None:
    desk.installation.file()
    desk.installation.work()
    desk.installation.slack.failures.append(DeliveryError("later", retry_after_seconds=60))
    desk.installation.clock.advance(hours=48, seconds=1)
    desk.installation.work()
    desk.installation.slack.name = "C0NEW"  # what Slack answers the test post with
    desk.change("cmos", desk.cast.cmo, slack_channel="#new")
    desk.installation.clock.advance(minutes=2)
    desk.installation.work()
    [told] = [m for m in desk.installation.slack.sent if m.kind is MessageKind.LIMIT]
    assert told.address == "C0NEW"


def test_a_form_of_staff_names_no_other_contact_unasked_where_the_present_one_serves_other_sites(desk: Desk) -> None:
    asked = desk.installation.file()
    desk.change("contacts", desk.cast.contact, site_ids=[str(desk.cast.second_site)], backup_id=None)
    staff = desk.site.staff(desk.cast.pm)
    pages = staff.get(f"/requests/{asked.id}"), staff.get(f"/requests/{asked.id}/record/answer")
    first = [
        re.findall(r'<select[^>]*name="(?:changes.contact_id|on_behalf_of)".*?<option[^>]*>([^<]*)', p.text, re.S)
        for p in pages
    ]
    assert first == [["stays as it is"], ["Choose…"]]
    assert not any("Corinne" in option for page in pages for option in re.findall(r"<option[^>]*>([^<]*)", page.text))
