"""A small sponsor with two CMOs, founded through the real use cases: what most tests start from.

    with open_installation(url) as installation:  # or the fixtures `installation` and `postgres_installation`
        request = installation.file()             # an inquiry to the first CMO's site, filed by the PM
        installation.clock.advance(hours=25)
        installation.work()                       # what is due is decided and sent, in this thread
        assert installation.email.sent_to(CONTACT)

Nothing sleeps and nothing leaves the process: the clock stands until it is advanced, and both channels record.
"""

import atexit
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from traceback import walk_stack
from typing import Any
from uuid import UUID

import pytest
from psycopg import OperationalError
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Delete, Update, event, make_url, text

from slamon.channels import Receipt
from slamon.channels.registry import SHIPPED
from slamon.clock import Clock
from slamon.config import Settings
from slamon.db import schema
from slamon.db.database import Database
from slamon.db.grants import privileges
from slamon.db.parties import Calendar, Organization, Person, Project, Site
from slamon.db.requests import CmoRequest
from slamon.domain.catalogue import STANDARD, Catalogue
from slamon.domain.clocks.auto_close import NEVER
from slamon.domain.lifecycle import RequestType
from slamon.domain.scopes import ALL_SCOPES, Scope
from slamon.domain.timeline import SYSTEM, Via
from slamon.engine.cycle import InlineDispatcher, tick
from slamon.engine.heartbeat import Watch
from slamon.errors import DeliveryError
from slamon.files.disk import DiskStore
from slamon.runtime import Runtime
from slamon.schemas.acts import read_act
from slamon.services.access import callers
from slamon.services.access.callers import Caller
from slamon.services.access.passwords import Passwords
from slamon.services.directory.bootstrap import bootstrap
from slamon.services.directory.records import create
from slamon.services.outbox.addresses import keep_address
from slamon.services.requests import acts, filing
from slamon.services.transaction import Rules, Tx
from slamon.wording.message import Message, MessageKind
from slamon.wording.words import ENGLISH, Words
from tests.servers.plugin import ROOT
from tests.servers.postgres import create_database, drop_database

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday

ADMIN, PM, LEAD, HEAD = "admin@sponsor.example", "pm@sponsor.example", "lead@sponsor.example", "head@sponsor.example"
QUALITY, STEERING, AUDITOR = "quality@sponsor.example", "steering@sponsor.example", "auditor@sponsor.example"
OTHER_PM = "other-pm@sponsor.example"
CONTACT, CMO_LEAD, BACKUP = "contact@cmo.example", "boss@cmo.example", "backup@cmo.example"
OTHER_CONTACT = "contact@other-cmo.example"
CMO_CHANNEL = "C0CMOESC"


class ManualClock(Clock):
    """Stands still until told to move."""

    def __init__(self, start: datetime = START) -> None:
        self._real = self._business = start
        self._seconds = 1000.0
        super().__init__()

    def now(self) -> datetime:
        return self._business

    def real_now(self) -> datetime:
        return self._real

    def monotonic(self) -> float:
        return self._seconds

    def advance(self, **span: float) -> None:
        """Move every time on; `span` as for timedelta: `advance(hours=24, seconds=1)`."""
        self.advance_business(**span)
        self.advance_real(**span)

    def advance_business(self, **span: float) -> None:
        self._business += timedelta(**span)

    def advance_real(self, **span: float) -> None:
        self._real += timedelta(**span)
        self._seconds += timedelta(**span).total_seconds()

    def follow(self, reference: datetime) -> timedelta:
        """Tests name their own time, whatever the database's clock says."""
        return timedelta(0)


