"""Stories of a spreadsheet of past requests: what it brings in, what it leaves alone, and what it refuses."""

import gzip
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from sqlalchemy import func, select
from typer.testing import CliRunner

from slamon.cli.main import app
from slamon.db.outbox import Notification
from slamon.db.policies import FrozenTerms, Policy
from slamon.db.requests import ClockRow, CmoRequest, CrossingRow, FactRow
from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import Action
from slamon.domain.timeline import Actor, Role
from slamon.errors import Invalid
from slamon.imports.drafts import BadRows
from slamon.imports.mappings import Columns, Field, read_mapping, refuse_missing
from slamon.imports.past_requests import ImportedRequests
from slamon.imports.requests import import_requests
from slamon.imports.tables import read_sheet
from slamon.services.directory.records import change
from slamon.services.reports.verify import Difference, verify_requests
from slamon.wording.message import MessageKind
from tests.installation import CONTACT, START, Installation

KEEPER = Actor("command-line", "ada (command line)", Role.ADMIN)
NAMES = {
    Field.SOURCE_KEY: "Ticket",
    Field.TYPE: "Kind",
    Field.SITE: "Plant",
    Field.SUBJECT: "Title",
    Field.FILED_AT: "Sent",
    "acknowledged_at": "Seen",
    "answered_at": "Answered",
    "cancelled_at": "Withdrawn",
    "closed_at": "Done",
}
HEADER = ",".join(NAMES.values())
MAPPING = Columns(
    columns=NAMES,
    zone="Europe/Zurich",
    formats=["%d.%m.%Y %H:%M", "%d.%m.%Y"],
    values={Field.TYPE: {"Question": "inquiry"}},
    constants={Field.PROJECT: "aur-101", Field.CMO: "Rhein Fill AG"},
)
ANSWERED = "T-1,Question,Basel,Capacity,02.02.2026 10:00,02.02.2026 15:00,03.02.2026 09:00,,04.02.2026 09:00"
SILENT = "T-2,inquiry,Basel,Yield of lot 7,27.02.2026 10:00,,,,"  # START is Monday, 2 March, 09:00 UTC


def bring_in(
    installation: Installation, *rows: str, header: str = HEADER, mapping: Columns = MAPPING, **how: Any
) -> ImportedRequests:
    _, found = read_sheet("past.csv", "\n".join((header, *rows, "")).encode())
    with installation.runtime.write() as tx:
        return import_requests(tx, found, mapping, by=KEEPER, **how)


def problems_of(installation: Installation, *rows: str, **how: Any) -> list[tuple[int, str, str]]:
    with pytest.raises(BadRows) as caught:
        bring_in(installation, *rows, **how)
    return [(problem.row, problem.column, problem.reason) for problem in caught.value.problems]


def stored(installation: Installation, kept: Any) -> Sequence[Any]:
    with installation.runtime.db.read() as session:
        return session.scalars(select(kept)).all()


def counted(installation: Installation) -> list[int]:
    kept = (CmoRequest, FactRow, ClockRow, CrossingRow, Notification)
    with installation.runtime.db.read() as session:
        return [session.scalar(select(func.count()).select_from(one)) or 0 for one in kept]


def with_more(columns: dict[str, str], **constants: str) -> Columns:
    return MAPPING.model_copy(update={"columns": NAMES | columns, "constants": MAPPING.constants | constants})


def test_a_past_request_keeps_when_it_all_happened(any_installation: Installation) -> None:
    result = bring_in(any_installation, ANSWERED)
    (request,) = stored(any_installation, CmoRequest)
    assert (result.numbers, request.number, request.state) == (("INQ-2026-000001",), "INQ-2026-000001", "closed")
    facts = sorted(stored(any_installation, FactRow), key=lambda fact: fact.sequence)
    assert [(fact.kind, f"{fact.occurred_at:%d %H:%M}") for fact in facts] == [
        ("filed", "02 09:00"),
        ("acknowledged", "02 14:00"),
        ("answered", "03 08:00"),
        ("accepted", "04 08:00"),
    ]
    assert {(fact.recorded_at, fact.recorded_by_name, fact.via) for fact in facts} == {(START, KEEPER.name, "replay")}
    assert [fact.by_name for fact in facts] == ["Petra Manager", "Corinne Contact", "Corinne Contact", "Petra Manager"]
    clocks = {clock.kind: clock.outcome for clock in stored(any_installation, ClockRow)}
    assert (clocks["acknowledgement"], clocks["answer"]) == ("met", "met")


