"""A contact hands a request on to a colleague, who gets a link of their own; nobody learns who else there is."""

from tests.callers import Api
from tests.installation import OTHER_CONTACT
from tests.services.requests.test_conversations import LOST, Told


def test_a_colleague_takes_over_by_link(api: Api) -> None:
    story = Told(api, **LOST)
    handed = story(api.contact, "hand_on", name="Maria Weber", email="maria@cmo.example")
    api.installation.work()
    [mail] = api.installation.email.sent_to("maria@cmo.example")
    assert "/r/" in (mail.link or "")
    assert handed["contact_id"] != str(api.installation.cast.contact)
    assert story.is_sound()


def test_handing_on_tells_nobody_who_else_the_sponsor_works_with(api: Api) -> None:
    path = f"/v1/requests/{api.filed(**LOST)['id']}/actions/hand_on"
    known, unknown = (
        api.contact.post(path, json={"name": "Maria", "email": email}).json()["errors"]
        for email in (OTHER_CONTACT, f"nobody{OTHER_CONTACT[OTHER_CONTACT.index('@') :]}")
    )
    assert known == unknown
