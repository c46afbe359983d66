"""The whole promise, on a fast clock: one CMO answers through the form, another stays silent and escalates."""

from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from slamon.db.requests import CmoRequest, FactRow
from slamon.demo.cast import COUNTERPARTS, LEAD, PM, site_and_project
from slamon.demo.fakes.mailbox import ReceivedMail
from slamon.demo.fakes.slack_server import Post
from slamon.demo.scenes import ASPEN, TRINITY, Star
from slamon.demo.stage import Stage
from slamon.wording.message import MessageKind
from tests.demo.serving import eventually, running_demo

FOUR_HOURS_A_SECOND = 14_400
Demo = tuple[Stage, httpx.Client]


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running_demo(speed=FOUR_HOURS_A_SECOND) as running:
        yield running


@pytest.fixture(scope="module")
def visitors_request(demo: Demo) -> str:
    """A request the visitor filed by API with the key on the start page; to a site whose contact plays along."""
    stage, browser = demo
    with stage.runtime.db.read() as session:
        site_id, project_id = site_and_project(session, "Cipla, Goa, India")
    body = {
        "type": "inquiry",
        "project_id": str(project_id),
        "site_id": str(site_id),
        "subject": "Is anybody there?",
        "detail": {"category": "other", "questions": ["Is anybody there?"]},
    }
    headers = {"Authorization": f"Bearer {stage.api_keys['project manager']}"}
    answer = browser.post("/v1/requests", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["number"])


@pytest.fixture(scope="module")
def escalation(demo: Demo) -> tuple[Post, ReceivedMail]:
    """The lead's Slack message and mail about the request that met silence."""
    stage, _ = demo
    channel = COUNTERPARTS[ASPEN].channel
    post = eventually(lambda: _limit_post(stage, channel), "the breach in the CMO's Slack channel")
    mail = eventually(lambda: _limit_mail(stage), "the mail to the lead")
    return post, mail


def test_one_request_is_acknowledged_through_the_web_form(demo: Demo) -> None:
    stage, _ = demo
    receipt = eventually(lambda: _receipt(stage, stage.number_of(Star.ANSWERED)), "the receipt through the form")
    contact = COUNTERPARTS[TRINITY].contact
    assert (receipt.by_name, receipt.via) == (contact, "web_form")


def test_a_silent_one_reaches_slack_and_the_leads_mail(demo: Demo, escalation: tuple[Post, ReceivedMail]) -> None:
    stage, _ = demo
    post, mail = escalation
    assert str(stage.number_of(Star.SILENT)) in post.text
    assert "48 hours" in str(mail.message["Subject"])


def test_the_inbox_shows_both(demo: Demo, escalation: tuple[Post, ReceivedMail]) -> None:
    _, browser = demo
    post, mail = escalation
    number = str(mail.key).partition("/")[0]
    assert number in browser.get(f"/demo/inbox/slack/{post.channel[1:]}").text
    assert number in browser.get(f"/demo/inbox/mail/{mail.place}").text
    assert "48 hours" in browser.get(f"/demo/inbox/mail/{mail.place}/body").text
    assert f"/demo/inbox/mail/{mail.place}" in browser.get(f"/demo/inbox?box={LEAD}").text


def test_the_start_page_ticks_all_three_steps(demo: Demo, escalation: tuple[Post, ReceivedMail]) -> None:
    _, browser = demo
    assert eventually(lambda: browser.get("/demo").text.count('class="step done"') == 3, "three ticks")


def test_nobody_of_the_cast_answers_what_the_visitor_filed(
    demo: Demo, visitors_request: str, escalation: tuple[Post, ReceivedMail]
) -> None:
    stage, _ = demo
    assert visitors_request not in stage.scenes
    assert _state(stage, visitors_request) == "filed"


def test_the_contacts_card_opens_the_mail_of_the_visitors_own_request(demo: Demo, visitors_request: str) -> None:
    stage, browser = demo
    place = eventually(lambda: _filed_mail(stage, visitors_request), "the mail to the contact").place
    assert f'href="/demo/inbox/mail/{place}"' in browser.get("/demo").text


def test_whoever_wants_a_staff_page_chooses_whom_to_be(demo: Demo) -> None:
    stage, _ = demo
    with httpx.Client(base_url=stage.base_url, trust_env=False, follow_redirects=True) as visitor:
        asked = visitor.get("/requests")
        assert asked.url.path == "/demo/who"
        shown = visitor.post(f"/demo/be/{PM.partition('@')[0]}", data={"goes_to": "/requests"})
        assert shown.url.path == "/requests"
        assert "Maya Lindholm" in shown.text


def test_another_site_cannot_make_a_browser_sign_in(demo: Demo) -> None:
    _, browser = demo
    answer = browser.post("/demo/be/ingrid.voss", headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


def test_only_names_of_this_machine_are_answered_to(demo: Demo) -> None:
    _, browser = demo
    assert browser.get("/demo", headers={"Host": "evil.example"}).status_code == 400


def test_a_mail_is_shown_in_a_frame_that_runs_nothing(demo: Demo) -> None:
    _, browser = demo
    policy = browser.get("/demo/inbox/mail/1/body").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy


def _receipt(stage: Stage, number: str | None) -> FactRow | None:
    with stage.runtime.db.read() as session:
        statement = select(FactRow).where(FactRow.request_id == _id_of(stage, number), FactRow.kind == "acknowledged")
        return session.scalars(statement).one_or_none()


def _id_of(stage: Stage, number: str | None) -> UUID | None:
    with stage.runtime.db.read() as session:
        return session.scalar(select(CmoRequest.id).where(CmoRequest.number == number))


def _state(stage: Stage, number: str) -> str | None:
    with stage.runtime.db.read() as session:
        return session.scalar(select(CmoRequest.state).where(CmoRequest.number == number))


def _limit_post(stage: Stage, channel: str) -> Post | None:
    return next((post for post in stage.slack.in_channel(channel) if "/limit/" in str(post.key)), None)


def _limit_mail(stage: Stage) -> ReceivedMail | None:
    key = f"{stage.number_of(Star.SILENT)}/limit/"
    return next((mail for mail in stage.mailbox.to(LEAD) if str(mail.key).startswith(key)), None)


def _filed_mail(stage: Stage, number: str) -> ReceivedMail | None:
    return next((mail for _, mail in stage.mails(MessageKind.FILED, number)), None)
