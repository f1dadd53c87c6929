"""Log lines: one JSON object each, the event's name first; nothing personal is ever put in one."""

import json
import logging
import sys
from typing import Literal

_LOUD = ("alembic", "asyncio", "httpx", "multipart", "uvicorn.access")
"""Libraries that would write addresses and other people's details at INFO."""


class JsonFormatter(logging.Formatter):
    """`{"at": ..., "level": ..., "logger": ..., "event": "ingest.waiting", "text": ...}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns one line."""
        text = record.getMessage()
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": text.partition(" ")[0],
            "text": text,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up(level: str, style: Literal["json", "text"]) -> None:
    """Sends every log line of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s %(message)s")
    handler.setFormatter(JsonFormatter() if style == "json" else plain)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
