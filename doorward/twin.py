"""The configuration twin: what a gateway should be set to, and what may be set from afar.

The controller says the desired settings whole, signed and numbered (docs/protocol.md §11). They lie
over the installer's file. What would let the far end take a gateway over, cut it off or open its
door (keys, names, addresses, pins) is not among what can be set.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn, Self

from doorward import canonical, shapes
from doorward.errors import MalformedError
from doorward.ids import MAX_SEQ, GatewayId, SiteId
from doorward.settable import REGISTRY
from doorward.times import UtcSeconds

MAX_SETTINGS_BYTES = 16 * 1024
MAX_DESIRED_BYTES = MAX_SETTINGS_BYTES + 1024
MAX_SETTINGS = 256
_FIELDS = frozenset({"site", "gateway", "version", "created_at", "settings"})

Scalar = bool | int | float | str
Setting = Scalar | list[Scalar | list[Scalar]]
Settings = dict[str, Setting]
"""Dotted name to value; a row of a list of tables is named by its own name."""

SETTABLE: Mapping[str, str] = MappingProxyType(
    {name: settable.meaning for name, settable in REGISTRY.items()}
)
"""What can be set from afar, `*` for the name of a camera, portal or signal, and what it means."""

TRIAL_S = 300
"""A configuration is confirmed after so long with a connection, and taken back without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """The body of a desired configuration; it travels in an envelope of kind `config`.

    Attributes:
        version: never goes back; a rejected one is followed by a higher one.
        settings: all that differs from the installer's file, not only what is new.
    """

    site: SiteId
    gateway: GatewayId
    version: int
    created_at: UtcSeconds
    settings: Settings

    def to_body(self) -> bytes:
        """Returns the canonical bytes. Raises MalformedError for settings that nobody takes."""
        check_settings(self.settings)
        return canonical.encode(
            {
                "site": self.site,
                "gateway": self.gateway,
                "version": self.version,
                "created_at": self.created_at,
                "settings": settings_text(self.settings),
            }
        )

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> Self:
        """Returns the configuration in `body`.

        Raises:
            MalformedError: the body is not one, is too long, or sets what cannot be set from afar.
        """
        if len(body) > MAX_DESIRED_BYTES:
            raise MalformedError(f"config of {len(body)} bytes, at most {MAX_DESIRED_BYTES}")
        value = canonical.decode(body, "config")
        if not isinstance(value, dict) or value.keys() != _FIELDS:
            raise MalformedError(f"config: not a map of exactly {', '.join(sorted(_FIELDS))}")
        version = shapes.number(value["version"], "config: version", MAX_SEQ)
        if version == 0:
            raise MalformedError("config: version is 0, it begins at 1")
        return cls(
            site=shapes.site(value["site"], "config: site"),
            gateway=shapes.gateway(value["gateway"], "config: gateway"),
            version=version,
            created_at=UtcSeconds(shapes.number(value["created_at"], "config: created_at", 2**40)),
            settings=parse_settings(
                shapes.text(value["settings"], "config: settings", MAX_SETTINGS_BYTES)
            ),
        )


def settings_text(settings: Settings) -> str:
    """Returns settings as the one JSON text that is signed for them."""
    return json.dumps(settings, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def parse_settings(text: str) -> Settings:
    """Returns the settings in a JSON text. Raises MalformedError."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_SETTINGS_BYTES:
        raise MalformedError(f"settings: more than {MAX_SETTINGS_BYTES} bytes")
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unrepeated)
    except (ValueError, RecursionError) as err:
        raise MalformedError(f"settings: not JSON: {err}") from err
    if not isinstance(value, dict):
        raise MalformedError("settings: not a JSON object")
    check_settings(value)
    return value


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raises MalformedError for a name that cannot be set from afar, or for a value of no shape."""
    if len(settings) > MAX_SETTINGS:
        raise MalformedError(f"settings: {len(settings)}, at most {MAX_SETTINGS}")
    for name, value in settings.items():
        if not is_settable(name):
            raise MalformedError(
                f"{name[:64]} cannot be set from afar; allowed: {', '.join(SETTABLE)}"
            )
        _check_value(name, value)


def is_settable(name: str) -> bool:
    """Whether a dotted name may be set from afar."""
    parts = name.split(".")
    return any(_fits(parts, pattern.split(".")) for pattern in SETTABLE)


def overlaid(raw: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Returns the installer's tables with the settings laid over them.

    Args:
        raw: the tables of the file; a list of tables has rows with an `id` or a `name`.
        settings: by dotted name.

    Raises:
        MalformedError: a setting is for a row that the file does not have.
    """
    tables: dict[str, Any] = json.loads(json.dumps(raw))
    for name, value in settings.items():
        *path, last = name.split(".")
        _descend(tables, path, name)[last] = value
    return tables


def differences(one: Settings, other: Settings) -> tuple[str, ...]:
    """Returns the names that are set differently, ascending."""
    return tuple(
        sorted(
            name for name in {*one, *other} if one.get(name, _NOTHING) != other.get(name, _NOTHING)
        )
    )


_NOTHING = object()


def _fits(parts: list[str], pattern: list[str]) -> bool:
    return len(parts) == len(pattern) and all(
        wanted in {"*", part} and part for part, wanted in zip(parts, pattern, strict=True)
    )


def _descend(tables: dict[str, Any], path: list[str], name: str) -> dict[str, Any]:
    found: Any = tables
    for part in path:
        if isinstance(found, dict):
            found = found.setdefault(part, {})
        else:
            found = _row_named(found, part)
    if not isinstance(found, dict):
        raise MalformedError(f"{name}: there is no {'.'.join(path)} here")
    return found


def _row_named(rows: object, name: str) -> dict[str, Any] | None:
    if not isinstance(rows, list):
        return None
    tables = (row for row in rows if isinstance(row, dict))
    return next((row for row in tables if name in {row.get("id"), row.get("name")}), None)


def _check_value(name: str, value: object) -> None:
    for item in _scalars(value, 2):
        if not isinstance(item, bool | int | float | str) or (
            isinstance(item, int) and abs(item) > MAX_SEQ
        ):
            raise MalformedError(f"{name}: must be a number, a text, a truth or a list of those")
        if isinstance(item, float) and not math.isfinite(item):
            raise MalformedError(f"{name}: {item} is no JSON number")
        if isinstance(item, str):
            shapes.text(item, name, 1000)


def _scalars(value: object, depth: int) -> Iterator[object]:
    if isinstance(value, list) and depth:
        for item in value:
            yield from _scalars(item, depth - 1)
    else:
        yield value


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is repeated")
    return found
