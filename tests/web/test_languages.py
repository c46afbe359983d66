"""Every page in a language that puts brackets around its words: no translator can reach what stands outside them."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from slamon.countries import country_names, zones_by_region
from slamon.db.requests import CmoRequest
from slamon.domain.lifecycle import ENDED, Action, RequestType, State
from slamon.domain.priority import Priority
from slamon.domain.scopes import ALL_SCOPES
from slamon.errors import DeliveryError
from slamon.files.kinds import TAKEN
from slamon.services.access import one_time_links
from slamon.services.policies.zone_data import zone_data
from tests import installation
from tests.installation import open_installation
from tests.pages import Site
from tests.services.requests.test_queries import SHIPMENT
from tests.web.staff.test_filing import shipment
from tests.web.staff.test_shutdowns import announced, asked, version  # noqa: F401  a fixture
from tests.wording.pseudo import pseudo_language, pseudo_words, seen_in, untranslated

# Names, numbers and addresses; what people wrote in the requests below; what was stored in English once and for all.
NAMES = (
    "slamon",
    "Auriga Bio",
    "Auriga One",
    "AUR-101",
    "AUR-1P",
    "AUR-1",
    "ORI-202",
    "Rhein Fill AG",
    "Other Pharma Ltd",
    "Basel",
    "Visp",
    "Cork",
    "(CH)",
    ", CH",
    "(IE)",
    "Zurich",
    "Europe/Zurich",
    "Europe/Dublin",
    "UTC",
    "SHP-2026-",
    "DAT-2026-",
    "INQ-2026-",
    "Corinne Contact",
    "Beat Backup",
    "Bodo Boss",
    "Petra Manager",
    "Leo Lead",
    "Hedda Head",
    "Quentin Quality",
    "Ada Admin",
    "Aurel Auditor",
    "Olga Manager",
    "Stella Steering",
    "Orla Other",
    "c…@cmo.example",
    TAKEN,
    *(value for name, value in vars(installation).items() if name.isupper() and isinstance(value, str)),
)
WRITTEN = (
    "Capacity in May",
    "Is week 20 free?",
    "Which week?",
    "Week 20.",
    "Release",
    "A17",
    "B2",
    "COA-17",
    "On its way.",
    "Resupply of site 1204",
    "Hôpital Saint-Louis",
    "Paris",
    "(FR)",
    "World Courier",
    "020-1",
    "TT-1",
    "Pharmacy",
    "report.pdf",
    "1 avenue Claude Vellefaux",
    "PO-77",
    "FR",
    "kg",
    "Carnival",
    "Corinne, by phone",
    "Which?",
)
STORED = (
    "The cycle stands still: no process reports; deadlines are not being watched.",
    "Routine: answer within 24 to 48 hours",
    "Routine batch record: answer within 120 to 240 hours",
    "Office hours",
    "the backup of the lead",
    "Urgent: answer within 8 to 24 hours",
    "refused",
)
# What the host's own tables call things: zones, and in this language, whose locale is English, countries.
ZONES = (*(zone for zones in zones_by_region().values() for zone in zones), *zones_by_region())
GIVEN = (*NAMES, *WRITTEN, *STORED, zone_data())
FILING = (*GIVEN, *(zone.replace("_", " ") for zone in ZONES), *pseudo_language().countries(country_names()).values())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An installation that speaks the pseudo-language."""
    with open_installation(f"sqlite:///{tmp_path}/installation.db", words=pseudo_words()) as opened:
        yield Site(opened)


def check(page: Any, status: int = 200, given: Sequence[str] = GIVEN) -> None:
    assert page.status_code == status, page.text[-500:]
    assert untranslated(seen_in(page.text), given) == []


def check_request(site: Site, request: CmoRequest) -> None:
    """The page of the contact, and those of staff in several parts."""
    cast = site.installation.cast
    check(site.visitor.get(site.link(request.id)), 410 if State(request.state) in ENDED else 200)
    for reader in (cast.pm, cast.lead, cast.quality, cast.auditor):
        check(site.staff(reader).get(f"/requests/{request.id}"))


def check_clocks(site: Site, request: CmoRequest) -> None:
    """The pages that explain each clock of the request."""
    pm, path = site.staff(site.installation.cast.pm), f"/requests/{request.id}"
    for clock in sorted(set(re.findall(rf"{path}/clocks/[a-z_0-9/-]+", pm.get(path).text))):
        check(pm.get(clock))


def follow(site: Site, request: CmoRequest, *steps: tuple[str, UUID, dict[str, Any]]) -> None:
    """Let people act one after another, an hour between them, and look at the request's pages after each step."""
    for action, by, said in steps:
        site.installation.clock.advance(hours=1)
        site.installation.work()
        version = request.version if action == Action.AMEND else None
        request = site.installation.act(request.id, action, by=by, expected_version=version, **said)
        check_request(site, request)
    check_clocks(site, request)


