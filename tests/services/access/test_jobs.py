"""Long questions through HTTP: worked out in the background, for whoever asked, whatever dies meanwhile."""

from itertools import chain
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from slamon.db import claims
from slamon.db.jobs import Job, JobKind, JobLine
from slamon.db.parties import Project
from slamon.domain.lifecycle import Action
from slamon.engine import jobs as engine
from slamon.engine import retention
from slamon.services.access import jobs
from slamon.services.access.jobs import Step
from slamon.services.deadlines import previews
from slamon.services.reports import what_if
from tests.callers import Api
from tests.services.deadlines.test_policy_changes import tighter_line

QUESTION = {
    "policy": {"name": "Draft", "clocks": {"answer": {"target": "PT1H", "limit": "PT2H"}}, "ladder": []},
    "filed_from": "2026-03-01T00:00:00Z",
    "filed_to": "2026-04-01T00:00:00Z",
}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests are many: a step looks at two, a page at three, and each turn is one step."""
    monkeypatch.setattr(previews, "A_STEP", 2)
    monkeypatch.setattr(previews, "AT_ONCE", 3)
    monkeypatch.setattr(what_if, "A_STEP", 2)
    monkeypatch.setattr(what_if, "AT_ONCE", 2)
    monkeypatch.setattr(engine, "TURN_SECONDS", 0)


def file(api: Api, count: int) -> list[dict[str, Any]]:
    return [api.filed() for _ in range(count)]


def asked(api: Api, policy: str, who: str = "pm") -> dict[str, Any]:
    answer = getattr(api, who).post(f"/v1/policies/{policy}/preview")
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    return job


def seen(api: Api, job: dict[str, Any], who: str = "pm") -> dict[str, Any]:
    answer = getattr(api, who).get(f"/v1/jobs/{job['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def paged(api: Api, path: str, items: str) -> list[list[dict[str, Any]]]:
    """All pages of a list."""
    pages, cursor = [], None
    while True:
        page = api.pm.get(path, params={"cursor": cursor} if cursor else {}).json()
        pages.append(page[items])
        cursor = page["next_cursor"]
        if cursor is None:
            return pages


def worked_off(api: Api, job: dict[str, Any]) -> dict[str, Any]:
    for _ in range(5):
        api.installation.work()
    return seen(api, job)


def test_a_preview_comes_in_pages_and_all_of_it_in_the_background_with_the_same_content(api: Api) -> None:
    file(api, 7)
    policy = tighter_line(api)
    pages = paged(api, f"/v1/policies/{policy}/preview", "moved")
    assert [len(page) for page in pages] == [6, 6, 2]  # two clocks each
    assert api.pm.get(f"/v1/policies/{policy}/preview").json()["in_scope"] == 7

    job = asked(api, policy)
    assert (job["state"], job["done"], job["total"]) == ("waiting", 0, None)
    api.installation.work()
    half = seen(api, job)
    assert (half["state"], half["done"], half["total"], half["preview"]["moved"]) == ("running", 6, 7, 12)
    done = worked_off(api, job)
    assert (done["state"], done["done"]) == ("done", 7)
    assert done["preview"] == {"looked_at": 7, "moved": 14, "breaches_at_once": 0}
    listed = paged(api, f"/v1/jobs/{job['id']}/moved?limit=5", "items")
    assert list(chain(*listed)) == list(chain(*pages))


def test_a_long_what_if_answers_with_a_job_that_finds_what_the_short_one_says(
    any_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = file(any_api, 5)
    any_api.installation.act(UUID(requests[0]["id"]), Action.ANSWER, by=any_api.installation.cast.contact, text="Yes")
    any_api.installation.clock.advance(hours=30)
    asked = any_api.lead.post("/v1/policies/what-if", json=QUESTION)
    assert asked.status_code == 202
    for _ in range(3):
        any_api.installation.work()
    done = seen(any_api, asked.json(), "lead")
    assert (done["kind"], done["state"], done["total"]) == ("what_if", "done", 5)
    monkeypatch.setattr(what_if, "AT_ONCE", 200)
    at_once = any_api.lead.post("/v1/policies/what-if", json=QUESTION)
    assert (at_once.status_code, at_once.json()) == (200, done["what_if"])
    assert at_once.json()["cmos"][0]["appeared"] > 0


def test_a_job_is_there_for_whoever_asked_and_for_nobody_else(api: Api) -> None:
    file(api, 1)
    job = asked(api, tighter_line(api))
    for path in (f"/v1/jobs/{job['id']}", f"/v1/jobs/{job['id']}/moved"):
        assert [getattr(api, who).get(path).status_code for who in ("pm", "head", "contact")] == [200, 404, 403]
    assert [each["id"] for each in api.pm.get("/v1/jobs").json()["items"]] == [job["id"]]
    assert api.head.get("/v1/jobs").json()["items"] == []


def test_each_step_reads_what_its_caller_may_read_by_then(api: Api) -> None:
    file(api, 3)
    policy = tighter_line(api)
    theirs, before = asked(api, policy, "steering"), asked(api, policy, "admin")
    for _ in range(2):
        api.installation.work()
    assert seen(api, before, "admin")["preview"]["moved"] == 6
    later = asked(api, policy, "steering")
    assert later["id"] != theirs["id"]
    with api.installation.runtime.db.write() as session:
        session.get_one(Project, api.installation.cast.project).restricted = True
    for _ in range(2):
        api.installation.work()
    assert seen(api, later, "steering")["preview"]["moved"] == 0
    assert api.admin.get(f"/v1/jobs/{before['id']}/moved").json()["items"] == []  # what was found is hidden as well


def test_of_somebody_disabled_since_nothing_is_worked_out(api: Api) -> None:
    file(api, 3)
    job = asked(api, tighter_line(api), "steering")
    gone = {"status": "disabled", "reason": "Left"}
    assert api.admin.patch(f"/v1/people/{api.installation.cast.steering}", json=gone).status_code == 200
    api.installation.work()
    with api.installation.runtime.db.read() as session:
        found = session.get_one(Job, UUID(job["id"]))
        assert (found.state, found.line_count) == ("failed", 0)


def test_what_somebody_took_up_and_left_is_taken_up_again_when_its_lease_ends(any_api: Api) -> None:
    api, runtime = any_api, any_api.installation.runtime
    file(api, 3)
    job, now = asked(api, tighter_line(api)), api.installation.clock.real_now()
    again_at = now.replace(second=8)
    with runtime.db.write() as session:
        assert claims.lease_job(session, real_now=now, again_at=again_at) == UUID(job["id"])
    api.installation.work()
    assert seen(api, job)["done"] == 0
    api.installation.clock.advance(seconds=8)
    assert worked_off(api, job)["state"] == "done"


def test_a_step_that_two_have_made_is_stored_once(any_api: Api) -> None:
    api, runtime = any_api, any_api.installation.runtime
    file(api, 3)
    job, now = asked(api, tighter_line(api)), api.installation.clock.real_now()
    with runtime.db.read() as session:
        row = session.get_one(Job, UUID(job["id"]))
    step = Step({"looked_at": 1, "moved": 1, "breaches_at_once": 0}, 1, is_last=False, lines=["a line"])
    stored = []
    for _ in range(2):
        with runtime.write() as tx:
            stored.append(jobs.store(tx, row, step, total=3, again_at=now))
    with runtime.db.read() as session:
        assert (stored, session.scalar(select(func.count()).select_from(JobLine))) == ([True, False], 1)


def test_jobs_of_several_callers_take_turns(api: Api) -> None:
    file(api, 8)
    policy = tighter_line(api)
    first, second = asked(api, policy), asked(api, policy, "head")
    api.installation.clock.advance(seconds=1)
    api.installation.work()
    done = [seen(api, first)["done"], seen(api, second, "head")["done"]]
    assert sorted(done) == [2, 4]


def test_a_job_that_cannot_be_worked_out_is_given_up_and_says_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Step:
        raise RuntimeError("a defect")

    monkeypatch.setitem(engine.WORK, JobKind.PREVIEW_POLICY, engine.Work(previews.count, broken))  # type: ignore[arg-type]
    file(api, 1)
    job = asked(api, tighter_line(api))
    for _ in range(6):
        api.installation.work()
        api.installation.clock.advance(seconds=9)
    found = seen(api, job)
    assert (found["state"], found["failure"]) == (
        "failed", "This could not be worked out; the log of slamon says why.",
    )  # fmt: skip


def test_the_same_question_gets_the_job_under_way_and_too_many_are_refused(any_api: Api) -> None:
    policies = [tighter_line(any_api)]
    line = any_api.pm.get("/v1/policies?limit=1").json()["items"][0]["id"]
    first = asked(any_api, policies[0])
    assert asked(any_api, policies[0]) == first
    paths = [
        f"/v1/policies/{line}/preview",
        f"/v1/calendars/{any_api.installation.cast.calendar}/preview",
    ]
    assert [any_api.pm.post(path).status_code for path in paths] == [202, 202]
    file(any_api, 3)
    periods = [{**QUESTION, "filed_to": f"2026-04-0{day}T00:00:00Z"} for day in (1, 2, 3)]
    answers = [any_api.pm.post("/v1/policies/what-if", json=period).status_code for period in periods]
    assert answers == [202, 202, 409]
    assert any_api.pm.post("/v1/policies/what-if", json=periods[0]).status_code == 202  # under way
    assert any_api.head.post(paths[0]).status_code == 202  # of others


def test_an_answer_is_kept_a_day_and_then_removed_with_its_lines(any_api: Api) -> None:
    file(any_api, 1)
    job = asked(any_api, tighter_line(any_api))
    assert worked_off(any_api, job)["state"] == "done"

    def sweep() -> int:
        with any_api.installation.runtime.db.write() as session:
            return retention.sweep(session, real_now=any_api.installation.clock.real_now())

    any_api.installation.clock.advance(hours=23)
    assert sweep() == 0
    any_api.installation.clock.advance(hours=2)
    assert sweep() == 3
    assert any_api.pm.get(f"/v1/jobs/{job['id']}").status_code == 404


def test_a_cursor_of_another_list_and_a_job_without_deadlines_are_refused(api: Api) -> None:
    policy = tighter_line(api)
    assert api.pm.get(f"/v1/policies/{policy}/preview?cursor=nonsense").status_code == 422
    file(api, 3)
    job = api.pm.post("/v1/policies/what-if", json=QUESTION).json()
    assert api.pm.get(f"/v1/jobs/{job['id']}/moved").status_code == 422
    assert api.pm.get(f"/v1/jobs/{job['id']}/moved?cursor=-1").status_code == 422
