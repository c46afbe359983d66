import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from slamon.wording.facts import FACTS
from slamon.wording.instants import beside, moment, short_moment, span, target
from slamon.wording.message import ClockLine, Message, MessageKind
from slamon.wording.messages import Wording, clean, put_into_words
from tests.channels.messages import ACKNOWLEDGEMENT, ANSWER, FILED_AT, a_message, to_contact
from tests.servers.slack_and_mail import NOON

EVERY_KIND = pytest.mark.parametrize("kind", list(MessageKind))


def everything(wording: Wording) -> str:
    return repr(dataclasses.astuple(wording))


def facts(message: Message) -> dict[str, str]:
    return {fact.label: fact.value for fact in put_into_words(message).facts}


def test_a_message_has_no_place_for_product_lot_or_free_text() -> None:
    names = {field.name for field in dataclasses.fields(Message)}
    assert names.isdisjoint({"subject", "description", "body", "text", "product", "lot", "lots", "kit", "project"})


@EVERY_KIND
def test_staff_are_never_told_reference_site_actor_or_what_was_submitted(kind: MessageKind) -> None:
    said = everything(put_into_words(a_message(kind=kind)))
    for kept_back in ("ACTIVE-ARM", "Boston", "Kit 17", "Ana Actor"):
        assert kept_back not in said


def test_nothing_but_the_receipt_repeats_to_the_contact_what_was_submitted() -> None:
    repeating = [kind for kind in MessageKind if "Kit 17" in everything(put_into_words(to_contact(kind=kind)))]
    assert repeating == [MessageKind.RECEIPT]


@EVERY_KIND
def test_every_kind_has_words_for_both_sides(kind: MessageKind) -> None:
    for message in (a_message(kind=kind), to_contact(kind=kind)):
        wording = put_into_words(message)
        assert wording.subject.startswith("[SHP-2026-000042] ")
        assert len(wording.headline) > 10
        assert "None" not in everything(wording).replace("None)", "").replace("None,", "")


@EVERY_KIND
def test_a_message_about_no_request_and_no_clock_has_words_too(kind: MessageKind) -> None:
    bare = a_message(kind=kind, number="", clocks=(), cmo_name="", request_type="", filed_at=None, link=None)
    wording = put_into_words(bare)
    assert wording.headline
    assert wording.button is None
    assert wording.facts == ()


def test_a_redirected_receipt_keeps_the_contacts_words_back() -> None:
    receipt = to_contact(kind=MessageKind.RECEIPT, act=FACTS["answered"])
    assert put_into_words(receipt).quoted == "Kit 17 goes to arm B"
    redirected = put_into_words(dataclasses.replace(receipt, redirected_from="ana@halden.example"))
    assert redirected.quoted is None
    assert redirected.notes == ("Redirected by a setting; meant for ana@halden.example.",)


def test_a_target_in_working_hours_says_so_and_lateness_is_real_time() -> None:
    clock = dataclasses.replace(ACKNOWLEDGEMENT, unit="working hours")
    wording = put_into_words(a_message(clocks=(clock,)))
    assert wording.headline == "Halden Pharma has not confirmed receipt within 48 working hours"
    assert facts(a_message(clocks=(clock,)))["Late by"] == "1 h of real time past the limit"


def test_a_passed_target_is_late_by_the_target() -> None:
    message = a_message(kind=MessageKind.TARGET, at=FILED_AT + timedelta(hours=24, minutes=5))
    assert put_into_words(message).headline == "Halden Pharma has not confirmed receipt within 24 hours"
    assert facts(message)["Late by"] == "5 min past the target"


def test_clocks_that_cross_together_make_one_headline() -> None:
    both = (ACKNOWLEDGEMENT, ANSWER)
    staff, contact = a_message(clocks=both), to_contact(kind=MessageKind.LIMIT, clocks=both)
    late = "Halden Pharma has not confirmed receipt or answered within 48 hours"
    assert put_into_words(staff).headline == late
    assert put_into_words(contact).headline == "Limit passed: please confirm receipt and answer"


def test_clocks_with_the_same_times_are_told_once() -> None:
    both = (ACKNOWLEDGEMENT, ANSWER)
    told = [(fact.label, fact.value) for fact in put_into_words(a_message(clocks=both)).facts]
    assert ("Clocks", "acknowledgement and answer (target 24 hours, limit 48 hours)") in told
    assert [label for label, _ in told].count("Late by") == 1
    labels = [fact.label for fact in put_into_words(to_contact(clocks=both)).facts]
    assert "Confirm receipt and answer: your target, 24 hours" in labels
    assert "Answer: your target, 24 hours" not in labels


def test_clocks_with_different_times_are_told_apart() -> None:
    slow = dataclasses.replace(ANSWER, limit_at=FILED_AT + timedelta(hours=120), limit_seconds=120 * 3600)
    labels = [fact.label for fact in put_into_words(a_message(clocks=(ACKNOWLEDGEMENT, slow))).facts]
    assert labels.count("Clock") == 2


def test_clocks_with_different_limits_are_late_without_a_number() -> None:
    slow = dataclasses.replace(ANSWER, limit_seconds=120 * 3600)
    headline = put_into_words(a_message(clocks=(ACKNOWLEDGEMENT, slow))).headline
    assert headline == "Halden Pharma has not confirmed receipt or answered in time"


