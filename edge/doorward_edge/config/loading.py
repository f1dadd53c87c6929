"""`edge.toml` -> a frozen `EdgeConfig`, or an error that names the line."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from doorward.errors import MalformedError
from doorward.ids import parse_gateway_id, parse_portal_id, parse_site_id
from doorward.twin import Settings, overlaid
from doorward_edge.boards import BoardError, BoardProfile, load_profile
from doorward_edge.config.checked import EdgeConfig, PortalConfig
from doorward_edge.config.claims import Claims, InputLine, OutputLine
from doorward_edge.config.devices import CameraSection
from doorward_edge.config.file import EdgeFile
from doorward_edge.config.identity import with_identity, without_identity
from doorward_edge.config.portals import (
    GatewayInputsSection,
    PortalInputsSection,
    PortalSection,
)
from doorward_edge.config.readers import check_readers
from doorward_edge.config.table import ConfigError, Problem, named
from doorward_edge.config_panel import PanelSection, panel_problem
from doorward_edge.config_words import explain
from doorward_edge.ports import InputKind
from doorward_edge.toml_places import Place, parse_place

_Tables = TypeVar("_Tables", bound=msgspec.Struct)


def load_config(path: Path, over: Settings | None = None) -> EdgeConfig:
    """Returns the configuration in a TOML file.

    Relative paths in it count from the file's own folder. `over` are settings by dotted name that
    lie over the file's, as the controller may send them.

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
    return parse_config(text, path, over)


def load_hardware(path: Path) -> EdgeConfig:
    """Returns what is wired to a gateway that need not be enrolled: cameras, lamps, pins.

    Who it is and whom it trusts is made up: only what is wired counts.

    Raises:
        ConfigError: as `load_config`, but for the identity.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path}: cannot be read: {err}") from err
    return parse_config(text, path, has_identity=False)


def parse_config(
    text: str, path: Path, over: Settings | None = None, *, has_identity: bool = True
) -> EdgeConfig:
    """Returns the configuration in `text`, which came from `path`. Raises ConfigError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise ConfigError(f"{path}: not TOML: {err}") from err
    try:
        raw = with_identity(raw, path) if has_identity else without_identity(raw)
        raw = overlaid(raw, over) if over else raw
        file = msgspec.convert(raw, EdgeFile)
        return _checked(file, path.parent)
    except msgspec.ValidationError as err:
        raise ConfigError(f"{path}, {explain(str(err), text, raw, EdgeFile)}") from err
    except Problem as err:
        raise err.at(path, text) from err
    except MalformedError as err:
        raise ConfigError(str(err)) from err


def _checked(file: EdgeFile, folder: Path) -> EdgeConfig:
    check_readers(file)
    board = _board(file, folder)
    claims = Claims(board)
    portals = tuple(
        _portal(("portal", index), portal, claims) for index, portal in enumerate(file.portal)
    )
    return EdgeConfig(
        site=named(("gateway", "site"), parse_site_id, file.gateway.site),
        gateway=named(("gateway", "id"), parse_gateway_id, file.gateway.id),
        data_dir=folder / file.gateway.data_dir,
        broker=_rooted(file.broker, folder),
        trust=_rooted(file.trust, folder),
        board=board,
        cameras=file.camera,
        scanners=file.scanner,
        reader=file.reader,
        portals=portals,
        inputs=_inputs(("inputs",), file.inputs, claims),
        illumination=_illumination(file.camera, claims),
        perception=file.perception,
        panel=_panel(file.panel, folder),
        health=file.health,
        journal=file.journal,
        clock=file.clock,
        commands=file.commands,
        update=_rooted(file.update, folder),
        identity=None if file.identity is None else folder / file.identity.folder,
        claims=claims.owners,
    )


def _panel(panel: PanelSection | None, folder: Path) -> PanelSection | None:
    if panel is None:
        return None
    if (problem := panel_problem(panel)) is not None:
        key, said = problem
        raise Problem(parse_place(key), said)
    return _rooted(panel, folder)


def _board(file: EdgeFile, folder: Path) -> BoardProfile:
    try:
        board = load_profile(
            file.board.profile, folder=folder, uses=file.board.uses, extra=file.board.terminal
        )
    except BoardError as err:
        raise Problem(("board", "profile"), f"cannot be used: {err}") from err
    for index, name in enumerate(file.board.uses):
        if name not in board.functions:
            known = ", ".join(sorted(board.functions))
            raise Problem(("board", "uses", index), f"has {name!r}; functions are: {known}")
    return board


def _portal(place: Place, portal: PortalSection, claims: Claims) -> PortalConfig:
    lock = portal.lock
    return PortalConfig(
        id=named((*place, "id"), parse_portal_id, portal.id),
        direction=portal.direction,
        cameras=portal.cameras,
        scanners=portal.scanners,
        held_s=portal.held_s,
        lock=None if lock is None else claims.lock((*place, "lock"), lock),
        lamps={
            colour: claims.output((*place, "lamps", colour), terminal)
            for colour in portal.lamps.__struct_fields__
            if (terminal := getattr(portal.lamps, colour)) is not None
        },
        buzzer=(
            None
            if portal.buzzer is None
            else claims.output((*place, "buzzer"), portal.buzzer, sounds=True)
        ),
        inputs=_inputs((*place, "inputs"), portal.inputs, claims),
        door=portal.door,
    )


def _inputs(
    place: Place, section: PortalInputsSection | GatewayInputsSection, claims: Claims
) -> tuple[InputLine, ...]:
    return tuple(
        claims.input((*place, name), InputKind(name), wired)
        for name in section.__struct_fields__
        if (wired := getattr(section, name)) is not None
    )


def _illumination(cameras: Iterable[CameraSection], claims: Claims) -> dict[str, OutputLine]:
    return {
        camera.name: claims.output(("camera", index, "illumination_pin"), camera.illumination_pin)
        for index, camera in enumerate(cameras)
        if camera.illumination_pin is not None
    }


def _rooted(section: _Tables, folder: Path) -> _Tables:
    """Returns the section with its files counted from the configuration's folder."""
    files = {
        name: str(folder / getattr(section, name))
        for name in section.__struct_fields__
        if name.endswith("_file") and getattr(section, name)
    }
    return msgspec.structs.replace(section, **files)
