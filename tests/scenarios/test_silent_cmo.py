"""The main job, once through: a request meets silence, climbs the ladder, is answered at last. Both carriers."""

import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.installation import CMO_CHANNEL, CMO_LEAD, CONTACT, HEAD, LEAD, PM, STEERING
from tests.scenarios.installation import ProcessInstallation, eventually, running_house, seconds_policy
from tests.servers.slack_and_mail import TOKEN


# The demo tells the same story in one process (`tests/demo/test_story_told.py`), so here that is for `make test-slow`.
@pytest.fixture(
    params=[pytest.param("one process, SQLite", marks=pytest.mark.slow), "two workers, PostgreSQL and Redis"]
)
def house(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "one process, SQLite":
        database, redis = f"sqlite:///{tmp_path}/house.db", None
    else:
        database, redis = request.getfixturevalue("postgres_url"), request.getfixturevalue("valkey_url")
    with running_house(tmp_path, database, redis) as running:
        seconds_policy(running.installation, target=4, limit=6)
        yield running


def test_a_silent_cmo_is_reminded_escalated_and_told_off_the_hook_when_it_answers(house: ProcessInstallation):
    number, request_id, limit_at = file(house)

    link = link_in(mail(house, CONTACT, "filed", number))
    page = httpx.get(link)
    assert page.status_code == 200
    assert number in page.text
    assert state(house, request_id) == "filed"  # looking is not answering

    mail(house, CONTACT, "reminder", number)
    mail(house, CONTACT, "target", number)
    mail(house, LEAD, "limit", number)
    post = eventually(lambda: posts(house, "limit", number), within=30, what="the breach in Slack")[0]
    assert post.arrived_at >= limit_at  # never before its time
    mail(house, HEAD, "step_3", number)
    mail(house, STEERING, "step_4", number)

    answered = httpx.post(f"{link}/answer", data={"text": "Shipped this morning"}, follow_redirects=True)
    assert answered.status_code == 200
    assert state(house, request_id) == "answered"
    mail(house, CONTACT, "receipt", number)
    mail(house, PM, "cmo_acted", number)
    (closing,) = eventually(lambda: posts(house, "closing", number), within=30, what="the closing line")
    assert closing.thread_ts == post.ts

    keys = Counter([m.key for m in house.mailbox.mails] + [p.key for p in house.slack.posts])
    assert {key: count for key, count in keys.items() if count > 1} == {}
    assert not [m for m in house.mailbox.mails if m.key and "/repeat/" in m.key]
    assert mails(house, CMO_LEAD, "limit", number)
    verified = house.run("slamon", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    probes = "".join(httpx.get(f"{house.base_url}{path}").text for path in ("/metrics", "/readyz", "/livez"))
    told = house.run("slamon", "status", "--json").stdout + house.run("slamon", "status").stdout
    nothing_private_in(house.logs(), link)
    nothing_private_in(probes + told, link)
    posted = "".join(post.text + str(post.blocks) for post in house.slack.posts)
    mailed = "".join(m.text + m.html for m in house.mailbox.mails if "receipt" not in (m.key or ""))
    nothing_private_in(posted + mailed, "/no-link-is-secret-to-its-reader")
    follow_through_the_logs(house.logs(), number)


def file(house: ProcessInstallation) -> tuple[str, str, datetime]:
    cast = house.installation.cast
    answer = httpx.post(
        f"{house.base_url}/v1/requests",
        headers={**signed_in(house), "Idempotency-Key": "story-1", "X-Request-ID": "story-1"},
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


def state(house: ProcessInstallation, request_id: str) -> str:
    return str(httpx.get(f"{house.base_url}/v1/requests/{request_id}", headers=signed_in(house)).json()["state"])


def signed_in(house: ProcessInstallation) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.installation.key(house.installation.cast.pm)}"}


def mails(house: ProcessInstallation, address: str, kind: str, number: str):
    return [m for m in house.mailbox.to(address) if m.key and m.key.startswith(f"{number}/{kind}/")]


def mail(house: ProcessInstallation, address: str, kind: str, number: str):
    return eventually(lambda: mails(house, address, kind, number), within=30, what=f"{kind} to {address}")[0]


def posts(house: ProcessInstallation, kind: str, number: str):
    return [p for p in house.slack.in_channel(CMO_CHANNEL) if p.key and p.key.startswith(f"{number}/{kind}/")]


def link_in(received) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+/r/[\w-]+", received.text)
    assert found, received.text
    return found[0]


def nothing_private_in(words: str, link: str) -> None:
    """No token, no secret, no product, nothing anybody wrote."""
    written = ("Secret of subject line", "Shipped this morning", "Which slots", 'AUR-1"', "AUR-1'")
    for secret in (link.rsplit("/", 1)[1], *written, "slk_", TOKEN, "s" * 40):
        assert secret not in words, secret


def follow_through_the_logs(logs: str, number: str) -> None:
    """From the call over HTTP to the delivery by its id, and on through the cycle by the request's number."""
    lines = [json.loads(line) for line in logs.splitlines() if line.startswith("{")]
    of_call = {line["event"] for line in lines if "story-1" in (line.get("request_id"), line.get("trace_id"))}
    assert of_call >= {"request", "filed", "delivered"}
    of_number = [line for line in lines if line.get("number") == number]
    assert any(line["event"] == "crossed" and "limit" in line["levels"] for line in of_number)
    assert any(line["event"] == "delivered" and line["kind"] == "limit" for line in of_number)
