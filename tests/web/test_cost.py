"""What a page asks of the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from tests.pages import Site


@contextmanager
def readings_of_facts(site: Site) -> Iterator[list[str]]:
    """The statements that read a timeline while the block runs."""
    read: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM fact" in statement:
            read.append(statement)

    event.listen(site.installation.runtime.db.engine, "before_cursor_execute", listen)
    yield read
    event.remove(site.installation.runtime.db.engine, "before_cursor_execute", listen)


def test_a_page_of_a_request_reads_its_timeline_once(site: Site) -> None:
    asked = site.installation.file()
    staff, link = site.staff(site.installation.cast.pm), site.link(asked.id)
    for get in (
        lambda: staff.get(f"/requests/{asked.id}"),
        lambda: staff.get(f"/requests/{asked.id}/record/answer"),
        lambda: site.visitor.get(link),
    ):
        with readings_of_facts(site) as read:
            page = get()
        assert (page.status_code, len(read)) == (200, 1)


def test_a_form_sent_reads_the_timeline_once(site: Site) -> None:
    asked = site.installation.file()
    link, staff, path = site.link(asked.id), site.staff(site.installation.cast.pm), f"/requests/{asked.id}"
    with readings_of_facts(site) as read:
        assert site.visitor.post(f"{link}/ask", data={"text": "Which?", "seen": "1"}).status_code == 303
    assert len(read) == 1
    for address, fields in (
        (f"{path}/reply", {"text": "This one", "version": "2"}),
        (f"{path}/record/answer", {"text": "Yes", "version": "3", "via": "phone_recorded", "evidence": "A call",
                                   "on_behalf_of": str(asked.contact_id), "occurred_at": "2026-03-02T09:00"}),
    ):  # fmt: skip
        with readings_of_facts(site) as read:
            assert staff.post(address, **fields).status_code == 303
        assert len(read) == 1, address
