"""Where log messages go: stderr, as lines for people or JSON lines for programs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from duckbt.errors import UsageError

LEVELS = ("debug", "info", "warning", "error")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "event": "log",
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up(level: str, as_json: bool) -> None:
    """Send the log of duckbt from ``level`` upwards to stderr. Raises UsageError for an unknown level."""
    if level.lower() not in LEVELS:
        raise UsageError(f"--log-level {level}: it is one of {', '.join(LEVELS)}")
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines() if as_json else logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    log = logging.getLogger("duckbt")
    for old in log.handlers[:]:
        log.removeHandler(old)
    log.addHandler(handler)
    log.setLevel(level.upper())
    log.propagate = False
