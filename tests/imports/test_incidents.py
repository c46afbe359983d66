"""Real and hand-written request logs through the clocks: the figures, the oddities, and what is refused."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from slamon.cli.replay import replay_app
from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import RequestType, State
from slamon.domain.stage import state_after
from slamon.domain.timeline import FactKind
from slamon.errors import Invalid
from slamon.imports.incidents import COLUMNS, Event, LoggedRequest, Replay, parse_moment, replay, timeline_of

LOG = Path(__file__).parent.parent / "data" / "incident_events.csv.gz"
needs_log = pytest.mark.skipif(not LOG.exists(), reason="the request log is left out of the source distribution")

HEADER = ",".join(COLUMNS)
FILED = "1/3/2016 09:00"  # a Tuesday
FIGURES = (
    "requests",
    "acknowledged_after_24h",
    "acknowledged_after_48h",
    "answered_after_24h",
    "answered_after_48h",
    "net_answer_after_24h",
    "net_answer_after_48h",
)


def log_of(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "log.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def replayed(tmp_path: Path, *rows: str) -> Replay:
    return replay(log_of(tmp_path, *rows), STANDARD.clocks, weekdays_only=False)


def figures(result: Replay) -> list[int]:
    return [getattr(result, name) for name in FIGURES]


@needs_log
@pytest.mark.parametrize(
    ("weekdays_only", "expected"),
    [
        (False, [14951, 3037, 2294, 6693, 5597, 5630, 4364]),
        (True, [14951, 2757, 1832, 6693, 5597, 5321, 3803]),
    ],
    ids=["every hour", "weekdays"],
)
def test_the_real_log_gives_the_reference_figures(weekdays_only: bool, expected: list[int]) -> None:
    result = replay(LOG, STANDARD.clocks, weekdays_only=weekdays_only)
    assert figures(result) == expected
    assert (result.not_acknowledged, result.not_answered, result.left_out) == (0, 0, 0)
    assert result.flagged == {"before_filing": 2, "out_of_order": 1, "repeated_count": 3}
    assert {example.number for example in result.examples} == {"INC0000134", "INC0000135", "INC0000137"}
    assert result.flagged_requests == 3


def test_exactly_24_and_48_hours_are_not_after(tmp_path: Path) -> None:
    result = replayed(
        tmp_path,
        f"A,Active,{FILED},2/3/2016 09:00,0",
        f"A,Resolved,{FILED},3/3/2016 09:00,1",
        f"B,Active,{FILED},2/3/2016 09:01,0",
        f"B,Resolved,{FILED},3/3/2016 09:01,1",
    )
    assert figures(result) == [2, 1, 0, 2, 1, 2, 1]


def test_acknowledged_and_answered_in_one_step_stops_both_clocks(tmp_path: Path) -> None:
    result = replayed(tmp_path, f"A,New,{FILED},{FILED},0", f"A,Resolved,{FILED},2/3/2016 10:00,1")
    assert figures(result) == [1, 1, 0, 1, 0, 1, 0]


def test_waiting_for_the_user_acknowledges_and_pauses_the_net_answer(tmp_path: Path) -> None:
    result = replayed(
        tmp_path,
        f"A,Awaiting User Info,{FILED},1/3/2016 10:00,0",
        f"A,Awaiting User Info,{FILED},2/3/2016 10:00,1",
        f"A,Active,{FILED},4/3/2016 10:00,2",
        f"A,Resolved,{FILED},4/3/2016 11:00,3",
    )
    assert figures(result) == [1, 0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize("state", ["Awaiting Vendor", "-100"])
def test_no_other_state_pauses_the_net_answer(tmp_path: Path, state: str) -> None:
    rows = (f"A,{state},{FILED},1/3/2016 10:00,0", f"A,Resolved,{FILED},4/3/2016 11:00,1")
    assert figures(replayed(tmp_path, *rows)) == [1, 0, 0, 1, 1, 1, 1]


def test_an_answer_while_waiting_ends_the_pause(tmp_path: Path) -> None:
    rows = (f"A,Awaiting User Info,{FILED},1/3/2016 10:00,0", f"A,Closed,{FILED},9/3/2016 11:00,1")
    assert figures(replayed(tmp_path, *rows)) == [1, 0, 0, 1, 1, 0, 0]


def test_nothing_after_the_first_answer_is_read(tmp_path: Path) -> None:
    result = replayed(
        tmp_path,
        f"A,Resolved,{FILED},1/3/2016 10:00,0",
        f"A,Active,{FILED},8/3/2016 10:00,1",
        f"A,Resolved,{FILED},9/3/2016 10:00,2",
    )
    assert figures(result) == [1, 0, 0, 0, 0, 0, 0]


def test_weekdays_leave_saturday_and_sunday_out_of_all_but_the_gross_answer(tmp_path: Path) -> None:
    friday = "4/3/2016 18:00"
    path = log_of(tmp_path, f"A,Active,{friday},7/3/2016 17:00,0", f"A,Resolved,{friday},7/3/2016 19:00,1")
    assert figures(replay(path, STANDARD.clocks, weekdays_only=False)) == [1, 1, 1, 1, 1, 1, 1]
    assert figures(replay(path, STANDARD.clocks, weekdays_only=True)) == [1, 0, 0, 1, 1, 1, 0]


def test_a_request_left_open_counts_in_no_after_figure(tmp_path: Path) -> None:
    result = replayed(tmp_path, f"A,New,{FILED},9/3/2016 09:00,0", f"B,Active,{FILED},{FILED},0")
    assert figures(result) == [2, 0, 0, 0, 0, 0, 0]
    assert (result.not_acknowledged, result.not_answered) == (1, 2)


def logged(*events: tuple[str, str]) -> LoggedRequest:
    moments = [(state, parse_moment(text)) for state, text in events]
    return LoggedRequest(
        "A", 2, datetime(2016, 3, 1, 9, tzinfo=UTC), events=[Event(2, state, at) for state, at in moments if at]
    )


def test_facts_of_one_minute_keep_the_order_of_the_file() -> None:
    timeline = timeline_of(
        logged(("Active", FILED), ("Awaiting User Info", FILED), ("Active", FILED), ("Resolved", FILED))
    )
    assert [fact.kind for fact in timeline] == [
        FactKind.FILED,
        FactKind.ACKNOWLEDGED,
        FactKind.ASKED,
        FactKind.REPLIED,
        FactKind.ANSWERED,
    ]


@pytest.mark.parametrize(
    ("end", "state"), [("Resolved", State.ANSWERED), ("Closed", State.CLOSED), ("Active", State.ACKNOWLEDGED)]
)
def test_the_facts_obey_the_life_cycle(end: str, state: State) -> None:
    request = logged(("New", FILED), ("Awaiting User Info", "1/3/2016 10:00"), (end, "1/3/2016 11:00"))
    assert state_after(STANDARD, STANDARD.types[RequestType.INQUIRY], timeline_of(request)) is state


def test_events_out_of_order_are_read_in_order_of_time() -> None:
    timeline = timeline_of(
        logged(("Awaiting User Info", "1/3/2016 12:00"), ("Active", "1/3/2016 11:00"), ("Resolved", "1/3/2016 13:00"))
    )
    assert [fact.kind.value for fact in timeline] == ["filed", "acknowledged", "asked", "replied", "answered"]


def test_an_event_before_filing_counts_at_the_filing() -> None:
    timeline = timeline_of(logged(("Active", "1/3/2016 07:00"), ("Resolved", "1/3/2016 08:00")))
    assert {fact.occurred_at for fact in timeline} == {datetime(2016, 3, 1, 9, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("row", "oddity"),
    [
        (f"A,Active,{FILED},1/3/2016 08:59,1", "before_filing"),
        (f"A,Active,{FILED},1/3/2016 09:29,1", "out_of_order"),
        (f"A,Active,{FILED},1/3/2016 10:00,0", "repeated_count"),
        (f"A,Active,{FILED},1/3/2016 10:00,?", "unreadable_count"),
        (f"A,-100,{FILED},1/3/2016 10:00,1", "unknown_state"),
        (f"A,?,{FILED},1/3/2016 10:00,1", "missing_state"),
        (f"A,Active,{FILED},?,1", "unreadable_time"),
        (f"A,Active,{FILED},30/2/2016 10:00,1", "unreadable_time"),
        (f"?,Active,{FILED},1/3/2016 10:00,1", "missing_number"),
        (f"A,Active,{FILED},1/3/2016 10:00", "wrong_fields"),
        ("A,Active,?,1/3/2016 10:00,1", "unreadable_filing"),
        ("A,Active,1/3/2016 09:05,1/3/2016 10:00,1", "changed_filing"),
    ],
)
def test_an_odd_row_is_flagged_and_the_replay_goes_on(tmp_path: Path, row: str, oddity: str) -> None:
    result = replayed(tmp_path, f"A,New,{FILED},1/3/2016 09:30,0", row, f"A,Resolved,{FILED},4/3/2016 09:00,2")
    assert result.flagged[oddity] == 1
    assert next(example.row for example in result.examples if example.oddity == oddity) == 3
    assert (result.requests, result.answered_after_48h) == (1, 1)


@pytest.mark.parametrize(
    ("row", "oddity"),
    [
        ("B,Active,?,1/3/2016 10:00,0", "never_filed"),
        ("B,Active,31/12/9999 23:59,31/12/9999 23:59,0", "beyond_horizon"),
    ],
)
def test_a_request_that_cannot_be_timed_is_left_out_and_counted(tmp_path: Path, row: str, oddity: str) -> None:
    result = replayed(tmp_path, f"A,Resolved,{FILED},{FILED},0", row)
    assert (result.requests, result.left_out, result.flagged[oddity]) == (1, 1, 1)


def test_a_wait_of_more_than_six_years_is_left_out_and_counted(tmp_path: Path) -> None:
    result = replayed(tmp_path, f"A,Awaiting User Info,{FILED},{FILED},0", f"A,Resolved,{FILED},1/3/2036 09:00,1")
    assert (result.requests, result.flagged) == (0, {"beyond_horizon": 1})


def test_only_the_first_few_examples_of_an_oddity_are_kept(tmp_path: Path) -> None:
    result = replayed(tmp_path, *(f"R{key},Active,{FILED},?,0" for key in range(50)))
    assert result.flagged == {"unreadable_time": 50}
    assert [example.number for example in result.examples] == ["R0", "R1", "R2", "R3", "R4"]
    assert result.flagged_requests == 50


def test_the_events_of_a_request_need_not_stand_together(tmp_path: Path) -> None:
    result = replayed(
        tmp_path,
        f"A,Active,{FILED},2/3/2016 09:01,0",
        f"B,Resolved,{FILED},{FILED},0",
        f"A,Resolved,{FILED},2/3/2016 09:02,1",
    )
    assert figures(result) == [2, 1, 0, 1, 0, 1, 0]


def test_plain_and_gzip_give_the_same_whatever_the_name(tmp_path: Path) -> None:
    plain = log_of(tmp_path, f"A,Resolved,{FILED},3/3/2016 10:00,0")
    packed = tmp_path / "packed.csv"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert replay(packed, STANDARD.clocks, weekdays_only=False) == replay(plain, STANDARD.clocks, weekdays_only=False)


def test_byte_order_mark_carriage_returns_and_foreign_bytes_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    text = f"caller,{HEADER}\r\nX,A,Resolved,{FILED},3/3/2016 10:00,0\r\n\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode().replace(b"X", b"J\xf8rgen"))
    assert figures(replay(path, STANDARD.clocks, weekdays_only=False)) == [1, 1, 1, 1, 1, 1, 1]


def test_a_log_without_requests_gives_noughts(tmp_path: Path) -> None:
    assert figures(replayed(tmp_path)) == [0] * 7


@pytest.mark.parametrize("column", [COLUMNS[0], COLUMNS[-1]])
def test_a_missing_column_is_refused_by_name(tmp_path: Path, column: str) -> None:
    path = log_of(tmp_path, header=",".join(name for name in COLUMNS if name != column))
    with pytest.raises(Invalid, match=f"lacks the column {column}") as caught:
        replay(path, STANDARD.clocks, weekdays_only=False)
    assert caught.value.field == column


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a request log"),
        (gzip.compress(HEADER.encode() + b"\n" * 999)[:-9], "is damaged"),
        (HEADER.encode() + b'\n"' + b"x" * 200_000, "line 2, field larger than field limit"),
    ],
    ids=["empty", "cut gzip", "open quote"],
)
def test_a_file_that_is_not_csv_is_refused_in_plain_words(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=words):
        replay(path, STANDARD.clocks, weekdays_only=False)


def test_a_file_that_is_not_there_is_refused_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read: No such file"):
        replay(tmp_path / "nowhere.csv", STANDARD.clocks, weekdays_only=False)


def test_progress_rises_to_one_hundred(tmp_path: Path) -> None:
    heard: list[int] = []
    rows = (f"R{key},Resolved,{FILED},{FILED},0" for key in range(1000))
    replay(log_of(tmp_path, *rows), STANDARD.clocks, weekdays_only=False, progress=heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 100
    assert len(heard) > 3


def test_the_command_prints_pure_json(tmp_path: Path) -> None:
    path = log_of(tmp_path, f"A,Active,{FILED},?,0", f"A,Resolved,{FILED},3/3/2016 10:00,1")
    result = CliRunner().invoke(replay_app, ["incidents", str(path), "--json", "--calendar", "weekdays"])
    printed = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [printed[name] for name in FIGURES] == [1] * 7
    assert printed["weekdays_only"] is True
    assert printed["flagged"] == {"unreadable_time": 1}
    assert printed["examples"] == [
        {
            "oddity": "unreadable_time",
            "number": "A",
            "row": 2,
            "reason": "sys_updated_at is '?', not d/m/yyyy HH:MM",
        }
    ]


def test_the_command_prints_figures_shares_oddities_and_speed(tmp_path: Path) -> None:
    path = log_of(tmp_path, f"[b]\x1b,-100,{FILED},3/3/2016 10:00,0", f"B,Resolved,{FILED},{FILED},1")
    result = CliRunner().invoke(replay_app, ["incidents", str(path)])
    assert result.exit_code == 0
    for words in ("2 requests", "acknowledged", "50.00%", "not answered: 1", "unknown state", "a second", "[b]\ufffd"):
        assert words in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


def test_the_command_names_the_missing_column_and_fails(tmp_path: Path) -> None:
    path = log_of(tmp_path, header="number,incident_state,sys_updated_at,sys_mod_count")
    result = CliRunner().invoke(replay_app, ["incidents", str(path)])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "lacks the column opened_at" in result.stderr


def test_one_request_is_told_in_words(tmp_path: Path) -> None:
    path = log_of(tmp_path, f"A,Awaiting User Info,{FILED},1/3/2016 10:00,0", f"A,Resolved,{FILED},4/3/2016 09:30,1")
    result = CliRunner().invoke(replay_app, ["incidents", str(path), "--explain", "a"])
    assert result.exit_code == 0
    for words in (
        "A, 2 events of the log, from line 2 on",
        "Tue 1 Mar 2016, 10:00 UTC  asked by Assignment group",
        "Clock answer: met",
        "Paused from Tue 1 Mar 2016, 10:00 UTC to Fri 4 Mar 2016, 09:30 UTC",
        "It stopped on time: Fri 4 Mar 2016, 09:30 UTC.",
    ):
        assert words in result.stdout
