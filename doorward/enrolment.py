"""How a new gateway and the controller come to know each other (docs/protocol.md §14).

The controller makes a *claim*, shown once as a QR code. It carries no right to a certificate by
itself: it lets one gateway ask for one, and a person who sees both ends compares a code that only
this claim and these keys give.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

from doorward import canonical
from doorward.errors import BadIdError, MalformedError
from doorward.ids import GatewayId, SiteId, parse_gateway_id, parse_site_id

CLAIM_PREFIX = "DWE1:"
CODE_PREFIX = "DWE2:"
"""A second QR code, with the code to be compared: for gateways that have no screen."""

SECRET_BYTES = 16
PIN_BYTES = 16
MAX_CLAIM_S = 15 * 60
MAX_URL_BYTES = 120
MAX_TEXT_CHARACTERS = 500

_VERSION = 1
_CHECK_BYTES = 2
_GROUP = 4
_CODE_SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 8
_TYPED = str.maketrans({"0": "O", "1": "I", "8": "B", "-": None, " ": None})

_KEY_CONTEXT = b"doorward/1/enrolment claim\x00"
_CHECK_CONTEXT = b"doorward/1/enrolment check\x00"
_CODE_CONTEXT = b"doorward/1/enrolment code\x00"
_REQUEST_CONTEXT = b"doorward/1/enrolment request\x00"
_RENEWAL_CONTEXT = b"doorward/1/certificate renewal\x00"
_USED_CONTEXT = b"doorward/1/certificate used\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the controller shows once.

    Attributes:
        url: where gateways ask for certificates, `https://HOST[:PORT]`.
        pin: of the key that answers there, as `pin_of` makes it.
        gateway: the only name that the certificate can have.
        secret: random; whoever has it may ask, once.
    """

    url: str
    pin: bytes
    site: SiteId
    gateway: GatewayId
    secret: bytes

    def __post_init__(self) -> None:
        """Raises MalformedError when a part of it cannot be."""
        if len(self.secret) != SECRET_BYTES or len(self.pin) != PIN_BYTES:
            raise MalformedError(
                f"claim: secret and pin are {len(self.secret)} and {len(self.pin)} bytes, must be"
                f" {SECRET_BYTES} and {PIN_BYTES}"
            )
        if not self.url.startswith("https://") or len(self.url.encode()) > MAX_URL_BYTES:
            raise MalformedError(
                f"claim: the controller's address must begin with https:// and have at most"
                f" {MAX_URL_BYTES} bytes"
            )

    def to_text(self) -> str:
        """Returns it as a QR code's alphanumeric mode has it; also fit for a shell."""
        fields = [_VERSION, self.url, self.pin, self.site, self.gateway, self.secret]
        return CLAIM_PREFIX + _to_base32(canonical.encode(fields))

    def to_typed(self) -> str:
        """Returns secret and pin alone, in groups, for somebody who types."""
        text = _to_base32(self.secret + self.pin)
        return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def is_claim(text: str) -> bool:
    """Says whether a code means to be a claim."""
    return text.lstrip()[: len(CLAIM_PREFIX)].upper() == CLAIM_PREFIX


def parse_claim(text: str) -> Claim:
    """Returns the claim that a code says.

    Raises:
        MalformedError: it is none, is cut short, or a character of it is wrong.
    """
    if len(text) > MAX_TEXT_CHARACTERS or not is_claim(text):
        raise MalformedError(f"claim: begins with {text[:8]!r}, must begin with {CLAIM_PREFIX}")
    body = _from_base32(text.strip()[len(CLAIM_PREFIX) :])
    fields = canonical.decode(body, "claim")
    match fields:
        case [int(version), str(url), bytes(pin), str(site), str(gateway), bytes(secret)]:
            pass
        case _:
            raise MalformedError("claim: has other fields than this program knows")
    if version != _VERSION:
        raise MalformedError(f"claim: of version {version}, this program knows {_VERSION}")
    return _claim(url=url, pin=pin, site=site, gateway=gateway, secret=secret)


