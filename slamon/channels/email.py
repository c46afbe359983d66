"""Mail by SMTP: one recipient a transaction, a deadline on every wait, an honest word about what happened.

Between the end of the data and the server's 250 nobody knows whether the mail was taken (RFC 1047): silence
there is `ambiguous`, everything before it is not. Mail cannot be asked about; a second attempt carries the
same Message-ID.
"""

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from slamon.channels import Message, Receipt
from slamon.channels.mail import Sender, compose, mailbox_of, one_line
from slamon.channels.smtp_url import Security, parse_smtp_url
from slamon.errors import DeliveryError

GOODBYE_SECONDS = 2.0
LEADING_DOT = re.compile(rb"(?m)^\.")


class EmailChannel:
    """Sends through one mail server. `clock` gives the real time for the Date header.

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
        clock: Callable[[], datetime],
        connect_timeout_seconds: float = 10,
        answer_timeout_seconds: float = 60,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._server = parse_smtp_url(url)
        self._sender = Sender.parse(sender)
        self._clock = clock
        self._connect_timeout = connect_timeout_seconds
        self._answer_timeout = answer_timeout_seconds
        # Loading the machine's certificates takes tens of milliseconds: not where they are not needed.
        needs_tls = self._server.security is not Security.NEVER
        self._tls = tls or (ssl.create_default_context() if needs_tls else None)

    def send(self, message: Message) -> Receipt:
        recipient = mailbox_of(message.address).addr_spec
        mail = compose(message, self._sender, self._clock())
        payload = mail.as_bytes()
        smtp = self._connect()
        try:
            _send_at_once(smtp)
            self._secure(smtp)
            self._log_in(smtp)
            _set_timeout(smtp, self._answer_timeout)
            self._hand_over(smtp, recipient, payload)
            _set_timeout(smtp, GOODBYE_SECONDS)
            with suppress(OSError):  # the mail is taken; how the server says goodbye changes nothing
                smtp.quit()
        finally:
            smtp.close()
        return Receipt(str(mail["Message-ID"]))

    def find(self, message: Message, since: datetime) -> Receipt | None:
        raise DeliveryError("A mail server cannot be asked whether it took a mail.", permanent=True)

    def _connect(self) -> smtplib.SMTP:
        server, timeout = self._server, self._connect_timeout
        try:
            if server.security is Security.IMPLICIT:
                return smtplib.SMTP_SSL(server.host, server.port, _own_name(), timeout=timeout, context=self._tls)
            return smtplib.SMTP(server.host, server.port, _own_name(), timeout=timeout)
        except smtplib.SMTPResponseException as err:
            raise DeliveryError(f"{self._where()} turned us away: {_said(err)}") from err
        except OSError as err:
            raise DeliveryError(f"{self._where()} cannot be reached: {err}") from err

    def _secure(self, smtp: smtplib.SMTP) -> None:
        security = self._server.security
        try:
            smtp.ehlo_or_helo_if_needed()
            if security is Security.REQUIRED or (security is Security.AUTO and smtp.has_extn("starttls")):
                smtp.starttls(context=self._tls)
                smtp.ehlo_or_helo_if_needed()
        except smtplib.SMTPNotSupportedError as err:
            raise DeliveryError(
                f"{self._where()} offers no STARTTLS, and links are not sent in clear. "
                "For a relay on this machine say ?starttls=never."
            ) from err
        except OSError as err:
            raise DeliveryError(f"{self._where()}: no safe connection: {_said(err)}") from err

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        user, password = self._server.user, self._server.password
        if user is None or password is None:
            return
        if self._server.security is Security.AUTO and not isinstance(smtp.sock, ssl.SSLSocket):
            raise DeliveryError(f"{self._where()} offers no STARTTLS; the password is not sent in clear.")
        try:
            smtp.login(user, password)
        except smtplib.SMTPResponseException as err:
            down = err.smtp_code >= 500
            raise DeliveryError(
                f"{self._where()} refuses our log-in: {_said(err)}", permanent=down, route_down=down
            ) from err
        except smtplib.SMTPNotSupportedError as err:
            raise DeliveryError(f"{self._where()} knows no way to log in.", permanent=True, route_down=True) from err
        except OSError as err:
            raise DeliveryError(f"{self._where()} was lost while logging in: {err}") from err

    def _hand_over(self, smtp: smtplib.SMTP, recipient: str, payload: bytes) -> None:
        try:
            _expect(smtp.mail(self._sender.address), "the sender", is_route=True)
            _expect(smtp.rcpt(recipient), recipient)
            _expect(smtp.docmd("DATA"), "the mail", wanted=3)
        except OSError as err:
            raise DeliveryError(f"{self._where()} was lost before the mail was handed over: {err}") from err
        try:
            smtp.send(LEADING_DOT.sub(b"..", payload.removesuffix(b"\r\n")) + b"\r\n.\r\n")
            answer = smtp.getreply()
        except OSError as err:
            raise DeliveryError(
                f"{self._where()} fell silent after the mail was handed over: {err}", ambiguous=True
            ) from err
        if answer[0] < 200:
            raise DeliveryError(f"{self._where()} gave no readable answer to the handed-over mail.", ambiguous=True)
        _expect(answer, "the mail")

    def _where(self) -> str:
        return f"Mail server {self._server.host}:{self._server.port}"


def _expect(answer: tuple[int, bytes], what: str, *, wanted: int = 2, is_route: bool = False) -> None:
    """Raises unless the reply is of the wanted hundred: permanent for 5xx, temporary for all else.

    A sender that is refused is refused for every mail, save for 552: this mail is too large.
    """
    code, text = answer
    if code // 100 == wanted:
        return
    permanent = 500 <= code < 600
    raise DeliveryError(
        f"The mail server refuses {what}: {code} {_readable(text)}",
        permanent=permanent,
        route_down=permanent and is_route and code != 552,
    )


def _said(err: OSError) -> str:
    if isinstance(err, smtplib.SMTPResponseException):
        return f"{err.smtp_code} {_readable(err.smtp_error)}"
    return str(err)


def _readable(text: bytes | str) -> str:
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return one_line(decoded.replace("\n", " "))[:300]


def _send_at_once(smtp: smtplib.SMTP) -> None:
    # Else the end of a mail waits for a delayed acknowledgement: 40 ms each.
    if smtp.sock is not None:
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _set_timeout(smtp: smtplib.SMTP, seconds: float) -> None:
    if smtp.sock is not None:
        smtp.sock.settimeout(seconds)


def _own_name() -> str:
    # smtplib would ask DNS for it, which can take many seconds.
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
