"""Keys, their scopes and limits, and that one CMO never sees another; who may what is the table of `test_rights.py`."""

from tests.callers import Api


def test_a_request_of_another_cmo_cannot_be_acted_on_or_listed(api: Api) -> None:
    path = f"/v1/requests/{api.filed()['id']}"
    assert api.other_contact.post(f"{path}/actions/acknowledge").status_code == 404
    assert api.other_contact.get("/v1/requests").json()["items"] == []
    assert len(api.contact.get("/v1/requests").json()["items"]) == 1


def test_a_contact_of_one_site_does_not_see_the_next_one(api: Api) -> None:
    path = f"/v1/requests/{api.filed(site_id=str(api.installation.cast.second_site))['id']}"
    assert api.contact.get(path).status_code == 404
    assert api.cmo_lead.get(path).status_code == 200


def test_a_record_is_found_under_its_own_kind_only(api: Api) -> None:
    cast = api.installation.cast
    assert api.admin.get(f"/v1/cmos/{cast.sponsor}").status_code == 404
    assert api.admin.get(f"/v1/people/{cast.contact}").status_code == 404
    assert api.admin.get(f"/v1/contacts/{cast.pm}").status_code == 404
    change = {"name": "X", "reason": "y"}
    assert api.lead.patch(f"/v1/contacts/{cast.admin}", json=change).status_code == 404
