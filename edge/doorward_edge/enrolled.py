"""What enrolment left on this gateway: its own key, the pinned keyring, the controller's key."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from doorward.envelope import Ed25519Signer
from doorward.errors import MalformedError, UntrustedError
from doorward.keys import Keyring, pin_keyring
from doorward_edge.config import ConfigError, EdgeConfig
from doorward_edge.keeping.guards import GuardError
from doorward_edge.keeping.sealed import read_secret

SEED_BYTES = 32
SEAL_KEY_BYTES = 32
_OTHERS = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """The three, checked.

    Attributes:
        signer: signs batches; its key was made here and never left.
        seal_key: the controller's X25519 key, to which journal segments are sealed.
        documents_key: 32 bytes that seal the small documents.
    """

    signer: Ed25519Signer
    keyring: Keyring
    seal_key: bytes
    documents_key: bytes = field(repr=False)


def load_enrolled(config: EdgeConfig) -> Enrolled:
    """Reads the files that `[trust]` names, and looks at the key for the broker.

    Raises:
        ConfigError: one is missing, damaged, readable by others or of another site; the message
            says which one and what mends it.
    """
    trust = config.trust
    _read(Path(config.broker.key_file), is_secret=True)
    seed = _read(Path(trust.record_key_file), SEED_BYTES, is_secret=True)
    return Enrolled(
        signer=Ed25519Signer.from_seed(seed),
        keyring=_keyring(Path(trust.keyring_file), config),
        seal_key=_read(Path(trust.seal_key_file), SEAL_KEY_BYTES),
        # Derived, so that there is one secret to guard and not two.
        documents_key=HKDF(SHA256(), 32, salt=None, info=b"doorward/1/documents").derive(seed),
    )


def _read(path: Path, size: int | None = None, *, is_secret: bool = False) -> bytes:
    try:
        content = read_secret(path)
        mode = path.stat().st_mode
    except GuardError as err:
        raise ConfigError(f"{path}: {err}") from err
    except OSError as err:
        raise ConfigError(f"{path}: {err.strerror}; enrol this gateway") from err
    if is_secret and mode & _OTHERS:
        raise ConfigError(f"{path} can be read by others; run: chmod 600 {path}")
    if size is not None and len(content) != size:
        raise ConfigError(f"{path} holds {len(content)} bytes, must be {size}; enrol this gateway")
    return content


def _keyring(path: Path, config: EdgeConfig) -> Keyring:
    try:
        keyring = pin_keyring(_read(path))
    except (MalformedError, UntrustedError) as err:
        raise ConfigError(f"{path}: {err}; enrol this gateway") from err
    if keyring.site != config.site:
        raise ConfigError(
            f"{path} is the keyring of site {keyring.site}, gateway.site is {config.site}"
        )
    return keyring
