"""The two generations of settings that are kept: the newest taken, and the one before it (pure).

1. What is taken becomes the newest, on trial; the one before it is what was confirmed last.
2. A confirmed one stays the newest, and the one before it is still kept.
3. What is taken back is rejected by its version, and the one before it counts again.
4. The gateway began `MOST_STARTS` times with one that was never confirmed: it is taken back,
   because what keeps a gateway from starting also keeps it from being mended from afar.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from doorward.errors import MalformedError, RollbackError
from doorward.twin import Desired, Settings, differences, parse_settings, settings_text

MOST_STARTS = 3
NEVER_CONFIRMED = f"the gateway began {MOST_STARTS} times with it and was never long connected"
LOST = "the controller was out of reach for 300 s with it; it was taken back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Settings with their version."""

    version: int
    settings: Settings


BEGINNING = Generation(version=0, settings={})
"""The installer's file alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generations:
    """What is kept on the disk.

    Attributes:
        is_on_trial: `newest` was not confirmed yet.
        starts: how often the gateway began with `newest` on trial.
        was_reachable: the controller was reached when `newest` was taken.
        rejected: version that was refused last, 0 for none, with `error`.
    """

    newest: Generation = BEGINNING
    before: Generation = BEGINNING
    is_on_trial: bool = False
    starts: int = 0
    was_reachable: bool = False
    rejected: int = 0
    error: str = ""

    def judge(self, desired: Desired, floor: int) -> bool:
        """Returns whether a desired configuration is a new one.

        Raises:
            RollbackError: older than one that was seen before.
        """
        if desired.version in {self.newest.version, self.rejected}:
            return False
        if desired.version < max(self.newest.version, self.rejected, floor):
            raise RollbackError(
                f"config: version {desired.version}, already at"
                f" {max(self.newest.version, self.rejected, floor)}"
            )
        return True

    def with_taken(self, desired: Desired, *, was_reachable: bool) -> Self:
        """Returns the generations with a new one on trial."""
        return replace(
            self,
            newest=Generation(version=desired.version, settings=desired.settings),
            before=self.before if self.is_on_trial else self.newest,
            is_on_trial=True,
            starts=0,
            was_reachable=was_reachable,
            rejected=0,
            error="",
        )

    def with_rejected(self, version: int, error: str) -> Self:
        """Returns the generations with one refused; what counts goes on."""
        return replace(self, rejected=version, error=error[:200])

    def with_start(self) -> Self:
        """Returns the generations at the begin of the gateway."""
        if not self.is_on_trial:
            return self
        if self.starts >= MOST_STARTS:
            return self.with_newest_taken_back(NEVER_CONFIRMED)
        return replace(self, starts=self.starts + 1)

    def with_confirmed(self, in_force: Generation) -> Self:
        """Returns the generations after what is in force went well in its trial."""
        if in_force != self.newest:
            return replace(self, before=in_force)
        return replace(self, is_on_trial=False, starts=0)

    def with_newest_taken_back(self, error: str) -> Self:
        """Returns the generations after a trial that did not."""
        return replace(
            self,
            newest=self.before,
            before=BEGINNING,
            is_on_trial=False,
            starts=0,
            rejected=self.newest.version,
            error=error,
        )

    def pending(self, in_force: Generation) -> tuple[str, ...]:
        """Returns the settings that a restart would change, by name."""
        return differences(self.newest.settings, in_force.settings)

    def to_notes(self) -> dict[str, Any]:
        """Returns the generations as JSON values."""
        return {
            "newest": _noted(self.newest),
            "before": _noted(self.before),
            "is_on_trial": self.is_on_trial,
            "starts": self.starts,
            "was_reachable": self.was_reachable,
            "rejected": self.rejected,
            "error": self.error,
        }

    @classmethod
    def from_notes(cls, notes: Mapping[str, Any]) -> Self:
        """Returns the generations that were noted.

        A generation that this version of the firmware no longer takes counts as the file alone.
        """
        if not notes:
            return cls()
        return cls(
            newest=_read(notes["newest"]),
            before=_read(notes["before"]),
            is_on_trial=bool(notes["is_on_trial"]),
            starts=int(notes["starts"]),
            was_reachable=bool(notes["was_reachable"]),
            rejected=int(notes["rejected"]),
            error=str(notes["error"]),
        )


def _noted(generation: Generation) -> dict[str, Any]:
    return {"version": generation.version, "settings": settings_text(generation.settings)}


def _read(row: Mapping[str, Any]) -> Generation:
    try:
        return Generation(version=int(row["version"]), settings=parse_settings(row["settings"]))
    except MalformedError:
        return BEGINNING
