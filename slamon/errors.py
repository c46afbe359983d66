"""Everything slamon raises on purpose, in one tree. No HTTP numbers here: the edges translate.

SlamonError
├── Invalid              a value breaks a rule; names the field and the way out
│   └── InvalidFields        several fields at once, as a form reads them
├── NotFound             no such object, or none this caller may see
├── Forbidden            the caller is known and may not do this
├── NotSignedIn          the caller is unknown
├── Conflict             the request contradicts what is stored
│   ├── ActionNotAllowed     the life cycle does not list this action now
│   ├── AlreadyExists        another record holds this name
│   ├── LikelyDuplicate      open requests look like this one; filing anyway is possible
│   └── StillHolds           what the person holds would be nobody's; lists it
├── KeyReused            an idempotency key came back with another body
├── StaleVersion         somebody else changed the record first
├── LinkGone             a form link that no longer opens anything
├── TooMany              rate limit; says when to come back
├── TooLarge             more bytes than are taken
├── FileDamaged          stored bytes are gone, or not those that were uploaded
├── Unavailable          a part we need is away; says when to come back
│   └── RolledBack           the database undid it for the sake of others; the same at once may go well
└── DeliveryError        a message did not (certainly) leave
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID


class SlamonError(Exception):
    """Base of every error slamon raises on purpose; its text may be shown to the caller.

    `sentence` is English, with a named placeholder for each of the `values`: pages look it up in their language.
    """

    def __init__(self, sentence: str = "", /, **values: object) -> None:
        super().__init__(sentence.format(**values) if values else sentence)
        self.sentence, self.values = sentence, values


class Invalid(SlamonError):
    def __init__(self, field: str, sentence: str, /, **values: object) -> None:
        super().__init__(sentence, **values)
        self.field, self.message = field, str(self.args[0])

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class InvalidFields(Invalid):
    """`problems` says of each field what is wrong with it; as an `Invalid` it names the first."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        first = next(iter(problems))
        super().__init__(first, problems[first])
        self.problems = problems


class NotFound(SlamonError):
    def __init__(self, what: str, key: object) -> None:
        super().__init__(f"No {what} {key}.")
        self.what = what


class Forbidden(SlamonError):
    pass


class NotSignedIn(SlamonError):
    pass


class Conflict(SlamonError):
    pass


class ActionNotAllowed(Conflict):
    def __init__(self, action: str, state: str, possible: Sequence[str]) -> None:
        ways = ", ".join(possible) if possible else "nothing any more"
        super().__init__(f"'{action}' is not possible while the request is {state}. Possible now: {ways}.")
        self.possible = tuple(possible)


class AlreadyExists(Conflict):
    pass


@dataclass(frozen=True, slots=True)
class LookAlike:
    """An open request that asks for the same; `same` says what it has in common."""

    id: UUID
    number: str
    subject: str
    same: str


class LikelyDuplicate(Conflict):
    def __init__(self, look_alikes: Sequence[LookAlike]) -> None:
        listed = ", ".join(f"{each.number} (same {each.same})" for each in look_alikes[:5])
        more = f" and {len(look_alikes) - 5} more" if len(look_alikes) > 5 else ""
        super().__init__(f"Open already: {listed}{more}. To file this one as well, send 'file_anyway': true.")
        self.look_alikes = tuple(look_alikes)


class TermsDiffer(Conflict):
    """`groups` are the kinds of data asked for, those with the same terms together."""

    def __init__(self, groups: Sequence[tuple[str, ...]]) -> None:
        listed = "; ".join(", ".join(group) for group in groups)
        super().__init__(f"What is asked for has different terms: {listed}. Say whether to file one request for each.")
        self.groups = tuple(groups)


@dataclass(frozen=True, slots=True)
class Holding:
    """One thing a person holds: as project_manager, project_lead, cmo_lead, backup, contact, draft, policy_owner or
    policy (a ladder names them).
    """

    part: str
    id: UUID
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.part.replace('_', ' ')})"


class StillHolds(Conflict):
    def __init__(self, name: str, holds: Sequence[Holding]) -> None:
        listed = ", ".join(str(each) for each in holds[:5])
        more = f" and {len(holds) - 5} more" if len(holds) > 5 else ""
        super().__init__(f"{name} still holds {listed}{more}. Say in 'handed_to' who takes it, or hand it over first.")
        self.name, self.holds = name, tuple(holds)


class KeyReused(SlamonError):
    pass


class StaleVersion(SlamonError):
    def __init__(self, current: int) -> None:
        super().__init__(f"Somebody changed this record first; it is now at version {current}. Read it again.")
        self.current = current


class LinkGone(SlamonError):
    """`reason` is one of expired, revoked, superseded (a newer address, or a disabled account), disabled, inactive (the
    site or CMO), closed, unknown.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"This link is no longer valid ({reason}).")
        self.reason = reason


class TooMany(SlamonError):
    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"Too many attempts. Try again in {retry_after_seconds} seconds.")
        self.retry_after_seconds = retry_after_seconds


class TooLarge(SlamonError):
    pass


class FileDamaged(SlamonError):
    """`what` says what is wrong, as in "is missing"."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The stored file {what}; it is not handed out, and the trail keeps this.")
        self.what = what


class Unavailable(SlamonError):
    def __init__(self, message: str, retry_after_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RolledBack(Unavailable):
    pass


class DeliveryError(SlamonError):
    """A message did not leave, or nobody can tell.

    permanent: trying the same route again cannot help; fall over to the next channel.
    ambiguous: the far side may have taken it (silence after the data was handed over).
    route_down: the whole route is refused (bad token, unknown channel), not this message alone.
    retry_after_seconds: the far side named its own waiting time.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        ambiguous: bool = False,
        route_down: bool = False,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.ambiguous = ambiguous
        self.route_down = route_down
        self.retry_after_seconds = retry_after_seconds
