"""When an answered request closes by itself: nobody objected for some working days of the sponsor's own calendar."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from slamon.domain.catalogue import Catalogue
from slamon.domain.lifecycle import Action, RequestTypeDefinition
from slamon.domain.stage import state_after
from slamon.domain.timeline import Fact, FactKind, Timeline, end_of_day

MORNING = time(9)  # the notice comes early enough to be read the same day
_DAY = timedelta(days=1)
_WEEKEND = (5, 6)


@dataclass(frozen=True, slots=True)
class ClosingRule:
    """How long the sponsor may object; working days are Monday to Friday in `zone`, less the public holidays.

    No `working_days` means that nothing closes by itself. `holidays_of` gives the public holidays of a year.
    """

    working_days: int
    notice_days: int
    zone: ZoneInfo
    holidays_of: Callable[[int], Container[date]]

    @property
    def is_on(self) -> bool:
        return self.working_days > 0

    @property
    def reason(self) -> str:
        return f"no objection for {self.working_days} working day{'' if self.working_days == 1 else 's'}"

    def notice_at(self, since: datetime) -> datetime:
        """The morning on which the manager is notified; `since` is the act from which the days are counted."""
        day = self._working_day(since, self.working_days - self.notice_days)
        return max(since, datetime.combine(day, MORNING, self.zone).astimezone(UTC))

    def closes_at(self, since: datetime, notified_at: datetime) -> datetime:
        """The end of the last working day to object, never fewer days after the notice than were promised."""
        last_day = max(self._working_day(since, self.working_days), self._working_day(notified_at, self.notice_days))
        return end_of_day(last_day, self.zone)

    def _working_day(self, after: datetime, number: int) -> date:
        """The working day with this number after the day of an instant; that day itself for none."""
        day = after.astimezone(self.zone).date()
        while number > 0:
            day += _DAY
            number -= day.weekday() not in _WEEKEND and day not in self.holidays_of(day.year)
        return day


NEVER = ClosingRule(0, 0, ZoneInfo("UTC"), lambda _: ())
"""Nothing closes by itself: for requests brought in from elsewhere, until something more happens to them."""


def counted_from(
    catalogue: Catalogue, request_type: RequestTypeDefinition, timeline: Timeline, *, gxp: bool
) -> Fact | None:
    """The act from which the days to object are counted; None where the request does not close by itself.

    It is the last act of either side since the answer, by when it was recorded: nobody can object to what they do
    not know of. A follow-up is an objection, and the CMO has not answered it: then only the sponsor closes the request.
    """
    if gxp and not request_type.closes_gxp_by_itself:
        return None
    own, counted, recorded = request_type.by_itself, None, timeline.as_recorded()
    while recorded and (state_after(catalogue, request_type, Timeline(recorded)), Action.ACCEPT) in own:
        fact = recorded.pop()
        if fact.kind == FactKind.FOLLOWED_UP:
            return None
        if fact.kind in catalogue.action_of:
            counted = counted or fact
    return counted
