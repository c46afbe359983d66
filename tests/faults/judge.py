"""The judge: reads the database and the logs of the Slack and mail servers, and knows nothing of how it works inside.

Seven things always hold, whatever was killed, frozen, cut off or filled up:

I1  each step that fell due was told, or is a dead letter somebody can see
I2  what came twice came of a kill in the send window, under the same key, and says so
I3  no step before its time, and none twice in the ladder
I4  a 2xx to whoever files means request, fact, clocks and notice are there, once for each idempotency key
I5  every chain of facts and of the trail is unbroken, and replaying gives what is stored
I6  everything moves again within 15 s of the fault's end       (`make fire` measures it; a busy machine gets 30 s)
I7  probes and metrics tell the truth within 60 s               (tests/faults/test_standstill.py)
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import select

from slamon.db.outbox import Notification, NotificationState
from slamon.db.requests import ClockRow, CmoRequest, CrossingRow, FactRow
from slamon.services.reports.verify import verify_audit, verify_requests
from tests.scenarios.installation import ProcessInstallation


def judge(house: ProcessInstallation, *, kills_in_send: int = 0, filed: Mapping[str, str] | None = None) -> None:
    """Fail unless I1 to I5 hold. `filed` is what was answered with 2xx: idempotency key to request number."""
    with house.installation.runtime.read() as tx:
        requests = {request.id: request for request in tx.session.scalars(select(CmoRequest))}
        crossings = tx.session.scalars(select(CrossingRow)).all()
        messages = tx.session.scalars(select(Notification)).all()
        clocked = set(tx.session.scalars(select(ClockRow.request_id)))
        facts = set(tx.session.scalars(select(FactRow.request_id).where(FactRow.sequence == 1)))
        differences = [found for found in verify_requests(tx) if not isinstance(found, int)]
        trail = verify_audit(tx.session)
    every_step_was_told(house, crossings, messages)
    doubles_are_few_and_marked(house, kills_in_send)
    nothing_came_early(house, requests.values(), crossings)
    numbers = {request.number: request.id for request in requests.values()}
    for key, number in (filed or {}).items():
        assert number in numbers, f"I4: {key} was answered with {number}, which is not there"
        assert numbers[number] in clocked & facts, f"I4: {number} has no clock or no fact"
    if filed is not None:
        assert len(set(filed.values())) == len(filed), "I4: two keys were answered with one request"
        assert set(filed.values()) == set(numbers), f"I4: filed more than was asked for: {set(numbers)}"
    assert not differences, f"I5: {differences}"
    assert trail is None, f"I5: {trail}"


def every_step_was_told(
    house: ProcessInstallation, crossings: Iterable[CrossingRow], messages: Iterable[Notification]
) -> None:
    arrived = Counter(keys(house))
    told: dict[tuple[object, str, str], list[Notification]] = {}
    digests = {message.id: message for message in messages if message.kind == "digest"}
    for message in messages:
        for clock in message.clocks:
            told.setdefault((message.request_id, clock, message.kind), []).append(message)
        if message.state == NotificationState.SENT:
            carrier = digests[message.digest_id] if message.digest_id else message
            assert arrived[carrier.dedupe_key], f"I1: {carrier.dedupe_key} is stored as sent and never arrived"
        if arrived[message.dedupe_key]:
            assert message.state == NotificationState.SENT, f"I1: {message.dedupe_key} arrived, and is {message.state}"
    for crossing in crossings:
        if crossing.notified:
            rows = told.get((crossing.request_id, crossing.clock, crossing.level), [])
            done = [row for row in rows if row.state in ("sent", "failed", "suppressed")]
            assert done, f"I1: {crossing.level} of {crossing.request_id} reached nobody"
            assert len(done) == len(rows), f"I1: still under way: {[row.dedupe_key for row in rows if row not in done]}"


def doubles_are_few_and_marked(house: ProcessInstallation, kills_in_send: int) -> None:
    doubled = {key for key, times in Counter(keys(house)).items() if times > 1}
    assert len(doubled) <= kills_in_send, f"I2: {len(doubled)} came twice after {kills_in_send} kills: {doubled}"
    for key in doubled:
        posts = [post for post in house.slack.posts if post.key == key]
        assert all("Repeat" in post.text for post in posts[1:]), f"I2: {key} came again in Slack without saying so"
        mails = [mail for mail in house.mailbox.mails if mail.key == key]
        assert len({mail.message["Message-ID"] for mail in mails}) <= 1, f"I2: {key} has several Message-IDs"
        assert all("Repeat" in str(mail.message["Subject"]) for mail in mails[1:]), f"I2: {key} does not say it repeats"


def nothing_came_early(
    house: ProcessInstallation, requests: Iterable[CmoRequest], crossings: Iterable[CrossingRow]
) -> None:
    numbers = {request.id: request.number for request in requests}
    crossed: dict[tuple[str, str], list[CrossingRow]] = {}
    for crossing in crossings:
        assert crossing.detected_at >= crossing.crossed_at, f"I3: {crossing.level} was found before its time"
        crossed.setdefault((numbers[crossing.request_id], crossing.level), []).append(crossing)
    for (number, level), rows in crossed.items():
        assert len({row.clock for row in rows}) == len(rows), f"I3: {level} of {number} was passed twice"
        first = min(row.crossed_at for row in rows)
        arrivals = [message.arrived_at for message in (*house.slack.posts, *house.mailbox.mails)
                    if message.key and message.key.startswith(f"{number}/{level}/")]  # fmt: skip
        assert all(at >= first for at in arrivals), f"I3: {level} of {number} was told before its time"


def keys(house: ProcessInstallation) -> list[str]:
    """The key of every message the two servers accepted, in the order of each."""
    return [message.key for message in (*house.slack.posts, *house.mailbox.mails) if message.key]
