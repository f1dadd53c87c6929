"""The newest lines of the log, in memory, for whoever may ask; nothing personal in them."""

import logging
import re
from collections import deque

MOST_LINES = 500
LINE_CHARACTERS = 500

_CODES = re.compile(r"DW[0-9]:?[0-9A-Z $%*+\-./:]{11,}[0-9A-Z$%*+\-./:]|\b[0-9a-f]{16,}\b")
"""Codes and ids of credentials. No line should hold one; what travels makes sure of it."""


class LogRing(logging.Handler):
    """A handler that keeps the last lines, each one shortened and without codes."""

    def __init__(self) -> None:
        """Begins empty; `logging.Logger.addHandler` lets lines in."""
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        self._lines: deque[str] = deque(maxlen=MOST_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps one line."""
        try:
            line = " ".join(self.format(record).split())
        except Exception:  # noqa: BLE001  # a line that cannot be formatted must not end its writer
            self.handleError(record)
            return
        self._lines.append(_CODES.sub("…", line)[:LINE_CHARACTERS])

    def newest(self, lines: int) -> tuple[str, ...]:
        """Returns at most so many lines, oldest first."""
        return tuple(self._lines)[-lines:]
