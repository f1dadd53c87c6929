"""Spans of time as forms say them: days and minutes on the site's own clock."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from doorward_controller.errors import InvalidError

_PATTERNS = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")


def to_utc_ms(text: str, zone: ZoneInfo) -> int | None:
    """Returns the instant of what a form field says, None for an empty one. Raises InvalidError."""
    if not text:
        return None
    for pattern in _PATTERNS:
        try:
            local = datetime.strptime(text, pattern).replace(tzinfo=zone)
        except ValueError:
            continue
        return max(0, int(local.timestamp() * 1000))
    raise InvalidError(f"{text[:40]!r} is not a date and time such as 2026-05-01T08:00")


def to_field(at_utc_ms: int, zone: ZoneInfo) -> str:
    """Returns an instant as a form field shows it."""
    return datetime.fromtimestamp(at_utc_ms / 1000, UTC).astimezone(zone).strftime("%Y-%m-%dT%H:%M")
