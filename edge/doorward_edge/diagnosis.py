"""What `doorward-edge check` looks at: each finding says what is wrong and what mends it."""

import ctypes.util
import importlib.util
import shutil
import socket
import ssl
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from doorward.errors import DoorwardError
from doorward.keys import pin_keyring
from doorward.times import ClockTrust
from doorward_edge.adapters.broker_paho import address_of, tls_context
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.board_findings import examine_board
from doorward_edge.config import (
    CameraKind,
    CameraSection,
    ClockSource,
    ConfigError,
    EdgeConfig,
    load_config,
)
from doorward_edge.enrolled import SEAL_KEY_BYTES, SEED_BYTES
from doorward_edge.findings import Finding
from doorward_edge.keeping.guards import GuardError, GuardKind
from doorward_edge.keeping.sealed import guard_kind, read_secret
from doorward_edge.panel_findings import examine_panel
from doorward_edge.scanner_findings import examine_scanners

CONNECT_TIMEOUT_S = 5.0
MIN_PYTHON = (3, 11)


def examine(config_path: Path) -> Iterator[Finding]:
    """Yields a finding for everything that a gateway needs; never raises."""
    yield _python()
    yield _library("zbar", "libzbar0")
    yield _library("seccomp", "libseccomp2")
    try:
        config = load_config(config_path)
    except ConfigError as err:
        yield Finding(
            name="configuration", is_well=False, said=str(err), mend=_mend_config(config_path)
        )
        return
    yield Finding(name="configuration", is_well=True, said=str(config_path))
    for camera in config.cameras:
        yield _camera(camera)
    yield from examine_scanners(config)
    yield from examine_panel(config, SystemClock(config.clock.source).now().trusted_utc_s)
    yield from examine_board(config)
    for look in (
        _keyring,
        _own_key,
        _seal_key,
        _broker_key,
        _data_dir,
        _clock,
        _pins,
        _broker,
    ):
        yield _safely(look, config)


def _mend_config(path: Path) -> str:
    if path.exists():
        return f"edit {path}"
    return "write it (settings: docs/reference/gateway-settings.md), or name one: --config FILE"


def _safely(look: Callable[[EdgeConfig], Finding], config: EdgeConfig) -> Finding:
    try:
        return look(config)
    except (OSError, ValueError, DoorwardError) as err:
        return Finding(
            name=look.__name__.strip("_").replace("_", " "),
            is_well=False,
            said=f"{type(err).__name__}: {err}",
            mend="see the message",
        )


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding(
        name="python",
        is_well=sys.version_info >= MIN_PYTHON,
        said=f"{found} at {sys.executable}",
        mend="" if sys.version_info >= MIN_PYTHON else "sudo apt install python3 (3.11 or newer)",
    )


def _library(name: str, package: str) -> Finding:
    found = ctypes.util.find_library(name)
    return Finding(
        name=f"lib{name}",
        is_well=found is not None,
        said=found or "not installed",
        mend="" if found else f"sudo apt install {package}",
    )


def _keyring(config: EdgeConfig) -> Finding:
    path = Path(config.trust.keyring_file)
    try:
        keyring = pin_keyring(path.read_bytes())
    except (OSError, DoorwardError) as err:
        return _enrol("keyring", f"{path}: {_words(err)}")
    if keyring.site != config.site:
        return Finding(
            name="keyring",
            is_well=False,
            said=f"{path} is of site {keyring.site}, this gateway is of {config.site}",
            mend="correct gateway.site, or enrol this gateway again",
        )
    return Finding(
        name="keyring",
        is_well=True,
        said=f"version {keyring.version}, {len(keyring.keys)} keys of site {keyring.site}",
    )


def _own_key(config: EdgeConfig) -> Finding:
    return _key("own key", Path(config.trust.record_key_file), SEED_BYTES, is_secret=True)


def _seal_key(config: EdgeConfig) -> Finding:
    return _key("seal key", Path(config.trust.seal_key_file), SEAL_KEY_BYTES)


def _broker_key(config: EdgeConfig) -> Finding:
    return _key("broker key", Path(config.broker.key_file), is_secret=True)


def _key(name: str, path: Path, size: int | None = None, *, is_secret: bool = False) -> Finding:
    try:
        found, secret = path.stat(), read_secret(path)
    except GuardError as err:
        return Finding(name=name, is_well=False, said=f"{path}: {err}", mend=_mend_guard(path))
    except OSError as err:
        return _enrol(name, f"{path}: {_words(err)}")
    if size is not None and len(secret) != size:
        return _enrol(name, f"{path} holds {len(secret)} bytes, must be {size}")
    if is_secret and found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Finding(
            name=name,
            is_well=False,
            said=f"{path} can be read by others",
            mend=f"chmod 600 {path}",
        )
    said = f"{path} is private; {_GUARDS[guard_kind(path)]}" if is_secret else f"{path} is here"
    return Finding(name=name, is_well=True, said=said)


