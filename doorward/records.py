"""One line of a gateway's journal: what was scanned, decided, passed or happened.

A record is a CBOR map from the numbers of `Field` to numbers, texts, bytes and booleans. A field
that holds its default is left out. Numbers are never reused; a field that this version does not
know is kept in `extra`, so that a newer gateway works with an older controller.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from operator import attrgetter
from typing import Any, Self

import cbor2

from doorward import shapes
from doorward.errors import MalformedError

MAX_RECORD_BYTES = 1792
"""Sealed, a record fits one page of 2,048 bytes in the gateway's journal."""

MAX_EXTRA_FIELDS = 16
_MAX_NUMBER = 2**63 - 1
"""Every number fits the signed 64-bit columns of the controller's databases."""

Scalar = bool | int | str | bytes


class RecordKind(IntEnum):
    """What a record tells. The numbers are on the wire and never reused."""

    SCAN = 1
    """A code was presented and decided on; refusals too."""
    PASSAGE = 2
    """What the sensor saw after a grant, or without one; `reason` says which."""
    EVENT = 3
    """Something happened to the gateway; `reason` is the event's code, `detail` its particulars."""
    CLOCK = 4
    """The wall clock was set or its trust changed; `detail` has the step."""
    MANUAL = 5
    """A member of the staff registered somebody by hand, or entered a paper form."""
    SERVICE = 6
    """A technician wrote into the service journal; `detail` is a JSON object."""


class Outcome(IntEnum):
    """What was decided. The numbers are on the wire and never reused."""

    DENY = 0
    GRANT = 1


