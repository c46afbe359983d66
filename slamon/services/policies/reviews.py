"""Tells the owner of a policy line that its review is due."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.db.parties import Organization, Person, Project, Site
from slamon.db.policies import Policy, not_ended
from slamon.services.outbox.addresses import to_account
from slamon.services.outbox.outbox import administrators, outbox_row, queue
from slamon.services.transaction import Tx
from slamon.wording.message import MessageKind


def queue_due_reviews(tx: Tx, *, today: date) -> None:
    """Queue one mail for each line in force whose review date has come, to its owner, else to the administrators.

    `today` is the sponsor's civil day. Doing it again queues nothing: a message is one for a line, date and reader, for
    as long as messages about no request are kept; a review that is still due then is told again.
    """
    due = select(Policy).where(Policy.review_due_on <= today, Policy.former_of.is_(None), not_ended(tx.business_now))
    for line in tx.session.scalars(due.order_by(Policy.id)).all():
        detail = f"{_scope(tx.session, line)} Its review date is {line.review_due_on}, its id {line.id}."
        queue(
            tx.session,
            [
                outbox_row(
                    tx, f"review/{line.id}/{line.review_due_on}/{reader.id}", MessageKind.REVIEW_DUE,
                    *to_account(tx, reader), person_id=reader.id, detail=detail)
                for reader in _readers(tx.session, line)
            ],
        )  # fmt: skip


def _readers(session: Session, line: Policy) -> Sequence[Person]:
    keepers = [person for _, person in administrators(session)]
    return [person for person in keepers if person.id == line.owner_id] or keepers


def _scope(session: Session, line: Policy) -> str:
    """What the line covers; its name is free text, which stays out of messages."""
    site = session.get(Site, line.site_id) if line.site_id else None
    cmo = session.get(Organization, line.cmo_id) if line.cmo_id else None
    project = session.get(Project, line.project_id) if line.project_id else None
    named = {
        "type": line.type,
        "kind": line.kind and line.kind.replace("_", " "),
        "priority": line.priority,
        "CMO": cmo and cmo.name,
        "site": site and site.name,
        "project": project and ("one that is restricted" if project.restricted else project.code),
    }
    parts = ", ".join(f"{label} {value}" for label, value in named.items() if value)
    return f"It covers {parts or 'every request'}."
