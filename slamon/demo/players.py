"""Plays the cast while the visitor watches: project managers file, CMO contacts answer from their mailboxes.

A contact reads the mail, opens its link and sends the real web form over HTTP, after a delay of the real log. Nobody
of the cast touches a request that the visitor filed.
"""

import heapq
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import httpx
import structlog
from sqlalchemy import select

from slamon.db.outbox import Notification, NotificationState
from slamon.db.requests import CmoRequest
from slamon.demo.contact_form import PATIENCE_SECONDS, FormNotFound, send_act
from slamon.demo.past import file
from slamon.demo.scenes import Part, Scene
from slamon.demo.stage import Stage
from slamon.domain.lifecycle import Action
from slamon.services.access.form_links import issue_link
from slamon.services.outbox.message_keys import MessageKey
from slamon.wording.message import MessageKind

LOOK_EVERY_SECONDS = 0.1
LINK = re.compile(r"https?://\S+/r/[\w-]+")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Letter:
    """A new request as it reached its contact."""

    number: str
    link: str
    filed_at: datetime


@dataclass(order=True, slots=True)
class Plan:
    """One act a contact has in mind."""

    at: datetime
    order: int
    letter: Letter = field(compare=False)
    action: Action = field(compare=False)
    words: str = field(compare=False, default="")


@dataclass(slots=True)
class Players:
    """Start and stop them; they work in a thread of their own. `scenes` are those still to be filed, in order."""

    stage: Stage
    scenes: Iterator[Scene]
    _plans: list[Plan] = field(default_factory=list)
    _next: Scene | None = None
    _order: "count[int]" = field(default_factory=count)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="slamon-demo-players", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _run(self) -> None:
        read_letters = minted_letters(self.stage) if self.stage.sends_mail_out else mailed_letters(self.stage)
        self._next = next(self.scenes, None)
        with httpx.Client(trust_env=False, timeout=PATIENCE_SECONDS) as browser:
            while not self._stopping.wait(LOOK_EVERY_SECONDS):
                try:
                    self._file()
                    for letter in read_letters():
                        self._plan(letter)
                    self._act(browser)
                except Exception:  # one bad moment must not end the play
                    log.exception("demo_player_stumbled")

    def _file(self) -> None:
        """File what is due by the script, as its project manager."""
        runtime = self.stage.runtime
        now = runtime.clock.now()
        while self._next is not None and self.stage.start - timedelta(hours=self._next.age) <= now:
            scene, self._next = self._next, next(self.scenes, None)
            with runtime.write() as tx:
                _, number = file(tx, scene)
            self.stage.scenes[number] = scene

    def _plan(self, letter: Letter) -> None:
        scene = self.stage.scenes.get(letter.number)
        if scene is not None and scene.part is not None:
            for after, action, words in _acts_of(scene.part):
                heapq.heappush(self._plans, Plan(letter.filed_at + after, next(self._order), letter, action, words))

    def _act(self, browser: httpx.Client) -> None:
        while self._plans and self._plans[0].at <= self.stage.runtime.clock.now():
            plan = heapq.heappop(self._plans)
            try:
                send_act(browser, plan.letter.link, plan.action, plan.words)
            except (FormNotFound, httpx.HTTPError) as error:  # the visitor may have been quicker
                log.info("demo_act_not_possible", number=plan.letter.number, action=plan.action, error=str(error))


def _acts_of(part: Part) -> Iterator[tuple[timedelta, Action, str]]:
    """A part's acts in order; whoever answers at once need not confirm receipt first."""
    soon = timedelta(minutes=30)
    answers_at_once = (
        part.then is not None and part.acknowledge_after is not None and part.then_after - part.acknowledge_after < soon
    )
    if part.acknowledge_after is not None and not answers_at_once:
        yield part.acknowledge_after, Action.ACKNOWLEDGE, ""
    if part.then is not None:
        yield part.then_after, part.then, part.words


def mailed_letters(stage: Stage) -> Callable[[], Iterable[Letter]]:
    """Letters from the demo's own mail server, each once."""
    read = 0

    def look() -> Iterator[Letter]:
        nonlocal read
        mails = stage.mailbox.mails[read:]
        read += len(mails)
        for mail in mails:
            key, link = MessageKey.parse(mail.key), LINK.search(mail.text)
            if link is not None and key is not None and key.kind is MessageKind.FILED:
                yield Letter(key.number, link[0], mail.arrived_at)

    return look


def minted_letters(stage: Stage) -> Callable[[], Iterable[Letter]]:
    """Letters where mail goes to the visitor's own server, which players cannot read: they get links of their own."""
    seen: set[str] = set()

    def look() -> Iterator[Letter]:
        with stage.runtime.db.read() as session:
            statement = (
                select(CmoRequest)
                .join(Notification, Notification.request_id == CmoRequest.id)
                .where(Notification.kind == MessageKind.FILED, Notification.state == NotificationState.SENT)
            )
            new = [request for request in session.scalars(statement) if request.number not in seen]
        for request in new:
            seen.add(request.number)
            yield Letter(request.number, _minted_link(stage, request), request.filed_at)

    return look


def _minted_link(stage: Stage, request: CmoRequest) -> str:
    settings = stage.runtime.settings
    with stage.runtime.write() as tx:
        token = issue_link(tx, request.id, request.contact_id, days=settings.link_days)
    return f"{stage.base_url}/r/{token}"
