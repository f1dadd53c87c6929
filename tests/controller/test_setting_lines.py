"""Settings as people type them."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.twin import SETTABLE
from doorward_controller.domain.setting_lines import LinesError, parse_lines, written


def test_lines_remarks_and_empty_lines_are_read() -> None:
    text = '# rush hour\n\nportal.*.held_s = 2.5\n  reader.symbologies=["qr", "code128"]  \n'
    assert parse_lines(text) == {
        "portal.*.held_s": 2.5,
        "reader.symbologies": ["qr", "code128"],
    }


def test_null_takes_a_setting_back() -> None:
    assert parse_lines("health.interval_s = null") == {"health.interval_s": None}


FAULTS = {
    "no value": ("health.interval_s", [(1, "no_equals", "health.interval_s")]),
    "no such name": ("\nbroker.host = 1", [(2, "not_settable", "broker.host")]),
    "no JSON": ("reader.strategy = dual", [(1, "not_json", "dual")]),
    "nothing at all": ("reader.strategy =", [(1, "not_json", "")]),
    "no number": ("camera.front.gain = NaN", [(1, "not_json", "NaN")]),
    "a table": ('camera.front.gain = {"a": 1}', [(1, "bad_value", '{"a": 1}')]),
    "twice": (
        "camera.front.fps = 5\ncamera.front.fps = 6",
        [(2, "twice", "camera.front.fps")],
    ),
    "each line is named": (
        "a = 1\nhealth.interval_s = 30\nb",
        [(1, "not_settable", "a"), (3, "no_equals", "b")],
    ),
}


@pytest.mark.parametrize("sentence", FAULTS)
def test_each_fault_is_named_by_its_line(sentence: str) -> None:
    text, expected = FAULTS[sentence]
    with pytest.raises(LinesError) as caught:
        parse_lines(text)
    assert [(f.line, f.code, f.text) for f in caught.value.faults] == expected


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SCALARS = st.booleans() | st.integers(-(10**9), 10**9) | TEXTS
VALUES = st.none() | SCALARS | st.lists(SCALARS, max_size=3)


@given(st.dictionaries(st.sampled_from([n.replace("*", "north") for n in SETTABLE]), VALUES))
def test_what_was_written_is_read_again(settings: dict[str, Any]) -> None:
    assert parse_lines(written(settings)) == settings


@given(st.text(max_size=80))
def test_any_text_is_settings_or_faults(text: str) -> None:
    with contextlib.suppress(LinesError):
        parse_lines(text)
