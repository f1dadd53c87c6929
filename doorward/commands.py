"""What the controller tells one gateway to do, once (docs/protocol.md §10).

A command is signed with a key of its own purpose, names the one gateway that it is for, and is good
for seconds. Whether it may still be carried out is the gateway's to judge; here is what it says.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

from doorward import canonical, shapes
from doorward.errors import BadIdError, MalformedError
from doorward.ids import (
    MAX_EPOCH,
    MAX_SEQ,
    Epoch,
    GatewayId,
    PortalId,
    SiteId,
    parse_credential_id,
    parse_name,
    parse_portal_id,
)
from doorward.policy import MAX_RANK, Posture
from doorward.software import Version
from doorward.times import UtcSeconds

MAX_COMMAND_BYTES = 2048
MIN_LIFETIME_S, MAX_LIFETIME_S = 5, 3600
MAX_HOLD_S = 24 * 3600
"""A door that was told to stay open is shut again within a day, whatever becomes of the link."""
UNTIL_LIFTED = UtcSeconds(0)
MAX_LOG_LINES = 500
_MAX_TIME = 2**40
_FIELDS = frozenset({"site", "gateway", "id", "name", "arguments", "issued_at", "expires_at", "by"})


class CommandName(StrEnum):
    """Everything that a gateway can be told to do."""

    OPEN_ONCE = "open_once"
    HOLD_OPEN = "hold_open"
    SECURE = "secure"
    POSTURE = "posture"
    IDENTIFY = "identify"
    SELF_TEST = "self_test"
    RESTART = "restart"
    SEND_LOG = "send_log"
    TAKE_PICTURE = "take_picture"
    RESEND_RECORDS = "resend_records"
    FORGIVE = "forgive"
    UPDATE_SOFTWARE = "update_software"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOnce:
    """Release the lock of a portal for one passage, as a grant would."""

    portal: PortalId


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOpen:
    """Keep a portal released until a time (UTC seconds)."""

    portal: PortalId
    until: UtcSeconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Secure:
    """Lock a portal now: ends a release and a hold. Its posture stays."""

    portal: PortalId


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPosture:
    """Put a portal into a posture until a time; `normal` lifts what a command put there.

    Attributes:
        until: UTC seconds; `UNTIL_LIFTED`, or until the policy says something new of it.
        rank: groups of this rank or above pass in a lockdown; None: nobody does.
    """

    portal: PortalId
    posture: Posture
    until: UtcSeconds = UNTIL_LIFTED
    rank: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identify:
    """Blink and beep, so that a person finds the unit; an empty portal means all of them."""

    portal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """Try everything that can be tried without moving a lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """End the gateway's process in order and begin anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendLog:
    """Send the newest lines of the log, which holds nothing personal."""

    lines: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TakePicture:
    """Send what the camera of a portal sees now; personal data, sealed to the controller."""

    portal: PortalId


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendRecords:
    """Send the records of a journal's epoch from a number on again."""

    epoch: Epoch
    first_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgive:
    """Let either way fit next (anti-passback), of which the gateway tells the site's others.

    Attributes:
        credential: hex id of any credential of the person; empty: everybody, and a zone is needed.
        zone: where; empty: at all zones.
    """

    credential: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSoftware:
    """Install a release of the gateway's software, or go back to the one before.

    Attributes:
        version: as in `0.2.0`; empty: back to the release before this one.
        until: nothing is begun after that (UTC seconds); `UNTIL_LIFTED`: whenever it can be.
    """

    version: str
    until: UtcSeconds = UNTIL_LIFTED


Order = (
    OpenOnce
    | HoldOpen
    | Secure
    | SetPosture
    | Identify
    | SelfTest
    | Restart
    | SendLog
    | TakePicture
    | ResendRecords
    | Forgive
    | UpdateSoftware
)

