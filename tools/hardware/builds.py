"""Builds: parts that were put together, with the configuration that the firmware loads for them.

`hardware/builds/<name>/build.toml` names the parts, `edge.toml` beside it says which terminal does
what. Everything drawn, computed and bought for a build follows from these two.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from doorward_edge.boards import BoardProfile, Contact, Level, released_level
from doorward_edge.config import ConfigError, EdgeConfig, LockLine, PortalConfig, load_config
from tools.hardware.parts import (
    HARDWARE,
    CameraPart,
    ComputerPart,
    LockPart,
    PartError,
    RelayPart,
    Shelf,
    SupplyPart,
    load_file,
)

BUILDS = HARDWARE / "builds"


class BuildFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The table of `build.toml`.

    Attributes:
        cable_m, cable_mm2: from the housing to the lock: length, and copper of one conductor.
    """

    title: str
    computer: str
    relays: str
    camera: str
    lock: str
    supply: str
    converter: str
    cable_m: Annotated[float, msgspec.Meta(gt=0, le=200)]
    cable_mm2: Annotated[float, msgspec.Meta(ge=0.14, le=6)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A build with its parts and its checked configuration; one portal."""

    name: str
    file: BuildFile
    computer: ComputerPart
    relays: RelayPart
    camera: CameraPart
    lock: LockPart
    supply: SupplyPart
    converter: SupplyPart
    config: EdgeConfig

    @property
    def portal(self) -> PortalConfig:
        """The portal that it is for."""
        return self.config.portals[0]

    @property
    def has_board(self) -> bool:
        """Whether its relays sit on a board on the header, and not on a module beside it."""
        return self.file.relays == self.config.board.name

    @property
    def contact(self) -> Contact:
        """The contact of the relay through which the lock's circuit runs."""
        return self.lock.contact


def build_names(folder: Path = BUILDS) -> tuple[str, ...]:
    """Returns the names of all builds."""
    return tuple(sorted(path.parent.name for path in folder.glob("*/build.toml")))


def load_build(name: str, *, folder: Path = BUILDS, shelf: Shelf | None = None) -> Build:
    """Returns a build.

    Raises:
        PartError: a file is wrong, parts do not go together, or the firmware would refuse the
            configuration; the message names the file.
    """
    shelf = shelf or Shelf()
    path = folder / name / "build.toml"
    file = load_file(path, BuildFile)
    try:
        config = load_config(path.with_name("edge.toml"))
    except ConfigError as err:
        raise PartError(str(err)) from err
    build = Build(
        name=name,
        file=file,
        computer=shelf.computer(file.computer),
        relays=shelf.relay(file.relays),
        camera=shelf.camera(file.camera),
        lock=shelf.lock(file.lock),
        supply=shelf.supply(file.supply),
        converter=shelf.supply(file.converter),
        config=config,
    )
    _check(build, path)
    return build


def _check(build: Build, path: Path) -> None:
    for said in _contradictions(build):
        raise PartError(f"{path}: {said}")


def _contradictions(build: Build) -> list[str]:
    file, profile, line = build.file, build.config.board, build.portal.lock
    board = profile.name
    if line is None:
        return ["its configuration has no lock"]
    said = []
    if board not in {file.relays, file.computer}:
        said.append(f"edge.toml has profile {board}, relays are {file.relays}")
    if line.kind is not build.lock.kind:
        said.append(f"edge.toml has a {line.kind} lock, {file.lock} is {build.lock.kind}")
    elif released_level(line.kind, build.contact, _active(profile, line)) is not line.released:
        said.append(f"{file.lock} runs through {build.contact}, edge.toml says otherwise")
    cameras = {camera.kind.value for camera in build.config.cameras}
    if cameras != {build.camera.kind}:
        said.append(
            f"edge.toml has cameras {sorted(cameras)}, {file.camera} is {build.camera.kind}"
        )
    sizes = [(frame.width_px, frame.height_px) for frame in build.camera.frame]
    said += [
        f"{camera.name} asks for {camera.width_px}x{camera.height_px}, {file.camera} has {sizes}"
        for camera in build.config.cameras
        if (camera.width_px, camera.height_px) not in sizes
    ]
    if build.converter.from_volts != build.supply.volts:
        said.append(f"{file.converter} takes {build.converter.from_volts} V, {file.supply} differs")
    if build.lock.volts not in {0.0, build.supply.volts}:
        said.append(f"{file.lock} wants {build.lock.volts} V, {file.supply} gives another")
    return said


def _active(board: BoardProfile, line: LockLine) -> Level:
    return board.terminal_of_pin(line.pin).active
