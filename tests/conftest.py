import gc
from collections.abc import Iterator

import pytest
import structlog
from fastapi.dependencies import models as fastapi_models

pytest_plugins = ["tests.servers.plugin", "tests.installation", "tests.callers", "tests.pages"]

# What FastAPI remembers of a function, and with it the application of every test that has passed.
MEMORIES = [each for each in vars(fastapi_models).values() if hasattr(each, "cache_clear")]


def pytest_collection_finish() -> None:
    """What has been imported stays to the end: the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True)
def _logging_of_its_own() -> Iterator[None]:
    """A test that starts a runtime sets the logging of the whole process; the next test must not inherit it.

    Tracebacks are plain: structlog's own default draws every value of every frame, which takes a minute for some.
    """
    structlog.reset_defaults()
    *before, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, plain])
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _applications_end_with_their_test() -> Iterator[None]:
    yield
    for memory in MEMORIES:
        memory.cache_clear()
