"""When a release that lies ready may be switched to (pure).

1. Within the hours that are set; without any, at every hour.
2. When nobody has held up a code or passed for a while; after long waiting, all the same.
3. A gateway of which nothing is heard is switched at once: nobody passes there.
"""

from dataclasses import dataclass

PATIENCE_S = 6 * 3600
"""At a gate at which somebody passes day and night the switch, which takes seconds, is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Hours of the day, in the gateway's own time zone; 22 to 4 goes over midnight."""

    first: int
    last: int

    def holds(self, hour: int) -> bool:
        """Whether an hour is within them; `last` is not."""
        if self.first <= self.last:
            return self.first <= hour < self.last
        return hour >= self.first or hour < self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What is waited for.

    Attributes:
        why: in words.
        is_short: it may be over within the minute.
    """

    why: str
    is_short: bool


def wait_of(
    *, hours: Hours | None, local_hour: int, quiet_s: int | None, wanted_quiet_s: int, waited_s: int
) -> Wait | None:
    """Returns what is waited for, None to switch now.

    Args:
        hours: within which it may be, None for any.
        local_hour: the hour of now.
        quiet_s: for how long nobody has passed, None where nothing is heard of the gateway.
        wanted_quiet_s: so long it is to be quiet.
        waited_s: for how long the release has lain ready.
    """
    if hours is not None and not hours.holds(local_hour):
        why = f"waits for {hours.first:02}:00, until {hours.last:02}:00"
        return Wait(why=why, is_short=False)
    if quiet_s is None or quiet_s >= wanted_quiet_s or waited_s >= PATIENCE_S:
        return None
    return Wait(why=f"waits until nobody has passed for {wanted_quiet_s} s", is_short=True)
