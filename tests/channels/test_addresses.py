"""One idea of an address at the door and on the wire: what is taken can be mailed, and to nobody else."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from slamon.channels.email import EmailChannel
from slamon.channels.mail import MOST_BYTES, compose, sender_of
from slamon.clock import Clock
from slamon.errors import DeliveryError
from slamon.wording.message import DigestLine, MessageKind
from slamon.wording.messages import put_into_words
from tests.callers import Api
from tests.channels.messages import ACKNOWLEDGEMENT, a_message, to_contact
from tests.servers.slack_and_mail import NOON, closed_port

SENDER = "slamon <slamon@sponsor.example>"


class Keeping:
    """Keeps the addresses it was given."""

    def __init__(self) -> None:
        self.recipients: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        self.recipients += envelope.rcpt_tos
        return "250 OK"


@contextmanager
def mail_server(*, speaks_smtputf8: bool) -> Iterator[tuple[Keeping, EmailChannel]]:
    kept, port = Keeping(), closed_port()
    controller = Controller(kept, hostname="127.0.0.1", port=port, enable_SMTPUTF8=speaks_smtputf8)
    controller.start()
    try:
        yield kept, EmailChannel(f"smtp://127.0.0.1:{port}?starttls=never", SENDER, clock=Clock())
    finally:
        controller.stop()


@pytest.mark.parametrize(
    ("address", "on_the_wire"),
    [
        ("ann@faß.example", "ann@xn--fa-hia.example"),
        ("ann@straße.example", "ann@xn--strae-oqa.example"),
        ("Ann@CMO.Example", "Ann@cmo.example"),
    ],
)
def test_a_mail_goes_to_the_domain_that_was_typed(address: str, on_the_wire: str) -> None:
    with mail_server(speaks_smtputf8=False) as (kept, channel):
        channel.send(to_contact(address=address))
    assert kept.recipients == [on_the_wire]


def test_letters_outside_ascii_before_the_at_go_where_the_server_takes_them() -> None:
    with mail_server(speaks_smtputf8=True) as (kept, channel):
        channel.send(to_contact(address="žofie@halden.example"))
        channel.send(to_contact(address="ann@halden.example"))
    assert kept.recipients == ["žofie@halden.example", "ann@halden.example"]
    refusal = pytest.raises(DeliveryError, match="SMTPUTF8")
    with mail_server(speaks_smtputf8=False) as (kept, channel), refusal as caught:
        channel.send(to_contact(address="žofie@halden.example"))
    assert caught.value.permanent
    assert kept.recipients == []


def person(api: Api, **said: Any) -> Any:
    return api.admin.post("/v1/people", json={"name": "Ann", "email": "ann@new.example", "roles": ["head"], **said})


@pytest.mark.parametrize(
    "email",
    [
        "ann", "ann@", "@x.example", "a..b@x.example", "ann@x", "ann@x_y.example", "ann@[10.0.0.1]", "ann@localhost",
        "ann@corp.local", "ann@x.example\u200b", '"a b"@x.example', "ann@-x.example", "ann@x..example", "a@b@x.example",
        f"{'a' * 65}@x.example",
    ],
)  # fmt: skip
def test_what_could_not_be_mailed_is_refused_at_the_door(api: Api, email: str) -> None:
    answer = person(api, email=email)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == ["email"]


def test_addresses_at_two_domains_are_two_addresses_and_case_makes_no_difference(api: Api) -> None:
    assert person(api, email="ann@fass.example").status_code == 201
    assert person(api, email="ann@faß.example").status_code == 201
    assert person(api, email="ANN@FASS.example").status_code == 409
    assert person(api, email="ann@xn--fa-hia.example").status_code == 409


@pytest.mark.parametrize("name", ["http://evil.example", "www.evil.example", "Ann @ evil", "a\u202eb", "ｗｗｗ.x.de"])
def test_a_name_that_looks_like_a_link_or_hides_something_is_refused(api: Api, name: str) -> None:
    cast = api.installation.cast
    contact = {"cmo_id": str(cast.cmo), "email": "ann@cmo.example", "roles": ["cmo_contact"]}
    for path, body in (
        ("/v1/people", {"email": "ann@new.example", "roles": ["head"]}),
        ("/v1/contacts", contact),
        ("/v1/cmos", {}),
        ("/v1/sites", {"cmo_id": str(cast.cmo), "country": "CH", "time_zone": "Europe/Zurich"}),
    ):
        answer = api.admin.post(path, json={**body, "name": name})
        assert answer.status_code == 422, answer.text
        assert [error["field"] for error in answer.json()["errors"]] == ["name"]


def test_no_mail_program_makes_a_link_of_a_name() -> None:
    words = put_into_words(a_message(cmo_name="evil.example", sponsor_name="St.Gallen", recipient_name="a.b"))
    assert "evil.example" not in str(words)
    assert "evil.\u2060example" in words.headline


def test_a_digest_stays_under_what_mail_programs_show() -> None:
    link = "https://slamon.example/r/" + "t" * 60
    lines = tuple(
        DigestLine(f"SHP-2026-{number:06}", "shipment", MessageKind.LIMIT, (ACKNOWLEDGEMENT,) * 4, link)
        for number in range(1000, 1200)
    )
    digest = to_contact(kind=MessageKind.DIGEST, lines=lines, more_lines=7)
    mail = compose(digest, sender_of(SENDER), NOON)
    assert len(mail.content) <= MOST_BYTES
    text = message_from_bytes(mail.content, policy=policy.default).get_body(("plain",)).get_content()
    listed = len(set(re.findall(r"SHP-2026-(\d{6})", text)) - {"000042"})
    assert 50 < listed < 200
    assert re.findall(r"(\d+) more", text) == [str(207 - listed)]


@pytest.mark.parametrize(
    ("detail", "subject"),
    [
        ("The account of Ada is locked. Somebody guessed.", "Alarm: The account of Ada is locked"),
        ("Slack refuses the token: invalid_auth.", "Alarm: Slack refuses the token: invalid_auth"),
    ],
)
def test_each_alarm_has_a_subject_of_its_own(detail: str, subject: str) -> None:
    words = put_into_words(a_message(kind=MessageKind.ALARM, number="", clocks=(), detail=detail))
    assert words.subject == subject


def test_a_slack_channel_is_kept_as_the_id_that_the_test_post_returns(api: Api) -> None:
    """The fake answers as Slack does: with the channel's id, whatever it was called by."""
    api.installation.slack.name = "C0NEWCHAN"
    made = api.admin.post("/v1/cmos", json={"name": "New CMO", "slack_channel": "#new-cmo"})
    assert made.json()["slack_channel"] == "C0NEWCHAN"
    assert [post.kind for post in api.installation.slack.sent_to("#new-cmo")] == [MessageKind.TEST]
    api.installation.slack.failures.append(DeliveryError("channel_not_found", permanent=True))
    change = {"slack_channel": "#gone", "reason": "Moved"}
    refused = api.admin.patch(f"/v1/cmos/{made.json()['id']}", json=change)
    assert [error["field"] for error in refused.json()["errors"]] == ["slack_channel"]
    assert api.admin.get(f"/v1/cmos/{made.json()['id']}").json()["slack_channel"] == "C0NEWCHAN"


def test_only_who_may_change_a_cmo_makes_slamon_post_into_a_channel(api: Api) -> None:
    path, change = f"/v1/cmos/{api.installation.cast.other_cmo}", {"slack_channel": "#secret", "reason": "Curious"}
    for who in (api.pm, api.lead, api.head, api.quality, api.auditor, api.contact):
        assert who.patch(path, json=change).status_code in (403, 404)
    assert api.admin.patch(path, json=change, headers={"If-Match": '"99"'}).status_code == 412
    assert not api.installation.slack.sent_to("#secret")
