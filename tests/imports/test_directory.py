"""Stories of a spreadsheet of CMOs: what it adds, what it leaves alone, and what it refuses as a whole."""

import gzip
import io
import zipfile
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from openpyxl import Workbook
from sqlalchemy import func, select
from starlette.testclient import TestClient
from typer.testing import CliRunner

from slamon.api import build_api, imports
from slamon.cli.imports import import_app
from slamon.db.audit import AuditEntry
from slamon.db.parties import Calendar, Organization, Person, Site
from slamon.domain.timeline import SYSTEM
from slamon.errors import Invalid
from slamon.imports.directory import ImportResult, import_directory
from slamon.imports.drafts import BadRows, RowProblem
from slamon.imports.tables import COLUMNS, MAX_BYTES, MAX_ROWS, read_table
from tests.installation import LEAD, PM, Installation

TEMPLATE = (files("slamon.cli") / "directory_template.csv").read_bytes()
HEADER = "cmo,site,country,time_zone,contact_name,contact_email"
HOURS_HEADER = "cmo,site,country,subdivision,time_zone,opening_hours,contact_name,contact_email"
ROW = "Nordhafen,Leipzig,DE,Europe/Berlin,Katrin Vogel,katrin@nordhafen.example"


def lines(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join((header, *rows, "")).encode()


def bring_in(installation: Installation, content: bytes, name: str = "cmos.csv") -> ImportResult:
    with installation.runtime.write() as tx:
        return import_directory(tx, read_table(name, content), by=SYSTEM)


def problems_of(installation: Installation, *rows: str, header: str = HEADER) -> list[tuple[int, str, str]]:
    with pytest.raises(BadRows) as caught:
        bring_in(installation, lines(*rows, header=header))
    return [(problem.row, problem.column, problem.reason) for problem in caught.value.problems]


def counted(installation: Installation) -> dict[str, int]:
    kept = (Organization, Site, Person, Calendar, AuditEntry)
    with installation.runtime.db.read() as session:
        return {one.__tablename__: session.scalar(select(func.count()).select_from(one)) or 0 for one in kept}


def site_of(installation: Installation, name: str) -> Site:
    with installation.runtime.db.read() as session:
        return session.scalars(select(Site).where(Site.name == name)).one()


def person_of(installation: Installation, email: str) -> Person:
    with installation.runtime.db.read() as session:
        return session.scalars(select(Person).where(Person.email_key == email)).one()


def calendar_at(installation: Installation, name: str) -> Calendar:
    with installation.runtime.db.read() as session:
        return session.scalars(
            select(Calendar).join(Site, Site.calendar_id == Calendar.id).where(Site.name == name)
        ).one()


def sheet(*rows: tuple[str | float | date, ...]) -> bytes:
    book = Workbook()
    page = book.create_sheet("CMOs", 0)
    for row in rows:
        page.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def repacked(workbook: bytes, member: str, content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == member else old.read(name))
    return target.getvalue()


def test_a_site_closes_on_the_public_holidays_of_its_region(installation: Installation) -> None:
    bring_in(installation, TEMPLATE)
    calendar = calendar_at(installation, "Leipzig")
    assert (calendar.country, calendar.subdivision) == ("DE", "SN")
    assert calendar.weekly["hours"]["sat"] == [["08:00", "12:00"]]
    assert "sun" not in calendar.weekly["hours"]


def test_sites_with_the_same_hours_and_holidays_share_a_calendar(installation: Installation) -> None:
    bring_in(
        installation,
        lines(
            "A,One,DE,BY,Europe/Berlin,Mon-Fri 08:00-18:00,,",
            "A,Two,DE,DE-BY,Europe/Berlin,mon-FRI 8:00-18:00,,",
            "A,Three,DE,HH,Europe/Berlin,Mon-Fri 08:00-18:00,,",
            header=HOURS_HEADER,
        ),
    )
    assert (
        calendar_at(installation, "One").id
        == calendar_at(installation, "Two").id
        != calendar_at(installation, "Three").id
    )


def test_a_calendar_already_there_is_used_again(installation: Installation) -> None:
    result = bring_in(installation, lines("A,One,CH,BS,Europe/Zurich,Mon-Fri 08:00-18:00,,", header=HOURS_HEADER))
    assert result.created["calendars"] == 0
    assert calendar_at(installation, "One").id == installation.cast.calendar


@pytest.mark.parametrize(
    ("hours", "weekly"),
    [
        ("24/7", "24x7"),
        ("Mo, We 8:00-12:00, 13:00-17:00", {day: [["08:00", "12:00"], ["13:00", "17:00"]] for day in ("mon", "wed")}),
        ("Fri–Sun 22:00–06:00", {day: [["22:00", "06:00"]] for day in ("fri", "sat", "sun")}),
        ("Saturday-Monday 00:00-24:00", {day: [["00:00", "24:00"]] for day in ("mon", "sat", "sun")}),
    ],
)
def test_opening_hours_are_read_as_people_write_them(installation: Installation, hours: str, weekly: object) -> None:
    header = "cmo;site;country;time_zone;opening_hours;contact_name;contact_email"
    bring_in(installation, lines(f'A;One;NL;Europe/Amsterdam;"{hours}";;', header=header))
    assert calendar_at(installation, "One").weekly["hours"] == weekly


def test_a_contact_keeps_the_time_of_the_site_unless_told_otherwise(installation: Installation) -> None:
    bring_in(installation, TEMPLATE)
    assert person_of(installation, "katrin.vogel@nordhafen.example").time_zone == "Europe/Berlin"
    assert person_of(installation, "jonas.brandt@nordhafen.example").time_zone == "Europe/Zurich"


def test_a_contact_of_several_sites_names_them_between_semicolons(installation: Installation) -> None:
    rows = ('Nordhafen,"Leipzig; Ulm ;leipzig",DE,Europe/Berlin,Katrin,katrin@nordhafen.example',)
    assert bring_in(installation, lines(*rows)).created["sites"] == 2
    katrin = person_of(installation, "katrin@nordhafen.example")
    assert set(katrin.site_ids) == {site_of(installation, "Leipzig").id, site_of(installation, "Ulm").id}
    assert katrin.time_zone == "Europe/Berlin"
    again = bring_in(installation, lines(*rows))
    assert (again.unchanged["sites"], again.unchanged["contacts"], again.differing) == (2, 1, [])
    told = bring_in(installation, lines("Nordhafen,Ulm,,,,katrin@nordhafen.example")).differing
    assert [(each.column, each.reason.split(" and ")[0][:6]) for each in told] == [("site", "stays ")]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (['A,"One; Two",DE,,,', "A,One,,Europe/Berlin,,"], (2, "time_zone", "is needed for a new record")),
        (["A,;,DE,Europe/Berlin,,"], (2, "site", "names no site")),
        (
            ["A,One,DE,Europe/Berlin,,", "A,Two,IE,Europe/Dublin,,", 'A,"One; Two",,,Ann,ann@a.example'],
            (4, "contact_time_zone", "is needed: the sites lie in the zones Europe/Berlin and Europe/Dublin"),
        ),
    ],
)
def test_what_a_row_of_several_sites_leaves_open_is_a_problem(
    installation: Installation, rows: list[str], problem: tuple[int, str, str]
) -> None:
    [(row, column, reason)] = problems_of(installation, *rows)
    assert (row, column) == problem[:2]
    assert reason.startswith(problem[2])


