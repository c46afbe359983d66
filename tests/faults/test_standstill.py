"""Fault 41: nobody watches the deadlines. Real processes; a minute lasts two seconds."""

import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.installation import ADMIN
from tests.scenarios.installation import BESIDE_THE_API, ProcessInstallation, eventually, running_house

MINUTE = 2.0
TICKER = {"ticker": BESIDE_THE_API["ticker"]}


def readiness(house: ProcessInstallation) -> tuple[int, dict[str, Any]]:
    answer = httpx.get(f"{house.base_url}/readyz", timeout=5)
    return answer.status_code, answer.json()


def standing_still(house: ProcessInstallation) -> str | None:
    status, told = readiness(house)
    return told["troubles"].get("cycle") if status == 503 and "troubles" in told else None


@pytest.mark.slow
@pytest.mark.parametrize("ticker", ["never started", "stopped in its tracks"])
def test_fault_41_a_ticker_that_does_not_run_is_alarmed_within_five_minutes(
    tmp_path: Path, postgres_url: str, valkey_url: str, ticker: str
):
    processes = {} if ticker == "never started" else TICKER
    with running_house(tmp_path, postgres_url, valkey_url, processes=processes, STANDSTILL_SECONDS=MINUTE) as house:
        if "ticker" in processes:
            eventually(lambda: readiness(house)[0] == 200 and passes(house), within=30, what="a pass")
            house.processes["ticker"].send_signal(signal.SIGSTOP)
        words = eventually(lambda: standing_still(house), within=2 * MINUTE + 1, what="readyz turning red")
        assert "deadlines are not being watched" in words
        alarms = eventually(lambda: alarms_to(house, ADMIN), within=5 * MINUTE, what="the alarm")
        assert "deadlines are not being watched" in alarms[0].text
        assert httpx.get(f"{house.base_url}/livez", timeout=5).status_code == 200
        if "ticker" in processes:
            house.processes["ticker"].send_signal(signal.SIGCONT)
        else:
            house.start("ticker", *TICKER["ticker"])
        eventually(lambda: readiness(house)[0] == 200, within=30, what="readyz turning green")
        keys = [mail.key for mail in alarms_to(house, ADMIN)]
        assert len(keys) == len(set(keys))  # the API's auditor and the ticker's: each alarm went out once


def passes(house: ProcessInstallation) -> bool:
    return "slamon_cycle_age_seconds" in httpx.get(f"{house.base_url}/metrics", timeout=5).text


def alarms_to(house: ProcessInstallation, address: str) -> list[Any]:
    return [mail for mail in house.mailbox.to(address) if mail.key and mail.key.startswith("alarm/cycle/")]
