"""The staff pages, through HTTP: the list, one request, a deadline explained."""

from html import unescape
from uuid import UUID

import pytest

from slamon.db.requests import CmoRequest
from slamon.domain.lifecycle import Action, RequestType
from slamon.errors import DeliveryError
from slamon.services.requests.queries import facts_of
from tests.pages import Site, text_of
from tests.web.staff.test_filing import KEY


def version(site: Site, request_id: UUID) -> str:
    with site.installation.runtime.db.read() as session:
        return str(session.get_one(CmoRequest, request_id).version)


def kinds(site: Site, request_id: UUID) -> list[str]:
    with site.installation.runtime.db.read() as session:
        return [fact.kind for fact in facts_of(session, request_id)]


# --- the list ------------------------------------------------------------------------------------------------------


def test_an_empty_list_says_what_to_do(site: Site) -> None:
    page = text_of(site.staff(site.installation.cast.pm).get("/requests?tab=all"))
    assert "No requests yet" in page
    assert "File the first one" in page


def test_the_list_shows_late_requests_first_in_words(site: Site) -> None:
    site.installation.file(subject="Late one")
    site.installation.clock.advance(hours=30)
    site.installation.work()
    site.installation.file(subject="Fresh one")
    page = text_of(site.staff(site.installation.cast.pm).get("/requests?tab=open"))
    assert page.index("Late one") < page.index("Fresh one")
    assert "late by 6 h" in page
    assert "due in 24 h" in page


def test_needs_attention_shows_what_is_late_and_what_waits_for_us(site: Site) -> None:
    waiting = site.installation.file(subject="Waits for us")
    site.installation.act(waiting.id, Action.ASK, by=site.installation.cast.contact, text="Which?")
    site.installation.file(subject="Late one")
    site.installation.clock.advance(hours=50)
    site.installation.work()
    site.installation.file(subject="Nothing to do")
    page = text_of(site.staff(site.installation.cast.pm).get("/requests"))
    assert "Late one" in page
    assert "breached 2 h ago" in page
    assert "Waits for us" in page
    assert "Waiting for us 1 " in page
    assert "sponsor’s reply limit breached 2 h ago" in page
    assert "Nothing to do" not in page


def test_a_request_sent_back_is_the_cmos_again_and_its_clock_runs(site: Site) -> None:
    asked = site.installation.file(subject="Sent back once")
    site.installation.act(asked.id, Action.ANSWER, by=site.installation.cast.contact, text="Perhaps")
    site.installation.act(asked.id, Action.REJECT, by=site.installation.cast.pm, reason="Which week?")
    page = text_of(site.staff(site.installation.cast.pm).get("/requests?tab=open"))
    assert "Sent back once" in page
    assert "Sent back to the CMO reply due in 24 h" in page
    assert "Waiting for us" not in page


def test_every_open_request_is_in_the_open_list_once(site: Site) -> None:
    cast = site.installation.cast
    said = {"text": "Well", "reason": "Because"}
    ways = {
        "Fresh": [],
        "Received": [(Action.ACKNOWLEDGE, cast.contact)],
        "Asked": [(Action.ASK, cast.contact)],
        "Answered": [(Action.ANSWER, cast.contact)],
        "Declined": [(Action.DECLINE, cast.contact)],
        "Rejected": [(Action.DECLINE, cast.contact), (Action.REJECT, cast.pm)],
        "Rejected and asked": [(Action.ANSWER, cast.contact), (Action.REJECT, cast.pm), (Action.ASK, cast.contact)],
        "Accepted": [(Action.ANSWER, cast.contact), (Action.ACCEPT, cast.pm)],
    }
    for subject, acts in ways.items():
        asked = site.installation.file(subject=subject)
        for action, who in acts:
            site.installation.act(asked.id, action, by=who, **said)
    page = site.staff(cast.pm).get("/requests?tab=open").text
    shown = {subject: page.count(f"<strong>{subject}</strong>") for subject in ways}
    assert shown == {**dict.fromkeys(ways, 1), "Accepted": 0}


def next_of(page: str) -> str:
    return unescape(page[: page.index('rel="next"')].rpartition('href="')[2].partition('"')[0])


@pytest.mark.parametrize("tab", ["attention", "open"])
def test_what_waits_longest_stands_first_and_the_rest_behind_a_link(site: Site, tab: str) -> None:
    for number in range(52):
        asked = site.installation.file(subject=f"Number {number:02}")
        site.installation.act(asked.id, Action.ANSWER, by=site.installation.cast.contact, text="Yes")
    staff = site.staff(site.installation.cast.pm)
    first = staff.get(f"/requests?tab={tab}&type=inquiry").text
    assert "Number 00" in first
    assert "Number 49" in first
    assert "Number 50" not in first
    second = text_of(staff.get(next_of(first)))
    assert "Number 49" not in second
    assert second.index("Number 50") < second.index("Number 51")
    assert "More of these" not in second


