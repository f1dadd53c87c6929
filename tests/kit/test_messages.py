"""JSON bodies of gateways: any bytes parse or are refused, newer keys are ignored."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.errors import MalformedError
from doorward.messages import Birth, Health, Reported, State

KINDS: dict[str, type[State | Birth | Reported | Health]] = {
    "state": State,
    "birth": Birth,
    "reported": Reported,
    "health": Health,
}
LATER = {("reported", "on_trial"), ("reported", "staff")}
"""Keys that gateways of before do not know; without a list of guards `staff` is null."""
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "messages.json").read_text())


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(
    wire=st.binary(max_size=80)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_bytes_are_refused_or_read(kind: str, wire: bytes) -> None:
    with pytest.raises(MalformedError):
        KINDS[kind].from_wire(wire)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_message_without_one_of_its_keys_is_refused_and_names_it(kind: str) -> None:
    whole: dict[str, Any] = json.loads(VECTORS[kind])
    for name in {each for each in whole if (kind, each) not in LATER}:
        less = {key: value for key, value in whole.items() if key != name}
        with pytest.raises(MalformedError, match=name):
            KINDS[kind].from_wire(json.dumps(less).encode())


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("wrong", [None, -1, 1.5, "x\0", ["\ud800"], {"a": "\ud800"}, [[]]])
def test_a_key_of_another_type_is_refused(kind: str, wrong: object) -> None:
    whole: dict[str, Any] = json.loads(VECTORS[kind])
    for name in whole.keys() - ({"staff"} if wrong is None else {}):
        with pytest.raises(MalformedError):
            KINDS[kind].from_wire(json.dumps(whole | {name: wrong}).encode())


def test_a_gateway_of_before_tells_neither_of_a_trial_nor_of_guards() -> None:
    whole = json.loads(VECTORS["reported"])
    before = json.dumps({name: whole[name] for name in whole if ("reported", name) not in LATER})
    read = Reported.from_wire(before.encode())
    assert (read.on_trial, read.staff, read.tells_staff) == (None, None, False)
    assert json.loads(read.to_wire()) == json.loads(before)
    without_pages = Reported.from_wire(json.dumps(whole | {"staff": None}).encode())
    assert (without_pages.staff, without_pages.tells_staff) == (None, True)
    assert json.loads(without_pages.to_wire())["staff"] is None


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_keys_of_a_newer_gateway_are_ignored(kind: str) -> None:
    whole = json.loads(VECTORS[kind]) | {"mood": "sunny"}
    assert KINDS[kind].from_wire(json.dumps(whole).encode()).to_wire().decode() == VECTORS[kind]


@pytest.mark.parametrize(
    "text",
    [
        '{"online":true,"boot_id":"b007b007b007b007","session":NaN,"at":1}',
        '{"online":true,"online":false,"boot_id":"b007b007b007b007","session":1,"at":1}',
        "[" * 100_000,
        '{"a":' * 5_000,
        '"' + "x" * 70_000 + '"',
    ],
)
def test_json_that_readers_would_disagree_on_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        State.from_wire(text.encode())
