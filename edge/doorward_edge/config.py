"""What an installer sets: `edge.toml` -> a frozen `EdgeConfig`, or an error that names the line."""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec

from doorward.errors import BadIdError
from doorward.ids import (
    GatewayId,
    PortalId,
    SiteId,
    parse_gateway_id,
    parse_portal_id,
    parse_site_id,
)
from doorward_edge.config_words import explain, line_of
from doorward_edge.scan import Strategy, Symbology

BcmPin = Annotated[int, msgspec.Meta(ge=0, le=27)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class ConfigError(ValueError):
    """A configuration that cannot be used; the message says where and what is allowed."""


class CameraKind(StrEnum):
    """Where frames come from."""

    PICAMERA2 = "picamera2"
    V4L2 = "v4l2"
    FOLDER = "folder"
    VIDEO = "video"
    SCENE = "scene"


class ClockSource(StrEnum):
    """Who says how far the wall clock may be believed."""

    KERNEL = "kernel"
    """The kernel's synchronisation flag, which chrony and systemd-timesyncd set."""
    ASSUME = "assume"
    """Somebody else keeps this machine's clock right; for simulations and virtual machines."""


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file; a key that is not known is an error."""


class GatewaySection(_Section, frozen=True, kw_only=True):
    """Who this gateway is and where it keeps what it must not forget."""

    site: str
    id: str
    data_dir: str


class BrokerSection(_Section, frozen=True, kw_only=True):
    """How the broker is reached; there is no way to say "without TLS"."""

    host: str
    port: Port = 8883
    ca_file: str
    cert_file: str
    key_file: str
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=300)] = 20


class TrustSection(_Section, frozen=True, kw_only=True):
    """Files from enrolment: pinned keyring, the controller's sealing key, our own signing key."""

    keyring_file: str
    seal_key_file: str
    record_key_file: str


class CameraSection(_Section, frozen=True, kw_only=True):
    """The camera of the first portal.

    Attributes:
        device: `/dev/videoN` for v4l2, the camera's number for picamera2.
        path: the folder or the video file that is played.
        roi_px: x, y, width and height of the part that is looked at; empty means all of it.
    """

    kind: CameraKind
    device: str = "0"
    path: str = ""
    width_px: Annotated[int, msgspec.Meta(ge=160, le=4608)] = 1280
    height_px: Annotated[int, msgspec.Meta(ge=120, le=2592)] = 720
    fps: Annotated[int, msgspec.Meta(ge=1, le=60)] = 10
    roi_px: tuple[int, ...] = ()


class ReaderSection(_Section, frozen=True, kw_only=True):
    """What is looked for in a frame."""

    strategy: Strategy = Strategy.DUAL
    symbologies: tuple[Symbology, ...] = (Symbology.QR,)


class PortalSection(_Section, frozen=True, kw_only=True):
    """One portal: its name in the policy and its pins (BCM numbers).

    Attributes:
        lock_active_high: whether a high level releases the lock.
        held_s: how long a code may be held up and still be one scan.
    """

    id: str
    lock_pin: BcmPin | None = None
    lock_active_high: bool = True
    green_pin: BcmPin | None = None
    red_pin: BcmPin | None = None
    yellow_pin: BcmPin | None = None
    blue_pin: BcmPin | None = None
    buzzer_pin: BcmPin | None = None
    held_s: Annotated[float, msgspec.Meta(ge=0.5, le=60)] = 3.0


class JournalSection(_Section, frozen=True, kw_only=True):
    """How much of the disk the journal may take."""

    capacity_mib: Annotated[int, msgspec.Meta(ge=64, le=65536)] = 512


class ClockSection(_Section, frozen=True, kw_only=True):
    """Whether the wall clock is believed."""

    source: ClockSource = ClockSource.KERNEL


class EdgeFile(_Section, frozen=True, kw_only=True):
    """The whole of `edge.toml`."""

    gateway: GatewaySection
    broker: BrokerSection
    trust: TrustSection
    camera: CameraSection
    reader: ReaderSection = ReaderSection()
    portal: list[PortalSection]
    journal: JournalSection = JournalSection()
    clock: ClockSection = ClockSection()


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConfig:
    """A configuration that was checked; names are parsed, files are paths."""

    site: SiteId
    gateway: GatewayId
    data_dir: Path
    broker: BrokerSection
    trust: TrustSection
    camera: CameraSection
    reader: ReaderSection
    portal: PortalSection
    portal_id: PortalId
    journal: JournalSection
    clock: ClockSection


def load_config(path: Path) -> EdgeConfig:
    """Returns the configuration in a TOML file.

    Relative paths in it count from the file's own folder.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or a key is unknown, missing or out of
            range; the message names file, line, key and what is allowed.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as err:
        raise ConfigError(f"{path}: cannot be read: {err.strerror or err}") from err
    except UnicodeDecodeError as err:
        raise ConfigError(f"{path}: cannot be read: {err}") from err
    return parse_config(text, path)


def parse_config(text: str, path: Path) -> EdgeConfig:
    """Returns the configuration in `text`, which came from `path`. Raises ConfigError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise ConfigError(f"{path}: not TOML: {err}") from err
    try:
        file = msgspec.convert(raw, EdgeFile)
        return _checked(file, path.parent)
    except msgspec.ValidationError as err:
        raise ConfigError(f"{path}{explain(str(err), text, raw, EdgeFile)}") from err
    except _Problem as err:
        raise ConfigError(f"{path}, line {line_of(err.key, text)}: {err}") from err


class _Problem(Exception):  # noqa: N818  # never leaves this module
    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key} {message}")
        self.key = key


def _checked(file: EdgeFile, folder: Path) -> EdgeConfig:
    if len(file.portal) != 1:
        raise _Problem("portal", f"stands {len(file.portal)} times, must stand once")
    portal, camera = file.portal[0], file.camera
    _refuse_shared_pins(portal)
    if camera.kind in {CameraKind.FOLDER, CameraKind.VIDEO} and not camera.path:
        raise _Problem("camera.path", f"is missing; kind {camera.kind} plays what lies there")
    if camera.roi_px and len(camera.roi_px) != 4:
        raise _Problem("camera.roi_px", "must be [x, y, width, height]")
    return EdgeConfig(
        site=_named("gateway.site", parse_site_id, file.gateway.site),
        gateway=_named("gateway.id", parse_gateway_id, file.gateway.id),
        data_dir=folder / file.gateway.data_dir,
        broker=_rooted(file.broker, folder),
        trust=_rooted(file.trust, folder),
        camera=camera,
        reader=file.reader,
        portal=portal,
        portal_id=_named("portal.id", parse_portal_id, portal.id),
        journal=file.journal,
        clock=file.clock,
    )


def _named(key: str, parse: Any, text: str) -> Any:  # noqa: ANN401  # one of the parse_*_id functions
    try:
        return parse(text)
    except BadIdError as err:
        raise _Problem(key, f"is not a name: {err}") from err


def _rooted(section: Any, folder: Path) -> Any:  # noqa: ANN401  # the section that was given
    """Returns the section with its files counted from the configuration's folder."""
    files = {
        name: str(folder / getattr(section, name))
        for name in section.__struct_fields__
        if name.endswith("_file")
    }
    return msgspec.structs.replace(section, **files)


def _refuse_shared_pins(portal: PortalSection) -> None:
    owners: dict[int, str] = {}
    for name in portal.__struct_fields__:
        if name.endswith("_pin") and (pin := getattr(portal, name)) is not None:
            if pin in owners:
                raise _Problem(f"portal.{name}", f"is GPIO {pin}, which is {owners[pin]} already")
            owners[pin] = name