def test_the_lead_of_the_sponsor_and_the_role_of_the_contact_are_kept(installation: Installation) -> None:
    header = f"{HEADER},lead_email,contact_role"
    bring_in(installation, lines(f"{ROW},{LEAD.upper()},Lead", header=header))
    with installation.runtime.db.read() as session:
        cmo = session.scalars(select(Organization).where(Organization.name == "Nordhafen")).one()
    assert cmo.lead_id == installation.cast.lead
    assert person_of(installation, "katrin@nordhafen.example").roles == ["cmo_lead"]


def test_cmos_alone_and_sites_alone_are_welcome(installation: Installation) -> None:
    result = bring_in(installation, lines("Alone,,,,,", "Other,Depot,FR,Europe/Paris,,"))
    assert (result.created["cmos"], result.created["sites"], result.created["contacts"]) == (2, 1, 0)


def test_a_contact_of_the_whole_cmo_names_no_site(installation: Installation) -> None:
    bring_in(installation, lines("A,,,,Ann,ann@a.example,Asia/Tokyo", header=f"{HEADER},contact_time_zone"))
    ann = person_of(installation, "ann@a.example")
    assert (ann.site_ids, ann.time_zone) == ((), "Asia/Tokyo")


def test_names_are_kept_in_every_script(installation: Installation) -> None:
    bring_in(installation, lines("شركة الدواء,מפעל חיפה,IL,Asia/Jerusalem,山田　太郎,taro@haifa.example"))
    site = site_of(installation, "מפעל חיפה")
    with installation.runtime.db.read() as session:
        assert session.get_one(Organization, site.organization_id).name == "شركة الدواء"
    assert person_of(installation, "taro@haifa.example").name == "山田　太郎"


