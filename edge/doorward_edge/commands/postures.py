"""Postures that commands set at this gateway, and when they give way (pure).

The rules:

1. A posture that a command set goes before the policy's (`doorward.postures`).
2. It ends at its `until`, or when a command sets `normal`. Without a clock that can be trusted no
   time ends it here; what it then still means is for `doorward.postures` to say.
3. It ends when a bundle says another posture for the portal than the one that stood in the policy
   when it was set: the newest word of who makes the rules counts. A bundle that says the same of
   this portal changes nothing.
4. It outlives a restart.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from doorward.commands import UNTIL_LIFTED, SetPosture
from doorward.ids import PortalId
from doorward.policy import Posture, PostureOrder
from doorward.times import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPosture:
    """What a command set.

    Attributes:
        until: UTC seconds, or `UNTIL_LIFTED`.
        rank: who passes in a lockdown, as in `PostureOrder`.
        in_place_of: what the policy said then.
    """

    posture: Posture
    until: int
    rank: int | None
    in_place_of: Posture

    @property
    def order(self) -> PostureOrder:
        """What a decision is told."""
        until = None if self.until == UNTIL_LIFTED else self.until
        return PostureOrder(posture=self.posture, rank=self.rank, until=until)


@dataclass(frozen=True, slots=True)
class LocalPostures:
    """By portal, what commands set."""

    by_portal: Mapping[PortalId, LocalPosture]

    def order_of(self, portal: PortalId) -> PostureOrder | None:
        """Returns what a command told this portal, or None."""
        held = self.by_portal.get(portal)
        return None if held is None else held.order

    def after(self, order: SetPosture, policy_posture: Posture) -> Self:
        """Returns the postures once an order counts.

        Args:
            order: `normal` lifts what is there.
            policy_posture: what the policy says of the portal now.
        """
        rest = {name: held for name, held in self.by_portal.items() if name != order.portal}
        if order.posture is Posture.NORMAL:
            return type(self)(rest)
        local = LocalPosture(
            posture=order.posture,
            until=order.until,
            rank=order.rank,
            in_place_of=policy_posture,
        )
        return type(self)({**rest, order.portal: local})

    def at(self, now: Instant, policy: Mapping[PortalId, Posture] | None) -> Self:
        """Returns what still counts.

        Args:
            now: an untrusted clock ends nothing.
            policy: what the policy says of each portal; None before the first one.
        """
        kept = {
            name: held
            for name, held in self.by_portal.items()
            if not _is_over(held, now) and not _is_overruled(held, name, policy)
        }
        return self if kept == self.by_portal else type(self)(kept)

    def to_notes(self) -> dict[str, Any]:
        """Returns the postures as JSON values."""
        return {name: asdict(held) for name, held in self.by_portal.items()}

    @classmethod
    def from_notes(cls, notes: Mapping[str, Any]) -> Self:
        """Returns the postures that were noted."""
        return cls({PortalId(name): _local(row) for name, row in notes.items()})


def _local(row: Mapping[str, Any]) -> LocalPosture:
    return LocalPosture(
        posture=Posture(row["posture"]),
        until=int(row["until"]),
        rank=None if row["rank"] is None else int(row["rank"]),
        in_place_of=Posture(row["in_place_of"]),
    )


def _is_over(held: LocalPosture, now: Instant) -> bool:
    now_utc_s = now.trusted_utc_s
    return held.until != UNTIL_LIFTED and now_utc_s is not None and now_utc_s >= held.until


def _is_overruled(
    held: LocalPosture, name: PortalId, policy: Mapping[PortalId, Posture] | None
) -> bool:
    return policy is not None and name in policy and policy[name] is not held.in_place_of
