"""The application over a small installation, and callers with keys: `api.pm.post("/v1/requests", json=...)`."""

from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from slamon.app import create_app
from slamon.domain.scopes import Scope
from tests.installation import Installation


class Api:
    """HTTP callers by their part in the cast: `api.admin`, `api.pm`, `api.contact`, ... and `api.nobody`."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.app = create_app(installation.runtime, with_workers=False)
        self.nobody = TestClient(self.app)
        self._callers: dict[str, TestClient] = {}

    def __getattr__(self, part: str) -> TestClient:
        if part not in self._callers:
            self._callers[part] = self.with_key(self.installation.key(getattr(self.installation.cast, part)))
        return self._callers[part]

    def caller(self, person_id: UUID, *scopes: Scope) -> TestClient:
        return self.with_key(self.installation.key(person_id, *scopes))

    def with_key(self, secret: str) -> TestClient:
        return TestClient(self.app, headers={"Authorization": f"Bearer {secret}"})

    def inquiry(self, **more: Any) -> dict[str, Any]:
        """The body of an inquiry that can be filed."""
        cast = self.installation.cast
        return {
            "type": "inquiry",
            "project_id": str(cast.project),
            "site_id": str(cast.site),
            "subject": "Capacity in May",
            "detail": {"category": "schedule_capacity", "questions": ["Is week 20 free?"]},
            **more,
        }

    def filed(self, **more: Any) -> dict[str, Any]:
        """A request filed by the PM, as answered."""
        answer = self.pm.post("/v1/requests", json=self.inquiry(**more))
        assert answer.status_code == 201, answer.text
        filed: dict[str, Any] = answer.json()
        return filed


def refused(answer: Any) -> dict[str, str]:
    """The fields of a 422, with what was said of each."""
    assert answer.status_code == 422, answer.text
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


@pytest.fixture
def api(installation: Installation) -> Api:
    return Api(installation)


@pytest.fixture
def any_api(any_installation: Installation) -> Api:
    """The API once over SQLite and once over PostgreSQL."""
    return Api(any_installation)