def parse_typed(text: str, *, url: str, site: str, gateway: str) -> Claim:
    """Returns the claim that somebody typed, with what does not stand in its short form.

    Raises:
        MalformedError: a character is wrong or missing, or a name is none.
    """
    body = _from_base32(text)
    return _claim(
        url=url.rstrip("/"), site=site, gateway=gateway,
        secret=body[:SECRET_BYTES], pin=body[SECRET_BYTES:],
    )  # fmt: skip


def claim_key(secret: bytes) -> bytes:
    """Returns what the controller keeps of a claim: it finds it again and cannot show it."""
    return hashlib.sha256(_KEY_CONTEXT + secret).digest()


def pin_of(public_key_der: bytes) -> bytes:
    """Returns the pin of a server's key (SubjectPublicKeyInfo, DER): half of its SHA-256."""
    return hashlib.sha256(public_key_der).digest()[:PIN_BYTES]


def confirmation_code(secret_key: bytes, csr: bytes, record_key: bytes) -> str:
    """Returns what a person compares at both ends, as `7K2F-9QMD`.

    Args:
        secret_key: `claim_key` of the claim's secret.
        csr: the certificate request, DER.
        record_key: the gateway's public key for records.
    """
    digest = hashlib.sha256(_CODE_CONTEXT + _joined(secret_key, csr, record_key)).digest()
    value = int.from_bytes(digest[:5])
    symbols = [_CODE_SYMBOLS[value >> 5 * at & 31] for at in range(_CODE_LENGTH)]
    return f"{''.join(symbols[:4])}-{''.join(symbols[4:])}"


def same_code(one: str, other: str) -> bool:
    """Says whether somebody means the same code, however it was typed."""
    typed = (text.upper().translate(_LENIENT).encode() for text in (one, other))
    return hmac.compare_digest(*typed)


_LENIENT = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def request_to_sign(secret_key: bytes, csr: bytes, record_key: bytes) -> bytes:
    """Returns what the record key signs: that it and the request belong together."""
    return _REQUEST_CONTEXT + _joined(secret_key, csr, record_key)


def renewal_to_sign(certificate: bytes, csr: bytes) -> bytes:
    """Returns what the key in use and the record key sign to have it replaced (both DER)."""
    return _RENEWAL_CONTEXT + _joined(certificate, csr)


def used_to_sign(certificate: bytes) -> bytes:
    """Returns what the new key signs once the broker has taken its certificate (DER)."""
    return _USED_CONTEXT + _joined(certificate)


def renewal_due_s(not_before_utc_s: int, not_after_utc_s: int) -> int:
    """Returns from when on a certificate is to be replaced: two thirds of its life."""
    return not_before_utc_s + (not_after_utc_s - not_before_utc_s) * 2 // 3


def _claim(*, url: str, pin: bytes, site: str, gateway: str, secret: bytes) -> Claim:
    try:
        names = parse_site_id(site), parse_gateway_id(gateway)
    except BadIdError as err:
        raise MalformedError(f"claim: {err}") from err
    return Claim(url=url, pin=pin, site=names[0], gateway=names[1], secret=secret)


def _joined(*parts: bytes) -> bytes:
    """Each with its length, so that nothing can slide from one into the next."""
    return b"".join(len(part).to_bytes(4) + part for part in parts)


def _check_of(body: bytes) -> bytes:
    return hashlib.sha256(_CHECK_CONTEXT + body).digest()[:_CHECK_BYTES]


def _to_base32(body: bytes) -> str:
    return base64.b32encode(body + _check_of(body)).decode("ascii").rstrip("=")


def _from_base32(text: str) -> bytes:
    clean = text.upper().translate(_TYPED)
    try:
        whole = base64.b32decode(clean + "=" * (-len(clean) % 8))
    except (binascii.Error, ValueError) as err:
        raise MalformedError("claim: a character of it is wrong, or some are missing") from err
    body, check = whole[:-_CHECK_BYTES], whole[-_CHECK_BYTES:]
    if check != _check_of(body):
        raise MalformedError("claim: a character of it is wrong, or some are missing")
    return body