def test_every_record_stands_in_the_trail(installation: Installation) -> None:
    before = counted(installation)["audit_entry"]
    bring_in(installation, lines(ROW))
    assert counted(installation)["audit_entry"] == before + 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bom.csv", b"\xef\xbb\xbf" + lines(ROW)),
        ("semicolon.csv", lines(ROW).replace(b",", b";")),
        ("tab.csv", lines(ROW).replace(b",", b"\t")),
        ("crlf.csv", lines(ROW).replace(b"\n", b"\r\n")),
        ("spelling.csv", lines(ROW, header="CMO,Site,Country,Time zone,Contact_Name,CONTACT EMAIL")),
        ("packed.csv.gz", gzip.compress(lines(ROW))),
    ],
)
def test_csv_is_read_however_it_was_saved(installation: Installation, name: str, content: bytes) -> None:
    assert bring_in(installation, content, name).created["contacts"] == 1


def test_a_workbook_is_read_with_numbers_and_dates_in_its_cells(installation: Installation) -> None:
    workbook = sheet(
        tuple(HEADER.split(",")),
        (4711.0, "Leipzig", "DE", "Europe/Berlin", date(2026, 3, 2), "katrin@nordhafen.example"),
    )
    bring_in(installation, workbook, "cmos.XLSX")
    assert person_of(installation, "katrin@nordhafen.example").name.startswith("2026-03-02")
    with installation.runtime.db.read() as session:
        assert session.scalars(select(Organization.name).where(Organization.name == "4711")).one()


def test_rows_of_a_workbook_have_the_numbers_its_reader_sees(installation: Installation) -> None:
    row = ROW.replace("DE", "Germany").split(",")
    workbook = sheet(tuple(HEADER.split(",")), (), (), tuple(row))
    with pytest.raises(BadRows) as caught:
        bring_in(installation, workbook, "cmos.xlsx")
    assert [problem.row for problem in caught.value.problems] == [4]


def test_a_cell_with_line_breaks_is_one_row(installation: Installation) -> None:
    address = '"Werkstrasse 4\n04103 Leipzig"'
    rows = (f"{ROW},{address}", "B,Ulm,Germany,Europe/Berlin,,,")
    assert [row for row, _, _ in problems_of(installation, *rows, header=f"{HEADER},address")] == [3]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("cmos.xls", b"", "is not .csv"),
        ("cmos.xlsx", sheet(("cmo",))[:-200], "not a readable .xlsx"),
        ("cmos.xlsx", repacked(sheet(("cmo",)), "xl/worksheets/sheet1.xml", b"<worksheet"), "not a readable .xlsx"),
        ("cmos.csv.gz", gzip.compress(lines(ROW))[:-9], "not gzip"),
        ("cmos.csv", lines(ROW) + "Fürth".encode("latin-1"), "line 3 is not UTF-8"),
        ("cmos.csv", lines('A,"never closed,DE'), "not CSV"),
        ("cmos.csv", lines(), "no rows"),
        ("cmos.csv", b"", "missing column 'cmo'"),
        ("cmos.csv", b"x" * (MAX_BYTES + 1), "5,000,000 are allowed"),
        ("cmos.csv", lines(*["A,,,,,"] * (MAX_ROWS + 1)), "more than 20,000 rows"),
    ],
    ids=["kind", "cut", "damaged", "cut-gzip", "latin", "quote", "no-rows", "empty", "large", "rows"],
)
def test_a_file_that_cannot_be_read_says_why(name: str, content: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read_table(name, content)


def test_unknown_and_missing_columns_are_named_beside_the_known_ones() -> None:
    with pytest.raises(Invalid) as caught:
        read_table("cmos.csv", lines("A", header="cmo,cmo,zone,site,country,contact_name,contact_email"))
    assert caught.value.field == "columns"
    for words in ("unknown column 'zone'", "'cmo' stands twice", "missing column 'time_zone'", *COLUMNS):
        assert words in caught.value.message


BOMB = b"\0" * 40_000_000


def workbook_of(body: str | bytes) -> bytes:
    """A workbook whose first sheet holds nothing but this XML, or these bytes as they are."""
    if isinstance(body, str):
        body = (
            f"<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'>{body}</worksheet>".encode()
        )
    return repacked(sheet(("cmo",)), "xl/worksheets/sheet1.xml", body)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("bomb.csv.gz", gzip.compress(BOMB), "unpacks to more than"),
        ("rows.xlsx", workbook_of(f"<sheetData>{'<row/>' * 1_100_000}</sheetData>"), "far more cells"),
        ("formats.xlsx", workbook_of(f"<cols>{'<col/>' * 1_100_000}</cols>"), "far more cells or formats"),
    ],
    ids=["gzip", "rows", "formats"],
)
def test_a_small_file_that_would_fill_the_memory_is_refused(name: str, content: bytes, words: str) -> None:
    assert len(content) < 100_000
    with pytest.raises(Invalid, match=words):
        read_table(name, content)


