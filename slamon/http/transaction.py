"""One call of the API: who calls, when, and its one transaction.

The caller is known before the body is read, but for a filing (`Arrival`). All work on the database happens in one
function, in one thread and one transaction, and the answer leaves after the commit; a POST with an Idempotency-Key does
its work once.
"""

import hashlib
import re
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any, NoReturn, TypeVar

from fastapi import Depends, Header, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from slamon.errors import Invalid, NotSignedIn, RolledBack
from slamon.http.rate_limits import Limits
from slamon.runtime import Runtime
from slamon.services.access import idempotency
from slamon.services.access.callers import Caller, caller_by_key, secret_digest
from slamon.services.access.rights import Deed, admit, allow
from slamon.services.transaction import Tx

Done = TypeVar("Done")
Replaying = Callable[[Tx, str], object] | None  # gets the body of the first answer, before it is given again
TRIES = 3
SHORT_BYTES = 65_536  # of a body: so much uvicorn takes in before anybody reads it
bearer = HTTPBearer(auto_error=False, scheme_name="apiKey", description="An API key: `Authorization: Bearer slk_...`.")
_KEY = re.compile(r"bearer +([\x21-\x7e]{1,200})", re.IGNORECASE | re.ASCII)
_ETAG = re.compile(r'(?P<weak>W/)?"(?P<version>[\x21\x23-\x7e]*)"', re.ASCII)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call comes to: the body as text, and the headers a repeated call gets again."""

    body: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    is_replay: bool = False

    def response(self) -> Response:
        again = {"Idempotency-Replayed": "true"} if self.is_replay else {}
        return Response(self.body, self.status, {**self.headers, **again}, "application/json")

    def to_keep(self) -> idempotency.KeptAnswer:
        return idempotency.KeptAnswer(self.status, self.headers, self.body)


def reply(content: BaseModel, *, version: int | None = None) -> Reply:
    """A record; with its version as ETag where it has one."""
    return Reply(content.model_dump_json(), headers={} if version is None else {"ETag": f'"{version}"'})


def created(content: BaseModel, location: str, *, version: int | None = None) -> Reply:
    """A new record and where to find it."""
    plain = reply(content, version=version)
    return replace(plain, status=201, headers={**plain.headers, "Location": location})


@dataclass(frozen=True, slots=True)
class May:
    """The dependency by which a route says what it takes: its line of the table of rights.

    It is asked once the body was read and before the database is. On a record, whether that is there for the caller
    comes before their roles; the use case asks both.
    """

    deed: Deed
    on_record: bool

    async def __call__(self, request: Request) -> None:
        request.state.call = replace(request.state.call, right=self)


@dataclass(frozen=True, slots=True)
class Call:
    """`now` is business time, `real_now` real time; both were read once. `right` is what the route takes."""

    runtime: Runtime
    caller: Caller
    now: datetime
    real_now: datetime
    once: idempotency.Call | None = None
    right: May | None = None

    def ask(self) -> None:
        """Raises Forbidden for who may not use this route."""
        if self.right is None:
            raise LookupError("This route names no line of the table of rights.")
        (admit if self.right.on_record else allow)(self.caller, self.right.deed)

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        self.ask()
        with self.runtime.read() as tx:
            yield tx

    def write(self, work: Callable[[Tx], Reply], *, before_replay: Replaying = None) -> Response:
        """Do `work` and commit it; for a call made before, only give its first answer again.

        `work` is done anew where a deadlock undid all of it. `before_replay` gets the body of the first answer and
        raises where the caller may not read it any more.
        """
        self.ask()
        return _tried(partial(self._write, work, before_replay))

    def _write(self, work: Callable[[Tx], Reply], before_replay: Replaying) -> Response:
        with self.runtime.write() as tx:
            done = work(tx) if self.once is None else self._write_once(tx, self.once, work, before_replay)
            self.runtime.reach("before_commit")
        self.runtime.reach("after_commit")
        return done.response()

    def _write_once(
        self, tx: Tx, once: idempotency.Call, work: Callable[[Tx], Reply], before_replay: Replaying
    ) -> Reply:
        kept = idempotency.begin(tx, once)
        if kept is not None:
            if before_replay is not None:
                before_replay(tx, kept.body)
            return Reply(kept.body, kept.status, kept.headers, is_replay=True)
        done = work(tx)
        idempotency.keep(tx.session, once, done.to_keep())
        return done

    def write_at_once(
        self, work: Callable[[Connection], Reply | None], *, looked_up_over: Connection
    ) -> Response | None:
        """Do `work`, a single statement that also keeps its answer; None if it stored nothing (its key is taken)."""
        self.ask()
        return _tried(partial(self._write_at_once, work, looked_up_over))

    def _write_at_once(self, work: Callable[[Connection], Reply | None], looked_up_over: Connection) -> Response | None:
        self.runtime.reach("before_commit")
        with self.runtime.db.write_bare(looked_up_over) as connection:
            done = work(connection)
        if done is None:
            return None
        self.runtime.reach("after_commit")
        return done.response()


def _tried(work: Callable[[], Done]) -> Done:
    """Do `work`, and do it anew where a deadlock undid all of it."""
    for _ in range(TRIES - 1):
        with suppress(RolledBack):
            return work()
    return work()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call whose API key has not been looked up yet: the route does that in the statement that reads its data.

    Before it uses any of that data, the route must resolve the caller and call `admit`.
    """

    gate: "Gate"
    secret: str
    now: datetime
    real_now: datetime
    right: May | None = None
    once: tuple[str, str] | None = None  # the idempotency key and the fingerprint

    @property
    def runtime(self) -> Runtime:
        return self.gate.runtime

    @property
    def key_digest(self) -> str:
        return secret_digest(self.secret)

    def admit(self, caller: Caller) -> Call:
        """The call as this caller's. Raises TooMany."""
        call = self.gate.let_in(caller, self.now, self.real_now, is_read=False)
        once = None if self.once is None else idempotency.Call(caller.id, *self.once)
        return replace(call, right=self.right, once=once)


