"""Requests somebody is still writing: kept as far as they have come, for their author alone.

A draft has no number, no clock and no timeline. It becomes part of the record when it is filed, as the first fact of a
request, or when it is discarded, as an entry of the trail.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from slamon.db.drafts import Draft
from slamon.db.statements import insert_if_new
from slamon.errors import Conflict, Invalid, NotFound
from slamon.services.access.callers import Caller
from slamon.services.access.rights import Deed, allow
from slamon.services.audit.trail import record
from slamon.services.policies.known_names import known_type
from slamon.services.transaction import Tx

MOST = 100  # of one author, so that all fit on a page
LONGEST = 100_000  # characters
_DEEPEST = 20


def save(
    tx: Tx, draft_id: UUID, content: Mapping[str, Any], *, by: Caller, expected_version: int | None = None
) -> Draft:
    """Keep what is written under this id, in place of what was kept there before; nothing of it is judged.

    With an `expected_version` it must be there already. Raises Forbidden, NotFound (also for somebody else's),
    StaleVersion, Invalid for what is too long or no text, and Conflict for more drafts than one author may have.
    """
    allow(by, Deed.KEEP_DRAFTS)
    known_type(tx, content.get("type"))
    _refuse_unkeepable(content)
    new = {
        "id": draft_id,
        "content": content,
        "changed_at": tx.business_now,
        "created_at": tx.business_now,
        "created_by": by.id,
        "version": 1,
    }
    if expected_version is None and insert_if_new(tx.session, Draft, new, ["id"]):
        count = tx.session.scalar(select(func.count()).where(Draft.created_by == by.id))
        if count is not None and count > MOST:
            raise Conflict(f"You have {MOST} drafts already; file or discard one first.")
        return tx.session.get_one(Draft, draft_id)
    draft = find(tx.session, draft_id, by=by, is_locked=True)
    draft.refuse_stale(expected_version)
    if draft.content != content:
        draft.content, draft.changed_at = dict(content), tx.business_now
        draft.version += 1
        tx.session.flush()
    return draft


def find(session: Session, draft_id: UUID, *, by: Caller, is_locked: bool = False) -> Draft:
    """Raises Forbidden, and NotFound for somebody else's too."""
    allow(by, Deed.KEEP_DRAFTS)
    draft = session.get(Draft, draft_id, with_for_update=is_locked or None, populate_existing=is_locked)
    if draft is None or draft.created_by != by.id:
        raise NotFound("draft", draft_id)
    return draft


def drafts_of(session: Session, by: Caller) -> Sequence[Draft]:
    """The caller's own, the last changed first."""
    allow(by, Deed.KEEP_DRAFTS)
    statement = select(Draft).where(Draft.created_by == by.id).order_by(Draft.changed_at.desc(), Draft.id)
    return session.scalars(statement).all()


def take(session: Session, draft_id: UUID, *, by: Caller, expected_version: int | None = None) -> Draft:
    """The draft, no longer stored: for filing what it says in the same transaction. Raises as `find`, StaleVersion."""
    draft = find(session, draft_id, by=by, is_locked=True)
    draft.refuse_stale(expected_version)
    session.delete(draft)
    session.flush()
    return draft


def discard(tx: Tx, draft_id: UUID, *, by: Caller, expected_version: int | None = None) -> Draft:
    """The draft, no longer stored; the trail keeps what it said. Raises as `take`."""
    draft = take(tx.session, draft_id, by=by, expected_version=expected_version)
    record(tx, by=allow(by, Deed.KEEP_DRAFTS), action="discard", entity="draft", entity_id=draft_id, old=draft.content)
    return draft


def _refuse_unkeepable(content: Mapping[str, Any]) -> None:
    _refuse_strange(content)
    if len(json.dumps(content, ensure_ascii=False)) > LONGEST:
        raise Invalid("detail", f"is too long; a draft may have {LONGEST:,} characters")


def _refuse_strange(content: Any, depth: int = 0) -> None:
    """Refuse what no store keeps: NUL, half a surrogate pair, a nesting that nobody means."""
    if depth > _DEEPEST:
        raise Invalid("detail", f"is nested deeper than {_DEEPEST} levels")
    if isinstance(content, Mapping):
        _refuse_strange([*content, *content.values()], depth)
    elif isinstance(content, list):
        for part in content:
            _refuse_strange(part, depth + 1)
    elif isinstance(content, str) and ("\0" in content or not _is_text(content)):
        raise Invalid("detail", "holds something that is no text")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
