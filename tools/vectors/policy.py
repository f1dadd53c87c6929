"""A policy bundle, what it says, and what is decided by it."""

from dataclasses import asdict

from doorward import canonical
from doorward.credential import CredentialClass, Statement, issue_badge
from doorward.envelope import Ed25519Signer, Kind, seal_envelope
from doorward.foreign import Family, foreign_digest
from doorward.ids import CredentialId, GatewayId, PortalId, SiteId
from doorward.keys import Key, Keyring, Purpose
from doorward.policy import (
    AntiPassback,
    Direction,
    Foreign,
    GroupRule,
    InDoubt,
    Posture,
    PresenceDoubt,
    Unlisted,
)
from doorward.policy_draft import (
    GrantDraft,
    PersonDraft,
    PolicyDraft,
    PortalDraft,
    ZoneDraft,
    build_body,
)
from doorward.roster import StickerRow
from doorward.schedule import ALWAYS, DayType, Schedule, SiteTime, Span
from doorward.status import Status, StatusList, with_changes
from doorward.sticker import make_sticker, sticker_digest

ROOT, ISSUER, POLICY = (Ed25519Signer.from_seed(bytes([n] * 32)) for n in (1, 2, 3))
SITE, GATEWAY = SiteId("plant-7"), GatewayId("gw-north")
NOON = 1_760_004_000
EVENING = NOON + 7 * 3600
ALICE, BOB, EVE = (CredentialId(bytes(7) + bytes([n])) for n in (0xA1, 0xB0, 0xE5))
STICKER = (1234).to_bytes(10)
SALT, STAFF_NUMBER = bytes(range(16)), "004711"
TIME = SiteTime(
    zone="Europe/Berlin",
    offsets=((1_743_296_400, 7200), (1_761_440_400, 3600)),
    day_types={20_372: DayType.MONDAY, 20_377: DayType.HOLIDAY},
)
DRAFT = PolicyDraft(
    site=SITE,
    version=42,
    created_at=NOON - 3600,
    keyrings=(),
    time=TIME,
    zones=("site", "lab", "vault"),
    zone_rules={
        "vault": ZoneDraft(within="lab", at_most=4),
        "lab": ZoneDraft(within="site", per_day=2, per_visit=40),
    },
    group_rules={
        "staff": GroupRule(rank=5),
        "visitors": GroupRule(is_once=True, is_duress=True, is_exempt=True),
    },
    gateways={GATEWAY: ROOT.public},
    forget_s=7200,
    groups=("staff", "visitors"),
    qualifications=("fire", "laser"),
    schedules=(
        Schedule(name="always", spans=(ALWAYS,)),
        Schedule(name="office", spans=(Span(0b11111, 480, 1080), Span(0b100000, 540, 720))),
        Schedule(name="night", spans=(Span(0b11111, 1320, 1800),)),
    ),
    grants=(
        GrantDraft(group="staff", zone="site", schedule="always"),
        GrantDraft(group="staff", zone="lab", schedule="office", qualifications=("laser",)),
        GrantDraft(group="visitors", zone="site", schedule="office"),
        GrantDraft(
            group="staff",
            zone="vault",
            schedule="always",
            way=Direction.ENTRY,
            per_day=2,
            per_visit=9,
        ),
    ),
    classes={CredentialClass.VISITOR: ("visitors",)},
    portals={
        PortalId("gate-north"): PortalDraft(zone="site", gateway=GATEWAY),
        PortalId("lab-door"): PortalDraft(
            zone="lab",
            gateway=GATEWAY,
            pulse_ms=1500,
            unlisted=Unlisted.DENY,
            clock_untrusted=InDoubt.ALLOW,
            max_age_s=7200,
            stale=InDoubt.ALLOW,
            foreign=Foreign.ALLOW,
        ),
        PortalId("loading-bay"): PortalDraft(
            zone="site", gateway=GATEWAY, posture=Posture.LOCKDOWN
        ),
        PortalId("south-gate"): PortalDraft(
            zone="site",
            gateway=GATEWAY,
            posture=Posture.LOCKDOWN,
            posture_rank=5,
            posture_until=EVENING,
        ),
        PortalId("vault-in"): PortalDraft(
            zone="vault",
            gateway=GATEWAY,
            beyond="lab",
            qualifications=("fire",),
            antipassback=AntiPassback.TIMED,
            antipassback_s=300,
            presence_unknown=PresenceDoubt.DENY,
            min_interval_s=20,
            two_persons=True,
            escorted=("visitors",),
            escorts=("staff",),
            escort_leads=3,
            wait_s=30,
            interlock=(PortalId("vault-out"),),
        ),
        PortalId("vault-out"): PortalDraft(
            zone="vault",
            gateway=GATEWAY,
            direction=Direction.EXIT,
            unlock="night",
            unlock_after_first=True,
            interlock=(PortalId("vault-in"),),
        ),
    },
    people=(
        PersonDraft(
            credential_id=BOB,
            not_before=NOON - 9,
            not_after=NOON + 86_400,
            groups=("staff",),
            qualifications=(("laser", NOON + 60), ("fire", NOON)),
            holder=ALICE,
        ),
        PersonDraft(
            credential_id=ALICE, not_before=0, not_after=2**40, groups=("visitors", "staff")
        ),
    ),
    stickers=(
        (sticker_digest(STICKER), StickerRow(BOB, 8)),
        (foreign_digest(STAFF_NUMBER.encode(), Family.LINES, SALT), StickerRow(BOB, 12)),
    ),
    foreign_salt=SALT,
)
STATUS = StatusList(
    site=SITE,
    seq=7,
    issued_at=NOON - 60,
    size=64,
    bits=with_changes(bytes(16), 64, ((9, Status.REVOKED), (10, Status.SUSPENDED))),
)
KEYRING = Keyring(
    site=SITE,
    version=1,
    created_at=0,
    threshold=1,
    keys=tuple(
        Key(public=signer.public, purposes=purpose, not_before=0, not_after=2**40)
        for signer, purpose in (
            (ROOT, Purpose.ROOT),
            (ISSUER, Purpose.ISSUE),
            (POLICY, Purpose.POLICY),
        )
    ),
)


