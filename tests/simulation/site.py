"""The site that every history starts from: keys, gateways, portals, people and what they show.

It is made once a process by the controller's own services; a history gets a copy of its database.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from doorward.credential import (
    CredentialClass,
    Form,
    Statement,
    issue_badge,
    show_pass,
    slot_message,
    slot_of,
)
from doorward.envelope import Ed25519Signer
from doorward.ids import CredentialId, GatewayId, KeyId, SiteId
from doorward.policy import Posture
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_controller.config import Config, Database, Mqtt
from doorward_controller.domain.permissions import Actor, Role, local_actor
from doorward_controller.domain.rule_book import PortalOptions, RuleBook, first_rule_book
from doorward_controller.services import (
    enrolment,
    issuing,
    policy_release,
    provisioning,
    revocation,
    rules,
    status_publishing,
)
from doorward_controller.services.backend import Backend, Publisher
from doorward_controller.services.feed import Feed
from doorward_controller.services.key_vault import KeyVault
from doorward_controller.store.session import Store
from doorward_controller.store.upgrade import upgrade
from tests.simulation.disk import VFS_NAME, SimulatedDisk
from tests.simulation.vfs import simulated_vfs
from tests.simulation.world import START_UTC_MS, seeded_randomness

SITE = SiteId("main")
GATEWAYS = tuple(GatewayId(f"gate-{n}") for n in range(1, 5))
PORTALS = 3
DATABASE = Path("/sim/controller/database")
ADMIN = local_actor()
SECURITY = Actor(name="sam", role=Role.SECURITY)
ISSUER = Actor(name="ina", role=Role.ISSUER)
MAX_AGE_S = 2 * 3600
"""The bound on stale rules at every portal but the last of each gateway."""

START_S = START_UTC_MS // 1000


class Kind(StrEnum):
    """What is held up, by what is right about it."""

    STAFF = "staff"
    PASS = "pass"
    STICKER = "sticker"
    EXPIRING = "expiring"
    STRANGER = "stranger"
    """A class that no grant names."""
    REVOKED = "revoked"
    FORGED = "forged"
    GARBAGE = "garbage"


NEVER = frozenset({Kind.STRANGER, Kind.FORGED, Kind.GARBAGE})
"""What no rule of the site ever lets in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Something to hold up.

    Attributes:
        name: what the trace calls it.
        index: its place in the status list, None where it has none.
    """

    name: str
    kind: Kind
    text: str = ""
    credential_id: CredentialId | None = None
    index: int | None = None
    expires: int = 0
    grant: bytes = b""
    phone: ec.EllipticCurvePrivateKey | None = field(default=None, repr=False)

    def payload(self, utc_ms: int) -> bytes:
        """Returns what the code holds when it is shown; a pass draws itself anew."""
        if self.phone is None:
            return self.text.encode()
        slot = slot_of(utc_ms // 1000)
        signature = self.phone.sign(slot_message(self.grant, slot), ec.ECDSA(hashes.SHA256()))
        return show_pass(self.grant, slot, *decode_dss_signature(signature)).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a history copies.

    Attributes:
        database: the controller's files.
        status_number: of the newest status list in it.
    """

    keys: KeyVault
    database: dict[str, bytes]
    keyring: bytes
    cards: tuple[Card, ...]


def seed_of(name: str) -> bytes:
    """Returns 32 bytes drawn from a word."""
    return hashlib.sha256(f"simulation {name}".encode()).digest()


def record_signer(gateway: GatewayId) -> Ed25519Signer:
    """Returns the key with which a gateway signs."""
    return Ed25519Signer.from_seed(seed_of(gateway))


def portals_of(gateway: GatewayId) -> tuple[str, ...]:
    """Returns the names of a gateway's portals."""
    return tuple(f"{gateway}-{letter}" for letter in "abc"[:PORTALS])


def rule_book(postures: dict[str, str]) -> RuleBook:
    """Returns the site's rules, with the postures that are not normal."""
    options = {
        portal: PortalOptions(max_age_s=MAX_AGE_S, posture=Posture(postures.get(portal, "normal")))
        for gateway in GATEWAYS
        for portal in portals_of(gateway)
    }
    book = first_rule_book().model_copy(update={"portals": options})
    return RuleBook.model_validate(book.model_dump())


@dataclass(frozen=True, slots=True)
class TrueClock:
    """The controller's clock, which is right."""

    now_ms: Callable[[], int]

    def now(self) -> Instant:
        now = self.now_ms()
        return Instant(
            utc_ms=UtcMs(now),
            mono_ms=MonoMs(now - START_UTC_MS + 10_000_000),
            trust=ClockTrust.SYNCHRONISED,
        )


class NowherePublisher:
    """Nobody is there yet while the site is made."""

    connected = False

    def publish(self, topic: str, wire: bytes, *, retain: bool) -> None:
        """Forgets it."""


@lru_cache(maxsize=1)
def controller_store() -> Store:
    """Returns the store on the simulated disk; histories share it for its compiled statements."""
    return Store(f"sqlite:///file:{DATABASE}/doorward.sqlite3?vfs={VFS_NAME}&uri=true")


def backend_on(keys: KeyVault, now_ms: Callable[[], int], publisher: Publisher) -> Backend:
    """Returns the controller's parts, as `wiring` puts them together."""
    nowhere = Path("/sim/none.pem")
    return Backend(
        config=Config(
            site=SITE,
            data_dir=Path("/sim/controller"),
            database=Database(),
            mqtt=Mqtt(ca_file=nowhere, cert_file=nowhere, key_file=nowhere),
        ),
        store=controller_store(),
        clock=TrueClock(now_ms),
        keys=keys,
        publisher=publisher,
        feed=Feed(),
    )


