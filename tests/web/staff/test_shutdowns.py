"""Shutdowns by the pages alone: written down, seen with what they would move, agreed to or refused."""

import re
from typing import Any

import pytest
from sqlalchemy import func, select

from slamon.db.parties import Organization
from slamon.db.policies import Policy
from slamon.db.requests import CmoRequest
from slamon.db.shutdowns import Shutdown
from slamon.domain.timeline import SYSTEM
from slamon.services.directory.records import create
from slamon.services.requests.queries import clocks_of
from slamon.web.staff import shutdown_moves
from tests.pages import Site, Staff, text_of

KEY = "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a77"
# Filed on Thursday 5 March at 10:00 in Basel, 24 open hours end on Monday the 9th; with these days closed, on the 11th.
CARNIVAL = {
    "first_day": "2026-03-06",
    "last_day": "2026-03-09",
    "name": "Carnival",
    "announced_by": "Corinne, by phone",
}


@pytest.fixture
def asked(site: Site) -> CmoRequest:
    """An inquiry whose answer clock counts the site's opening hours."""
    line = {
        "name": "Office hours",
        "site_id": site.installation.cast.site,
        "clocks": {"answer": {"target": "PT16H", "limit": "PT24H", "mode": "calendar"}},
        "ladder": [],
    }
    with site.installation.runtime.write() as tx:
        now = site.installation.clock.now()
        create(tx, Policy, {**line, "effective_from": now}, by=SYSTEM)
    site.installation.clock.advance(days=3)
    return site.installation.file()


def write_down(site: Site, staff: Staff, **differing: str) -> Any:
    return staff.post(
        "/shutdowns/new", **{"key": KEY, "site_id": str(site.installation.cast.site), **CARNIVAL, **differing}
    )


def announced(site: Site) -> str:
    """The path of a shutdown the project manager has written down."""
    sent = write_down(site, site.staff(site.installation.cast.pm))
    assert sent.status_code == 303, text_of(sent)
    return str(sent.headers["location"].partition("?")[0])


def version(page: Any) -> str:
    found = re.search(r'name="version" value="(\d+)"', page.text)
    assert found
    return found[1]


def limit_of(site: Site, request: CmoRequest) -> str:
    with site.installation.runtime.read() as tx:
        limit_at = next(clock.limit_at for clock in clocks_of(tx, request.id) if clock.kind == "answer")
    assert limit_at
    return limit_at.isoformat()


def how_many(site: Site) -> int:
    with site.installation.runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(Shutdown)) or 0


def test_a_shutdown_is_written_down_and_shows_at_once_what_it_would_move(site: Site, asked: CmoRequest) -> None:
    pm = site.staff(site.installation.cast.pm)
    sent = write_down(site, pm)
    page = text_of(pm.get(sent.headers["location"]))
    assert "Nothing is closed until the CMO’s lead agrees" in page
    assert "Fri 6 Mar to Mon 9 Mar 2026, 4 whole days in Europe/Zurich" in page
    moved = page[page.index("Open deadlines that would move 1") :]
    assert moved.index(asked.number) < moved.index("answer") < moved.index("Wed 11 Mar 2026, 13:00 UTC = 14:00 Zurich")
    assert "was Mon 9 Mar 2026, 13:00 UTC = 14:00 Zurich" in moved
    assert "The decision is for Leo Lead, the lead of" in page
    listed = text_of(pm.get("/shutdowns"))
    assert "Waiting for the lead’s decision 1" in listed
    assert "Announced, not decided" in listed


def test_the_lead_agrees_and_moves_the_open_deadlines_with_it(site: Site, asked: CmoRequest) -> None:
    path, lead = announced(site), site.staff(site.installation.cast.lead)
    page = lead.get(path)
    assert page.text.count('class="primary"') == 1
    assert "Move the deadline of open requests too" in text_of(page)
    sent = lead.post(f"{path}/agree", version=version(page), reason="Agreement, clause 4.2", apply="yes")
    told = text_of(lead.get(sent.headers["location"]))
    assert "Agreed. Its days are closed, for open requests too" in told
    assert "None. 1 open request counts this site’s working hours" in told
    assert "Move this deadline" not in told
    assert limit_of(site, asked) == "2026-03-11T13:00:00+00:00"
    assert "Agreement, clause 4.2" in text_of(lead.get(f"/requests/{asked.id}"))