@pytest.mark.parametrize("reference", ["XFD1", "A99999999999"])
def test_a_workbook_that_claims_endless_rows_or_columns_is_read_in_bounds(reference: str) -> None:
    row = reference.lstrip("XFDA")
    cell = f"<sheetData><row r='{row}'><c r='{reference}' t='inlineStr'><is><t>far</t></is></c></row></sheetData>"
    with pytest.raises(Invalid, match="missing column"):
        read_table("cmos.xlsx", workbook_of(cell))


def test_all_bad_rows_are_listed_with_row_column_and_reason(installation: Installation) -> None:
    header = f"{HEADER},lead_email,opening_hours,site_kind,contact_role,contact_time_zone"
    found = problems_of(
        installation,
        ",Leipzig,,,,,,,,,",
        "A,One,Germany,Europe/Berlin,,,,,,,",
        "A,Two,DE,Berlin,Ann,not-an-address,,,,,",
        "A,Three,DE,Europe/Berlin,,,,whenever,,,",
        "A,Four,DE,Europe/Berlin,,,,Mon 08:00-25:00,,,",
        "A,Five,DE,Europe/Berlin,Ben,,,,warehouse,boss,",
        "A,,,,Cid,cid@a.example,,,,,",
        f"B,,,,,,{PM},,,,",
        "C,,,,,,nobody@sponsor.example,,,,",
        "D,Six,,,,d@d.example,,,,,Berlin",
        "Auriga Bio,Home,DE,Europe/Berlin,,,,,,,",
        header=header,
    )
    assert [(row, column) for row, column, _ in found] == [
        (2, "cmo"),
        (3, "country"),
        (4, "time_zone"),
        (4, "contact_email"),
        (5, "opening_hours"),
        (6, "opening_hours"),
        (7, "site_kind"),
        (7, "contact_role"),
        (7, "contact_email"),
        (8, "contact_time_zone"),
        (9, "lead_email"),
        (10, "lead_email"),
        (11, "country"),
        (11, "time_zone"),
        (11, "contact_name"),
        (11, "contact_time_zone"),
        (12, "cmo"),
    ]


def test_nothing_stays_even_where_the_caller_goes_on(installation: Installation) -> None:
    before = counted(installation)
    table = read_table("cmos.csv", lines(ROW, "A,One,DE,Berlin,,"))
    with installation.runtime.write() as tx, pytest.raises(BadRows):
        import_directory(tx, table, by=SYSTEM)
    assert counted(installation) == before


