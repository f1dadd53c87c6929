"""What can be set from afar, and how it lies over the installer's file."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.envelope import parse_envelope, verify_with_key
from doorward.errors import MalformedError
from doorward.ids import GatewayId, SiteId
from doorward.times import UtcSeconds
from doorward.twin import (
    MAX_DESIRED_BYTES,
    SETTABLE,
    Desired,
    Settings,
    check_settings,
    differences,
    is_settable,
    overlaid,
    parse_settings,
    settings_text,
)
from tests.kit.test_vectors import load

VECTORS = load("commands")
RAW: dict[str, Any] = {
    "reader": {"strategy": "dual"},
    "camera": [{"name": "front", "fps": 10}, {"name": "back", "fps": 10}],
    "portal": [{"id": "north", "held_s": 3.0}],
}


def desired(settings: Settings, version: int = 1) -> Desired:
    return Desired(
        site=SiteId("hq"),
        gateway=GatewayId("gate-1"),
        version=version,
        created_at=UtcSeconds(1),
        settings=settings,
    )


def test_a_configuration_reads_as_it_was_written() -> None:
    made = desired({"portal.north.held_s": 2.5, "camera.back.roi_px": [0, 0, 640, 480]})
    assert Desired.from_body(made.to_body()) == made


def test_the_configuration_of_the_vectors_is_signed_and_read() -> None:
    envelope = parse_envelope(bytes.fromhex(VECTORS["config"]["wire"]))
    verify_with_key(envelope, bytes.fromhex(VECTORS["command_key"]))
    read = Desired.from_body(envelope.body)
    assert read.settings == VECTORS["config"]["settings"]
    assert read.to_body().hex() == VECTORS["config"]["body"]


NEVER = [
    "gateway.id",
    "gateway.data_dir",
    "broker.host",
    "broker.ca_file",
    "broker.key_file",
    "trust.keyring_file",
    "trust.seal_key_file",
    "portal.north.lock_pin",
    "portal.north.id",
    "portal.north.lock.terminal",
    "portal.north.lock.pulse_ms",
    "portal.north.door.exit_button",
    "panel.port",
    "camera.front.path",
    "clock.source",
    "commands.pictures",
    "portal..held_s",
    "portal.held_s",
    "held_s",
    "",
]


@pytest.mark.parametrize("name", NEVER)
def test_what_would_take_a_gateway_over_cannot_be_set_from_afar(name: str) -> None:
    assert not is_settable(name)
    with pytest.raises(MalformedError, match="cannot be set from afar"):
        desired({name: 1}).to_body()


@pytest.mark.parametrize("pattern", SETTABLE)
def test_every_pattern_takes_its_own_names(pattern: str) -> None:
    assert is_settable(pattern.replace("*", "north"))


@pytest.mark.parametrize("value", [None, {}, [[[1]]], 2**60, {"a": 1}, "x" * 1001, "\0"])
def test_a_value_of_no_shape_is_refused(value: Any) -> None:
    with pytest.raises(MalformedError):
        check_settings({"reader.strategy": value})


@pytest.mark.parametrize(
    "text", ["", "[]", "1", '{"reader.strategy":NaN}', '{"a":1,"a":1}', "{" * 9, '{"x":"\ud800"}']
)
def test_settings_that_are_no_json_object_are_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_settings(text)


def test_a_configuration_longer_than_its_bound_is_refused_unread() -> None:
    with pytest.raises(MalformedError, match="at most"):
        Desired.from_body(bytes(MAX_DESIRED_BYTES + 1))


def test_settings_lie_over_the_rows_that_they_name_and_nothing_else_changes() -> None:
    settings: Settings = {"camera.back.fps": 5, "reader.symbologies": ["qr"]}
    tables = overlaid(RAW, settings)
    assert tables == {
        "reader": {"strategy": "dual", "symbologies": ["qr"]},
        "camera": [{"name": "front", "fps": 10}, {"name": "back", "fps": 5}],
        "portal": RAW["portal"],
    }
    assert RAW["camera"][1]["fps"] == 10


def test_a_section_that_the_file_leaves_out_is_begun() -> None:
    assert overlaid({}, {"reader.strategy": "fast"}) == {"reader": {"strategy": "fast"}}
    assert overlaid({}, {"perception.granted.en": "Come in"}) == {
        "perception": {"granted": {"en": "Come in"}}
    }
    assert overlaid(RAW, {"portal.north.door.held_after_s": 9})["portal"] == [
        {"id": "north", "held_s": 3.0, "door": {"held_after_s": 9}}
    ]


@pytest.mark.parametrize(
    "name", ["camera.side.fps", "portal.south.held_s", "portal.south.door.held_after_s"]
)
def test_a_row_that_is_not_there_is_said(name: str) -> None:
    with pytest.raises(MalformedError, match=r"there is no (camera|portal)\.(side|south).* here"):
        overlaid(RAW, {name: 1})


def test_differences_name_what_was_added_changed_and_taken_away() -> None:
    one: Settings = {"a": 1, "b": 2, "c": 3}
    assert differences(one, {"a": 1, "b": 4, "d": 5}) == ("b", "c", "d")
    assert differences(one, one) == ()


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.booleans() | NUMBERS | TEXTS


@given(
    st.dictionaries(
        st.sampled_from([name.replace("*", "north") for name in SETTABLE]),
        VALUES | st.lists(VALUES | st.lists(VALUES, max_size=2), max_size=4),
    )
)
def test_settings_survive_their_text(settings: Settings) -> None:
    assert parse_settings(settings_text(settings)) == settings


@given(st.text(max_size=60) | st.builds(json.dumps, st.dictionaries(st.text(), st.integers())))
def test_any_text_is_settings_or_malformed(text: str) -> None:
    with contextlib.suppress(MalformedError):
        check_settings(parse_settings(text))
