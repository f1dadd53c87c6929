"""What the controller says it has on its disk, and wants once more (docs/protocol.md §7)."""

from dataclasses import dataclass
from typing import Self

from doorward import canonical, shapes
from doorward.errors import MalformedError
from doorward.ids import Epoch, GatewayId, SiteId
from doorward.ranges import Ranges, parse_ranges
from doorward.times import UtcSeconds

MAX_ACK_BYTES = 32 * 1024
_KEYS = frozenset({"site", "gateway", "epoch", "committed", "resend", "at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The body of an acknowledgement; it travels in an envelope of kind `ack`.

    Attributes:
        committed: record numbers that are on the controller's disk.
        resend: record numbers that the gateway may have kept and is asked for again.
        at: when the controller said so.
    """

    site: SiteId
    gateway: GatewayId
    epoch: Epoch
    committed: Ranges
    resend: Ranges
    at: UtcSeconds

    def to_body(self) -> bytes:
        """Returns the canonical bytes."""
        return canonical.encode(
            {
                "site": self.site,
                "gateway": self.gateway,
                "epoch": self.epoch,
                "committed": [list(pair) for pair in self.committed],
                "resend": [list(pair) for pair in self.resend],
                "at": self.at,
            }
        )

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> Self:
        """Returns the acknowledgement in `body`.

        Raises:
            MalformedError: the body is not one, or is longer than `MAX_ACK_BYTES`.
        """
        if len(body) > MAX_ACK_BYTES:
            raise MalformedError(f"ack of {len(body)} bytes, at most {MAX_ACK_BYTES}")
        value = canonical.decode(body, "ack")
        if not isinstance(value, dict) or value.keys() != _KEYS:
            raise MalformedError(f"ack: not a map of exactly {', '.join(sorted(_KEYS))}")
        return cls(
            site=shapes.site(value["site"], "ack: site"),
            gateway=shapes.gateway(value["gateway"], "ack: gateway"),
            epoch=shapes.epoch(value["epoch"], "ack: epoch"),
            at=UtcSeconds(shapes.number(value["at"], "ack: at", 2**40)),
            committed=parse_ranges(value["committed"], "ack: committed"),
            resend=parse_ranges(value["resend"], "ack: resend"),
        )
