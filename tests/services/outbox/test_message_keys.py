"""What makes a message one: its key, built and read in one place."""

from datetime import UTC, datetime

from slamon.services.outbox.message_keys import MessageKey, about_crossing
from slamon.wording.message import MessageKind as K

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_a_message_of_many_clocks_keeps_a_key_for_each_reader():
    clocks = [f"dispatch_confirmation-{number}" for number in range(2, 30)]
    about = about_crossing(clocks, START)
    keys = [MessageKey("SHP-2026-000001", K.LIMIT, about, "email", who) for who in ("one", "other")]
    texts = {str(key) for key in keys}
    assert len(texts) == 2
    assert all(len(text) <= 255 for text in texts)
    assert {key.reader for text in texts if (key := MessageKey.parse(text))} == {"one", "other"}


def test_a_key_is_read_back_as_it_was_built_and_others_concern_no_request():
    key = MessageKey("SHP-2026-000001", K.LIMIT, about_crossing(["answer"], START), "slack", "C0/12")
    assert MessageKey.parse(str(key)) == key
    assert [MessageKey.parse(text) for text in (None, "", "alarm/cycle/2026", "digest/email/x")] == [None] * 4