class RecordingChannel:
    """A channel that keeps what it was given. Errors put into `failures` are raised by the next sends, in order.

    `meanwhile` is what happens elsewhere while a message is on its way.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: list[Message] = []
        self.failures: deque[DeliveryError] = deque()
        self.meanwhile: Callable[[], None] = lambda: None

    def send(self, message: Message) -> Receipt:
        self.meanwhile()
        if self.failures:
            raise self.failures.popleft()
        self.sent.append(message)
        return Receipt(f"{self.name}:{len(self.sent)}")

    def find(self, message: Message, since: datetime) -> Receipt | None:
        del since
        numbers = [number for number, sent in enumerate(self.sent, 1) if sent.key == message.key]
        return Receipt(f"{self.name}:{numbers[0]}") if numbers else None

    def sent_to(self, address: str, kind: MessageKind | None = None) -> list[Message]:
        return [m for m in self.sent if m.address == address and kind in (None, m.kind)]


class _Nobody:
    """A carrier that leaves everything where it is."""

    def check_requests(self, ids: Sequence[UUID]) -> None:
        pass

    def deliver(self, channel: str, ids: Sequence[UUID], lease_until: datetime) -> None:
        pass

    def work_on_job(self, job_id: UUID) -> None:
        pass


NOBODY = _Nobody()
QUICK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))  # slow hashes are not what they test


@dataclass(frozen=True, slots=True)
class Cast:
    """Ids of the founded records. People have the address of the constant of the same name (`PM`, `CONTACT`, ...)."""

    sponsor: UUID
    admin: UUID
    pm: UUID
    other_pm: UUID
    lead: UUID
    head: UUID
    quality: UUID
    steering: UUID
    auditor: UUID
    calendar: UUID  # Monday to Friday 08:00 to 18:00, holidays of Switzerland, Basel-Stadt
    cmo: UUID
    site: UUID  # Europe/Zurich, with that calendar
    second_site: UUID  # of the same CMO, open all the time
    contact: UUID
    cmo_lead: UUID
    backup: UUID
    other_cmo: UUID
    other_site: UUID
    other_contact: UUID
    project: UUID  # of `pm` and `lead`, with both CMOs
    other_project: UUID  # of `other_pm`, with the other CMO only


class Installation:
    """One installation under test."""

    clock: ManualClock

    def __init__(
        self, runtime: Runtime, clock: Clock, slack: RecordingChannel, email: RecordingChannel, cast: Cast
    ) -> None:
        self.runtime, self.slack, self.email, self.cast = runtime, slack, email, cast
        self.clock = clock  # type: ignore[assignment]  # stands still, unless the test brought its own

    def caller(self, person_id: UUID) -> Caller:
        """A person as the use cases know them, with every scope."""
        with self.runtime.db.read() as session:
            person = session.get_one(Person, person_id)
            return callers.caller_of(person, session.get_one(Organization, person.organization_id))

    def address(self, owner: type[Person] | type[Organization], owner_id: UUID, channel: str, value: str) -> None:
        """Give a person, or the place of a CMO, another address on a channel, as if it had always been so."""
        with self.runtime.db.write() as session:
            keep_address(session, session.get_one(owner, owner_id), channel, value)

    def key(self, person_id: UUID, *scopes: Scope) -> str:
        """The secret of a new API key of this person; every scope unless named."""
        with self.runtime.write() as tx:
            _, secret = callers.issue_key(tx, scopes=scopes or ALL_SCOPES, by=SYSTEM, person_id=person_id)
            return secret

    def file(self, *, by: UUID | None = None, **differing: Any) -> CmoRequest:
        """File a request, by the PM unless told otherwise; `differing` are fields of `Filing` that differ."""
        values = {
            "type": RequestType.INQUIRY,
            "project_id": self.cast.project,
            "site_id": self.cast.site,
            "subject": "Capacity in May",
            "detail": {"category": "schedule_capacity", "questions": ["Is week 20 free?"]},
        }
        who = self.caller(by or self.cast.pm)
        with self.runtime.write() as tx:
            filed = filing.log_request(tx, filing.Filing(**{**values, **differing}), by=who)
            return tx.session.get_one(CmoRequest, filed.id)

    def act(
        self,
        request_id: UUID,
        action: str,
        *,
        by: UUID,
        expected_version: int | None = None,
        particulars: Mapping[str, Any] | None = None,
        **said: Any,
    ) -> CmoRequest:
        """Let a person act; `said` and `particulars` are fields of its body in the API."""
        who = self.caller(by)
        given = read_act(self.runtime.catalogue, action, {**said, **(particulars or {})})
        with self.runtime.write() as tx:
            loaded = acts.load_to_act(tx, request_id, by=who)
            how = {"recorded": given.recorded, "expected_version": expected_version}
            return acts.act(tx, loaded, given.said, by=who, via=Via.API, **how).request

    def work(self) -> None:
        """Decide and send everything that is due now, in this thread."""
        for _ in range(3):  # decide, then send, then send what a failed send put in its place
            tick(self.runtime, self._carrier, self._watch)

    @cached_property
    def _carrier(self) -> InlineDispatcher:
        return InlineDispatcher(self.runtime)

    @cached_property
    def _watch(self) -> Watch:
        settings = self.runtime.settings
        return Watch(settings.heartbeat_seconds * settings.dead_after_beats)


@contextmanager
def open_installation(
    database_url: str,
    clock: Clock | None = None,
    *,
    catalogue: Catalogue = STANDARD,
    words: Words = ENGLISH,
    **settings: Any,
) -> Iterator[Installation]:
    """An installation just founded in the database at `database_url`; whatever was there is gone.

    Under the standing clock every installation begins alike, so it is founded once and copied. A clock of your own
    founds anew, at its time.
    """
    cast = _copy_founded(database_url) if clock is None else _found_at(database_url, clock.now())
    clock = clock or ManualClock()
    slack, email = RecordingChannel("slack"), RecordingChannel("email")
    files = TemporaryDirectory()
    runtime = Runtime(
        settings=Settings(
            _env_file=None,
            database_url=database_url,
            **{"secret_key": "s" * 40, "sponsor_name": "Auriga Bio", "log_level": "error", **settings},
        ),
        clock=clock,
        db=Database(database_url, connections=10),
        channels={name: RecordingChannel(name) for name in SHIPPED.names} | {"slack": slack, "email": email},
        files=DiskStore(Path(files.name)),
        passwords=Passwords(hasher=QUICK),
        catalogue=catalogue,
        words=words,
    )
    event.listen(runtime.db.engine, "before_execute", _only_as_granted)
    try:
        yield Installation(runtime, clock, slack, email, cast)
    finally:
        runtime.close()
        files.cleanup()


def _only_as_granted(_connection: object, statement: object, *_: object) -> None:
    """Refuse the product's own code what its database role may not do, whatever role the test connects as."""
    if not isinstance(statement, Update | Delete):
        return
    needed = "UPDATE" if isinstance(statement, Update) else "DELETE"
    if needed in privileges(str(statement.table)):
        return
    files = (Path(frame.f_code.co_filename) for frame, _ in walk_stack(None))
    ours = (file.relative_to(ROOT) for file in files if file.is_relative_to(ROOT) and file != Path(__file__))
    writer = next(file for file in ours if file.parts[0] in ("slamon", "workers", "tests"))
    is_free = writer.parts[0] == "tests" or writer.name == "schema.py"
    assert is_free, f"{writer}: slamon's database role may not {needed} {statement.table}"


