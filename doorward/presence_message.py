"""What gateways of a site tell each other of people and doors (docs/protocol.md §12).

A body is canonical CBOR in an envelope of kind `presence`, signed with the record key of the
gateway that saw it. There is no personal data in it: people are tokens, which are hashes.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

from doorward import canonical, shapes
from doorward.envelope import (
    Kind,
    Signer,
    parse_envelope,
    seal_envelope,
    verify_with_key,
)
from doorward.errors import BadIdError, MalformedError, UntrustedError, WrongRecipientError
from doorward.ids import (
    MAX_SEQ,
    CredentialId,
    Epoch,
    GatewayId,
    PortalId,
    SiteId,
    parse_name,
    parse_portal_id,
)
from doorward.policy import Direction

FORMAT = 1
TOKEN_BYTES = 16
MAX_BODY_BYTES = 2048
MAX_ZONES = 32
_CONTEXT = b"doorward/1/presence\x00"
_WAYS = {0: None, 1: Direction.ENTRY, 2: Direction.EXIT}

Token = bytes
"""A credential as gateways name it to each other: 16 bytes of a hash."""


class Sign(IntEnum):
    """What was seen. The numbers are on the wire and never reused."""

    GRANTED = 1
    """Somebody was let in; whether he goes through is not known yet."""
    PASSED = 2
    """Somebody went through."""
    ANNULLED = 3
    """Who was let in did not go through."""
    OPENED = 4
    """A door stands open."""
    CLOSED = 5
    """A door is closed."""
    FORGIVEN = 6
    """Where a person was seen counts no more, in the zone that it `enters` or in all."""
    ALIVE = 7
    """Nothing happened; the gateway is there and hears."""
    ALL_FORGIVEN = 8
    """Where anybody was seen in the zone that it `enters` counts no more."""


_OF_PEOPLE = frozenset({Sign.GRANTED, Sign.PASSED, Sign.ANNULLED, Sign.FORGIVEN})
_OF_DOORS = frozenset({Sign.OPENED, Sign.CLOSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceMessage:
    """One thing that a gateway saw.

    Attributes:
        epoch, seq: drawn when the gateway's process started; counts its messages from 1.
        at: UTC seconds, believed as far as `is_clock_trusted` says.
        portal: where; empty for what belongs to no portal.
        credential: token of the code that was shown; empty where nobody is meant.
        holder: token under which presence of the person is kept.
        way, enters, leaves: as in `doorward.verdict.Movement`.
        slot: of a pass, used up by this.
        once_until: until when it counts that a one-time code passed; 0: it is none.
        counts_until: until when the entry counts; 0: it is not counted.
    """

    site: SiteId
    gateway: GatewayId
    epoch: Epoch
    seq: int
    at: int
    is_clock_trusted: bool
    sign: Sign
    portal: PortalId | None = None
    credential: Token = b""
    holder: Token = b""
    way: Direction | None = None
    enters: str = ""
    leaves: tuple[str, ...] = ()
    slot: int | None = None
    once_until: int = 0
    counts_until: int = 0

    def __post_init__(self) -> None:
        """Raises MalformedError for a person's sign without one, or a door's without a portal."""
        if self.way is Direction.BOTH:
            raise MalformedError("presence: one way is gone at a time")
        if (self.sign in _OF_PEOPLE) != bool(self.holder):
            raise MalformedError(f"presence: {self.sign.name} with a wrong holder")
        if self.sign in _OF_DOORS and self.portal is None:
            raise MalformedError(f"presence: {self.sign.name} without a portal")
        if self.sign is Sign.ALL_FORGIVEN and not self.enters:
            raise MalformedError(f"presence: {self.sign.name} without a zone")
        if len(self.leaves) > MAX_ZONES:
            raise MalformedError(f"presence: leaves more than {MAX_ZONES} zones")

    def to_body(self) -> bytes:
        """Returns the canonical bytes."""
        return canonical.encode(
            [
                FORMAT,
                self.site,
                self.gateway,
                self.epoch,
                self.seq,
                self.at,
                self.is_clock_trusted,
                int(self.sign),
                self.portal or "",
                self.credential,
                self.holder,
                self.way.number if self.way else 0,
                self.enters,
                list(self.leaves),
                self.slot,
                self.once_until,
                self.counts_until,
            ]
        )

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> Self:
        """Returns the message. Raises MalformedError."""
        if len(body) > MAX_BODY_BYTES:
            raise MalformedError(f"presence of {len(body)} bytes, at most {MAX_BODY_BYTES}")
        match canonical.decode(body, "presence"):
            case [format_, site, gateway, epoch, seq, at, bool() as trusted, *rest] if (
                format_ == FORMAT and type(format_) is int
            ):
                return cls(
                    site=shapes.site(site, "presence: site"),
                    gateway=shapes.gateway(gateway, "presence: gateway"),
                    epoch=shapes.epoch(epoch, "presence: epoch"),
                    seq=shapes.sequence_number(seq, "presence: seq"),
                    at=shapes.number(at, "presence: at", MAX_SEQ),
                    is_clock_trusted=trusted,
                    **_seen(rest),
                )
        raise MalformedError(f"presence: not of format {FORMAT}")


def token_of(site: SiteId, credential_id: CredentialId) -> Token:
    """Returns how gateways of a site name a credential to each other."""
    named = b"".join((_CONTEXT, site.encode(), b"\x00", credential_id))
    return hashlib.sha256(named).digest()[:TOKEN_BYTES]


def seal_presence(message: PresenceMessage, record_key: Signer) -> bytes:
    """Returns the signed message as it is published."""
    return seal_envelope(Kind.PRESENCE, message.to_body(), [record_key])


def open_presence(
    wire: bytes, site: SiteId, gateways: Mapping[GatewayId, bytes]
) -> PresenceMessage:
    """Returns what a gateway of this site said.

    Raises:
        MalformedError: the bytes are no such message.
        UntrustedError: the gateway that it names is not among `gateways`, or did not sign it.
        WrongRecipientError: it is of another site.
    """
    envelope = parse_envelope(wire)
    if envelope.kind is not Kind.PRESENCE:
        raise MalformedError(f"presence: the envelope holds a {envelope.kind}")
    message = PresenceMessage.from_body(envelope.body)
    if message.site != site:
        raise WrongRecipientError(f"presence: of site {message.site}, ours is {site}")
    public = gateways.get(message.gateway)
    if public is None:
        raise UntrustedError(f"presence: gateway {message.gateway} is not one of this site's")
    verify_with_key(envelope, public)
    return message


def _seen(rest: list[object]) -> dict[str, Any]:
    match rest:
        case [sign, portal, credential, holder, way, enters, list() as leaves, slot, once, counts]:
            return {
                "sign": _sign(sign),
                "portal": _portal(portal),
                "credential": _token(credential, "credential"),
                "holder": _token(holder, "holder"),
                "way": _WAYS[shapes.number(way, "presence: way", max(_WAYS))],
                "enters": _zone(enters) if enters != "" else "",
                "leaves": tuple(map(_zone, leaves)),
                "slot": None if slot is None else shapes.number(slot, "presence: slot", 2**32 - 1),
                "once_until": shapes.number(once, "presence: once until", MAX_SEQ),
                "counts_until": shapes.number(counts, "presence: counts until", MAX_SEQ),
            }
    raise MalformedError("presence: wrong fields")


def _sign(value: object) -> Sign:
    number = shapes.number(value, "presence: sign", max(Sign))
    try:
        return Sign(number)
    except ValueError as err:
        raise MalformedError(f"presence: unknown sign {number}") from err


def _portal(value: object) -> PortalId | None:
    name = shapes.text(value, "presence: portal", 32)
    try:
        return parse_portal_id(name) if name else None
    except BadIdError as err:
        raise MalformedError(f"presence: {err}") from err


def _zone(value: object) -> str:
    try:
        return parse_name(shapes.text(value, "presence: zone", 32), "zone")
    except BadIdError as err:
        raise MalformedError(f"presence: {err}") from err


def _token(value: object, what: str) -> Token:
    if not isinstance(value, bytes) or len(value) not in {0, TOKEN_BYTES}:
        raise MalformedError(f"presence: {what} is not {TOKEN_BYTES} bytes")
    return value
