"""Plays the script: what lies before the start at once, the rest while the visitor watches.

Of the past, business time stands still at each instant at which something happens, so every reminder, crossing and
message is found and sent when it was due, through the real use cases, cycle and channels. Afterwards project managers
file, and contacts read their mail, open its link and send the real web form over HTTP. Nobody of the cast touches a
request that the visitor filed.
"""

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import structlog
from sqlalchemy import select

from slamon.clock import Clock
from slamon.db.claims import next_due
from slamon.db.requests import CmoRequest
from slamon.demo.asks import filing_of
from slamon.demo.cast import COUNTERPARTS, caller, pm_for, site_and_project
from slamon.demo.contact_form import PATIENCE_SECONDS, FormNotFound, send_act
from slamon.demo.scenes import CONTACT, MANAGER, Act, Scene
from slamon.demo.stage import Stage
from slamon.domain.stored import read
from slamon.domain.timeline import Via
from slamon.engine.cycle import InlineDispatcher, tick
from slamon.engine.heartbeat import Watch
from slamon.runtime import Runtime
from slamon.services.access.form_links import issue_link
from slamon.services.requests.acts import act, load_to_act
from slamon.services.requests.filing import log_request
from slamon.services.transaction import Tx
from slamon.wording.message import MessageKind

STANDS_STILL = 1e-9  # business seconds a real second
JUST_AFTER = timedelta(seconds=1)  # a step is passed once its instant lies behind
LOOK_EVERY_SECONDS = 0.1
LINK = re.compile(r"https?://\S+/r/[\w-]+")

log = structlog.get_logger()


@dataclass(slots=True)
class Dial:
    """Shows business time to the demo's own mail and Slack servers, whichever clock rules at the moment."""

    clock: Clock

    def now(self) -> datetime:
        return self.clock.now()


@dataclass(frozen=True, slots=True)
class Cue:
    """One line of the script: `act` of a scene, or its filing where there is none."""

    at: datetime
    scene: Scene
    act: Act | None


def cues(scenes: Iterable[Scene], start: datetime) -> list[Cue]:
    """All that happens, in order of time."""
    lines = [(each.at if each else scene.at, scene, each) for scene in scenes for each in (None, *scene.acts)]
    found = (Cue(start + timedelta(hours=at), scene, each) for at, scene, each in lines)
    return sorted(found, key=lambda cue: cue.at)


# --- before the visitor came ---------------------------------------------------------------------------------------


def play_past(stage: Stage, dial: Dial, script: Iterable[Cue]) -> None:
    """Everything of the script that lies before the start."""
    runtime, watch = stage.runtime, Watch(stage.runtime.settings.heartbeat_seconds)
    for cue in script:
        _run_until(runtime, dial, watch, cue.at)
        with runtime.write() as opened:
            tx = replace(opened, business_now=cue.at)
            if cue.act is None:
                _file(tx, stage, cue.scene)
            else:
                _perform(tx, _id_of(tx, stage, cue.scene), cue.scene, cue.act)
        _run_at(runtime, dial, watch, cue.at)
    _run_until(runtime, dial, watch, stage.start)


def _file(tx: Tx, stage: Stage, scene: Scene) -> None:
    """File the scene's request as its project manager would."""
    site_id, project_id = site_and_project(tx.session, scene.ask.site)
    filing = filing_of(scene.ask, site_id=site_id, project_id=project_id, today=tx.business_now.date())
    by = caller(tx.session, pm_for(scene.ask.site))
    stage.scenes[log_request(tx, filing, by=by, via=Via.STAFF_PAGE, file_anyway=True).number] = scene


def _id_of(tx: Tx, stage: Stage, scene: Scene) -> UUID:
    return tx.session.scalars(select(CmoRequest.id).where(CmoRequest.number == stage.number_of(scene))).one()


def _perform(tx: Tx, request_id: UUID, scene: Scene, what: Act) -> None:
    contact, manager = COUNTERPARTS[scene.ask.site].contact_address, pm_for(scene.ask.site)
    by = caller(tx.session, {CONTACT: contact, MANAGER: manager}.get(what.who, what.who))
    days = {name: (tx.business_now.date() + timedelta(days=count)).isoformat() for name, count in what.days.items()}
    says = tx.rules.catalogue.actions[what.action].says
    said = read(says, {"text": what.text, "reason": what.reason, **what.particulars, **days})
    via = Via.WEB_FORM if what.who == CONTACT else Via.STAFF_PAGE
    act(tx, load_to_act(tx, request_id, by=by), said, by=by, via=via)


def _run_until(runtime: Runtime, dial: Dial, watch: Watch, until: datetime) -> None:
    """Let the cycle find what passes before `until`, each thing at its own time."""
    while True:
        with runtime.db.look_up() as connection:
            wake_at = next_due(connection, runtime.registered.names).request_at
        if wake_at is None or wake_at + JUST_AFTER >= until:
            return
        _run_at(runtime, dial, watch, wake_at + JUST_AFTER)


def _run_at(runtime: Runtime, dial: Dial, watch: Watch, at: datetime) -> None:
    dial.clock = Clock(speed=STANDS_STILL, business_start=at)
    standing = replace(runtime, clock=dial.clock)
    for _ in range(2):  # the second pass sends what the first one found
        tick(standing, InlineDispatcher(standing), watch)


# --- while they watch ----------------------------------------------------------------------------------------------


@contextmanager
def playing(stage: Stage, script: Sequence[Cue]) -> Iterator[None]:
    """The rest of the script is played meanwhile, in a thread of its own."""
    stopping = threading.Event()
    thread = threading.Thread(target=_play, args=(stage, script, stopping), name="slamon-demo-player", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(timeout=2)


def _play(stage: Stage, script: Sequence[Cue], stopping: threading.Event) -> None:
    with httpx.Client(trust_env=False, timeout=PATIENCE_SECONDS) as browser:
        while not stopping.wait(LOOK_EVERY_SECONDS):
            now = stage.runtime.clock.now()
            script = [cue for cue in script if cue.at > now or not _is_played(stage, cue, browser)]


def _is_played(stage: Stage, cue: Cue, browser: httpx.Client) -> bool:
    """Play a cue that is due; False for a contact's act while the mail with its link has not arrived."""
    try:
        if cue.act is None:
            with stage.runtime.write() as tx:
                _file(tx, stage, cue.scene)
        elif link := _link_to(stage, cue.scene):
            send_act(browser, link, cue.act.action, cue.act.text)
        else:
            return False
    except (FormNotFound, httpx.HTTPError) as error:  # the visitor may have been quicker
        log.info("demo_act_not_possible", number=stage.number_of(cue.scene), error=str(error))
    except Exception:  # one bad moment must not end the play
        log.exception("demo_player_stumbled")
    return True


def _link_to(stage: Stage, scene: Scene) -> str | None:
    """The link in the mail to the contact, once it is there; where mails go to the visitor's own server, a new one."""
    number = stage.number_of(scene)
    if number is None:
        return None
    if found := next((LINK.search(mail.text) for _, mail in stage.mails(MessageKind.FILED, number)), None):
        return found[0]
    if not stage.sends_mail_out:
        return None
    with stage.runtime.write() as tx:
        request = tx.session.scalars(select(CmoRequest).where(CmoRequest.number == number)).one()
        token = issue_link(tx, request.id, request.contact_id, days=stage.runtime.settings.link_days)
    return f"{stage.base_url}/r/{token}"
