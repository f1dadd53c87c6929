"""The tallies in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from doorward_edge.ports import DocumentsError, Notice


@dataclass
class FakeTallies:
    """Tallies in memory; `is_broken` refuses as a full disk does."""

    kept: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    writes: int = 0
    is_broken: bool = False

    def meters(self) -> Mapping[str, int]:
        return dict(self.kept)

    def keep_meters(self, meters: Mapping[str, int]) -> None:
        if self.is_broken:
            raise DocumentsError("no room")
        self.writes += 1
        self.kept = dict(meters)

    def pin_failures(self) -> Mapping[str, int]:
        return dict(self.failures)

    def keep_pin_failures(self, failures: Mapping[str, int]) -> None:
        if self.is_broken:
            raise DocumentsError("no room")
        self.failures = dict(failures)

    def take_notices(self) -> tuple[Notice, ...]:
        return ()
