"""Deadlines are computed with the pinned time-zone data alone, whatever the host has; terms say by which release."""

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from slamon.db.policies import FrozenTerms
from slamon.domain.terms import Terms, terms_digest
from slamon.services.policies.zone_data import zone_data
from tests.installation import Installation

CASABLANCA = """
import datetime, workers.main
from slamon.domain.calendar import WorkingCalendar
week = {day: [["08:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
calendar = WorkingCalendar.from_json({"tz": "Africa/Casablanca", "weekly": week})
filed = datetime.datetime(2026, 11, 30, 8, tzinfo=datetime.UTC)
print(calendar.due(filed, datetime.timedelta(hours=9)).isoformat())
"""


def test_a_host_with_other_zone_data_computes_the_same_deadlines(tmp_path: Path) -> None:
    """The host's folder comes first for Python; here it says that Casablanca lies in Tokyo."""
    import tzdata

    wrong = Path(str(tzdata.__file__)).parent / "zoneinfo" / "Asia" / "Tokyo"
    (tmp_path / "Africa").mkdir()
    (tmp_path / "Africa" / "Casablanca").write_bytes(wrong.read_bytes())
    settings = {"PYTHONTZPATH": str(tmp_path), "SLAMON_DATABASE_URL": "sqlite://", "SLAMON_REDIS_URL": "redis://x"}
    done = subprocess.run(
        [sys.executable, "-c", CASABLANCA], env={**os.environ, **settings}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "2026-11-30T17:00:00+00:00"


def test_terms_keep_the_zone_data_and_those_of_before_keep_their_digest(installation: Installation) -> None:
    installation.file()
    with installation.runtime.db.read() as session:
        content = session.scalars(select(FrozenTerms)).one().content
    assert content["zone_data"] == zone_data()
    of_before = {name: value for name, value in content.items() if name != "zone_data"}
    terms = Terms.from_json(of_before)
    assert (terms.zone_data, terms_digest(terms.to_json())) == (None, terms_digest(of_before))
    assert terms_digest(of_before) != terms_digest(content)
