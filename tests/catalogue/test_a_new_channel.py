"""A channel from one file, handed to the runtime, is taken by API, ladder, engine, pages and metrics with no edit."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from slamon.channels import Channels
from slamon.channels.registry import SHIPPED, build_channels
from slamon.db import schema
from slamon.db.audit import AuditEntry
from slamon.db.outbox import Notification
from slamon.domain.lifecycle import Action
from slamon.engine import heartbeat
from slamon.engine.channel_test import send_test
from slamon.errors import Conflict
from slamon.services.reports.verify import Difference, verify_audit, verify_requests
from slamon.wording.message import MessageKind
from tests.callers import Api
from tests.catalogue.pager import PAGER, PagerSettings
from tests.installation import LEAD, ON_BOTH_DATABASES, Installation
from tests.pages import Site, text_of
from workers.senders import Senders

WITH_PAGER = Channels((*SHIPPED.registered, PAGER))
CHANNEL, CHANNEL_ID = "rhein fill", "19:rhein-fill"


@dataclass
class ChatServer:
    """What the channel posts to. It keeps posts; while it `fails` it answers with that status."""

    posts: list[dict[str, Any]] = field(default_factory=list)
    fails: int | None = None
    url: str = ""

    def answer(self, method: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.fails is not None:
            return self.fails, {}
        if method == "GET":
            return 200, {"id": next((post["id"] for post in self.posts if post["key"] in query["key"]), None)}
        place = CHANNEL_ID if body["to"] == CHANNEL else body["to"]
        self.posts.append({**body, "id": f"{place}!{len(self.posts) + 1}"})
        return 200, {"id": self.posts[-1]["id"]}

    def kinds(self) -> list[str]:
        return [post["key"].split("/")[1] for post in self.posts]


@contextmanager
def running_chat() -> Iterator[ChatServer]:
    chat = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.reply("POST", json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def do_GET(self) -> None:
            self.reply("GET", {})

        def reply(self, method: str, body: dict[str, Any]) -> None:
            status, content = chat.answer(method, parse_qs(urlsplit(self.path).query), body)
            encoded = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        chat.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield chat
        server.shutdown()
        thread.join()


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    with running_chat() as chat:
        yield chat


@pytest.fixture
def installation(chosen_installation: Installation, chat: ChatServer) -> Installation:
    """An installation, its runtime with one channel more."""
    runtime, clock = chosen_installation.runtime, chosen_installation.clock
    settings = PagerSettings(_env_file=None, **{**runtime.settings.model_dump(), "pager_url": chat.url})
    built = build_channels(WITH_PAGER, settings, clock)
    channels = {**runtime.channels, "pager": built["pager"]}
    chosen_installation.runtime = replace(runtime, settings=settings, registered=WITH_PAGER, channels=channels)
    return chosen_installation


@pytest.fixture
def told_in_pager(installation: Installation, chat: ChatServer) -> Api:
    """A CMO whose lead is told of a breach in its Pager channel, set up through the API."""
    api, cast = Api(installation), installation.cast
    kept = api.admin.patch(f"/v1/cmos/{cast.cmo}", json={"pager_channel": CHANNEL, "reason": "They moved"})
    assert kept.json()["pager_channel"] == CHANNEL_ID
    kept = api.admin.patch(f"/v1/people/{cast.lead}", json={"pager_user": "@leo.lead", "reason": "Has Pager"})
    assert kept.json()["pager_user"] == "@leo.lead"
    line = api.admin.post("/v1/policies", json=policy(installation, "pager"))
    assert line.status_code == 201, line.text
    chat.posts.clear()
    return api


def policy(installation: Installation, channel: str) -> dict[str, Any]:
    to = [{"channel": channel, "role": "lead"}]
    return {
        "name": "By Pager",
        "cmo_id": str(installation.cast.cmo),
        "clocks": {"acknowledgement": {"target": "PT24H", "limit": "PT48H"}},
        "ladder": [{"level": "limit", "to": to}, {"level": "repeat", "offset": "PT4H", "to": to}],
    }


def pass_hours(installation: Installation, hours: float) -> None:
    installation.clock.advance(hours=hours)
    installation.work()


@ON_BOTH_DATABASES
def test_its_addresses_are_fields_of_the_api_and_stand_in_the_trail(told_in_pager: Api) -> None:
    installation, cast = told_in_pager.installation, told_in_pager.installation.cast
    schemas = told_in_pager.app.openapi()["components"]["schemas"]
    assert schemas["DeliveryChannel"]["enum"] == [*SHIPPED.names, "pager"]
    for model, own in (("NewCmo", "pager_channel"), ("NewPerson", "pager_user"), ("PersonChange", "pager_user")):
        assert own in schemas[model]["properties"]
    refused = told_in_pager.admin.patch(f"/v1/people/{cast.lead}", json={"pager_user": "Leo", "reason": "Typing"})
    assert [error["field"] for error in refused.json()["errors"]] == ["pager_user"]
    with installation.runtime.db.read() as session:
        ids = {str(cast.lead), str(cast.cmo)}
        changes = session.scalars(
            select(AuditEntry).where(AuditEntry.entity_id.in_(ids), AuditEntry.action == "change")
        )
        assert [(entry.old, entry.new) for entry in changes] == [
            ({"pager_channel": None}, {"pager_channel": CHANNEL_ID}),
            ({"pager_user": None}, {"pager_user": "@leo.lead"}),
        ]


def test_an_address_gets_a_test_message_and_one_that_is_refused_is_not_kept(
    installation: Installation, chat: ChatServer
) -> None:
    api, cmo = Api(installation), f"/v1/cmos/{installation.cast.cmo}"
    api.admin.patch(cmo, json={"pager_channel": CHANNEL, "reason": "They moved"})
    assert [(post["to"], post["key"].split("/")[0]) for post in chat.posts] == [(CHANNEL, "test")]
    chat.fails = 404
    refused = api.admin.patch(cmo, json={"pager_channel": "gone", "reason": "Moved again"})
    assert [error["field"] for error in refused.json()["errors"]] == ["pager_channel"]
    assert api.admin.get(cmo).json()["pager_channel"] == CHANNEL_ID


def test_a_ladder_may_name_it_and_no_channel_that_there_is_not(installation: Installation) -> None:
    api = Api(installation)
    refused = api.admin.post("/v1/policies", json=policy(installation, "pigeon"))
    assert refused.status_code == 422
    [error] = refused.json()["errors"]
    assert error["field"] == "ladder.0.to.0.channel"
    assert f"name one of {', '.join(WITH_PAGER.names)}" in error["message"]
    assert api.admin.post("/v1/policies", json=policy(installation, "pager")).status_code == 201


@ON_BOTH_DATABASES
def test_a_breach_begins_a_thread_and_what_follows_stands_in_it(told_in_pager: Api, chat: ChatServer) -> None:
    installation = told_in_pager.installation
    request = installation.file()
    pass_hours(installation, 49)
    installation.act(request.id, Action.TAKE, by=installation.cast.lead)
    installation.work()
    installation.act(request.id, Action.ACKNOWLEDGE, by=installation.cast.contact)
    installation.work()
    assert chat.kinds() == ["limit", "taken", "closing"]
    assert {post["to"] for post in chat.posts} == {CHANNEL_ID}
    assert [post["below"] for post in chat.posts] == [None, chat.posts[0]["id"], chat.posts[0]["id"]]
    assert not installation.slack.sent


def test_news_and_links_do_not_take_it_by_themselves(told_in_pager: Api, chat: ChatServer) -> None:
    installation = told_in_pager.installation
    request = installation.file()
    installation.act(request.id, Action.ANSWER, by=installation.cast.contact, text="Week 20")
    installation.work()
    assert chat.kinds() == []
    assert {m.kind for m in installation.email.sent} == {MessageKind.FILED, MessageKind.RECEIPT, MessageKind.CMO_ACTED}


def test_what_it_cannot_deliver_within_its_patience_goes_by_mail(told_in_pager: Api, chat: ChatServer) -> None:
    installation, chat.fails = told_in_pager.installation, 503
    installation.file()
    pass_hours(installation, 48)
    installation.clock.advance(seconds=1)
    installation.work()
    assert not installation.email.sent_to(LEAD)
    installation.clock.advance_real(minutes=2)
    installation.work()
    [mail] = installation.email.sent_to(LEAD)
    assert mail.kind is MessageKind.LIMIT
    chat.fails = None
    pass_hours(installation, 1)
    assert chat.kinds() == []


def test_pages_metrics_and_health_name_it(told_in_pager: Api, chat: ChatServer) -> None:
    installation = told_in_pager.installation
    request = installation.file()
    pass_hours(installation, 49)
    heartbeat.beat(installation.runtime, "embedded", 1)
    site = Site(installation)
    story = text_of(site.staff(installation.cast.lead).get(f"/requests/{request.id}"))
    assert f"Pager channel {CHANNEL_ID} (for Leo Lead, lead): limit passed" in story
    metrics = site.visitor.get("/metrics").text
    assert 'slamon_attempts_total{channel="pager",outcome="sent"' in metrics
    chat.fails = 400
    pass_hours(installation, 4)
    status = text_of(site.staff(installation.cast.lead).get("/status"))
    assert f"in Pager channel {CHANNEL_ID} (for Leo Lead, lead)" in status


def test_until_it_is_set_up_the_console_stands_in_and_status_says_so(chosen_installation: Installation) -> None:
    settings = PagerSettings(_env_file=None, **chosen_installation.runtime.settings.model_dump())
    built = build_channels(WITH_PAGER, settings, chosen_installation.clock)
    channels = {**chosen_installation.runtime.channels, "pager": built["pager"]}
    chosen_installation.runtime = replace(
        chosen_installation.runtime, settings=settings, registered=WITH_PAGER, channels=channels
    )
    status = text_of(Site(chosen_installation).staff(chosen_installation.cast.admin).get("/status"))
    assert "Pager is shown on the console only. Nothing leaves this machine until SLAMON_PAGER_URL is set." in status


def test_a_message_for_it_that_nobody_tries_is_a_standstill(told_in_pager: Api) -> None:
    installation = told_in_pager.installation
    installation.file()
    installation.work()
    with installation.runtime.write() as tx:
        row = tx.session.scalars(select(Notification)).one()
        row.channel, row.address, row.state, row.attempts = "pager", CHANNEL_ID, "queued", 0
    installation.clock.advance(minutes=2)
    heartbeat.beat(installation.runtime, "api", 1)
    answer = Site(installation).visitor.get("/readyz").json()
    assert "untried" in answer["troubles"]["messages"]


def test_a_process_sends_it_with_as_many_threads_as_it_allows(installation: Installation, chat: ChatServer) -> None:
    with Senders(installation.runtime):
        names = [thread.name for thread in threading.enumerate()]
    assert (names.count("slamon-pager"), names.count("slamon-slack")) == (1, 4)
    send_test(installation.runtime, "pager", CHANNEL)
    assert [post["to"] for post in chat.posts] == [CHANNEL]


@ON_BOTH_DATABASES
def test_the_database_does_not_go_back_to_a_release_that_knows_no_such_channel(told_in_pager: Api) -> None:
    with pytest.raises(Conflict, match="The channel pager was used, which the older release does not know"):
        schema.downgrade(told_in_pager.installation.runtime.db, "0018")


def test_the_record_proves_itself(told_in_pager: Api) -> None:
    installation = told_in_pager.installation
    installation.file()
    pass_hours(installation, 49)
    with installation.runtime.read() as tx:
        assert [step for step in verify_requests(tx) if isinstance(step, Difference)] == []
        assert verify_audit(tx.session) is None
