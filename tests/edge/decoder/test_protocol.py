"""The bytes between gateway and decoder: what is said is understood, what is not is refused."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_edge.decoder.protocol import (
    MAX_BODY_BYTES,
    MAX_PASSES,
    MAX_SIGHTINGS,
    PROBLEMS,
    REPLY_HEADER_BYTES,
    REQUEST_BYTES,
    Content,
    ProtocolError,
    ReplyHeader,
    Request,
    Status,
    reply_to_wire,
    sightings_from_wire,
)
from doorward_edge.scan import MAX_PAYLOAD_BYTES, Sighting, Symbology
from doorward_edge.stages.decode import Pass

SIZE = (1280, 720)
UINT32 = st.integers(0, 2**32 - 1)
CORNER = st.tuples(st.floats(0, 1280, width=32), st.floats(0, 720, width=32))
SIGHTING = st.builds(
    Sighting,
    payload=st.binary(max_size=MAX_PAYLOAD_BYTES),
    symbology=st.sampled_from(Symbology),
    corners=st.tuples(CORNER, CORNER, CORNER, CORNER),
    reader=st.sampled_from([p.label for p in Pass]),
    problem=st.sampled_from(PROBLEMS),
)


def understood(wire: bytes, serial: int) -> tuple[Sighting, ...]:
    header = ReplyHeader.from_wire(wire[:REPLY_HEADER_BYTES], serial)
    return sightings_from_wire(wire[REPLY_HEADER_BYTES:], header, SIZE)


@given(serial=UINT32, sightings=st.lists(SIGHTING, max_size=MAX_SIGHTINGS), took=UINT32)
def test_every_reply_is_understood_as_it_was_meant(
    serial: int, sightings: Sequence[Sighting], took: int
) -> None:
    wire = reply_to_wire(serial, Status.OK, sightings, took_us=took, size=SIZE)
    assert understood(wire, serial) == tuple(sightings)
    assert ReplyHeader.from_wire(wire[:REPLY_HEADER_BYTES], serial).took_us == took


@given(
    serial=UINT32,
    size=UINT32,
    content=st.sampled_from(Content),
    width=st.integers(0, 65535),
    height=st.integers(0, 65535),
    passes=st.lists(st.sampled_from(Pass), max_size=MAX_PASSES),
)
def test_every_request_is_understood_as_it_was_meant(
    serial: int, size: int, content: Content, width: int, height: int, passes: list[Pass]
) -> None:
    request = Request(
        serial=serial,
        content=content,
        width=width,
        height=height,
        size=size,
        passes=tuple(passes),
    )
    wire = request.to_wire()
    assert len(wire) == REQUEST_BYTES
    assert Request.from_wire(wire) == request


@given(st.binary(min_size=0, max_size=REPLY_HEADER_BYTES + 3 * 60), UINT32)
def test_any_bytes_are_a_reply_or_an_error_of_ours(wire: bytes, serial: int) -> None:
    try:
        understood(wire, serial)
    except ProtocolError:
        pass
    else:
        assert reply_to_wire(serial, Status.OK)[:4] == wire[:4]


@given(sightings=st.lists(SIGHTING, min_size=1, max_size=3), at=st.integers(0, 10**6), to=UINT32)
def test_a_changed_byte_gives_bounded_sightings_or_an_error(
    sightings: Sequence[Sighting], at: int, to: int
) -> None:
    wire = bytearray(reply_to_wire(7, Status.OK, sightings, size=SIZE))
    wire[at % len(wire)] = to % 256
    try:
        seen = understood(bytes(wire), 7)
    except ProtocolError:
        return
    assert len(seen) <= MAX_SIGHTINGS
    for sighting in seen:
        assert len(sighting.payload) <= MAX_PAYLOAD_BYTES
        assert all(-1280 <= x <= 2560 and -720 <= y <= 1440 for x, y in sighting.corners)


@given(st.binary(max_size=REQUEST_BYTES + 4))
def test_any_bytes_are_a_request_or_an_error_of_ours(wire: bytes) -> None:
    try:
        request = Request.from_wire(wire)
    except ProtocolError:
        return
    assert Request.from_wire(request.to_wire()) == request


def test_what_is_beyond_the_bounds_is_cut_off_by_who_speaks() -> None:
    sighting = Sighting(
        payload=bytes(5000),
        symbology=Symbology.QR,
        corners=((0, 0), (1, 0), (1, 1), (0, 1)),
        reader="zxing/fast",
    )
    wire = reply_to_wire(1, Status.OK, [sighting] * 50, size=SIZE)
    assert len(wire) <= REPLY_HEADER_BYTES + MAX_BODY_BYTES
    seen = understood(wire, 1)
    assert len(seen) == MAX_SIGHTINGS
    assert {(len(s.payload), s.problem) for s in seen} == {(MAX_PAYLOAD_BYTES, "too_long")}


def test_a_reply_fits_into_a_pipe_so_that_the_child_never_waits() -> None:
    assert REPLY_HEADER_BYTES + MAX_BODY_BYTES < 16 * 4096


def test_a_failure_to_start_is_told_from_readiness() -> None:
    header = ReplyHeader.from_wire(reply_to_wire(0, Status.CANNOT_START), 0)
    with pytest.raises(ProtocolError, match="cannot start"):
        header.expect_hello()
    ReplyHeader.from_wire(reply_to_wire(0, Status.OK), 0).expect_hello()