def test_without_the_tick_open_deadlines_stay_until_they_are_moved(site: Site, asked: CmoRequest) -> None:
    path, lead = announced(site), site.staff(site.installation.cast.lead)
    lead.post(f"{path}/agree", version="1", reason="Agreed")
    assert limit_of(site, asked) == "2026-03-09T13:00:00+00:00"
    page = lead.get(path)
    assert "Move this deadline" in page.text
    assert page.text.count('class="primary"') == 1
    assert lead.post(f"{path}/apply", reason="They are carnival’s").status_code == 303
    assert limit_of(site, asked) == "2026-03-11T13:00:00+00:00"


def test_the_lead_refuses_and_may_agree_after_all(site: Site, asked: CmoRequest) -> None:
    path, lead = announced(site), site.staff(site.installation.cast.lead)
    lead.post(f"{path}/refuse", version="1", reason="Told too late")
    page = lead.get(path)
    assert "These days stay open Told too late" in text_of(page)
    assert "Refused" in text_of(lead.get("/shutdowns"))
    assert lead.post(f"{path}/agree", version=version(page), reason="After all").status_code == 303
    assert "These days are closed After all" in text_of(lead.get(path))


@pytest.mark.parametrize("part", ["pm", "auditor"])
def test_nobody_but_the_lead_has_anything_to_press(site: Site, part: str) -> None:
    path, staff = announced(site), site.staff(getattr(site.installation.cast, part))
    assert f'action="{path}' not in staff.get(path).text
    for deed in ("agree", "refuse", "apply"):
        assert staff.post(f"{path}/{deed}", version="1", reason="Please").status_code == 403
    assert "not decided" in text_of(staff.get(path))


def test_of_a_cmo_nobody_leads_the_page_says_that_nobody_can_decide(site: Site) -> None:
    path = announced(site)
    with site.installation.runtime.db.write() as session:
        session.get_one(Organization, site.installation.cast.cmo).lead_id = None
    assert "so nobody can decide" in text_of(site.staff(site.installation.cast.lead).get(path))


def test_a_decision_without_a_reason_or_after_another_changes_nothing_and_keeps_the_words(site: Site) -> None:
    path, lead = announced(site), site.staff(site.installation.cast.lead)
    silent = lead.post(f"{path}/agree", version="1", reason=" ")
    assert (silent.status_code, 'id="agree-reason-problem"' in silent.text) == (422, True)
    lead.post(f"{path}/agree", version="1", reason="First")
    stale = lead.post(f"{path}/refuse", version="1", reason="My words")
    assert stale.status_code == 412
    assert "Somebody decided first" in stale.text
    assert 'value="My words"' in stale.text
    twice = lead.post(f"{path}/agree", version="1", reason="First")  # a button pressed twice
    assert (twice.status_code, "These days are closed First" in text_of(lead.get(path))) == (303, True)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("last_day", "", "Must not be empty"),
        ("last_day", "2026-03-05", "lies before the first day"),
        ("name", " ", "Must not be empty"),
        ("announced_by", "", "Must not be empty"),
        ("announced_at", "2026-03-02T09:01", "Lies in the future"),
        ("announced_at", "soon", "Needs a date and a time"),
        ("site_id", "", "Choose one of the list"),
    ],
)
def test_what_cannot_be_is_told_at_its_field_and_nothing_typed_is_lost(
    site: Site, field: str, value: str, message: str
) -> None:
    page = write_down(site, site.staff(site.installation.cast.pm), **{"name": "Carnival in Basel", field: value})
    assert page.status_code == 422
    problem = page.text[page.text.index(f'id="shutdown-{field}-problem"') :].partition("</p>")[0]
    assert message in problem
    assert field == "name" or 'value="Carnival in Basel"' in page.text
    assert how_many(site) == 0


