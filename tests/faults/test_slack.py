"""Faults 21 to 26: what Slack does to us. Our channel is the real one, and the server is told how to fail."""

from datetime import timedelta

import pytest

from slamon.db.outbox import NotificationState as S
from tests.faults.installation import OTHER_CHANNEL, FaultyInstallation, town
from tests.faults.judge import judge
from tests.installation import ADMIN, CMO_CHANNEL, LEAD
from tests.pages import Site

__all__ = ["town"]


def knocks(town: FaultyInstallation) -> int:
    """How often Slack was asked to take a post."""
    return town.slack.calls.count("chat.postMessage")


def told_by_mail_instead(town: FaultyInstallation) -> list[str]:
    """The requests of which the lead got by mail what Slack did not take."""
    keys = [mail.key or "" for mail in town.mailbox.to(LEAD)]
    return sorted(key.split("/")[0] for key in keys if key.endswith(f"email/{town.installation.cast.lead}"))


def test_fault_21_a_channel_told_to_wait_waits_and_the_others_flow(town: FaultyInstallation):
    alerts = town.fall_due(3, others=1)
    town.slack.script(["429:30"])
    town.installation.work()
    assert not town.slack.in_channel(CMO_CHANNEL)
    assert len(town.slack.in_channel(OTHER_CHANNEL)) == 1
    asked = knocks(town)
    town.later(seconds=29)
    assert knocks(town) == asked  # nobody even knocks before it ends
    town.later(seconds=2)
    assert [post.key for post in town.slack.in_channel(CMO_CHANNEL)] == [alert.slack for alert in alerts]
    town.all_told(alerts)


@pytest.mark.parametrize("fault", ["503", "error:internal_error"])
def test_fault_22_after_three_failures_mail_carries_it_and_a_person_has_the_last_word(
    town: FaultyInstallation, fault: str
):
    first, second = town.fall_due(2)
    town.slack.script([fault] * 6)
    waits = []
    for _ in range(3):
        town.installation.work()
        waits.append(town.row(first.slack).next_attempt_at - town.installation.clock.real_now())
        town.later(minutes=1)
    assert timedelta(seconds=2.5) <= waits[0] <= timedelta(seconds=5) <= waits[1] <= timedelta(seconds=10)
    assert {town.row(alert.slack).state for alert in (first, second)} == {S.FAILED}
    assert told_by_mail_instead(town) == [first.number, second.number]

    lead = Site(town.installation).staff(town.installation.cast.lead)
    status = lead.get("/status").text
    assert first.number in status
    assert second.number in status
    lead.post(f"/status/messages/{town.row(first.slack).id}/resend")
    lead.post(f"/status/messages/{town.row(second.slack).id}/dismiss", reason="They phoned")
    town.installation.work()
    assert [alert.told(town) for alert in (first, second)] == [(1, 1), (0, 1)]
    judge(town)


def test_fault_22_after_five_minutes_mail_carries_it_however_seldom_slack_was_tried(town: FaultyInstallation):
    (alert,) = town.fall_due()
    town.slack.script(["500", "429:300", "500"])
    town.installation.work()
    town.later(seconds=10)
    assert told_by_mail_instead(town) == []
    town.later(seconds=300)
    assert told_by_mail_instead(town) == [alert.number]
    judge(town)


@pytest.mark.parametrize("fault", ["drop_after_accept", "timeout_after_accept", "drop", "timeout"])
def test_fault_23_slack_takes_a_post_or_not_and_says_nothing(town: FaultyInstallation, fault: str):
    alerts = town.fall_due(2)
    town.slack.script([fault])
    town.installation.work()
    assert town.row(alerts[0].slack).state == S.UNKNOWN
    town.later(seconds=10)
    assert "conversations.history" in town.slack.calls  # it is asked before anything is sent again
    town.all_told(alerts)


@pytest.mark.parametrize("refusal", ["invalid_auth", "token_revoked"])
def test_fault_24_a_refused_token_stops_slack_until_there_is_a_new_one(town: FaultyInstallation, refusal: str):
    alerts = town.fall_due(3)
    town.slack.script([f"error:{refusal}"] * 3)
    town.installation.work()
    town.later(hours=1)
    assert knocks(town) == 3  # each is tried once, and given up
    assert {town.row(alert.slack).state for alert in alerts} == {S.FAILED}
    assert told_by_mail_instead(town) == [alert.number for alert in alerts]
    assert len(town.mailbox.to(ADMIN)) == 1  # one alarm, however many were refused

    town.slack.token = "xoxb-new"
    town.post_with("xoxb-new")
    again = town.fall_due()
    town.installation.work()
    town.all_told(again)


@pytest.mark.parametrize("refusal", ["channel_not_found", "is_archived", "not_in_channel"])
def test_fault_25_a_channel_that_is_gone_is_given_up_alone(town: FaultyInstallation, refusal: str):
    alerts = town.fall_due(2, others=1)
    town.slack.script([f"error:{refusal}"] * 2)
    town.installation.work()
    town.later(hours=1)
    assert knocks(town) == 3
    assert len(town.slack.in_channel(OTHER_CHANNEL)) == 1
    assert told_by_mail_instead(town) == [alert.number for alert in alerts]
    assert len(town.mailbox.to(ADMIN)) == 1
    judge(town)


@pytest.mark.parametrize("fault", ["html", "broken_json", "html_after_accept", "broken_json_after_accept"])
def test_fault_26_an_answer_that_is_not_slacks_is_not_taken_for_a_yes(town: FaultyInstallation, fault: str):
    alerts = town.fall_due()
    town.slack.script([fault])
    town.installation.work()
    assert town.row(alerts[0].slack).state == S.UNKNOWN
    town.later(seconds=10)
    town.all_told(alerts)
