"""Logging for every process: one JSON object a line, tracebacks without values."""

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog


def configure_logging(level: str) -> None:
    """Write to standard error. Texts, names, products and tokens are never passed to a logger."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _with_frames,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.setLogRecordFactory(_Record)


def frames(error: BaseException) -> str:
    """Where an error came from: each frame's file, line and function, and each error's type.

    Neither messages nor values, which may hold what people wrote. What caused it stands first.
    """
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = f"{frames(cause)}\nwhich led to\n" if cause is not None else ""
    steps = traceback.extract_tb(error.__traceback__)
    told = [f"{type(error).__module__}.{type(error).__qualname__}"]
    return before + "\n".join([*(f"  {step.filename}:{step.lineno} {step.name}" for step in steps), *told])


def _with_frames(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Replaces `exc_info` by the frames of the error."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else sys.exc_info()[1] if given else None
    if error is not None:
        event["exception"] = frames(error)
    return event


class _Record(logging.LogRecord):
    """A record of a library's logger, whose formatters would print an error's message."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.exc_info and self.exc_info[1] is not None:
            self.exc_text, self.exc_info = frames(self.exc_info[1]), None
