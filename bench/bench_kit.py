"""The kit: checking codes beside bare signatures, and a policy of a million credentials.

"Bare" is what `cryptography` takes to verify the same signatures with keys that are already loaded.
The full check of a badge is everything from the bytes of the code to an authentic credential; that
of a pass has two signatures, and loads the holder's key, which it has never seen before.
"""

import itertools
import json
import mmap
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.report import Call, Report
from doorward.credential import (
    BADGE_CONTEXT,
    PASS_CONTEXT,
    SLOT_CONTEXT,
    Badge,
    Credential,
    CredentialClass,
    Form,
    HolderPass,
    Statement,
    issue_badge,
    issue_pass,
    read_payload,
    show_pass,
    slot_message,
    verify,
)
from doorward.decision import Grant, Presence, Rules, decide
from doorward.envelope import Ed25519Signer, Kind, parse_envelope, seal_envelope
from doorward.ids import CredentialId, Epoch, GatewayId, PortalId, SiteId
from doorward.keys import Key, Keyring, Purpose, verify_signed
from doorward.policy import AntiPassback, Policy
from doorward.policy_draft import (
    GrantDraft,
    PersonDraft,
    PolicyDraft,
    PortalDraft,
    ZoneDraft,
    build_body,
)
from doorward.presence import PresenceBook
from doorward.presence_message import PresenceMessage, Sign, token_of
from doorward.presence_port import NothingSeen
from doorward.schedule import ALWAYS, Schedule, SiteTime, Span
from doorward.status import Delta, Status, StatusList, apply_delta
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs

ROOT = Path(__file__).resolve().parent.parent
NOW_S = 1_760_004_000
NOW = Instant(utc_ms=UtcMs(NOW_S * 1000), mono_ms=MonoMs(0), trust=ClockTrust.SYNCHRONISED)
SITE, GATE = SiteId("plant-7"), PortalId("gate-north")
ISSUER, POLICY = (Ed25519Signer.from_seed(bytes([n] * 32)) for n in (1, 2))
HOLDER = ec.derive_private_key(0xD00D, ec.SECP256R1())
SHA256 = ec.ECDSA(hashes.SHA256())
KEYRING = Keyring(
    site=SITE,
    version=1,
    created_at=0,
    threshold=1,
    keys=tuple(
        Key(public=signer.public, purposes=purposes, not_before=0, not_after=2**40)
        for signer, purposes in ((ISSUER, Purpose.ISSUE | Purpose.ROOT), (POLICY, Purpose.POLICY))
    ),
)
SHOWN = 2_000
"""So many different people stand at the door in turn, spread over the whole table."""


def run(report: Report) -> None:
    """Measure codes, decisions, and what a big policy and status list cost."""
    _codes(report)
    with tempfile.TemporaryDirectory() as folder:
        _policy(report, Path(folder))
    _presence(report)
    _status(report)


# ---- codes


def _statement(credential_id: CredentialId, index: int = 7) -> Statement:
    return Statement(
        key_id=ISSUER.key_id,
        credential_id=credential_id,
        status_index=index,
        not_before=NOW_S - 1000,
        expires=NOW_S + 1000,
        credential_class=CredentialClass.EMPLOYEE,
    )


def _codes(report: Report) -> None:
    calls = report.scaled(500, 50)
    badge = issue_badge(_statement(CredentialId(bytes(8))), ISSUER).encode()
    claim, public = read_payload(badge), ISSUER.private.public_key()
    if not isinstance(claim, Badge) or not isinstance(verify(claim, KEYRING), Credential):
        raise TypeError("the badge is not authentic")
    signature, message = claim.signature, BADGE_CONTEXT + claim.signed
    report.compare(
        "full check of a DW1 badge / bare Ed25519 verification",
        lambda: verify(read_payload(badge), KEYRING),
        lambda: public.verify(signature, message),
        calls=calls,
        base_name="bare",
        at_most=1.3,
    )
    code = _pass()
    bare = _bare_pass(code)
    report.compare(
        "full check of a DW2 pass / its two bare verifications",
        lambda: verify(read_payload(code), KEYRING),
        bare,
        calls=calls,
        base_name="bare Ed25519 + ECDSA",
    )


