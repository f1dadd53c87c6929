"""A controller in memory: tests change its world, and it signs on demand what a real one would."""

import hashlib
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from doorward.credential import CredentialClass, Statement, issue_badge, issue_pass
from doorward.envelope import Ed25519Signer, Kind, Signer, seal_envelope
from doorward.ids import CredentialId, GatewayId, SiteId, parse_portal_id
from doorward.keys import Key, Keyring, Purpose
from doorward.policy import Foreign, Posture
from doorward.policy_draft import GrantDraft, PersonDraft, PolicyDraft, PortalDraft, build_body
from doorward.roster import StickerRow
from doorward.schedule import ALWAYS, Schedule, SiteTime
from doorward.status import Delta, Status, StatusList, with_changes

SITE = SiteId("hq")
GATEWAY = GatewayId("gate-1")
PORTAL = parse_portal_id("north")
START_S = 1_800_000_000
YEAR_S = 365 * 86_400


def signer_of(name: str) -> Ed25519Signer:
    """Returns the signer whose seed is drawn from a word; the same word, the same key."""
    return Ed25519Signer.from_seed(hashlib.sha256(name.encode()).digest())


def key_of(name: str, purposes: Purpose, *, revoked: bool = False) -> Key:
    """Returns the public side of `signer_of(name)`, good for two years around the start."""
    return Key(
        public=signer_of(name).public,
        purposes=purposes,
        not_before=START_S - YEAR_S,
        not_after=START_S + YEAR_S,
        revoked=revoked,
    )


@dataclass
class SiteSimulator:
    """One site with one gateway and one portal.

    Attributes:
        roots: names of the root keys of the newest keyring.
        keyrings: envelopes, oldest first; the first is what enrolment pins.
    """

    issue: str = "issue-1"
    policy: str = "policy-1"
    roots: tuple[str, ...] = ("root-1",)
    bundle_version: int = 0
    seq: int = 0
    base: int = 0
    size: int = 1024
    bits: bytes = b""
    changes: dict[int, Status] = field(default_factory=dict)
    posture: Posture = Posture.NORMAL
    people: list[PersonDraft] = field(default_factory=list)
    stickers: list[tuple[bytes, StickerRow]] = field(default_factory=list)
    foreign: Foreign = Foreign.DENY
    foreign_salt: bytes = b""
    keyring: Keyring = field(init=False)
    keyrings: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Makes the first keyring."""
        self.bits = bytes(self.size // 4)
        self.keyring = Keyring(
            site=SITE,
            version=1,
            created_at=START_S,
            threshold=1,
            keys=(
                *(key_of(name, Purpose.ROOT) for name in self.roots),
                key_of(self.issue, Purpose.ISSUE),
                key_of(self.policy, Purpose.POLICY),
                key_of("control-1", Purpose.CONTROL),
                key_of("command-1", Purpose.COMMAND),
            ),
        )
        self.keyrings.append(self._seal_keyring(self.keyring, self.roots))

    def rotate(self, keys: tuple[Key, ...], *, signed_by: tuple[str, ...]) -> bytes:
        """Makes the next keyring and returns it."""
        self.keyring = replace(self.keyring, version=self.keyring.version + 1, keys=keys)
        wire = self._seal_keyring(self.keyring, signed_by)
        self.keyrings.append(wire)
        return wire

    def badge(self, number: int, *, expires: int = START_S + 30 * 86_400) -> str:
        """Returns the badge with a credential id and status index made from a number."""
        return issue_badge(self._statement(number, expires), signer_of(self.issue))

    def pass_grant(self, number: int, phone: ec.EllipticCurvePrivateKey) -> bytes:
        """Returns the issuer's part of the pass of a phone."""
        point = phone.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        statement = self._statement(number, START_S + 30 * 86_400)
        return issue_pass(statement, point, signer_of(self.issue))

    def _statement(self, number: int, expires: int) -> Statement:
        return Statement(
            key_id=signer_of(self.issue).key_id,
            credential_id=credential_id(number),
            status_index=number,
            not_before=START_S - 3600,
            expires=expires,
            credential_class=CredentialClass.EMPLOYEE,
        )

    def bundle(self, signer: Signer | None = None) -> bytes:
        """Signs the next bundle."""
        self.bundle_version += 1
        body = build_body(
            PolicyDraft(
                site=SITE,
                version=self.bundle_version,
                created_at=START_S,
                keyrings=tuple(self.keyrings),
                time=SiteTime(zone="Asia/Shanghai", offsets=((0, 8 * 3600),), day_types={}),
                zones=("hall",),
                groups=("staff",),
                schedules=(Schedule(name="always", spans=(ALWAYS,)),),
                grants=(GrantDraft(group="staff", zone="hall", schedule="always"),),
                portals={
                    PORTAL: PortalDraft(
                        zone="hall", gateway=GATEWAY, posture=self.posture, foreign=self.foreign
                    )
                },
                classes={CredentialClass.EMPLOYEE: ("staff",)},
                people=self.people,
                stickers=self.stickers,
                foreign_salt=self.foreign_salt,
            )
        )
        return seal_envelope(Kind.BUNDLE, body, [signer or signer_of(self.policy)])

    def status(self, signer: Signer | None = None) -> bytes:
        """Signs the full list at the current number (1 at first)."""
        self.seq = max(self.seq, 1)
        self.base = self.seq
        self.bits = with_changes(self.bits, self.size, tuple(sorted(self.changes.items())))
        self.changes = {}
        full = StatusList(
            site=SITE, seq=self.seq, issued_at=START_S, size=self.size, bits=self.bits
        )
        return seal_envelope(Kind.STATUS, full.to_body(), [signer or signer_of(self.policy)])

    def set_status(self, number: int, status: Status, signer: Signer | None = None) -> bytes:
        """Changes one index and signs the delta."""
        self.seq += 1
        self.changes[number] = status
        delta = Delta(
            site=SITE,
            base=self.base,
            seq=self.seq,
            issued_at=START_S,
            changes=tuple(sorted(self.changes.items())),
        )
        return seal_envelope(Kind.DELTA, delta.to_body(), [signer or signer_of(self.policy)])

    def _seal_keyring(self, keyring: Keyring, signed_by: tuple[str, ...]) -> bytes:
        return seal_envelope(Kind.KEYRING, keyring.to_body(), [signer_of(n) for n in signed_by])


def credential_id(number: int) -> CredentialId:
    """Returns the credential id made from a number."""
    return CredentialId(number.to_bytes(8))