def test_an_inquiry_from_its_filing_to_its_end(site: Site) -> None:
    cast, request = site.installation.cast, site.installation.file()
    contact, pm = cast.contact, cast.pm
    check_request(site, request)
    follow(
        site,
        request,
        ("acknowledge", contact, {"expected_on": "2026-03-05"}),
        ("amend", cast.lead, {"reason": "Which week?", "changes": {"due_on": "2026-04-01", "priority": "urgent"}}),
        ("ask", contact, {"text": "Which week?"}),
        ("reply", pm, {"text": "Week 20."}),
        ("answer", contact, {"text": "Week 20."}),
        ("reject", pm, {"reason": "Which week?"}),
        ("follow_up", pm, {"text": "Which week?"}),
        ("wait", contact, {"reason": "On its way.", "until": "2026-03-03T10:00:00Z"}),
        ("resume", contact, {}),
        ("answer", contact, {"text": "Week 20."}),
        ("correct", contact, {"corrects": 5, "text": "Week 20."}),
        ("accept", pm, {}),
        ("reopen", pm, {"reason": "Which week?"}),
        ("cancel", pm, {"reason": "Which week?"}),
    )


def test_a_late_request_whose_messages_do_not_arrive(site: Site) -> None:
    installation, cast = site.installation, site.installation.cast
    request = installation.file()
    installation.email.failures.extend([DeliveryError("refused", permanent=True), DeliveryError("refused")])
    for hours in (0, 1, 25, 25, 6, 20):
        installation.clock.advance(hours=hours)
        installation.work()
        check_request(site, request)
        check(site.staff(cast.admin).get("/status"))
    installation.act(request.id, "take", by=cast.lead)
    check_request(site, request)
    check_clocks(site, request)
    check(site.staff(cast.pm).get("/status"))
    for tab in ("attention", "open", "all"):
        check(site.staff(cast.pm).get(f"/requests?tab={tab}"))
    check(site.staff(cast.pm).get("/requests?tab=open&priority=urgent"))


def test_a_data_request_and_what_is_owed(site: Site) -> None:
    cast = site.installation.cast
    items = [{"kind": "coa", "lots": ["A17", "B2"], "format": "pdf"}, {"kind": "batch_record"}, {"kind": "other"}]
    detail = {"purpose": "release", "items": items}
    request = site.installation.file(type=RequestType.DATA, subject="Release", detail=detail)
    check_request(site, request)
    supplied = {"item": 1, "status": "supplied", "document_number": "COA-17", "document_version": "2"}
    follow(
        site,
        request,
        ("acknowledge", cast.contact, {}),
        ("answer", cast.contact, {"items": [supplied, {"item": 2, "status": "declined", "reason": "Which?"}]}),
    )
    for hours in (0, 60):
        site.installation.clock.advance(hours=hours)
        for path in ("/owed", "/owed?lot=A17", "/owed?lot=Which?"):
            check(site.staff(cast.pm).get(path))
    rows = site.staff(cast.pm).get("/owed.csv").text
    assert untranslated(rows, GIVEN) == []


def test_a_shipment_from_its_order_to_the_decision_on_the_goods(site: Site) -> None:
    cast = site.installation.cast
    lines = [
        {"product_code": "AUR-1", "quantity": "24", "unit": "kit"},
        {"product_code": "AUR-1P", "quantity": "0.5", "unit": "kg"},
    ]
    detail = {**SHIPMENT["detail"], "lines": lines, "logger_required": True, "requested_ship_date": "2026-03-04"}  # type: ignore[dict-item]
    request = site.installation.file(
        type=RequestType.SHIPMENT, subject="Resupply of site 1204", priority=Priority.URGENT, detail=detail
    )
    check_request(site, request)
    sent = {"courier": "World Courier", "tracking_number": "020-1", "expected_delivery_on": "2026-03-06"}
    follow(
        site,
        request,
        ("confirm_order", cast.contact, {"planned_ship_on": "2026-03-06"}),
        ("refuse", cast.pm, {"reason": "Which week?"}),
        ("confirm_order", cast.contact, {"planned_ship_on": "2026-03-04"}),
        ("confirm_packed", cast.contact, {"logger_serials": ["TT-1"], "lots_or_kits": "A17"}),
        (
            "confirm_dispatch",
            cast.contact,
            {**sent, "lines": [{"line": 1, "quantity": "10"}], "logger_serials": ["TT-1"]},
        ),
        ("confirm_dispatch", cast.contact, {**sent, "dispatched_at": "2026-03-02T12:00:00Z"}),
        (
            "confirm_delivery",
            cast.pm,
            {
                "consignment": 1,
                "received_by": "Pharmacy",
                "condition": "damaged",
                "readout": "excursion",
                "min_c": 1.5,
                "max_c": 9,
                "minutes_out": 30,
            },
        ),
        ("report_lost", cast.contact, {"consignment": 2, "text": "On its way."}),
        ("decide", cast.quality, {"consignment": 2, "disposition": "not_usable", "reason": "Which?"}),
        ("decide", cast.quality, {"consignment": 1, "disposition": "usable", "reason": "Which?"}),
    )


