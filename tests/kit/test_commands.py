"""A command says one thing to one gateway; whatever else the bytes are, they are no command."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward import canonical
from doorward.commands import (
    MAX_COMMAND_BYTES,
    Command,
    CommandName,
    Forgive,
    HoldOpen,
    Identify,
    OpenOnce,
    Order,
    ResendRecords,
    Restart,
    Secure,
    SelfTest,
    SendLog,
    SetPosture,
    TakePicture,
    UpdateSoftware,
    arguments_of,
    parse_order,
)
from doorward.envelope import parse_envelope, verify_with_key
from doorward.errors import MalformedError
from doorward.ids import Epoch, GatewayId, PortalId, SiteId
from doorward.policy import Posture
from doorward.times import UtcSeconds
from tests.kit.test_vectors import load

AT = 1_800_000_000
NORTH = PortalId("north")
VECTORS = load("commands")
ORDERS: dict[CommandName, Order] = {
    CommandName.OPEN_ONCE: OpenOnce(portal=NORTH),
    CommandName.HOLD_OPEN: HoldOpen(portal=NORTH, until=UtcSeconds(AT + 60)),
    CommandName.SECURE: Secure(portal=NORTH),
    CommandName.POSTURE: SetPosture(portal=NORTH, posture=Posture.LOCKDOWN, rank=1),
    CommandName.IDENTIFY: Identify(),
    CommandName.SELF_TEST: SelfTest(),
    CommandName.RESTART: Restart(),
    CommandName.SEND_LOG: SendLog(lines=10),
    CommandName.TAKE_PICTURE: TakePicture(portal=NORTH),
    CommandName.RESEND_RECORDS: ResendRecords(epoch=Epoch(7), first_seq=3),
    CommandName.FORGIVE: Forgive(credential="00000000000000a1", zone="lab"),
    CommandName.UPDATE_SOFTWARE: UpdateSoftware(version="0.2.0", until=UtcSeconds(AT + 3600)),
}
MOVES = {"open_once", "hold_open", "secure", "posture"}


def command(order: Order, **changed: Any) -> Command:
    made = Command(
        site=SiteId("hq"),
        gateway=GatewayId("gate-1"),
        id="c1",
        order=order,
        issued_at=UtcSeconds(AT),
        expires_at=UtcSeconds(AT + 30),
        by="op-1",
    )
    return replace(made, **changed)


@pytest.mark.parametrize("name", CommandName)
def test_each_command_reads_as_it_was_written(name: CommandName) -> None:
    made = command(ORDERS[name])
    assert (made.name, Command.from_body(made.to_body())) == (name, made)
    assert made.moves_a_lock == (name in MOVES)
    assert made.needs_clock == (name in MOVES | {"forgive", "update_software"})


@pytest.mark.parametrize("row", VECTORS["commands"], ids=lambda row: row["name"])
def test_commands_of_the_vectors_are_signed_and_read(row: dict[str, Any]) -> None:
    envelope = parse_envelope(bytes.fromhex(row["wire"]))
    verify_with_key(envelope, bytes.fromhex(VECTORS["command_key"]))
    assert bytes(envelope.body).hex() == row["body"]
    read = Command.from_body(envelope.body)
    said = (read.name, read.moves_a_lock, read.needs_clock)
    assert said == (row["name"], row["moves_a_lock"], row["needs_clock"])
    assert read.to_body().hex() == row["body"]


@pytest.mark.parametrize("row", VECTORS["malformed_commands"], ids=lambda row: row["why"])
def test_what_is_not_a_command_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        Command.from_body(bytes.fromhex(row["body"]))


def test_a_command_longer_than_its_bound_is_refused_unread() -> None:
    with pytest.raises(MalformedError, match="at most 2048"):
        Command.from_body(bytes(MAX_COMMAND_BYTES + 1))


def test_a_posture_may_be_without_end_but_not_end_before_it_begins() -> None:
    forever = command(SetPosture(portal=NORTH, posture=Posture.CLOSED))
    assert Command.from_body(forever.to_body()) == forever
    ended = command(SetPosture(portal=NORTH, posture=Posture.CLOSED, until=UtcSeconds(AT)))
    with pytest.raises(MalformedError, match="end lies before"):
        Command.from_body(ended.to_body())


@pytest.mark.parametrize("lines", [0, 501, -1, True, "10"])
def test_a_log_is_bounded(lines: object) -> None:
    with pytest.raises(MalformedError, match="lines"):
        parse_order("send_log", {"lines": lines})


@pytest.mark.parametrize("name", CommandName)
def test_every_argument_must_be_there_and_no_other(name: CommandName) -> None:
    arguments = arguments_of(ORDERS[name])
    assert parse_order(name.value, arguments) == ORDERS[name]
    with pytest.raises(MalformedError, match="arguments must be"):
        parse_order(name.value, {**arguments, "force": 1})
    for missing in arguments:
        rest = {each: value for each, value in arguments.items() if each != missing}
        with pytest.raises(MalformedError, match="arguments must be"):
            parse_order(name.value, rest)


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@given(st.sampled_from([*CommandName, "open_all"]) | JSON_LIKE, JSON_LIKE)
def test_any_name_with_any_arguments_is_an_order_or_malformed(name: Any, arguments: Any) -> None:
    try:
        order = parse_order(name, arguments)
    except MalformedError:
        return
    assert arguments_of(order) == arguments


@given(st.sampled_from(list(ORDERS.values())), st.data())
def test_every_changed_byte_is_refused_or_says_something_else(
    order: Order, data: st.DataObject
) -> None:
    good = command(order)
    body = bytearray(good.to_body())
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= data.draw(st.integers(1, 255))
    try:
        found = Command.from_body(bytes(body))
    except MalformedError:
        return
    assert found != good
    assert found.to_body() == bytes(body)


def test_body_is_canonical() -> None:
    body = command(OpenOnce(portal=NORTH)).to_body()
    assert canonical.encode(canonical.decode(body)) == body
    with pytest.raises(MalformedError):
        Command.from_body(body + b"\0")