_GUARDS = {
    GuardKind.TPM2: "sealed by the TPM of this board",
    GuardKind.HOST: "sealed by systemd; whoever has the whole card can read it",
    GuardKind.FILE: "nothing but the file's mode guards it",
    None: "nothing but the file's mode guards it",
}


def _mend_guard(path: Path) -> str:
    if guard_kind(path) is GuardKind.HOST:
        return "run this as root, or by the service, which is handed the key"
    return "see that the TPM can be used (group tss); else enrol this gateway anew"


def _enrol(name: str, said: str) -> Finding:
    return Finding(name=name, is_well=False, said=said, mend="enrol this gateway")


def _words(err: Exception) -> str:
    return (err.strerror if isinstance(err, OSError) else None) or str(err)


def _data_dir(config: EdgeConfig) -> Finding:
    folder = config.data_dir
    if not folder.is_dir():
        return Finding(
            name="data folder",
            is_well=False,
            said=f"{folder} is missing",
            mend=f"mkdir -p {folder}",
        )
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as err:
        mend = f"sudo chown -R doorward {folder}, and see that its disk takes writes"
        said = f"{folder}: {_words(err)}"
        return Finding(name="data folder", is_well=False, said=said, mend=mend)
    capacity, held = config.journal.capacity_mib * 2**20, _held_bytes(folder / "journal")
    free = shutil.disk_usage(folder).free
    is_enough = free + held > capacity
    return Finding(
        name="data folder",
        is_well=is_enough,
        said=f"{folder}: {(free + held) // 2**20} MiB for the journal, "
        f"which may take {capacity // 2**20} MiB",
        mend="" if is_enough else "lower journal.capacity_mib or use a larger card",
    )


def _held_bytes(folder: Path) -> int:
    """Returns what the journal has taken or reserved already."""
    return sum(path.stat().st_size for path in folder.glob("*") if path.is_file())


def _clock(config: EdgeConfig) -> Finding:
    trust = SystemClock(config.clock.source).now().trust
    is_assumed = config.clock.source is ClockSource.ASSUME
    return Finding(
        name="clock",
        is_well=trust is not ClockTrust.UNKNOWN,
        said="assumed to be right" if is_assumed else trust.name.lower(),
        mend="" if trust is not ClockTrust.UNKNOWN else "sudo apt install systemd-timesyncd",
    )


def _camera(camera: CameraSection) -> Finding:
    name = f"camera {camera.name}"
    if camera.kind is CameraKind.PICAMERA2:
        found = importlib.util.find_spec("picamera2") is not None
        said = "picamera2 is installed" if found else "the Python module picamera2 is missing"
        mend = "" if found else "sudo apt install python3-picamera2"
        return Finding(name=name, is_well=found, said=said, mend=mend)
    if camera.kind is CameraKind.SCENE:
        return Finding(name=name, is_well=True, said="simulated")
    place = Path(camera.device if camera.kind is CameraKind.V4L2 else camera.path)
    found = place.exists()
    return Finding(
        name=name,
        is_well=found,
        said=f"{place} {'is there' if found else 'is missing'}",
        mend="" if found else "connect the camera, or correct [[camera]]",
    )


def _pins(config: EdgeConfig) -> Finding:
    chips = sorted(Path("/dev").glob("gpiochip*"))
    if any(camera.kind is CameraKind.SCENE for camera in config.cameras):
        return Finding(name="pins", is_well=True, said="simulated")
    if not config.claims:
        return Finding(name="pins", is_well=True, said="nothing is wired to any")
    if not chips:
        return Finding(
            name="pins",
            is_well=False,
            said="no /dev/gpiochip*: this machine has no GPIO",
            mend="run on a Raspberry Pi; without its pins: `doorward-edge simulate`, or a portal"
            " with neither lock, lamps nor inputs",
        )
    has_lgpio = importlib.util.find_spec("lgpio") is not None
    return Finding(
        name="pins",
        is_well=has_lgpio,
        said=f"{chips[0]}{'' if has_lgpio else '; the Python module lgpio is missing'}",
        mend="" if has_lgpio else "sudo apt install python3-lgpio",
    )


def _broker(config: EdgeConfig) -> Finding:
    broker = config.broker
    where = f"{broker.host}:{broker.port}"
    try:
        context = tls_context(address_of(config))
    except OSError as err:
        return _enrol("broker", str(err))
    try:
        with (
            socket.create_connection((broker.host, broker.port), CONNECT_TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=broker.host) as secure,
        ):
            said = f"{where} answers with {secure.version()}"
    except ssl.SSLError as err:
        return Finding(
            name="broker",
            is_well=False,
            said=f"{where}: {err.reason or err}",
            mend="check broker.ca_file and the broker's certificate",
        )
    except OSError as err:
        return Finding(
            name="broker",
            is_well=False,
            said=f"{where}: {err}",
            mend="start the broker, or correct [broker]; the gateway works without it meanwhile",
        )
    return Finding(name="broker", is_well=True, said=said)
