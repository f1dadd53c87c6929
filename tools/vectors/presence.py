"""What gateways tell each other, and what of it must not be taken."""

from dataclasses import replace

from doorward import canonical
from doorward.envelope import Ed25519Signer, Kind, seal_envelope
from doorward.ids import CredentialId, Epoch, GatewayId, PortalId, SiteId
from doorward.policy import Direction
from doorward.presence_message import PresenceMessage, Sign, seal_presence, token_of

NORTH_KEY, SOUTH_KEY = (Ed25519Signer.from_seed(bytes([n] * 32)) for n in (11, 12))
SITE, NORTH, SOUTH = SiteId("plant-7"), GatewayId("gw-north"), GatewayId("gw-south")
NOON = 1_760_004_000
ALICE, BOB = (CredentialId(bytes(7) + bytes([n])) for n in (0xA1, 0xB0))
PASSED = PresenceMessage(
    site=SITE,
    gateway=NORTH,
    epoch=Epoch(0x0102_0304_0506),
    seq=7,
    at=NOON,
    is_clock_trusted=True,
    sign=Sign.PASSED,
    portal=PortalId("gate-north"),
    credential=token_of(SITE, BOB),
    holder=token_of(SITE, ALICE),
    way=Direction.ENTRY,
    enters="site",
    leaves=("yard", "dock"),
    slot=NOON // 5,
    once_until=NOON + 3600,
    counts_until=NOON + 7200,
)
ALIVE = PresenceMessage(
    site=SITE,
    gateway=SOUTH,
    epoch=Epoch(1),
    seq=1,
    at=0,
    is_clock_trusted=False,
    sign=Sign.ALIVE,
)

FORGIVEN = replace(
    ALIVE,
    sign=Sign.FORGIVEN,
    enters="lab",
    credential=PASSED.credential,
    holder=PASSED.holder,
)
ALL_FORGIVEN = replace(ALIVE, sign=Sign.ALL_FORGIVEN, enters="lab")


def vectors() -> dict[str, object]:
    """Returns what tests/vectors/presence.json holds."""
    gate = PortalId("gate-south")
    messages = [
        ("through the gate", PASSED, NORTH_KEY),
        ("let in", replace(PASSED, sign=Sign.GRANTED, seq=6), NORTH_KEY),
        ("not through", replace(PASSED, sign=Sign.ANNULLED, seq=8), NORTH_KEY),
        ("is there, without a clock", ALIVE, SOUTH_KEY),
        ("open", replace(ALIVE, sign=Sign.OPENED, portal=gate), SOUTH_KEY),
        ("closed", replace(ALIVE, sign=Sign.CLOSED, portal=gate), SOUTH_KEY),
        ("forgiven", FORGIVEN, SOUTH_KEY),
        ("everybody forgiven", ALL_FORGIVEN, SOUTH_KEY),
    ]
    return {
        "site": SITE,
        "gateways": {NORTH: NORTH_KEY.public.hex(), SOUTH: SOUTH_KEY.public.hex()},
        "tokens": [
            {"credential": one.hex(), "token": token_of(SITE, one).hex()} for one in (ALICE, BOB)
        ],
        "messages": [
            {"why": why}
            | _said(message)
            | {"body": message.to_body().hex(), "envelope": seal_presence(message, key).hex()}
            for why, message, key in messages
        ],
        "refused": [
            {"why": why, "envelope": wire.hex(), "error": error} for why, wire, error in _refused()
        ],
    }


def _said(message: PresenceMessage) -> dict[str, object]:
    return {
        "gateway": message.gateway,
        "epoch": message.epoch,
        "seq": message.seq,
        "at": message.at,
        "is_clock_trusted": message.is_clock_trusted,
        "sign": message.sign.name.lower(),
        "portal": message.portal,
        "credential": message.credential.hex(),
        "holder": message.holder.hex(),
        "way": message.way,
        "enters": message.enters,
        "leaves": list(message.leaves),
        "slot": message.slot,
        "once_until": message.once_until,
        "counts_until": message.counts_until,
    }


def _refused() -> list[tuple[str, bytes, str]]:
    rows = canonical.decode(PASSED.to_body())

    def changed(place: int, value: object) -> bytes:
        body = canonical.encode([*rows[:place], value, *rows[place + 1 :]])
        return seal_envelope(Kind.PRESENCE, body, [NORTH_KEY])

    nowhere = [*canonical.decode(ALL_FORGIVEN.to_body())]
    nowhere[12] = ""
    elsewhere = replace(PASSED, site=SiteId("plant-8"))
    nobody = replace(PASSED, gateway=GatewayId("gw-west"))
    return [
        ("signed by another gateway", seal_presence(PASSED, SOUTH_KEY), "untrusted"),
        ("of a gateway that is not known", seal_presence(nobody, NORTH_KEY), "untrusted"),
        ("of another site", seal_presence(elsewhere, NORTH_KEY), "wrong_recipient"),
        (
            "another kind",
            seal_envelope(Kind.BATCH, PASSED.to_body(), [NORTH_KEY]),
            "malformed",
        ),
        ("another format", changed(0, 2), "malformed"),
        ("number 0", changed(4, 0), "malformed"),
        ("an unknown sign", changed(7, 9), "malformed"),
        ("everybody forgiven, and somebody", changed(7, 8), "malformed"),
        (
            "everybody forgiven nowhere",
            seal_envelope(Kind.PRESENCE, canonical.encode(nowhere), [SOUTH_KEY]),
            "malformed",
        ),
        ("a passage of nobody", changed(10, b""), "malformed"),
        ("both ways", changed(11, 3), "malformed"),
        ("a zone in capitals", changed(12, "SITE"), "malformed"),
    ]
