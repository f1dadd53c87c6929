"""What may be concluded from presence where not everything may be known (part of `decide`)."""

from dataclasses import dataclass, field

from doorward.ids import GatewayId
from doorward.policy import Policy, PortalRule, PresenceDoubt
from doorward.presence_port import Presence
from doorward.reasons import Reason
from doorward.schedule import is_open
from doorward.times import Instant


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Weighs what presence says by whether it can be all, and collects what is to be noticed."""

    policy: Policy
    rule: PortalRule
    presence: Presence
    now: Instant
    notices: set[Reason] = field(default_factory=set)
    _open: dict[int, bool] = field(default_factory=dict)

    def is_open(self, schedule: int) -> bool:
        """Whether a schedule is open now; of many lines most name the same few."""
        found = self._open.get(schedule)
        if found is None:
            policy = self.policy
            found = is_open(policy.schedules[schedule], policy.time, self.now.utc_s)
            self._open[schedule] = found
        return found

    def sees(self, zone: int) -> bool:
        """Whether everything that happens at a zone's portals is known here and now."""
        return self._hears(self.policy.watchers[zone])

    def sees_site(self) -> bool:
        """Whether everything that happens at any portal of the site is known here and now."""
        return self._hears(self.policy.serving)

    def weigh(
        self, against: Reason | None, *, is_known: bool, stands: bool = False
    ) -> Reason | None:
        """Returns what denies, or None.

        Args:
            against: what speaks against the passage, as far as is known; None: nothing.
            is_known: nothing is missing that could change that.
            stands: what speaks against it would do so whatever else was found out.
        """
        if is_known or (against and stands):
            return against
        match self.rule.presence_unknown:
            case PresenceDoubt.DENY:
                return against or Reason.PRESENCE_UNKNOWN
            case PresenceDoubt.LAST_KNOWN if against:
                return against
        self.notices.add(Reason.PRESENCE_UNKNOWN)
        return None

    def _hears(self, gateways: frozenset[GatewayId]) -> bool:
        others = gateways - {self.rule.gateway}
        return not others or self.presence.is_current(others, self.now)
