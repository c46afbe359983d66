"""An action that is only in `deviation.py` works everywhere, on both databases, with no other edit."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from slamon.db.parties import Person
from slamon.db.requests import FactRow
from slamon.domain.timeline import SYSTEM
from slamon.imports.mappings import Columns
from slamon.imports.requests import import_requests
from slamon.imports.tables import read_sheet
from slamon.services.reports.verify import Difference, verify_requests
from slamon.wording.message import MessageKind
from slamon.wording.messages import put_into_words
from tests.callers import Api
from tests.catalogue.deviation import CATALOGUE, WORDS
from tests.installation import CONTACT, ON_BOTH_DATABASES, PM, Installation, open_installation
from tests.pages import Site, text_of

SAID = {"text": "Stopper cracked", "vials": 3, "batch": "a17"}
KEPT = {"text": "Stopper cracked", "vials": 3, "batch": "A17"}


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    with open_installation(database_url, catalogue=CATALOGUE, words=WORDS) as opened:
        yield opened


def facts(house: Installation) -> list[FactRow]:
    with house.runtime.db.read() as session:
        return list(session.scalars(select(FactRow).where(FactRow.kind == "deviation_reported")))


def is_sound(house: Installation) -> bool:
    with house.runtime.read() as tx:
        return not [found for found in verify_requests(tx) if isinstance(found, Difference)]


@ON_BOTH_DATABASES
def test_the_api_takes_it_describes_it_and_tells_of_it(house: Installation) -> None:
    api = Api(house)
    path = f"/v1/requests/{api.filed()['id']}"
    offered = {each["action"]: each for each in api.contact.get(path).json()["actions"]}
    assert offered["report_deviation"] == {
        "action": "report_deviation", "needs": ["text", "vials"], "takes": ["batch", "vials"],
    }  # fmt: skip
    body = api.pm.get("/v1/openapi.json").json()["components"]["schemas"]["ReportDeviation"]["properties"]
    assert body["vials"]["anyOf"][0] == {"type": "integer", "minimum": 1, "maximum": 500}
    for wrong, field in (({"text": "?"}, "vials"), ({**SAID, "vials": 401}, "vials"), ({**SAID, "lot": "7"}, "lot")):
        refused = api.contact.post(f"{path}/actions/report_deviation", json=wrong)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    assert api.pm.post(f"{path}/actions/report_deviation", json=SAID).status_code == 403
    assert api.contact.post(f"{path}/actions/report_deviation", json=SAID).json()["state"] == "filed"
    told = api.pm.get(f"{path}/timeline").json()["facts"][-1]
    assert (told["kind"], told["content"]) == ("deviation_reported", KEPT)
    assert is_sound(house)


def test_the_manager_hears_of_it_by_mail_and_in_slack_and_the_contact_gets_a_receipt(house: Installation) -> None:
    first, second = house.file(), house.file()
    house.act(first.id, "report_deviation", by=house.cast.contact, **SAID)
    house.address(Person, house.cast.pm, "slack", "U0PETRA")
    house.act(second.id, "report_deviation", by=house.cast.contact, **SAID)
    house.work()
    [mail] = house.email.sent_to(PM, MessageKind.CMO_ACTED)
    [post] = house.slack.sent_to("U0PETRA", MessageKind.CMO_ACTED)
    for message in (mail, post):
        words = put_into_words(message)
        assert (words.headline, words.sentences) == (
            "Rhein Fill AG reported a deviation",
            ("Tell your quality department.",),
        )
    receipt = put_into_words(house.email.sent_to(CONTACT, MessageKind.RECEIPT)[0])
    assert receipt.headline == "We have received your report of a deviation"


def test_the_contact_takes_it_on_their_page_and_reads_it_there(house: Installation) -> None:
    site, asked = Site(house), house.file()
    link = site.link(asked.id)
    page = site.visitor.get(link).text
    assert ">Report a deviation</summary>" in page
    assert 'name="vials" value="" type="number"' in page
    empty = site.visitor.post(f"{link}/report_deviation", data={"text": "", "vials": "3"})
    assert (empty.status_code, "What happened Must not be empty" in text_of(empty)) == (422, True)
    sent = site.visitor.post(f"{link}/report_deviation", data={"text": "Cracked", "batch": "a17", "vials": "3"})
    assert sent.headers["location"] == f"{link}?done=report_deviation"
    after = text_of(site.visitor.get(sent.headers["location"]))
    assert "Thank you. The deviation was reported. A copy is on its way" in after
    assert "Corinne Contact reported a deviation Batch: A17 Vials affected: 3 Cracked" in after


def test_staff_take_it_in_their_own_name_and_record_it_for_the_cmo(house: Installation) -> None:
    site, asked = Site(house), house.file()
    quality, pm, path = site.staff(house.cast.quality), site.staff(house.cast.pm), f"/requests/{asked.id}"
    assert ">Note a deviation</summary>" in quality.get(path).text
    sent = quality.post(f"{path}/report_deviation", text="Seen by us", vials="2", version="1")
    assert sent.headers["location"] == f"{path}?done=report_deviation"
    assert f'href="{path}/record/report_deviation">reported a deviation</a>' in pm.get(path).text
    form = pm.get(f"{path}/record/report_deviation").text
    assert ">Vials affected" in form
    call = {"via": "phone_recorded", "on_behalf_of": str(house.cast.contact), "evidence": "Corinne called"}
    when = {"occurred_at": "2026-03-02T09:00", "version": "2"}
    told = pm.post(f"{path}/record/report_deviation", text="Broken", vials="5", **call, **when)
    assert told.headers["location"] == f"{path}?done=record"
    assert "Corinne Contact reported a deviation Vials affected: 5 Broken" in text_of(pm.get(path))
    house.work()
    [news] = house.email.sent_to(CONTACT, MessageKind.SPONSOR_ACTED)
    assert put_into_words(news).headline == "Auriga Bio has noted a deviation"
    assert is_sound(house)


def test_a_spreadsheet_tells_of_it_in_columns_of_its_own(house: Installation) -> None:
    columns = {
        name: name
        for name in (
            "subject",
            "site",
            "filed_at",
            "deviation_at",
            "deviation_text",
            "deviation_batch",
            "deviation_vials",
        )
    }
    constants = {"type": "inquiry", "project": "AUR-101", "question": "Which?", "category": "quality"}
    mapping = Columns.model_validate({"columns": columns, "constants": constants}, context=CATALOGUE)
    row = "Yield,Basel,2026-02-27 10:00,2026-02-27 12:00,Cracked,a17,3"
    _, rows = read_sheet("past.csv", "\n".join((",".join(columns), row, "")).encode())
    with house.runtime.write() as tx:
        import_requests(tx, rows, mapping, by=SYSTEM)
    assert [(fact.via, fact.content) for fact in facts(house)] == [("replay", {**KEPT, "text": "Cracked"})]
    assert is_sound(house)