@pytest.mark.parametrize(
    ("second", "column", "words"),
    [
        ("Nordhafen,Leipzig,,Europe/Paris,,", "time_zone", "row 2 says 'Europe/Berlin'"),
        ("Nordhafen,LEIPZIG,AT,,,", "country", "row 2 says 'DE'"),
        ("Nordhafen,Leipzig,,,Karl Vogel,KATRIN@nordhafen.example", "contact_name", "row 2 says 'Katrin Vogel'"),
        (
            "Nordhafen,Ulm,DE,Europe/Berlin,,katrin@nordhafen.example",
            "site",
            "row 2 says 'Nordhafen Leipzig' of the same contact",
        ),
        ("B,,,,,katrin@nordhafen.example", "site", "row 2 says 'Nordhafen Leipzig' of the same contact"),
        ("Nordhafen,,,,,katrin@nordhafen.example", "site", "row 2 says 'Nordhafen Leipzig' of the same contact"),
    ],
)
def test_rows_that_contradict_each_other_are_bad(
    installation: Installation, second: str, column: str, words: str
) -> None:
    ((row, where, reason),) = problems_of(installation, ROW, second)
    assert (row, where) == (3, column)
    assert words in reason


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("A,,DE,,,", "site", "country must be blank too"),
        (f"{'A' * 201},,,,,", "cmo", "has 201 characters; 200 are allowed"),
        ("A\0B,,,,,", "cmo", "control characters"),
        ("#N/A,,,,,", "cmo", "a formula failed"),
        ("A,,,,,,stray", "(column 7)", "under no column name"),
        ("A,,,,Orla,contact@other-cmo.example", "contact_email", "another organization"),
        ("A,,,,Ann,ann@a.example", "contact_time_zone", "is needed for a new record"),
    ],
)
def test_a_cell_that_cannot_stand_is_named(installation: Installation, row: str, column: str, words: str) -> None:
    ((_, where, reason),) = problems_of(installation, row)
    assert where == column
    assert words in reason


def test_a_region_without_holidays_and_a_region_without_hours_are_bad(installation: Installation) -> None:
    found = problems_of(
        installation,
        "A,One,DE,Bavaria,Europe/Berlin,Mon-Fri 08:00-18:00,,",
        "A,Two,ZZ,,Europe/Berlin,Mon-Fri 08:00-18:00,,",
        "A,Three,DE,BY,Europe/Berlin,,,",
        "A,Four,DE,,Europe/Berlin,Mon-Fri 08:00-18:00,,",
        header=HOURS_HEADER,
    )
    assert [(row, column) for row, column, _ in found] == [
        (2, "subdivision"), (3, "country"), (4, "subdivision"), (5, "subdivision"),
    ]  # fmt: skip
    assert "'nationwide'" in found[3][2]


def test_a_country_with_regional_holidays_comes_in_for_the_whole_country(installation: Installation) -> None:
    bring_in(installation, lines("A,One,DE,nationwide,Europe/Berlin,Mon-Fri 08:00-18:00,,", header=HOURS_HEADER))
    assert calendar_at(installation, "One").subdivision == "nationwide"


def test_the_message_says_how_many_rows_are_bad_and_shows_the_first(installation: Installation) -> None:
    with pytest.raises(BadRows, match=r"2 cannot be used .* row 2, column time_zone: 'Berlin'") as caught:
        bring_in(installation, lines("A,One,DE,Berlin,,", "A,Two,DE,Paris,,"))
    assert caught.value.problems[1] == RowProblem(
        3, "time_zone", "Paris", "'Paris' is not an IANA time zone such as Europe/Berlin"
    )


def test_the_template_is_imported_once_and_again_changes_nothing(installation: Installation) -> None:
    first = bring_in(installation, TEMPLATE)
    assert first.created == {"cmos": 2, "sites": 2, "contacts": 3, "calendars": 2}
    assert set(first.unchanged.values()) == {0}
    before = counted(installation)
    again = bring_in(installation, TEMPLATE)
    assert set(again.created.values()) == {0}
    assert again.unchanged == {"cmos": 2, "sites": 2, "contacts": 3}
    assert again.differing == []
    assert counted(installation) == before


def test_what_is_there_stays_and_the_difference_is_told(installation: Installation) -> None:
    result = bring_in(installation, lines("rhein fill ag,BASEL,CH,Europe/Paris,Corinne Contact,CONTACT@cmo.example"))
    assert result.unchanged == {"cmos": 1, "sites": 1, "contacts": 1}
    assert result.differing == [RowProblem(2, "time_zone", "Europe/Paris", "stays Europe/Zurich")]
    assert site_of(installation, "Basel").time_zone == "Europe/Zurich"


def test_new_sites_join_a_cmo_already_there(installation: Installation) -> None:
    bring_in(installation, lines("Rhein Fill AG,Olten,CH,Europe/Zurich,,"))
    assert site_of(installation, "Olten").organization_id == installation.cast.cmo


