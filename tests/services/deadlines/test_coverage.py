"""Whether everybody was told: steps that were passed are compared with the messages there are."""

from slamon.services.deadlines.coverage import messages_said, passed_steps, silent_steps
from tests.installation import Installation


def test_a_step_is_silent_only_where_its_message_is_gone(installation: Installation) -> None:
    request = installation.file()
    installation.clock.advance(hours=49)
    installation.work()
    with installation.runtime.read() as tx:
        rows = passed_steps(tx.session, [request.id])[request.id]
        said = messages_said(tx.session, [request.id])[request.id]
        running = {row.clock_id for row in rows}
    assert rows
    assert list(silent_steps(running, rows, said)) == []
    assert {row.step for row in silent_steps(running, rows, ())} == {row.step for row in rows if row.notified}
