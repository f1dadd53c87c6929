"""How a mistake in a configuration file is put into words."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from doorward_edge.toml_places import Place, dotted, line_of, parse_place

_AT = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]*)`")


def explain(message: str, text: str, raw: dict[str, Any], schema: type) -> str:
    """Returns a library's sentence as one that names line, key, value and what is allowed.

    Args:
        message: what msgspec said.
        text: the TOML text, for line numbers.
        raw: the same, parsed.
        schema: the msgspec type of the whole file.
    """
    found = _AT.search(message)
    place = parse_place(found["place"].replace("[...]", "")) if found else ()
    said = _AT.sub("", message)
    if match := _UNKNOWN.search(said):
        key = (*place, match["name"])
        allowed = ", ".join(_fields_of(place, schema))
        return f"line {line_of(key, text)}: {dotted(key)} is not known here; known are: {allowed}"
    if match := _MISSING.search(said):
        return _missing((*place, match["name"]), text, schema)
    where = f"line {line_of(place, text)}: {dotted(place)} is {_value_at(place, raw)!r}"
    return f"{where}, {_allowed(place, said, schema)}"


def _missing(key: Place, text: str, schema: type) -> str:
    kind = _type_at(key, schema)
    if len(key) > 1:
        line = line_of(key[:-1], text)
    else:
        line = max(1, len(text.splitlines()))  # a whole table: there is room at the end
    if isinstance(kind, msgspec.inspect.EnumType):
        return f"line {line}: {dotted(key)} is missing, {_allowed(key, '', schema)}"
    return f"line {line}: {dotted(key)} is missing"


def _type_at(place: Place, schema: type) -> Any:  # noqa: ANN401  # a type of msgspec.inspect
    kind: Any = msgspec.inspect.type_info(schema)
    for part in place:
        if isinstance(part, int):
            continue
        table = next((t for t in _alternatives(kind) if _is_table(t)), None)
        if table is None:
            return None
        kind = next((f.type for f in table.fields if f.encode_name == part), None)
    return next(iter(_alternatives(kind)), kind)


def _alternatives(kind: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yields what a value may be, through lists and choices, without "left out"."""
    if isinstance(kind, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
        yield from _alternatives(kind.item_type)
    elif isinstance(kind, msgspec.inspect.UnionType):
        for one in kind.types:
            yield from _alternatives(one)
    elif kind is not None and not isinstance(kind, msgspec.inspect.NoneType):
        yield kind


def _is_table(kind: Any) -> bool:  # noqa: ANN401
    return isinstance(kind, msgspec.inspect.StructType)


def _fields_of(place: Place, schema: type) -> tuple[str, ...]:
    kind = _type_at(place, schema)
    return tuple(f.encode_name for f in kind.fields) if _is_table(kind) else ()


def _allowed(place: Place, said: str, schema: type) -> str:
    kind: Any = msgspec.inspect.type_info(schema)
    for part in (p for p in place if isinstance(p, str)):
        tables = [t for t in _alternatives(kind) if _is_table(t)]
        fields = (f for t in tables for f in t.fields if f.encode_name == part)
        kind = next((f.type for f in fields), None)
    words = [word for one in _alternatives(kind) if (word := _kind_in_words(one))]
    return f"must be {' or '.join(words)}" if words else f"wrong: {said}"


def _kind_in_words(kind: Any) -> str:  # noqa: ANN401
    match kind:
        case msgspec.inspect.EnumType():
            return "one of " + ", ".join(str(item.value) for item in kind.cls)
        case msgspec.inspect.LiteralType():
            return " or ".join(f'"{value}"' for value in kind.values)
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType() if kind.ge is not None:
            return f"a number from {kind.ge} to {kind.le}"
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return "a number"
        case msgspec.inspect.BoolType():
            return "true or false"
        case msgspec.inspect.StrType():
            return "a text"
        case msgspec.inspect.StructType():
            return "a table"
        case _:
            return ""


def _value_at(place: Place, raw: Any) -> object:  # noqa: ANN401  # what TOML holds
    value = raw
    for part in place:
        if isinstance(part, int):
            value = value[part] if isinstance(value, list) and part < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value
