"""The JSON bodies that a gateway publishes about itself (docs/protocol.md §8).

They describe, they command nothing: unsigned, believed as far as the broker's ACL keeps topics
apart. A key that this version does not know is ignored, so that newer gateways may say more.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn, Self

from doorward import shapes
from doorward.errors import BadIdError, MalformedError
from doorward.ids import MAX_SEQ, Epoch, PortalId, parse_portal_id
from doorward.software import SoftwareReport
from doorward.times import UtcSeconds

MAX_MESSAGE_BYTES = 64 * 1024
MAX_ENTRIES = 64
MAX_VITALS = 256
_MAX_NUMBER = 2**53 - 1
_MAX_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Versions that a gateway works with; 0 where it holds none."""

    bundle: int = 0
    status: int = 0
    keyring: int = 0
    config: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSpan:
    """Where a gateway's journal begins and ends: `tail` to `head`, both 0 when it is empty."""

    epoch: Epoch
    head: int
    tail: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Something that was pushed and not applied."""

    what: str
    version: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Whether a gateway is connected; also its last will.

    Attributes:
        boot_id: 16 hex digits.
        session: counts the connections of this boot; ties a will to its birth.
    """

    online: bool
    boot_id: str
    session: int
    at: UtcSeconds

    def to_wire(self) -> bytes:
        """Returns the JSON bytes."""
        return _dump(asdict(self))

    @classmethod
    def from_wire(cls, wire: bytes) -> Self:
        """Returns the message. Raises MalformedError."""
        body = _Body.parse(wire, "state")
        return cls(
            online=body.truth("online"),
            boot_id=body.digits("boot_id", 16),
            session=body.number("session"),
            at=UtcSeconds(body.number("at")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """What a gateway is, said at every connection.

    Attributes:
        software: version of the firmware.
        hardware: what was found, for example ``board`` and ``camera``.
        capabilities: formats and abilities that the controller may count on, ascending.
        record_key: the public key that signs batches, 64 hex digits.
    """

    boot_id: str
    session: int
    software: str
    hardware: Mapping[str, str]
    capabilities: tuple[str, ...]
    applied: Applied
    journal: JournalSpan
    record_key: str
    portals: tuple[PortalId, ...]
    at: UtcSeconds

    def to_wire(self) -> bytes:
        """Returns the JSON bytes."""
        return _dump(asdict(self))

    @classmethod
    def from_wire(cls, wire: bytes) -> Self:
        """Returns the message. Raises MalformedError."""
        body = _Body.parse(wire, "birth")
        return cls(
            boot_id=body.digits("boot_id", 16),
            session=body.number("session"),
            software=body.text("software"),
            hardware=body.texts_by_name("hardware"),
            capabilities=body.texts("capabilities"),
            applied=_applied(body),
            journal=_span(body.part("journal")),
            record_key=body.digits("record_key", 64),
            portals=body.portals("portals"),
            at=UtcSeconds(body.number("at")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a gateway applied and what it refused, with the reason.

    Attributes:
        pending: settings of a taken configuration that wait for a restart, by dotted name.
        config_taken: version of the configuration that was taken, in force or pending.
        on_trial: whether the configuration in force is on trial; None where it is not told.
        staff: version of the staff list that the gateway's pages go by, 0 for none; None where
            it has no pages and so keeps no list.
        tells_staff: whether it tells of the staff list at all, as software of before did not.
        software: how its own software stands; None where updates are not set up.
    """

    applied: Applied
    rejected: tuple[Rejection, ...]
    at: UtcSeconds
    pending: tuple[str, ...] = ()
    config_taken: int = 0
    on_trial: bool | None = None
    staff: int | None = None
    tells_staff: bool = True
    software: SoftwareReport | None = None

    def to_wire(self) -> bytes:
        """Returns the JSON bytes; what is not told is left out."""
        said = asdict(self)
        if not said.pop("tells_staff"):
            del said["staff"]
        if self.on_trial is None:
            del said["on_trial"]
        if self.software is None:
            del said["software"]
        return _dump(said)

    @classmethod
    def from_wire(cls, wire: bytes) -> Self:
        """Returns the message. Raises MalformedError."""
        body = _Body.parse(wire, "reported")
        rejected = tuple(
            Rejection(what=r.text("what"), version=r.number("version"), error=r.text("error"))
            for r in body.parts("rejected")
        )
        return cls(
            applied=_applied(body),
            rejected=rejected,
            at=UtcSeconds(body.number("at")),
            pending=body.texts("pending"),
            config_taken=body.number("config_taken"),
            on_trial=body.truth("on_trial") if "on_trial" in body.values else None,
            staff=body.number("staff") if body.values.get("staff") is not None else None,
            tells_staff="staff" in body.values,
            software=_software(body.values.get("software")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a gateway is, said every few seconds.

    Attributes:
        journal: numbers by name: ``pending``, ``kept``, ``used_bytes``, ``free_bytes``, …
        counters: numbers since boot by name: ``scans``, ``granted``, ``denied``, ``late``, …
        decoder: numbers by name: ``restarts``, ``frames``, …
        camera: one word: ``ok``, ``frozen``, ``dark``, ``gone``, …
        clock: one word: ``synchronised``, ``held_over`` or ``unknown``.
        uplink: numbers by name: ``reconnects``, ``in_flight``, ``round_trip_ms``, …
        vitals: numbers of board, storage, camera, clock and process by the names of
            `doorward.health_metrics`; what a board cannot tell is left out.
    """

    at: UtcSeconds
    boot_id: str
    journal: Mapping[str, int] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)
    decoder: Mapping[str, int] = field(default_factory=dict)
    camera: str = ""
    clock: str = ""
    uplink: Mapping[str, int] = field(default_factory=dict)
    vitals: Mapping[str, int] = field(default_factory=dict)

    def to_wire(self) -> bytes:
        """Returns the JSON bytes."""
        return _dump(asdict(self))

    @classmethod
    def from_wire(cls, wire: bytes) -> Self:
        """Returns the message. Raises MalformedError."""
        body = _Body.parse(wire, "health")
        return cls(
            at=UtcSeconds(body.number("at")),
            boot_id=body.digits("boot_id", 16),
            journal=body.numbers_by_name("journal"),
            counters=body.numbers_by_name("counters"),
            decoder=body.numbers_by_name("decoder"),
            camera=body.text("camera"),
            clock=body.text("clock"),
            uplink=body.numbers_by_name("uplink"),
            vitals=body.numbers_by_name("vitals", MAX_VITALS),
        )


def _dump(body: Mapping[str, object]) -> bytes:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode()


def _applied(body: "_Body") -> Applied:
    part = body.part("applied")
    names = ("bundle", "status", "keyring", "config")
    return Applied(**{name: part.number(name) for name in names})


def _software(value: object) -> SoftwareReport | None:
    return None if value is None else SoftwareReport.from_plain(value)


def _span(part: "_Body") -> JournalSpan:
    return JournalSpan(
        epoch=shapes.epoch(part.value("epoch"), "journal: epoch"),
        head=part.number("head", MAX_SEQ),
        tail=part.number("tail", MAX_SEQ),
    )


@dataclass(frozen=True, slots=True)
class _Body:
    """A JSON object whose keys are read with their type, each or MalformedError."""

    values: Mapping[str, Any]
    what: str

    @classmethod
    def parse(cls, wire: bytes, what: str) -> Self:
        if len(wire) > MAX_MESSAGE_BYTES:
            raise MalformedError(f"{what} of {len(wire)} bytes, at most {MAX_MESSAGE_BYTES}")
        try:
            value = json.loads(
                wire.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unrepeated
            )
        except (ValueError, RecursionError) as err:
            raise MalformedError(f"{what}: not JSON: {err}") from err
        return cls.of(value, what)

    @classmethod
    def of(cls, value: object, what: str, most: int = MAX_ENTRIES) -> Self:
        if not isinstance(value, dict) or len(value) > most:
            raise MalformedError(f"{what} is not an object of at most {most} keys")
        return cls(value, what)

    def value(self, name: str) -> object:
        if name not in self.values:
            raise MalformedError(f"{self.what}: without {name}")
        return self.values[name]

    def truth(self, name: str) -> bool:
        value = self.value(name)
        if not isinstance(value, bool):
            raise MalformedError(f"{self.what}: {name} is neither true nor false")
        return value

    def number(self, name: str, most: int = _MAX_NUMBER) -> int:
        return shapes.number(self.value(name), f"{self.what}: {name}", most)

    def text(self, name: str) -> str:
        return shapes.text(self.value(name), f"{self.what}: {name}", _MAX_TEXT)

    def digits(self, name: str, length: int) -> str:
        value = self.text(name)
        if not re.fullmatch(rf"[0-9a-f]{{{length}}}", value):
            raise MalformedError(f"{self.what}: {name} is not {length} lower-case hex digits")
        return value

    def part(self, name: str) -> "_Body":
        return _Body.of(self.value(name), f"{self.what}: {name}")

    def parts(self, name: str) -> tuple["_Body", ...]:
        return tuple(_Body.of(item, f"{self.what}: {name}") for item in self._list(name))

    def texts(self, name: str) -> tuple[str, ...]:
        what = f"{self.what}: {name}"
        return tuple(shapes.text(item, what, _MAX_TEXT) for item in self._list(name))

    def portals(self, name: str) -> tuple[PortalId, ...]:
        try:
            return tuple(parse_portal_id(item) for item in self.texts(name))
        except BadIdError as err:
            raise MalformedError(f"{self.what}: {name}: {err}") from err

    def texts_by_name(self, name: str) -> dict[str, str]:
        part = self.part(name)
        return {shapes.text(key, part.what, _MAX_TEXT): part.text(key) for key in part.values}

    def numbers_by_name(self, name: str, most: int = MAX_ENTRIES) -> dict[str, int]:
        part = _Body.of(self.value(name), f"{self.what}: {name}", most)
        return {shapes.text(key, part.what, _MAX_TEXT): part.number(key) for key in part.values}

    def _list(self, name: str) -> list[object]:
        value = self.value(name)
        if not isinstance(value, list) or len(value) > MAX_ENTRIES:
            raise MalformedError(f"{self.what}: {name} is not a list of at most {MAX_ENTRIES}")
        return value


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is repeated")
    return found
