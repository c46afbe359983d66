"""Filing a request: first which type for which project, then the form of that type."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from slamon.db.access import IdempotencyKey
from slamon.db.requests import Priority
from slamon.db.statements import insert_ignoring
from slamon.domain.lifecycle import FILERS, RequestType
from slamon.domain.timeline import Via
from slamon.errors import Conflict, Forbidden, Invalid
from slamon.services.requests import Filing, log_request
from slamon.web import choices
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Posting, Submitted, Typed, Visit, Visiting
from slamon.web.staff import staff_page

router = APIRouter(include_in_schema=False)
