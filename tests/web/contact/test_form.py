"""The contact's form, through HTTP."""

from datetime import timedelta
from typing import Any

import pytest

from slamon.db.outbox import FormLink
from slamon.db.parties import Person, PersonStatus
from slamon.db.requests import CmoRequest
from slamon.domain.lifecycle import Action
from slamon.services.access.callers import secret_digest
from slamon.services.access.form_links import revoke_links
from slamon.services.requests.queries import facts_of
from slamon.wording.message import MessageKind
from tests.installation import CONTACT
from tests.pages import Site, text_of

DETAIL = {"category": "schedule_capacity", "questions": ["Is week 20 free?", "And week 21?"]}


@pytest.fixture
def asked(site: Site) -> CmoRequest:
    return site.installation.file(detail=DETAIL, description="We hold a slot.", cmo_reference="PO-77")


@pytest.fixture
def path(site: Site, asked: CmoRequest) -> str:
    return site.link(asked.id)


def facts(site: Site, asked: CmoRequest) -> list[tuple[str, str, Any]]:
    with site.installation.runtime.db.read() as session:
        return [(fact.kind, fact.via, fact.content.get("text") or fact.reason) for fact in facts_of(session, asked.id)]


def state(site: Site, asked: CmoRequest) -> str:
    with site.installation.runtime.db.read() as session:
        return session.get_one(CmoRequest, asked.id).state


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_the_form_changes_nothing(site: Site, path: str, method: str) -> None:
    before = site.everything()
    assert site.visitor.request(method, path).status_code == 200
    assert site.everything() == before


def test_the_form_shows_what_is_asked_by_when_and_whose_clock_it_is(site: Site, path: str) -> None:
    page = text_of(site.visitor.get(path))
    for words in ("Auriga Bio asks Rhein Fill AG, Basel", "Capacity in May", "We hold a slot.", "Is week 20 free?"):
        assert words in page
    assert "Your reference PO-77" in page
    assert "Please confirm receipt by Tue 3 Mar 2026, 10:00 Zurich (UTC+01:00) 09:00 UTC at Auriga Bio" in page
    assert "receipt due in 24 h Your clock is running." in page


def test_the_form_needs_neither_cookie_nor_script(site: Site, path: str) -> None:
    page = site.visitor.get(path)
    assert "set-cookie" not in page.headers
    assert "<script" not in page.text
    assert " style=" not in page.text


def test_the_form_tells_its_address_to_nobody_and_is_kept_by_nobody(site: Site, path: str) -> None:
    headers = site.visitor.get(path).headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-robots-tag"] == "noindex"
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    )


def test_pressing_received_acknowledges_and_thanks(site: Site, asked: CmoRequest, path: str) -> None:
    sent = site.visitor.post(f"{path}/acknowledge", data={"expected_on": "2026-03-04"})
    assert (sent.status_code, sent.headers["location"]) == (303, f"{path}?done=acknowledge")
    assert sent.headers["referrer-policy"] == "no-referrer"
    page = text_of(site.visitor.get(sent.headers["location"]))
    assert "Receipt is confirmed" in page
    assert "Answer expected on Wed 4 Mar 2026" in page
    assert facts(site, asked)[1:] == [("acknowledged", "web_form", None)]


def test_after_the_receipt_the_answer_is_the_main_button(site: Site, path: str) -> None:
    site.visitor.post(f"{path}/acknowledge")
    page = site.visitor.get(path).text
    assert page.count('class="primary') == 1
    assert '<button class="primary wide big" type="submit">Send answer</button>' in page


def test_an_answer_is_recorded_with_its_text(site: Site, asked: CmoRequest, path: str) -> None:
    sent = site.visitor.post(f"{path}/answer", data={"text": "Yes.\r\nBoth weeks. Zürich שלום"})
    assert "Your answer was sent" in text_of(site.visitor.get(sent.headers["location"]))
    assert facts(site, asked)[1:] == [("answered", "web_form", "Yes.\nBoth weeks. Zürich שלום")]
    assert state(site, asked) == "answered"


def test_a_question_pauses_the_clock_and_the_page_says_so(site: Site, asked: CmoRequest, path: str) -> None:
    site.visitor.post(f"{path}/ask", data={"text": "Which line?"})
    page = text_of(site.visitor.get(path))
    assert "Waiting for Auriga Bio. Auriga Bio owes you a reply by Tue 3 Mar 2026, 10:00 Zurich" in page
    assert "Your clock is paused: this time does not count against you." in page
    assert state(site, asked) == "awaiting_sponsor"


