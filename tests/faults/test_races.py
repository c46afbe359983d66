"""What meets in the same moment: the CMO's acts and the loop (fault 35), several writers, several administrators."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select

from slamon.db.parties import Site
from slamon.db.policies import Policy
from slamon.db.requests import CmoRequest, CrossingRow, FactRow
from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import Action
from slamon.domain.timeline import SYSTEM
from slamon.errors import ActionNotAllowed, Conflict, StaleVersion, Unavailable
from slamon.services.directory.bootstrap import default_policies
from slamon.services.directory.records import change, create, find
from slamon.services.reports.verify import verify_audit, verify_requests
from slamon.wording.message import MessageKind
from tests.installation import CMO_CHANNEL, CONTACT, HEAD, STEERING, Installation


@pytest.mark.parametrize("way", ["slack", "email"])
def test_fault_35_the_answer_arrives_while_the_breach_is_being_sent(any_installation: Installation, way: str):
    installation = any_installation
    request = installation.file()
    installation.work()
    installation.clock.advance(hours=48, seconds=1)
    channel = getattr(installation, way)

    def answered() -> None:
        channel.meanwhile = lambda: None  # once
        installation.act(request.id, Action.ANSWER, by=installation.cast.contact, text="Slots in week 20")

    channel.meanwhile = answered
    installation.work()
    for _ in range(4):  # past every step; nobody's silence closes it yet
        installation.clock.advance(hours=24)
        installation.work()

    with installation.runtime.read() as tx:
        assert tx.session.get_one(CmoRequest, request.id).state == "answered"
        crossed = tx.session.scalars(select(CrossingRow).where(CrossingRow.request_id == request.id)).all()
        assert {row.level for row in crossed} == {"reminder", "target", "limit"}  # the breach stays on record
        assert {row.status for row in crossed} == {"open"}
        assert all(isinstance(found, int) for found in verify_requests(tx))
    told = [post.kind for post in installation.slack.sent_to(CMO_CHANNEL)]
    assert told in ([MessageKind.LIMIT, MessageKind.CLOSING], [])  # in Slack it is told and closed, or never said
    assert told or way == "email"
    assert not installation.email.sent_to(HEAD)
    assert not installation.email.sent_to(STEERING)
    assert len(installation.email.sent_to(CONTACT, MessageKind.RECEIPT)) == 1


def test_eight_who_write_to_one_request_at_once_leave_one_sound_timeline(any_installation: Installation):
    installation = any_installation
    request = installation.file()
    installation.clock.advance(hours=49)  # and the loop has something to find meanwhile

    def write(writer: int) -> int:
        done = 0
        for turn in range(6):
            asks = (turn + writer) % 2
            action, by = (Action.ASK, installation.cast.contact) if asks else (Action.REPLY, installation.cast.pm)
            try:
                installation.act(request.id, action, by=by, text=f"{writer}/{turn}")
                done += 1
            except (ActionNotAllowed, Unavailable):  # somebody else was first: nothing is half done
                installation.work() if turn == writer else None
        return done

    with ThreadPoolExecutor(8) as pool:
        done = sum(pool.map(write, range(8)))
    with installation.runtime.read() as tx:
        facts = tx.session.scalars(
            select(FactRow).where(FactRow.request_id == request.id).order_by(FactRow.sequence)
        ).all()
        assert [fact.sequence for fact in facts] == list(range(1, len(facts) + 1))
        assert len(facts) == 1 + done > 2
        asked = [fact.kind for fact in facts[1:]]
        assert asked == [("asked", "replied")[n % 2] for n in range(len(asked))]  # never two questions, two replies
        assert all(isinstance(found, int) for found in verify_requests(tx))


def test_of_eight_lines_of_the_same_scope_stored_at_once_one_gets_in(any_installation: Installation):
    installation, start = any_installation, Barrier(8)
    line = {
        **default_policies(STANDARD.clocks)[0],
        "site_id": installation.cast.site,
        "effective_from": installation.clock.now(),
    }

    def add(number: int) -> int:
        start.wait()
        try:
            with installation.runtime.write() as tx:
                create(tx, Policy, {**line, "name": f"Line {number}"}, by=SYSTEM)
        except Conflict:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(8))) == 1
    with installation.runtime.db.read() as session:
        assert verify_audit(session) is None


def test_a_change_sees_what_another_stored_while_it_waited(postgres_installation: Installation):
    installation, record = postgres_installation, (Site, postgres_installation.cast.site)
    how = {"by": SYSTEM, "reason": "Renamed", "expected_version": 1}
    with installation.runtime.write() as late:
        assert find(late.session, *record).version == 1
        with installation.runtime.write() as first:
            change(first, *record, {"name": "Basel North"}, **how)
        with pytest.raises(StaleVersion):
            change(late, *record, {"name": "Basel South"}, **how)
