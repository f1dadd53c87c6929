"""A repository of restic whose password is tried with the least work.

restic derives its key from the password anew in every command, for a quarter of a second. The
password of our repositories is random, and what a test asks is what comes after. The format is in
restic's design document: a key file holds the master key, encrypted by what scrypt makes of the
password, AES-256 in counter mode with Poly1305-AES.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB
from cryptography.hazmat.primitives.poly1305 import Poly1305

LEAST_WORK = {"N": 2, "r": 1, "p": 1}
NONCE_BYTES = TAG_BYTES = 16
SCRYPT_BYTES = 256 * 1024**2


def quicken(repository: Path, password: str) -> None:
    """Writes the one key of a new repository anew, for `LEAST_WORK`."""
    (path,) = (repository / "keys").iterdir()
    sheet = json.loads(path.read_text())
    sealed = base64.b64decode(sheet["data"])
    nonce = sealed[:NONCE_BYTES]
    master = _Key.of(password, sheet).crypt(nonce, sealed[NONCE_BYTES:-TAG_BYTES])
    sheet |= LEAST_WORK
    new = _Key.of(password, sheet)
    covered = new.crypt(nonce, master)
    sheet["data"] = base64.b64encode(nonce + covered + new.tag(nonce, covered)).decode()
    content = json.dumps(sheet).encode()
    path.unlink()
    # A key is called by what is in it.
    (repository / "keys" / hashlib.sha256(content).hexdigest()).write_bytes(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """What scrypt makes of the password: one key to encrypt, two for the tag."""

    encryption: bytes
    tag_of_nonce: bytes
    tag_of_text: bytes

    @classmethod
    def of(cls, password: str, sheet: dict[str, Any]) -> Self:
        made = hashlib.scrypt(
            password.encode(),
            salt=base64.b64decode(sheet["salt"]),
            n=sheet["N"],
            r=sheet["r"],
            p=sheet["p"],
            maxmem=SCRYPT_BYTES,
            dklen=64,
        )
        return cls(encryption=made[:32], tag_of_nonce=made[32:48], tag_of_text=made[48:])

    def crypt(self, nonce: bytes, data: bytes) -> bytes:
        """Encrypts, or decrypts: it is the same."""
        return Cipher(AES(self.encryption), CTR(nonce)).encryptor().update(data)

    def tag(self, nonce: bytes, covered: bytes) -> bytes:
        once = Cipher(AES(self.tag_of_nonce), ECB()).encryptor().update(nonce)  # one block
        return Poly1305.generate_tag(self.tag_of_text + once, covered)
