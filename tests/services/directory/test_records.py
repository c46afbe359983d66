"""Records: versions and If-Match, changes that say why, pages."""

import pytest

from tests.callers import Api


def test_a_change_needs_the_version_last_seen_if_it_names_one(any_api: Api) -> None:
    path = f"/v1/sites/{any_api.installation.cast.site}"
    tag = any_api.admin.get(path).headers["etag"]
    change = {"name": "Basel North", "reason": "Renamed"}
    first = any_api.admin.patch(path, json=change, headers={"If-Match": tag})
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    again = any_api.admin.patch(path, json={**change, "name": "Basel"}, headers={"If-Match": tag})
    assert (again.status_code, again.json()["current_version"]) == (412, 2)
    assert any_api.admin.get(path).json()["name"] == "Basel North"


@pytest.mark.parametrize(
    ("tag", "status"), [("*", 200), ('"1"', 200), ('W/"1"', 412), ('"x"', 412), ("1", 422), ('"1", "2"', 422)]
)
def test_if_match_is_taken_at_its_word(api: Api, tag: str, status: int) -> None:
    path = f"/v1/sites/{api.installation.cast.site}"
    change = {"name": "Basel North", "reason": "Renamed"}
    assert api.admin.patch(path, json=change, headers={"If-Match": tag}).status_code == status


def test_an_act_on_a_stale_version_is_refused(api: Api) -> None:
    filed = api.filed()
    path = f"/v1/requests/{filed['id']}/actions"
    seen = {"If-Match": f'"{filed["version"]}"'}
    assert api.contact.post(f"{path}/acknowledge", headers=seen).headers["etag"] == '"2"'
    assert api.pm.post(f"{path}/cancel", json={"reason": "x"}, headers=seen).status_code == 412


def test_a_change_keeps_what_it_leaves_out_and_says_why(api: Api) -> None:
    path = f"/v1/contacts/{api.installation.cast.contact}"
    before = api.admin.get(path).json()
    after = api.admin.patch(path, json={"name": "Corinne Meier", "reason": "Married"}).json()
    assert after == {**before, "name": "Corinne Meier", "version": 2}
    assert api.admin.patch(path, json={"name": "Corinne"}).json()["errors"][0]["field"] == "reason"


def test_records_come_in_pages_without_gaps_or_repeats(any_api: Api) -> None:
    pages = [any_api.admin.get("/v1/people?limit=3").json()]
    for _ in range(2):
        pages.append(any_api.admin.get(f"/v1/people?limit=3&cursor={pages[-1]['next_cursor']}").json())
    seen = [person["email"] for page in pages for person in page["items"]]
    assert len(seen) == len(set(seen)) == 8
    assert pages[-1]["next_cursor"] is None


def test_a_policy_keeps_the_day_of_its_review_until_that_is_taken_back(api: Api) -> None:
    path = f"/v1/policies/{api.admin.get('/v1/policies').json()['items'][0]['id']}"
    assert api.admin.get(path).json()["review_due_on"] is None
    for day in ("2027-01-15", None):
        changed = api.admin.patch(path, json={"review_due_on": day, "reason": "Yearly review"})
        assert (changed.status_code, changed.json()["review_due_on"]) == (200, day)