def test_declining_needs_a_reason(site: Site, asked: CmoRequest, path: str) -> None:
    assert site.visitor.post(f"{path}/decline", data={"reason": " "}).status_code == 422
    assert site.visitor.post(f"{path}/decline", data={"reason": "No capacity"}).status_code == 303
    assert facts(site, asked)[1:] == [("declined", "web_form", "No capacity")]


def test_the_same_form_sent_twice_counts_once(site: Site, asked: CmoRequest, path: str) -> None:
    for _ in range(2):
        assert site.visitor.post(f"{path}/answer", data={"text": "Yes"}).status_code == 303
    assert len(facts(site, asked)) == 2


def test_an_empty_answer_comes_back_naming_the_field(site: Site, asked: CmoRequest, path: str) -> None:
    page = site.visitor.post(f"{path}/answer", data={"text": "  "})
    assert page.status_code == 422
    assert 'aria-describedby="answer-text-problem"' in page.text
    assert "Must not be empty" in page.text
    assert len(facts(site, asked)) == 1


@pytest.mark.parametrize("day", ["2026-03-01", "soon"])
def test_an_expected_date_that_cannot_be_meant_comes_back(site: Site, asked: CmoRequest, path: str, day: str) -> None:
    page = site.visitor.post(f"{path}/acknowledge", data={"expected_on": day})
    assert page.status_code == 422
    assert 'id="acknowledge-expected_on-problem"' in page.text
    assert f'value="{day}"' in page.text
    assert len(facts(site, asked)) == 1


def test_today_at_the_site_is_not_in_the_past(site: Site, path: str) -> None:
    site.installation.clock.advance(hours=14, minutes=30)  # 23:30 UTC, but 00:30 of the next day in Zurich
    assert site.visitor.post(f"{path}/acknowledge", data={"expected_on": "2026-03-02"}).status_code == 422
    assert site.visitor.post(f"{path}/acknowledge", data={"expected_on": "2026-03-03"}).status_code == 303


def test_a_text_longer_than_anybody_reads_is_refused_and_kept(site: Site, asked: CmoRequest, path: str) -> None:
    page = site.visitor.post(f"{path}/answer", data={"text": "x" * 10_001})
    assert page.status_code == 422
    assert "x" * 10_001 in page.text
    assert len(facts(site, asked)) == 1


def test_what_is_not_possible_any_more_is_told_kindly_and_keeps_the_text(
    site: Site, asked: CmoRequest, path: str
) -> None:
    site.installation.act(asked.id, Action.ASK, by=site.installation.cast.contact, text="Which line?")
    page = site.visitor.post(f"{path}/answer", data={"text": "Long thoughts"})
    assert page.status_code == 409
    assert "It is not possible to answer any more; nothing was sent." in text_of(page)
    assert "Long thoughts</textarea>" in page.text
    assert state(site, asked) == "awaiting_sponsor"


def test_what_was_typed_cannot_become_markup(site: Site, path: str) -> None:
    site.visitor.post(f"{path}/answer", data={"text": "<script>alert(1)</script>"})
    assert "<script>" not in site.visitor.get(path).text


def test_inner_steps_of_the_sponsor_are_not_shown_to_the_contact(site: Site, asked: CmoRequest, path: str) -> None:
    site.installation.act(asked.id, Action.TAKE, by=site.installation.cast.lead)
    site.installation.act(asked.id, Action.FOLLOW_UP, by=site.installation.cast.pm, text="Any news?")
    page = text_of(site.visitor.get(path))
    assert "Any news?" in page
    assert "Leo Lead" not in page


def test_thanks_are_given_only_for_what_was_done(site: Site, path: str) -> None:
    assert "Thank you" not in text_of(site.visitor.get(f"{path}?done=answer"))


def test_an_action_that_is_not_the_contacts_does_not_exist(site: Site, asked: CmoRequest, path: str) -> None:
    for action in ("accept", "cancel", "reply", "nonsense"):
        assert site.visitor.post(f"{path}/{action}", data={"reason": "x", "text": "x"}).status_code == 404
    assert state(site, asked) == "filed"


