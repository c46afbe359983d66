"""What would move if other terms were applied, before anything is."""

from uuid import UUID

from slamon.db.jobs import JobKind
from slamon.services.deadlines import previews
from tests.callers import Api
from tests.installation import Installation

TIGHTER = {"answer": {"target": "PT2H", "limit": "PT4H"}}


def test_a_preview_tells_what_would_move_and_moves_nothing(installation: Installation) -> None:
    request = installation.file()
    api = Api(installation)
    line = {"name": "Tighter", "site_id": str(installation.cast.site), "clocks": TIGHTER, "ladder": []}
    policy = UUID(api.admin.post("/v1/policies", json=line).json()["id"])
    lead = installation.caller(installation.cast.lead)

    def limits() -> list[str]:
        clocks = api.lead.get(f"/v1/requests/{request.id}").json()["clocks"]
        return [clock["limit_at"] for clock in clocks if clock["kind"] == "answer"]

    before = limits()
    with installation.runtime.read() as tx:
        assert previews.count_in_scope(tx, JobKind.PREVIEW_POLICY, policy, by=lead) == 1
        found = previews.preview(tx, JobKind.PREVIEW_POLICY, policy, by=lead)
    assert {moved.number for moved in found.moved} == {request.number}
    assert limits() == before