def test_what_was_brought_in_is_as_it_was_recorded(installation: Installation) -> None:
    bring_in(installation, ANSWERED, SILENT)
    with installation.runtime.read() as tx:
        steps = list(verify_requests(tx))
    assert [step for step in steps if isinstance(step, Difference)] == []


def test_terms_are_those_in_force_at_the_filing(installation: Installation) -> None:
    early = SILENT.replace("27.02.2026", "27.02.2006")
    assert problems_of(installation, early) == [
        (2, "Sent", "no terms as of then: No policy covers this request. An administrator can add one under "
         "/v1/policies.")
    ]  # fmt: skip


def test_a_line_changed_since_the_filing_counts_as_it_was_then(installation: Installation) -> None:
    with installation.runtime.write() as tx:
        line = tx.session.scalars(select(Policy).where(Policy.priority.is_(None))).one()
        wider = {"clocks": {"answer": {"target": "PT200H", "limit": "PT200H"}}}
        change(tx, Policy, line.id, wider, by=KEEPER, reason="Agreed")
    now = SILENT.replace("T-2", "T-3").replace("27.02.2026 10:00", "02.03.2026 10:00")
    bring_in(installation, SILENT, now)
    then, today = (row.terms_digest for row in sorted(stored(installation, CmoRequest), key=lambda row: row.filed_at))
    content = {terms.digest: terms.content for terms in stored(installation, FrozenTerms)}
    assert [(content[t]["policy"]["id"], content[t]["policy"]["version"]) for t in (then, today)] == [
        (str(line.id), 1),
        (str(line.id), 2),
    ]
    assert [content[t]["clocks"]["answer"]["limit"] for t in (then, today)] == ["PT48H", "PT200H"]


def test_a_date_without_a_time_counts_at_noon_there_and_says_so(installation: Installation) -> None:
    bring_in(installation, "T-1,inquiry,Basel,Capacity,02.02.2026,,03.02.2026,,")
    facts = stored(installation, FactRow)
    assert {f"{fact.occurred_at:%H:%M}" for fact in facts} == {"11:00"}
    assert {fact.content["precision"] for fact in facts} == {"date"}


def test_a_date_does_not_contradict_a_time_of_the_same_day(installation: Installation) -> None:
    bring_in(installation, "T-1,inquiry,Basel,Capacity,02.02.2026 15:00,02.02.2026,02.02.2026 16:00,,02.02.2026")
    facts = sorted(stored(installation, FactRow), key=lambda fact: fact.sequence)
    assert [f"{fact.occurred_at:%H:%M}" for fact in facts] == ["14:00", "14:00", "15:00", "15:00"]


def test_a_date_of_today_is_not_in_the_future(installation: Installation) -> None:
    bring_in(installation, "T-1,inquiry,Basel,Capacity,02.03.2026,,,,")
    assert stored(installation, CmoRequest)[0].filed_at == START


def test_past_crossings_are_recorded_and_nobody_is_told(installation: Installation) -> None:
    bring_in(installation, SILENT)
    crossings = stored(installation, CrossingRow)
    assert {crossing.level for crossing in crossings} >= {"reminder", "target", "limit"}
    assert not any(crossing.notified for crossing in crossings)
    installation.work()
    assert (installation.email.sent, installation.slack.sent) == ([], [])


def test_what_passes_later_is_told_as_usual(installation: Installation) -> None:
    bring_in(installation, SILENT.replace("27.02.2026 10:00", "02.03.2026 09:00"))
    installation.clock.advance(hours=25)
    installation.work()
    assert installation.email.sent_to(CONTACT, MessageKind.TARGET)


def test_with_notify_what_is_due_now_is_told_and_no_more(installation: Installation) -> None:
    bring_in(
        installation,
        ANSWERED.replace("03.02.2026", "12.02.2026").replace("04.02.2026", "13.02.2026"),
        SILENT,
        notify=True,
    )
    told = stored(installation, Notification)
    assert {message.kind for message in told} <= {"limit", "repeat", "backup", "step_3"}
    requests = {request.id: request.subject for request in stored(installation, CmoRequest)}
    assert {requests[message.request_id] for message in told} == {"Yield of lot 7"}


