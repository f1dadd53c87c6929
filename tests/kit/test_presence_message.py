"""What gateways tell each other: signed, of this site, and nothing else is taken."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward import canonical
from doorward.envelope import Kind, seal_envelope
from doorward.errors import DoorwardError, MalformedError, UntrustedError, WrongRecipientError
from doorward.ids import GatewayId, SiteId
from doorward.keys import PURPOSE_OF_KIND
from doorward.policy import Direction
from doorward.presence_message import (
    MAX_BODY_BYTES,
    MAX_ZONES,
    PresenceMessage,
    Sign,
    open_presence,
    seal_presence,
    token_of,
)
from tests.kit.plant import ALICE, SITE, signer
from tests.kit.two_gateways import SOUTH, WAY_OUT, seen

KEY, THIEF = signer(70), signer(71)
GATEWAYS = {SOUTH: KEY.public}
FULL = seen(
    Sign.PASSED,
    way=Direction.EXIT,
    enters="lab",
    leaves=("site", "vault"),
    slot=9,
    once_until=10,
    counts_until=11,
)


@pytest.mark.parametrize(
    "message",
    [
        FULL,
        seen(Sign.GRANTED, way=Direction.ENTRY),
        seen(Sign.ALIVE, who=None, portal=None, is_clock_trusted=False),
        seen(Sign.CLOSED, who=None),
        seen(Sign.FORGIVEN, portal=None),
    ],
)
def test_what_is_sealed_is_opened(message: PresenceMessage) -> None:
    wire = seal_presence(message, KEY)
    assert open_presence(wire, SITE, GATEWAYS) == message
    assert len(wire) < 512


def test_nothing_in_it_says_who_it_was() -> None:
    assert bytes(ALICE) not in seal_presence(FULL, KEY)
    assert len(token_of(SITE, ALICE)) == 16


def test_no_controllers_key_signs_presence() -> None:
    assert Kind.PRESENCE not in PURPOSE_OF_KIND


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (seal_presence(FULL, THIEF), UntrustedError),
        (seal_envelope(Kind.BATCH, FULL.to_body(), [KEY]), MalformedError),
        (
            seal_presence(dataclasses.replace(FULL, site=SiteId("elsewhere")), KEY),
            WrongRecipientError,
        ),
        (
            seal_presence(dataclasses.replace(FULL, gateway=GatewayId("gw-thief")), KEY),
            UntrustedError,
        ),
        (b"DWE1", MalformedError),
        (seal_envelope(Kind.PRESENCE, bytes(MAX_BODY_BYTES + 1), [KEY]), MalformedError),
    ],
    ids=["another key", "another kind", "another site", "unknown gateway", "cut off", "too long"],
)
def test_message_is_refused(wire: bytes, error: type[DoorwardError]) -> None:
    with pytest.raises(error):
        open_presence(wire, SITE, GATEWAYS)


def test_every_flipped_bit_is_refused() -> None:
    wire = bytearray(seal_presence(FULL, KEY))
    for bit in range(8 * len(wire)):
        wire[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DoorwardError):
            open_presence(bytes(wire), SITE, GATEWAYS)
        wire[bit // 8] ^= 1 << bit % 8


FIELDS: dict[str, tuple[int, Any]] = {
    "another format": (0, 2),
    "a format that is true": (0, True),
    "a site in capitals": (1, "SITE"),
    "a gateway that is a number": (2, 5),
    "an epoch of 49 bits": (3, 2**48),
    "number 0": (4, 0),
    "a time before 1970": (5, -1),
    "trust that is a number": (6, 1),
    "sign 0": (7, 0),
    "sign 8": (7, 8),
    "a portal in capitals": (8, "GATE"),
    "a portal that is a number": (8, 5),
    "a credential of 8 bytes": (9, bytes(8)),
    "a person's sign without a person": (10, b""),
    "way 3": (11, 3),
    "a zone in capitals": (12, "SITE"),
    "a zone that is a number": (12, 5),
    "zones as a text": (13, "site"),
    "an empty zone among those left": (13, [""]),
    "too many zones": (13, ["site"] * (MAX_ZONES + 1)),
    "a slot of 33 bits": (14, 2**32),
    "once as a text": (15, "never"),
    "counts below 0": (16, -1),
}


@pytest.mark.parametrize("name", FIELDS)
def test_body_is_malformed_with(name: str) -> None:
    place, value = FIELDS[name]
    rows = canonical.decode(FULL.to_body())
    rows[place] = value
    with pytest.raises(MalformedError):
        PresenceMessage.from_body(canonical.encode(rows))


def test_body_with_a_field_more_or_less_is_malformed() -> None:
    rows = canonical.decode(FULL.to_body())
    wrongs: tuple[object, ...] = (rows[:-1], [*rows, 0], rows[:5], {})
    for wrong in wrongs:
        with pytest.raises(MalformedError):
            PresenceMessage.from_body(canonical.encode(wrong))


@pytest.mark.parametrize(
    "changes",
    [
        {"sign": Sign.ALIVE},
        {"sign": Sign.OPENED, "who": None, "portal": None},
        {"way": Direction.BOTH},
        {"who": None},
    ],
    ids=["a person of nothing", "a door of nowhere", "both ways", "nobody passed"],
)
def test_message_that_makes_no_sense_cannot_be_made(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError, match="presence"):
        seen(**changes)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(wire: bytes) -> None:
    with pytest.raises(DoorwardError):
        open_presence(wire, SITE, GATEWAYS)
    with pytest.raises(MalformedError):
        PresenceMessage.from_body(wire)


def test_portal_is_named_as_it_is() -> None:
    assert FULL.portal == WAY_OUT