def _pass() -> bytes:
    point = HOLDER.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    issued = issue_pass(_statement(CredentialId(bytes(8))), point, ISSUER)
    slot = NOW_S // 5
    r, s = decode_dss_signature(HOLDER.sign(slot_message(issued, slot), SHA256))
    return show_pass(issued, slot, r, s).encode()


def _bare_pass(code: bytes) -> Call:
    claim = read_payload(code)
    if not isinstance(claim, HolderPass) or not isinstance(verify(claim, KEYRING), Credential):
        raise TypeError("the pass is not authentic")
    issuer, holder = ISSUER.private.public_key(), HOLDER.public_key()
    signature, signed = claim.signature, PASS_CONTEXT + claim.signed
    shown = SLOT_CONTEXT + claim.signed + claim.slot.to_bytes(4)
    again = HOLDER.sign(shown, SHA256)

    def both() -> None:
        issuer.verify(signature, signed)
        holder.verify(again, shown, SHA256)

    return both


# ---- the policy


def _ids(count: int) -> list[CredentialId]:
    """The same random ids for the same count."""
    chance = random.Random(count)
    return [CredentialId(chance.randbytes(8)) for _ in range(count)]


def _people(ids: list[CredentialId]) -> Iterator[PersonDraft]:
    """One in three has an end of its own, as visitors do; the others share a few profiles."""
    for n, credential_id in enumerate(ids):
        yield PersonDraft(
            credential_id=credential_id,
            not_before=0,
            not_after=2**31 + (n if n % 3 == 0 else n % 12),
            groups=("staff", "visitors") if n % 7 == 0 else ("staff",),
            qualifications=(("fire", 2**31),) if n % 2 else (),
        )


def _draft(ids: list[CredentialId]) -> PolicyDraft:
    office = Schedule(name="office", spans=(Span(0b11111, 480, 1080),))
    return PolicyDraft(
        site=SITE,
        version=1,
        created_at=NOW_S,
        keyrings=(),
        time=SiteTime(zone="UTC", offsets=((0, 0),), day_types={}),
        zones=("site",),
        groups=("visitors", "staff"),
        qualifications=("fire",),
        schedules=(Schedule(name="always", spans=(ALWAYS,)), office),
        grants=(
            GrantDraft(group="visitors", zone="site", schedule="office"),
            GrantDraft(group="staff", zone="site", schedule="always"),
        ),
        portals={GATE: PortalDraft(zone="site", gateway=GatewayId("gw"))},
        people=_people(ids),
    )


def _policy(report: Report, folder: Path) -> None:
    many, few = report.scaled(1_000_000, 100_000), 1_000
    ids = _ids(many)
    build_s = []
    for _ in range(5):
        began_s = time.process_time()
        body = build_body(_draft(ids))
        build_s.append(time.process_time() - began_s)
    report.samples(f"building a bundle of {many:,}", build_s, unit="CPU s", at_most=10)
    report.value(f"a bundle of {many:,}", len(body) / 1e6, unit="MB")
    path = folder / "bundle"
    path.write_bytes(seal_envelope(Kind.BUNDLE, body, [POLICY]))
    with path.open("rb") as file:
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    envelope = parse_envelope(memoryview(memory))
    report.time(
        f"verifying a bundle of {many:,}",
        lambda: verify_signed(envelope, KEYRING, Purpose.POLICY, NOW_S),
        repeats=9,
    )
    report.time(f"loading a bundle of {many:,}", lambda: Policy.from_body(envelope.body), repeats=9)
    report.compare(
        f"decision with {many:,} / with {few:,}",
        _decider(Policy.from_body(envelope.body), ids),
        _decider(Policy.from_body(build_body(_draft(_ids(few)))), _ids(few)),
        calls=report.scaled(SHOWN, 200),
        base_name=f"{few:,}",
        at_most=1.2,
    )
    _memory(report, path, many)