def test_forms_that_come_back(site: Site) -> None:
    cast, request = site.installation.cast, site.installation.file()
    path = site.link(request.id)
    for form, typed in (("answer", {}), ("decline", {"reason": ""}), ("wait", {"until": "Which?"}), ("correct", {})):
        check(site.visitor.post(f"{path}/{form}", data=typed), 409 if form == "wait" else 422)
    check(site.visitor.post(f"{path}/files"), 422)
    check(site.visitor.get(site.visitor.post(f"{path}/acknowledge").headers["location"]))
    pm, page = site.staff(cast.pm), f"/requests/{request.id}"
    check(pm.post(f"{page}/follow_up", version="2"), 422)
    check(pm.post(f"{page}/amend", version="2", reason="Which?"), 422)
    check(pm.post(f"{page}/follow_up", version="1", text="Which?"), 412)
    check(pm.post(f"{page}/reply", version="2", text="Which?"), 409)
    check(pm.post(f"{page}/revoke-links", person_id="", reason="Which?"), 422)
    for action in ("answer", "ask", "acknowledge"):
        check(pm.get(f"{page}/record/{action}"))
    check(pm.post(f"{page}/record/answer", version="2", via="phone_recorded", occurred_at="2026-03-01"), 422)


def test_filing_and_drafts(site: Site) -> None:
    pm, project = site.staff(site.installation.cast.pm), str(site.installation.cast.project)
    form = shipment(site)
    check(pm.get("/requests/new"))
    check(pm.get(f"/requests/new?type=shipment&project={project}"), given=FILING)
    for type_ in ("data", "inquiry"):
        check(pm.get(f"/requests/new?type={type_}&project={project}"))
    check(
        pm.post("/requests/new", **{**form, "subject": "", "detail.lines.0.quantity": "1.000", "due_on": "2026-01-01"}),
        422,
        FILING,
    )
    draft = pm.post("/drafts", **form)
    check(pm.get(draft.headers["location"]), given=FILING)
    check(pm.get("/requests/new?done=discarded"))
    check(pm.get(pm.post("/requests/new", **form).headers["location"]))
    check(pm.post("/requests/new", **{**form, "subject": "Release"}), 409, FILING)
    site.installation.file(cmo_reference="PO-77")
    inquiry = {name: value for name, value in form.items() if not name.startswith("detail")} | {
        "key": str(uuid4()),
        "type": "inquiry",
        "detail.category": "quality",
        "detail.questions.0": "Which?",
        "cmo_reference": "PO-77",
    }
    check(pm.post("/requests/new", **inquiry), 409)


def test_shutdowns(site: Site, asked: CmoRequest) -> None:  # noqa: F811  the fixture
    check_clocks(site, asked)
    pm, lead = site.staff(site.installation.cast.pm), site.staff(site.installation.cast.lead)
    check(pm.get("/shutdowns"))
    check(pm.get("/shutdowns/new"))
    check(pm.post("/shutdowns/new", key="01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a70", site_id=""), 422)
    path = announced(site)
    for reader in (pm, lead):
        check(reader.get(path))
    check(lead.post(f"{path}/agree", version="1", reason=""), 422)
    for deed in ("agree", "refuse"):
        said = lead.post(f"{path}/{deed}", version=version(lead.get(path)), reason="Which?", apply="yes")
        check(lead.get(said.headers["location"]))
        check(pm.get("/shutdowns"))
    check(pm.get("/shutdowns?past=yes"))


def test_signing_in_and_what_stands_around(site: Site) -> None:
    cast = site.installation.cast
    check(site.visitor.get("/sign-in"))
    for _ in range(6):
        check(site.visitor.post("/sign-in", data={"email": installation.PM, "password": "Which?"}), 401)
    check(site.visitor.get("/forgot-password"))
    check(site.visitor.get("/forgot-password?asked=1"))
    with site.installation.runtime.write() as tx:
        token = one_time_links.one_time_token(tx, cast.pm)
    check(site.visitor.get(f"/welcome/{token}"))
    check(site.visitor.post(f"/welcome/{token}", data={"password": "Which?", "again": "Which"}), 422)
    check(site.visitor.get("/welcome/unknown"), 404)
    prefix = site.installation.key(cast.pm)[:12]
    check(site.staff(cast.pm).get("/keys"), given=(*GIVEN, prefix, *ALL_SCOPES))
    check(site.staff(cast.pm).get("/nowhere"), 404)


def test_links_that_open_nothing(site: Site) -> None:
    request = site.installation.file()
    path = site.link(request.id)
    check(site.visitor.get("/r/unknown"), 404)
    site.installation.clock.advance(days=15)
    check(site.visitor.get(path), 410)
    check(site.visitor.post(f"{path}/answer", data={"text": "Week 20."}), 410)
    check(site.visitor.get(site.visitor.post(f"{path}/fresh-link").headers["location"]), 410)
    site.installation.act(request.id, "cancel", by=site.installation.cast.pm, reason="Which?")
    check(site.visitor.get(site.link(request.id)), 410)
