"""A contact's link opens one request for one person, until it expires or is revoked."""

import pytest

from slamon.errors import LinkGone
from slamon.services.access import form_links
from tests.installation import CONTACT, Installation


def opened(installation: Installation, token: str) -> str:
    with installation.runtime.read() as tx:
        found = form_links.open_link(tx, token)
        return f"{found.request.number} {found.person.email}"


def issued(installation: Installation, *, days: int = 30) -> str:
    request = installation.file()
    with installation.runtime.write() as tx:
        return form_links.issue_link(tx, request.id, installation.cast.contact, days=days)


def test_a_link_opens_its_request_for_its_contact(installation: Installation) -> None:
    assert opened(installation, issued(installation)) == f"INQ-2026-000001 {CONTACT}"


def test_an_unknown_link_opens_nothing(installation: Installation) -> None:
    with pytest.raises(LinkGone):
        opened(installation, "x" * 43)


def test_a_link_ends_after_its_days(installation: Installation) -> None:
    token = issued(installation, days=2)
    installation.clock.advance(hours=47)
    assert opened(installation, token)
    installation.clock.advance(hours=2)
    with pytest.raises(LinkGone):
        opened(installation, token)


def test_a_revoked_link_opens_nothing_and_a_fresh_one_does(installation: Installation) -> None:
    token = issued(installation)
    pm, contact = installation.caller(installation.cast.pm), installation.cast.contact
    with installation.runtime.write() as tx:
        request_id = form_links.open_link(tx, token).request.id
        assert form_links.revoke_links(tx, request_id, contact, by=pm, reason="Forwarded") == 1
        fresh = form_links.issue_link(tx, request_id, contact, days=30)
    with pytest.raises(LinkGone):
        opened(installation, token)
    assert opened(installation, fresh)
