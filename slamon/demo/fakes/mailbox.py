"""A mail server that keeps what it is given, for the demo and the tests. The only module that knows aiosmtpd.

In memory, safe from any thread. Faults are scripted in advance: one a transaction, or standing ones for a
recipient. Needs the `demo` extra.
"""
# ruff: noqa: N802  aiosmtpd dictates the names of its hooks and what they are given

import asyncio
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as MAIL_POLICY
from functools import cached_property

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(frozen=True)
class ReceivedMail:
    """One accepted mail, read when first asked for. `place` counts from 1 in order of arrival."""

    place: int
    arrived_at: datetime
    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @cached_property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, EmailMessage, policy=MAIL_POLICY)

    @property
    def key(self) -> str | None:
        key = self.message["X-Slamon-Key"]
        return None if key is None else str(key)

    @property
    def text(self) -> str:
        return _part(self.message, "plain")

    @property
    def html(self) -> str:
        return _part(self.message, "html")


@dataclass(slots=True)
class Mailbox:
    """The server: a context manager, or `start` and `stop` it; `url` is then the setting to send here.

    `mails` is every accepted mail. `verbs` is every command heard in clear or in TLS, DATA included. With
    `login`, senders must give that user and password; with `tls`, STARTTLS is offered. `connections` counts
    those that were made.
    """

    clock: Callable[[], datetime]
    port: int = 0
    login: tuple[str, str] | None = None
    tls: ssl.SSLContext | None = None
    mails: list[ReceivedMail] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)
    connections: int = 0
    _faults: deque[str] = field(default_factory=deque)
    _refused: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?starttls=never"

    def script(self, faults: list[str]) -> None:
        """Treat the next transactions so, one fault each; afterwards all is well again.

        A reply such as `451 Greylisted` answers the data, the mail is not kept. `silent` says nothing after
        the data, `drop` cuts the connection instead; both also as `silent_after_accept`, `drop_after_accept`,
        which keep the mail. Two keep it and say so: `drop_after_250` cuts the line at the next command,
        `421_after_250` takes no further mail on it. `ok` goes well.
        """
        with self._lock:
            self._faults.extend(faults)

    def refuse(self, recipient: str, reply: str) -> None:
        """Answer `reply` (such as `550 No such user`) to every mail for this recipient."""
        with self._lock:
            self._refused[recipient] = reply

    def accept(self, recipient: str) -> None:
        """End what `refuse` began."""
        with self._lock:
            self._refused.pop(recipient, None)

    def to(self, recipient: str) -> list[ReceivedMail]:
        """The mails of one recipient, oldest first."""
        with self._lock:
            return [mail for mail in self.mails if recipient in mail.recipients]

    def start(self) -> None:
        """Listen on 127.0.0.1; `port` 0 becomes a free one."""
        # Named as TCP, or asyncio leaves Nagle's algorithm on: 40 ms a mail.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        is_ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(self._loop, listener, is_ready), daemon=True)
        self._thread.start()
        is_ready.wait()  # a stop before the loop runs would break it

    def stop(self) -> None:
        """Stop listening and cut open connections. The mails stay."""
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop = self._thread = None

    def __enter__(self) -> "Mailbox":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _serve(self, loop: asyncio.AbstractEventLoop, listener: socket.socket, is_ready: threading.Event) -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(loop.create_server(self._protocol, sock=listener))
        loop.call_soon(is_ready.set)
        loop.run_forever()
        server.close()
        conversations = asyncio.all_tasks(loop)
        for conversation in conversations:
            conversation.cancel()
        loop.run_until_complete(asyncio.gather(*conversations, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    def _protocol(self) -> SMTP:
        self.connections += 1
        return _Conversation(
            _Visit(self),
            hostname="mailbox.demo",
            ident="slamon mailbox",
            tls_context=self.tls,
            auth_require_tls=self.tls is not None,
            authenticator=self._authenticate if self.login else None,
            loop=self._loop,
        )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, credentials: object
    ) -> AuthResult:
        given = (
            (credentials.login.decode(), credentials.password.decode())
            if isinstance(credentials, LoginPassword)
            else None
        )
        return AuthResult(success=given == self.login, handled=False)

    def _keep(self, envelope: Envelope) -> None:
        with self._lock:
            self.mails.append(
                ReceivedMail(
                    place=len(self.mails) + 1,
                    arrived_at=self.clock(),
                    sender=envelope.mail_from or "",
                    recipients=tuple(envelope.rcpt_tos),
                    raw=envelope.original_content or b"",
                )
            )

    def _heard(self, verb: str) -> None:
        with self._lock:
            self.verbs.append(verb)

    def _next_fault(self) -> str:
        with self._lock:
            return self._faults.popleft() if self._faults else "ok"

    def _refusal_of(self, recipient: str) -> str | None:
        with self._lock:
            return self._refused.get(recipient)


class _Conversation(SMTP):
    """aiosmtpd, but a mail is read in one piece and an address as it stands: that was most of its work."""

    line_length_limit = 1 << 25  # bytes of a whole mail

    def _getaddr(self, arg: str) -> tuple[str, str]:
        address, _, options = arg.strip().removeprefix("<").partition(">")
        return address, options

    async def smtp_DATA(self, arg: str) -> None:
        if self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        stuffed = await self._reader.readuntil(b"\r\n.\r\n")
        self.envelope.original_content = stuffed[:-3].replace(b"\r\n.", b"\r\n")
        answer = await self._call_handler_hook("DATA")
        self.envelope = Envelope()
        await self.push(answer)


class _Visit:
    """One connection: aiosmtpd's hooks, whose names it dictates."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._last_fault = "ok"

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._last_fault == "drop_after_250":
            _cut(server)
        if self._last_fault.endswith("_after_250"):
            return "421 Enough for one connection"
        self._mailbox._heard("MAIL")
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._mailbox._heard("RCPT")
        refusal = self._mailbox._refusal_of(address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self._mailbox._heard("DATA")
        fault = self._last_fault = self._mailbox._next_fault()
        if fault == "ok" or fault.endswith(("_after_accept", "_after_250")):
            self._mailbox._keep(envelope)
        match fault.removesuffix("_after_accept"):
            case "ok" | "drop_after_250" | "421_after_250":
                return "250 OK"
            case "silent":
                await asyncio.Event().wait()
                return "421 Good night"
            case "drop":
                _cut(server)
                return "421 Gone"
            case reply:
                return reply

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self._last_fault == "drop_after_250":
            _cut(server)
        return "221 Bye"


def _cut(server: SMTP) -> None:
    transport = server.transport
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return part.get_content() if part else ""
