"""Records, their sealing, the chain, a batch and an acknowledgement.

The sealed segment key is made here from RFC 9180 with a fixed ephemeral key, independently of the
library that the kit uses, because that one draws its own.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from doorward.acks import Ack
from doorward.batches import Batch, SealedRecord, Segment, chain_next, chain_start
from doorward.envelope import Ed25519Signer, Kind, key_id_of, seal_envelope
from doorward.ids import Epoch, GatewayId, SiteId
from doorward.records import Outcome, Record, RecordKind
from doorward.sealing import SegmentCipher, SegmentName
from doorward.times import UtcSeconds

SITE, GATEWAY, EPOCH = SiteId("plant-7"), GatewayId("gate-north"), Epoch(0x0123456789AB)
RECIPIENT = X25519PrivateKey.from_private_bytes(bytes(range(32)))
EPHEMERAL = X25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
SEGMENT_KEY = bytes(range(64, 96))
SIGNER = Ed25519Signer.from_seed(bytes(range(96, 128)))
CONTROL = Ed25519Signer.from_seed(bytes(range(128, 160)))
BOOT = bytes.fromhex("b007b007b007b007")

RECORDS = (
    Record(
        kind=RecordKind.SCAN,
        utc_ms=1_760_000_000_123,
        mono_ms=86_400_000,
        boot_id=BOOT,
        clock_trust=2,
        portal="gate-north",
        outcome=Outcome.GRANT,
        reason="granted",
        credential_id=bytes.fromhex("00112233445566ff"),
        form="dw1",
        credential_class=1,
        rule="staff/site/always",
        basis="snapshot",
        policy_version=42,
        policy_age_s=3_600,
        status_seq=7,
        reader="zxing/fast",
        online=True,
    ),
    Record(
        kind=RecordKind.SCAN,
        utc_ms=1_760_000_001_000,
        mono_ms=86_400_877,
        boot_id=BOOT,
        clock_trust=1,
        portal="gate-north",
        outcome=Outcome.DENY,
        reason="not_a_doorward_code",
        form="other",
        late=True,
        reader="pyzbar",
        payload_digest=bytes.fromhex("8877665544332211"),
        detail="网址 / a web address",
    ),
    Record(
        kind=RecordKind.PASSAGE,
        utc_ms=1_760_000_002_000,
        mono_ms=86_401_877,
        boot_id=BOOT,
        clock_trust=0,
        portal="gate-north",
        reason="entered",
        about_seq=1,
        extra=((900, "a field of a later version"), (901, 5)),
    ),
)


def vectors() -> dict[str, object]:
    """Returns what tests/vectors/records.json holds."""
    name = SegmentName(gateway=GATEWAY, epoch=EPOCH, number=1)
    sealed_key = _hpke_seal(SEGMENT_KEY, name.info())
    cipher = SegmentCipher.of(SEGMENT_KEY, GATEWAY, EPOCH)
    chain, entries, sealed_records = chain_start(GATEWAY, EPOCH), [], []
    start = chain
    for seq, record in enumerate(RECORDS, 1):
        sealed = cipher.seal(seq, record.to_wire())
        chain = chain_next(chain, seq, 1, sealed)
        sealed_records.append(SealedRecord(1, sealed))
        entries.append(
            {
                "seq": seq,
                "wire": record.to_wire().hex(),
                "sealed": sealed.hex(),
                "chain": chain.hex(),
                "fields": _shown(record),
            }
        )
    batch = Batch(
        site=SITE,
        gateway=GATEWAY,
        epoch=EPOCH,
        first_seq=1,
        chain_before=start,
        segments=(Segment(1, key_id_of(RECIPIENT.public_key().public_bytes_raw()), sealed_key),),
        records=tuple(sealed_records),
    )
    ack = Ack(
        site=SITE,
        gateway=GATEWAY,
        epoch=EPOCH,
        committed=((1, 3), (7, 7)),
        resend=((5, 6),),
        at=UtcSeconds(1_760_000_003),
    )
    return {
        "site": SITE,
        "gateway": GATEWAY,
        "epoch": EPOCH,
        "recipient_private": RECIPIENT.private_bytes_raw().hex(),
        "segment": {"number": 1, "key": SEGMENT_KEY.hex(), "sealed_key": sealed_key.hex()},
        "chain_start": start.hex(),
        "records": entries,
        "batch": {
            "signer_public": SIGNER.public.hex(),
            "body": batch.to_body().hex(),
            "envelope": batch.sealed_with(SIGNER).hex(),
        },
        "ack": {
            "signer_public": CONTROL.public.hex(),
            "committed": ack.committed,
            "resend": ack.resend,
            "at": ack.at,
            "body": ack.to_body().hex(),
            "envelope": seal_envelope(Kind.ACK, ack.to_body(), [CONTROL]).hex(),
        },
    }


def _shown(record: Record) -> dict[str, object]:
    names = [name for name in Record.__dataclass_fields__ if name != "extra"]
    shown = {name: getattr(record, name) for name in names}
    kept = {name: v.hex() if isinstance(v, bytes) else v for name, v in shown.items()}
    return {**kept, "extra": record.extra}


def _hpke_seal(plaintext: bytes, info: bytes) -> bytes:
    """RFC 9180 §5.1.1 and §6.1, base mode, with a fixed ephemeral key."""
    enc = EPHEMERAL.public_key().public_bytes_raw()
    recipient = RECIPIENT.public_key().public_bytes_raw()
    kem = b"KEM\x00\x20"
    shared = EPHEMERAL.exchange(X25519PublicKey.from_public_bytes(recipient))
    eae = _extract(kem, b"", b"eae_prk", shared)
    secret = _expand(kem, eae, b"shared_secret", enc + recipient, 32)
    suite = b"HPKE\x00\x20\x00\x01\x00\x03"
    context = b"\x00" + _extract(suite, b"", b"psk_id_hash", b"")
    context += _extract(suite, b"", b"info_hash", info)
    prk = _extract(suite, secret, b"secret", b"")
    key = _expand(suite, prk, b"key", context, 32)
    nonce = _expand(suite, prk, b"base_nonce", context, 12)
    return enc + ChaCha20Poly1305(key).encrypt(nonce, plaintext, b"")


def _extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, hashlib.sha256)


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2) + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, labelled + b"\x01", hashlib.sha256)[:length]
