"""Which codes are taken back or given back, why, and where a list of them goes wrong (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from doorward.errors import BadIdError
from doorward.ids import parse_credential_id
from doorward.status import Status
from doorward.sticker import STICKER_PREFIX, normalise_typed, read_sticker

MAX_PROBLEMS = 50
_HEADINGS = frozenset({"credential", "credential_id", "badge", "badge_id", "id", "code", "serial"})


class Change(StrEnum):
    """What is done to codes. The names are stored and never reused."""

    REVOKE = "revoke"
    SUSPEND = "suspend"
    RESTORE = "restore"


TO: Mapping[Change, Status] = MappingProxyType(
    {
        Change.REVOKE: Status.REVOKED,
        Change.SUSPEND: Status.SUSPENDED,
        Change.RESTORE: Status.VALID,
    }
)

FROM: Mapping[Status, frozenset[Status]] = MappingProxyType({
    Status.REVOKED: frozenset({Status.VALID, Status.SUSPENDED}),
    Status.SUSPENDED: frozenset({Status.VALID}),
    Status.VALID: frozenset({Status.SUSPENDED}),
})  # fmt: skip
"""From which states each one is reached. Nothing leads out of revoked."""


class Cause(StrEnum):
    """Why. The names are stored and never reused."""

    LOST = "lost"
    STOLEN = "stolen"
    DAMAGED = "damaged"
    COPIED = "copied"
    """Photographed, leaked, passed on."""
    LEFT = "left"
    """The holder has left, or the contract has ended."""
    MISUSED = "misused"
    LEAVE = "leave"
    """The holder is away for a while."""
    INVESTIGATION = "investigation"
    KEY_COMPROMISED = "key_compromised"
    REPLACED = "replaced"
    FOUND = "found"
    CLEARED = "cleared"
    MISTAKE = "mistake"
    OTHER = "other"


CAUSES: Mapping[Change, tuple[Cause, ...]] = MappingProxyType(
    {
        Change.REVOKE: (
            Cause.LOST, Cause.STOLEN, Cause.DAMAGED, Cause.COPIED, Cause.LEFT, Cause.MISUSED,
            Cause.KEY_COMPROMISED, Cause.REPLACED, Cause.OTHER,
        ),
        Change.SUSPEND: (
            Cause.LEAVE, Cause.INVESTIGATION, Cause.LOST, Cause.COPIED, Cause.MISUSED, Cause.OTHER,
        ),
        Change.RESTORE: (Cause.FOUND, Cause.CLEARED, Cause.MISTAKE, Cause.OTHER),
    }
)  # fmt: skip
"""Which reasons go with which change, the likely ones first."""


class Source(StrEnum):
    """How the codes were chosen. The names are stored and never reused."""

    LIST = "list"
    UPLOAD = "upload"
    GROUP = "group"
    KEY = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a list: the credential's id, or the digest of a sticker."""

    number: int
    credential_id: bytes | None = None
    digest: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that names no code.

    Attributes:
        problem: "unreadable", "unknown" or "twice".
    """

    number: int
    text: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadList:
    """What a list says."""

    lines: tuple[Line, ...]
    problems: tuple[BadLine, ...]


def read_lines(texts: Iterable[str]) -> ReadList:
    """Reads badge numbers (16 hex digits, in groups if you like) and sticker codes, one a line.

    A first line that is a heading, empty lines, and what follows a comma, semicolon or tab are
    passed over; every other line is a code or a problem.
    """
    lines: list[Line] = []
    problems: list[BadLine] = []
    seen: set[bytes] = set()
    for number, text in enumerate(texts, 1):
        word = first_cell(text)
        if not word or (number == 1 and word.casefold() in _HEADINGS):
            continue
        line = _line(number, word)
        key = None if line is None else line.credential_id or line.digest
        if line is None or key is None:
            problems.append(BadLine(number=number, text=word[:40], problem="unreadable"))
        elif key in seen:
            problems.append(BadLine(number=number, text=word[:40], problem="twice"))
        else:
            seen.add(key)
            lines.append(line)
    return ReadList(lines=tuple(lines), problems=tuple(problems))


def first_cell(text: str) -> str:
    """Returns the first cell of a line of CSV, without its quotes."""
    cell = text.strip().lstrip("\ufeff")
    for mark in ("\t", ";", ","):
        cell = cell.split(mark, 1)[0]
    return cell.strip().strip("\"'").strip()


def check_cause(change: Change, cause: Cause) -> str | None:
    """Returns what is wrong with giving this reason for this change, or None."""
    if cause in CAUSES[change]:
        return None
    return f"{cause.value} is no reason to {change.value}; one of {_names(CAUSES[change])}"


def _names(causes: Sequence[Cause]) -> str:
    return ", ".join(each.value for each in causes)


def _line(number: int, word: str) -> Line | None:
    if word.upper().startswith(STICKER_PREFIX.decode()):
        claim = read_sticker(normalise_typed(word))
        return None if claim is None else Line(number=number, digest=claim.digest)
    try:
        id_ = parse_credential_id("".join(word.split()).replace("-", "").lower())
    except BadIdError:
        return None
    return Line(number=number, credential_id=bytes(id_))