_FOREIGN = (
    (STAFF_NUMBER, Family.LINES),
    (STAFF_NUMBER, Family.SQUARES),
    (f" {STAFF_NUMBER}\r\n", Family.LINES),
    ("4006381333931", Family.LINES),
    ("工号 0815", Family.SQUARES),
)


VISITORS, VAULT = "10:visitors>site@office", "10:staff>vault@always"


def vectors() -> dict[str, object]:
    """Returns what tests/vectors/policy.json holds."""
    body = build_body(DRAFT)
    said = asdict(DRAFT)
    said |= {
        "keyrings": [],
        "time": said["time"]
        | {"day_types": [[day, int(kind)] for day, kind in TIME.day_types.items()]},
        "classes": {str(int(kind)): list(groups) for kind, groups in DRAFT.classes.items()},
        "people": [
            one
            | {"credential_id": one["credential_id"].hex()}
            | {"holder": one["holder"].hex() if one["holder"] else None}
            for one in said["people"]
        ],
        "gateways": {name: key.hex() for name, key in DRAFT.gateways.items()},
        "stickers": [
            [digest.hex(), row.credential_id.hex(), row.status_index]
            for digest, row in DRAFT.stickers
        ],
        "foreign_salt": SALT.hex(),
    }
    return {
        "says": said,
        "body": body.hex(),
        "signer_public": POLICY.public.hex(),
        "envelope": seal_envelope(Kind.BUNDLE, body, [POLICY]).hex(),
        "keyring": KEYRING.to_body().hex(),
        "status": {"seq": STATUS.seq, "issued_at": STATUS.issued_at, "size": STATUS.size}
        | {"bits": STATUS.bits.hex()},
        "foreign": [
            {"text": text, "family": family.value, "salt": SALT.hex()}
            | {"digest": foreign_digest(text.encode(), family, SALT).hex()}
            for text, family in _FOREIGN
        ],
        "decisions": _decisions(),
        "malformed": [{"why": why, "body": raw.hex()} for why, raw in _malformed(body)],
    }


def _malformed(body: bytes) -> list[tuple[str, bytes]]:
    length = int.from_bytes(body[:4])
    header, tables = canonical.decode(body[4 : 4 + length]), body[4 + length :]

    def changed(**fields: object) -> bytes:
        raw = canonical.encode(header | fields)
        return len(raw).to_bytes(4) + raw + tables

    ids, rest = tables[:16], tables[16:]
    return [
        ("cut by a byte", body[:-1]),
        ("longer by a byte", body + b"\0"),
        ("ids that fall", body[: 4 + length] + ids[8:] + ids[:8] + rest),
        ("an id twice", body[: 4 + length] + ids[:8] * 2 + rest),
        ("a row past the profiles", body[: 4 + length] + ids + b"\xff" * 4 + rest[4:]),
        ("version true", changed(version=True)),
        ("a field more", changed(more=0)),
        ("a group that is not there", changed(grants=[[2, 0, 0, [], 0, 0, 0]])),
        ("a way that is not there", changed(grants=[[0, 0, 0, [], 3, 0, 0]])),
        ("a zone within itself", changed(zone_rules={0: {"within": 0, "at_most": 0}})),
        (
            "a zone's limit that says nothing",
            changed(zone_rules={0: {"within": None, "at_most": 0, "per_day": 0}}),
        ),
        ("a gateway's key of 31 bytes", changed(gateways={"gw-north": bytes(31)})),
        ("a schedule's name twice", changed(schedules=[["a", []], ["b", []], ["a", []]])),
        ("a calendar day twice", changed(calendar=[[1, 7], [1, 0]])),
        ("offsets that fall", changed(time={"zone": "x", "offsets": [[2, 0], [1, 0]]})),
    ]


