"""How many statements each act is, so that none grows dearer unnoticed: the caller, the act, and its answer."""

from typing import Any

from sqlalchemy import event

from slamon.domain.catalogue import STANDARD
from tests.callers import Api
from tests.installation import Installation
from tests.services.requests.test_conversations import FIVE_ITEMS, LOST

Act = tuple[str, str, dict[str, Any]]
PARCEL = {"courier": "World Courier", "tracking_number": "020-1234 5675", "expected_delivery_on": "2026-03-13"}
ARRIVED = {"received_by": "Pharmacy", "condition": "intact"}
INQUIRY: list[Act] = [
    ("contact", "acknowledge", {}),
    ("contact", "ask", {"text": "Which line?"}),
    ("pm", "reply", {"text": "Line 2."}),
    ("pm", "follow_up", {"text": "And week 21?"}),
    ("pm", "correct", {"corrects": 4, "text": "Line 3."}),
    ("contact", "answer", {"text": "Yes"}),
    ("pm", "reject", {"reason": "Too vague"}),
    ("contact", "respond", {"text": "Yes, both."}),
    ("contact", "answer", {"text": "Yes, both weeks."}),
    ("pm", "accept", {}),
    ("pm", "reopen", {"reason": "Closed too early"}),
    ("pm", "amend", {"reason": "Wrong month", "changes": {"due_on": "2026-06-01"}}),
    ("pm", "cancel", {"reason": "Not needed"}),
]
SHIPMENT: list[Act] = [
    ("contact", "confirm_order", {"planned_ship_on": "2026-03-11"}),
    ("pm", "refuse", {"reason": "Too late"}),
    ("contact", "confirm_order", {"planned_ship_on": "2026-03-10"}),
    ("pm", "agree", {}),
    ("contact", "confirm_packed", {"lots_or_kits": "A17", "logger_serials": ["TT-1"]}),
    ("contact", "confirm_dispatch", {**PARCEL, "lines": [{"line": 1, "quantity": "24"}]}),
    ("contact", "confirm_dispatch", PARCEL),
    ("contact", "confirm_delivery", {**ARRIVED, "consignment": 1, "readout": "excursion", "max_c": 11.5}),
    ("quality", "decide", {"disposition": "usable", "reason": "Within the stability budget"}),
    ("contact", "report_lost", {"consignment": 2, "text": "The courier cannot find it"}),
]
DATA: list[Act] = [
    ("contact", "acknowledge", {}),
    ("contact", "wait", {"reason": "The courier has the binder", "until": "2026-03-04T08:00:00Z"}),
    ("contact", "resume", {}),
    ("contact", "hand_on", {"name": "Maria Weber", "email": "maria@cmo.example"}),
    ("lead", "take", {}),
    ("contact", "decline", {"reason": "Not ours"}),
]
USUAL = 22
MOST = {"agree": 23, "hand_on": 37}  # it adds a person, with an entry in the trail


def test_no_act_asks_the_database_more_often_than_it_did(postgres_installation: Installation) -> None:
    api, asked = Api(postgres_installation), list[str]()
    most: dict[str, int] = {}

    def listen(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    for filing, acts in (({}, INQUIRY), (LOST, SHIPMENT), (FIVE_ITEMS, DATA)):
        path = f"/v1/requests/{api.filed(**filing)['id']}/actions"
        seen, callers = '"1"', {who: getattr(api, who) for who, _, _ in acts}
        event.listen(api.installation.runtime.db.engine, "before_cursor_execute", listen)
        for who, action, said in acts:
            asked.clear()
            answer = callers[who].post(f"{path}/{action}", json=said, headers={"If-Match": seen})
            assert answer.status_code == 200, answer.text
            seen = answer.headers["etag"]
            most[action] = max(most.get(action, 0), len(asked))
            api.installation.clock.advance(minutes=5)
        event.remove(api.installation.runtime.db.engine, "before_cursor_execute", listen)
    assert {action: count for action, count in most.items() if count > MOST.get(action, USUAL)} == {}
    assert set(most) == set(STANDARD.actions)
