"""How often one person may enter a zone: by a line of the policy, and by the zone's own rule."""

from typing import Protocol

from doorward.ids import CredentialId
from doorward.knowledge import Knowledge
from doorward.policy import Policy
from doorward.presence_port import Entries
from doorward.reasons import Reason
from doorward.schedule import DAY_S
from doorward.times import ClockTrust


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


def counts_entries(policy: Policy, zone: int | None) -> bool:
    """Returns whether a zone's own rule needs to know how often somebody entered it."""
    return zone is not None and policy.zone_rule(zone).counts_entries


def _today(entries: Entries, known: Knowledge) -> int:
    """Counts the entries of the site's day, or all that have a time without a trusted clock."""
    if known.now.trust is ClockTrust.UNKNOWN:
        return len(entries.at)
    time = known.policy.time
    today = time.local_s(known.now.utc_s) // DAY_S
    # One that a gateway with a fast clock dated into tomorrow is counted as well.
    return sum(time.local_s(at) // DAY_S >= today for at in entries.at)