def test_a_place_in_a_section_that_no_page_gave_out_is_refused(site: Site) -> None:
    staff = site.staff(site.installation.cast.pm)
    for place in ("nonsense", "2026-03-02T09:00:00_x", "0001-01-01T00:00:00+14:00_" + KEY, "2026-03-02_" + KEY):
        assert staff.client.get("/requests", params={"part": "us", "after": place}).status_code == 422


def test_filters_narrow_the_list(site: Site) -> None:
    cast = site.installation.cast
    site.installation.file(subject="Data wanted", type=RequestType.DATA, detail={}, site_id=cast.other_site)
    site.installation.file(subject="A question")
    staff = site.staff(cast.pm)
    for query in ("type=data", f"cmo={cast.other_cmo}", "state=filed&type=data"):
        page = text_of(staff.get(f"/requests?tab=all&{query}"))
        assert "Data wanted" in page
        assert "A question" not in page


@pytest.mark.parametrize("query", ["state=x&type=y&cmo=z&project=1&priority=q", "after=nonsense", "tab=nowhere"])
def test_nonsense_in_the_address_breaks_nothing(site: Site, query: str) -> None:
    assert site.staff(site.installation.cast.pm).get(f"/requests?{query}").status_code in (200, 422)


def test_the_list_goes_on_behind_next(site: Site) -> None:
    for number in range(51):
        site.installation.file(subject=f"Number {number:02}")
    staff = site.staff(site.installation.cast.pm)
    first = staff.get("/requests?tab=all").text
    link = next_of(first)
    assert "Number 50" in first
    assert "Number 00" not in first
    assert "Number 00" in staff.get(link).text


# --- one request ---------------------------------------------------------------------------------------------------


def test_one_request_tells_facts_crossings_and_messages_in_order(site: Site) -> None:
    asked = site.installation.file()
    site.installation.work()
    site.installation.clock.advance(hours=24, minutes=10)
    site.installation.work()
    site.installation.act(asked.id, Action.ANSWER, by=site.installation.cast.contact, text="Yes, both.")
    page = text_of(site.staff(site.installation.cast.pm).get(f"/requests/{asked.id}"))
    order = ["Petra Manager filed the request", "E-mail to Corinne Contact: new request",
             "Target passed (receipt and answer clocks)", "Corinne Contact answered"]  # fmt: skip
    places = [page.index(words) for words in order]
    assert places == sorted(places)
    assert "found 10 min later" in page
    assert "answer late, after 24 h 10 min" in page
    assert "Target 24 hours, limit 48 hours" in page


def test_messages_are_folded_but_one_that_failed_keeps_its_own_line(site: Site) -> None:
    site.installation.email.failures.append(DeliveryError("550 5.1.1 user unknown", permanent=True))
    asked = site.installation.file()
    site.installation.work()
    site.installation.clock.advance(hours=25)
    site.installation.work()
    page = site.staff(site.installation.cast.pm).get(f"/requests/{asked.id}").text
    story = page[page.index('<ol class="history">') :]
    folded = "".join(part.partition("</details>")[0] for part in story.split("<details>")[1:])
    assert "target passed" in folded
    assert "user unknown" in story
    assert "user unknown" not in folded


def test_times_stand_in_both_zones(site: Site) -> None:
    asked = site.installation.file()
    page = text_of(site.staff(site.installation.cast.pm).get(f"/requests/{asked.id}"))
    assert "Tue 3 Mar 2026, 09:00 UTC = 10:00 Zurich (UTC+01:00)" in page


def test_a_contact_who_was_not_reached_is_not_called_silent(site: Site) -> None:
    site.installation.email.failures.append(DeliveryError("550 5.1.1 user unknown", permanent=True))
    asked = site.installation.file()
    site.installation.work()
    page = text_of(site.staff(site.installation.cast.pm).get(f"/requests/{asked.id}"))
    assert "Not reached: Corinne Contact did not get our mail (550 5.1.1 user unknown)" in page


def test_the_manager_replies_and_the_clock_runs_again(site: Site) -> None:
    asked = site.installation.file()
    site.installation.act(asked.id, Action.ASK, by=site.installation.cast.contact, text="Which?")
    staff = site.staff(site.installation.cast.pm)
    page = staff.get(f"/requests/{asked.id}").text
    assert page.count('class="primary"') == 1
    answer = staff.post(f"/requests/{asked.id}/reply", version=version(site, asked.id), text="Line 2")
    assert answer.headers["location"] == f"/requests/{asked.id}?done=reply"
    assert kinds(site, asked.id)[-1] == "replied"


