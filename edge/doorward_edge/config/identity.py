"""Who this gateway is, from the folder that enrolment wrote, under what the installer set."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from doorward_edge.config.table import ConfigError

CURRENT = "current"
IDENTITY_FILE = "identity.toml"
TABLES = ("gateway", "broker", "trust")


class NotEnrolledError(ConfigError):
    """There is no identity yet; everything else may be well."""


def with_identity(raw: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Returns the tables of `edge.toml` with those of the identity that it names under them.

    Raises:
        NotEnrolledError: it names a folder in which there is none yet.
        ConfigError: what is there cannot be used.
    """
    match raw.get("identity"):
        case {"folder": str(folder)}:
            place = path.parent / folder / CURRENT
        case _:
            return dict(raw)
    found = _read(place / IDENTITY_FILE)
    merged = dict(raw)
    for name in TABLES:
        own = raw.get(name, {})
        if isinstance(own, dict):
            merged[name] = _rooted(found.get(name, {}), place) | own
    return merged


def without_identity(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the tables with a made-up identity, for a gateway that has none yet."""
    return dict(raw) | {name: dict(table) for name, table in _NOBODY.items()}


_NOBODY: Mapping[str, Mapping[str, str]] = {
    "gateway": {"site": "nowhere", "id": "nobody", "data_dir": "nowhere"},
    "broker": {"host": "nowhere", "ca_file": "", "cert_file": "", "key_file": ""},
    "trust": {"keyring_file": "", "seal_key_file": "", "record_key_file": ""},
}


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError as err:
        raise NotEnrolledError(
            f"{file}: this gateway is not enrolled; run: doorward-edge enrol"
        ) from err
    except OSError as err:
        raise ConfigError(f"{file}: cannot be read: {err.strerror or err}") from err
    except ValueError as err:
        raise ConfigError(f"{file} is damaged: {err}; run: doorward-edge enrol --replace") from err


def _rooted(table: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Files count from the identity's folder, not from that of `edge.toml`."""
    return {
        name: str(folder.absolute() / value) if name.endswith("_file") else value
        for name, value in table.items()
    }