def test_an_unknown_link_opens_nothing(site: Site) -> None:
    page = site.visitor.get("/r/nothing-of-the-kind")
    assert page.status_code == 404
    assert "fresh-link" not in page.text


def test_an_expired_link_can_send_a_fresh_one_to_its_own_address(site: Site, path: str) -> None:
    site.installation.work()
    site.installation.clock.advance_real(days=15)
    page = site.visitor.get(path)
    assert page.status_code == 410
    assert "c…@cmo.example" in page.text
    assert CONTACT not in page.text
    sent = site.visitor.post(f"{path}/fresh-link", data={"email": "thief@example.com"})
    assert sent.status_code == 303
    assert "A fresh link is on its way to c…@cmo.example" in text_of(site.visitor.get(sent.headers["location"]))
    site.installation.work()
    assert len(site.installation.email.sent_to(CONTACT, MessageKind.FRESH_LINK)) == 1
    assert not site.installation.email.sent_to("thief@example.com")


def test_fresh_links_are_sent_one_at_a_time(site: Site, path: str) -> None:
    site.installation.clock.advance_real(days=15)
    site.visitor.post(f"{path}/fresh-link")
    site.installation.work()
    again = site.visitor.post(f"{path}/fresh-link")
    assert again.status_code == 429
    assert int(again.headers["retry-after"]) > 0


def test_an_expired_link_gives_back_what_was_typed(site: Site, asked: CmoRequest, path: str) -> None:
    site.installation.clock.advance_real(days=15)
    page = site.visitor.post(f"{path}/answer", data={"text": "Two hours of work"})
    assert page.status_code == 410
    assert "Two hours of work" in page.text
    assert len(facts(site, asked)) == 1


def withdraw(site: Site, asked: CmoRequest) -> None:
    by = site.installation.caller(site.installation.cast.pm)
    with site.installation.runtime.write() as tx:
        revoke_links(tx, asked.id, site.installation.cast.contact, by=by, reason="Forwarded")


def test_a_revoked_link_opens_nothing(site: Site, asked: CmoRequest, path: str) -> None:
    withdraw(site, asked)
    page = site.visitor.get(path)
    assert page.status_code == 410
    assert "withdrawn" in page.text
    assert site.visitor.post(f"{path}/answer", data={"text": "Yes"}).status_code == 410
    assert len(facts(site, asked)) == 1


def test_a_revoked_link_can_send_a_fresh_one_to_its_own_address(site: Site, asked: CmoRequest, path: str) -> None:
    withdraw(site, asked)
    site.installation.clock.advance_real(minutes=6)
    assert "We can mail a fresh link to c…@cmo.example" in text_of(site.visitor.get(path))
    sent = site.visitor.post(f"{path}/fresh-link")
    assert sent.status_code == 303
    assert "A fresh link is on its way to c…@cmo.example" in text_of(site.visitor.get(sent.headers["location"]))
    site.installation.work()
    assert len(site.installation.email.sent_to(CONTACT, MessageKind.FRESH_LINK)) == 1


def test_a_disabled_contact_is_offered_no_fresh_link(site: Site, asked: CmoRequest, path: str) -> None:
    with site.installation.runtime.db.write() as session:
        session.get_one(Person, site.installation.cast.contact).status = PersonStatus.DISABLED.value
    page = site.visitor.get(path)
    assert page.status_code == 410
    assert "fresh-link" not in page.text
    assert site.visitor.post(f"{path}/fresh-link").status_code == 410
    site.installation.work()
    assert not site.installation.email.sent_to(CONTACT, MessageKind.FRESH_LINK)


def test_a_revoked_link_of_a_closed_request_offers_no_fresh_one(site: Site, asked: CmoRequest, path: str) -> None:
    withdraw(site, asked)
    site.installation.act(asked.id, Action.CANCEL, by=site.installation.cast.pm, reason="Done otherwise")
    assert "fresh-link" not in site.visitor.get(path).text


