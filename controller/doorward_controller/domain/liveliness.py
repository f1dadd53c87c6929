"""Whether a controller's process turns: its web server, its timed work, its intake (pure)."""

from dataclasses import dataclass

LOOP_STUCK_MS = 30_000
"""The web server's loop turns ten times a second, whatever is asked of it."""

JOBS_STUCK_MS = 300_000
"""The longest work at hand takes a minute or two; then every job is looked at again."""

INTAKE_STUCK_MS = 180_000
"""A group of messages is stored within seconds; a database that is away is asked every second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """When each part turned last, by the monotonic clock; None for what this process has not."""

    loop_ms: int | None = None
    jobs_ms: int | None = None
    intake_ms: int | None = None


def what_stands_still(turns: Turns, now_mono_ms: int) -> str:
    """Returns the part that has not turned for too long and since when; empty where all do."""
    looked_at = (
        ("the web server", turns.loop_ms, LOOP_STUCK_MS),
        ("the timed work", turns.jobs_ms, JOBS_STUCK_MS),
        ("the intake", turns.intake_ms, INTAKE_STUCK_MS),
    )
    for name, turned_ms, most_ms in looked_at:
        if turned_ms is not None and now_mono_ms - turned_ms >= most_ms:
            return f"{name} stands still since {(now_mono_ms - turned_ms) // 1000} s"
    return ""
