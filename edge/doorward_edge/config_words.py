"""How a mistake in a configuration file is put into words."""

import re
from typing import Any

import msgspec

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
    place = re.sub(r"\[[^\]]*\]", "", found["place"]) if found else ""
    said = _AT.sub("", message)
    if match := _UNKNOWN.search(said):
        key = ".".join(filter(None, (place, match["name"])))
        allowed = ", ".join(_fields_of(place, schema))
        return f", line {line_of(key, text)}: {key} is not known here; known are: {allowed}"
    if match := _MISSING.search(said):
        key = ".".join(filter(None, (place, match["name"])))
        return f": {key} is missing"
    where = f", line {line_of(place, text)}: {place} is {_value_at(place, raw)!r}"
    return f"{where}, {_allowed(place, said, schema)}"


def _type_at(place: str, schema: type) -> Any:  # noqa: ANN401  # a type of msgspec.inspect
    kind: Any = msgspec.inspect.type_info(schema)
    for part in filter(None, place.split(".")):
        if isinstance(kind, msgspec.inspect.ListType):
            kind = kind.item_type
        if not isinstance(kind, msgspec.inspect.StructType):
            return None
        kind = next((f.type for f in kind.fields if f.encode_name == part), None)
    return kind.item_type if isinstance(kind, msgspec.inspect.ListType) else kind


def _fields_of(place: str, schema: type) -> tuple[str, ...]:
    kind = _type_at(place, schema)
    is_table = isinstance(kind, msgspec.inspect.StructType)
    return tuple(f.encode_name for f in kind.fields) if is_table else ()


def _allowed(place: str, said: str, schema: type) -> str:
    kind = _type_at(place, schema)
    if isinstance(kind, msgspec.inspect.EnumType):
        return "must be one of " + ", ".join(str(item.value) for item in kind.cls)
    if isinstance(kind, msgspec.inspect.UnionType):
        kind = next((t for t in kind.types if isinstance(t, msgspec.inspect.IntType)), kind)
    if isinstance(kind, msgspec.inspect.IntType | msgspec.inspect.FloatType):
        return f"must be a number from {kind.ge} to {kind.le}"
    return f"wrong: {said}"


def _value_at(place: str, raw: Any) -> object:  # noqa: ANN401  # what TOML holds
    value = raw
    for part in place.split("."):
        if isinstance(value, list) and value:
            value = value[0]
        value = value.get(part) if isinstance(value, dict) else None
    return value


def line_of(key: str, text: str) -> int:
    """Returns the line on which a dotted key is set, the line of its table, or 1."""
    *tables, name = key.split(".")
    table, best = "", 1
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
            table = header[1]
            if table == key:
                return number
            best = number if table == ".".join(tables) else best
        elif table == ".".join(tables) and re.match(rf"\s*\"?{re.escape(name)}\"?\s*=", line):
            return number
    return best