def test_an_open_request_goes_on_by_its_link_and_its_page(installation: Installation) -> None:
    bring_in(installation, SILENT)
    (request,) = stored(installation, CmoRequest)
    assert installation.act(request.id, Action.ACKNOWLEDGE, by=installation.cast.contact).state == "acknowledged"


def test_numbers_follow_the_year_and_the_order_of_filing(installation: Installation) -> None:
    row = "{0},inquiry,Basel,Capacity,{1} 10:00,,,,"
    bring_in(installation, row.format("A", "02.02.2026"), row.format("B", "01.02.2026"), row.format("C", "05.05.2024"))
    numbers = {request.number: f"{request.filed_at:%m-%d}" for request in stored(installation, CmoRequest)}
    assert numbers == {"INQ-2024-000001": "05-05", "INQ-2026-000001": "02-01", "INQ-2026-000002": "02-02"}


def test_the_same_file_twice_doubles_nothing(any_installation: Installation) -> None:
    bring_in(any_installation, ANSWERED, SILENT)
    before = counted(any_installation)
    assert problems_of(any_installation, ANSWERED, SILENT) == [
        (2, "Ticket", "was imported before, as INQ-2026-000001; map source_key if it is another request"),
        (3, "Ticket", "was imported before, as INQ-2026-000002; map source_key if it is another request"),
    ]
    assert bring_in(any_installation, ANSWERED, skip_bad=True).requests == 0
    assert counted(any_installation) == before


def test_a_key_that_stands_twice_in_a_file_is_refused(installation: Installation) -> None:
    assert problems_of(installation, SILENT, ANSWERED.replace("T-1", "t-2")) == [
        (3, "Ticket", "is the same as row 2; map source_key if it is another request")
    ]


