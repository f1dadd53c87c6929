"""The key files: closed to others, useless without the one that wraps them."""

import shutil
from pathlib import Path

import pytest

from doorward_controller.errors import KeyVaultError
from doorward_controller.services.key_vault import WRAPPING_KEY_FILE, KeyVault


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    KeyVault.create(tmp_path / "keys")
    return tmp_path / "keys"


def test_keys_are_made_once_and_stay(folder: Path) -> None:
    before = KeyVault.open(folder)
    after = KeyVault.create(folder)
    assert before.policy.public == after.policy.public
    assert before.intake_public == after.intake_public


def test_nobody_else_may_read_them(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_file_that_others_may_read_is_refused(folder: Path) -> None:
    (folder / "policy.key").chmod(0o640)
    with pytest.raises(KeyVaultError, match=r"policy\.key: others may read it; run `chmod 600"):
        KeyVault.open(folder)


def test_no_key_lies_in_the_clear(folder: Path) -> None:
    vault = KeyVault.open(folder)
    seeds = [
        signer.private.private_bytes_raw() for signer in (vault.issue, vault.policy, vault.control)
    ]
    content = b"".join(file.read_bytes() for file in folder.iterdir())
    assert not any(seed in content for seed in seeds)


def test_keys_do_not_open_without_the_one_that_wraps_them(folder: Path, tmp_path: Path) -> None:
    KeyVault.create(tmp_path / "other")
    shutil.copy(tmp_path / "other" / WRAPPING_KEY_FILE, folder / WRAPPING_KEY_FILE)
    with pytest.raises(KeyVaultError, match="does not open with key-encryption"):
        KeyVault.open(folder)


def test_missing_file_is_named(folder: Path) -> None:
    (folder / "control.key").unlink()
    with pytest.raises(KeyVaultError, match=r"control\.key: cannot be read: No such file"):
        KeyVault.open(folder)


def test_files_cannot_stand_in_for_each_other(folder: Path) -> None:
    shutil.copy(folder / "issue.key", folder / "policy.key")
    with pytest.raises(KeyVaultError, match=r"policy\.key"):
        KeyVault.open(folder)


def test_root_key_that_was_moved_away_is_not_made_anew(folder: Path) -> None:
    (folder / "root.key").unlink()
    assert KeyVault.create(folder).root is None


def test_blind_index_needs_the_key(folder: Path, tmp_path: Path) -> None:
    ours, theirs = KeyVault.open(folder), KeyVault.create(tmp_path / "other")
    assert ours.blind("name", "Ada") == ours.blind("name", " ADA ")
    assert ours.blind("name", "Ada") != ours.blind("contact", "Ada")
    assert ours.blind("name", "Ada") != theirs.blind("name", "Ada")
