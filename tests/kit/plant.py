"""One small site for the tests of the kit: its keys, codes, policy and times."""

import dataclasses
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from doorward.credential import (
    Credential,
    CredentialClass,
    Form,
    Statement,
    issue_badge,
    issue_pass,
    read_payload,
    show_pass,
    slot_message,
    slot_of,
    verify,
)
from doorward.envelope import Ed25519Signer
from doorward.ids import CredentialId, GatewayId, PortalId, SiteId
from doorward.keys import Key, Keyring, Purpose
from doorward.policy import Policy
from doorward.policy_draft import GrantDraft, PersonDraft, PolicyDraft, PortalDraft, build_body
from doorward.presence_port import NothingSeen
from doorward.schedule import ALWAYS, DayType, Schedule, SiteTime, Span
from doorward.status import Status, StatusList, with_changes
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs

SITE = SiteId("plant-7")
GATE = PortalId("gate-north")
LAB_DOOR = PortalId("lab-door")
GATEWAY = GatewayId("gw-north")

NOON = 1_760_004_000
"""2025-10-09 12:00:00 in Berlin (UTC+2), a Thursday."""
DAY_S = 86_400
SUMMER_ENDS = 1_761_440_400
"""2025-10-26 01:00 UTC: clocks in Berlin go from 03:00 back to 02:00."""
SUMMER_BEGINS = 1_774_746_000
"""2026-03-29 01:00 UTC: clocks in Berlin go from 02:00 to 03:00."""

ALICE = CredentialId(bytes.fromhex("00000000000000a1"))
BOB = CredentialId(bytes.fromhex("00000000000000b0"))
ALICE_INDEX, BOB_INDEX = 7, 8

BERLIN = SiteTime(
    zone="Europe/Berlin",
    offsets=((0, 3600), (1_743_296_400, 7200), (SUMMER_ENDS, 3600), (SUMMER_BEGINS, 7200)),
    day_types={20_372: DayType.MONDAY, 20_377: DayType.HOLIDAY},
)
"""Saturday 2025-10-11 works as a Monday; Thursday 2025-10-16 is a holiday."""


def signer(number: int) -> Ed25519Signer:
    return Ed25519Signer.from_seed(bytes([number]) * 32)


ROOT, ISSUER, POLICY_SIGNER, CONTROL = signer(1), signer(2), signer(3), signer(4)
COMMANDER = signer(40)


def key_of(
    owner: Ed25519Signer,
    purposes: Purpose,
    not_before: int = 0,
    not_after: int = 2**40,
    *,
    revoked: bool = False,
) -> Key:
    return Key(
        public=owner.public,
        purposes=purposes,
        not_before=not_before,
        not_after=not_after,
        revoked=revoked,
    )


def keyring(version: int = 1, *, threshold: int = 1, keys: tuple[Key, ...] = ()) -> Keyring:
    return Keyring(
        site=SITE,
        version=version,
        created_at=NOON,
        threshold=threshold,
        keys=keys
        or (
            key_of(ROOT, Purpose.ROOT),
            key_of(ISSUER, Purpose.ISSUE),
            key_of(POLICY_SIGNER, Purpose.POLICY),
            key_of(CONTROL, Purpose.CONTROL),
            key_of(COMMANDER, Purpose.COMMAND),
        ),
    )


KEYRING = keyring()


REPEATABLE = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
"""RFC 6979, so that a test's name and a vector are the same in each run."""


def statement(**changes: Any) -> Statement:
    plain = Statement(
        key_id=ISSUER.key_id,
        credential_id=ALICE,
        status_index=ALICE_INDEX,
        not_before=NOON - 30 * DAY_S,
        expires=NOON + 300 * DAY_S,
        credential_class=CredentialClass.EMPLOYEE,
    )
    return dataclasses.replace(plain, **changes)


HOLDER = ec.derive_private_key(0xD00D, ec.SECP256R1())
HOLDER_KEY = HOLDER.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def badge(**changes: Any) -> bytes:
    return issue_badge(statement(**changes), ISSUER).encode()


def holder_pass(slot: int | None = None, **changes: Any) -> bytes:
    issued = issue_pass(statement(**changes), HOLDER_KEY, ISSUER)
    at = slot_of(NOON) if slot is None else slot
    r, s = decode_dss_signature(HOLDER.sign(slot_message(issued, at), REPEATABLE))
    return show_pass(issued, at, r, s).encode()


def shown(payload: bytes, ring: Keyring = KEYRING) -> Credential:
    """The authentic credential in a code that must be good."""
    found = verify(read_payload(payload), ring)
    assert isinstance(found, Credential), found
    return found


OFFICE = Schedule(name="office", spans=(Span(0b0011111, 8 * 60, 18 * 60),))
NIGHT = Schedule(name="night", spans=(Span(0b0011111, 22 * 60, 30 * 60),))
OPEN = Schedule(name="always", spans=(ALWAYS,))


def person(credential_id: CredentialId = ALICE, **changes: Any) -> PersonDraft:
    plain = PersonDraft(
        credential_id=credential_id, not_before=0, not_after=2**40, groups=("staff",)
    )
    return dataclasses.replace(plain, **changes)


def draft(**changes: Any) -> PolicyDraft:
    plain = PolicyDraft(
        site=SITE,
        version=42,
        created_at=NOON,
        keyrings=(),
        time=BERLIN,
        zones=("site", "lab"),
        groups=("staff", "visitors", "chemists"),
        qualifications=("fire", "laser"),
        schedules=(OPEN, OFFICE, NIGHT),
        grants=(
            GrantDraft(group="staff", zone="site", schedule="always"),
            GrantDraft(group="visitors", zone="site", schedule="office"),
            GrantDraft(group="chemists", zone="lab", schedule="always", qualifications=("laser",)),
        ),
        classes={CredentialClass.VISITOR: ("visitors",)},
        portals={
            GATE: PortalDraft(zone="site", gateway=GATEWAY),
            LAB_DOOR: PortalDraft(zone="lab", gateway=GATEWAY),
        },
        people=(person(),),
    )
    return dataclasses.replace(plain, **changes)


def policy(**changes: Any) -> Policy:
    return Policy.from_body(build_body(draft(**changes)))


def status_list(
    *changes: tuple[int, Status], seq: int = 1, size: int = 64, issued_at: int = NOON
) -> StatusList:
    bits = with_changes(bytes(-(-size // 4)), size, changes)
    return StatusList(site=SITE, seq=seq, issued_at=issued_at, size=size, bits=bits)


def at(utc_s: int, trust: ClockTrust = ClockTrust.SYNCHRONISED) -> Instant:
    return Instant(utc_ms=UtcMs(utc_s * 1000), mono_ms=MonoMs(5_000), trust=trust)


class Used(NothingSeen):
    """What the site remembers of passes; a fake of the gateway's own."""

    def __init__(self, *slots: tuple[CredentialId, int]) -> None:
        self._slots = set(slots)

    def is_slot_used(self, credential_id: CredentialId, slot: int) -> bool:
        return (credential_id, slot) in self._slots


def credential(slot: int | None = None, key: Key | None = None, **changes: Any) -> Credential:
    """An authentic badge, or with a slot a pass, as `verify` returns it."""
    return Credential(
        statement=statement(**changes),
        form=Form.BADGE if slot is None else Form.PASS,
        key=key or key_of(ISSUER, Purpose.ISSUE),
        slot=slot,
    )
