"""Asks by a claim until somebody has compared and confirmed, and puts the identity in its place.

Keys are made and kept before anything is asked: a power cut at any step goes on from there.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from doorward.enrolment import Claim, claim_key, confirmation_code, parse_claim, same_code
from doorward.errors import DoorwardError
from doorward.keys import pin_keyring
from doorward_edge.enrolled import SEAL_KEY_BYTES, SEED_BYTES
from doorward_edge.enrolling.door import AwayError, Door, DoorError, Trust
from doorward_edge.enrolling.folder import IdentityFolder
from doorward_edge.enrolling.keys import OwnKeys, fits, make_keys
from doorward_edge.enrolling.starter import identity_text
from doorward_edge.keeping.guards import Guard
from doorward_edge.keeping.sealed import SealingKey, make_key, read_secret

ASK = "/enrol/1/request"
ASK_EVERY_S = 2.0
LONGEST_PAUSE_S = 20.0
DECIDED = frozenset({"issued", "refused", "withdrawn", "expired"})
WORDS = {
    "claim_unknown": "make a new claim in the console",
    "claim_used": "another gateway has asked with it: make a new one, and find out who saw it",
    "claim_late": "make a new claim in the console; it counts for minutes",
    "wrong_request": "make a claim for this very gateway",
    "wrong_controller": "see that the network is the site's own; show a new claim",
}
"""What mends a refusal, by its code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happens, for whoever stands before the gateway.

    Attributes:
        event: stable: keys, compare, away, back, enrolled.
        code: what is to be compared.
    """

    event: str
    said: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What came of it.

    Attributes:
        portals: each with its zone, for a first configuration.
        controller_utc_s: what the controller's clock said.
    """

    claim: Claim
    generation: Path
    portals: tuple[tuple[str, str], ...]
    controller_utc_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What an enrolment works with.

    Attributes:
        tell: says a step to people.
        wait: waits for some seconds; false when it is to be given up.
    """

    folder: IdentityFolder
    guard: Guard
    software: str
    tell: Callable[[Step], None]
    wait: Callable[[float], bool]


class GivenUpError(Exception):
    """Nobody decided in time, or somebody stopped it; it can go on later."""


def enrol(around: Around, claim: Claim) -> Identity:
    """Returns the new identity, which counts already.

    Raises:
        DoorError: the controller refuses, or it is another one.
        GivenUpError: it was stopped; the same claim goes on where it was.
        OSError: keys cannot be made, guarded or written.
    """
    sealing = make_key(around.folder.root, around.guard)
    keys = _keys(around, claim, sealing)
    around.tell(Step(event="keys", said=f"keys were made here, guarded by: {around.guard.kind}"))
    answer = _ask_until_decided(around, claim, keys)
    if answer["state"] != "issued":
        around.folder.clear_pending()
        raise DoorError(str(answer["state"]), f"the claim was {answer['state']} at the controller")
    identity = _put_in_place(around, claim, keys, sealing, answer)
    around.folder.clear_pending()
    around.folder.prune()
    return identity


def waiting_claim(folder: IdentityFolder) -> Claim | None:
    """Returns the claim of a request that was interrupted."""
    with suppress(OSError, DoorwardError, UnicodeDecodeError):
        return parse_claim(read_secret(folder.pending / "claim").decode("ascii"))
    return None


def own_code(claim: Claim, keys: OwnKeys) -> str:
    """Returns the code that the controller must come to as well."""
    return confirmation_code(claim_key(claim.secret), keys.csr, keys.record_key)


def _keys(around: Around, claim: Claim, sealing: SealingKey) -> OwnKeys:
    folder = around.folder
    if waiting_claim(folder) == claim:
        with suppress(OSError):
            return OwnKeys(
                tls=read_secret(folder.pending / "tls.key"),
                record_seed=read_secret(folder.pending / "record.key"),
                csr=(folder.pending / "csr.der").read_bytes(),
            )
    keys = make_keys(claim.gateway, _record_seed(folder))
    folder.set_pending(
        {
            "claim": sealing.seal(claim.to_text().encode(), "claim"),
            "tls.key": sealing.seal(keys.tls, "tls.key"),
            "record.key": sealing.seal(keys.record_seed, "record.key"),
            "csr.der": keys.csr,
        }
    )
    return keys


def _record_seed(folder: IdentityFolder) -> bytes:
    """An identity that is replaced keeps its record key: the gateway's documents hang on it."""
    with suppress(OSError):
        seed = read_secret(folder.current / "record.key")
        return seed if len(seed) == SEED_BYTES else b""
    return b""


