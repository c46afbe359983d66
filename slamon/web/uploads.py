"""Forms with room for a file, whose body may be large only where the sender may send one; which act named which."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from slamon.config import Settings
from slamon.db.attachments import Attachment
from slamon.domain.timeline import Fact
from slamon.errors import Invalid, SlamonError, TooLarge
from slamon.files.intake import Stored
from slamon.files.kinds import TAKEN
from slamon.http.uploads import file_in, form_with_file
from slamon.runtime import Runtime
from slamon.services.access.form_links import open_link
from slamon.services.requests.attachments import may_attach
from slamon.web.pages import runtime_of
from slamon.web.session import Typed, Visit, Visiting, refuse_forged
from slamon.wording.words import Words


@dataclass(frozen=True, slots=True)
class Handed:
    """A form that may have a file in it."""

    typed: Typed
    form: FormData
    takes_file: bool

    def stored(self, runtime: Runtime) -> Stored | None:
        """The file, its bytes in the store; None where none was chosen, or none may be sent. Raises Invalid.

        To be called with no transaction open.
        """
        upload = file_in(self.form) if self.takes_file else None
        try:
            return upload.store(runtime) if upload else None
        except TooLarge as error:
            most = runtime.settings.attachment_max_megabytes
            raise Invalid("file", "is larger than {most} MB, the most that is taken", most=most) from error


async def _by_link(request: Request, token: str) -> AsyncIterator[Handed]:
    takes_file = await run_in_threadpool(_opens, runtime_of(request), token)
    async with form_with_file(request, runtime_of(request), takes_file=takes_file) as form:
        yield Handed(_laid_on(request, form), form, takes_file)


async def _by_staff(request: Request, visit: Visiting, request_id: UUID) -> AsyncIterator[Handed]:
    await run_in_threadpool(_admit, runtime_of(request), visit, request_id)
    async with form_with_file(request, runtime_of(request)) as form:
        typed = _laid_on(request, form)
        refuse_forged(request, typed, visit)
        yield Handed(typed, form, takes_file=True)


HandedByLink = Annotated[Handed, Depends(_by_link, scope="function")]
HandedByStaff = Annotated[Handed, Depends(_by_staff, scope="function")]


def _laid_on(request: Request, form: FormData) -> Typed:
    """What was typed; also laid on the request, so that an error page can give it back."""
    request.state.typed = Typed(form)
    return Typed(form)


def _opens(runtime: Runtime, token: str) -> bool:
    """Whether the link's contact may send a file. If not, why is told once the small rest of the form was read."""
    try:
        with runtime.read() as tx:
            opened = open_link(tx, token)
            may_attach(tx.session, opened.request.id, by=opened.caller)
    except SlamonError:
        return False
    return True


def _admit(runtime: Runtime, visit: Visit, request_id: UUID) -> None:
    with runtime.db.read() as session:
        may_attach(session, request_id, by=visit.caller)


def taken(words: Words, settings: Settings) -> str:
    """`PDF, PNG or JPEG, up to 20 MB`: what may be sent, and how large."""
    return words.language.gettext("{kinds}, up to {size} MB", kinds=TAKEN, size=settings.attachment_max_megabytes)


def told_with(facts: Iterable[Fact], files: Sequence[Attachment]) -> Mapping[int, list[Attachment]]:
    """The files each fact names, by its sequence."""
    known = {file.id: file for file in files}
    return {fact.sequence: [known[named.id] for named in fact.remarks.attachments] for fact in facts}


def sent_alone(files: Sequence[Attachment], told: Mapping[int, Collection[Attachment]]) -> list[Attachment]:
    """The files that no fact names."""
    named = {file.id for of_fact in told.values() for file in of_fact}
    return [file for file in files if file.id not in named]
