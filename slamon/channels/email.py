"""Mail by SMTP: one recipient a transaction, a deadline on every wait, an honest word about what happened.

Between the end of the data and the server's 250 nobody knows whether the mail was taken (RFC 1047): silence
there is `ambiguous`, everything before it is not. Mail cannot be asked about; a second attempt carries the
same Message-ID.
"""

import smtplib
import ssl
from contextlib import suppress
from datetime import datetime

from slamon.channels import Channel, ChannelDefinition, ChannelWords, Receipt
from slamon.channels.mail import Mail, compose, sender_of
from slamon.channels.mail_server import Connection, MailServer, readable
from slamon.channels.smtp_url import Security, parse_smtp_url
from slamon.clock import Clock
from slamon.config import Settings
from slamon.errors import DeliveryError
from slamon.wording.message import Message


class _LostBeforeData(DeliveryError):
    """The connection is of no use, and no mail was handed over on it: another one may be tried at once."""


class EmailChannel:
    """Sends through one mail server, over connections it keeps for a few seconds; safe from any thread.

    `clock` gives the real time for the Date header and the monotonic one for those seconds.
    `connect_timeout_seconds` bounds each wait up to the log-in, `answer_timeout_seconds` each later one.
    `url` is explained in smtp_url.py; `sender` is an address with or without a name. Raises ValueError for
    either.
    """

    name = "email"

    def __init__(
        self,
        url: str,
        sender: str,
        *,
        clock: Clock,
        connect_timeout_seconds: float = 10,
        answer_timeout_seconds: float = 60,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        parsed = parse_smtp_url(url)
        # Loading the machine's certificates takes tens of milliseconds: not where they are not needed.
        if tls is None and parsed.security is not Security.NEVER:
            tls = ssl.create_default_context()
        self._server = MailServer(parsed, tls, clock.monotonic, connect_timeout_seconds, answer_timeout_seconds)
        self._sender = sender_of(sender)
        self._clock = clock

    def send(self, message: Message) -> Receipt:
        mail = compose(message, self._sender, self._clock.real_now())
        kept = self._server.kept()
        if kept is not None:
            with suppress(_LostBeforeData):
                return self._send_over(kept, mail)
        return self._send_over(self._server.connect(), mail)

    def find(self, message: Message, since: datetime) -> Receipt | None:
        raise DeliveryError("A mail server cannot be asked whether it took a mail.", permanent=True)

    def _send_over(self, connection: Connection, mail: Mail) -> Receipt:
        """One transaction. Only one that went well leaves a connection fit for the next mail."""
        try:
            self._announce(connection, mail)
            self._hand_over(connection, mail)
        except BaseException:
            connection.close()
            raise
        self._server.keep(connection)
        return Receipt(mail.message_id)

    def _announce(self, connection: Connection, mail: Mail) -> None:
        """From here to the server's word that it waits for the data nothing is ambiguous."""
        smtp = connection.smtp
        try:
            options = self._options(smtp) if mail.needs_smtputf8 else ""
            answer = smtp.docmd("MAIL", f"FROM:<{self._sender.addr_spec}>{options}")
            if connection.mails and answer[0] // 100 != 2:
                # It may have had enough of this connection, not of us: a fresh one has the last word.
                raise _LostBeforeData(f"{self._server} takes no more mails on this connection.")
            _expect(answer, "the sender", is_route=True)
            _expect(smtp.docmd("RCPT", f"TO:<{mail.recipient}>"), mail.recipient)
            _expect(smtp.docmd("DATA"), "the mail", wanted=3)
        except OSError as err:
            raise _LostBeforeData(f"{self._server} was lost before the mail was handed over: {err}") from err

    def _options(self, smtp: smtplib.SMTP) -> str:
        """What a mail to an address with letters outside ASCII asks for (RFC 6531)."""
        if not smtp.has_extn("smtputf8"):
            raise DeliveryError(
                f"{self._server} takes no address with letters outside ASCII before the @ (it lacks SMTPUTF8). "
                "Ask the reader for another address.",
                permanent=True,
            )
        smtp.command_encoding = "utf-8"
        return " SMTPUTF8 BODY=8BITMIME"

    def _hand_over(self, connection: Connection, mail: Mail) -> None:
        smtp = connection.smtp
        try:
            smtp.send(mail.content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            answer = smtp.getreply()
        except OSError as err:
            raise DeliveryError(
                f"{self._server} fell silent after the mail was handed over: {err}", ambiguous=True
            ) from err
        if answer[0] < 200:
            raise DeliveryError(f"{self._server} gave no readable answer to the handed-over mail.", ambiguous=True)
        _expect(answer, "the mail")


def _expect(answer: tuple[int, bytes], what: str, *, wanted: int = 2, is_route: bool = False) -> None:
    """Raises unless the reply is of the wanted hundred: permanent for 5xx, temporary for all else.

    A sender that is refused is refused for every mail, save for 552: this mail is too large.
    """
    code, text = answer
    if code // 100 == wanted:
        return
    permanent = 500 <= code < 600
    raise DeliveryError(
        f"The mail server refuses {what}: {code} {readable(text)}",
        permanent=permanent,
        route_down=permanent and is_route and code != 552,
    )


def _build(settings: Settings, clock: Clock) -> Channel | None:
    if settings.smtp_url is None:
        return None
    return EmailChannel(
        settings.smtp_url.get_secret_value(),
        settings.mail_from,
        clock=clock,
        answer_timeout_seconds=settings.smtp_timeout_seconds,
    )


EMAIL = ChannelDefinition(
    name="email",
    words=ChannelWords(
        name="E-mail",
        to_person="E-mail to {}",
        told_person="to {} by e-mail",
        test_prompt="Send a test mail to",
    ),
    setting="SLAMON_SMTP_URL",
    build=_build,
    carries_links=True,
    names_subjects=True,
)