def test_a_stale_form_says_that_somebody_acted_first_and_keeps_the_text(site: Site) -> None:
    asked = site.installation.file()
    old = version(site, asked.id)
    site.installation.act(asked.id, Action.FOLLOW_UP, by=site.installation.cast.lead, text="Hello?")
    page = site.staff(site.installation.cast.pm).post(f"/requests/{asked.id}/follow_up", version=old, text="My words")
    assert page.status_code == 412
    assert "Somebody acted first" in page.text
    assert "My words</textarea>" in page.text
    assert f'name="version" value="{version(site, asked.id)}"' in page.text
    assert kinds(site, asked.id).count("followed_up") == 1


def test_an_action_that_came_too_late_is_told_and_keeps_the_text(site: Site) -> None:
    asked = site.installation.file()
    page = site.staff(site.installation.cast.pm).post(f"/requests/{asked.id}/reply", version="1", text="My words")
    assert page.status_code == 409
    assert "It is not possible to reply any more" in page.text
    assert "My words</textarea>" in page.text


def test_an_empty_reason_is_told_at_its_field(site: Site) -> None:
    asked = site.installation.file()
    page = site.staff(site.installation.cast.pm).post(f"/requests/{asked.id}/cancel", version="1", reason=" ")
    assert page.status_code == 422
    assert 'aria-describedby="cancel-reason-problem"' in page.text
    assert kinds(site, asked.id) == ["filed"]


@pytest.mark.parametrize("part", ["auditor", "other_pm"])
def test_who_may_only_read_has_nothing_to_press(site: Site, part: str) -> None:
    asked = site.installation.file()
    staff = site.staff(getattr(site.installation.cast, part))
    assert f'action="/requests/{asked.id}' not in staff.get(f"/requests/{asked.id}").text
    assert staff.post(f"/requests/{asked.id}/follow_up", version="1", text="Hello?").status_code == 403
    assert kinds(site, asked.id) == ["filed"]


def test_an_escalation_can_be_taken_once_the_limit_passed(site: Site) -> None:
    asked = site.installation.file()
    assert "Take it" not in site.staff(site.installation.cast.lead).get(f"/requests/{asked.id}").text
    site.installation.clock.advance(hours=49)
    site.installation.work()
    lead = site.staff(site.installation.cast.lead)
    assert "Take it" in lead.get(f"/requests/{asked.id}").text
    assert lead.post(f"/requests/{asked.id}/take", version="1").status_code == 303
    page = text_of(lead.get(f"/requests/{asked.id}"))
    assert "Taken by Leo Lead" in page
    assert "Take it" not in page


def record(site: Site, request_id: UUID, **fields: str):  # type: ignore[no-untyped-def]
    values = {
        "version": version(site, request_id),
        "via": "phone_recorded",
        "on_behalf_of": str(site.installation.cast.contact),
        "occurred_at": "2026-03-02T10:30",
        "text": "Both weeks are free",
        "evidence": "Corinne called Petra",
    }
    return site.staff(site.installation.cast.pm).post(f"/requests/{request_id}/record/answer", **{**values, **fields})


def test_a_call_is_recorded_for_the_contact_with_its_own_time(site: Site) -> None:
    asked = site.installation.file()
    site.installation.clock.advance(hours=5)
    assert record(site, asked.id).status_code == 303
    page = text_of(site.staff(site.installation.cast.pm).get(f"/requests/{asked.id}"))
    assert "Corinne Contact answered" in page
    assert "written down by Petra Manager" in page
    assert "recorded 3 h 30 min later" in page
    assert "evidence: Corinne called Petra" in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("occurred_at", "2026-03-03T10:30"),
        ("occurred_at", "0001-01-01T00:00"),
        ("occurred_at", "9999-12-31T23:59"),
        ("evidence", " "),
        ("text", ""),
        ("via", "dream"),
    ],
)
def test_a_record_that_cannot_be_is_told_at_its_field(site: Site, field: str, value: str) -> None:
    asked = site.installation.file()
    site.installation.clock.advance(hours=5)
    page = record(site, asked.id, **{field: value})
    assert page.status_code == 422
    assert f'id="answer-{field}-problem"' in page.text
    assert kinds(site, asked.id) == ["filed"]


