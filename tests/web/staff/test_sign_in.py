"""Signing in and out, and setting a password, through HTTP."""

import re
from dataclasses import replace

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from slamon.app import create_app
from slamon.services.access import one_time_links
from slamon.web.session import COOKIE
from tests.installation import PM, open_installation
from tests.pages import ADDRESS, Site, text_of

PASSWORD = "correct horse battery"


@pytest.fixture
def with_password(site: Site) -> Site:
    site.password(site.installation.cast.pm, PASSWORD)
    return site


def sign_in(site: Site, password: str = PASSWORD, **fields: str):  # type: ignore[no-untyped-def]
    return site.visitor.post("/sign-in", data={"email": PM, "password": password, **fields})


@pytest.mark.parametrize("path", ["/", "/requests", "/requests/new", "/status", "/requests/0198-not-an-id"])
def test_staff_pages_lead_a_stranger_to_the_sign_in(site: Site, path: str) -> None:
    answer = site.visitor.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=%2F")


def test_signing_in_opens_the_page_one_came_for(with_password: Site) -> None:
    answer = sign_in(with_password, next="/requests?tab=all")
    assert (answer.status_code, answer.headers["location"]) == (303, "/requests?tab=all")
    assert with_password.visitor.get("/requests?tab=all").status_code == 200


def test_the_session_cookie_is_closed_to_scripts_and_other_sites(with_password: Site) -> None:
    cookie = sign_in(with_password).headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_behind_https_the_cookie_is_secure(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with open_installation(f"sqlite:///{tmp_path}/w.db", base_url="https://slamon.example") as installation:
        site = Site(installation)
        site.password(installation.cast.pm, PASSWORD)
        assert "Secure" in sign_in(site).headers["set-cookie"]


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "/\n/x"])
def test_signing_in_never_leads_to_another_site(with_password: Site, elsewhere: str) -> None:
    assert sign_in(with_password, next=elsewhere).headers["location"] == "/"


def test_a_wrong_password_and_an_unknown_address_look_the_same(with_password: Site) -> None:
    wrong = sign_in(with_password, "wrong password 1")
    unknown = with_password.visitor.post("/sign-in", data={"email": "nobody@sponsor.example", "password": "x"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace(PM, "") == unknown.text.replace("nobody@sponsor.example", "")
    assert COOKIE not in wrong.cookies


def test_a_sign_in_form_on_another_site_is_refused(with_password: Site) -> None:
    answer = with_password.visitor.post(
        "/sign-in", data={"email": PM, "password": PASSWORD}, headers={"sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 403
    assert COOKIE not in answer.cookies


def test_a_session_ends_after_fifteen_idle_minutes(site: Site) -> None:
    staff = site.staff(site.installation.cast.pm)
    for _ in range(3):
        site.installation.clock.advance_real(minutes=14)
        assert staff.get("/requests").status_code == 200
    site.installation.clock.advance_real(minutes=16)
    assert staff.get("/requests").status_code == 303


def test_a_session_ends_after_twelve_hours_of_use(site: Site) -> None:
    staff = site.staff(site.installation.cast.pm)
    for _ in range(72):
        site.installation.clock.advance_real(minutes=10)
        assert staff.get("/status").status_code == 200
    site.installation.clock.advance_real(minutes=1)
    assert staff.get("/status").status_code == 303


def test_signing_out_ends_the_session_on_the_server(site: Site) -> None:
    staff = site.staff(site.installation.cast.pm)
    token = staff.client.cookies[COOKIE]
    assert staff.post("/sign-out").headers["location"] == "/sign-in"
    staff.client.cookies.set(COOKIE, token)
    assert staff.get("/requests").status_code == 303


def test_a_form_sent_after_the_session_ended_is_given_back(site: Site) -> None:
    staff = site.staff(site.installation.cast.pm)
    asked, csrf = site.installation.file(), staff.csrf()
    site.installation.clock.advance_real(minutes=20)
    page = staff.client.post(
        f"/requests/{asked.id}/follow_up", data={"csrf": csrf, "version": "1", "text": "My long mail"}
    )
    assert page.status_code == 401
    assert "My long mail" in page.text


def test_people_of_a_cmo_have_no_staff_pages(site: Site) -> None:
    assert site.staff(site.installation.cast.contact).get("/requests").status_code == 403


def welcome_path(site: Site) -> str:
    with site.installation.runtime.write() as tx:
        token = one_time_links.one_time_token(tx, site.installation.cast.quality)
    return f"/welcome/{token}"


def test_a_one_time_link_sets_a_password_and_signs_in_once(site: Site) -> None:
    path = welcome_path(site)
    before = site.everything()
    assert "Welcome, Quentin Quality" in text_of(site.visitor.get(path))
    assert site.everything() == before
    answer = site.visitor.post(path, data={"password": PASSWORD, "again": PASSWORD})
    assert answer.headers["location"] == "/"
    assert site.visitor.get("/requests").status_code == 200
    assert site.visitor.get(path).status_code == 410


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("short", "short", "Must have at least 12 characters"),
        ("password12345", "password12345", "Is too easy to guess"),
        (PASSWORD, PASSWORD + "!", "Is not the same as the first"),
    ],
)
def test_a_password_that_will_not_do_is_told_at_its_field(site: Site, password: str, again: str, words: str) -> None:
    page = site.visitor.post(welcome_path(site), data={"password": password, "again": again})
    assert page.status_code == 422
    assert words in page.text
    assert password not in page.text


def test_a_one_time_link_ends_after_a_day(site: Site) -> None:
    path = welcome_path(site)
    site.installation.clock.advance_real(hours=25)
    assert site.visitor.get(path).status_code == 410
    assert site.visitor.post(path, data={"password": PASSWORD, "again": PASSWORD}).status_code == 410


def test_an_unknown_one_time_link_opens_nothing(site: Site) -> None:
    assert site.visitor.get("/welcome/nothing").status_code == 404


def test_a_form_opened_before_the_secret_was_changed_is_still_taken(tmp_path) -> None:  # type: ignore[no-untyped-def]
    old, new = "o" * 40, "n" * 40
    url = f"sqlite:///{tmp_path}/w.db"
    with open_installation(url, secret_key=old) as installation:
        staff = Site(installation).staff(installation.cast.admin)
        csrf, session = staff.csrf(), dict(staff.client.cookies)
        for keys, status in ((f"{new},{old}", 303), (new, 403)):
            settings = installation.runtime.settings.model_copy(update={"secret_key": SecretStr(keys)})
            app = create_app(replace(installation.runtime, settings=settings), with_workers=False)
            later = TestClient(app, base_url=ADDRESS, follow_redirects=False, cookies=session)
            answer = later.post("/status/outgoing", data={"csrf": csrf, "stop": "yes", "reason": "Drill"})
            assert answer.status_code == status


def test_without_a_secret_key_forms_work_within_one_process(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with open_installation(f"sqlite:///{tmp_path}/w.db", secret_key="") as installation:
        staff = Site(installation).staff(installation.cast.admin)
        assert staff.post("/status/outgoing", stop="yes", reason="Drill").status_code == 303


def test_only_form_sign_in_health_and_static_files_are_open(site: Site) -> None:
    stranger = re.compile(r"^/(r/|sign-in|forgot-password|sign-out|welcome/|livez|readyz|static|v1)")
    paths = [getattr(route, "path", "") for route in site.app.routes]
    closed = [path.replace("{request_id}", "x").replace("{message_id}", "x") for path in paths if path]
    for path in closed:
        if not stranger.match(path) and "{" not in path and path != "/metrics":
            assert site.visitor.get(path).status_code in (303, 405), path
