"""What a scanner said, and who makes it of bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from doorward_edge.scan import MAX_PAYLOAD_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One code, as the scanner gave it.

    Attributes:
        problem: ``too_long`` for what is longer than any code of ours; else empty.
    """

    payload: bytes
    problem: str = ""


class Unpacker(Protocol):
    """Makes readings of what comes from a device. Total: it never raises, whatever the bytes."""

    def feed(self, wire: bytes, now_mono_ms: int) -> tuple[Reading, ...]:
        """Returns the codes that end with these bytes; empty bytes say that time went by."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Returns what was thrown away: `garbage` and `unfinished`."""
        ...


def reading_of(payload: bytes, *, is_cut: bool) -> Reading:
    """Returns a code, with a problem where it is only the beginning of something longer."""
    problem = "too_long" if is_cut or len(payload) > MAX_PAYLOAD_BYTES else ""
    return Reading(payload=payload[:MAX_PAYLOAD_BYTES], problem=problem)
