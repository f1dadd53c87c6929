"""How often one person may enter a zone: by a line of the policy, and by the zone's own rule."""

from collections.abc import Iterable
from typing import Protocol

from doorward.ids import CredentialId
from doorward.knowledge import Knowledge
from doorward.presence_port import Entries
from doorward.reasons import Reason
from doorward.schedule import DAY_S
from doorward.times import ClockTrust, Instant

KEPT_FOR_A_DAY_S = 2 * DAY_S
"""A day of the site has up to 25 hours, and clocks of two gateways differ."""


class EntryLimits(Protocol):
    """What limits entries: a `doorward.policy.GrantRule` or a `doorward.policy.ZoneRule`."""

    @property
    def per_day(self) -> int:
        """Entries in a day of the site; 0: as many as one likes."""

    @property
    def per_visit(self) -> int:
        """Entries in the life of the credential; 0: as many as one likes."""


def over_limit(limits: EntryLimits, holder_id: CredentialId, known: Knowledge) -> Reason | None:
    """Returns which limit on entries to the portal's zone is reached, or None.

    Entries only become more: a limit that is reached stays so, whatever else is found out.
    """
    if not limits.per_day and not limits.per_visit:
        return None
    zone = known.rule.zone
    entries = known.presence.entries(holder_id, known.policy.zones[zone], known.now)
    against = None
    if limits.per_visit and len(entries.at) + entries.earlier >= limits.per_visit:
        against = Reason.VISIT_LIMIT
    elif limits.per_day and _today(entries, known) >= limits.per_day:
        against = Reason.DAY_LIMIT
    is_known = entries.is_complete and known.sees(zone)
    return known.weigh(against, is_known=is_known, stands=True)


def counted_until(limits: Iterable[EntryLimits | None], until: int, now: Instant) -> int:
    """Returns until when an entry must be remembered; 0: nothing limits how often one enters.

    What counts for a day alone is not kept for the life of a badge: there is room for so many.

    Args:
        limits: that of the line that granted, and that of the zone that is entered.
        until: when the credential ends.
        now: when the entry is.
    """
    known = [each for each in limits if each is not None]
    if any(each.per_visit for each in known):
        return until
    if not any(each.per_day for each in known):
        return 0
    at = now.trusted_utc_s
    return until if at is None else min(until, at + KEPT_FOR_A_DAY_S)


def _today(entries: Entries, known: Knowledge) -> int:
    """Counts the entries of the site's day, or all that have a time without a trusted clock."""
    if known.now.trust is ClockTrust.UNKNOWN:
        return len(entries.at)
    time = known.policy.time
    today = time.local_s(known.now.utc_s) // DAY_S
    # One that a gateway with a fast clock dated into tomorrow is counted as well.
    return sum(time.local_s(at) // DAY_S >= today for at in entries.at)
