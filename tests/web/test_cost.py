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

    event.listen(site.world.runtime.db.engine, "before_cursor_execute", listen)
    yield read
    event.remove(site.world.runtime.db.engine, "before_cursor_execute", listen)


def test_a_page_of_a_request_reads_its_timeline_once(site: Site) -> None:
    asked = site.world.file()
    staff, link = site.staff(site.world.cast.pm), site.link(asked.id)
    for get in (
        lambda: staff.get(f"/requests/{asked.id}"),
        lambda: staff.get(f"/requests/{asked.id}/record/answer"),
        lambda: site.visitor.get(link),
    ):
        with readings_of_facts(site) as read:
            page = get()
        assert (page.status_code, len(read)) == (200, 1)


def test_a_form_sent_reads_the_timeline_once_to_be_understood_and_once_under_lock(site: Site) -> None:
    asked = site.world.file()
    link = site.link(asked.id)
    with readings_of_facts(site) as read:
        assert site.visitor.post(f"{link}/answer", data={"text": "Yes", "seen": "1"}).status_code == 303
    assert len(read) == 2
