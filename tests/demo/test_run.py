"""Starting the demo: its settings, its port, and what it refuses."""

import httpx
import pytest

from slamon.clock import Clock
from slamon.demo import run_demo
from slamon.demo.page import pace
from slamon.demo.run import listen
from slamon.demo.setting import Carriers, demo_settings, open_runtime
from slamon.demo.steps import real_span
from slamon.errors import SlamonError
from tests.demo.serving import running_demo

OWN = Carriers("smtp://127.0.0.1:2525?starttls=never", "http://127.0.0.1:2526/api/", "xoxb-demo")


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """Away from any .env file of this checkout."""
    monkeypatch.chdir(str(tmp_path))


def test_settings_of_a_real_installation_do_not_reach_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLAMON_DATABASE_URL", "postgresql://real")
    monkeypatch.setenv("SLAMON_REDIS_URL", "redis://real")
    monkeypatch.setenv("SLAMON_SECRET_KEY", "short")
    monkeypatch.setenv("SLAMON_TICK_SECONDS", "no number")
    settings = demo_settings("/tmp/x", "http://127.0.0.1:8000", OWN)
    assert settings.live.database_url == "sqlite:////tmp/x/demo.db"
    assert settings.live.is_embedded
    assert (settings.sends_mail_out, settings.sends_slack_out) == (False, False)


def test_a_broken_env_file_matters_only_for_slack_and_mail(tmp_path: object) -> None:
    with open(".env", "w") as env:
        env.write("SLAMON_HEARTBEAT_SECONDS=never\nSLAMON_SMTP_TIMEOUT_SECONDS=never\n")
    with pytest.raises(SlamonError, match="SLAMON_SMTP_TIMEOUT_SECONDS"):
        demo_settings("/tmp/x", "http://127.0.0.1:8000", OWN)


def test_slack_and_smtp_settings_take_the_place_of_the_demos_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLAMON_SMTP_URL", "smtp://mail.sponsor.example:587")
    monkeypatch.setenv("SLAMON_SLACK_TOKEN", "xoxb-real")
    settings = demo_settings("/tmp/x", "http://127.0.0.1:8000", OWN)
    assert (settings.sends_mail_out, settings.sends_slack_out) == (True, True)
    assert str(settings.live.smtp_url.get_secret_value()) == "smtp://mail.sponsor.example:587"
    assert settings.live.slack_base_url == "https://slack.com/api/"
    assert str(settings.own.smtp_url.get_secret_value()) == OWN.smtp_url


def test_empty_slack_and_smtp_settings_count_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLAMON_SMTP_URL", "")
    monkeypatch.setenv("SLAMON_SLACK_TOKEN", "")
    settings = demo_settings("/tmp/x", "http://127.0.0.1:8000", OWN)
    assert (settings.sends_mail_out, settings.sends_slack_out) == (False, False)


def test_an_smtp_url_that_cannot_be_read_is_told_kindly(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("SLAMON_SMTP_URL", "mail.sponsor.example")
    settings = demo_settings(str(tmp_path), "http://127.0.0.1:8000", OWN)
    with pytest.raises(SlamonError, match="mail settings"), open_runtime(settings.live, Clock()):
        pass


@pytest.mark.parametrize("speed", [0, 0.5, -1, 1_000_000, float("nan")])
def test_impossible_speeds_are_refused(speed: float) -> None:
    with pytest.raises(SlamonError, match="--speed"):
        run_demo(speed=speed)


def test_a_taken_port_gives_way_to_a_free_one() -> None:
    with listen(0) as first, listen(first.getsockname()[1]) as second:
        assert second.getsockname() != first.getsockname()
        assert second.getsockname()[0] == "127.0.0.1"


def test_the_empty_demo_has_people_and_no_cmos() -> None:
    with running_demo(speed=1800, empty=True) as (stage, browser):
        assert "installation is empty" in browser.get("/demo").text
        assert "Nothing has been sent yet" in browser.get("/demo/inbox").text
        assert _get(browser, "/v1/cmos", stage.api_keys["administrator"]).json()["items"] == []
        assert stage.mailbox.mails == []


@pytest.mark.parametrize(
    ("speed", "words"),
    [
        (1800, "1 second is 30 minutes"),
        (3600, "1 second is 1 hour"),
        (1, "1 second is 1 second"),
        (5400, "1 second is 1.5 hours"),
    ],
)
def test_the_pace_is_told_in_words(speed: float, words: str) -> None:
    assert pace(speed) == words


@pytest.mark.parametrize(("seconds", "words"), [(-3, "0 s"), (8.4, "8 s"), (125, "2 min"), (11_400, "3 h 10 min")])
def test_waiting_times_are_told_in_words(seconds: float, words: str) -> None:
    assert real_span(seconds) == words


def _get(browser: httpx.Client, path: str, key: str) -> httpx.Response:
    return browser.get(path, headers={"Authorization": f"Bearer {key}"})
