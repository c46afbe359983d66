"""What each act over the API asks of the database, counted: a statement more must be worth it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from slamon.domain.catalogue import STANDARD
from tests.callers import Api
from tests.services.requests.test_conversations import LOST, Told
from tests.services.requests.test_validation import ARRIVED, ORDERED, PACKED, PARCEL, WAIT

Step = tuple[str, str, dict[str, Any]]  # who, what, saying what
SEEN: Step = ("contact", "acknowledge", {})
ASKED: Step = ("contact", "ask", {"text": "Which line?"})
ANSWERED: Step = ("contact", "answer", {"text": "Yes"})
CONFIRMED: Step = ("contact", *ORDERED)
LATER: Step = ("contact", "confirm_order", {"planned_ship_on": "2026-03-12"})
SENT: Step = ("contact", "confirm_dispatch", PARCEL)
GONE: Step = ("contact", "report_lost", {"text": "The courier cannot find it"})
WAITING: Step = ("contact", "wait", WAIT)
WHY = {"reason": "It is not needed any more"}

# The statements of the last step, each after those before it.
COSTS: list[tuple[int, dict[str, Any], list[Step]]] = [
    (18, {}, [SEEN]),
    (21, {}, [ASKED]),
    (20, {}, [ASKED, ("pm", "reply", {"text": "Line 3"})]),
    (20, {}, [ANSWERED]),
    (16, {}, [SEEN, ("contact", "respond", {"text": "Soon"})]),
    (20, {}, [("contact", "decline", WHY)]),
    (18, {}, [SEEN, WAITING]),
    (18, {}, [SEEN, WAITING, ("contact", "resume", {})]),
    (17, {}, [("pm", "follow_up", {"text": "Any news?"})]),
    (17, {}, [ANSWERED, ("pm", "accept", {})]),
    (18, {}, [ANSWERED, ("pm", "reject", WHY)]),
    (18, {}, [ANSWERED, ("pm", "accept", {}), ("pm", "reopen", WHY)]),
    (17, {}, [("pm", "amend", {**WHY, "changes": {"due_on": "2026-04-01"}})]),
    (16, {}, [ASKED, ("contact", "correct", {"corrects": 2, "text": "Which room?"})]),
    (35, {}, [("contact", "hand_on", {"name": "Maria", "email": "maria@cmo.example"})]),
    (19, {}, [("pm", "cancel", WHY)]),
    (18, {}, [("lead", "take", {})]),
    (21, LOST, [CONFIRMED]),
    (21, LOST, [LATER, ("pm", "agree", {})]),
    (20, LOST, [LATER, ("pm", "refuse", WHY)]),
    (16, LOST, [CONFIRMED, ("contact", *PACKED)]),
    (20, LOST, [CONFIRMED, SENT]),
    (20, LOST, [CONFIRMED, SENT, ("contact", "confirm_delivery", ARRIVED)]),
    (20, LOST, [CONFIRMED, SENT, GONE]),
    (19, LOST, [CONFIRMED, SENT, GONE, ("quality", "decide", {**WHY, "disposition": "not_usable"})]),
]


@contextmanager
def statements(api: Api) -> Iterator[list[str]]:
    """The statements sent while the block runs."""
    said: list[str] = []

    def listen(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):  # which SQLite is told in words
            said.append(" ".join(statement.split())[:100])

    event.listen(api.installation.runtime.db.engine, "before_cursor_execute", listen)
    yield said
    event.remove(api.installation.runtime.db.engine, "before_cursor_execute", listen)


@pytest.mark.parametrize(("cost", "filing", "steps"), COSTS, ids=[steps[-1][1] for _, _, steps in COSTS])
def test_an_act_costs_so_many_statements(api: Api, cost: int, filing: dict[str, Any], steps: list[Step]) -> None:
    story = Told(api, **filing) if filing else Told(api, **api.inquiry())
    *before, (who, action, said) = steps
    for by, step, content in before:
        api.installation.clock.advance(minutes=10)
        story(getattr(api, by), step, **content)
    caller, version = getattr(api, who), story.version()
    api.installation.clock.advance(minutes=10)
    with statements(api) as asked:
        answer = caller.post(f"{story.path}/actions/{action}", json=said, headers={"If-Match": version})
    assert answer.status_code == 200, answer.text
    assert len(asked) == cost, "\n".join(asked)


def test_every_action_is_counted() -> None:
    assert {steps[-1][1] for _, _, steps in COSTS} == set(STANDARD.actions)
