"""Releases of the software, and what a gateway says of its own (docs/updates.md).

A release is one file for one part of the product and one platform. What stands beside the file in
the signed metadata is here, and so is the state of an update, which gateway and controller share.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import total_ordering
from typing import Any, Self

from doorward import shapes
from doorward.errors import MalformedError

MAX_RELEASE_BYTES = 1024 * 2**20
"""No release is longer; one of today is a tenth of it."""
MAX_FILES = 2_000
MAX_NOTES = 2_000
MAX_DETAIL = 200
MAX_ORDER = 32
_VERSION = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})")
_PLATFORM = re.compile(r"cp3[0-9]{1,2}-[a-z0-9_]{1,20}")


class Part(StrEnum):
    """What is released."""

    GATEWAY = "gateway"
    CONTROLLER = "controller"


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A version of the software, as in `0.2.0`; releases have no other forms."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: object) -> Self:
        """Returns the version that a text names. Raises MalformedError."""
        found = _VERSION.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise MalformedError(
                f"version is {str(text)[:40]!r}, must be three numbers as in 0.2.0"
            )
        return cls(*map(int, found.groups()))

    def __str__(self) -> str:
        """Returns it as it was written."""
        return f"{self.major}.{self.minor}.{self.patch}"

    def __lt__(self, other: object) -> bool:
        """Returns whether it came before another one."""
        if not isinstance(other, Version):
            return NotImplemented
        return self._numbers < other._numbers

    def works_with(self, other: "Version") -> bool:
        """Whether the two sides understand one another: the same minor version, or the next."""
        return self.major == other.major and abs(self.minor - other.minor) <= 1

    @property
    def _numbers(self) -> tuple[int, int, int]:
        return self.major, self.minor, self.patch


def parse_platform(text: object) -> str:
    """Returns a platform, as `cp311-aarch64`. Raises MalformedError."""
    if not isinstance(text, str) or not _PLATFORM.fullmatch(text):
        raise MalformedError(f"platform is {str(text)[:40]!r}, must look like cp311-aarch64")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What stands in the signed metadata beside a release's file.

    Attributes:
        platform: interpreter and machine, as `cp311-aarch64`.
        floor: whoever has seen this release never installs an older one than that again.
        notes: by language, what is new, for people.
    """

    part: Part
    version: Version
    platform: str
    floor: Version
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The name of its file among the repository's targets."""
        return target_path(self.part, self.version, self.platform)

    def to_plain(self) -> dict[str, Any]:
        """Returns it as JSON takes it."""
        return {
            "part": self.part.value,
            "version": str(self.version),
            "platform": self.platform,
            "floor": str(self.floor),
            "notes": dict(self.notes),
        }

    @classmethod
    def from_plain(cls, value: object) -> Self:
        """Returns the release that JSON says. Raises MalformedError."""
        table = _table(value, "release")
        named = table["part"]
        try:
            part = Part(named)
        except ValueError as err:
            raise MalformedError(f"release: part must be one of {', '.join(Part)}") from err
        notes = _table(table.get("notes", {}), "release: notes")
        return cls(
            part=part,
            version=Version.parse(table["version"]),
            platform=parse_platform(table["platform"]),
            floor=Version.parse(table["floor"]),
            notes={
                shapes.text(language, "release: language", 16): shapes.text(
                    text, "release: notes", MAX_NOTES
                )
                for language, text in notes.items()
            },
        )


def target_path(part: Part, version: Version, platform: str) -> str:
    """Returns where a release's file is among the repository's targets."""
    return f"{part.value}/{version}/doorward-{part.value}-{version}-{platform}.tar"


class UpdateState(StrEnum):
    """Where an update of a gateway stands; docs/updates.md draws the table."""

    IDLE = "idle"
    """Nothing is under way."""
    FETCHING = "fetching"
    FETCHED = "fetched"
    """The file is here, whole and authentic."""
    UNPACKED = "unpacked"
    INSTALLED = "installed"
    """It lies ready beside the release that runs."""
    SWITCHING = "switching"
    ON_TRIAL = "on_trial"
    """It runs, and is taken back unless it proves well."""
    CONFIRMING = "confirming"
    RETURNING = "returning"
    """The one before it is being brought back."""


class UpdateOutcome(StrEnum):
    """What became of the last order to update."""

    NONE = "none"
    CONFIRMED = "confirmed"
    RETURNED = "returned"
    """It ran, did not prove well, and the one before it is back."""
    REFUSED = "refused"
    """Nothing was changed."""
    FAILED = "failed"
    """It could not be brought here or installed; nothing was changed."""


ENDED_BADLY = frozenset({UpdateOutcome.RETURNED, UpdateOutcome.REFUSED, UpdateOutcome.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareReport:
    """What a gateway says of its software.

    Attributes:
        confirmed: the version that proved well last; empty where updates are not set up.
        previous: the version that is kept to return to, empty for none.
        state: where the update under way stands.
        target: the version that it is about, empty for none.
        order: the id of the order that was taken last, empty for none.
        outcome: what became of the last order that is over.
        outcome_version: the version that it was about.
        detail: particulars in plain words: what is waited for, or why it ended so.
    """

    confirmed: str = ""
    previous: str = ""
    state: UpdateState = UpdateState.IDLE
    target: str = ""
    order: str = ""
    outcome: UpdateOutcome = UpdateOutcome.NONE
    outcome_version: str = ""
    detail: str = ""

    def to_plain(self) -> dict[str, str]:
        """Returns it as JSON takes it."""
        return {name: str(getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_plain(cls, value: object) -> Self:
        """Returns the report that JSON says; a word of newer software counts as the nearest.

        Raises:
            MalformedError: it is none.
        """
        table = _table(value, "software")

        def text(name: str, most: int) -> str:
            return shapes.text(table.get(name, ""), f"software: {name}", most)

        state, outcome = text("state", 32), text("outcome", 32)
        return cls(
            confirmed=text("confirmed", 32),
            previous=text("previous", 32),
            state=UpdateState(state) if state in set(UpdateState) else UpdateState.IDLE,
            target=text("target", 32),
            order=text("order", MAX_ORDER),
            outcome=(
                UpdateOutcome(outcome) if outcome in set(UpdateOutcome) else UpdateOutcome.NONE
            ),
            outcome_version=text("outcome_version", 32),
            detail=text("detail", MAX_DETAIL),
        )


def _table(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError(f"{what} is not an object")
    return _Strict(value, what)


class _Strict(dict[str, Any]):
    """An object of which a missing key is said in words."""

    def __init__(self, value: dict[str, Any], what: str) -> None:
        super().__init__(value)
        self._what = what

    def __missing__(self, key: str) -> Any:  # noqa: ANN401  # as a dict's
        raise MalformedError(f"{self._what}: without {key}")
