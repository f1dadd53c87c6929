"""The settings of one gateway as fields of a form, made from the registry. Pure.

A field that is empty is left to the installer's file. What the registry knows nothing of, only the
gateway itself can judge: a part of a picture, say, must lie within it.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from doorward.errors import MalformedError
from doorward.settable import REGISTRY, Settable, Shape
from doorward.twin import Setting, check_settings


class FieldFault(StrEnum):
    """What is wrong with what stands in a field."""

    NOT_A_NUMBER = "not_a_number"
    NOT_WHOLE = "not_whole"
    OUT_OF_BOUNDS = "out_of_bounds"
    TOO_LONG = "too_long"
    NOT_A_CHOICE = "not_a_choice"
    NOT_A_LIST = "not_a_list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field.

    Attributes:
        name: of the setting, dotted.
        pattern: what the registry calls it.
        value: what is desired, as text; empty for the installer's file.
        chosen: of a field with several choices.
        fault: what is wrong with what was entered.
    """

    name: str
    pattern: str
    settable: Settable
    value: str = ""
    chosen: tuple[str, ...] = ()
    fault: FieldFault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Fields that belong to one thing; `name` is of a camera, portal or signal, else empty."""

    kind: str
    name: str
    fields: tuple[Field, ...]


def fields_of(
    settings: Mapping[str, Setting], *, cameras: Iterable[str], portals: Iterable[str]
) -> tuple[Group, ...]:
    """Returns every field of a gateway, filled with what is desired.

    Cameras and portals that settings name have fields, too.
    """
    names = {"camera": set(cameras), "portal": set(portals)}
    for setting in settings:
        kind, _, rest = setting.partition(".")
        if kind in names and "." in rest:
            names[kind].add(rest.split(".", 1)[0])
    groups: dict[tuple[str, str], list[Field]] = {}
    for pattern, settable in REGISTRY.items():
        kind = pattern.split(".", 1)[0]
        stands_for = settable.names or tuple(sorted(names.get(kind, ())))
        for name in stands_for if "*" in pattern else ("",):
            field = _field(pattern.replace("*", name), pattern, settable, settings)
            groups.setdefault((kind, name), []).append(field)
    return tuple(
        Group(kind=kind, name=name, fields=tuple(fields))
        for (kind, name), fields in sorted(groups.items(), key=_as_in_the_registry)
    )


def read_fields(
    groups: Sequence[Group], given: Callable[[str], Sequence[str]]
) -> tuple[dict[str, Setting], tuple[Group, ...]]:
    """Reads a form.

    Args:
        groups: the fields that the form was made of.
        given: what was entered, by the name of the setting; nothing or "" is left out.

    Returns:
        The settings, and the same groups with what was entered and what is wrong with it.
    """
    settings: dict[str, Setting] = {}
    read = []
    for group in groups:
        fields = []
        for field in group.fields:
            value, entered = _read(field, [text.strip() for text in given(field.name)])
            if value is not None:
                settings[field.name] = value
            fields.append(entered)
        read.append(Group(kind=group.kind, name=group.name, fields=tuple(fields)))
    return settings, tuple(read)


def faults_of(groups: Iterable[Group]) -> Iterator[Field]:
    """Yields the fields that are wrong."""
    return (field for group in groups for field in group.fields if field.fault is not None)


_ORDER = {
    kind: n for n, kind in enumerate(dict.fromkeys(name.split(".", 1)[0] for name in REGISTRY))
}


def _as_in_the_registry(item: tuple[tuple[str, str], list[Field]]) -> tuple[int, int]:
    (kind, name), fields = item
    names = fields[0].settable.names
    return _ORDER[kind], names.index(name) if name in names else 0


def _field(name: str, pattern: str, settable: Settable, settings: Mapping[str, Setting]) -> Field:
    value = settings.get(name)
    if settable.shape is Shape.CHOICES:
        chosen = tuple(str(item) for item in value) if isinstance(value, list) else ()
        return Field(name=name, pattern=pattern, settable=settable, chosen=chosen)
    return Field(name=name, pattern=pattern, settable=settable, value=_text(value))


def _text(value: Setting | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(field: Field, texts: Sequence[str]) -> tuple[Setting | None, Field]:
    settable = field.settable
    if settable.shape is Shape.CHOICES:
        chosen = [text for text in texts if text]
        fault = None if set(chosen) <= set(settable.choices) else FieldFault.NOT_A_CHOICE
        value: Setting | None = [*chosen] if chosen and not fault else None
        return value, _entered(field, "", tuple(chosen), fault)
    text = texts[0] if texts else ""
    if not text:
        return None, _entered(field, "", (), None)
    outcome = _READERS[settable.shape](text, settable)
    if isinstance(outcome, FieldFault):
        return None, _entered(field, text, (), outcome)
    return outcome, _entered(field, text, (), None)


def _entered(field: Field, value: str, chosen: tuple[str, ...], fault: FieldFault | None) -> Field:
    return Field(
        name=field.name,
        pattern=field.pattern,
        settable=field.settable,
        value=value,
        chosen=chosen,
        fault=fault,
    )


def _number(text: str, settable: Settable) -> Setting | FieldFault:
    if text in settable.choices:
        return text
    try:
        value = float(text)
    except ValueError:
        return FieldFault.NOT_A_NUMBER
    if not math.isfinite(value):
        return FieldFault.NOT_A_NUMBER
    if settable.shape is Shape.WHOLE and not value.is_integer():
        return FieldFault.NOT_WHOLE
    least, most = settable.least, settable.most
    if (least is not None and value < least) or (most is not None and value > most):
        return FieldFault.OUT_OF_BOUNDS
    return int(value) if settable.shape is Shape.WHOLE else value


def _words(text: str, settable: Settable) -> Setting | FieldFault:
    is_long = settable.most is not None and len(text) > settable.most
    return FieldFault.TOO_LONG if is_long else text


def _choice(text: str, settable: Settable) -> Setting | FieldFault:
    return text if text in settable.choices else FieldFault.NOT_A_CHOICE


def _list(text: str, _: Settable) -> Setting | FieldFault:
    try:
        value = json.loads(text)
        check_settings({"camera.x.roi_px": value})  # any list: only the gateway knows more
    except (ValueError, RecursionError, MalformedError):
        return FieldFault.NOT_A_LIST
    return value if isinstance(value, list) else FieldFault.NOT_A_LIST


_READERS: Mapping[Shape, Callable[[str, Settable], Setting | FieldFault]] = {
    Shape.WHOLE: _number,
    Shape.NUMBER: _number,
    Shape.TEXT: _words,
    Shape.CHOICE: _choice,
    Shape.LIST: _list,
}
