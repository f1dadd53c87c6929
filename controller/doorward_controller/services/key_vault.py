"""The controller's keys: files of mode 0600 in a folder of mode 0700, wrapped by one key file.

`key-encryption.key` holds 32 random bytes and wraps everything else (AES-256-GCM); whoever copies
the other files or the database without it has nothing. It belongs on another disk or into a
sealed envelope as well: without it nothing can be opened again.
"""

import hmac
import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from doorward.envelope import Ed25519Signer
from doorward_controller.errors import KeyVaultError

WRAPPING_KEY_FILE = "key-encryption.key"
_NAMES = ("root", "issue", "policy", "control", "command", "intake")
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVault:
    """Every private key that the controller works with.

    Attributes:
        root: signs keyrings. Its file can be kept elsewhere; None then.
        issue: signs codes.
        policy: signs bundles and status lists.
        control: signs acknowledgements.
        command: signs commands, which open doors, and desired configurations.
        intake: opens what gateways sealed.
        personal: wraps the per-person keys.
        codes: seals issued codes.
        receivers: seals how the receivers of alerts are reached.
        index: makes the blind indexes of personal fields.
        second_factors: seals what operators' authenticators hold too.
        answers: seals the answers that are kept for repeated requests.
        signing: seals the keys that came after those in the folder.
        audit: signs checkpoints of the audit log. Derived, so that every vault has it.
        releases: seed of the key that says each day which releases are newest. Derived, too.
    """

    root: Ed25519Signer | None
    issue: Ed25519Signer
    policy: Ed25519Signer
    control: Ed25519Signer
    command: Ed25519Signer
    intake: X25519PrivateKey
    personal: AESGCM
    codes: AESGCM
    receivers: AESGCM
    index: bytes
    second_factors: AESGCM
    answers: AESGCM
    signing: AESGCM
    audit: Ed25519Signer
    releases: bytes = field(repr=False)

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Makes whatever key is missing in `folder` and opens it. Raises KeyVaultError."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            wrapping = folder / WRAPPING_KEY_FILE
            if not wrapping.exists():
                write_once(wrapping, os.urandom(32))
            box = AESGCM(_read(wrapping))
            for name in _NAMES:
                if not _file(folder, name).exists() and not (name == "root" and _is_in_use(folder)):
                    write_once(_file(folder, name), seal(box, os.urandom(32), name.encode()))
        except OSError as err:
            raise KeyVaultError(f"{err.filename}: keys cannot be made: {err.strerror}") from err
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Opens the keys in `folder`. Raises KeyVaultError naming the file that does not open."""
        wrapping = _read(folder / WRAPPING_KEY_FILE)
        box = AESGCM(wrapping)
        seeds = {name: _open_seed(folder, name, box) for name in _NAMES[1:]}
        root = _file(folder, "root")
        return cls(
            root=Ed25519Signer.from_seed(_open_seed(folder, "root", box))
            if root.exists()
            else None,
            issue=Ed25519Signer.from_seed(seeds["issue"]),
            policy=Ed25519Signer.from_seed(seeds["policy"]),
            control=Ed25519Signer.from_seed(seeds["control"]),
            command=Ed25519Signer.from_seed(seeds["command"]),
            intake=X25519PrivateKey.from_private_bytes(seeds["intake"]),
            personal=AESGCM(_derive(wrapping, b"personal")),
            codes=AESGCM(_derive(wrapping, b"codes")),
            receivers=AESGCM(_derive(wrapping, b"receivers")),
            index=_derive(wrapping, b"index"),
            second_factors=AESGCM(_derive(wrapping, b"second-factors")),
            answers=AESGCM(_derive(wrapping, b"answers")),
            signing=AESGCM(_derive(wrapping, b"signing-keys")),
            audit=Ed25519Signer.from_seed(_derive(wrapping, b"audit")),
            releases=_derive(wrapping, b"releases"),
        )

    @property
    def intake_public(self) -> bytes:
        """The raw X25519 key to which gateways seal."""
        return self.intake.public_key().public_bytes_raw()

    def blind(self, field: str, value: str) -> bytes:
        """Returns the index under which a personal value can be found but not read."""
        normal = " ".join(value.casefold().split())
        return hmac.digest(self.index, f"{field}\0{normal}".encode(), sha256)[:16]


def seal(box: AESGCM, plain: bytes, context: bytes) -> bytes:
    """Returns `plain` encrypted under a fresh nonce and bound to its context."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + box.encrypt(nonce, plain, context)


def unseal(box: AESGCM, sealed: bytes, context: bytes) -> bytes:
    """Returns what was sealed in this context. Raises KeyVaultError."""
    try:
        return box.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as err:
        raise KeyVaultError(
            f"{context.decode(errors='replace')} does not open with our key"
        ) from err


def _derive(wrapping: bytes, purpose: bytes) -> bytes:
    info = b"doorward/1/vault\x00" + purpose
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(wrapping)


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.key"


def _is_in_use(folder: Path) -> bool:
    """A vault whose root key was moved away must not grow another one."""
    return _file(folder, "issue").exists()


def _open_seed(folder: Path, name: str, box: AESGCM) -> bytes:
    path = _file(folder, name)
    try:
        return unseal(box, _read(path), name.encode())
    except KeyVaultError as err:
        raise KeyVaultError(f"{path}: does not open with {WRAPPING_KEY_FILE}: {err}") from err


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise KeyVaultError(f"{path}: others may read it; run `chmod 600 {path}`")
        return path.read_bytes()
    except OSError as err:
        raise KeyVaultError(f"{path}: cannot be read: {err.strerror}") from err


def write_once(path: Path, content: bytes) -> None:
    """Writes a file that only we may read, on the disk before its name is."""
    partial = path.with_suffix(".part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.rename(path)