class Gate:
    """Lets callers in: by their API key, and not too often."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._limits = Limits(runtime.clock)

    def admit(self, authorization: str | None, *, is_read: bool) -> Call:
        """Raises NotSignedIn, TooMany."""
        caller = self.known(_secret(authorization))
        return self.let_in(caller, self.runtime.clock.now(), self.runtime.clock.real_now(), is_read=is_read)

    def known(self, secret: str) -> Caller:
        """Who calls with this key. Raises NotSignedIn."""
        with self.runtime.db.look_up() as connection:
            return caller_by_key(connection, secret)

    def arrival(self, authorization: str | None) -> Arrival:
        """Raises NotSignedIn where there is no key to be read."""
        clock = self.runtime.clock
        return Arrival(self, _secret(authorization), clock.now(), clock.real_now())

    def let_in(self, caller: Caller, now: datetime, real_now: datetime, *, is_read: bool) -> Call:
        """Raises TooMany."""
        # Reading and writing apart, so that who reads too much can still act.
        self._limits.count(self.runtime.settings.api_calls_per_minute, caller.id, "read" if is_read else "write")
        return Call(self.runtime, caller, now, real_now)


def _secret(authorization: str | None) -> str:
    match = _KEY.fullmatch(authorization or "")
    if match is None:
        raise NotSignedIn("Send an API key: 'Authorization: Bearer slk_...'.")
    return match[1]


class Route(APIRoute):
    """A route of the API: knows its caller before it reads the body, and takes the media type it says it takes.

    A route that takes an `Arriving` looks the key up itself, after a body of at most `SHORT_BYTES` was parsed. An
    unknown caller still gets 401 and nothing else, whatever is wrong with the body.
    """

    async def in_thread(self, work: Callable[[], Done]) -> Done:
        """Do what waits for the database."""
        return await run_in_threadpool(work)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        wanted = getattr(self.body_field.field_info, "media_type", None) if self.body_field else None
        reads_key = any(dependant.call is _arriving for dependant in self.dependant.dependencies)

        async def handle_fit(request: Request) -> Response:
            _refuse_other_media(request, wanted)
            if wanted == "application/json":
                await _refuse_other_encoding(request)
            if "idempotency-key" in request.headers and wanted is not None:
                await request.body()  # kept by the request, so that `posted` can read it after a form was parsed
            return await handle(request)

        async def handle_known(request: Request) -> Response:
            gate: Gate = request.app.state.gate
            is_read = request.method in ("GET", "HEAD")
            authorization = request.headers.get("authorization")
            request.state.call = await self.in_thread(partial(gate.admit, authorization, is_read=is_read))
            return await handle_fit(request)

        async def handle_arriving(request: Request) -> Response:
            gate: Gate = request.app.state.gate
            authorization = request.headers.get("authorization")
            arrival = request.state.call = gate.arrival(authorization)
            if not _is_short(request):
                await self.in_thread(partial(gate.known, arrival.secret))
            try:
                return await handle_fit(request)
            except (RequestValidationError, HTTPException):  # refused before the caller was looked up
                await self.in_thread(partial(gate.admit, authorization, is_read=False))
                raise

        return handle_arriving if reads_key else handle_known


def _is_short(request: Request) -> bool:
    """Whether the body is no longer than what the server buffers anyway before anybody reads it."""
    length = request.headers.get("content-length", "")
    return length.isascii() and length.isdigit() and len(length) < 19 and int(length) <= SHORT_BYTES


def _refuse_other_media(request: Request, wanted: str | None) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    fits = given == wanted or (
        wanted == "application/json" and given.startswith("application/") and given.endswith("+json")
    )
    if wanted is not None and has_body and not fits:
        raise HTTPException(415, f"Send {wanted}.")


async def _refuse_other_encoding(request: Request) -> None:
    """JSON is UTF-8 (RFC 8259); Python's reader would guess UTF-16 and UTF-32 as well."""
    try:
        (await request.body()).decode("utf-8")
    except UnicodeDecodeError:
        raise HTTPException(400) from None


