"""A draft policy is tried on the past: what would have been a breach, what not, and who would have been called."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from slamon.db.base import new_id
from slamon.db.policies import Policy
from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import Action
from slamon.domain.priority import Priority
from slamon.domain.timeline import SYSTEM, Role
from slamon.errors import Forbidden, Invalid
from slamon.services.access.callers import Caller
from slamon.services.directory.bootstrap import default_policies
from slamon.services.directory.records import change
from slamon.services.policies.policies import PolicyLine
from slamon.services.reports.what_if import Question, WhatIf, what_if
from tests.installation import ON_BOTH_DATABASES, START, Installation

ADMIN = Caller("admin", "Ada", frozenset({Role.ADMIN}))
LIVE = default_policies(STANDARD.clocks)[0]


def draft(limit: str | None = None, **scope: Any) -> PolicyLine:
    """The shipped line, with another limit or scope."""
    tight = {"target": limit, "limit": limit} if limit else {}
    clocks = {kind: {**clock, **tight} if "target" in clock else clock for kind, clock in LIVE["clocks"].items()}
    return PolicyLine(id=new_id(), version=1, **{**LIVE, "clocks": clocks, **scope})


def tried(installation: Installation, which: PolicyLine, **differing: Any) -> WhatIf:
    period = {"filed_from": START - timedelta(days=1), "filed_to": START + timedelta(days=100)}
    with installation.runtime.read() as tx:
        return what_if(tx, Question(which, **{**period, **differing}), by=ADMIN)


@pytest.fixture
def a_week(chosen_installation: Installation) -> Installation:
    """Six requests a day apart: two answered after 30 hours, two never, two at once."""
    installation = chosen_installation
    for _ in range(2):
        slow, _silent, quick = installation.file(), installation.file(), installation.file()
        installation.act(quick.id, Action.ANSWER, by=installation.cast.contact, text="Yes")
        installation.clock.advance(hours=30)
        installation.act(slow.id, Action.ANSWER, by=installation.cast.contact, text="Yes")
    installation.clock.advance(hours=60)
    return installation


def test_the_line_they_lived_under_changes_nothing(a_week: Installation):
    found = tried(a_week, draft())
    (cmo,) = found.cmos.values()
    assert (found.looked_at, found.covered, cmo.name) == (6, 6, "Rhein Fill AG")
    assert (cmo.breaches, cmo.breaches_under_draft, cmo.appeared, cmo.vanished) == (4, 4, 0, 0)
    assert found.escalations == found.escalations_under_draft != {}


@ON_BOTH_DATABASES
def test_a_tighter_limit_shows_which_breaches_appear_and_whom_they_would_have_called(a_week: Installation):
    found = tried(a_week, draft("PT20H"))
    (cmo,) = found.cmos.values()
    assert (cmo.breaches, cmo.breaches_under_draft, cmo.appeared, cmo.vanished) == (4, 8, 4, 0)
    assert found.leads == {a_week.cast.lead: "Leo Lead"}
    assert found.escalations_under_draft[a_week.cast.lead] > found.escalations[a_week.cast.lead]


def test_a_wider_limit_shows_which_vanish(a_week: Installation):
    (cmo,) = tried(a_week, draft("PT300H")).cmos.values()
    assert (cmo.breaches_under_draft, cmo.vanished) == (0, 4)


def test_only_what_the_draft_covers_and_no_narrower_line_governed_is_counted(a_week: Installation):
    cast = a_week.cast
    assert tried(a_week, draft("PT1H", cmo_id=cast.other_cmo)).covered == 0
    assert tried(a_week, draft("PT1H", site_id=cast.site, kind="schedule_capacity")).covered == 6
    assert tried(a_week, draft("PT1H", kind="technical")).covered == 0
    a_week.file(priority=Priority.URGENT)  # under a line that names the priority
    found = tried(a_week, draft("PT1H"))
    assert (found.looked_at, found.covered) == (7, 6)


def test_what_a_line_said_at_the_filing_decides_and_not_what_it_says_now(a_week: Installation):
    with a_week.runtime.write() as tx:
        line = tx.session.scalars(select(Policy).where(Policy.priority.is_(None))).one()
        narrower = {"site_id": a_week.cast.site}
        change(tx, Policy, line.id, narrower, by=SYSTEM, reason="For Basel alone")
    assert tried(a_week, draft("PT20H")).covered == 6
    a_week.file()
    assert tried(a_week, draft("PT20H")).covered == 6


def test_nothing_is_changed_and_nobody_is_told(a_week: Installation):
    before = len(a_week.email.sent) + len(a_week.slack.sent)
    tried(a_week, draft("PT1H"))
    assert len(a_week.email.sent) + len(a_week.slack.sent) == before


def test_a_period_that_is_none_is_refused_and_so_is_a_cmo(a_week: Installation):
    with pytest.raises(Invalid, match="filed_from"):
        tried(a_week, draft(), filed_to=START - timedelta(days=1))
    with pytest.raises(Forbidden), a_week.runtime.read() as tx:
        what_if(tx, Question(draft(), START, START + timedelta(days=1)), by=a_week.caller(a_week.cast.contact))
