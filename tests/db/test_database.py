"""The traps of both databases that a test must keep shut."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import StatementError

from slamon.db.outbox import Setting
from slamon.db.requests import CmoRequest
from slamon.db.statements import next_number
from slamon.domain.lifecycle import Action
from tests.installation import START, Installation


def test_concurrent_filings_never_share_a_number(any_installation: Installation):
    def take(_: int) -> int:
        with any_installation.runtime.db.write() as session:
            return next_number(session, "data", 2026)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(take, range(40))) == list(range(1, 41))


def test_a_naive_time_is_refused_at_the_column(installation: Installation):
    request = installation.file()
    with pytest.raises(StatementError, match="no time zone"), installation.runtime.db.write() as session:
        session.get_one(CmoRequest, request.id).filed_at = datetime(2026, 3, 2)  # noqa: DTZ001


def test_times_come_back_aware_and_equal_on_both_databases(any_installation: Installation):
    request = any_installation.file()
    with any_installation.runtime.db.read() as session:
        assert session.scalars(select(CmoRequest.filed_at).where(CmoRequest.id == request.id)).one() == START


def test_an_error_rolls_everything_back(any_installation: Installation):
    def begin_and_fail() -> None:
        with any_installation.runtime.db.write() as session:
            session.add(Setting(name="half done", value={}))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        begin_and_fail()
    with any_installation.runtime.db.read() as session:
        assert session.get(Setting, "half done") is None


def test_two_people_acting_at_once_leave_one_chain(any_installation: Installation):
    request = any_installation.file()

    def follow_up(n: int) -> None:
        any_installation.act(request.id, Action.FOLLOW_UP, by=any_installation.cast.pm, text=f"Reminder {n}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(follow_up, range(16)))
    with any_installation.runtime.db.read() as session:
        sequences = session.execute(text("SELECT sequence FROM fact ORDER BY sequence")).scalars().all()
    assert list(sequences) == list(range(1, 18))
