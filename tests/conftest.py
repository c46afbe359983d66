from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = ["tests.servers.plugin", "tests.installation", "tests.callers", "tests.pages"]


@pytest.fixture(autouse=True)
def _logging_of_its_own() -> Iterator[None]:
    """A test that starts a runtime sets the logging of the whole process; the next test must not inherit it."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
