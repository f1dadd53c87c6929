"""Keys that sign releases: made, encrypted by a pass phrase, and used away from the controller."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, SSlibKey

from doorward_controller.releases.errors import ReleaseError

MIN_PASS_PHRASE = 12


def make_key(path: Path, pass_phrase: str) -> Path:
    """Makes a key: `path` holds it encrypted, `path.pub` its public half, which is returned.

    Raises:
        ReleaseError: the pass phrase is short, or one of the files exists or cannot be written.
    """
    if len(pass_phrase) < MIN_PASS_PHRASE:
        raise ReleaseError(
            f"the pass phrase has {len(pass_phrase)} characters, at least {MIN_PASS_PHRASE}"
        )
    private = Ed25519PrivateKey.generate()
    sealed = private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(pass_phrase.encode())
    )
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    beside = path.with_name(f"{path.name}.pub")
    _write_new(path, sealed, 0o600)
    _write_new(beside, public, 0o644)
    return beside


def load_signer(path: Path, pass_phrase: str) -> CryptoSigner:
    """Returns what signs with a key. Raises ReleaseError."""
    try:
        private = load_pem_private_key(path.read_bytes(), pass_phrase.encode() or None)
    except OSError as err:
        raise ReleaseError(f"{path}: cannot be read: {err.strerror}") from err
    except (ValueError, TypeError, UnsupportedAlgorithm) as err:
        raise ReleaseError(f"{path}: does not open with this pass phrase") from err
    if not isinstance(private, Ed25519PrivateKey):
        raise ReleaseError(f"{path}: is no Ed25519 key")
    return CryptoSigner(private)


def signer_of_seed(seed: bytes) -> CryptoSigner:
    """Returns what signs with the controller's own key."""
    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(seed))


def load_public(path: Path) -> SSlibKey:
    """Returns the public half of a key. Raises ReleaseError."""
    try:
        public = load_pem_public_key(path.read_bytes())
    except OSError as err:
        raise ReleaseError(f"{path}: cannot be read: {err.strerror}") from err
    except (ValueError, UnsupportedAlgorithm) as err:
        raise ReleaseError(f"{path}: is no public key") from err
    if not isinstance(public, Ed25519PublicKey):
        raise ReleaseError(f"{path}: is no Ed25519 key")
    return SSlibKey.from_crypto(public)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as err:
        raise ReleaseError(f"{path}: exists; a key is never written over") from err
    except OSError as err:
        raise ReleaseError(f"{path}: cannot be written: {err.strerror}") from err