def _badge(who: CredentialId, index: int, class_: CredentialClass) -> str:
    said = Statement(
        key_id=ISSUER.key_id,
        credential_id=who,
        status_index=index,
        not_before=NOON - 100,
        expires=NOON + 86_400 * 100,
        credential_class=class_,
    )
    return issue_badge(said, ISSUER)


def _decisions() -> list[dict[str, object]]:
    """`trust` 0 is a clock that nobody may believe, 2 a synchronised one."""
    employee, visitor = CredentialClass.EMPLOYEE, CredentialClass.VISITOR
    alice, bob = _badge(ALICE, 7, employee), _badge(BOB, 8, employee)
    eve = _badge(EVE, 11, visitor)
    north, lab = "gate-north", "lab-door"
    rows: list[tuple[str, str, str, int, int, str, str]] = [
        ("listed", alice, north, NOON, 2, "granted", "10:staff>site@always"),
        (
            "by sticker",
            make_sticker(STICKER) or "",
            north,
            NOON,
            2,
            "granted",
            "10:staff>site@always",
        ),
        ("with training", bob, lab, NOON, 2, "granted", "10:staff>lab@office"),
        (
            "training just over",
            bob,
            lab,
            NOON + 60,
            2,
            "qualification_expired",
            "10:staff>lab@office",
        ),
        ("never trained", alice, lab, NOON, 2, "qualification_missing", "10:staff>lab@office"),
        ("after hours", bob, lab, EVENING, 2, "outside_schedule", "10:staff>lab@office"),
        ("after hours, clock unknown", bob, lab, EVENING, 0, "granted", "10:staff>lab@office"),
        ("clock unknown", bob, north, NOON, 0, "clock_untrusted", "4:clock"),
        ("visitor by class", eve, north, NOON, 2, "granted", "10:visitors>site@office"),
        (
            "visitor in the evening",
            eve,
            north,
            EVENING,
            2,
            "outside_schedule",
            "10:visitors>site@office",
        ),
        ("visitor at the lab", eve, lab, NOON, 2, "not_listed", "9:roster"),
        (
            "visitor on a worked Saturday",
            eve,
            north,
            NOON + 2 * 86_400,
            2,
            "granted",
            "10:visitors>site@office",
        ),
        ("list too old", alice, north, NOON + 72 * 3600, 2, "policy_stale", "8:age"),
        ("revoked", _badge(ALICE, 9, employee), north, NOON, 2, "revoked", "7:status"),
        ("suspended", _badge(ALICE, 10, employee), north, NOON, 2, "suspended", "7:status"),
        (
            "newer than the list",
            _badge(ALICE, 64, employee),
            north,
            NOON,
            2,
            "status_unknown",
            "7:status",
        ),
        ("not yet", alice, north, NOON - 101, 2, "not_yet_valid", "5:validity"),
        ("lockdown", alice, "loading-bay", NOON, 2, "lockdown", "2:posture"),
        ("lockdown and of rank", alice, "south-gate", NOON, 2, "granted", "10:staff>site@always"),
        ("lockdown and no rank", eve, "south-gate", NOON, 2, "lockdown", "2:posture"),
        ("lockdown is over", eve, "south-gate", EVENING, 2, "outside_schedule", VISITORS),
        ("vault, training over", bob, "vault-in", NOON, 2, "qualification_expired", VAULT),
        ("vault, alone", bob, "vault-in", NOON - 1, 2, "second_person_needed", "16:together"),
        ("vault, the other way", bob, "vault-out", NOON, 2, "not_this_way", VAULT),
        ("unknown portal", alice, "roof", NOON, 2, "portal_unknown", "1:portal"),
        ("a web address", "https://example.org/", north, NOON, 2, "not_ours", "3:code"),
    ]
    names = ("why", "payload", "portal", "now", "trust", "reason", "rule")
    return [dict(zip(names, row, strict=True)) for row in rows]
