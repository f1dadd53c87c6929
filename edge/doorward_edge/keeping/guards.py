"""What guards the one key under which a gateway's secrets lie on its disk, from best to last.

What each is worth: `tpm2` keeps a card that was taken away unreadable, because the chip stays
behind. `host` keeps a copy of the folder unreadable (a backup, a disk image without `/var`), but
not the card itself: systemd's own key lies on it. `file` keeps other accounts of this machine out.
None keeps out somebody who is root on the running gateway.
"""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Protocol

TIMEOUT_S = 60
"""A TPM takes some seconds for its first key."""
CREDENTIAL = "doorward-kek"
CREDSTORE = Path("/etc/credstore.encrypted")
TPM_DEVICE = Path("/dev/tpmrm0")
_TPM_TOOLS = (
    "tpm2_createprimary", "tpm2_create", "tpm2_load", "tpm2_unseal", "tpm2_flushcontext",
)  # fmt: skip


class GuardKind(StrEnum):
    """Who guards the key."""

    TPM2 = "tpm2"
    HOST = "host"
    FILE = "file"


class GuardError(OSError):
    """The key cannot be sealed, or not be had again; says what mends it."""


class Guard(Protocol):
    """Seals some bytes so that only this machine gets them back."""

    @property
    def kind(self) -> GuardKind:
        """Which one it is."""
        ...

    def seal(self, secret: bytes) -> bytes:
        """Returns what may lie on the disk. Raises GuardError."""
        ...

    def unseal(self, kept: bytes) -> bytes:
        """Returns what was sealed. Raises GuardError."""
        ...


class Tpm2Guard:
    """A TPM 2.0, by tpm2-tools: the sealed bytes are of use to this chip alone."""

    kind = GuardKind.TPM2

    def seal(self, secret: bytes) -> bytes:
        """Has the chip seal the bytes under its own storage key."""
        with tempfile.TemporaryDirectory(prefix="doorward-tpm-") as name:
            folder = Path(name)
            self._primary(folder)
            _run(
                [
                    "tpm2_create", "-Q", "-C", "primary.ctx", "-i", "-",
                    "-u", "sealed.pub", "-r", "sealed.priv",
                    "-a", "fixedtpm|fixedparent|userwithauth|noda",
                ],
                folder, secret,
            )  # fmt: skip
            self._let_go(folder)
            parts = {part: (folder / f"sealed.{part}").read_bytes() for part in ("pub", "priv")}
        texts = {part: base64.b64encode(data).decode() for part, data in parts.items()}
        return json.dumps(texts).encode()

    def unseal(self, kept: bytes) -> bytes:
        """Asks the chip."""
        try:
            parts = {part: base64.b64decode(text) for part, text in json.loads(kept).items()}
        except (ValueError, AttributeError) as err:
            raise GuardError("what the TPM had sealed is damaged; enrol this gateway anew") from err
        with tempfile.TemporaryDirectory(prefix="doorward-tpm-") as name:
            folder = Path(name)
            for part in ("pub", "priv"):
                (folder / f"sealed.{part}").write_bytes(parts.get(part, b""))
            self._primary(folder)
            _run(
                [
                    "tpm2_load", "-Q", "-C", "primary.ctx",
                    "-u", "sealed.pub", "-r", "sealed.priv", "-c", "sealed.ctx",
                ],
                folder,
            )  # fmt: skip
            self._let_go(folder)
            secret = _run(["tpm2_unseal", "-Q", "-c", "sealed.ctx"], folder)
            self._let_go(folder)
            return secret

    def _primary(self, folder: Path) -> None:
        """The same at each start: it comes of the chip's own seed."""
        _run(["tpm2_createprimary", "-Q", "-C", "o", "-G", "ecc", "-c", "primary.ctx"], folder)
        self._let_go(folder)

    def _let_go(self, folder: Path) -> None:
        """A chip has room for three keys at a time; the kernel's manager does this by itself."""
        with contextlib.suppress(GuardError):
            _run(["tpm2_flushcontext", "-t"], folder)


class HostGuard:
    """systemd's credentials, under the key of this installation."""

    kind = GuardKind.HOST

    def seal(self, secret: bytes) -> bytes:
        """Also puts it where units find it by `LoadCredentialEncrypted=`."""
        kept = _run(
            ["systemd-creds", "encrypt", "--with-key=host", f"--name={CREDENTIAL}", "-", "-"],
            Path("/"), secret,
        )  # fmt: skip
        if CREDSTORE.is_dir() and os.access(CREDSTORE, os.W_OK):
            fresh = CREDSTORE / f".{CREDENTIAL}.new"
            fresh.write_bytes(kept)
            fresh.chmod(0o600)
            fresh.replace(CREDSTORE / CREDENTIAL)
        return kept

    def unseal(self, kept: bytes) -> bytes:
        """Takes what the unit was handed; without a unit, asks systemd, which root alone may."""
        handed = os.environ.get("CREDENTIALS_DIRECTORY", "")
        if handed and (file := Path(handed) / CREDENTIAL).exists():
            return file.read_bytes()
        return _run(["systemd-creds", "decrypt", f"--name={CREDENTIAL}", "-", "-"], Path("/"), kept)


class FileGuard:
    """Nothing but the file's mode."""

    kind = GuardKind.FILE

    def seal(self, secret: bytes) -> bytes:
        """Returns it as it is."""
        return secret

    def unseal(self, kept: bytes) -> bytes:
        """Returns it as it is."""
        return kept


def guard_of(kind: GuardKind) -> Guard:
    """Returns the guard of that kind."""
    guards: dict[GuardKind, Guard] = {
        GuardKind.TPM2: Tpm2Guard(),
        GuardKind.HOST: HostGuard(),
        GuardKind.FILE: FileGuard(),
    }
    return guards[kind]


def best_guard() -> Guard:
    """Returns the best that this machine and this account have."""
    if has_tpm():
        return Tpm2Guard()
    if os.geteuid() == 0 and shutil.which("systemd-creds") and CREDSTORE.is_dir():
        return HostGuard()
    return FileGuard()


def has_tpm() -> bool:
    """Says whether there is a TPM that this account may use, and the tools for it."""
    is_there = "TPM2TOOLS_TCTI" in os.environ or os.access(TPM_DEVICE, os.R_OK | os.W_OK)
    return is_there and all(shutil.which(tool) for tool in _TPM_TOOLS)


def _run(command: list[str], folder: Path, given: bytes = b"") -> bytes:
    try:
        done = subprocess.run(  # noqa: S603  # programs of ours to name, nothing from outside
            command, input=given, capture_output=True, cwd=folder, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise GuardError(f"{command[0]}: {err}") from err
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[0] if said else f"ended with {done.returncode}"
        raise GuardError(f"{command[0]}: {why[:300]}")
    return done.stdout