_ORDERS: Mapping[CommandName, type[Order]] = MappingProxyType(
    {
        CommandName.OPEN_ONCE: OpenOnce,
        CommandName.HOLD_OPEN: HoldOpen,
        CommandName.SECURE: Secure,
        CommandName.POSTURE: SetPosture,
        CommandName.IDENTIFY: Identify,
        CommandName.SELF_TEST: SelfTest,
        CommandName.RESTART: Restart,
        CommandName.SEND_LOG: SendLog,
        CommandName.TAKE_PICTURE: TakePicture,
        CommandName.RESEND_RECORDS: ResendRecords,
        CommandName.FORGIVE: Forgive,
        CommandName.UPDATE_SOFTWARE: UpdateSoftware,
    }
)
_NAMES = {order: name for name, order in _ORDERS.items()}
_MOVES_A_LOCK = (OpenOnce, HoldOpen, Secure, SetPosture)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The body of a command; it travels in an envelope of kind `command`.

    Attributes:
        id: drawn by the controller, never used twice; also the last part of its topic.
        order: what is to be done.
        issued_at: when the controller said so.
        expires_at: first second in which it is no longer carried out.
        by: who asked, as a name that means something to the controller alone.
    """

    site: SiteId
    gateway: GatewayId
    id: str
    order: Order
    issued_at: UtcSeconds
    expires_at: UtcSeconds
    by: str

    @property
    def name(self) -> CommandName:
        """What kind of order it is."""
        return _NAMES[type(self.order)]

    @property
    def portal(self) -> str:
        """The portal that it is about; empty for the whole gateway."""
        return str(getattr(self.order, "portal", ""))

    @property
    def moves_a_lock(self) -> bool:
        """Whether it changes how a door stands."""
        return isinstance(self.order, _MOVES_A_LOCK)

    @property
    def needs_clock(self) -> bool:
        """Whether it changes who gets through, or what runs: that needs a clock to be trusted."""
        return self.moves_a_lock or isinstance(self.order, Forgive | UpdateSoftware)

    def to_body(self) -> bytes:
        """Returns the canonical bytes."""
        return canonical.encode(
            {
                "site": self.site,
                "gateway": self.gateway,
                "id": self.id,
                "name": self.name.value,
                "arguments": arguments_of(self.order),
                "issued_at": self.issued_at,
                "expires_at": self.expires_at,
                "by": self.by,
            }
        )

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> Self:
        """Returns the command in `body`.

        Raises:
            MalformedError: the body is not one, is longer than `MAX_COMMAND_BYTES`, or what it says
                is out of bounds.
        """
        if len(body) > MAX_COMMAND_BYTES:
            raise MalformedError(f"command of {len(body)} bytes, at most {MAX_COMMAND_BYTES}")
        value = canonical.decode(body, "command")
        if not isinstance(value, dict) or value.keys() != _FIELDS:
            raise MalformedError(f"command: not a map of exactly {', '.join(sorted(_FIELDS))}")
        command = cls(
            site=shapes.site(value["site"], "command: site"),
            gateway=shapes.gateway(value["gateway"], "command: gateway"),
            id=_name(value["id"], "command: id"),
            order=parse_order(value["name"], value["arguments"]),
            issued_at=_time(value["issued_at"], "command: issued_at"),
            expires_at=_time(value["expires_at"], "command: expires_at"),
            by=_name(value["by"], "command: by"),
        )
        command.check()
        return command

    def check(self) -> None:
        """Raises MalformedError for times that no controller gives."""
        lifetime_s = self.expires_at - self.issued_at
        if not MIN_LIFETIME_S <= lifetime_s <= MAX_LIFETIME_S:
            raise MalformedError(
                f"command: good for {lifetime_s} s, must be {MIN_LIFETIME_S} to {MAX_LIFETIME_S}"
            )
        if isinstance(self.order, HoldOpen) and not 0 < self.order.until - self.issued_at <= (
            MAX_HOLD_S
        ):
            raise MalformedError(
                f"hold_open: until {self.order.until - self.issued_at} s from its issue,"
                f" must be 1 to {MAX_HOLD_S}"
            )
        if isinstance(self.order, SetPosture) and 0 < self.order.until <= self.issued_at:
            raise MalformedError("posture: its end lies before its issue")
        if self.order == Forgive():
            raise MalformedError("forgive: names neither a credential nor a zone")


def arguments_of(order: Order) -> dict[str, str | int | None]:
    """Returns the arguments of an order by name, as they are written."""
    return {field.name: _plain(getattr(order, field.name)) for field in fields(order)}


def with_defaults(name: str, arguments: Mapping[str, object]) -> dict[str, object]:
    """Returns the arguments with those that may be left out filled in; checks nothing."""
    kind = _ORDERS.get(CommandName(name)) if name in set(CommandName) else None
    defaults = {
        field.name: _plain(field.default)
        for field in (fields(kind) if kind else ())
        if field.default is not MISSING
    }
    return {**defaults, **arguments}


def parse_order(name: object, arguments: object) -> Order:
    """Returns the order of that name with those arguments, all of which must be there.

    Raises:
        MalformedError: the name is not known, an argument is missing, unknown or out of bounds.
    """
    try:
        kind = _ORDERS[CommandName(shapes.text(name, "command: name", 32))]
    except ValueError as err:
        raise MalformedError(f"command: {str(name)[:32]!r} is not known") from err
    wanted = {field.name for field in fields(kind)}
    if not isinstance(arguments, dict) or arguments.keys() != wanted:
        raise MalformedError(f"{name}: arguments must be {', '.join(sorted(wanted)) or 'none'}")
    order: Order = kind(**{
        each: _READERS[each](value, f"{name}: {each}") for each, value in arguments.items()
    })  # fmt: skip
    return order


def _plain(value: object) -> str | int | None:
    if value is None:
        return None
    return int(value) if isinstance(value, int) else str(value)


def _name(value: object, what: str) -> str:
    try:
        return parse_name(shapes.text(value, what, 32), what)
    except BadIdError as err:
        raise MalformedError(str(err)) from err


def _portal(value: object, what: str) -> str:
    if value == "" and what.startswith(CommandName.IDENTIFY):
        return ""
    try:
        return parse_portal_id(shapes.text(value, what, 32))
    except BadIdError as err:
        raise MalformedError(f"{what}: {err}") from err


def _credential(value: object, what: str) -> str:
    text = shapes.text(value, what, 32)
    try:
        return parse_credential_id(text).hex() if text else ""
    except BadIdError as err:
        raise MalformedError(f"{what}: {err}") from err


def _zone(value: object, what: str) -> str:
    return "" if value == "" else _name(value, what)


def _posture(value: object, what: str) -> Posture:
    try:
        return Posture(shapes.text(value, what, 32))
    except ValueError as err:
        raise MalformedError(f"{what} must be one of {', '.join(Posture)}") from err


def _time(value: object, what: str) -> UtcSeconds:
    return UtcSeconds(shapes.number(value, what, _MAX_TIME))


def _lines(value: object, what: str) -> int:
    if value == 0:
        raise MalformedError(f"{what} is 0, must be 1 to {MAX_LOG_LINES}")
    return shapes.number(value, what, MAX_LOG_LINES)


def _rank(value: object, what: str) -> int | None:
    return None if value is None else shapes.number(value, what, MAX_RANK)


def _version(value: object, what: str) -> str:
    return "" if value == "" else str(Version.parse(shapes.text(value, what, 32)))


def _number(most: int) -> Callable[[object, str], int]:
    return lambda value, what: shapes.number(value, what, most)


_READERS: dict[str, Callable[[object, str], Any]] = {
    "portal": _portal,
    "until": _time,
    "posture": _posture,
    "rank": _rank,
    "lines": _lines,
    "epoch": _number(MAX_EPOCH),
    "first_seq": _number(MAX_SEQ),
    "credential": _credential,
    "zone": _zone,
    "version": _version,
}
"""How an argument is read; an argument of one name means the same in every order."""
