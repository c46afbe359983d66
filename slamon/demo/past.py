"""Plays what happened before the visitor came, through the real use cases, cycle and channels, in order of time.

Business time stands still at each instant at which something happens, so every reminder, crossing and message of the
past is found and sent when it was due. All of it goes to the demo's own inbox.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from slamon.clock import Clock
from slamon.db.claims import next_due
from slamon.demo.asks import filing_of
from slamon.demo.cast import COUNTERPARTS, caller, pm_for, site_and_project
from slamon.demo.scenes import CONTACT, MANAGER, Act, Scene
from slamon.domain.stored import read
from slamon.domain.timeline import Via
from slamon.engine.cycle import InlineDispatcher, tick
from slamon.engine.heartbeat import Watch
from slamon.runtime import Runtime
from slamon.services.requests.acts import act, load_to_act
from slamon.services.requests.filing import log_request
from slamon.services.transaction import Tx

STANDS_STILL = 1e-9  # business seconds a real second
JUST_AFTER = timedelta(seconds=1)  # a step is passed once its instant lies behind


@dataclass(slots=True)
class Dial:
    """Shows business time to the demo's own mail and Slack servers, whichever clock rules at the moment."""

    clock: Clock

    def now(self) -> datetime:
        return self.clock.now()


def file(tx: Tx, scene: Scene) -> tuple[UUID, str]:
    """File the scene's request as its project manager would; gives its id and number."""
    site_id, project_id = site_and_project(tx.session, scene.ask.site)
    filing = filing_of(scene.ask, site_id=site_id, project_id=project_id, today=tx.business_now.date())
    by = caller(tx.session, pm_for(scene.ask.site))
    filed = log_request(tx, filing, by=by, via=Via.STAFF_PAGE, file_anyway=True)
    return filed.id, filed.number


def play(runtime: Runtime, dial: Dial, scenes: Iterable[Scene], *, start: datetime) -> dict[str, Scene]:
    """Everything up to `start`; gives the scenes by their requests' numbers."""
    watch = Watch(runtime.settings.heartbeat_seconds)
    ids: dict[int, UUID] = {}
    numbers: dict[str, Scene] = {}
    for at, scene, happening in _in_order(scenes, start):
        _run_until(runtime, dial, watch, at)
        with runtime.write() as opened:
            tx = replace(opened, business_now=at)
            if happening is None:
                ids[id(scene)], number = file(tx, scene)
                numbers[number] = scene
            else:
                _perform(tx, ids[id(scene)], scene, happening)
        _run_at(runtime, dial, watch, at)
    _run_until(runtime, dial, watch, start)
    return numbers


def _in_order(scenes: Iterable[Scene], start: datetime) -> Iterator[tuple[datetime, Scene, Act | None]]:
    """Filings and acts with their instants, oldest first."""
    happenings: list[tuple[datetime, Scene, Act | None]] = []
    for scene in scenes:
        if scene.age >= 0:
            happenings.append((start - timedelta(hours=scene.age), scene, None))
            happenings += [(start - timedelta(hours=act.age), scene, act) for act in scene.acts]
    return iter(sorted(happenings, key=lambda happening: happening[0]))


def _perform(tx: Tx, request_id: UUID, scene: Scene, what: Act) -> None:
    by_contact = what.who == CONTACT
    address = {
        CONTACT: COUNTERPARTS[scene.ask.site].contact_address,
        MANAGER: pm_for(scene.ask.site),
    }.get(what.who, what.who)
    days = {name: (tx.business_now.date() + timedelta(days=count)).isoformat() for name, count in what.days.items()}
    says = tx.rules.catalogue.actions[what.action].says
    said = read(says, {"text": what.text, "reason": what.reason, **what.particulars, **days})
    by = caller(tx.session, address)
    via = Via.WEB_FORM if by_contact else Via.STAFF_PAGE
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
