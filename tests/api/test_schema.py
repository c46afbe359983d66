"""The whole document against the application: schemathesis makes calls from it, good and bad ones, and checks answers.

Ids in generated calls are swapped for real ones where an id was meant, so that calls reach the rules and the tables.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection

from slamon.api import openapi_document
from slamon.app import create_app
from slamon.config import Settings
from slamon.db.database import Database
from slamon.db.parties import Person
from slamon.domain.scopes import ALL_SCOPES
from slamon.domain.timeline import SYSTEM, Role
from slamon.files.disk import DiskStore
from slamon.runtime import Runtime
from slamon.services.access import callers
from tests.callers import Api
from tests.installation import Installation, ManualClock, open_installation

# What a document cannot say: who may, that an id must exist, that a record has changed, what contradicts what.
RULES_SAY_NO = [403, 404, 409, 412, 422]
STAFF = [role for role in Role if role not in (Role.CMO_CONTACT, Role.CMO_LEAD, Role.SYSTEM)]
# 412: If-Match is a header like any other to a generator.
REFUSED = [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 429]
CONFIG = SchemathesisConfig.from_dict(
    {
        "analysis": {"constants": {"enabled": False}},  # reading all our sources for constants costs 20 seconds
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ["2xx", *RULES_SAY_NO]},
            "negative_data_rejection": {"expected-statuses": REFUSED},
        },
    }
)


def document() -> dict[str, Any]:
    """The document of an application that has no database yet."""
    with TemporaryDirectory() as folder:
        given_settings = Settings(_env_file=None, database_url=f"sqlite:///{folder}/empty.db")
        database, files = Database(given_settings.database_url), DiskStore(given_settings.files_folder)
        runtime = Runtime(given_settings, ManualClock(), database, channels={}, files=files)
        plain: dict[str, Any] = json.loads(json.dumps(openapi_document(create_app(runtime, with_workers=False))))
        return plain


DOCUMENT = document()
OPERATIONS = [f"{method} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods]
EVERY = pytest.mark.parametrize("operation", OPERATIONS)
# The addresses of actions are made by one function: these three, with the richest bodies, stand for all.
ACTIONS = ("answer", "confirm_delivery", "amend")
FEW = pytest.mark.parametrize("operation", [o for o in OPERATIONS if "/actions/" not in o or o.endswith(ACTIONS)])
UNLIMITED = {"api_calls_per_minute": 10**9}
BODY_AND_PATH = [ParameterLocation.BODY, ParameterLocation.PATH]
CLOCKS = {"answer": {"target": "PT24H", "limit": "PT48H"}}
MEANT = {
    "cmo_id": "cmo", "site_id": "site", "project_id": "project", "calendar_id": "calendar", "contact_id": "contact",
    "pm_id": "pm", "lead_id": "lead", "person_id": "pm", "on_behalf_of": "contact",
    # Records that are changed by their path are not those that requests are filed with.
    "cmos": "other_cmo", "sites": "second_site", "contacts": "other_contact", "people": "other_pm",
    "projects": "other_project", "calendars": "calendar",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """The application, a key that may do all the sponsor may, and ids that exist: found before anything is changed."""

    app: Any
    key: str
    ids: dict[str, str]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with open_installation(
        f"sqlite:///{tmp_path_factory.mktemp('schema')}/installation.db", **UNLIMITED
    ) as installation:
        yield aim(installation)


@pytest.fixture(scope="module")
def postgres_target(postgres_url: str) -> Iterator[Target]:
    with open_installation(postgres_url, **UNLIMITED) as installation:
        yield aim(installation)


def aim(installation: Installation) -> Target:
    api, cast, now = Api(installation), installation.cast, installation.clock.real_now()
    with installation.runtime.write() as tx:
        # Nobody may hold all roles, and services keep no records; a row made by hand reaches the most.
        who = Person(
            organization_id=cast.sponsor, name="All", email="all@sponsor.example", email_key="all@sponsor.example",
            roles=[role.value for role in STAFF], status="active", created_at=now, created_by="test",
        )  # fmt: skip
        tx.session.add(who)
        tx.session.flush()
        _, key = callers.issue_key(tx, scopes=ALL_SCOPES, by=SYSTEM, person_id=who.id)
    line = {"name": "To be changed", "site_id": str(cast.other_site), "clocks": CLOCKS, "ladder": []}
    policy = api.admin.post("/v1/policies", json=line).json()["id"]
    days = {"first_day": "2026-04-01", "last_day": "2026-04-02", "name": "Stocktaking", "announced_by": "By phone"}
    shutdown = api.pm.post(f"/v1/sites/{cast.site}/shutdowns", json=days).json()["id"]
    own = {name: str(getattr(cast, part)) for name, part in MEANT.items()}
    made = {"policies": policy, "shutdown_id": shutdown, "request_id": api.filed()["id"]}
    return Target(api.app, key, {**own, **made})


def with_real_ids(value: Any, ids: dict[str, str]) -> Any:
    """The same body with ids that exist; what is no id stays as bad as it was."""
    if isinstance(value, list):
        return [with_real_ids(one, ids) for one in value]
    if not isinstance(value, dict):
        return value
    return {k: ids[k] if k in ids and is_id(v) else with_real_ids(v, ids) for k, v in value.items()}


def is_id(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False


def keeps_its_document(target: Target, operation: str, *, examples: int) -> None:
    """Make good and bad calls of one operation and check every answer against the document."""
    schema = schemathesis.openapi.from_dict(DOCUMENT, config=CONFIG)
    schema.app, ids = target.app, target.ids
    method, path = operation.split()
    described = schema[path][method.upper()]
    needs_body = DOCUMENT["paths"][path][method].get("requestBody", {}).get("required", False)
    kind = path.split("/")[2]
    known = {**ids, "record_id": ids[kind]} if kind in ids else ids

    @settings(max_examples=examples, deadline=None, derandomize=True, database=None,
              phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=described.as_strategy(GenerationMode.POSITIVE) | described.as_strategy(GenerationMode.NEGATIVE))
    def every_answer_fits(case: Any) -> None:
        case.body = with_real_ids(case.body, known)
        case.query = with_real_ids(case.query, known)
        case.path_parameters = with_real_ids(case.path_parameters, known)
        # A generator's bad query or header may be a good one once it is written down; of the rest we are sure.
        # Bad bytes for a file are bytes all the same.
        told = [ParameterLocation.PATH] if case.media_type == "multipart/form-data" else BODY_AND_PATH
        if case.body is NOT_SET and not needs_body:
            told = [ParameterLocation.PATH]
        sure = any(is_bad(case, place) for place in told)
        excluded = [] if sure else [negative_data_rejection]
        case.call_and_validate(headers={"Authorization": f"Bearer {target.key}"}, excluded_checks=excluded)

    every_answer_fits()


def is_bad(case: Any, place: ParameterLocation) -> bool:
    made = case.meta.components.get(place)
    return made is not None and made.mode is GenerationMode.NEGATIVE


@FEW
def test_the_application_keeps_its_document(target: Target, operation: str) -> None:
    keeps_its_document(target, operation, examples=8)


@pytest.mark.slow
@pytest.mark.timeout(600)
@EVERY
def test_the_application_keeps_its_document_however_long_one_tries(postgres_target: Target, operation: str) -> None:
    keeps_its_document(postgres_target, operation, examples=100)
