"""Structured logs on standard error: JSON, one object a line; on a terminal, lines for people.

Whatever a client sent that ends up in a log (there is little) cannot forge a line or move a terminal's cursor: control
characters are escaped in both.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_IN_TRACE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")  # its line ends are meant


def configure_logs(stream: TextIO = sys.stderr, level: int = logging.INFO) -> None:
    """Send every logger of this process there."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_for_people() if stream.isatty() else _Objects())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every step


class _Objects(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        event: dict[str, Any] = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        }
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(_escaped(None, "", event))


def _for_people() -> logging.Formatter:
    # Here, not above: it brings Rich, 25 ms and 4 MB, and a service's log is read by programs.
    import structlog  # noqa: PLC0415

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _escaped,
            structlog.dev.ConsoleRenderer(pad_event_to=0),
        ],
    )


def _escaped(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            control = _CONTROL_IN_TRACE if key == "exception" else _CONTROL
            event[key] = control.sub(lambda found: repr(found.group())[1:-1], value)
    return event
