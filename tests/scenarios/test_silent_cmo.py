"""The main job, once through: a request meets silence, climbs the ladder, is answered at last. Both carriers."""

import re
from collections import Counter
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.scenarios.house import House, eventually, running_house, seconds_policy
from tests.world import CMO_CHANNEL, CMO_LEAD, CONTACT, HEAD, LEAD, PM, STEERING


@pytest.fixture(params=["one process, SQLite", "two workers, PostgreSQL and Redis"])
def house(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "one process, SQLite":
        database, redis = f"sqlite:///{tmp_path}/house.db", None
    else:
        database, redis = request.getfixturevalue("postgres_url"), request.getfixturevalue("valkey_url")
    with running_house(tmp_path, database, redis) as running:
        seconds_policy(running.world, target=4, limit=6)
        yield running


def test_a_silent_cmo_is_reminded_escalated_and_told_off_the_hook_when_it_answers(house: House):
    number, request_id, limit_at = file(house)

    link = link_in(mail(house, CONTACT, "filed", number))
    page = httpx.get(link)
    assert page.status_code == 200
    assert number in page.text
    assert state(house, request_id) == "filed"  # looking is not answering

    mail(house, CONTACT, "reminder", number)
    mail(house, CONTACT, "target", number)
    mail(house, LEAD, "limit", number)
    post = eventually(lambda: posts(house, "limit", number), within=10, what="the breach in Slack")[0]
    assert post.arrived_at >= limit_at  # never before its time
    mail(house, HEAD, "step_3", number)
    mail(house, STEERING, "step_4", number)

    answered = httpx.post(f"{link}/answer", data={"text": "Shipped this morning"}, follow_redirects=True)
    assert answered.status_code == 200
    assert state(house, request_id) == "answered"
    mail(house, CONTACT, "receipt", number)
    mail(house, PM, "cmo_acted", number)
    (closing,) = eventually(lambda: posts(house, "closing", number), within=10, what="the closing line")
    assert closing.thread_ts == post.ts

    keys = Counter([m.key for m in house.mailbox.mails] + [p.key for p in house.slack.posts])
    assert {key: count for key, count in keys.items() if count > 1} == {}
    assert not [m for m in house.mailbox.mails if m.key and "/repeat/" in m.key]
    assert mails(house, CMO_LEAD, "limit", number)
    verified = house.run("slamon", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    no_secrets_in(house.logs(), link)


def file(house: House) -> tuple[str, str, datetime]:
    cast = house.world.cast
    answer = httpx.post(
        f"{house.base_url}/v1/requests",
        headers={"Authorization": f"Bearer {house.world.key(cast.pm)}", "Idempotency-Key": "story-1"},
        json={
            "type": "inquiry",
            "project_id": str(cast.project),
            "site_id": str(cast.site),
            "subject": "Secret of subject line",
            "detail": {"category": "schedule_capacity", "questions": ["Which slots are free in May?"]},
        },
    )
    assert answer.status_code == 201, answer.text
    filed = answer.json()
    return filed["number"], filed["id"], datetime.fromisoformat(filed["clocks"][0]["limit_at"])


def state(house: House, request_id: str) -> str:
    headers = {"Authorization": f"Bearer {house.world.key(house.world.cast.pm)}"}
    return str(httpx.get(f"{house.base_url}/v1/requests/{request_id}", headers=headers).json()["state"])


def mails(house: House, address: str, kind: str, number: str):
    return [m for m in house.mailbox.to(address) if m.key and m.key.startswith(f"{number}/{kind}/")]


def mail(house: House, address: str, kind: str, number: str):
    return eventually(lambda: mails(house, address, kind, number), within=15, what=f"{kind} to {address}")[0]


def posts(house: House, kind: str, number: str):
    return [p for p in house.slack.in_channel(CMO_CHANNEL) if p.key and p.key.startswith(f"{number}/{kind}/")]


def link_in(received) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+/r/[\w-]+", received.text)
    assert found, received.text
    return found[0]


def no_secrets_in(logs: str, link: str) -> None:
    for secret in (link.rsplit("/", 1)[1], "Secret of subject line", "Shipped this morning", "Which slots", "slk_"):
        assert secret not in logs