def test_a_site_that_never_closes_is_told_at_its_field(site: Site) -> None:
    page = write_down(site, site.staff(site.installation.cast.pm), site_id=str(site.installation.cast.second_site))
    assert page.status_code == 409
    assert "counts as open all the time" in page.text[page.text.index('id="shutdown-site_id-problem"') :]
    assert how_many(site) == 0


def test_the_same_form_sent_twice_writes_one_down(site: Site) -> None:
    pm = site.staff(site.installation.cast.pm)
    first, second = write_down(site, pm), write_down(site, pm)
    assert first.headers["location"] == second.headers["location"]
    assert how_many(site) == 1


def test_who_may_not_write_one_down_is_told_so(site: Site) -> None:
    staff = site.staff(site.installation.cast.auditor)
    assert "Write one down" not in text_of(staff.get("/shutdowns"))
    assert staff.get("/shutdowns/new").status_code == 403
    assert write_down(site, staff).status_code == 403
    assert how_many(site) == 0


def test_a_shutdown_that_is_over_moves_to_its_own_list(site: Site) -> None:
    announced(site)
    site.installation.clock.advance(days=9)
    staff = site.staff(site.installation.cast.auditor)
    assert "No shutdown is ahead" in text_of(staff.get("/shutdowns"))
    assert "Carnival" in text_of(staff.get("/shutdowns?past=yes"))


def test_a_shutdown_nobody_knows_is_not_found(site: Site) -> None:
    staff = site.staff(site.installation.cast.lead)
    for path in (f"/shutdowns/{KEY}", "/shutdowns/nothing", "/shutdowns?after=nonsense"):
        assert staff.get(path).status_code in (404, 422)
    assert staff.post(f"/shutdowns/{KEY}/explode", reason="x").status_code == 404


def test_reading_shutdowns_changes_nothing_and_forms_need_our_token(site: Site, asked: CmoRequest) -> None:
    path, lead = announced(site), site.staff(site.installation.cast.lead)
    before = site.everything()
    for page in ("/shutdowns", "/shutdowns?past=yes", "/shutdowns/new", path):
        assert lead.get(page).status_code == 200
    assert lead.client.post(f"{path}/agree", data={"version": "1", "reason": "x"}).status_code == 403
    assert lead.client.post("/shutdowns/new", data={"key": KEY, **CARNIVAL}).status_code == 403
    assert site.everything() == before


def test_of_many_open_requests_the_page_shows_how_far_the_preview_is_and_then_the_preview(
    site: Site, asked: CmoRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutdown_moves, "AT_ONCE", 0)  # instead of filing two hundred
    path = announced(site)
    lead, pm = site.staff(site.installation.cast.lead), site.staff(site.installation.cast.pm)
    assert "Looking through the open requests" in text_of(pm.get(path))  # writing it down has asked
    page = lead.get(path)
    assert "too many open requests" in text_of(page)
    assert "Move the deadlines of open requests too" in text_of(page)
    assert asked.number not in page.text

    sent = lead.post(f"{path}/preview")
    assert sent.status_code == 303
    assert "Looking through the open requests" in text_of(lead.get(sent.headers["location"]))
    site.installation.work()
    for staff in (lead, pm):
        page = staff.get(path)
        assert asked.number in page.text
        assert "Work it out again" in page.text
    assert "Move the deadline of open requests too" in text_of(lead.get(path))

    lead.post(f"{path}/agree", version="1", reason="Agreement, clause 4.2", apply="yes")
    assert limit_of(site, asked) == "2026-03-11T13:00:00+00:00"
    site.installation.work()
    told = text_of(lead.get(path))
    assert "None. 1 open request counts this site’s working hours" in told