def test_a_paused_clock_has_no_due_time() -> None:
    paused: ClockLine = dataclasses.replace(ACKNOWLEDGEMENT, target_at=None, limit_at=None)
    message = to_contact(clocks=(paused,))
    assert put_into_words(message).headline == "Please confirm receipt"
    assert facts(message)["Confirm receipt: your target, 24 hours"] == "not known while the clock is paused"


def test_more_clocks_than_fit_are_counted() -> None:
    assert facts(a_message(clocks=(ACKNOWLEDGEMENT,) * 7))["More clocks"] == "2"


def test_the_backup_is_told_why_he_is_asked() -> None:
    wording = put_into_words(a_message(kind=MessageKind.BACKUP))
    assert wording.headline.startswith("You are the backup: ")
    assert "Nobody has taken this escalation" in wording.sentences[0]


def test_a_repeat_is_named_once_in_the_subject() -> None:
    wording = put_into_words(a_message(kind=MessageKind.REPEAT, is_repeat=True))
    assert wording.subject.count("Repeat") == 1
    assert len(wording.notes) == 2


@pytest.mark.parametrize(
    ("kind", "headline"),
    [
        ("answered", "Halden Pharma answered: this escalation is over"),
        ("cancelled", "The request was cancelled: this escalation is over"),
        (None, "The clock has stopped: this escalation is over"),
    ],
)
def test_a_closing_says_what_ended_it(kind: str | None, headline: str) -> None:
    act = FACTS[kind] if kind else None
    assert put_into_words(a_message(kind=MessageKind.CLOSING, act=act)).headline == headline


def test_the_contact_hears_who_of_the_sponsor_wrote() -> None:
    wording = put_into_words(to_contact(kind=MessageKind.SPONSOR_ACTED, act=FACTS["replied"]))
    assert wording.headline == "Nordlicht Bio replied to your question"
    assert wording.sentences[0] == "This is about request SHP-2026-000042. Written by Ana Actor."


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("  two\tspaces\r\nand lines ", "two spaces and lines"),
        ("bell\x07 \u202eturned", "bell turned"),
        ("zero\u200bwidth", "zerowidth"),
        ("משה", "\u2068משה\u2069"),
        ("می\u200cخواهم", "\u2068می\u200cخواهم\u2069"),
        ("x" * 130, "x" * 119 + "…"),
        ("", ""),
    ],
)
def test_a_name_becomes_one_harmless_line(name: str, shown: str) -> None:
    assert clean(name) == shown


def test_an_instant_names_place_and_offset() -> None:
    assert moment(NOON, "Europe/Zurich") == "Tue 24 Nov 2026, 13:00 Zurich (UTC+01:00)"
    assert moment(NOON, "Asia/Kolkata") == "Tue 24 Nov 2026, 17:30 Kolkata (UTC+05:30)"
    assert moment(NOON, "UTC") == "Tue 24 Nov 2026, 12:00 UTC"
    assert short_moment(NOON, "America/New_York") == "Tue 24 Nov 07:00 (UTC-05:00)"


def test_an_unknown_zone_is_shown_in_utc_and_says_so() -> None:
    assert moment(NOON, "Mars/Olympus") == "Tue 24 Nov 2026, 12:00 UTC"


def test_the_other_sides_time_names_its_day_when_that_differs() -> None:
    assert beside(NOON, "America/New_York", "Europe/Zurich") == "07:00 New York (UTC-05:00)"
    assert beside(NOON, "Pacific/Auckland", "Europe/Zurich") == "Wed 25 Nov, 01:00 Auckland (UTC+13:00)"
    assert beside(NOON, "Europe/Paris", "Europe/Zurich") is None


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        moment(NOON.replace(tzinfo=None), "UTC")


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=119), "119 s"),
        (timedelta(minutes=5, seconds=59), "5 min"),
        (timedelta(hours=26, minutes=10), "26 h 10 min"),
        (timedelta(hours=71), "71 h"),
        (timedelta(days=5, hours=3, minutes=9), "5 d 3 h"),
    ],
)
def test_a_span_in_words(length: timedelta, words: str) -> None:
    assert span(length) == words


@pytest.mark.parametrize(
    ("seconds", "unit", "words"),
    [
        (86400, "hours", "24 hours"),
        (3600, "working hours", "1 working hour"),
        (5400, "hours", "1.5 hours"),
        (6, "hours", "6 seconds"),
        (1, "working hours", "1 working second"),
        (90, "hours", "90 seconds"),
        (1800, "working hours", "30 working minutes"),
        (3661, "hours", "3,661 seconds"),
        (120 * 3600, "working hours", "120 working hours"),
    ],
)
def test_a_target_names_its_unit(seconds: int, unit: str, words: str) -> None:
    assert target(seconds, unit) == words


def test_the_notice_of_a_closing_says_when_and_how_to_stop_it() -> None:
    closes_at = datetime(2026, 3, 12, 22, 59, 59, tzinfo=UTC)
    wording = put_into_words(a_message(kind=MessageKind.CLOSING_SOON, clocks=(), closes_at=closes_at))
    assert "Thu 12 Mar" in wording.headline
    assert "send it back or follow up" in " ".join(wording.sentences)
    assert [fact.label for fact in wording.facts if "12 Mar" in fact.value] == ["Closes"]
