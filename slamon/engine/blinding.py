"""What a message may say of a request's subject. Anything else about the goods never enters a message."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.config import Settings
from slamon.db.parties import Project
from slamon.db.requests import CmoRequest


def subjects_for_mails(session: Session, request_ids: Collection[UUID], settings: Settings) -> dict[UUID, str]:
    """The subject lines that mails may name, by request; other channels name none.

    Only where the setting `mail_subjects` is on, and never of a request in a blinded project.
    """
    if not settings.mail_subjects or not request_ids:
        return {}
    statement = (
        select(CmoRequest.id, CmoRequest.subject)
        .join(Project, Project.id == CmoRequest.project_id)
        .where(CmoRequest.id.in_(request_ids), Project.blinded.is_(False))
    )
    return dict(session.execute(statement).all())