def _found_at(database_url: str, now: datetime) -> Cast:
    database = Database(database_url)
    try:
        empty(database)
        schema.migrate(database)
        with database.write() as session:
            return _found(Tx(now, now, Rules(closing=NEVER), session))
    finally:
        database.close()


def _copy_founded(database_url: str) -> Cast:
    url = make_url(database_url)
    if url.database and url.get_backend_name() == "sqlite":
        content, cast = _founded_file()
        for part in ("-wal", "-shm"):
            Path(url.database + part).unlink(missing_ok=True)
        Path(url.database).write_bytes(content)
        return cast
    template, cast = _founded_database(database_url)
    assert url.database
    create_database(_server(database_url), url.database, template=template)
    return cast


@cache
def _founded_file() -> tuple[bytes, Cast]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "founded.db"
        cast = _found_at(f"sqlite:///{path}", START)
        return path.read_bytes(), cast


@cache
def _founded_database(database_url: str) -> tuple[str, Cast]:
    """A database to copy, beside the one at `database_url`; gone when this process ends."""
    name, server = f"{make_url(database_url).database}_founded", _server(database_url)
    cast = _found_at(create_database(server, name), START)
    atexit.register(_drop_if_there, server, name)
    return name, cast


def _drop_if_there(server: str, name: str) -> None:
    with suppress(OperationalError):  # a server of the tests' own may have gone already, and all in it
        drop_database(server, name)


def _server(database_url: str) -> str:
    return make_url(database_url).set(database="postgres").render_as_string(hide_password=False)


def empty(db: Database) -> None:
    """Take everything out of a database."""
    if db.is_sqlite:
        path = db.url.database
        assert path
        for part in ("", "-wal", "-shm"):
            Path(path + part).unlink(missing_ok=True)
        return
    with db.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))