@pytest.fixture
def run(installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLAMON_DATABASE_URL", installation.runtime.settings.database_url)
    return CliRunner()


def test_the_command_stores_and_counts(run: CliRunner, installation: Installation) -> None:
    Path("cmos.csv").write_bytes(TEMPLATE)
    told = run.invoke(import_app, ["directory", "cmos.csv"])
    assert (told.exit_code, "contacts" in told.output) == (0, True)
    assert site_of(installation, "Leipzig").country == "DE"


def test_a_dry_run_stores_nothing(run: CliRunner, installation: Installation) -> None:
    Path("cmos.csv").write_bytes(TEMPLATE)
    before = counted(installation)
    told = run.invoke(import_app, ["directory", "cmos.csv", "--dry-run"])
    assert (told.exit_code, "nothing was stored" in told.output) == (0, True)
    assert counted(installation) == before


def test_the_command_prints_a_line_for_every_bad_row(run: CliRunner, installation: Installation) -> None:
    Path("cmos.csv").write_bytes(lines("A,One,DE,Berlin,,", "A,Two,Germany,Europe/Berlin,,"))
    told = run.invoke(import_app, ["directory", "cmos.csv"])
    assert told.exit_code == 1
    assert "row 2, column time_zone: 'Berlin' is not an IANA time zone" in told.output
    assert "row 3, column country: 'GERMANY' is not an ISO 3166-1 alpha-2 code such as DE ('Germany')" in told.output


def test_the_command_prints_the_template(run: CliRunner) -> None:
    assert run.invoke(import_app, ["template"]).output.encode() == TEMPLATE


SHEET_MEDIA = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def admin(installation: Installation) -> TestClient:
    app = FastAPI()
    app.state.runtime = installation.runtime
    build_api(app)
    app.include_router(imports.router)
    return TestClient(app, headers={"Authorization": f"Bearer {installation.key(installation.cast.admin)}"})


def upload(client: TestClient, content: bytes, media: str = "text/csv", **more: object) -> Any:
    headers = {"Content-Type": media, **{name: str(value) for name, value in more.items()}}
    return client.post("/v1/imports/directory", content=content, headers=headers)


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (lines(ROW), "text/csv; charset=utf-8"),
        (gzip.compress(lines(ROW)), "application/gzip"),
        (sheet(tuple(HEADER.split(",")), tuple(ROW.split(","))), SHEET_MEDIA),
    ],
    ids=["csv", "gzip", "xlsx"],
)
def test_an_upload_adds_its_records(installation: Installation, admin: TestClient, content: bytes, media: str) -> None:
    answer = upload(admin, content, media)
    assert answer.status_code == 200
    assert answer.json() == {
        "dry_run": False,
        "created": {"cmos": 1, "sites": 1, "contacts": 1, "calendars": 0},
        "unchanged": {"cmos": 0, "sites": 0, "contacts": 0},
        "differing": [],
    }
    assert site_of(installation, "Leipzig").country == "DE"


def test_a_dry_upload_answers_and_stores_nothing(installation: Installation, admin: TestClient) -> None:
    before = counted(installation)
    answer = admin.post("/v1/imports/directory?dry_run=true", content=lines(ROW), headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["created"]["contacts"]) == (200, 1)
    assert counted(installation) == before


def test_an_upload_with_bad_rows_is_a_problem_that_lists_them(installation: Installation, admin: TestClient) -> None:
    before = counted(installation)
    answer = upload(admin, lines(ROW, "A,One,Germany,Berlin,,"))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [(error["row"], error["column"]) for error in answer.json()["errors"]] == [(3, "time_zone"), (3, "country")]
    assert "'Berlin' is not an IANA time zone" in answer.json()["errors"][0]["message"]
    assert counted(installation) == before


def test_the_same_key_imports_once(installation: Installation, admin: TestClient) -> None:
    headers = {"Idempotency-Key": "import-1"}
    first, again = (upload(admin, lines(ROW), **headers) for _ in range(2))
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"


def test_an_upload_of_another_kind_is_refused(admin: TestClient) -> None:
    assert upload(admin, b"{}", "application/json").status_code == 415


def test_only_an_administrator_imports(installation: Installation, admin: TestClient) -> None:
    admin.headers["Authorization"] = f"Bearer {installation.key(installation.cast.pm)}"
    assert upload(admin, lines(ROW)).status_code == 403
