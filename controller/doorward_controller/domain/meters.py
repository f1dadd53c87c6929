"""Meters that outlive restarts: a gateway counts from its start, its service life does not.

A report's counter falls back to nothing whenever the gateway or the board starts, when a card is
exchanged or when another machine takes over the name. The running time reported beside it tells:
where it is shorter than before, everything counted since is new, however large. What was counted
between the last report and a restart is lost: at most one interval of health reports.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class MeterName(StrEnum):
    """What a plan can count."""

    LOCK_CYCLES = "lock_cycles"
    RUNNING_S = "running_s"
    DISK_WRITTEN_BYTES = "disk_written_bytes"


WITNESSES: Mapping[MeterName, str] = MappingProxyType(
    {
        MeterName.LOCK_CYCLES: "running_s",
        MeterName.RUNNING_S: "running_s",
        MeterName.DISK_WRITTEN_BYTES: "uptime_s",
    }
)
"""The running time that starts anew together with each meter's counter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A count over a device's whole life.

    Attributes:
        total: over all restarts.
        reading: the counter as it was last reported.
        witness_s: the running time reported beside it; None where the gateway tells none.
    """

    total: int = 0
    reading: int = 0
    witness_s: int | None = None


def advance(meter: Meter | None, reading: int, witness_s: int | None) -> Meter:
    """Returns the meter after a report.

    The first report counts from its own reading: what a device did before is not ours to claim
    twice, and after a restart all that it says is new.
    """
    if meter is None:
        return Meter(total=reading, reading=reading, witness_s=witness_s)
    began_anew = reading < meter.reading or (
        witness_s is not None and meter.witness_s is not None and witness_s < meter.witness_s
    )
    gained = reading if began_anew else reading - meter.reading
    return Meter(total=meter.total + gained, reading=reading, witness_s=witness_s)
