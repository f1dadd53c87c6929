"""The key-encryption key shared out on paper: any K of N sheets make it again, fewer say nothing.

Shamir's scheme as SLIP-39 has it: each share is 33 words of a list of 1,024 whose first four
letters are unique, with a checksum that finds a wrong word (SatoshiLabs, SLIP-0039).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import shamir_mnemonic  # type: ignore[import-untyped]
from shamir_mnemonic import MnemonicError, Share

from doorward_controller.errors import BackupError, KeyVaultError
from doorward_controller.services.key_vault import WRAPPING_KEY_FILE, KeyVault, write_once

KEY_BYTES = 32
MAX_SHARES = 16
WORDS = 33


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One person's part.

    Attributes:
        set_number: the same on all sheets that belong together.
        number: of this sheet, from 1.
    """

    set_number: int
    number: int
    threshold: int
    shares: int
    words: str


def split(key: bytes, *, threshold: int, shares: int) -> tuple[Sheet, ...]:
    """Returns the sheets. Raises BackupError for numbers that guard nothing, or too well."""
    if not 2 <= threshold <= shares <= MAX_SHARES:
        raise BackupError(
            f"{threshold} of {shares} sheets: at least 2 must be needed, at most all of them, and"
            f" there may be {MAX_SHARES}"
        )
    ((*made,),) = shamir_mnemonic.generate_mnemonics(1, [(threshold, shares)], key)
    return tuple(
        Sheet(
            set_number=Share.from_mnemonic(words).identifier,
            number=number,
            threshold=threshold,
            shares=shares,
            words=words,
        )
        for number, words in enumerate(made, 1)
    )


def join(sheets: Sequence[str]) -> bytes:
    """Returns the key. Raises BackupError that says which sheet is wrong, or how many lack."""
    found: list[Share] = []
    for number, words in enumerate(sheets, 1):
        try:
            share = Share.from_mnemonic(" ".join(words.lower().split()))
        except MnemonicError as err:
            raise BackupError(f"sheet {number}: {err}; look at its words again") from err
        if found and share.identifier != found[0].identifier:
            raise BackupError(
                f"sheet {number} is of set {share.identifier}, the first one of set"
                f" {found[0].identifier}; only sheets of one set belong together"
            )
        if any(share.index == other.index for other in found):
            raise BackupError(f"sheet {number} was given twice")
        found.append(share)
    needed = found[0].member_threshold if found else 2
    if len(found) < needed:
        raise BackupError(f"{len(found)} sheets are here, {needed} are needed")
    try:
        key: bytes = shamir_mnemonic.combine_mnemonics([one.mnemonic() for one in found[:needed]])
    except MnemonicError as err:
        raise BackupError(f"these sheets make no key: {err}") from err
    return key


def put_back(key: bytes, keys: Path) -> bool:
    """Writes the key where it belongs and sees that it opens the others, if they are there.

    Returns:
        Whether other keys were there and it opens them.

    Raises:
        BackupError: another key is there, or it does not open the others; nothing is left changed.
    """
    path = keys / WRAPPING_KEY_FILE
    if len(key) != KEY_BYTES:
        raise BackupError(f"these sheets make {len(key)} bytes, the key has {KEY_BYTES}")
    if path.exists() and path.read_bytes() != key:
        raise BackupError(f"{path}: another key is there; move it away first")
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    was_there = path.exists()
    if not was_there:
        write_once(path, key)
    if not any(each.name != WRAPPING_KEY_FILE for each in keys.iterdir()):
        return False
    try:
        KeyVault.open(keys)
    except KeyVaultError as err:
        if not was_there:
            path.unlink()
        raise BackupError(f"these sheets make another key than that of {keys}: {err}") from err
    return True
