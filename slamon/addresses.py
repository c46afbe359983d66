"""What an e-mail address is: the one idea of it, for every way in and for the mails that go out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import email_validator

from slamon.errors import Invalid

LONGEST = 254
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_internal: set[str] = set()


@dataclass(frozen=True, slots=True)
class MailAddress:
    """`text` is the address as typed, without blanks around it; `domain` is its ASCII form (IDNA 2008).

    `needs_smtputf8` says whether a mail server must take letters outside ASCII before the @.
    """

    text: str
    local: str
    domain: str
    needs_smtputf8: bool

    @property
    def key(self) -> str:
        """As addresses are compared: without regard to case, the domain in its ASCII form."""
        return f"{self.local.lower()}@{self.domain}"


def allow_internal(domains: Iterable[str]) -> None:
    """Take addresses at these domains although no public mail server could: `corp.local`, `localhost`."""
    _internal.clear()
    _internal.update(domain.strip().casefold() for domain in domains if domain.strip())


def parse_address(text: str, *, field: str = "email", is_ours: bool = False) -> MailAddress:
    """The address. Raises Invalid naming `field` for one that mails could not be sent to.

    One that `is_ours`, such as the sender's, may be at a domain that only this host knows.
    """
    typed = text.strip()
    local, _, domain = typed.rpartition("@")
    is_internal = domain.casefold() in _internal or (is_ours and _HOST.fullmatch(domain) is not None)
    try:
        # Nothing is asked of the network. An internal domain is its administrator's word; only the rest is judged.
        found = email_validator.validate_email(
            f"{local}@example.org" if is_internal else typed, check_deliverability=False, strict=True
        )
    except email_validator.EmailNotValidError as error:
        raise Invalid(field, f"is no e-mail address that mails can be sent to: {error}") from None
    ascii_domain = domain.casefold() if is_internal else found.ascii_domain.lower()
    if len(typed) > LONGEST or len(f"{found.local_part}@{ascii_domain}") > LONGEST:
        raise Invalid(field, f"is too long; {LONGEST} characters are the most")
    return MailAddress(typed, found.local_part, ascii_domain, not found.local_part.isascii())


def address_key(text: str) -> str:
    """As addresses are compared, also for a text that is none: it then equals no address."""
    try:
        return parse_address(text).key
    except Invalid:
        return text.strip().casefold()
