"""How a person gets the link that sets their password: by mail, or shown once where no mail can be sent."""

import io
from dataclasses import replace
from threading import Thread

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from slamon.channels.console import ConsoleChannel
from slamon.db.audit import AuditEntry
from slamon.services.access.one_time_links import one_time_token
from tests.callers import Api
from tests.installation import Installation
from tests.pages import Site

PASSWORD = "correct horse battery"


@pytest.fixture
def without_mail(installation: Installation) -> Api:
    channels = {**installation.runtime.channels, "email": ConsoleChannel("email", io.StringIO())}
    installation.runtime = replace(installation.runtime, channels=channels)
    return Api(installation)


def invited(api: Api, person_id: object) -> str:
    answer = api.admin.post(f"/v1/people/{person_id}/invite")
    assert (answer.status_code, answer.headers.get("cache-control")) == (202, "no-store")
    assert list(answer.json()) == ["link"]
    link: str = answer.json()["link"]
    return link.removeprefix(api.installation.runtime.settings.base_url)


def set_password(api: Api, path: str) -> int:
    visitor = TestClient(api.app, follow_redirects=False)
    return visitor.post(path, data={"password": PASSWORD, "again": PASSWORD}).status_code


def test_without_a_mail_server_an_invitation_is_in_the_answer_and_its_owner_reads_who_saw_it(without_mail: Api) -> None:
    api = without_mail
    body = {"name": "New Colleague", "email": "new@sponsor.example", "roles": ["head"]}
    path = invited(api, api.admin.post("/v1/people", json=body).json()["id"])
    assert "besides you, Ada Admin." in api.nobody.get(path).text
    with api.installation.runtime.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "invited")).one()
    assert (entry.by_name, entry.new) == ("Ada Admin", {"link_shown_to": "Ada Admin"})
    assert set_password(api, path) == 303
    api.installation.work()
    assert api.nobody.get(path).status_code == 410


def test_inviting_again_ends_the_link_shown_before(without_mail: Api) -> None:
    first, second = (invited(without_mail, without_mail.installation.cast.pm) for _ in range(2))
    assert set_password(without_mail, first) == 410
    assert set_password(without_mail, second) == 303


def test_of_a_used_account_no_link_is_shown_to_an_administrator(without_mail: Api) -> None:
    path = f"/v1/people/{without_mail.installation.cast.pm}/invite"
    assert set_password(without_mail, invited(without_mail, without_mail.installation.cast.pm)) == 303
    answer = without_mail.admin.post(path)
    assert answer.status_code == 409
    assert "slamon new-link pm@sponsor.example" in answer.json()["detail"]
    assert "/welcome/" not in answer.text


def test_an_answer_with_a_link_is_not_kept_for_repeated_calls(without_mail: Api) -> None:
    path = f"/v1/people/{without_mail.installation.cast.pm}/invite"
    assert without_mail.admin.post(path, headers={"Idempotency-Key": "one"}).status_code == 422


def test_with_a_mail_server_nobody_sees_the_link_but_its_owner(api: Api) -> None:
    answer = api.admin.post(f"/v1/people/{api.installation.cast.pm}/invite")
    assert answer.json() == {"sent_to": "pm@sponsor.example"}


def test_only_an_administrator_invites(without_mail: Api) -> None:
    path = f"/v1/people/{without_mail.installation.cast.pm}/invite"
    assert [getattr(without_mail, part).post(path).status_code for part in ("lead", "pm", "head")] == [403] * 3


def test_of_one_link_used_twice_at_once_one_wins(any_installation: Installation) -> None:
    site = Site(any_installation)
    with any_installation.runtime.write() as tx:
        path = f"/welcome/{one_time_token(tx, any_installation.cast.pm)}"
    answers: list[int] = []

    def use_it() -> None:
        answers.append(site.visitor.post(path, data={"password": PASSWORD, "again": PASSWORD}).status_code)

    both = [Thread(target=use_it) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(answers) == [303, 410]
