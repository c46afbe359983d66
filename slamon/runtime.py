"""The parts one process works with, put together from the settings: database, clock, channels, files."""

import gc
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.orm import Session

from slamon.addresses import allow_internal
from slamon.channels import Channel, Channels
from slamon.channels.console import is_shown_only
from slamon.channels.registry import SHIPPED, build_channels
from slamon.clock import Clock
from slamon.config import Settings
from slamon.db.base import new_id
from slamon.db.database import Database
from slamon.domain.catalogue import STANDARD, Catalogue
from slamon.files import FileStore
from slamon.files.disk import DiskStore
from slamon.files.s3 import Bucket, S3Store
from slamon.logs import configure_logging
from slamon.services.access.passwords import Passwords
from slamon.services.deadlines.auto_close import closing_rule
from slamon.services.transaction import Rules, Tx
from slamon.wording.words import ENGLISH, Words


@dataclass(slots=True)
class Heartbeat:
    """What this process knows of itself and tells with each heart-beat.

    `passed_at` is when its loop last finished a pass, on the monotonic clock; None where no loop has. While it
    `stands_back` it takes no work on: the database has another release's schema.
    """

    passed_at: float | None = None
    pass_seconds: float = 0.0
    clock_skew_seconds: float = 0.0  # by how much the database's clock is ahead of the host's
    stands_back: bool = False


class InFlight:
    """The messages this process is sending at this moment, by thread: two may have been handed the same one."""

    def __init__(self) -> None:
        self._by_thread: dict[int, frozenset[UUID]] = {}

    def __contains__(self, message_id: object) -> bool:
        return any(message_id in messages for messages in list(self._by_thread.values()))

    @contextmanager
    def holding(self, message_ids: Iterable[UUID]) -> Iterator[None]:
        self._by_thread[threading.get_ident()] = frozenset(message_ids)
        try:
            yield
        finally:
            del self._by_thread[threading.get_ident()]


@dataclass(frozen=True, slots=True)
class Runtime:
    """Shared by the application, the workers and the commands. `process_id` names this process in claims.

    `channels` are those of `registered`, by name, ready to send.
    """

    settings: Settings
    clock: Clock
    db: Database
    channels: dict[str, Channel]
    files: FileStore
    process_id: UUID = field(default_factory=new_id)
    in_flight: InFlight = field(default_factory=InFlight)
    vitals: Heartbeat = field(default_factory=Heartbeat)
    passwords: Passwords = field(default_factory=Passwords)
    registered: Channels = SHIPPED
    catalogue: Catalogue = STANDARD
    words: Words = ENGLISH

    @property
    def can_mail(self) -> bool:
        """Whether mails leave this machine; without a mail server they are shown on the console."""
        return not is_shown_only(self.channels[self.registered.for_links.name])

    @property
    def rules(self) -> Rules:
        return Rules(closing=closing_rule(self.settings), catalogue=self.catalogue, channels=self.registered)

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """A transaction that writes: leaving the block commits, an error rolls back."""
        with self.db.write() as session:
            yield self._at_this_moment(session)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A transaction that reads: all of it sees the database at one instant."""
        with self.db.read() as session:
            yield self._at_this_moment(session)

    def _at_this_moment(self, session: Session) -> Tx:
        return Tx(self.clock.now(), self.clock.real_now(), self.rules, session)

    def reach(self, point: str, about: str = "") -> None:
        """A point at which tests let the process die, as if the power went; see `SLAMON_CRASH_AT`."""
        if self.settings.crash_at in (point, f"{point}:{about}"):
            os.kill(os.getpid(), signal.SIGKILL)

    def close(self) -> None:
        self.passwords.close()
        self.db.close()


def build_runtime(settings: Settings, clock: Clock | None = None, registered: Channels = SHIPPED) -> Runtime:
    configure_logging(settings.log_level)
    allow_internal(settings.internal_mail_domains.split(","))
    gc.set_threshold(20_000, 10, 10)  # a batch makes thousands of objects that die together: looking early is in vain
    clock = clock or Clock()
    return Runtime(
        settings=settings,
        clock=clock,
        db=Database(settings.database, connections=settings.database_connections),
        channels=build_channels(registered, settings, clock),
        files=_files(settings),
        registered=registered,
    )


def _files(settings: Settings) -> FileStore:
    if settings.s3_bucket is None:
        return DiskStore(settings.files_folder)
    secret = settings.s3_secret_key
    return S3Store(
        Bucket(
            name=settings.s3_bucket,
            prefix=settings.s3_prefix,
            endpoint_url=settings.s3_endpoint_url,
            region=settings.s3_region,
            access_key=settings.s3_access_key,
            secret_key=secret.get_secret_value() if secret else None,
        )
    )