@lru_cache(maxsize=1)
def the_site() -> Site:
    """Returns the site, made at the first call."""
    disk = simulated_vfs().disks["controller"] = SimulatedDisk("controller")
    luck = Random("the site")
    with seeded_randomness(luck):
        keys = _keys()
        store = controller_store()
        upgrade(store)
        backend = backend_on(keys, lambda: START_UTC_MS, NowherePublisher())
        provisioning.start_site(backend)
        for gateway in GATEWAYS:
            enrolment.enrol_gateway(
                backend,
                ADMIN,
                gateway=gateway,
                record_key=record_signer(gateway).public,
                portals=[
                    enrolment.NewPortal(portal=name, zone="site") for name in portals_of(gateway)
                ],
            )
        rules.save_rules(backend, SECURITY, rule_book({}))
        cards = _cards(backend, keys)
        policy_release.release(backend, SECURITY)
        keyring = provisioning.provision(backend).keyring
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    database = {
        name: content
        for name, content in disk.snapshot(DATABASE).items()
        if name == "doorward.sqlite3"
    }
    status_publishing._published_full.clear()
    policy_release._released_here.clear()
    return Site(keys=keys, database=database, keyring=keyring, cards=cards)


def _keys() -> KeyVault:
    return KeyVault(
        root=Ed25519Signer.from_seed(seed_of("root")),
        issue=Ed25519Signer.from_seed(seed_of("issue")),
        policy=Ed25519Signer.from_seed(seed_of("policy")),
        control=Ed25519Signer.from_seed(seed_of("control")),
        command=Ed25519Signer.from_seed(seed_of("command")),
        intake=X25519PrivateKey.from_private_bytes(seed_of("intake")),
        personal=AESGCM(seed_of("personal")),
        codes=AESGCM(seed_of("codes")),
        index=seed_of("index"),
        releases=seed_of("releases"),
        receivers=AESGCM(seed_of("receivers")),
        second_factors=AESGCM(seed_of("second-factors")),
        answers=AESGCM(seed_of("answers")),
        signing=AESGCM(seed_of("signing-keys")),
        audit=Ed25519Signer.from_seed(seed_of("audit")),
    )


def _cards(backend: Backend, keys: KeyVault) -> tuple[Card, ...]:
    cards = [_issued(backend, f"staff-{n}", Kind.STAFF) for n in range(1, 7)]
    cards += [_issued(backend, f"pass-{n}", Kind.PASS) for n in range(1, 4)]
    cards += [_issued(backend, f"sticker-{n}", Kind.STICKER) for n in range(1, 3)]
    cards += [_issued(backend, f"expiring-{n}", Kind.EXPIRING, 40 * n) for n in range(1, 3)]
    cards.append(_issued(backend, "stranger", Kind.STRANGER))
    cards.append(_issued(backend, "revoked", Kind.REVOKED))
    revoked = cards[-1].credential_id
    assert revoked is not None
    revocation.revoke(backend, SECURITY, [revoked.hex()], "lost")
    statement = Statement(
        key_id=keys.issue.key_id,
        credential_id=CredentialId(b"forgery!"),
        status_index=0,
        not_before=START_S - 3600,
        expires=START_S + 86_400,
        credential_class=CredentialClass.EMPLOYEE,
    )
    mallory = Ed25519Signer.from_seed(seed_of("mallory"))
    stranger = Statement(
        **{
            name: getattr(statement, name)
            for name in statement.__dataclass_fields__
            if name != "key_id"
        },
        key_id=KeyId(mallory.key_id),
    )
    cards.append(Card(name="forged", kind=Kind.FORGED, text=issue_badge(statement, mallory)))
    cards.append(Card(name="foreign", kind=Kind.FORGED, text=issue_badge(stranger, mallory)))
    cards.append(Card(name="garbage", kind=Kind.GARBAGE, text="HTTP://EXAMPLE.ORG/MENU"))
    return tuple(cards)


_CLASSES = {Kind.STRANGER: CredentialClass.RESIDENT, Kind.STICKER: CredentialClass.THING}
_FORMS = {Kind.PASS: Form.PASS, Kind.STICKER: Form.STICKER}


def _issued(backend: Backend, name: str, kind: Kind, expires_in_s: int = 300 * 86_400) -> Card:
    phone = None
    point = None
    if kind is Kind.PASS:
        secret = int.from_bytes(seed_of(name)) >> 8
        phone = ec.derive_private_key(secret, ec.SECP256R1())
        point = phone.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    expires = START_S + expires_in_s
    issued = issuing.issue(
        backend,
        ISSUER,
        issuing.IssueRequest(
            credential_class=_CLASSES.get(kind, CredentialClass.EMPLOYEE),
            form=_FORMS.get(kind, Form.BADGE),
            not_before=START_S - 3600,
            expires=expires,
            groups=() if kind is Kind.STRANGER else ("staff",),
            holder_key=point,
        ),
    )
    return Card(
        name=name,
        kind=kind,
        text=issued.text,
        credential_id=CredentialId(bytes.fromhex(issued.credential_id)),
        index=issued.status_index,
        expires=expires,
        grant=issued.pass_grant or b"",
        phone=phone,
    )
