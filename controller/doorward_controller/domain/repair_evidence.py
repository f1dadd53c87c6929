"""Whether telemetry bears out a repair: the gateway speaks, and what had failed is well again."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from doorward_controller.domain.work_orders import FailureMode

WATCH_S = 30 * 60
"""A loose contact holds for a minute; half an hour of good reports is worth asking a person."""

TELLING: Mapping[FailureMode, tuple[str, ...]] = MappingProxyType(
    {
        FailureMode.NO_POWER: ("undervoltage_now",),
        FailureMode.NO_PICTURE: ("camera_fault",),
        FailureMode.READS_BADLY: ("camera_fault", "frame_rate_permille"),
        FailureMode.NO_NETWORK: (),
        FailureMode.OVERHEATED: ("temperature_mc", "throttled_now"),
        FailureMode.STORAGE_FAILING: ("storage_read_only", "filesystem_errors"),
        FailureMode.CLOCK_WRONG: ("clock_unsynchronised_s", "clock_offset_us"),
    }
)
"""The numbers in which a failure would show again. Of the other failures no number tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """What is known of a gateway now.

    Attributes:
        heard_at_utc_s: when it last reported its health.
        is_online: whether it is connected.
        bad: the numbers that are beyond a limit now.
        told: every number that it reports.
    """

    heard_at_utc_s: int | None
    is_online: bool
    bad: frozenset[str]
    told: frozenset[str]


def is_borne_out(mode: str, done_utc_s: int, now_utc_s: int, seen: Telemetry) -> bool:
    """Says whether reports since the repair show the device well.

    True only where a number tells of this failure, the gateway is connected, and it has reported
    for half an hour after the work with none of those numbers beyond a limit.
    """
    try:
        telling = TELLING.get(FailureMode(mode))
    except ValueError:
        return False
    if telling is None or not seen.is_online or seen.heard_at_utc_s is None:
        return False
    if telling and not seen.told.intersection(telling):
        return False
    is_recent = seen.heard_at_utc_s >= done_utc_s + WATCH_S and now_utc_s >= done_utc_s + WATCH_S
    return is_recent and not seen.bad.intersection(telling)
