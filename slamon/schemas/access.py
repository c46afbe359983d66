"""API keys and invitations, as the API takes and gives them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from slamon.domain.scopes import Scope
from slamon.schemas.fields import Answer, Body, Line80, StaffRole, shown


class ServiceRole(StrEnum):
    """What a service account may be. Administrators are people."""

    PROJECT_MANAGER = "project_manager"
    LEAD = "lead"
    HEAD = "head"
    QUALITY = "quality"
    STEERING = "steering"
    AUDITOR = "auditor"


class NewKey(Body):
    """A key of the caller's own, or of a service account with a name and roles of its own."""

    model_config = shown(service_name="IRT bridge", service_roles=["project_manager"], scopes=["read", "file"])

    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)]
    person_id: UUID | None = Field(None, description="The caller's own person; keys of others are refused.")
    service_name: Line80 | None = None
    service_roles: list[ServiceRole] = Field([], max_length=6)

    @model_validator(mode="after")
    def _one_owner(self) -> Self:
        if (self.person_id is None) == (self.service_name is None):
            raise ValueError("name either a person_id or a service_name")
        if (self.service_name is None) != (not self.service_roles):
            raise ValueError("a service_name needs service_roles, and a person_id has none")
        return self


class Key(Answer):
    id: UUID
    prefix: str = Field(description="How the secret begins.")
    scopes: list[Scope]
    person_id: UUID | None
    service_name: str | None
    service_roles: list[StaffRole]
    created_at: datetime
    revoked_at: datetime | None


class KeyWithSecret(Key):
    secret: str = Field(description="Shown this once.")


class KeyPage(Answer):
    items: list[Key]
    next_cursor: str | None


class Invitation(Answer):
    """Where the link went; or, where no mail server is set, the link itself."""

    sent_to: str | None = Field(None, description="The person's own address.", examples=["new@sponsor.example"])
    link: str | None = Field(None, description="Shown this once, for an account that was never used. Hand it over.")
