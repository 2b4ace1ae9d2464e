"""Log lines for machines: one JSON object an event, with the operation it belongs to."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

_operation: ContextVar[str] = ContextVar("operation", default="")


@contextmanager
def belonging_to(operation: object) -> Iterator[None]:
    """Every line that is written inside names this operation."""
    token = _operation.set(str(operation))
    try:
        yield
    finally:
        _operation.reset(token)


class JsonLines(logging.Formatter):
    """`{"at": …, "level": …, "logger": …, "message": …, "operation": …, "traceback": …}`, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {
            "at": moment,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "operation": _operation.get() or None,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
