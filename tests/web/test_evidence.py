"""What the pages and the API say of a message: the channel or address it went to, and for whom it was."""

import pytest

from slamon.db.parties import Person
from slamon.errors import DeliveryError
from slamon.wording.message import MessageKind
from tests.callers import Api
from tests.installation import CMO_CHANNEL, CONTACT, LEAD, Installation, open_installation
from tests.pages import Site, text_of


def breach(installation: Installation) -> str:
    """A breach, told; the path of its request's page."""
    request = installation.file()
    installation.clock.advance(hours=49)
    installation.work()
    return f"/requests/{request.id}"


def story(site: Site, path: str) -> str:
    page = text_of(site.staff(site.installation.cast.pm).get(path))
    return page[page.index("Petra Manager filed the request") :]


def test_a_post_in_a_shared_channel_is_no_message_to_a_person(site: Site) -> None:
    told = story(site, breach(site.installation))
    assert f"Slack channel {CMO_CHANNEL} (for Leo Lead, lead): limit passed" in told
    assert "Slack to" not in told
    assert "Slack message to" not in told


def test_a_direct_message_and_a_mail_name_the_person_and_the_address_used(site: Site) -> None:
    site.installation.address(Person, site.installation.cast.pm, "slack", "U0PETRA")
    request = site.installation.file()
    site.installation.clock.advance(hours=25)
    site.installation.work()
    path = f"/requests/{request.id}"
    assert "Slack message to Petra Manager: target passed" in story(site, path)
    site.installation.clock.advance(hours=24)
    site.installation.work()
    told = story(site, path)
    assert "E-mail to Leo Lead: limit passed" in told
    assert LEAD in told
    assert CONTACT in told


def test_whoever_stands_in_is_named_with_whom_they_stand_in_for(site: Site) -> None:
    with site.installation.runtime.db.write() as session:
        session.get_one(Person, site.installation.cast.lead).status = "disabled"
    told = story(site, breach(site.installation))
    assert f"Slack channel {CMO_CHANNEL} (for Hedda Head, head)" in told
    assert "in place of Leo Lead, lead, who could not be told" in told


def test_a_redirected_message_says_where_it_really_went(tmp_path) -> None:
    url = f"sqlite:///{tmp_path}/installation.db"
    with open_installation(url, redirect_all_to="staging@sponsor.example") as installation:
        told = story(Site(installation), breach(installation))
    assert "E-mail to staging@sponsor.example, redirected (for Leo Lead): limit passed" in told
    assert f"{CMO_CHANNEL}" in told
    assert "Slack channel" not in told


def test_what_mail_carries_because_slack_refused_it_shows_both_ways(site: Site) -> None:
    request = site.installation.file()
    site.installation.clock.advance(hours=49)
    site.installation.slack.failures.append(DeliveryError("is_archived", permanent=True, route_down=True))
    site.installation.work()
    told = story(site, f"/requests/{request.id}")
    assert f"Slack channel {CMO_CHANNEL} (for Leo Lead, lead): limit passed" in told
    assert [m.address for m in site.installation.email.sent if m.kind is MessageKind.LIMIT and m.address == LEAD] == [
        LEAD
    ]


@pytest.mark.parametrize("page", ["status", "api"])
def test_a_dead_letter_names_channel_and_reader(site: Site, page: str) -> None:
    installation = site.installation
    installation.file()
    installation.clock.advance(hours=49)
    installation.slack.failures.append(DeliveryError("is_archived", permanent=True, route_down=True))
    installation.work()
    if page == "status":
        told = text_of(site.staff(installation.cast.pm).get("/status"))
        assert f"Limit passed in Slack channel {CMO_CHANNEL} (for Leo Lead, lead)" in told
        return
    [letter] = Api(installation).pm.get("/v1/messages").json()["items"]
    said = {name: letter[name] for name in ("channel", "address", "recipient", "told_as", "instead_of")}
    assert said == {
        "channel": "slack", "address": CMO_CHANNEL, "recipient": "Leo Lead", "told_as": "lead", "instead_of": None
    }  # fmt: skip