class Field(IntEnum):
    """The keys of the map. The numbers are on the wire and never reused."""

    KIND = 1
    UTC_MS = 2
    MONO_MS = 3
    BOOT_ID = 4
    CLOCK_TRUST = 5
    PORTAL = 6
    OUTCOME = 7
    REASON = 8
    CREDENTIAL_ID = 9
    FORM = 10
    CREDENTIAL_CLASS = 11
    RULE = 12
    BASIS = 13
    POLICY_VERSION = 14
    POLICY_AGE_S = 15
    STATUS_SEQ = 16
    LATE = 17
    READER = 18
    PAYLOAD_DIGEST = 19
    ONLINE = 20
    DETAIL = 21
    ABOUT_SEQ = 22
    ACTOR = 30
    SUBJECT = 31
    CAUSE = 32
    HAPPENED_UTC_MS = 33
    NOTE = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A journal record before sealing.

    Attributes:
        kind: a `RecordKind`, or the number of a kind that this version does not know.
        utc_ms: wall time, believed as far as `clock_trust` says.
        mono_ms: monotonic time within the boot `boot_id` (8 bytes).
        clock_trust: a `doorward.times.ClockTrust`, or a newer number.
        portal: where, or empty.
        outcome: an `Outcome`, or None where nothing was decided.
        reason: stable code of the reason, the passage or the event.
        credential_id: 8 bytes, or None for a code that is not ours.
        form: ``dw0``, ``dw1``, ``dw2``, ``foreign``, ``other`` or empty.
        credential_class: `doorward.credential.CredentialClass`, or None.
        rule: the policy's rule that decided.
        basis: ``snapshot``, ``signature_only`` or empty.
        policy_version: of the policy that decided; None without one.
        policy_age_s: its age then.
        status_seq: sequence number of the status list that decided.
        late: the lock was told before this was on the disk.
        reader: which reader saw the code.
        payload_digest: first 8 bytes of SHA-256 of a payload that is not ours.
        online: the uplink was up.
        detail: particulars in plain words, without personal data.
        about_seq: number of the record in the same epoch that this one adds to.
        actor: staff number of who did it by hand.
        subject: who it was about, as written by hand; may be personal data.
        cause: stable code of why it was done by hand.
        happened_utc_ms: when it happened, where it was written down later.
        note: what was written beside it by hand; may be personal data.
        extra: fields that this version does not know, ascending by number.
    """

    kind: int
    utc_ms: int
    mono_ms: int
    boot_id: bytes
    clock_trust: int
    portal: str = ""
    outcome: int | None = None
    reason: str = ""
    credential_id: bytes | None = None
    form: str = ""
    credential_class: int | None = None
    rule: str = ""
    basis: str = ""
    policy_version: int | None = None
    policy_age_s: int | None = None
    status_seq: int | None = None
    late: bool = False
    reader: str = ""
    payload_digest: bytes | None = None
    online: bool = False
    detail: str = ""
    about_seq: int | None = None
    actor: str = ""
    subject: str = ""
    cause: str = ""
    happened_utc_ms: int | None = None
    note: str = ""
    extra: tuple[tuple[int, Scalar], ...] = ()

    def to_wire(self) -> bytes:
        """Returns the canonical bytes.

        Raises:
            MalformedError: a value is out of the bounds that a reader would accept.
        """
        fields: dict[int, Scalar] = {}
        for value, (number, default, kind) in zip(_values_of(self), _WRITTEN, strict=True):
            if value is not default and value != default:
                fields[number] = value if type(value) is kind else _plain(value)
        _check(fields)
        if self.extra:
            fields = dict(sorted((fields | self._checked_extra()).items()))
        # In the order of small numbers, and of plain types alone: this is the canonical form.
        wire = cbor2.dumps(fields)
        if len(wire) > MAX_RECORD_BYTES:
            raise MalformedError(f"record of {len(wire)} bytes, at most {MAX_RECORD_BYTES}")
        return wire

    def _checked_extra(self) -> dict[int, Scalar]:
        extra = dict(self.extra)
        for number in extra:
            if number in _FIELDS:
                raise MalformedError(f"record: extra field {number} is a known one")
        return dict(_parse_extra(extra, list(extra)))

    @classmethod
    def from_wire(cls, wire: bytes) -> Self:
        """Returns the record in `wire`; accepts every encoding of the map, not one alone.

        Raises:
            MalformedError: the bytes are not a record.
        """
        return cls(**read_fields(wire))


def read_fields(wire: bytes) -> dict[str, Any]:
    """Returns the attributes of the record in `wire` by name, without those that are left out.

    A record comes out of a signed batch, and the controller opens thousands a second: shape and
    bounds are checked, the encoding is not, and what only stores a record need not build one.

    Raises:
        MalformedError: the bytes are not a record.
    """
    if len(wire) > MAX_RECORD_BYTES:
        raise MalformedError(f"record of {len(wire)} bytes, at most {MAX_RECORD_BYTES}")
    fields = shapes.load_cbor(wire, "record", max_depth=2)
    if type(fields) is not dict:
        raise MalformedError("record is not a map")
    values, unknown = _check(fields)
    if unknown:
        values["extra"] = _parse_extra(fields, unknown)
    if not values.keys() >= _REQUIRED:
        missing = sorted(_REQUIRED - values.keys())
        raise MalformedError(f"record: without {', '.join(missing)}")
    return values


def _check(fields: Mapping[int, Any]) -> tuple[dict[str, Any], list[int]]:
    """Returns the known fields by name and the numbers of the others.

    One loop without a call for each field: it runs for every record that a site writes.

    Raises:
        MalformedError: a known field has another type or is out of bounds.
    """
    values: dict[str, Any] = {}
    unknown: list[int] = []
    known = _FIELDS.get
    for number, value in fields.items():
        rule = known(number)
        if rule is None:
            unknown.append(number)
            continue
        name, _, kind, by_length, least, most = rule
        if (
            type(value) is not kind
            or not least <= (len(value) if by_length else value) <= most
            or (kind is str and "\0" in value)
        ):
            raise MalformedError(f"record: {name} has another type or is out of bounds")
        values[name] = value
    return values, unknown


def _parse_extra(
    fields: Mapping[int, object], unknown: list[int]
) -> tuple[tuple[int, Scalar], ...]:
    """Returns the fields of a newer version. Raises MalformedError for what no version writes."""
    if len(unknown) > MAX_EXTRA_FIELDS:
        raise MalformedError(f"record: {len(unknown)} unknown fields, at most {MAX_EXTRA_FIELDS}")
    extra: list[tuple[int, Scalar]] = []
    for number in unknown:
        value = fields[number]
        if type(number) is not int or not 0 <= number < 2**16:
            raise MalformedError("record: a key is not a small number")
        if not (
            type(value) is bool
            or (type(value) is int and 0 <= value <= _MAX_NUMBER)
            or (type(value) is str and "\0" not in value)
            or type(value) is bytes
        ):
            raise MalformedError(f"record: field {number} is no number, text, bytes or boolean")
        extra.append((number, value))
    return tuple(sorted(extra))


def _plain(value: object) -> Any:  # noqa: ANN401  # what is neither is refused by `_check`
    """Returns the number or text that a member of an enum stands for."""
    if isinstance(value, int):
        return int(value)
    return str(value) if isinstance(value, str) else value


_Rule = tuple[str, object, Any, bool, int, int]
"""A field: its attribute, the default that is left out, its one type, whether the bounds are of its
length instead of its value, and the bounds. No named tuple: those are slower to take apart."""


def _number(name: str, default: object = None) -> _Rule:
    return name, default, int, False, 0, _MAX_NUMBER


def _text(name: str, most: int) -> _Rule:
    return name, "", str, True, 1, most


def _eight_bytes(name: str, default: object = None) -> _Rule:
    return name, default, bytes, True, 8, 8


def _true(name: str) -> _Rule:
    return name, False, bool, False, 1, 1


_REQUIRED = {"kind", "utc_ms", "mono_ms", "boot_id", "clock_trust"}

_ABSENT = object()
_RULES: dict[Field, _Rule] = {
    Field.KIND: _number("kind", _ABSENT),
    Field.UTC_MS: _number("utc_ms", _ABSENT),
    Field.MONO_MS: _number("mono_ms", _ABSENT),
    Field.BOOT_ID: _eight_bytes("boot_id", _ABSENT),
    Field.CLOCK_TRUST: _number("clock_trust", _ABSENT),
    Field.PORTAL: _text("portal", 32),
    Field.OUTCOME: _number("outcome"),
    Field.REASON: _text("reason", 64),
    Field.CREDENTIAL_ID: _eight_bytes("credential_id"),
    Field.FORM: _text("form", 16),
    Field.CREDENTIAL_CLASS: _number("credential_class"),
    Field.RULE: _text("rule", 128),
    Field.BASIS: _text("basis", 16),
    Field.POLICY_VERSION: _number("policy_version"),
    Field.POLICY_AGE_S: _number("policy_age_s"),
    Field.STATUS_SEQ: _number("status_seq"),
    Field.LATE: _true("late"),
    Field.READER: _text("reader", 64),
    Field.PAYLOAD_DIGEST: _eight_bytes("payload_digest"),
    Field.ONLINE: _true("online"),
    Field.DETAIL: _text("detail", 512),
    Field.ABOUT_SEQ: _number("about_seq"),
    Field.ACTOR: _text("actor", 32),
    Field.SUBJECT: _text("subject", 120),
    Field.CAUSE: _text("cause", 32),
    Field.HAPPENED_UTC_MS: _number("happened_utc_ms"),
    Field.NOTE: _text("note", 200),
}
_FIELDS = {int(number): rule for number, rule in _RULES.items()}
_WRITTEN = tuple((number, rule[1], rule[2]) for number, rule in _FIELDS.items())
_values_of = attrgetter(*(name for name, *_ in _FIELDS.values()))
