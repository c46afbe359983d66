"""A contact serves the sites named for them, several if need be, or every site of their CMO."""

from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from tests.callers import Api


def third_site_of(api: Api) -> str:
    place = {"cmo_id": str(api.installation.cast.cmo), "name": "Olten", "country": "CH", "time_zone": "Europe/Zurich"}
    made: str = api.admin.post("/v1/sites", json=place).json()["id"]
    return made


def contact_of(api: Api, *site_ids: str | UUID, **more: Any) -> dict[str, Any]:
    new = {"cmo_id": str(api.installation.cast.cmo), "site_ids": [str(one) for one in site_ids], "name": "Vera Various"}
    made = api.admin.post("/v1/contacts", json={"email": "vera@cmo.example", **new, **more})
    assert made.status_code == 201, made.text
    contact: dict[str, Any] = made.json()
    return contact


def test_a_contact_of_two_sites_sees_and_answers_what_is_asked_of_both_and_of_no_other(any_api: Api) -> None:
    third_site = third_site_of(any_api)
    api, cast = any_api, any_api.installation.cast
    sites = [str(cast.site), str(cast.second_site)]
    vera = contact_of(api, *sites)
    assert vera["site_ids"] == sorted(sites)
    asked = [api.filed(site_id=site, contact_id=vera["id"]) for site in sites]
    elsewhere = api.filed(site_id=third_site)
    own = api.caller(UUID(vera["id"]))
    assert {each["id"] for each in own.get("/v1/requests").json()["items"]} == {each["id"] for each in asked}
    for request in asked:
        assert own.post(f"/v1/requests/{request['id']}/actions/acknowledge").status_code == 200
    assert own.get(f"/v1/requests/{elsewhere['id']}").status_code == 404
    assert own.post(f"/v1/requests/{elsewhere['id']}/actions/acknowledge").status_code == 404
    refused = api.pm.post("/v1/requests", json=api.inquiry(site_id=third_site, contact_id=vera["id"]))
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "contact_id")


def test_the_sites_own_contact_is_chosen_before_one_of_the_whole_cmo(api: Api) -> None:
    third_site = third_site_of(api)
    vera = contact_of(api, api.installation.cast.second_site, third_site)
    chosen = [api.filed(site_id=site)["contact_id"] for site in (third_site, str(api.installation.cast.site))]
    assert chosen == [vera["id"], str(api.installation.cast.contact)]


def test_the_contacts_of_a_site_are_found_by_each_of_their_sites(any_api: Api) -> None:
    cast = any_api.installation.cast
    vera = contact_of(any_api, cast.site, cast.second_site)
    for site, others in ((cast.site, {str(cast.contact)}), (cast.second_site, set())):
        found = any_api.admin.get(f"/v1/contacts?site_id={site}").json()["items"]
        assert {contact["id"] for contact in found} == {vera["id"], *others}


def test_the_sites_of_a_contact_are_changed_as_a_whole_and_kept_in_the_trail(api: Api) -> None:
    api, cast = api, api.installation.cast
    path = f"/v1/contacts/{contact_of(api, cast.site)['id']}"
    for site_ids in ([str(cast.second_site)], []):
        changed = api.admin.patch(path, json={"site_ids": site_ids, "reason": "Moved"})
        assert (changed.status_code, changed.json()["site_ids"]) == (200, site_ids)
    assert api.admin.patch(path, json={"name": "Vera", "reason": "Married"}).json()["site_ids"] == []


@pytest.mark.parametrize("site", ["other_site", "cmo"])
def test_a_site_of_another_cmo_or_none_is_refused(api: Api, site: str) -> None:
    fields = {"site_ids": [str(getattr(api.installation.cast, site))], "reason": "Moved"}
    refused = api.admin.patch(f"/v1/contacts/{api.installation.cast.contact}", json=fields)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "site_ids")


def test_who_backs_up_a_contact_serves_all_of_their_sites(api: Api) -> None:
    cast = api.installation.cast
    vera = contact_of(api, cast.site)
    backed = {"backup_id": vera["id"], "reason": "Holidays"}
    path = f"/v1/contacts/{cast.contact}"
    assert api.admin.patch(path, json=backed).status_code == 200
    wider = {"site_ids": [str(cast.site), str(cast.second_site)], "reason": "Visp too"}
    refused = api.admin.patch(path, json=wider)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "backup_id")
    everywhere = api.admin.patch(path, json={"site_ids": [], "reason": "All of them"})
    assert (everywhere.status_code, everywhere.json()["errors"][0]["field"]) == (422, "backup_id")
    elsewhere = {"site_ids": [str(cast.second_site)], "reason": "Moved"}
    moved = api.admin.patch(f"/v1/contacts/{vera['id']}", json=elsewhere)
    assert (moved.status_code, moved.json()["errors"][0]["field"]) == (422, "site_ids")


def test_a_form_link_opens_the_requests_of_each_site(api: Api) -> None:
    api, cast = api, api.installation.cast
    vera = contact_of(api, cast.site, cast.second_site)
    for site in (cast.site, cast.second_site):
        api.filed(site_id=str(site), contact_id=vera["id"])
    api.installation.work()
    links = [message.link for message in api.installation.email.sent_to("vera@cmo.example")]
    browser = TestClient(api.app, base_url="http://127.0.0.1:8000")
    assert [browser.get(link).status_code for link in links if link] == [200, 200]
