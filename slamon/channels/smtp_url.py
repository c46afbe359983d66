"""The setting that says where mail goes: `smtp://user:password@host:587?starttls=required`, or `smtps://`."""

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit


class Security(StrEnum):
    IMPLICIT = "implicit"  # TLS from the first byte: smtps://
    REQUIRED = "required"  # STARTTLS or nothing; the default, because links are secrets
    AUTO = "auto"  # STARTTLS where offered; a password is never sent without it
    NEVER = "never"  # in clear: a relay on this machine


@dataclass(frozen=True, slots=True)
class SmtpUrl:
    host: str
    port: int
    security: Security
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_smtp_url(url: str) -> SmtpUrl:
    """The parts of the setting. Raises ValueError, whose text never repeats the URL: it holds a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(
            "The SMTP URL cannot be read. Is the port a number? In a password, percent-encode / # ? and @."
        ) from None
    if parts.scheme not in {"smtp", "smtps"}:
        raise ValueError("An SMTP URL starts with smtp:// or smtps://.")
    if not host:
        raise ValueError("The SMTP URL names no host. Write smtp://host:587 or smtp://user:password@host:587.")
    if parts.path not in {"", "/"} or parts.fragment:
        raise ValueError("The SMTP URL has something after host and port; percent-encode / and # in a password.")
    if bool(parts.username) != (parts.password is not None):
        raise ValueError("The SMTP URL needs both user and password, or neither.")
    return SmtpUrl(
        host=host,
        port=port or (465 if parts.scheme == "smtps" else 587),
        security=_security(parts.scheme, parts.query),
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.username and parts.password is not None else None,
    )


def _security(scheme: str, query: str) -> Security:
    options = parse_qs(query, keep_blank_values=True)
    wanted = options.pop("starttls", [])
    if options:
        raise ValueError("The SMTP URL knows one option: ?starttls=required, auto or never.")
    if scheme == "smtps":
        if wanted:
            raise ValueError("smtps:// speaks TLS from the start; leave ?starttls= out.")
        return Security.IMPLICIT
    if not wanted:
        return Security.REQUIRED
    if len(wanted) == 1 and wanted[0] in {Security.REQUIRED, Security.AUTO, Security.NEVER}:
        return Security(wanted[0])
    raise ValueError("?starttls= is one of required, auto, never.")
