"""Dead letters sent again or set aside, and everything stopped and let go, through HTTP."""

from slamon.errors import DeliveryError
from tests.callers import Api
from tests.installation import CONTACT


def test_a_dead_letter_can_be_sent_again_or_set_aside(api: Api) -> None:
    installation = api.installation
    installation.email.failures.extend(DeliveryError("550 no such user", permanent=True) for _ in range(2))
    api.filed()
    api.filed()
    installation.work()
    first, second = api.pm.get("/v1/messages").json()["items"]
    assert first["address"] == CONTACT
    assert api.pm.post(f"/v1/messages/{first['id']}/resend").json()["state"] == "queued"
    aside = api.pm.post(f"/v1/messages/{second['id']}/dismiss", json={"reason": "Reached by phone"})
    assert aside.json()["state"] == "suppressed"
    again = api.pm.post(f"/v1/messages/{second['id']}/resend")
    assert again.status_code == 409
    installation.work()
    assert api.pm.get("/v1/messages").json()["items"] == []


def test_everything_outgoing_can_be_stopped_and_let_go(api: Api) -> None:
    installation = api.installation
    assert api.admin.post("/v1/outgoing", json={"stopped": True, "reason": "Restore"}).json()["stopped"]
    api.filed()
    installation.work()
    assert installation.email.sent == []
    assert api.pm.get("/v1/outgoing").json()["counts"]["queued"] == 1
    api.admin.post("/v1/outgoing", json={"stopped": False, "reason": "Done"})
    installation.work()
    assert installation.email.sent_to(CONTACT)
