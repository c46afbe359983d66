"""The way to one mail server: connects, secures, logs in, and keeps a few connections for the next mails."""

import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from slamon.channels.smtp_url import Security, SmtpUrl
from slamon.errors import DeliveryError
from slamon.wording.messages import one_line

MOST_KEPT = 8
KEPT_SECONDS = 5.0  # some servers hang up after ten seconds of silence
MAILS_PER_CONNECTION = 100  # then another one, where a name stands for several servers


@dataclass(slots=True)
class Connection:
    """Ready for a mail. `mails` is how many it has carried, `used_at` the monotonic time of the last one."""

    smtp: smtplib.SMTP
    mails: int = 0
    used_at: float = 0.0

    def close(self) -> None:
        """Cut it: nothing is said, nothing is waited for."""
        self.smtp.close()

    def leave(self) -> None:
        """Say goodbye and go: waiting for the answer (RFC 5321 4.1.1.10) could hold up a mail."""
        with suppress(OSError):
            self.smtp.putcmd("QUIT")
        self.smtp.close()


@dataclass(slots=True)
class MailServer:
    """Gives out connections; safe from any thread. `monotonic` is a clock in seconds.

    `connect_timeout` bounds each wait up to the log-in, `answer_timeout` each later one; both in seconds.
    """

    url: SmtpUrl
    tls: ssl.SSLContext | None
    monotonic: Callable[[], float]
    connect_timeout: float
    answer_timeout: float
    _kept: list[Connection] = field(default_factory=list)  # the one used last stands last
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __str__(self) -> str:
        return f"Mail server {self.url.host}:{self.url.port}"

    def kept(self) -> Connection | None:
        """A connection that went well a moment ago, to be used by the caller alone; the server may have left it."""
        with self._lock:
            oldest = self.monotonic() - KEPT_SECONDS
            stale = [connection for connection in self._kept if connection.used_at < oldest]
            self._kept = [connection for connection in self._kept if connection.used_at >= oldest]
            found = self._kept.pop() if self._kept else None
        for connection in stale:
            connection.leave()
        return found

    def keep(self, connection: Connection) -> None:
        """Take back a connection on which a mail was accepted and nothing went wrong."""
        connection.mails += 1
        connection.used_at = self.monotonic()
        with self._lock:
            has_room = len(self._kept) < MOST_KEPT and connection.mails < MAILS_PER_CONNECTION
            if has_room:
                self._kept.append(connection)
        if not has_room:
            connection.leave()

    def connect(self) -> Connection:
        """A fresh connection, secured and logged in as the URL asks. Raises DeliveryError, never ambiguous."""
        smtp = self._reach()
        try:
            _send_at_once(smtp)
            self._secure(smtp)
            self._log_in(smtp)
            _set_timeout(smtp, self.answer_timeout)
        except BaseException:
            smtp.close()
            raise
        return Connection(smtp)

    def _reach(self) -> smtplib.SMTP:
        url, timeout = self.url, self.connect_timeout
        try:
            if url.security is Security.IMPLICIT:
                return smtplib.SMTP_SSL(url.host, url.port, _own_name(), timeout=timeout, context=self.tls)
            return smtplib.SMTP(url.host, url.port, _own_name(), timeout=timeout)
        except smtplib.SMTPResponseException as err:
            raise DeliveryError(f"{self} turned us away: {_said(err)}") from err
        except OSError as err:
            raise DeliveryError(f"{self} cannot be reached: {err}") from err

    def _secure(self, smtp: smtplib.SMTP) -> None:
        security = self.url.security
        try:
            smtp.ehlo_or_helo_if_needed()
            if security is Security.REQUIRED or (security is Security.AUTO and smtp.has_extn("starttls")):
                smtp.starttls(context=self.tls)
                smtp.ehlo_or_helo_if_needed()
        except smtplib.SMTPNotSupportedError as err:
            raise DeliveryError(
                f"{self} offers no STARTTLS, and links are not sent in clear. "
                "For a relay on this machine say ?starttls=never."
            ) from err
        except OSError as err:
            raise DeliveryError(f"{self}: no safe connection: {_said(err)}") from err

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        user, password = self.url.user, self.url.password
        if user is None or password is None:
            return
        if self.url.security is Security.AUTO and not isinstance(smtp.sock, ssl.SSLSocket):
            raise DeliveryError(f"{self} offers no STARTTLS; the password is not sent in clear.")
        try:
            smtp.login(user, password)
        except smtplib.SMTPResponseException as err:
            down = err.smtp_code >= 500
            raise DeliveryError(f"{self} refuses our log-in: {_said(err)}", permanent=down, route_down=down) from err
        except smtplib.SMTPNotSupportedError as err:
            raise DeliveryError(f"{self} knows no way to log in.", permanent=True, route_down=True) from err
        except OSError as err:
            raise DeliveryError(f"{self} was lost while logging in: {err}") from err


def readable(text: bytes | str) -> str:
    """What a server said, as one harmless line."""
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return one_line(decoded, 300)


def _said(err: OSError) -> str:
    if isinstance(err, smtplib.SMTPResponseException):
        return f"{err.smtp_code} {readable(err.smtp_error)}"
    return str(err)


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