def test_a_row_without_a_key_is_known_by_what_was_asked_of_whom_and_when(installation: Installation) -> None:
    bring_in(installation, SILENT.replace("T-2", ""))
    ((_, column, reason),) = problems_of(installation, SILENT.replace("T-2", ""))
    assert (column, reason.startswith("was imported before")) == ("Title", True)


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("A,inquiry,Basel,S,02.02.2026,,01.02.2026,,", "Answered", "lies before the filing (02.02.2026)"),
        ("A,inquiry,Basel,S,02.02.2026,,03.03.2026,,", "Answered", "lies in the future"),
        ("A,inquiry,Basel,S,02.03.2026 10:01,,,,", "Sent", "lies in the future"),
        (
            "A,inquiry,Basel,S,02.02.2026,,04.02.2026,03.02.2026,",
            "Answered",
            "contradicts the life cycle: 'answer' is not possible while the request is cancelled",
        ),
        (
            "A,inquiry,Basel,S,02.02.2026,03.02.2026,,,04.02.2026",
            "Done",
            "contradicts the life cycle: 'accept' is not possible while the request is acknowledged",
        ),
        ("A,inquiry,Basel,S,,,,,", "Sent", "is needed: when was it filed?"),
        ("A,inquiry,Olten,S,02.02.2026,,,,", "Plant", "no site has this name"),
        (
            "A,order,Basel,S,02.02.2026,,,,",
            "Kind",
            f"is none of {', '.join(STANDARD.types)}; say in the mapping what it means",
        ),
        ("A,inquiry,Basel,,02.02.2026,,,,", "Title", "is needed; fill the cell, map a column or give a constant"),
        (
            "A,inquiry,Basel,S,soon,,,,",
            "Sent",
            "is no date or time; understood are 2026-03-01 09:30, %d.%m.%Y %H:%M, %d.%m.%Y. "
            "Add a format to the mapping",
        ),
        ("A,inquiry,Basel,S,02.02.2026,,,,,more", "row", "has more cells than row 1 has names"),
        ("A,shipment,Basel,S,02.02.2026,,,,", "order_type", "Input should be 'initial', 'resupply', 'manual', "
         "'emergency', 'return' or 'destruction'"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_with_its_column_and_the_reason(
    installation: Installation, row: str, column: str, reason: str
) -> None:
    assert problems_of(installation, ANSWERED, row) == [(3, column, reason)]
    assert counted(installation)[0] == 0


@pytest.mark.parametrize(
    ("constant", "value", "reason"),
    [
        ("project", "XYZ", "no project has this code"),
        ("project", "ORI-202", "Rhein Fill AG does not work on project ORI-202; add it to the project's cmo_ids first"),
        ("cmo", "Nobody Ltd", "no CMO has this name"),
        ("contact_email", "stranger@cmo.example", "nobody has this address"),
        ("priority", "soonish", "Input should be 'routine', 'urgent' or 'critical'"),
        ("gxp", "perhaps", "say yes or no"),
    ],
)
def test_what_nobody_knows_is_refused(installation: Installation, constant: str, value: str, reason: str) -> None:
    ((row, _, told),) = problems_of(installation, SILENT, mapping=with_more({}, **{constant: value}))
    assert (row, told) == (2, reason)


def test_a_contact_of_another_cmo_is_refused(installation: Installation) -> None:
    foreign = with_more({}, contact_email="contact@other-cmo.example")
    ((_, column, reason),) = problems_of(installation, SILENT, mapping=foreign)
    assert (column, reason) == ("contact_email", "is not active here")


def test_good_rows_come_in_alone_where_that_is_wanted(installation: Installation) -> None:
    result = bring_in(installation, "A,inquiry,Olten,S,02.02.2026,,,,", SILENT, skip_bad=True)
    assert (result.requests, [problem.row for problem in result.left_out]) == (1, [2])
    assert counted(installation)[0] == 1


def test_a_question_that_waited_for_the_sponsor_paused_the_answer(installation: Installation) -> None:
    mapping = with_more({"asked_at": "Asked", "replied_at": "Replied"})
    row = "T-1,inquiry,Basel,S,02.02.2026 10:00,,09.02.2026 10:00,,,02.02.2026 11:00,09.02.2026 09:00"
    bring_in(installation, row, header=f"{HEADER},Asked,Replied", mapping=mapping)
    assert {clock.kind: clock.outcome for clock in stored(installation, ClockRow)}["answer"] == "met"


SHIPPED = {
    name: name
    for name in (
        "order_confirmed_at", "dispatched_at", "delivered_at", "lots", "condition", "readout", "min_c", "max_c",
        "minutes_out", "decided_at", "disposition", "decided_reason", "closed_at",
    )
}  # fmt: skip
SHIPPING = with_more(
    SHIPPED, order_type="resupply", destination_kind="depot", destination_name="Depot", destination_address="Here",
    destination_country="CH", storage="refrigerated", product_code="AUR-1", quantity="20", unit="kit",
    planned_ship_on="2026-02-05", expected_delivery_on="2026-02-07", due_on="2026-02-07",
)  # fmt: skip


def bring_in_shipment(installation: Installation, **cells: str) -> ImportedRequests:
    row, header = shipment(**cells)
    return bring_in(installation, row, header=header, mapping=SHIPPING)


def problem_of_shipment(installation: Installation, **cells: str) -> tuple[int, str, str]:
    row, header = shipment(**cells)
    (problem,) = problems_of(installation, row, header=header, mapping=SHIPPING)
    return problem


def shipment(*, key: str = "T-1", **cells: str) -> tuple[str, str]:
    """A row of a shipment that arrived, and its header; `cells` by the names of their fields."""
    told = {
        "order_confirmed_at": "03.02.2026", "dispatched_at": "05.02.2026", "delivered_at": "08.02.2026", "lots": "A17",
        "condition": "intact",
    } | cells  # fmt: skip
    own = [told.get(name, "") for name in SHIPPED.values()]
    header = [name for name in NAMES.values() if name != "Done"]
    return ",".join([f"{key},shipment,Basel,Resupply,02.02.2026,,,", *own]), ",".join([*header, *SHIPPED.values()])


def test_a_delivery_comes_in_with_its_consignment(installation: Installation) -> None:
    bring_in_shipment(installation)
    (request,) = stored(installation, CmoRequest)
    assert (request.number, request.state) == ("SHP-2026-000001", "delivered")
    assert request.detail["lines"][0]["lots_or_kits"] == "A17"
    assert {clock.kind: clock.outcome for clock in stored(installation, ClockRow)}["fulfilment"] == "breached"


DECIDED = {"decided_at": "10.02.2026", "disposition": "usable", "decided_reason": "Stability data cover it"}
TOO_WARM = {"readout": "excursion", "min_c": "4.5", "max_c": "11.2", "minutes_out": "95"}


def test_an_excursion_comes_in_with_its_temperatures_and_what_quality_decided(installation: Installation) -> None:
    bring_in_shipment(installation, **TOO_WARM, **DECIDED, closed_at="11.02.2026")
    *_, delivered, decided, accepted = sorted(stored(installation, FactRow), key=lambda fact: fact.sequence)
    told = {name: delivered.content[name] for name in TOO_WARM}
    assert told == {"readout": "excursion", "min_c": 4.5, "max_c": 11.2, "minutes_out": 95}
    assert (decided.content["disposition"], decided.reason) == ("usable", "Stability data cover it")
    assert (decided.by_name, decided.by_role) == ("quality (name not told in the imported file)", "quality")
    assert (accepted.by_name, stored(installation, CmoRequest)[0].state) == ("Petra Manager", "closed")
    clocks = {clock.kind: clock.outcome for clock in stored(installation, ClockRow)}
    assert clocks["excursion_decision"] == "late"


def test_damaged_goods_wait_for_quality_and_are_closed_once_it_has_decided(installation: Installation) -> None:
    bring_in_shipment(installation, condition="damaged")
    assert stored(installation, CmoRequest)[0].state == "in_review"
    row, header = shipment(
        condition="damaged", decided_at="10.02.2026", disposition="not_usable", closed_at="11.02.2026"
    )
    bring_in(installation, row.replace("T-1", "T-2"), header=header, mapping=SHIPPING)
    assert sorted(request.state for request in stored(installation, CmoRequest)) == ["closed", "in_review"]


@pytest.mark.parametrize(
    ("cells", "column", "reason"),
    [
        ({"readout": "excursion"}, "max_c", "an excursion needs the lowest or the highest temperature, in °C"),
        ({**TOO_WARM, "min_c": "12"}, "min_c", "min_c must not lie above max_c"),
        ({**TOO_WARM, "max_c": "warm"}, "max_c", "Input should be a valid number, unable to parse string as a number"),
        ({**TOO_WARM, "minutes_out": "-5"}, "minutes_out", "Input should be greater than or equal to 0"),
        ({"readout": "in_range", "max_c": "11.2"}, "readout", "11.2 °C lies outside the storage condition: "
         "say excursion, or check that it is in °C"),
        ({"readout": "missing", "max_c": "5"}, "readout", "there are temperatures, so it is in_range or excursion"),
        ({"condition": "damaged", "closed_at": "11.02.2026"}, "closed_at", "contradicts the life cycle: 'accept' is "
         "not possible while the request is in_review; what quality decided goes into decided_at and disposition"),
        (DECIDED, "decided_at", "contradicts the life cycle: 'decide' is not possible while the request is delivered"),
        ({**TOO_WARM, "decided_at": "10.02.2026"}, "disposition", "is needed for decided_at; map a column or give a "
         "constant"),
        ({**TOO_WARM, **DECIDED, "disposition": "eaten"}, "disposition", "Input should be 'usable' or 'not_usable'"),
        ({**TOO_WARM, **DECIDED, "decided_at": "07.02.2026"}, "decided_at", "contradicts the life cycle: 'decide' is "
         "not possible while the request is dispatched"),
    ],
)  # fmt: skip
def test_what_a_delivery_or_a_decision_cannot_say_is_named(
    installation: Installation, cells: dict[str, str], column: str, reason: str
) -> None:
    assert problem_of_shipment(installation, **cells) == (2, column, reason)


def test_packed_and_workbook_files_say_the_same(installation: Installation) -> None:
    text = "\n".join((HEADER, ANSWERED)).encode()
    book = Workbook()
    book.active.append(list(NAMES.values()))
    # A workbook's own dates have no zone.
    moments = [datetime.fromisoformat(f"2026-02-0{text}") for text in ("2 10:00", "2 15:00", "3 09:00", "4 09:00")]
    book.active.append(["T-1", "Question", "Basel", "Capacity", *moments[:3], None, moments[3]])
    target = io.BytesIO()
    book.save(target)
    names, packed = read_sheet("past.csv.gz", gzip.compress(text))
    _, sheet = read_sheet("past.xlsx", target.getvalue())
    read = [
        {
            field: MAPPING.moment(field, text)
            for field, text in MAPPING.said(rows[0]).items()
            if field in MAPPING.kinds.moments
        }
        for rows in (packed, sheet)
    ]
    assert (read[0], names) == (read[1], list(NAMES.values()))


def test_midnight_is_a_time_and_a_date_alone_is_none() -> None:
    midnight, day = (MAPPING.moment(Field.FILED_AT, text) for text in ("2026-02-02 00:00:00", "2026-02-02"))
    assert (midnight.is_date, midnight.at) == (False, datetime(2026, 2, 1, 23, tzinfo=UTC))
    assert (day.is_date, day.at) == (True, datetime(2026, 2, 2, 11, tzinfo=UTC))


def test_times_are_read_in_the_mappings_zone_unless_they_have_an_offset() -> None:
    winter, told = (MAPPING.moment(Field.FILED_AT, text) for text in ("02.02.2026 10:00", "2026-02-02T10:00:00-05:00"))
    assert told.at - winter.at == timedelta(hours=6)


def test_the_same_mapping_may_be_written_as_toml_or_json(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(MAPPING.model_dump_json(), encoding="utf-8")
    assert read_mapping(tmp_path / "m.json") == MAPPING
    template = CliRunner().invoke(app, ["import", "requests", "--template"])
    (tmp_path / "m.toml").write_text(template.stdout, encoding="utf-8")
    assert read_mapping(tmp_path / "m.toml").columns[Field.FILED_AT] == "Sent"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[columns]\nfiled = 'Sent'", "columns.filed: Input should be 'source_key'"),
        ("zone = 'Basel'\n[columns]", "zone: Value error, is not an IANA time zone"),
        ("colums = 3", "columns: Field required"),
        ("[columns", "cannot be read"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "m.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Invalid, match=words):
        read_mapping(path)


def test_a_column_that_is_not_in_the_file_is_named() -> None:
    with pytest.raises(Invalid, match=r"not in the file, though the mapping has them: 'Seen' \(acknowledged_at\)"):
        refuse_missing(MAPPING, [name for name in NAMES.values() if name != "Seen"])


@pytest.fixture
def run(installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLAMON_DATABASE_URL", installation.runtime.settings.database_url)
    Path("m.json").write_text(MAPPING.model_dump_json(), encoding="utf-8")

    def command(*rows: str, options: Sequence[str] = ()) -> Any:
        Path("past.csv").write_text("\n".join((HEADER, *rows)), encoding="utf-8")
        return CliRunner().invoke(app, ["import", "requests", "past.csv", "--mapping", "m.json", *options])

    return command


PAST = "T-1,Question,Basel,Capacity,02.02.2025 10:00,,03.02.2025 09:00,,04.02.2025 09:00"


def test_the_command_stores_and_counts(run: Any, installation: Installation) -> None:
    told = run(PAST)
    assert (told.exit_code, "INQ-2025-000001" in told.stdout, "a second" in told.stdout) == (0, True, True)
    assert counted(installation)[:2] == [1, 3]


def test_a_dry_run_checks_everything_and_changes_nothing(run: Any, installation: Installation) -> None:
    before = counted(installation)
    told = run(PAST, options=["--dry-run"])
    assert (told.exit_code, "nothing was stored" in told.stdout) == (0, True)
    assert counted(installation) == before
    assert run("T-3,inquiry,Olten,S,02.02.2025,,,,", options=["--dry-run"]).exit_code == 1


def test_the_command_prints_a_line_for_every_bad_row(run: Any, installation: Installation) -> None:
    told = run(PAST, "T-3,inquiry,Olten,S,02.02.2025,,,,")
    assert told.exit_code == 1
    assert told.stderr == "row 3, column Plant: no site has this name ('Olten')\nslamon: nothing was imported.\n"
    assert counted(installation)[0] == 0
