"""The next certificate, asked for with the key in use, tried at the broker before it counts."""

import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from doorward.enrolment import renewal_due_s, renewal_to_sign, used_to_sign
from doorward_edge.adapters.broker_paho import BrokerAddress
from doorward_edge.config.identity import IDENTITY_FILE
from doorward_edge.enrolling.door import AwayError, Door, DoorError, Trust
from doorward_edge.enrolling.folder import IdentityFolder
from doorward_edge.enrolling.keys import OwnKeys, fits, make_keys, sign_by_tls
from doorward_edge.keeping.sealed import KEY_FILE, load_key, read_secret, write_private

RENEW = "/enrol/1/renew"
USED = "/enrol/1/used"
USED_MARK = "used"
COPIED = ("ca.pem", "keyring.dwe", "seal.pub", "record.key", "identity.toml")
"""The record key and what was pinned stay: the journal and the documents hang on them."""


class Outcome(StrEnum):
    """What came of it."""

    NOT_DUE = "not_due"
    RENEWED = "renewed"
    LATER = "later"
    """The controller or the broker is away; the certificate in use is good meanwhile."""
    REFUSED = "refused"
    ENDED = "ended"
    """It has run out: only a new claim helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """The outcome in words, and until when the certificate in use is good."""

    outcome: Outcome
    said: str
    not_after_utc_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _InUse:
    """The identity that counts."""

    folder: Path
    certificate: x509.Certificate
    pem: str
    tls: bytes
    record_seed: bytes
    tables: Mapping[str, Any]

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def gateway(self) -> str:
        return str(self.tables["gateway"]["id"])

    @property
    def not_after_utc_s(self) -> int:
        return int(self.certificate.not_valid_after_utc.timestamp())

    @property
    def due_utc_s(self) -> int:
        began = int(self.certificate.not_valid_before_utc.timestamp())
        return renewal_due_s(began, self.not_after_utc_s)


def renew(
    folder: IdentityFolder,
    now_utc_s: int,
    *,
    force: bool,
    try_broker: Callable[[BrokerAddress], str],
) -> Renewal:
    """Replaces the certificate when it is time, or at once.

    Args:
        folder: this gateway's identity.
        now_utc_s: by a clock that can be trusted.
        force: also before it is time.
        try_broker: returns why the broker does not take a certificate, or "".

    Raises:
        OSError: the identity cannot be read or written.
        ValueError, KeyError, TypeError: it is damaged.
    """
    used = _in_use(folder)
    try:
        door = _door(used)
        _say_used(used, door)
        if now_utc_s >= used.not_after_utc_s:
            return _outcome(Outcome.ENDED, "the certificate has run out; a new claim helps", used)
        if now_utc_s < used.due_utc_s and not force:
            return _outcome(Outcome.NOT_DUE, "it is not time yet", used)
        return _replace(folder, used, door, try_broker)
    except AwayError as err:
        return _outcome(Outcome.LATER, str(err), used)
    except DoorError as err:
        is_over = err.code in {"certificate_ended", "gateway_revoked"}
        return _outcome(Outcome.ENDED if is_over else Outcome.REFUSED, str(err), used)


def _replace(
    folder: IdentityFolder,
    used: _InUse,
    door: Door,
    try_broker: Callable[[BrokerAddress], str],
) -> Renewal:
    keys = make_keys(used.gateway, used.record_seed)
    answer = door.ask(RENEW, _question(used, keys))
    pem = str(answer.get("certificate", ""))
    if not fits(pem, keys.tls, used.gateway):
        raise DoorError("wrong_answer", "the new certificate is for another key or name")
    sealing = load_key(folder.root / KEY_FILE)
    made = folder.add(
        {name: (used.folder / name).read_bytes() for name in COPIED}
        | {"tls.key": sealing.seal(keys.tls, "tls.key"), "tls.pem": pem.encode("ascii")}
    )
    if problem := try_broker(_address(used, made)):
        folder.drop(made)
        said = f"the broker does not take the new certificate ({problem}); the old one goes on"
        return _outcome(Outcome.LATER, said, used)
    folder.switch(made)
    now_used = _in_use(folder)
    # What cannot be said now is said at the next run; until then the old one is good as well.
    with suppress(AwayError):
        _say_used(now_used, door)
    folder.prune()
    return _outcome(Outcome.RENEWED, "the broker takes the new certificate", now_used)


def _question(used: _InUse, keys: OwnKeys) -> dict[str, str]:
    signed = renewal_to_sign(used.der, keys.csr)
    return {
        "certificate": used.pem,
        "csr": keys.csr.hex(),
        "proof": sign_by_tls(used.tls, signed).hex(),
        "record_proof": keys.sign_by_record(signed).hex(),
    }


def _say_used(used: _InUse, door: Door) -> None:
    """Once for each certificate: from then on the controller ends the one before it."""
    mark = used.folder / USED_MARK
    if mark.exists():
        return
    proof = sign_by_tls(used.tls, used_to_sign(used.der)).hex()
    door.ask(USED, {"certificate": used.pem, "proof": proof})
    write_private(mark, b"")


def _door(used: _InUse) -> Door:
    trust = Trust(ca_file=used.folder / "ca.pem")
    return Door(str(used.tables["controller"]["url"]), trust)


def _address(used: _InUse, generation: Path) -> BrokerAddress:
    broker = used.tables["broker"]
    return BrokerAddress(
        host=str(broker["host"]),
        port=int(broker["port"]),
        client_id=used.gateway,
        ca_file=str(generation / "ca.pem"),
        cert_file=str(generation / "tls.pem"),
        key_file=str(generation / "tls.key"),
        keepalive_s=20,
    )


def _in_use(folder: IdentityFolder) -> _InUse:
    place = folder.current.resolve()
    pem = (place / "tls.pem").read_text("ascii")
    return _InUse(
        folder=place,
        certificate=x509.load_pem_x509_certificate(pem.encode("ascii")),
        pem=pem,
        tls=read_secret(place / "tls.key"),
        record_seed=read_secret(place / "record.key"),
        tables=tomllib.loads((place / IDENTITY_FILE).read_text("utf-8")),
    )


def _outcome(outcome: Outcome, said: str, used: _InUse) -> Renewal:
    return Renewal(outcome=outcome, said=said, not_after_utc_s=used.not_after_utc_s)
