"""Secrets on the disk: sealed, bound to their names, and of no use without what guards the key."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from doorward_edge.keeping import guards, sealed
from doorward_edge.keeping.guards import (
    FileGuard,
    Guard,
    GuardError,
    GuardKind,
    HostGuard,
    Tpm2Guard,
)
from doorward_edge.keeping.sealed import SealingKey
from tests.system.test_serving import free_port

SECRET = b"a secret of 32 bytes, as keys are"


class SoftTpm:
    """swtpm: a TPM 2.0 in a process; `clear` is another chip."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self) -> None:
        """With its own second port, as the tools expect; returns when it answers."""
        self._folder.mkdir(exist_ok=True)
        port = free_port()
        subprocess.run(
            [
                "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self._folder}",
                "--ctrl", f"type=tcp,port={port + 1}", "--server", f"type=tcp,port={port}",
                "--flags", "not-need-init,startup-clear",
                "--daemon", "--pid", f"file={self._pid_file}",
            ],
            check=True,
        )  # fmt: skip
        os.environ["TPM2TOOLS_TCTI"] = f"swtpm:port={port}"

    def stop(self) -> None:
        if self._pid_file.exists():
            os.kill(int(self._pid_file.read_text()), signal.SIGKILL)
            self._pid_file.unlink()
        os.environ.pop("TPM2TOOLS_TCTI", None)

    @property
    def _pid_file(self) -> Path:
        return self._folder / "pid"


@pytest.fixture
def tpm(tmp_path: Path) -> Iterator[SoftTpm]:
    if not shutil.which("swtpm") or not shutil.which("tpm2_create"):
        pytest.skip("no swtpm and tpm2-tools here: apt-get install swtpm tpm2-tools")
    made = SoftTpm(tmp_path / "tpm")
    made.start()
    yield made
    made.stop()


def kept(folder: Path, guard: Guard) -> Path:
    """A sealed file two folders below its key, as a generation has it."""
    folder.mkdir(exist_ok=True)
    key = sealed.make_key(folder, guard)
    place = folder / "generations" / "0001"
    place.mkdir(parents=True, exist_ok=True)
    file = place / "tls.key"
    sealed.write_private(file, key.seal(SECRET, file.name))
    return file


def forget_keys() -> None:
    """As a process that has just started."""
    sealed._open_keys.clear()


def test_a_sealed_secret_comes_back_and_does_not_lie_open(tmp_path: Path) -> None:
    file = kept(tmp_path / "identity", FileGuard())
    forget_keys()

    assert sealed.read_secret(file) == SECRET
    assert SECRET not in file.read_bytes()
    assert sealed.guard_kind(file) is GuardKind.FILE
    assert file.stat().st_mode & 0o777 == 0o600


def test_libraries_that_want_a_file_get_memory(tmp_path: Path) -> None:
    file = kept(tmp_path / "identity", FileGuard())
    with sealed.secret_path(str(file)) as path:
        assert path.startswith("/proc/self/fd/")
        assert Path(path).read_bytes() == SECRET
    assert not Path(path).exists()


def test_a_file_that_hands_put_there_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "record.key"
    file.write_bytes(SECRET)
    with sealed.secret_path(str(file)) as path:
        assert path == str(file)
    assert sealed.read_secret(file) == SECRET
    assert sealed.guard_kind(file) is None


@pytest.mark.parametrize("damage", ["flipped", "cut", "renamed", "other key", "no key", "bad key"])
def test_damage_is_said_and_never_taken_for_a_secret(tmp_path: Path, damage: str) -> None:
    file = kept(tmp_path / "identity", FileGuard())
    key_file = tmp_path / "identity" / sealed.KEY_FILE
    content = file.read_bytes()
    match damage:
        case "flipped":
            file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "cut":
            file.write_bytes(content[:30])
        case "renamed":
            file = file.rename(file.with_name("record.key"))
        case "other key":
            key_file.unlink()
            sealed.make_key(tmp_path / "identity", FileGuard())
        case "no key":
            key_file.unlink()
        case _:
            key_file.write_text("{}")
    forget_keys()

    with pytest.raises(GuardError):
        sealed.read_secret(file)


def test_a_guard_that_does_not_give_back_what_it_sealed_is_not_trusted(tmp_path: Path) -> None:
    class Forgetful(FileGuard):
        def unseal(self, kept: bytes) -> bytes:
            return bytes(len(kept))

    with pytest.raises(GuardError, match="does not give back"):
        sealed.make_key(tmp_path, Forgetful())
    assert not (tmp_path / sealed.KEY_FILE).exists()


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    key = SealingKey(bytes(32))
    assert key.seal(SECRET, "a") != key.seal(SECRET, "a")


def test_what_a_tpm_sealed_is_of_use_to_that_chip_alone(tmp_path: Path, tpm: SoftTpm) -> None:
    assert guards.has_tpm()
    assert guards.best_guard().kind is GuardKind.TPM2
    file = kept(tmp_path / "identity", Tpm2Guard())
    forget_keys()
    assert sealed.read_secret(file) == SECRET
    assert sealed.guard_kind(file) is GuardKind.TPM2

    tpm.stop()
    other = SoftTpm(tmp_path / "other")
    other.start()
    try:
        forget_keys()
        with pytest.raises(GuardError):
            sealed.read_secret(file)
    finally:
        other.stop()
    forget_keys()
    with pytest.raises(GuardError):
        sealed.read_secret(file)


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("systemd-creds"), reason="needs root and systemd-creds"
)
def test_what_systemd_sealed_is_handed_to_the_unit_or_asked_for_by_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "CREDSTORE", tmp_path)
    try:
        file = kept(tmp_path / "identity", HostGuard())
    except GuardError as err:
        pytest.skip(f"systemd seals nothing here: {err}")
    assert (tmp_path / guards.CREDENTIAL).exists()
    forget_keys()
    assert sealed.read_secret(file) == SECRET

    handed = tmp_path / "credentials"
    handed.mkdir()
    key = sealed.load_key(tmp_path / "identity" / sealed.KEY_FILE)
    (handed / guards.CREDENTIAL).write_bytes(key.secret)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
    monkeypatch.setenv("PATH", "")
    forget_keys()
    assert sealed.read_secret(file) == SECRET


def test_a_guard_whose_program_is_missing_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GuardError, match="tpm2_createprimary"):
        Tpm2Guard().seal(SECRET)
