"""Records: any bytes parse or are refused, what was written is read, nothing odd gets through."""

from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.errors import MalformedError
from doorward.records import MAX_RECORD_BYTES, Field, Outcome, Record, RecordKind

PLAIN = Record(
    kind=RecordKind.SCAN, utc_ms=1_760_000_000_000, mono_ms=5, boot_id=bytes(8), clock_trust=2
)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=16)
numbers = st.integers(0, 2**63 - 1)
scalars = st.booleans() | numbers | texts | st.binary(max_size=16)
records = st.builds(
    Record,
    kind=numbers,
    utc_ms=numbers,
    mono_ms=numbers,
    boot_id=st.binary(min_size=8, max_size=8),
    clock_trust=numbers,
    portal=texts,
    outcome=st.none() | st.integers(0, 1),
    reason=texts,
    credential_id=st.none() | st.binary(min_size=8, max_size=8),
    form=texts,
    credential_class=st.none() | numbers,
    rule=texts,
    basis=texts,
    policy_version=st.none() | numbers,
    policy_age_s=st.none() | numbers,
    status_seq=st.none() | numbers,
    late=st.booleans(),
    reader=texts,
    payload_digest=st.none() | st.binary(min_size=8, max_size=8),
    online=st.booleans(),
    detail=texts,
    about_seq=st.none() | numbers,
    actor=texts,
    subject=texts,
    cause=texts,
    happened_utc_ms=st.none() | numbers,
    note=texts,
    extra=st.dictionaries(st.integers(100, 65_535), scalars, max_size=16).map(
        lambda fields: tuple(sorted(fields.items()))
    ),
)


@given(records)
def test_what_was_written_is_read(record: Record) -> None:
    assert Record.from_wire(record.to_wire()) == record


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_malformed(wire: bytes) -> None:
    with suppress(MalformedError):
        Record.from_wire(wire)


@given(records, st.data())
def test_altered_records_parse_or_are_malformed(record: Record, data: st.DataObject) -> None:
    wire = bytearray(record.to_wire())
    wire[data.draw(st.integers(0, len(wire) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(MalformedError):
        assert isinstance(Record.from_wire(bytes(wire)), Record)


def fields(**changes: object) -> dict[int, Any]:
    plain: dict[int, Any] = {1: 1, 2: 2, 3: 3, 4: bytes(8), 5: 0}
    return plain | {Field[name.upper()].value: value for name, value in changes.items()}


@pytest.mark.parametrize(
    "changes",
    [
        {"utc_ms": -1},
        {"utc_ms": 2**63},
        {"utc_ms": 1.0},
        {"utc_ms": True},
        {"utc_ms": "1"},
        {"boot_id": bytes(7)},
        {"boot_id": "12345678"},
        {"portal": "x" * 33},
        {"portal": ""},
        {"detail": "with\0nul"},
        {"credential_id": None},
        {"late": False},
        {"late": 1},
        {"reason": b"granted"},
        {"outcome": [1]},
    ],
)
def test_a_field_of_another_type_or_out_of_bounds_is_refused(changes: dict[str, object]) -> None:
    wire = cbor2.dumps(fields(**changes))
    with pytest.raises(MalformedError, match=next(iter(changes))):
        Record.from_wire(wire)


@pytest.mark.parametrize(
    "extra",
    [
        {100: None},
        {100: [1]},
        {100: {1: 1}},
        {100: 1.5},
        {100: -1},
        {100: 2**64},
        {70_000: 1},
        {"name": 1},
        {-1: 1},
        {100 + n: n for n in range(17)},
    ],
)
def test_unknown_fields_that_no_version_writes_are_refused(extra: dict[Any, Any]) -> None:
    with pytest.raises(MalformedError):
        Record.from_wire(cbor2.dumps(fields() | extra))


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        cbor2.dumps([1, 2]),
        cbor2.dumps(fields()) + b"\0",
        bytes.fromhex("bf0101ff"),  # a map of indefinite length
        bytes.fromhex("a201010102"),  # a repeated key
        cbor2.dumps({1: 1}),
        cbor2.dumps(fields() | {100: cbor2.CBORTag(35, "(a+)+$")}),
        cbor2.dumps(fields() | {100: cbor2.CBORTag(4, [2**62, 1])}),
        cbor2.dumps(fields() | {100: cbor2.CBORTag(4711, 1)}),
        cbor2.dumps(fields() | {100: cbor2.undefined}),
        cbor2.dumps(fields() | {100: b"x" * MAX_RECORD_BYTES}),
    ],
)
def test_bytes_that_are_no_record_are_refused(wire: bytes) -> None:
    with pytest.raises(MalformedError):
        Record.from_wire(wire)


def test_members_of_enums_are_written_as_what_they_stand_for() -> None:
    class Code(StrEnum):
        GRANTED = "granted"

    written = replace(PLAIN, outcome=Outcome.GRANT, reason=Code.GRANTED).to_wire()
    assert written == replace(PLAIN, outcome=1, reason="granted").to_wire()
    assert type(Record.from_wire(written).reason) is str


def test_every_field_number_has_an_attribute_and_none_is_used_twice() -> None:
    attributes = set(Record.__dataclass_fields__) - {"extra"}
    assert {field.name.lower() for field in Field} == attributes
    assert len({int(field) for field in Field}) == len(Field)


def test_numbers_of_fields_never_change() -> None:
    assert [(f.name, int(f)) for f in Field] == [
        ("KIND", 1),
        ("UTC_MS", 2),
        ("MONO_MS", 3),
        ("BOOT_ID", 4),
        ("CLOCK_TRUST", 5),
        ("PORTAL", 6),
        ("OUTCOME", 7),
        ("REASON", 8),
        ("CREDENTIAL_ID", 9),
        ("FORM", 10),
        ("CREDENTIAL_CLASS", 11),
        ("RULE", 12),
        ("BASIS", 13),
        ("POLICY_VERSION", 14),
        ("POLICY_AGE_S", 15),
        ("STATUS_SEQ", 16),
        ("LATE", 17),
        ("READER", 18),
        ("PAYLOAD_DIGEST", 19),
        ("ONLINE", 20),
        ("DETAIL", 21),
        ("ABOUT_SEQ", 22),
        ("ACTOR", 30),
        ("SUBJECT", 31),
        ("CAUSE", 32),
        ("HAPPENED_UTC_MS", 33),
        ("NOTE", 34),
    ]


@pytest.mark.parametrize(
    "record",
    [
        replace(PLAIN, detail="x" * 513),
        replace(PLAIN, boot_id=b""),
        replace(PLAIN, utc_ms=-1),
        replace(PLAIN, extra=((Field.REASON, "smuggled"),)),
        replace(PLAIN, extra=((100, "x" * MAX_RECORD_BYTES),)),
    ],
)
def test_a_record_that_no_reader_would_accept_is_not_written(record: Record) -> None:
    with pytest.raises(MalformedError):
        record.to_wire()