def _ask_until_decided(around: Around, claim: Claim, keys: OwnKeys) -> dict[str, Any]:
    door = Door(claim.url, Trust(pin=claim.pin))
    key, code = claim_key(claim.secret), own_code(claim, keys)
    body = {
        "secret": claim.secret.hex(),
        "csr": keys.csr.hex(),
        "record_key": keys.record_key.hex(),
        "proof": keys.sign_request(key).hex(),
        "guard": around.guard.kind.value,
        "software": around.software,
    }
    is_away, is_told, pause_s = False, False, ASK_EVERY_S
    while True:
        try:
            answer = door.ask(ASK, body)
        except AwayError as err:
            if not is_away:
                around.tell(Step(event="away", said=f"{err}; asking again"))
            is_away, pause_s = True, min(2 * pause_s, LONGEST_PAUSE_S)
        else:
            is_away, pause_s = False, ASK_EVERY_S
            if answer.get("state") in DECIDED:
                return answer
            if not same_code(str(answer.get("code", "")), code):
                raise DoorError("wrong_answer", "the controller has another code than this gateway")
            if not is_told:
                is_told = True
                around.tell(Step(event="compare", said="compare in the console", code=code))
        if not around.wait(pause_s):
            raise GivenUpError("nobody confirmed; run the same command again to go on")


def _put_in_place(
    around: Around, claim: Claim, keys: OwnKeys, sealing: SealingKey, answer: dict[str, Any]
) -> Identity:
    try:
        given = answer["granted"]
        files = _checked_files(claim, keys, given)
        portals = tuple((str(each["portal"]), str(each["zone"])) for each in given["portals"])
        text = identity_text(
            site=claim.site,
            gateway=claim.gateway,
            data_dir=around.folder.root.absolute().parent,
            host=str(given["broker_host"]),
            port=int(given["broker_port"]),
            url=claim.url,
        )
    except (KeyError, TypeError, ValueError, InvalidSignature, DoorwardError) as err:
        raise DoorError("wrong_answer", f"what the controller gave cannot be used: {err}") from err
    made = around.folder.add(
        files
        | {
            "tls.key": sealing.seal(keys.tls, "tls.key"),
            "record.key": sealing.seal(keys.record_seed, "record.key"),
            "identity.toml": text.encode(),
        }
    )
    around.folder.switch(made)
    said = f"enrolled as {claim.gateway} of site {claim.site}"
    around.tell(Step(event="enrolled", said=said))
    return Identity(
        claim=claim,
        generation=made,
        portals=portals,
        controller_utc_s=int(answer.get("now_utc_s", 0)),
    )


def _checked_files(claim: Claim, keys: OwnKeys, given: dict[str, Any]) -> dict[str, bytes]:
    """Returns what may lie open. Raises what `_put_in_place` catches."""
    certificate, ca = str(given["certificate"]), str(given["ca"])
    if not fits(certificate, keys.tls, claim.gateway):
        raise ValueError("the certificate is for another key or name")
    parsed = x509.load_pem_x509_certificate(certificate.encode("ascii"))
    parsed.verify_directly_issued_by(x509.load_pem_x509_certificate(ca.encode("ascii")))
    keyring, seal_key = bytes.fromhex(given["keyring"]), bytes.fromhex(given["seal_key"])
    if pin_keyring(keyring).site != claim.site:
        raise ValueError("the keyring is of another site")
    if len(seal_key) != SEAL_KEY_BYTES:
        raise ValueError("the seal key is of another length")
    return {
        "tls.pem": certificate.encode("ascii"),
        "ca.pem": ca.encode("ascii"),
        "keyring.dwe": keyring,
        "seal.pub": seal_key,
    }
