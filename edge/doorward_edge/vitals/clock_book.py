"""What befalls the clock goes on record, and its floor is kept over restarts."""

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from doorward.decision import Rules
from doorward.events import EventCode
from doorward.times import ClockTrust, Instant
from doorward_edge.ports import DocumentsError, Notice
from doorward_edge.timekeeping import DOCUMENT_SLACK_MS, ChangeKind, ClockChange
from doorward_edge.vitals.camera_care import Notes

log = logging.getLogger(__name__)

NOTE = "clock"
FLOOR = "floor_utc_ms"
KEEP_EVERY_MS = 600_000
"""A power cut costs the floor ten minutes at most, a card 144 small writes a day."""

_CODES: Mapping[ChangeKind, EventCode] = {
    ChangeKind.STEPPED: EventCode.CLOCK_STEPPED,
    ChangeKind.TRUST: EventCode.CLOCK_TRUST_CHANGED,
    ChangeKind.BELOW_FLOOR: EventCode.CLOCK_BELOW_FLOOR,
}


class Timed(Protocol):
    """A clock with a floor; `SystemClock` is the real one."""

    def raise_floor(self, utc_ms: int) -> None:
        """Takes in that it is not earlier than this."""
        ...

    def floor_ms(self) -> int:
        """Returns the time that is past for certain."""
        ...

    def take_changes(self) -> tuple[ClockChange, ...]:
        """Returns what befell the clock since the last call."""
        ...


class ClockBook:
    """`turn` may wait for the disk and belongs to one thread, `take_notices` to any."""

    def __init__(self, clock: Timed, notes: Notes, rules: Callable[[], Rules | None]) -> None:
        """Raises the clock's floor to what was kept and what the newest documents say."""
        self._clock = clock
        self._notes = notes
        self._rules = rules
        self._heard_s = 0
        self._due_ms = 0
        kept = notes.notes(NOTE).get(FLOOR, 0)
        self._kept_ms = kept if isinstance(kept, int) else 0
        clock.raise_floor(self._kept_ms)
        self._hear_documents()

    def turn(self, now: Instant) -> None:
        """Does what is due: once a second is enough."""
        self._hear_documents()
        if now.mono_ms >= self._due_ms and now.trust is not ClockTrust.UNKNOWN:
            self._due_ms = now.mono_ms + KEEP_EVERY_MS
            self.keep()

    def keep(self) -> None:
        """Keeps the floor at once; for the end, too. Never raises."""
        floor_ms = self._clock.floor_ms()
        if floor_ms <= self._kept_ms:
            return
        try:
            self._notes.set_notes(NOTE, {FLOOR: floor_ms})
        except DocumentsError as err:
            log.warning("clock.floor_not_kept error=%s", err)
            return
        self._kept_ms = floor_ms

    def take_notices(self) -> tuple[Notice, ...]:
        """Returns what belongs on record since the last call."""
        return tuple(
            Notice(code=_CODES[change.kind], detail=change.detail)
            for change in self._clock.take_changes()
        )

    def _hear_documents(self) -> None:
        """A status list is signed every few minutes: it is not earlier than the newest one."""
        rules = self._rules()
        if rules is None or rules.status is None or rules.status.issued_at <= self._heard_s:
            return
        self._heard_s = rules.status.issued_at
        self._clock.raise_floor(self._heard_s * 1000 - DOCUMENT_SLACK_MS)
