"""What all tables of `edge.toml` share."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from doorward.errors import BadIdError
from doorward_edge.toml_places import Place, dotted, line_of

TcpPort = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_T = TypeVar("_T")


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file; a key that is not known is an error."""


class ConfigError(ValueError):
    """A configuration that cannot be used; the message says where and what is allowed."""


class Problem(Exception):  # noqa: N818  # never leaves this package
    """Something that the types of the tables cannot say; `text` follows the key's name."""

    def __init__(self, place: Place, text: str) -> None:
        """Notes the place and what is wrong there."""
        super().__init__(f"{dotted(place)} {text}")
        self.place = place

    def at(self, path: Path, text: str) -> ConfigError:
        """Returns it as an error that names file and line."""
        return ConfigError(f"{path}, line {line_of(self.place, text)}: {self}")


def named(place: Place, parse: Callable[[str], _T], text: str) -> _T:
    """Returns a name as its type. Raises Problem."""
    try:
        return parse(text)
    except BadIdError as err:
        raise Problem(place, f"is not a name: {err}") from err
