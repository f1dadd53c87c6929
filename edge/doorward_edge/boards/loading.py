"""Profile files -> `BoardProfile`, or an error that names file and line."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from doorward_edge.boards.contacts import Contact
from doorward_edge.boards.profile import (
    BoardError,
    BoardProfile,
    ProfileFile,
    Pull,
    Terminal,
    TerminalKind,
    TerminalSection,
)
from doorward_edge.config_words import explain
from doorward_edge.toml_places import Place, line_of


def boards_folder() -> Path:
    """Returns where the profiles lie: beside this module, which is a link to `hardware/boards`."""
    return (Path(__file__).parent / "data").resolve()


def profile_names() -> tuple[str, ...]:
    """Returns the names of the profiles that come with the gateway."""
    return tuple(sorted(path.stem for path in boards_folder().glob("*.toml")))


def load_profile(
    profile: str, *, folder: Path, uses: Iterable[str] = (), extra: tuple[TerminalSection, ...] = ()
) -> BoardProfile:
    """Returns a profile.

    Args:
        profile: the name of one that comes with the gateway, or a path that ends in ``.toml``.
        folder: where a path counts from.
        uses: functions of pins that are in use beside those that the board needs.
        extra: terminals that are added, or that replace those of the same name.

    Raises:
        BoardError: there is none, or a fact in it contradicts another; the message names the line.
    """
    path = folder / profile if profile.endswith(".toml") else boards_folder() / f"{profile}.toml"
    if not path.is_file():
        known = ", ".join(profile_names())
        raise BoardError(f"{path} is missing; profiles are: {known}, or a path to a .toml file")
    return _checked(_Source.read(path), tuple(uses), extra)


class _Source:
    """One file with the file that it extends, for looking up what counts and where it stands."""

    def __init__(self, path: Path, text: str, file: ProfileFile, base: "_Source | None") -> None:
        self.path, self.text, self.file, self.base = path, text, file, base

    @classmethod
    def read(cls, path: Path, *, is_base: bool = False) -> "_Source":
        try:
            text = path.read_text("utf-8")
            raw: dict[str, Any] = tomllib.loads(text)
        except (OSError, UnicodeDecodeError) as err:
            raise BoardError(f"{path}: cannot be read: {err}") from err
        except tomllib.TOMLDecodeError as err:
            raise BoardError(f"{path}: not TOML: {err}") from err
        try:
            file = msgspec.convert(raw, ProfileFile)
        except msgspec.ValidationError as err:
            raise BoardError(f"{path}, {explain(str(err), text, raw, ProfileFile)}") from err
        source = cls(path, text, file, None)
        if file.extends:
            above = path.with_name(f"{file.extends}.toml")
            if is_base or not above.is_file():
                why = "which extends another" if is_base else f"but {above} is missing"
                raise source.fault(("extends",), f"is {file.extends!r}, {why}")
            source.base = cls.read(above, is_base=True)
        return source

    def fault(self, place: Place, message: str) -> BoardError:
        line = line_of(place, self.text)
        key = ".".join(part for part in place if isinstance(part, str))
        return BoardError(f"{self.path}, line {line}: {key} {message}")

    def owner_of(self, table: str) -> "_Source":
        """Returns the file whose table counts: this one's own, else the one that it extends."""
        return self if getattr(self.file, table) or self.base is None else self.base


def _checked(
    source: _Source, uses: tuple[str, ...], extra: tuple[TerminalSection, ...]
) -> BoardProfile:
    pulls = _pulls(source.owner_of("pulls"))
    uses = (*source.file.uses, *uses)
    reserver = source.owner_of("reserved")
    functions: dict[str, tuple[int, ...]] = {}
    reserved: dict[int, str] = {}
    for section in reserver.file.reserved:
        if section.when:
            functions[section.when] = (*functions.get(section.when, ()), *section.pins)
        if not section.when or section.when in uses:
            reserved |= dict.fromkeys(section.pins, section.why)
    for index, name in enumerate(source.file.uses):
        if name not in functions:
            known = ", ".join(sorted(functions))
            raise source.fault(("uses", index), f"has {name!r}; known functions are: {known}")
    terminals = _terminals(source.owner_of("terminal"), pulls, reserved)
    replaced = {section.name: _terminal(section, pulls) for section in extra}
    return BoardProfile(
        name=source.path.stem,
        path=source.path,
        title=source.file.title,
        sources=source.file.sources,
        notes=(*source.file.notes, *(source.base.file.notes if source.base else ())),
        models=source.file.models,
        terminals={**terminals, **replaced},
        pulls=pulls,
        reserved=reserved,
        functions=functions,
    )


def _pulls(source: _Source) -> Mapping[int, Pull]:
    section = source.file.pulls
    if section is None:
        raise source.fault(("pulls",), "is missing: which way are the pins pulled at power-on?")
    twice = set(section.up) & set(section.down)
    if twice:
        raise source.fault(("pulls", "down"), f"has GPIO {min(twice)}, which is pulled up already")
    return dict.fromkeys(section.up, Pull.UP) | dict.fromkeys(section.down, Pull.DOWN)


def _terminals(
    source: _Source, pulls: Mapping[int, Pull], reserved: Mapping[int, str]
) -> dict[str, Terminal]:
    found: dict[str, Terminal] = {}
    owners: dict[int, str] = {}
    for index, section in enumerate(source.file.terminal):
        place = ("terminal", index)
        if section.name in found:
            raise source.fault((*place, "name"), f"is {section.name!r}, which is taken")
        if section.pin in owners:
            other = owners[section.pin]
            raise source.fault((*place, "pin"), f"is GPIO {section.pin}, which is {other} already")
        if section.pin in reserved:
            why = reserved[section.pin]
            raise source.fault((*place, "pin"), f"is GPIO {section.pin}, reserved: {why}")
        owners[section.pin] = section.name
        found[section.name] = _terminal(section, pulls)
    return found


def _terminal(section: TerminalSection, pulls: Mapping[int, Pull]) -> Terminal:
    pull = section.pull or pulls.get(section.pin)
    return Terminal(
        name=section.name,
        pin=section.pin,
        kind=section.kind,
        active=section.active,
        # A transistor only closes a circuit while it is driven.
        contacts=(Contact.NO,) if section.kind is TerminalKind.TRANSISTOR else section.contacts,
        rest=None if pull is None else pull.level,
        wired_for=section.wired_for,
    )