def test_a_contacts_links_are_withdrawn_with_a_reason(site: Site) -> None:
    asked = site.installation.file()
    path = site.link(asked.id)
    staff = site.staff(site.installation.cast.pm)
    assert "Withdraw the contact’s links" in staff.get(f"/requests/{asked.id}").text
    contact = str(site.installation.cast.contact)
    sent = staff.post(f"/requests/{asked.id}/revoke-links", person_id=contact, reason="Forwarded")
    assert (sent.status_code, sent.headers["location"]) == (303, f"/requests/{asked.id}?done=revoke-links")
    assert "The links are withdrawn" in text_of(staff.get(sent.headers["location"]))
    assert site.visitor.get(path).status_code == 410


@pytest.mark.parametrize(("field", "value"), [("reason", " "), ("person_id", "nobody")])
def test_a_withdrawal_that_says_too_little_is_told_at_its_field(site: Site, field: str, value: str) -> None:
    asked = site.installation.file()
    path = site.link(asked.id)
    form = {"person_id": str(site.installation.cast.contact), "reason": "Forwarded", field: value}
    page = site.staff(site.installation.cast.pm).post(f"/requests/{asked.id}/revoke-links", **form)
    assert page.status_code == 422
    assert f'id="revoke-{field}-problem"' in page.text
    assert site.visitor.get(path).status_code == 200


@pytest.mark.parametrize("part", ["other_pm", "auditor"])
def test_links_are_withdrawn_by_the_requests_own_people_only(site: Site, part: str) -> None:
    asked = site.installation.file()
    path = site.link(asked.id)
    staff = site.staff(getattr(site.installation.cast, part))
    form = {"person_id": str(site.installation.cast.contact), "reason": "Forwarded"}
    assert "revoke-links" not in staff.get(f"/requests/{asked.id}").text
    assert staff.post(f"/requests/{asked.id}/revoke-links", **form).status_code == 403
    assert site.visitor.get(path).status_code == 200


def test_a_request_that_does_not_exist_has_a_page_that_says_so(site: Site) -> None:
    staff = site.staff(site.installation.cast.pm)
    for path in ("/requests/01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a11", "/requests/x", "/nowhere"):
        page = staff.get(path)
        assert page.status_code == 404
        assert "Nothing here" in page.text
        assert "you typed" not in page.text  # nothing is promised that no page can keep


def test_a_form_without_our_token_is_refused(site: Site) -> None:
    asked = site.installation.file()
    staff = site.staff(site.installation.cast.pm)
    for csrf in ("", "wrong", site.staff(site.installation.cast.pm).csrf()):  # the last is another session's
        data = {"csrf": csrf, "version": "1", "reason": "x"}
        assert staff.client.post(f"/requests/{asked.id}/cancel", data=data).status_code == 403
    assert kinds(site, asked.id) == ["filed"]


def test_reading_staff_pages_changes_nothing(site: Site) -> None:
    asked = site.installation.file()
    staff = site.staff(site.installation.cast.pm)
    before = site.everything()
    for path in ("/", "/requests", f"/requests/{asked.id}", "/requests/new", "/status"):
        assert staff.get(path).status_code in (200, 303)
    assert site.everything() == before


def test_staff_pages_allow_own_scripts_only(site: Site) -> None:
    page = site.staff(site.installation.cast.pm).get("/requests")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


def test_the_filing_stands_before_the_mail_it_caused(site: Site) -> None:
    site.installation.clock.advance(seconds=0.3)  # filed within a second, told within the same
    request = site.installation.file()
    site.installation.clock.advance(seconds=0.2)
    site.installation.work()
    page = text_of(site.staff(site.installation.cast.pm).get(f"/requests/{request.id}"))
    assert page.index("filed the request") < page.index("E-mail to Corinne Contact")


# --- a deadline explained --------------------------------------------------------------------------------------------


def test_the_page_of_a_clock_says_why_it_is_due_then_in_words_and_spans(site: Site) -> None:
    asked = site.installation.file()
    staff = site.staff(site.installation.cast.pm)
    assert f"/requests/{asked.id}/clocks/answer" in staff.get(f"/requests/{asked.id}").text
    page = text_of(staff.get(f"/requests/{asked.id}/clocks/answer"))
    assert "Allowed are 24 hours to the target and 48 hours to the limit" in page
    assert "Every hour counts" in page
    assert "The limit is reached when 48 hours have counted: Wed 4 Mar 2026, 09:00" in page


def test_a_clock_the_request_does_not_have_is_not_found(site: Site) -> None:
    staff = site.staff(site.installation.cast.pm)
    assert staff.get(f"/requests/{site.installation.cast.site}/clocks/answer").status_code == 404
    assert staff.get(f"/requests/{site.installation.file().id}/clocks/nothing").status_code in (404, 422)
