"""When an answered request closes by itself, and what keeps it open."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slamon.domain.catalogue import STANDARD
from slamon.domain.clocks.auto_close import ClosingRule, counted_from
from slamon.domain.lifecycle import RequestType
from slamon.domain.timeline import FactKind
from tests.domain.timelines import happened

K = FactKind
GOOD_FRIDAY, EASTER_MONDAY = date(2026, 4, 3), date(2026, 4, 6)
RULE = ClosingRule(5, 2, ZoneInfo("Europe/Zurich"), lambda _: {GOOD_FRIDAY, EASTER_MONDAY})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("answered", "told", "closes"),
    [
        ("2026-03-05T10:00+01:00", "2026-03-10T09:00+01:00", "2026-03-12T23:59:59+01:00"),  # Thursday to Thursday
        ("2026-03-06T23:59+01:00", "2026-03-11T09:00+01:00", "2026-03-13T23:59:59+01:00"),
        ("2026-03-07T10:00+01:00", "2026-03-11T09:00+01:00", "2026-03-13T23:59:59+01:00"),  # a Saturday counts not
        ("2026-03-26T10:00+01:00", "2026-03-31T09:00+02:00", "2026-04-02T23:59:59+02:00"),  # summer time begins
        ("2026-04-01T10:00+02:00", "2026-04-08T09:00+02:00", "2026-04-10T23:59:59+02:00"),  # Easter
    ],
)
def test_the_notice_comes_on_a_morning_and_the_days_end_at_midnight_of_the_sponsor(answered, told, closes):
    assert RULE.notice_at(at(answered)) == at(told)
    assert RULE.closes_at(at(answered), at(told)) == at(closes)


def test_a_late_notice_leaves_as_many_working_days_as_one_in_time():
    late = at("2026-03-12T15:00+01:00")
    assert RULE.closes_at(at("2026-03-05T10:00+01:00"), late) == at("2026-03-16T23:59:59+01:00")


@given(
    since=st.integers(0, 20 * 365 * 24 * 3600).map(
        lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    ),
    days=st.integers(1, 20),
    notice=st.integers(0, 25),
    late=st.timedeltas(timedelta(0), timedelta(days=30)),
)
def test_it_never_closes_before_the_notice_nor_without_the_days_promised(since, days, notice, late):
    rule = ClosingRule(days, notice, ZoneInfo("America/New_York"), lambda year: {date(year, 12, 25)})
    told_at = rule.notice_at(since) + late
    closes_at = rule.closes_at(since, told_at)
    assert since <= rule.notice_at(since) <= told_at <= closes_at
    assert closes_at - since >= timedelta(days=days - 1)
    assert closes_at.astimezone(rule.zone).strftime("%T") == "23:59:59"


ANSWERED = (K.ANSWERED, 30)


@pytest.mark.parametrize(
    ("facts", "counted"),
    [
        ([], None),
        ([ANSWERED], 2),
        ([ANSWERED, (K.CORRECTED, 40)], 3),
        ([ANSWERED, (K.FOLLOWED_UP, 40)], None),
        ([ANSWERED, (K.REJECTED, 40)], None),
        ([ANSWERED, (K.REJECTED, 40), (K.ANSWERED, 50)], 4),
        ([ANSWERED, (K.FOLLOWED_UP, 40), (K.REJECTED, 50), (K.ANSWERED, 60)], 5),
        ([ANSWERED, (K.ACCEPTED, 40), (K.REOPENED, 50), (K.ANSWERED, 60)], 5),
        ([(K.FOLLOWED_UP, 10), ANSWERED], 3),
        ([ANSWERED, (K.ACCEPTED, 40)], None),
        ([(K.DECLINED, 10)], None),
    ],
)
def test_the_days_are_counted_from_the_last_act_since_the_answer_unless_the_sponsor_asks_on(facts, counted):
    found = counted_from(STANDARD, STANDARD.types[RequestType.INQUIRY], happened(*facts), gxp=False)
    assert (found.sequence if found else None) == counted


@pytest.mark.parametrize(
    ("request_type", "gxp", "closes"),
    [
        (RequestType.INQUIRY, True, True),
        (RequestType.DATA, False, True),
        (RequestType.DATA, True, False),
        (RequestType.SHIPMENT, False, False),
    ],
)
def test_a_gxp_data_request_never_closes_by_itself_and_no_shipment_does(request_type, gxp, closes):
    assert (counted_from(STANDARD, STANDARD.types[request_type], happened(ANSWERED), gxp=gxp) is not None) == closes
