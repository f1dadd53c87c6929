"""Whom a gateway hears, and what it heard already: part of a `doorward.presence.PresenceBook`."""

from collections import OrderedDict

from doorward.ids import Epoch, GatewayId
from doorward.times import Instant

HEARD_FOR_MS = 150_000
"""Gateways say at least each minute that they are there; two may get lost."""
WIDTH = 1024
"""A message so many numbers behind the newest of its sender is taken for a repeated one."""
MOST_EPOCHS = 256


class Senders:
    """Sees that every message counts once, and who is within earshot."""

    def __init__(self) -> None:
        """Starts having heard nobody."""
        self._seen: OrderedDict[tuple[GatewayId, Epoch], tuple[int, int]] = OrderedDict()
        self._heard: dict[GatewayId, int] = {}
        self._linked_since: int | None = None

    def is_new(self, gateway: GatewayId, epoch: Epoch, seq: int) -> bool:
        """Whether a message was not taken in before; from now on it was."""
        highest, seen = self._seen.get((gateway, epoch), (0, 0))
        ahead = seq - highest
        if ahead > 0:
            seen = (seen << ahead | 1) & ((1 << WIDTH) - 1) if ahead < WIDTH else 1
            highest = seq
        elif -ahead >= WIDTH or seen >> -ahead & 1:
            return False
        else:
            seen |= 1 << -ahead
        self._seen[gateway, epoch] = highest, seen
        self._seen.move_to_end((gateway, epoch))
        if len(self._seen) > MOST_EPOCHS:
            self._seen.popitem(last=False)
        return True

    def note_heard(self, gateway: GatewayId, said_at: int | None, now: Instant) -> None:
        """Takes in that a gateway spoke.

        What lay at the broker for a while says nothing of now. Where one of the clocks is not
        trusted (`said_at` or the time of `now` is None), that cannot be told.
        """
        now_utc_s = now.trusted_utc_s
        if said_at is None or now_utc_s is None or now_utc_s - said_at < HEARD_FOR_MS // 1000:
            self._heard[gateway] = now.mono_ms

    def note_link(self, *, is_connected: bool, now: Instant) -> None:
        """Takes in whether the broker is there. Whoever was heard before must be heard again."""
        if not is_connected:
            self._linked_since = None
        elif self._linked_since is None:
            self._linked_since = now.mono_ms

    def is_heard(self, gateway: GatewayId, now: Instant) -> bool:
        """Whether what a gateway sees reaches us now."""
        heard_at = self._heard.get(gateway)
        return (
            heard_at is not None
            and self._linked_since is not None
            and heard_at >= self._linked_since
            and now.mono_ms - heard_at < HEARD_FOR_MS
        )

    def heard_at(self, gateway: GatewayId, now: Instant) -> int | None:
        """When a gateway was last heard, UTC seconds."""
        heard_at = self._heard.get(gateway)
        return None if heard_at is None else now.utc_s - (now.mono_ms - heard_at) // 1000

    def rows(self) -> list[list[object]]:
        """Returns what a snapshot keeps, the longest silent first."""
        return [
            [gateway, epoch, highest, seen.to_bytes(WIDTH // 8)]
            for (gateway, epoch), (highest, seen) in self._seen.items()
        ]

    def restore(self, gateway: GatewayId, epoch: Epoch, highest: int, seen: bytes) -> None:
        """Puts back a row of a snapshot."""
        self._seen[gateway, epoch] = highest, int.from_bytes(seen)