def test_a_request_sent_back_is_the_contacts_turn_again(site: Site, asked: CmoRequest, path: str) -> None:
    site.visitor.post(f"{path}/answer", data={"text": "Perhaps"})
    assert "Nothing to do now. Auriga Bio looks at your answer." in text_of(site.visitor.get(path))
    site.installation.act(asked.id, Action.REJECT, by=site.installation.cast.pm, reason="Which week?")
    page = text_of(site.visitor.get(path))
    assert "Sent back to you: please answer again by Tue 3 Mar 2026, 10:00 Zurich" in page
    assert "Nothing to do now" not in page
    assert site.visitor.post(f"{path}/answer", data={"text": "Week 20"}).status_code == 303


def test_a_question_about_a_request_sent_back_waits_for_the_sponsor_without_a_clock(
    site: Site, asked: CmoRequest, path: str
) -> None:
    site.visitor.post(f"{path}/answer", data={"text": "Perhaps"})
    site.installation.act(asked.id, Action.REJECT, by=site.installation.cast.pm, reason="Which week?")
    site.visitor.post(f"{path}/ask", data={"text": "Of which year?"})
    page = text_of(site.visitor.get(path))
    assert "Waiting for Auriga Bio." in page
    assert "No clock runs for you." in page


def test_the_link_of_a_closed_request_says_that_nothing_is_needed(site: Site, asked: CmoRequest, path: str) -> None:
    site.installation.act(asked.id, Action.CANCEL, by=site.installation.cast.pm, reason="Done otherwise")
    page = site.visitor.get(path)
    assert page.status_code == 410
    assert "Nothing more is needed from you" in page.text


def test_a_link_opens_one_request_only(site: Site, asked: CmoRequest, path: str) -> None:
    other = site.installation.file(subject="Something else")
    site.visitor.post(f"{path}/answer", data={"text": "Yes"})
    assert (state(site, asked), state(site, other)) == ("answered", "filed")


def test_a_link_of_somebody_elses_cmo_opens_nothing_to_act_on(site: Site, asked: CmoRequest) -> None:
    foreign = site.link(asked.id, site.installation.cast.other_contact)
    assert site.visitor.post(f"{foreign}/answer", data={"text": "Yes"}).status_code == 404
    assert state(site, asked) == "filed"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
    ],
)
def test_a_form_on_another_site_is_refused(site: Site, asked: CmoRequest, path: str, headers: dict[str, str]) -> None:
    assert site.visitor.post(f"{path}/acknowledge", headers=headers).status_code == 403
    assert state(site, asked) == "filed"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin", "origin": "null"},  # what browsers send under no-referrer
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8000"},
        {},
    ],
)
def test_our_own_form_is_taken_from_any_browser(site: Site, path: str, headers: dict[str, str]) -> None:
    assert site.visitor.post(f"{path}/acknowledge", headers=headers).status_code == 303


def test_calls_of_one_link_are_limited(site: Site, path: str) -> None:
    answers = [site.visitor.get(path) for _ in range(41)]
    assert [answer.status_code for answer in answers] == [200] * 40 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Too many attempts" in answers[-1].text


def test_a_body_larger_than_allowed_is_refused_with_a_page(site: Site, path: str) -> None:
    page = site.visitor.post(f"{path}/answer", data={"text": "x" * 1_100_000})
    assert page.status_code == 413
    assert "That is too large" in page.text


def test_the_token_is_not_stored_as_it_is(site: Site, path: str) -> None:
    token = path.removeprefix("/r/")
    assert token not in str(site.everything())
    with site.installation.runtime.db.read() as session:
        link = session.get_one(FormLink, secret_digest(token))
    assert link.expires_at - link.minted_at == timedelta(days=14)


def test_the_contact_reads_why_an_answer_is_due_then_and_reading_changes_nothing(
    site: Site, asked: CmoRequest, path: str
) -> None:
    site.installation.act(asked.id, Action.ASK, by=site.installation.cast.contact, text="Which lot?")
    site.installation.clock.advance(hours=2)
    before = site.everything()
    page = text_of(site.visitor.get(f"{path}/clocks/answer"))
    assert "Paused since Mon 2 Mar 2026, 10:00 Zurich (UTC+01:00)" in page
    assert "waiting for the sponsor's reply" in page
    assert site.everything() == before


def test_an_ended_link_explains_no_clock_and_leads_to_where_it_says_why(site: Site, path: str) -> None:
    site.installation.clock.advance(days=20)
    answer = site.visitor.get(f"{path}/clocks/answer")
    assert (answer.status_code, answer.headers["location"]) == (303, path)
