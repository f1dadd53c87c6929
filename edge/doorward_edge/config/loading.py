"""`edge.toml` -> a frozen `EdgeConfig`, or an error that names the line."""

import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from doorward.errors import BadIdError, MalformedError
from doorward.ids import parse_gateway_id, parse_name, parse_portal_id, parse_site_id
from doorward.twin import Settings, overlaid
from doorward_edge.boards import BoardError, BoardProfile, load_profile
from doorward_edge.config.checked import EdgeConfig, PortalConfig
from doorward_edge.config.claims import Claims, InputLine, OutputLine
from doorward_edge.config.devices import CameraKind, CameraSection
from doorward_edge.config.file import EdgeFile
from doorward_edge.config.portals import (
    GatewayInputsSection,
    PortalInputsSection,
    PortalSection,
)
from doorward_edge.config.table import ConfigError, Problem
from doorward_edge.config_panel import PanelSection, panel_problem
from doorward_edge.config_words import explain
from doorward_edge.ports import InputKind
from doorward_edge.toml_places import Place, parse_place

MOST_PORTALS = 8
_SIZED = frozenset({CameraKind.PICAMERA2, CameraKind.SCENE})
"""Cameras that give the size that they are asked for."""
_T = TypeVar("_T")
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


def parse_config(text: str, path: Path, over: Settings | None = None) -> EdgeConfig:
    """Returns the configuration in `text`, which came from `path`. Raises ConfigError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise ConfigError(f"{path}: not TOML: {err}") from err
    try:
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
    for index, camera in enumerate(file.camera):
        _check_camera(("camera", index), camera)
    _check_sources(file)
    board = _board(file, folder)
    claims = Claims(board)
    portals = tuple(
        _portal(("portal", index), portal, claims) for index, portal in enumerate(file.portal)
    )
    return EdgeConfig(
        site=_named(("gateway", "site"), parse_site_id, file.gateway.site),
        gateway=_named(("gateway", "id"), parse_gateway_id, file.gateway.id),
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


def _check_camera(place: Place, camera: CameraSection) -> None:
    if camera.kind in {CameraKind.FOLDER, CameraKind.VIDEO} and not camera.path:
        raise Problem((*place, "path"), f"is missing; kind {camera.kind} plays what lies there")
    if not camera.roi_px:
        return
    if len(camera.roi_px) != 4:
        raise Problem((*place, "roi_px"), "must be [x, y, width, height]")
    x, y, width, height = camera.roi_px
    frame = f"{camera.width_px} x {camera.height_px}"
    is_inside = (
        x >= 0 and y >= 0 and x + width <= camera.width_px and y + height <= camera.height_px
    )
    if width < 1 or height < 1 or (camera.kind in _SIZED and not is_inside):
        raise Problem((*place, "roi_px"), f"is {list(camera.roi_px)}, not within {frame}")


def _check_sources(file: EdgeFile) -> None:
    """Every camera and scanner has a name of its own and reads at one portal that exists."""
    if not 1 <= len(file.portal) <= MOST_PORTALS:
        raise Problem(("portal",), f"stands {len(file.portal)} times, must stand 1 to 8 times")
    names: dict[str, Place] = {}
    for kind, wanted in (
        ("camera", [camera.name for camera in file.camera]),
        ("scanner", [scanner.name for scanner in file.scanner]),
    ):
        for index, name in enumerate(wanted):
            if name in names:
                raise Problem((kind, index, "name"), f"is {name!r}, which is taken")
            names[_named((kind, index, "name"), parse_name, name)] = (kind, index)
    owners: dict[str, str] = {}
    ids: set[str] = set()
    for index, portal in enumerate(file.portal):
        if portal.id in ids:
            raise Problem(("portal", index, "id"), f"is {portal.id!r}, which is taken")
        ids.add(portal.id)
        _check_readers_of(("portal", index), portal, names, owners)
    for name, place in names.items():
        if name not in owners:
            key = f"{place[0]}s"
            raise Problem((*place, "name"), f'is {name!r}, but no portal has {key} = ["{name}"]')


def _check_readers_of(
    place: Place, portal: PortalSection, names: dict[str, Place], owners: dict[str, str]
) -> None:
    for kind, key, wanted in (
        ("camera", "cameras", portal.cameras),
        ("scanner", "scanners", portal.scanners),
    ):
        known = [name for name, (of, _) in names.items() if of == kind]
        for index, name in enumerate(wanted):
            if name not in known:
                listed = ", ".join(known) or f"none; add [[{kind}]]"
                raise Problem((*place, key, index), f"has {name!r}; there is: {listed}")
            if name in owners:
                raise Problem((*place, key, index), f"has {name!r}, which reads at {owners[name]}")
            owners[name] = portal.id
    has_reader = bool(portal.cameras or portal.scanners)
    if has_reader == portal.panel_only:
        said = "reads codes and is panel_only" if has_reader else "has no cameras and no scanners"
        raise Problem(place, f"{portal.id!r} {said}; name what reads there, or set panel_only")


def _portal(place: Place, portal: PortalSection, claims: Claims) -> PortalConfig:
    lock = portal.lock
    return PortalConfig(
        id=_named((*place, "id"), parse_portal_id, portal.id),
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


def _named(place: Place, parse: Callable[[str], _T], text: str) -> _T:
    try:
        return parse(text)
    except BadIdError as err:
        raise Problem(place, f"is not a name: {err}") from err


def _rooted(section: _Tables, folder: Path) -> _Tables:
    """Returns the section with its files counted from the configuration's folder."""
    files = {
        name: str(folder / getattr(section, name))
        for name in section.__struct_fields__
        if name.endswith("_file") and getattr(section, name)
    }
    return msgspec.structs.replace(section, **files)
