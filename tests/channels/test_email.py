import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from slamon.channels.email import EmailChannel
from slamon.channels.mail_server import MAILS_PER_CONNECTION
from slamon.channels.smtp_url import Security, parse_smtp_url
from slamon.clock import Clock
from slamon.demo.fakes.mailbox import Mailbox
from slamon.errors import DeliveryError
from slamon.wording.facts import FACTS
from slamon.wording.message import Message, MessageKind
from tests.channels.messages import to_contact
from tests.installation import ManualClock
from tests.servers.slack_and_mail import NOON, closed_port, running_mailbox

SENDER = "Nordlicht Bio via slamon <slamon@nordlicht.example>"
ROOT_ID = "<root@slamon.example>"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with running_mailbox() as running:
        yield running


@pytest.fixture
def channel(mailbox: Mailbox) -> EmailChannel:
    return a_channel(mailbox.url)


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def a_channel(url: str, tls: ssl.SSLContext | None = None, clock: Clock | None = None) -> EmailChannel:
    clock = clock or ManualClock(NOON)
    return EmailChannel(url, SENDER, clock=clock, connect_timeout_seconds=2, answer_timeout_seconds=0.3, tls=tls)


def refused(channel: EmailChannel, message: Message | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        channel.send(message or to_contact())
    return caught.value


def traits(error: DeliveryError) -> set[str]:
    names = ("permanent", "ambiguous", "route_down")
    return {name for name in names if getattr(error, name)}


def test_a_mail_has_one_recipient_plain_text_first_and_html_beside_it(mailbox: Mailbox, channel: EmailChannel) -> None:
    receipt = channel.send(to_contact())
    (mail,) = mailbox.mails
    assert mail.recipients == ("ana@halden.example",)
    assert [part.get_content_type() for part in mail.message.iter_parts()] == ["text/plain", "text/html"]
    assert receipt.provider_id == "<n1@slamon.example>" == mail.message["Message-ID"]
    assert mail.key == to_contact().key
    assert mail.message["Date"].datetime == NOON


def test_a_contact_reads_what_is_asked_by_when_and_where_to_press(mailbox: Mailbox, channel: EmailChannel) -> None:
    channel.send(to_contact())
    mail = mailbox.mails[0]
    subject = "[SHP-2026-000042] Please confirm receipt by Mon 23 Nov 06:00 (UTC-05:00)"
    assert mail.message["Subject"] == subject
    for body in (mail.text, mail.html):
        for told in (
            "Nordlicht Bio has filed a shipment request with Halden Pharma.",
            "Confirm receipt: your target, 24 hours",
            "Confirm receipt: your limit, 48 hours",
            "Mon 23 Nov 2026, 06:00 New York (UTC-05:00)",
            "12:00 Zurich (UTC+01:00)",
            "PO-7781-ACTIVE-ARM",
            "Open the request",
            "https://slamon.example/r/s3cr3t-t0ken",
            "Opening the link changes nothing",
            "personal to Ana Contact",
        ):
            assert told in body.replace("&#39;", "'")


def test_every_word_before_the_wire_is_seven_bit(mailbox: Mailbox, channel: EmailChannel) -> None:
    channel.send(to_contact(cmo_name="Łódź Pharma", recipient_name="Žofie"))
    assert mailbox.mails[0].raw.isascii()


def test_a_mail_asks_for_no_automatic_answers(mailbox: Mailbox, channel: EmailChannel) -> None:
    channel.send(to_contact())
    headers = mailbox.mails[0].message
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["X-Auto-Response-Suppress"] == "All"


def test_a_later_mail_joins_the_thread_of_the_first(mailbox: Mailbox, channel: EmailChannel) -> None:
    channel.send(to_contact(thread_id=ROOT_ID))
    headers = mailbox.mails[0].message
    assert (headers["In-Reply-To"], headers["References"]) == (ROOT_ID, ROOT_ID)


def test_the_first_mail_is_no_reply_to_itself(mailbox: Mailbox, channel: EmailChannel) -> None:
    channel.send(to_contact(message_id=ROOT_ID, thread_id=ROOT_ID))
    assert mailbox.mails[0].message["In-Reply-To"] is None


def test_long_identifiers_stay_whole(mailbox: Mailbox, channel: EmailChannel) -> None:
    long_id = f"<{'a' * 120}@slamon.example>"
    channel.send(to_contact(message_id=long_id, thread_id=f"<b{long_id[1:]}", key="k" * 150))
    raw = mailbox.mails[0].raw
    assert f"Message-ID: {long_id}\r\n".encode() in raw
    assert f"References: <b{long_id[1:]}\r\n".encode() in raw
    assert b"X-Slamon-Key: " + b"k" * 150 + b"\r\n" in raw


def test_a_message_without_a_message_id_gets_the_same_one_each_time(mailbox: Mailbox, channel: EmailChannel) -> None:
    channel.send(to_contact(message_id=""))
    channel.send(to_contact(message_id=""))
    first, second = (mail.message["Message-ID"] for mail in mailbox.mails)
    assert first == second
    assert first.endswith("@nordlicht.example>")


def test_a_repeat_says_so_and_keeps_its_message_id(mailbox: Mailbox, channel: EmailChannel) -> None:
    channel.send(to_contact())
    channel.send(to_contact(is_repeat=True))
    first, second = mailbox.mails
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert "] Repeat: Please" in second.message["Subject"]
    assert "Repeat of an earlier message" in second.text
    assert "Repeat of an earlier message" in second.html
    assert "Repeat" not in first.text


def test_a_receipt_gives_the_contact_his_own_words_back(mailbox: Mailbox, channel: EmailChannel) -> None:
    channel.send(to_contact(kind=MessageKind.RECEIPT, act=FACTS["answered"], submitted="Kit 17 <b>left</b>\nat noon"))
    mail = mailbox.mails[0]
    assert "> Kit 17 <b>left</b>\n> at noon" in mail.text.replace("\r\n", "\n")
    assert "Kit 17 &lt;b&gt;left&lt;/b&gt;" in mail.html
    assert "Kit 17" not in mail.message["Subject"]


def test_a_mail_that_is_no_receipt_repeats_nothing_of_what_was_submitted(
    mailbox: Mailbox, channel: EmailChannel
) -> None:
    channel.send(to_contact(kind=MessageKind.SPONSOR_ACTED))
    assert b"Kit 17" not in mailbox.mails[0].raw


def test_names_of_every_script_arrive_as_they_are_written(mailbox: Mailbox, channel: EmailChannel) -> None:
    channel.send(to_contact(recipient_name='Žofie "Zo" 李, PhD', cmo_name="Łódź Pharma 株式会社"))
    mail = mailbox.mails[0]
    assert mail.message["To"].addresses[0].display_name == 'Žofie "Zo" 李, PhD'
    assert mail.message["To"].addresses[0].addr_spec == "ana@halden.example"
    assert "Łódź Pharma 株式会社" in mail.text


def test_a_name_that_looks_encoded_arrives_as_it_is_written(mailbox: Mailbox, channel: EmailChannel) -> None:
    channel.send(to_contact(recipient_name="=?utf-8?q?Eve?="))
    assert mailbox.mails[0].message["To"].addresses[0].display_name == "=?utf-8?q?Eve?="


def test_a_long_subject_is_folded_and_reads_as_one_line(mailbox: Mailbox, channel: EmailChannel) -> None:
    channel.send(to_contact(kind=MessageKind.CMO_ACTED, act=FACTS["asked"], cmo_name="Halden Pharma of Boston " * 5))
    mail = mailbox.mails[0]
    assert mail.message["Subject"] == f"[SHP-2026-000042] {'Halden Pharma of Boston ' * 5}asked a question"
    assert max(len(line) for line in mail.raw.splitlines()) <= 78


def test_a_right_to_left_name_is_isolated_and_cannot_turn_the_words_around_it(
    mailbox: Mailbox, channel: EmailChannel
) -> None:
    channel.send(to_contact(recipient_name="\u202eמשה כהן", cmo_name="شركة الأدوية"))
    mail = mailbox.mails[0]
    assert "\u2068شركة الأدوية\u2069" in mail.html
    assert mail.message["To"].addresses[0].display_name == "\u2068משה כהן\u2069"


@pytest.mark.parametrize("field", ["recipient_name", "cmo_name", "sponsor_name", "number", "key", "message_id"])
def test_no_field_can_add_a_header(mailbox: Mailbox, channel: EmailChannel, field: str) -> None:
    channel.send(to_contact(**{field: "Eve\r\nBcc: eve@evil.example\r\n\r\nHello"}))
    (mail,) = mailbox.mails
    parsed = message_from_bytes(mail.raw, EmailMessage, policy=policy.default)
    assert parsed["Bcc"] is None
    assert mail.recipients == ("ana@halden.example",)


@pytest.mark.parametrize(
    "address",
    [
        "ana@halden.example\r\nRCPT TO:<eve@evil.example>",
        "ana@halden.example, eve@evil.example",
        "ana",
        "",
        "a b@c.de",
    ],
)
def test_an_address_that_is_none_fails_for_good_before_any_connection(
    mailbox: Mailbox, channel: EmailChannel, address: str
) -> None:
    assert traits(refused(channel, to_contact(address=address))) == {"permanent"}
    assert mailbox.verbs == []


def test_letters_outside_ascii_before_the_at_are_refused_in_clear_words(channel: EmailChannel) -> None:
    error = refused(channel, to_contact(address="žofie@halden.example"))
    assert traits(error) == {"permanent"}
    assert "outside ASCII" in str(error)


def test_a_domain_outside_ascii_is_written_in_its_ascii_form(mailbox: Mailbox, channel: EmailChannel) -> None:
    channel.send(to_contact(address="ana@bücher.example"))
    assert mailbox.mails[0].recipients == ("ana@xn--bcher-kva.example",)


def test_a_line_of_one_dot_does_not_end_the_mail(mailbox: Mailbox, channel: EmailChannel) -> None:
    channel.send(to_contact(kind=MessageKind.RECEIPT, submitted="before\n.\nafter"))
    channel.send(to_contact(kind=MessageKind.ALARM, detail=".hidden", to_cmo=False))
    assert "> after" in mailbox.mails[0].text
    assert "\n.hidden" in mailbox.mails[1].text.replace("\r\n", "\n")


def test_greylisting_is_temporary_and_the_next_attempt_arrives_once(mailbox: Mailbox, channel: EmailChannel) -> None:
    mailbox.script(["451 Greylisted, come back later"])
    error = refused(channel)
    assert traits(error) == set()
    assert "Greylisted" in str(error)
    channel.send(to_contact())
    assert len(mailbox.mails) == 1


def test_an_unknown_recipient_fails_for_good_and_the_others_do_not(mailbox: Mailbox, channel: EmailChannel) -> None:
    mailbox.refuse("gone@halden.example", "550 No such user here")
    error = refused(channel, to_contact(address="gone@halden.example"))
    channel.send(to_contact(address="ben@halden.example"))
    assert traits(error) == {"permanent"}
    assert "550 No such user here" in str(error)
    assert [mail.recipients for mail in mailbox.mails] == [("ben@halden.example",)]


def test_a_recipient_that_is_busy_is_temporary(mailbox: Mailbox, channel: EmailChannel) -> None:
    mailbox.refuse("ana@halden.example", "452 Mailbox full")
    assert traits(refused(channel)) == set()


def test_a_mail_refused_after_its_data_fails_for_good(mailbox: Mailbox, channel: EmailChannel) -> None:
    mailbox.script(["554 Looks like spam"])
    assert traits(refused(channel)) == {"permanent"}


@pytest.mark.parametrize("fault", ["silent", "silent_after_accept", "drop", "drop_after_accept"])
def test_silence_after_the_data_is_ambiguous(mailbox: Mailbox, channel: EmailChannel, fault: str) -> None:
    mailbox.script([fault])
    assert traits(refused(channel)) == {"ambiguous"}


def test_a_connection_lost_after_the_250_changes_nothing(mailbox: Mailbox, channel: EmailChannel) -> None:
    mailbox.script(["drop_after_250"])
    assert channel.send(to_contact()).provider_id == "<n1@slamon.example>"
    assert len(mailbox.mails) == 1


def test_a_backlog_of_mails_goes_over_one_connection(mailbox: Mailbox, channel: EmailChannel) -> None:
    for number in range(20):
        channel.send(to_contact(message_id=f"<n{number}@slamon.example>"))
    assert [mail.message["Message-ID"] for mail in mailbox.mails] == [f"<n{n}@slamon.example>" for n in range(20)]
    assert mailbox.connections == 1


def test_a_connection_is_left_after_a_few_idle_seconds(mailbox: Mailbox) -> None:
    clock = ManualClock(NOON)
    channel = a_channel(mailbox.url, clock=clock)
    channel.send(to_contact())
    clock.advance_real(seconds=6)
    channel.send(to_contact())
    assert (len(mailbox.mails), mailbox.connections) == (2, 2)


def test_a_connection_is_left_after_its_share_of_mails(mailbox: Mailbox, channel: EmailChannel) -> None:
    for _ in range(MAILS_PER_CONNECTION + 1):
        channel.send(to_contact())
    assert (len(mailbox.mails), mailbox.connections) == (MAILS_PER_CONNECTION + 1, 2)


@pytest.mark.parametrize("fault", ["drop_after_250", "421_after_250"])
def test_a_server_that_hangs_up_between_two_mails_is_called_again(
    mailbox: Mailbox, channel: EmailChannel, fault: str
) -> None:
    mailbox.script([fault])
    channel.send(to_contact())
    channel.send(to_contact())
    assert (len(mailbox.mails), mailbox.connections) == (2, 2)


def test_a_server_that_was_restarted_between_two_mails_is_called_again(mailbox: Mailbox, channel: EmailChannel) -> None:
    channel.send(to_contact())
    mailbox.stop()
    mailbox.start()
    channel.send(to_contact())
    assert len(mailbox.mails) == 2


@pytest.mark.parametrize("fault", ["554 Looks like spam", "451 Greylisted", "silent", "drop"])
def test_a_kept_connection_that_fails_a_mail_is_not_used_again(
    mailbox: Mailbox, channel: EmailChannel, fault: str
) -> None:
    mailbox.script(["ok", fault])
    channel.send(to_contact())
    error = refused(channel)
    channel.send(to_contact())
    assert error.ambiguous is (fault in {"silent", "drop"})
    assert (len(mailbox.mails), mailbox.connections) == (2, 2)


def test_a_refused_recipient_leaves_nothing_behind_for_the_next_mail(mailbox: Mailbox, channel: EmailChannel) -> None:
    mailbox.refuse("gone@halden.example", "550 No such user here")
    channel.send(to_contact())
    assert traits(refused(channel, to_contact(address="gone@halden.example"))) == {"permanent"}
    channel.send(to_contact(address="ben@halden.example"))
    assert mailbox.verbs.count("RCPT") == 3
    assert [mail.recipients for mail in mailbox.mails] == [("ana@halden.example",), ("ben@halden.example",)]


def test_two_threads_never_share_a_connection(mailbox: Mailbox, channel: EmailChannel) -> None:
    messages = [to_contact(message_id=f"<n{number}@slamon.example>") for number in range(40)]
    with ThreadPoolExecutor(2) as threads:
        receipts = list(threads.map(channel.send, messages))
    arrived = sorted(mail.message["Message-ID"] for mail in mailbox.mails)
    assert arrived == sorted(receipt.provider_id for receipt in receipts) == sorted(m.message_id for m in messages)
    assert mailbox.connections <= 2


def test_a_refused_connection_is_a_plain_failure() -> None:
    assert traits(refused(a_channel(f"smtp://127.0.0.1:{closed_port()}?starttls=never"))) == set()


def test_an_unknown_host_is_a_plain_failure() -> None:
    assert traits(refused(a_channel("smtp://mail.invalid?starttls=never"))) == set()


def test_without_starttls_nothing_is_sent_in_clear(mailbox: Mailbox) -> None:
    error = refused(a_channel(f"smtp://127.0.0.1:{mailbox.port}?starttls=required"))
    assert traits(error) == set()
    assert "offers no STARTTLS" in str(error)
    assert mailbox.verbs == []


def test_without_starttls_a_password_is_not_sent_in_clear(mailbox: Mailbox) -> None:
    error = refused(a_channel(f"smtp://ana:pa55@127.0.0.1:{mailbox.port}?starttls=auto"))
    assert traits(error) == set()
    assert mailbox.verbs == []


def test_auto_sends_without_starttls_where_none_is_offered(mailbox: Mailbox) -> None:
    a_channel(f"smtp://127.0.0.1:{mailbox.port}?starttls=auto").send(to_contact())
    assert len(mailbox.mails) == 1


def test_a_certificate_nobody_trusts_is_a_plain_failure_and_nothing_is_sent(certificate: Path) -> None:
    with running_mailbox(tls=server_tls(certificate)) as mailbox:
        error = refused(a_channel(f"smtp://localhost:{mailbox.port}"))
        assert traits(error) == set()
        assert "certificate" in str(error)
        assert mailbox.verbs == []


def test_starttls_and_a_log_in_carry_the_mail(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=f"{certificate}.crt")
    with running_mailbox(login=("slamon", "p@ss/word"), tls=server_tls(certificate)) as mailbox:
        a_channel(f"smtp://slamon:p%40ss%2Fword@localhost:{mailbox.port}", trusting).send(to_contact())
        assert len(mailbox.mails) == 1


def test_a_refused_log_in_takes_the_route_down(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=f"{certificate}.crt")
    with running_mailbox(login=("slamon", "right"), tls=server_tls(certificate)) as mailbox:
        error = refused(a_channel(f"smtp://slamon:wr0ng@localhost:{mailbox.port}", trusting))
        assert traits(error) == {"permanent", "route_down"}
        assert "wr0ng" not in str(error)
        assert mailbox.mails == []


def test_a_mail_server_cannot_be_asked(channel: EmailChannel) -> None:
    with pytest.raises(DeliveryError) as caught:
        channel.find(to_contact(), NOON)
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [
        ("smtp://mail.example", 587, Security.REQUIRED),
        ("smtp://mail.example:25?starttls=auto", 25, Security.AUTO),
        ("smtp://[::1]:2525/?starttls=never", 2525, Security.NEVER),
        ("smtps://mail.example", 465, Security.IMPLICIT),
    ],
)
def test_the_url_names_port_and_security(url: str, port: int, security: Security) -> None:
    server = parse_smtp_url(url)
    assert (server.port, server.security) == (port, security)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://ana:hunter2@mail.example", "starts with smtp"),
        ("smtp://ana:hunter2/x@mail.example", "port"),
        ("smtp://ana:hunter2@", "names no host"),
        ("smtp://ana:hunter2@mail.example:587?starttls=perhaps", "required, auto, never"),
        ("smtp://ana:hunter2@mail.example?tls=yes", "one option"),
        ("smtps://ana:hunter2@mail.example?starttls=auto", "leave"),
        ("smtp://ana:hunter2@mail.example/inbox", "after host and port"),
        ("smtp://:hunter2@mail.example", "both user and password"),
        ("smtp://hunter2@mail.example", "both user and password"),
    ],
)
def test_a_wrong_url_is_refused_without_repeating_the_password(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        parse_smtp_url(url)
    assert "hunter2" not in str(caught.value)


def test_the_password_does_not_show_in_a_printed_setting() -> None:
    assert "hunter2" not in repr(parse_smtp_url("smtp://ana:hunter2@mail.example"))


def test_a_sender_that_is_no_address_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="sender"):
        EmailChannel("smtp://mail.example", "slamon", clock=ManualClock(NOON))
