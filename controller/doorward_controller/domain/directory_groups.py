"""Groups as a directory keeps them, and which groups of Doorward they bring (pure).

A directory's group is a name and members. It opens nothing by itself: the rule book says which of
its own groups a directory's group brings, and where it says nothing of one of them, the directory's
group of the same name does.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from doorward_controller.errors import InvalidError

MAX_NAME_CHARACTERS = 200
MAX_NUMBER_CHARACTERS = 200
MAX_GROUPS = 5_000
MAX_MEMBERS = 100_000
"""Of one group; a site with more people has them in several."""

PersonId = str


class Way(StrEnum):
    """How the members change."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Change:
    """One step; several are taken one after the other."""

    way: Way
    people: frozenset[PersonId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a caller changes of a group; what is None stays.

    Attributes:
        external_id: the directory's own number of the group; empty takes it away.
    """

    name: str | None = None
    external_id: str | None = None
    members: Sequence[Change] = ()


def after(members: frozenset[PersonId], changes: Iterable[Change]) -> frozenset[PersonId]:
    """Returns who belongs after these changes. Adding a member again changes nothing."""
    for change in changes:
        if change.way is Way.ADD:
            members |= change.people
        elif change.way is Way.REMOVE:
            members -= change.people
        else:
            members = change.people
    return members


def checked_name(name: str) -> str:
    """Returns a name without blanks round it. Raises InvalidError for none, or a long one."""
    name = unicodedata.normalize("NFC", name).strip()
    if not name:
        raise InvalidError("displayName is missing", code="name_missing")
    if len(name) > MAX_NAME_CHARACTERS:
        raise InvalidError(
            f"displayName has {len(name)} characters, at most {MAX_NAME_CHARACTERS}",
            code="too_long",
        )
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name):
        raise InvalidError("displayName holds a control character", code="bad_text")
    return name


def checked_number(number: str) -> str:
    """Returns a directory's number of a group. Raises InvalidError for a long one."""
    if len(number) > MAX_NUMBER_CHARACTERS:
        raise InvalidError(
            f"externalId has {len(number)} characters, at most {MAX_NUMBER_CHARACTERS}",
            code="too_long",
        )
    return number


def folded(name: str) -> str:
    """Returns a name as it is compared: upper and lower case alike."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def brought(groups: Iterable[str], said: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Returns by a directory group's folded name what it brings.

    Args:
        groups: all groups of the rule book.
        said: of some of them, which of the directory's groups bring them; none may.
    """
    found: dict[str, set[str]] = {}
    for group in groups:
        for name in said.get(group, (group,)):
            found.setdefault(folded(name), set()).add(group)
    return {name: tuple(sorted(each)) for name, each in found.items()}
