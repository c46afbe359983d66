"""Workbooks of past requests and of CMOs: what a person sees in them comes in; what is not truly there is refused."""

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet
from sqlalchemy import select
from typer.testing import CliRunner

from slamon.cli.main import app
from slamon.db.parties import Organization
from slamon.db.requests import CmoRequest
from tests.callers import Api
from tests.imports.test_requests import MAPPING, NAMES, PAST
from tests.installation import Installation

COLUMNS = list(NAMES.values())  # A Ticket, B Kind, C Plant, D Title, E Sent, F Seen, G Answered, H Withdrawn, I Done
SENT, SEEN = datetime(2025, 2, 3, 10), datetime(2025, 2, 3, 15)  # noqa: DTZ001 (a workbook knows no zones)
SHEET_MEDIA = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def row(key: str, *cells: Any) -> list[Any]:
    return [key, "inquiry", "Basel", f"Capacity {key}", SENT, *cells]


def workbook(*rows: Sequence[Any]) -> tuple[Workbook, Worksheet]:
    book = Workbook()
    page = book.active
    assert isinstance(page, Worksheet)
    page.title = "Log"
    page.append(COLUMNS)
    for one in rows:
        page.append(one)
    return book, page


def saved(book: Workbook) -> bytes:
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def rewritten(content: bytes, edit: Callable[[str], str], *, member: str = "xl/worksheets/sheet1.xml") -> bytes:
    """The same workbook with one part changed, as programs other than openpyxl write it."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = old.read(name)
            new.writestr(name, edit(part.decode()) if name == member else part)
    return target.getvalue()


@pytest.fixture
def bring_in(installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`slamon import requests` of a workbook; the mapping may say more."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLAMON_DATABASE_URL", installation.runtime.settings.database_url)
    monkeypatch.setenv("COLUMNS", "200")

    def command(content: bytes, *options: str, **mapping: Any) -> Any:
        Path("m.json").write_text(MAPPING.model_copy(update=mapping).model_dump_json(), encoding="utf-8")
        Path("past.xlsx").write_bytes(content)
        return CliRunner().invoke(app, ["import", "requests", "past.xlsx", "--mapping", "m.json", *options])

    return command


def requests_in(installation: Installation) -> dict[str, CmoRequest]:
    with installation.runtime.db.read() as session:
        return {request.subject: request for request in session.scalars(select(CmoRequest))}


def states(installation: Installation) -> dict[str, str]:
    return {subject: request.state for subject, request in requests_in(installation).items()}


def test_a_merged_value_counts_for_every_row_it_is_seen_in(bring_in: Any, installation: Installation) -> None:
    book, page = workbook(row("T-1", SEEN), row("T-2"), row("T-3"))
    page.merge_cells("F2:F4")
    told = bring_in(saved(book))
    assert told.exit_code == 0, told.output
    assert set(states(installation).values()) == {"acknowledged"}
    assert "sheet 'Log', cell F2, row 2, column file: is merged over F2:F4" in told.stderr


def test_a_record_two_rows_high_is_one_record(bring_in: Any, installation: Installation) -> None:
    book, page = workbook(row("T-1"))
    for column in "ABCDE":
        page.merge_cells(f"{column}2:{column}3")
    assert bring_in(saved(book)).exit_code == 0
    assert len(requests_in(installation)) == 1


def hidden_row(page: Worksheet) -> None:
    page.row_dimensions[2].hidden = True


def struck(page: Worksheet) -> None:
    page["F2"].font = Font(strike=True)


def partly_struck(page: Worksheet) -> None:
    page["D2"] = CellRichText("Lot A17 ", TextBlock(InlineFont(strike=True), "and A18"))


@pytest.mark.parametrize(
    ("cell", "value", "code", "reason"),
    [
        ("F2", "=E2+1", None, "holds a formula without its result"),
        ("D2", "#REF!", None, "a formula failed here"),
        ("D2", "#BEZUG!", None, "a formula failed here"),
        ("D2", "########", None, "the column was too narrow"),
        ("D2", "L\ufffdrrach", None, "a letter that was lost"),
        ("A2", "'00123", None, "the apostrophe that marks text"),
        ("A2", date(2026, 3, 12), None, "is a date in the workbook, perhaps made by the program"),
        ("A2", 12345678901234567, "0", "more than 15 digits"),
        ("E2", 45691.5, "General", "is no date or time"),
        ("E2", 0, "yyyy-mm-dd", "is formatted as a date and is none"),
        ("E2", timedelta(hours=36), "[h]:mm:ss", "is no date or time"),
        ("E2", 0.4, "h:mm", "is no date or time"),
        ("D2", 5, ";;;", "is hidden by its number format"),
        (None, hidden_row, None, "row 2, column row: is hidden"),
        (None, struck, None, "column Seen: is struck through"),
        (None, partly_struck, None, "column Title: is struck through"),
    ],
)
def test_a_cell_whose_content_is_not_truly_there_is_refused_by_its_place(
    bring_in: Any, installation: Installation, cell: str | None, value: Any, code: str | None, reason: str
) -> None:
    book, page = workbook(row("T-1", SEEN), row("T-2", SEEN))
    if cell is None:
        value(page)
    else:
        page[cell] = value
        page[cell].number_format = code or page[cell].number_format
    told = bring_in(saved(book))
    assert told.exit_code == 1
    assert reason in told.stderr
    assert f"sheet 'Log', cell {cell}, row 2" in told.stderr if cell else "sheet 'Log', " in told.stderr
    assert requests_in(installation) == {}


def test_a_cell_that_is_not_asked_for_may_hold_anything(bring_in: Any, installation: Installation) -> None:
    book, page = workbook(row("T-1"))
    page["J1"], page["J2"] = "Days", "=F2-E2"
    assert bring_in(saved(book)).exit_code == 0
    assert len(requests_in(installation)) == 1


def test_results_that_wait_for_a_calculation_are_none(bring_in: Any) -> None:
    """A workbook of a program that stores nought for every formula and asks to be calculated when it is opened."""
    book, page = workbook(row("T-1"))
    page["F2"] = "=E2+1"
    waiting = rewritten(saved(book), lambda xml: re.sub(r"(<f>E2\+1</f>)<v ?/>", r"\1<v>0</v>", xml))
    assert "holds a formula without its result" in bring_in(waiting).stderr


def test_the_result_of_a_formula_is_what_is_seen(bring_in: Any, installation: Installation) -> None:
    book, page = workbook(row("T-1"))
    page["D2"], page["F2"] = "=A2", "=B2"
    stored = saved(book)
    for formula, result in (("A2", " t='str'><f>A2</f><v>Capacity</v>"), ("B2", " t='str'><f>B2</f><v></v>")):
        old = rf"(<c r=\"[DF]2\"[^>]*)><f>{formula}</f><v ?/>"
        stored = rewritten(stored, lambda xml, old=old, result=result: re.sub(old, rf"\1{result}", xml))  # type: ignore[misc]
    calculated = rewritten(stored, lambda xml: xml.replace(' fullCalcOnLoad="1"', ""), member="xl/workbook.xml")
    told = bring_in(calculated)
    assert told.exit_code == 0, told.output
    assert states(installation) == {"Capacity": "filed"}


@pytest.mark.parametrize(
    ("value", "code", "seen"),
    [
        (123, "00000", "00123"),
        (123, '"LOT-"0000', "LOT-0123"),
        (0.95, "0%", "95%"),
        (4711.0, "General", "4711"),
        (0.1 + 0.2, "General", "0.3"),
        (True, "General", "TRUE"),
        (CellRichText("Lot ", TextBlock(InlineFont(b=True), "A17")), "General", "Lot A17"),
        ("A_x0041_", "General", "AA"),
        (timedelta(hours=36, minutes=5), "[h]:mm", "36:05:00"),
    ],
)
def test_a_text_is_what_is_seen_in_the_cell(
    bring_in: Any, installation: Installation, value: Any, code: str, seen: str
) -> None:
    book, page = workbook(row("T-1"))
    page["D2"] = value
    page["D2"].number_format = code
    told = bring_in(saved(book))
    assert told.exit_code == 0, told.output
    assert list(requests_in(installation)) == [seen]


def test_a_blank_cell_of_text_is_blank(bring_in: Any, installation: Installation) -> None:
    book, _ = workbook(row("T-1", "", None, "", None))
    assert bring_in(saved(book)).exit_code == 0
    assert states(installation) == {"Capacity T-1": "filed"}


def test_moments_are_read_by_the_date_system_of_the_workbook(bring_in: Any, installation: Installation) -> None:
    book, page = workbook(row("T-1"))
    page["E2"] = 44229.4166666667  # counted from 1904
    page["E2"].number_format = "dd.mm.yyyy hh:mm"
    of_1904 = rewritten(
        saved(book), lambda xml: xml.replace("<workbookPr", '<workbookPr date1904="1"', 1), member="xl/workbook.xml"
    )
    assert bring_in(of_1904).exit_code == 0
    assert requests_in(installation)["Capacity T-1"].filed_at == datetime(2025, 2, 3, 9, tzinfo=UTC)


def test_midnight_in_a_cell_of_moments_is_a_time(bring_in: Any, installation: Installation) -> None:
    book, page = workbook(row("T-1"), row("T-2"))
    page["E2"], page["E3"] = datetime(2025, 2, 3), date(2025, 2, 3)  # noqa: DTZ001
    page["E3"].number_format = "dd.mm.yyyy"
    assert bring_in(saved(book)).exit_code == 0
    filed = {subject: f"{request.filed_at:%d %H:%M}" for subject, request in requests_in(installation).items()}
    assert filed == {"Capacity T-1": "02 23:00", "Capacity T-2": "03 11:00"}


def test_the_sheet_that_can_be_seen_is_read_and_others_are_named(bring_in: Any, installation: Installation) -> None:
    book, _ = workbook(row("T-1"))
    old = book.create_sheet("Old", 0)
    old.append(["nothing", "of", "use"])
    old.sheet_state = "veryHidden"
    book.create_sheet("Empty")
    notes = book.create_sheet("Notes")
    notes.append(["for ourselves"])
    told = bring_in(saved(book))
    assert told.exit_code == 0, told.output
    assert "sheet 'Log', row 1, column file: only this sheet is read, not 'Notes';" in told.stderr
    assert len(requests_in(installation)) == 1


@pytest.mark.parametrize("how", ["option", "mapping"])
def test_a_sheet_is_read_by_its_name(bring_in: Any, installation: Installation, how: str) -> None:
    book, _ = workbook(row("T-1"))
    page = book.create_sheet("2025 North")
    page.sheet_state = "hidden"
    page.append(COLUMNS)
    page.append(row("N-1"))
    named = {"sheet": "2025\u00a0north"}
    told = bring_in(saved(book), *(["--sheet", named["sheet"]] if how == "option" else []), **named)
    assert told.exit_code == 0, told.output
    assert list(requests_in(installation)) == ["Capacity N-1"]
    assert (
        "there is no sheet 'South'; there are 'Log', '2025 North'" in bring_in(saved(book), "--sheet", "South").stderr
    )


def test_a_csv_file_has_no_sheets(bring_in: Any) -> None:
    Path("past.csv").write_text("\n".join((",".join(COLUMNS), PAST)), encoding="utf-8")
    bring_in(b"")
    told = CliRunner().invoke(app, ["import", "requests", "past.csv", "--mapping", "m.json", "--sheet", "Log"])
    assert (told.exit_code, "a CSV file has no sheets" in told.stderr) == (1, True)


def test_hidden_columns_are_read_and_named(bring_in: Any, installation: Installation) -> None:
    book, page = workbook(row("T-1", SEEN))
    page.column_dimensions["F"].hidden = True
    told = bring_in(saved(book), "--dry-run")
    assert (told.exit_code, "cell F1, row 1, column Seen: is a hidden column, and is read" in told.stderr) == (0, True)


def test_what_lies_too_far_out_is_not_left_out_in_silence(bring_in: Any) -> None:
    book, page = workbook(row("T-1"))
    page["XA2"] = "far"
    assert "sheet 'Log', cell XA2 lies too far out" in bring_in(saved(book)).stderr


def test_an_upload_names_its_sheet_and_hears_of_cells(installation: Installation) -> None:
    admin = Api(installation).admin
    book = Workbook()
    for name, cmo in (("Old", "#N/A"), ("New", "Nordhafen")):
        page = book.create_sheet(name)
        page.append(["cmo", "site", "country", "time_zone", "contact_name", "contact_email"])
        page.append([cmo, "Leipzig", "DE", "Europe/Berlin", "", ""])
    content, headers = saved(book), {"Content-Type": SHEET_MEDIA}
    bad = admin.post("/v1/imports/directory?sheet=Old", content=content, headers=headers)
    (error,) = bad.json()["errors"]
    place = [error[name] for name in ("sheet", "cell", "row", "column")]
    assert (bad.status_code, place) == (422, ["Old", "A2", 2, "cmo"])
    good = admin.post("/v1/imports/directory?sheet=new&dry_run=true", content=content, headers=headers)
    assert (good.status_code, good.json()["created"]["cmos"]) == (200, 1)
    assert "not 'Old'" in good.json()["notes"][0]["message"]
    none = admin.post("/v1/imports/directory?sheet=None", content=content, headers=headers)
    assert (none.status_code, none.json()["errors"][0]["field"]) == (422, "sheet")


def test_a_name_of_the_file_finds_the_record_it_looks_like(installation: Installation) -> None:
    admin = Api(installation).admin
    rows = "cmo,site,country,time_zone,contact_name,contact_email\nRHEIN\u00a0Fill\u200b AG,ba\u2060sel,,,,"
    answer = admin.post("/v1/imports/directory", content=rows.encode(), headers={"Content-Type": "text/csv"})
    assert (answer.json()["created"], answer.json()["unchanged"]["sites"]) == (
        {"cmos": 0, "sites": 0, "contacts": 0, "calendars": 0},
        1,
    )
    with installation.runtime.db.read() as session:
        assert session.scalars(select(Organization.name).where(Organization.name.ilike("rhein%"))).all() == [
            "Rhein Fill AG"
        ]


_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def package(sheet: str, *, part: str = "sheet1.xml", shared: str = "<sst/>") -> bytes:
    """A workbook written by hand: one sheet, in a part of any name, and the texts its cells point at."""
    target = io.BytesIO()
    main = f"xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main' xmlns:r='{_RELATIONS}'"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        pointing = f"<Relationship Id='r1' Type='{_RELATIONS}/officeDocument' Target='xl/workbook.xml'/>"
        new.writestr("_rels/.rels", f"<Relationships>{pointing}</Relationships>")
        tab = "<sheets><sheet name='Log' sheetId='1' r:id='r1'/></sheets>"
        new.writestr("xl/workbook.xml", f"<workbook {main}>{tab}</workbook>")
        pointing = (
            f"<Relationship Id='r1' Type='{_RELATIONS}/worksheet' Target='{part}'/>"
            f"<Relationship Id='r2' Type='{_RELATIONS}/sharedStrings' Target='/xl/texts.bin'/>"
        )
        new.writestr("xl/_rels/workbook.xml.rels", f"<Relationships>{pointing}</Relationships>")
        new.writestr(f"xl/{part}", f"<worksheet {main}>{sheet}</worksheet>")
        new.writestr("xl/texts.bin", shared)
    return target.getvalue()


def test_shared_texts_are_read_without_their_pronunciation(bring_in: Any, installation: Installation) -> None:
    texts = [*COLUMNS, "T-1", "inquiry", "Basel", "2025-02-03 10:00"]
    shared = "".join(f"<si><t>{text}</t></si>" for text in texts)
    shared += "<si><r><t>山</t></r><r><rPr><b/></rPr><t>田</t></r><rPh sb='0' eb='1'><t>ヤマダ</t></rPh></si>"
    names = "".join(f"<c t='s'><v>{at}</v></c>" for at in range(9))
    cells = "".join(f"<c t='s'><v>{at}</v></c>" for at in (9, 10, 11, 13, 12))
    told = bring_in(
        package(f"<sheetData><row>{names}</row><row>{cells}</row></sheetData>", shared=f"<sst>{shared}</sst>")
    )
    assert told.exit_code == 0, told.output
    assert list(requests_in(installation)) == ["山田"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            package(f"<sheetData>{'<row><c><v>1</v></c></row>' * 400_000}</sheetData>", part="sheet1.dat"),
            "far more cells",
        ),
        (package("<a>" * 5000), "far more cells"),
        (package("<sheetData/>", shared=f"<sst>{'<si><t>x</t></si>' * 600_000}</sst>"), "far more cells"),
        (
            package(
                "<sheetData>" + "<row><c t='s'><v>0</v></c></row>" * 5000 + "</sheetData>",
                shared=f"<sst><si><t>{'x' * 100_000}</t></si></sst>",
            ),
            "far more cells",
        ),
        (package(f"<sheetData/><a b='{'x' * 31_000_000}'/>"), "unpacks to more than"),
    ],
    ids=["cells", "depth", "shared strings", "one long text", "bytes"],
)
def test_bounds_hold_wherever_a_part_lies(bring_in: Any, content: bytes, words: str) -> None:
    told = bring_in(content)
    assert (told.exit_code, words in told.stderr) == (1, True), told.stderr


def test_a_workbook_that_declares_entities_is_refused(bring_in: Any) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>'
    book, _ = workbook()
    assert "not a readable .xlsx" in bring_in(rewritten(saved(book), lambda _: bomb)).stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{head}\n{row}".encode("utf-16"), "is UTF-16"),
        ("{head},Größe\n{row}".encode("cp1252"), "line 1 is not UTF-8; in Excel, save as 'CSV UTF-8'"),
        (b"PK\x03\x04 a workbook", "is a workbook by its content"),
        (b'a,b\n"' + b"x" * 1_200_000, "has more than 1,000,000 characters"),
        (b"," * 20_000, "has more than 16,384 fields"),
    ],
)
def test_a_csv_file_that_is_none_says_what_to_do(bring_in: Any, content: bytes, words: str) -> None:
    bring_in(b"")
    Path("past.csv").write_bytes(content)
    told = CliRunner().invoke(app, ["import", "requests", "past.csv", "--mapping", "m.json"])
    assert (told.exit_code, words in told.stderr) == (1, True), told.stderr


@pytest.mark.parametrize(
    "first",
    [
        "sep=;\r\n" + ";".join(COLUMNS),
        '\ufeff"sep=;"\n' + ";".join(COLUMNS),
        ";".join([f'"{COLUMNS[0]}"', *COLUMNS[1:], '"a, b, c, d, e, f, g, h, i, j"']),
        "\t".join(COLUMNS),
        ",".join(["tick\u200bet", *(name.upper() for name in COLUMNS[1:])]),
    ],
    ids=["sep", "quoted sep", "quoted commas", "tabs", "spelling"],
)
def test_a_header_is_read_however_it_was_written(bring_in: Any, installation: Installation, first: str) -> None:
    bring_in(b"")
    sign = next(sign for sign in ";\t," if sign in first.splitlines()[-1])
    Path("past.csv").write_text(f"{first}\n{PAST.replace(',', sign)}\n", encoding="utf-8")
    told = CliRunner().invoke(app, ["import", "requests", "past.csv", "--mapping", "m.json"])
    assert told.exit_code == 0, told.output
    assert list(requests_in(installation)) == ["Capacity"]