def _found(tx: Tx) -> Cast:
    sponsor = bootstrap(tx, "Auriga Bio").id

    def new(kept: Any, **values: Any) -> UUID:
        record = create(tx, kept, values, by=SYSTEM)
        return UUID(str(record.id))

    def person(email: str, name: str, *roles: str, at: UUID = sponsor, **more: Any) -> UUID:
        values = {"time_zone": "UTC", "status": "active", **more}
        return new(Person, organization_id=at, email=email, name=name, roles=list(roles), **values)

    pm, lead = person(PM, "Petra Manager", "project_manager"), person(LEAD, "Leo Lead", "lead")
    other_pm = person(OTHER_PM, "Olga Manager", "project_manager")
    week = {day: [["08:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    calendar = new(Calendar, name="Basel week", weekly={"hours": week}, country="CH", subdivision="BS", closed_days=[])
    cmo = new(Organization, name="Rhein Fill AG", kind="cmo", slack_channel=CMO_CHANNEL, lead_id=lead)
    other_cmo = new(Organization, name="Other Pharma Ltd", kind="cmo")
    site = new(Site, organization_id=cmo, name="Basel", country="CH", time_zone="Europe/Zurich", calendar_id=calendar)
    second_site = new(Site, organization_id=cmo, name="Visp", country="CH", time_zone="Europe/Zurich")
    other_site = new(Site, organization_id=other_cmo, name="Cork", country="IE", time_zone="Europe/Dublin")
    backup = person(BACKUP, "Beat Backup", "cmo_contact", at=cmo, time_zone="Europe/Zurich")
    contact = person(
        CONTACT, "Corinne Contact", "cmo_contact", at=cmo, site_ids=[site], backup_id=backup, time_zone="Europe/Zurich"
    )
    project = {"name": "Auriga One", "product_codes": ["AUR-1"], "lead_id": lead}
    return Cast(
        sponsor=sponsor,
        admin=person(ADMIN, "Ada Admin", "admin"),
        pm=pm,
        other_pm=other_pm,
        lead=lead,
        head=person(HEAD, "Hedda Head", "head"),
        quality=person(QUALITY, "Quentin Quality", "quality"),
        steering=person(STEERING, "Stella Steering", "steering"),
        auditor=person(AUDITOR, "Aurel Auditor", "auditor"),
        calendar=calendar,
        cmo=cmo,
        site=site,
        second_site=second_site,
        contact=contact,
        cmo_lead=person(CMO_LEAD, "Bodo Boss", "cmo_lead", at=cmo, time_zone="Europe/Zurich"),
        backup=backup,
        other_cmo=other_cmo,
        other_site=other_site,
        other_contact=person(OTHER_CONTACT, "Orla Other", "cmo_contact", at=other_cmo, time_zone="Europe/Dublin"),
        project=new(Project, code="AUR-101", pm_id=pm, cmo_ids=[cmo, other_cmo], **project),
        other_project=new(Project, code="ORI-202", pm_id=other_pm, cmo_ids=[other_cmo], **project),
    )


# Above a test whose fixtures ask for `database_url`: once on each database, where the SQL differs.
ON_BOTH_DATABASES = pytest.mark.parametrize("database", ["sqlite", "postgres"])


@pytest.fixture
def database() -> str:
    """Which database `database_url` names, unless the test says ON_BOTH_DATABASES."""
    return "sqlite"


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/installation.db" if database == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """An installation in a SQLite file."""
    with open_installation(f"sqlite:///{tmp_path}/installation.db") as opened:
        yield opened


@pytest.fixture
def postgres_installation(postgres_url: str) -> Iterator[Installation]:
    """An installation in PostgreSQL, in the database of this test worker."""
    with open_installation(postgres_url) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgres"])
def any_installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """The same test once on each database: for one whose SQL differs, or depends on what the database is good for."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/installation.db" if sqlite else request.getfixturevalue("postgres_url")
    with open_installation(url) as opened:
        yield opened


@pytest.fixture
def chosen_installation(database_url: str) -> Iterator[Installation]:
    """An installation in SQLite; also in PostgreSQL for tests that say ON_BOTH_DATABASES."""
    with open_installation(database_url) as opened:
        yield opened