async def _known(request: Request) -> Call:
    call: Call = request.state.call
    return call


Key = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key, address and body: the first answer again, for 24 hours, with the header "
        "`Idempotency-Replayed: true`. The same key with anything else: 422. Only answers of 2xx are kept.",
        examples=["7f1c8a52-5d3e-4c8e-9a41-0b7a4f6a2d10"],
    ),
]


async def _posted(request: Request, idempotency_key: Key = None) -> Call:
    call: Call = request.state.call
    return call if idempotency_key is None else once(call, request, idempotency_key, await request.body())


async def _arriving(request: Request, idempotency_key: Key = None) -> Arrival:
    arrival: Arrival = request.state.call
    if idempotency_key is None:
        return arrival
    return replace(arrival, once=(idempotency_key, _fingerprint(request, await request.body())))


def once(call: Call, request: Request, idempotency_key: str | None, content: bytes) -> Call:
    """The call as one that may come again with the same key; `content` stands for all that its body says."""
    if idempotency_key is None:
        return call
    return replace(call, once=idempotency.Call(call.caller.id, idempotency_key, _fingerprint(request, content)))


def _fingerprint(request: Request, content: bytes) -> str:
    said = b"\n".join((request.method.encode(), request.scope["path"].encode(), request.scope["query_string"]))
    return hashlib.sha256(said + b"\n" + content).hexdigest()


async def _posted_secret(request: Request) -> Call:
    if "idempotency-key" in request.headers:
        refuse_idempotency()
    call: Call = request.state.call
    return call


def refuse_idempotency() -> NoReturn:
    """Refuse a key where the answer is not kept. Raises Invalid."""
    raise Invalid("Idempotency-Key", "is not taken here: the answer holds a secret, and secrets are never stored")


async def _expected_version(
    if_match: Annotated[
        str | None, Header(description="The ETag last seen. If the record has changed since: 412.", examples=['"3"'])
    ] = None,
) -> int | None:
    """The version the caller believes in; None for any. One that no record can have stands for a foreign ETag."""
    if if_match is None or if_match.strip() == "*":
        return None
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        raise Invalid("If-Match", 'send one ETag as you received it, for example "3"')
    version = match["version"]
    return int(version) if not match["weak"] and re.fullmatch(r"[0-9]{1,9}", version) else -1


def may(deed: Deed) -> Any:
    """The dependency of a route for whoever has this right at all."""
    return Depends(May(deed, on_record=False))


def may_on_record(deed: Deed) -> Any:
    """The dependency of a route whose address names the record."""
    return Depends(May(deed, on_record=True))


Known = Annotated[Call, Depends(_known)]
Posted = Annotated[Call, Depends(_posted)]
Arriving = Annotated[Arrival, Depends(_arriving)]
PostedSecret = Annotated[Call, Depends(_posted_secret)]
ExpectedVersion = Annotated[int | None, Depends(_expected_version)]
by_key = Security(bearer)
