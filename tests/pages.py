"""The pages over a small installation: a contact with a link, staff with a session."""

import re
import threading
from collections.abc import Iterator
from html import unescape
from typing import Any
from uuid import UUID

import pytest
import uvicorn
from sqlalchemy import select
from starlette.testclient import TestClient

from slamon.app import create_app
from slamon.db.base import Base
from slamon.db.parties import Person
from slamon.services.access import one_time_links, sessions
from slamon.services.access.form_links import issue_link
from slamon.web.session import COOKIE
from tests.installation import Installation

ADDRESS = "http://127.0.0.1:8000"


def text_of(response: Any) -> str:
    """What a reader sees: tags taken out, blanks folded."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


class Staff:
    """Somebody's signed-in browser. Forms carry their token; `post` reads it from the page it comes from."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, path: str) -> Any:
        return self.client.get(path)

    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/status").text)
        assert found
        return found[1]

    def post(self, path: str, **fields: str) -> Any:
        return self.client.post(path, data={"csrf": self.csrf(), **fields})


class Site:
    """One installation with its pages."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.app = create_app(installation.runtime, with_workers=False)
        self.visitor = self.browser()

    def browser(self, host: str = "testclient") -> TestClient:
        """A visitor of their own, who calls from `host`."""
        return TestClient(self.app, base_url=ADDRESS, follow_redirects=False, client=(host, 50000))

    def link(self, request_id: UUID, person_id: UUID | None = None) -> str:
        """The path of a fresh form link, for the request's contact unless told otherwise."""
        with self.installation.runtime.write() as tx:
            token = issue_link(tx, request_id, person_id or self.installation.cast.contact, days=14)
        return f"/r/{token}"

    def staff(self, person_id: UUID) -> Staff:
        with self.installation.runtime.write() as tx:
            person = tx.session.get_one(Person, person_id)
            token = sessions.begin_session(tx, person)
        client = self.browser()
        client.cookies.set(COOKIE, token)
        return Staff(client)

    def password(self, person_id: UUID, password: str) -> None:
        """Set a password by a one-time link, and forget the session that this begins."""
        with self.installation.runtime.write() as tx:
            token = one_time_links.one_time_token(tx, person_id)
        answer = self.browser().post(f"/welcome/{token}", data={"password": password, "again": password})
        assert answer.status_code == 303, text_of(answer)

    def everything(self) -> dict[str, list[Any]]:
        """Every row of every table."""
        with self.installation.runtime.db.read() as session:
            return {
                table.name: [tuple(row) for row in session.execute(select(table))]
                for table in Base.metadata.sorted_tables
            }


@pytest.fixture
def site(installation: Installation) -> Site:
    return Site(installation)


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    """The pages over real HTTP, for a browser."""
    server = uvicorn.Server(uvicorn.Config(site.app, port=0, log_level="error", lifespan="off"))
    ready = threading.Event()
    original = server.startup

    async def startup(*args: Any, **kwargs: Any) -> None:
        await original(*args, **kwargs)
        ready.set()

    server.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert ready.wait(20)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