def _decider(policy: Policy, ids: list[CredentialId], presence: Presence | None = None) -> Call:
    status = StatusList(site=SITE, seq=1, issued_at=NOW_S, size=64, bits=bytes(16))
    rules, key = Rules(policy=policy, status=status), KEYRING.keys[0]
    shown = itertools.cycle(
        Credential(statement=_statement(one), form=Form.BADGE, key=key)
        for one in random.Random(5).choices(ids, k=SHOWN)
    )
    seen = presence or NothingSeen()

    def one() -> None:
        decision = decide(next(shown), GATE, rules, seen, NOW)
        if not isinstance(decision, Grant):
            raise TypeError(f"refused: {decision.reason}")

    return one


def _memory(report: Report, path: Path, many: int) -> None:
    command = [sys.executable, "-m", "bench.policy_memory", str(path), str(many)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    for what, when in (("loaded", "loaded"), ("used", "20,000 found")):
        own = (found[what]["anon"] - found["before"]["anon"]) / 1024
        pages = (found[what]["file"] - found["before"]["file"]) / 1024
        report.value(f"memory of {many:,}, {when}", own, unit="MiB", at_most=20)
        report.value(f"mapped pages of {many:,}, {when}", pages, unit="MiB")
    report.note("Mapped pages belong to the file: the kernel drops them when memory is short.")


# ---- presence


def _presence(report: Report) -> None:
    """Every rule that asks presence at once, and 200 lines of which the last one grants."""
    people = report.scaled(20_000, 2_000)
    ids = _ids(people)
    draft = replace(
        _draft(ids),
        schedules=(*_draft([]).schedules, Schedule(name="never", spans=())),
        grants=(
            *(GrantDraft(group="staff", zone="site", schedule="never") for _ in range(199)),
            GrantDraft(group="staff", zone="site", schedule="always", per_day=50),
        ),
        zone_rules={"site": ZoneDraft(at_most=10**6)},
        portals={
            GATE: PortalDraft(
                zone="site",
                gateway=GatewayId("gw"),
                antipassback=AntiPassback.SOFT,
                min_interval_s=60,
                escorted=("visitors",),
                escorts=("staff",),
            ),
            PortalId("gate-south"): PortalDraft(zone="site", gateway=GatewayId("gw-south")),
        },
    )
    book = _book_of(ids)
    rules_book = _decider(Policy.from_body(build_body(draft)), ids, book)
    report.time(f"decision by 200 lines and all rules, {people:,} inside", rules_book, at_most=1.0)
    wire = book.to_wire()
    report.value(f"a snapshot of {people:,} people", len(wire) / 1e6, unit="MB")
    report.time(f"writing a snapshot of {people:,} people", book.to_wire)
    report.time(f"the muster of {people:,} people", lambda: book.muster(NOW))


def _book_of(ids: list[CredentialId]) -> PresenceBook:
    """A book in which everybody was seen to enter by another gateway, two minutes ago or more."""
    book = PresenceBook(site=SITE, gateway=GatewayId("gw"), epoch=Epoch(1))
    for seq, one in enumerate(ids, 1):
        token = token_of(SITE, one)
        message = PresenceMessage(
            site=SITE,
            gateway=GatewayId("gw-south"),
            epoch=Epoch(2),
            seq=seq,
            at=NOW_S - 120 - seq % 3600,
            is_clock_trusted=True,
            sign=Sign.PASSED,
            credential=token,
            holder=token,
            enters="site",
            counts_until=NOW_S + 86_400,
        )
        book.take(message, NOW)
    return book


# ---- the status list


def _status(report: Report) -> None:
    size, changes = report.scaled(2**20, 2**17), 1024
    held = StatusList(site=SITE, seq=1, issued_at=NOW_S, size=size, bits=bytes(size // 4))
    body = held.to_body()
    delta = Delta(
        site=SITE,
        base=1,
        seq=2,
        issued_at=NOW_S,
        changes=tuple((n * (size // changes), Status.REVOKED) for n in range(changes)),
    ).to_body()
    report.time(f"reading a list of {size:,}", lambda: StatusList.from_body(body))
    report.time(
        f"reading and applying {changes:,} changes to it",
        lambda: apply_delta(held, Delta.from_body(delta)),
    )
