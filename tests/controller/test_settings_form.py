"""A gateway's settings as fields of a form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.settable import REGISTRY
from doorward.twin import Setting, Settings, check_settings
from doorward_controller.domain.settings_form import (
    Field,
    Group,
    faults_of,
    fields_of,
    read_fields,
)


def form(settings: Settings | None = None) -> tuple[Group, ...]:
    return fields_of(settings or {}, cameras=["front"], portals=["north", "south"])


def named(groups: tuple[Group, ...]) -> dict[str, Field]:
    return {field.name: field for group in groups for field in group.fields}


def entered(name: str, *texts: str) -> tuple[dict[str, Setting], str | None]:
    settings, groups = read_fields(form(), lambda asked: texts if asked == name else ())
    fault = named(groups)[name].fault
    assert [field.name for field in faults_of(groups)] == ([name] if fault else [])
    return settings, fault.value if fault else None


def test_every_setting_has_a_field_for_each_name_that_it_is_for() -> None:
    groups = form()
    assert {field.pattern for field in named(groups).values()} == REGISTRY.keys()
    assert {"portal.north.held_s", "portal.south.held_s"} <= named(groups).keys()
    assert [(group.kind, group.name) for group in groups][:5] == [
        ("camera", "front"),
        ("reader", ""),
        ("portal", "north"),
        ("portal", "south"),
        ("perception", "idle"),
    ]


def test_what_is_desired_of_a_camera_that_is_not_known_has_its_fields_too() -> None:
    groups = form({"camera.side.fps": 5, "portal.gone.held_s": 2.0})
    assert named(groups)["camera.side.fps"].value == "5"
    assert named(groups)["portal.gone.held_s"].value == "2.0"
    assert named(groups)["camera.front.fps"].value == ""


ENTERED: dict[str, tuple[str, tuple[str, ...], Setting | None, str | None]] = {
    "nothing": ("camera.front.fps", ("",), None, None),
    "a whole number": ("camera.front.fps", (" 8 ",), 8, None),
    "the least": ("camera.front.fps", ("1",), 1, None),
    "less than the least": ("camera.front.fps", ("0",), None, "out_of_bounds"),
    "more than the most": ("portal.north.held_s", ("60.5",), None, "out_of_bounds"),
    "half a picture": ("camera.front.fps", ("7.5",), None, "not_whole"),
    "words": ("camera.front.fps", ("many",), None, "not_a_number"),
    "not a number at all": ("camera.front.gain", ("nan",), None, "not_a_number"),
    "a number": ("portal.north.held_s", ("2.5",), 2.5, None),
    "a word for a number": ("camera.front.focus", ("auto",), "auto", None),
    "another word for it": ("camera.front.focus", ("near",), None, "not_a_number"),
    "a choice": ("reader.strategy", ("zxing",), "zxing", None),
    "no choice": ("reader.strategy", ("eyes",), None, "not_a_choice"),
    "some choices": ("reader.symbologies", ("qr", "itf"), ["qr", "itf"], None),
    "one that is none": ("reader.symbologies", ("qr", "runes"), None, "not_a_choice"),
    "a text": ("perception.granted.zh", ("请进",), "请进", None),
    "a text too long": ("perception.granted.zh", ("请" * 13,), None, "too_long"),
    "a list": ("camera.front.roi_px", ("[0, 0, 640, 480]",), [0, 0, 640, 480], None),
    "no list": ("camera.front.roi_px", ("0, 0",), None, "not_a_list"),
    "not even JSON of a list": ("camera.front.roi_px", ('{"a": 1}',), None, "not_a_list"),
    "deeper than any list": ("perception.idle.tones", ("[" * 2000,), None, "not_a_list"),
}


@pytest.mark.parametrize("sentence", ENTERED)
def test_what_is_entered_is_read_or_named(sentence: str) -> None:
    name, texts, value, fault = ENTERED[sentence]
    assert entered(name, *texts) == ({} if value is None else {name: value}, fault)


@given(st.data())
def test_a_form_sent_back_unchanged_changes_nothing(data: st.DataObject) -> None:
    good: dict[str, st.SearchStrategy[Setting]] = {
        "camera.front.fps": st.integers(1, 60),
        "camera.front.gain": st.floats(1, 64),
        "camera.front.roi_px": st.lists(st.integers(0, 400), max_size=4),
        "reader.strategy": st.sampled_from(["dual", "zxing"]),
        "reader.symbologies": st.lists(
            st.sampled_from(["qr", "itf"]), min_size=1, max_size=2, unique=True
        ),
        "portal.north.held_s": st.floats(0.5, 60),
    }
    settings = data.draw(st.fixed_dictionaries({}, optional=good))
    check_settings(settings)
    fields = named(form(settings))
    again, groups = read_fields(
        form(settings), lambda name: fields[name].chosen or (fields[name].value,)
    )
    assert again == settings
    assert not list(faults_of(groups))
